#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""wire - the life of the wire: what survives a crash, maintenance, overload, a bypass NIC's program, resets from a tap

Usage: wire.py BUILD_DIR [CASE...]        (default: all)   exit code 77: something that is needed is missing

Every case starts a rig of its own (rig.py). What counts is what the kernels and mail servers say afterwards, recordings of the
wire, and counters.
"""
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cases import Cases  # noqa: E402
from hold import Forger, expect_closed, is_reset, outcomes, start, tcp_payload, to_server, until_rcpt  # noqa: E402
from observe import expect, rig_net  # noqa: E402
from rig import LIMIT, Raw, Rig, wait_until  # noqa: E402

case = Cases(__file__)


def kill_dataplane(postern):
    """SIGKILL; back when the next one inspects."""
    pid = postern.dataplane()
    os.kill(pid, signal.SIGKILL)
    postern.wait_for('the wire was down for', postern.said().count('the wire was down for') + 1)


@case
def severed_outlives_dataplane():
    """A connection is reset, the dataplane dies: of what is then sent on it, nothing reaches the server."""
    for workers in 1, 2:
        with Rig(case.build) as rig:
            postern = start(rig, workers=workers)
            rig.server_postfix()
            forgers = []
            for _ in range(4):
                smtp = Raw(rig_net(rig))
                smtp.say('EHLO gw')
                smtp.say('MAIL FROM:<jane@example.com>')
                forgers.append(Forger(rig, smtp))
                smtp.sock.sendall(b'RCPT TO:<gen@army.ml>\r\n')
                expect(is_reset(smtp), 'the connection was not reset')
            expect_closed(rig)
            kill_dataplane(postern)
            postern.start_watch()
            to, back = rig.dump('server', 'in'), rig.dump('client', 'in')
            # Innocent octets of the same connections, as if nothing had happened: in order, and further on.
            for c in forgers:
                c.send(0, b'RSET\r\n')
                c.send(6, b'MAIL FROM:<jane@example.com>\r\n')
            wait_until('all are dropped', lambda: count(postern, 'drop_killed') >= 8)
            leaked = [p for p in to_server(to) if p[0] in [c.sport for c in forgers]]
            expect(leaked == [], 'went on: %r' % leaked)
            resets = [p for p in (tcp_payload(x) for _, x in back.stop()) if p is not None and p[3] & 4]
            expect({p[1] for p in resets} == {c.sport for c in forgers}, 'not answered: %r' % resets)
            counters = postern.stop_watch()
            expect(counters['severed_restored'] == 4 and counters['flows_midstream'] == 0, repr(counters))
            # Another connection of the same ends is not among them.
            smtp = until_rcpt(rig, to='gen@army.mil')
            expect(smtp.reply() == 250, 'a new connection does not go through')
            smtp.quit()
            postern.stop()


def count(postern, name):
    """A counter, as `postern status` has it."""
    return status(postern)['total']['counters'][name]


def status(postern):
    return json.loads(ask(postern, 'status', '--json'))


def ask(postern, *args, code=0):
    p = subprocess.run([postern.rig.postern, *args, '--state', postern.dir + '/state'], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=LIMIT)
    expect(p.returncode == code, 'postern %s: %d\n%s%s' % (' '.join(args), p.returncode, p.stdout, p.stderr))
    return p.stdout + p.stderr


if __name__ == '__main__':
    case.main(sys.argv)
