#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""deliver - while Postern enforces, mail that it has nothing against arrives as it was sent

Usage: deliver.py BUILD_DIR [CASE...]     (default: all)   exit code 77: something that is needed is missing

Postfix to Postfix, over both families in each case. What arrives has the digest it left with; nothing is held, reset or
dropped for what it is.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cases import Cases  # noqa: E402
from hold import start  # noqa: E402
from observe import FAMILIES, LOCKSTEP, check_stored, expect, message  # noqa: E402
from rig import Rig  # noqa: E402

NEVER = 'holds', 'fallbacks', 'resets', 'drop_checksum', 'drop_flags', 'drop_stray', 'drop_different', 'drop_window', \
    'drop_no_room', 'drop_acknowledgment', 'drop_killed'
case = Cases(__file__)


def deliver(octets=(500, 200000), server=None, opaque=False, **client):
    with Rig(case.build) as rig:
        postern = start(rig)
        rig.server_postfix(**(server or {}))
        postern.start_watch()
        wanted = []
        for role, family in FAMILIES.items():
            pf = rig.client_postfix(role, **family, **client)
            for i, size in enumerate(octets):
                to = '%s%d@army.mil' % (role, i)
                pf.send('jane@example.com', [to], message(to, size, i))
                wanted.append(to)
        check_stored(rig, wanted)
        counters = postern.stop_watch()
        expect(all(counters[name] == 0 for name in NEVER), repr(counters))
        expect(counters['flows'] >= 2 and (counters['flows_opaque'] == counters['flows']) == opaque, repr(counters))
        expect(postern.alerts() == [], 'there are alerts')
        postern.stop()
        return '%d frames, %d snapshots' % (counters['rx_packets'], counters['snapshots'])


@case
def pipelining():
    return deliver()


@case
def lockstep():
    return deliver(server=LOCKSTEP)


@case
def starttls():
    return deliver(server={'smtpd_tls_security_level': 'may'}, opaque=True, smtp_tls_security_level='encrypt')


@case
def large():
    return deliver([20 << 20])


@case
def large_lockstep_starttls():
    """Both once more, with what the small ones have."""
    for server, client in (LOCKSTEP, {}), (
            {'smtpd_tls_security_level': 'may'}, {'smtp_tls_security_level': 'encrypt'}):
        deliver([20 << 20], server, opaque=bool(client), **client)


if __name__ == '__main__':
    case.main(sys.argv)
