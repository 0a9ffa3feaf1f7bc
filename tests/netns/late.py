#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""late - verdicts that come late, from another process, never, or when nobody waits for them any more

Usage: late.py BUILD_DIR [CASE...]        (default: all)   exit code 77: something that is needed is missing

ctrl is stopped (SIGSTOP) or killed while recipients are held. What counts is what the kernels say afterwards, what was
recorded on the server's side of the wire, and what the records tell.
"""
import os
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cases import Cases  # noqa: E402
from hold import expect_closed, is_reset, outcomes, records, sockets, start, to_server, until_rcpt  # noqa: E402
from observe import expect, rig_net  # noqa: E402
from rig import LIMIT, Raw, Rig, run, wait_until  # noqa: E402

HOLDS_FLOW, HOLDS_ALL = 64, 4096
case = Cases(__file__)


class Stopped:
    """ctrl does not run."""

    def __init__(self, postern):
        self.pid = postern.child('postern-ctrl')

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGCONT)


def ctrl_stopped(mode):
    with Rig(case.build) as rig:
        postern = start(rig, fallback=mode, hold_limit_ms=300)
        rig.server_postfix()
        postern.start_watch()
        with Stopped(postern):
            smtp = until_rcpt(rig)
            if mode == 'closed':
                expect(is_reset(smtp), 'the connection was not reset')
                expect_closed(rig)
            else:
                expect(smtp.reply() == 250, 'the recipient did not pass')
                smtp.quit()
        alert, update = outcomes(postern, 1)[0]
        expect(update['postern']['verdict_by'] in ('fallback:ctrl_gone', 'fallback:ctrl_slow'), repr(update))
        expect(update['postern']['outcome'] == ('closed' if mode == 'closed' else 'passed'), repr(update))
        expect(300000 <= update['postern']['hold_us'], repr(update))
        # The late verdict changes nothing.
        wait_until('the late verdict', lambda: records(postern)[0][0]['postern']['verdict'] == 'reset')
        counters = postern.stop_watch()
        expect(counters['fallbacks'] == 1, repr(counters))
        postern.stop()
        return update['postern']['verdict_by']


@case
def ctrl_stopped_closed():
    return ctrl_stopped('closed')


@case
def ctrl_stopped_open():
    return ctrl_stopped('open')


def held(postern, nb):
    """Once @nb recipients wait in all."""
    wait_until('%d held' % nb, lambda: postern.counters()['holds'] == nb)


def give_up(smtp):
    """RST, not FIN."""
    smtp.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    smtp.file.close()
    smtp.sock.close()


def dropped_as_old(ns):
    """Segments that a kernel found older than others it has had (RFC 7323 §5)."""
    head, values = [x.split()[1:] for x in run(*ns.command('cat', '/proc/net/netstat')).splitlines() if x.startswith('TcpExt:')]
    return int(values[head.index('PAWSEstab')])


def late_by(seconds):
    """The client retransmits, nothing leaks, and the verdict is carried out all the same."""
    for verdict in 'reset', 'alert':
        with Rig(case.build) as rig:
            postern = start(rig, verdict)
            rig.server_postfix()
            postern.start_watch()
            dump = rig.dump('server', 'in')
            with Stopped(postern):
                smtp = until_rcpt(rig)
                held(postern, 1)
                time.sleep(seconds)
                expect(len(sockets(rig.client)) == 1, 'the client has given up')
            if verdict == 'reset':
                expect(is_reset(smtp), 'the connection was not reset')
                expect_closed(rig)
                expect(not any(b'RCPT' in p[4] for p in to_server(dump)), 'octets of the line reached the server')
            else:
                expect(smtp.reply() == 250, 'the recipient did not pass')
                smtp.quit()
                expect(dropped_as_old(rig.server) == 0, 'the server found what was released old')
            (_, update), = outcomes(postern, 1)
            expect(update['postern']['hold_us'] >= seconds * 1000000 and 'verdict_by' not in update['postern'] and
                   update['postern']['outcome'] == ('closed' if verdict == 'reset' else 'passed'), repr(update))
            counters = postern.stop_watch()
            expect(counters['verdicts'] == counters['holds_ended'] == 1 and counters['fallbacks'] == 0, repr(counters))
            postern.stop()


@case
def by_50_ms():
    late_by(0.05)


@case
def by_5_s():
    late_by(5)


@case
def ctrl_killed():
    """ctrl dies while recipients are held, and so does its successor; the third decides all of them, each once."""
    with Rig(case.build) as rig:
        postern = start(rig)
        rig.server_postfix()
        postern.start_watch()
        waiting = []
        for i in range(2):
            pid = postern.child('postern-ctrl')
            os.kill(pid, signal.SIGSTOP)
            waiting += [until_rcpt(rig, to='gen%d@army.ml' % k) for k in range(4 * i, 4 * i + 4)]
            # What waited for the one before was decided by this one.
            held(postern, len(waiting))
            os.kill(pid, signal.SIGKILL)
            wait_until('another ctrl', lambda: another_ctrl(postern, pid))
        expect(all(is_reset(smtp) for smtp in waiting), 'a connection was not reset')
        expect_closed(rig)
        got = outcomes(postern, 8)
        expect(sorted(a['email']['to']['address'] for a, _ in got) == ['gen%d@army.ml' % k for k in range(8)], repr(got))
        expect(all(u['postern']['outcome'] == 'closed' and 'verdict_by' not in u['postern'] for _, u in got), repr(got))
        postern.stop_watch()
        postern.stop()


def another_ctrl(postern, pid):
    try:
        return postern.child('postern-ctrl') != pid
    except RuntimeError:
        return False


@case
def client_gives_up():
    """The client resets while its recipient is held: whatever ctrl says then, the server hears of the end."""
    for verdict in 'reset', 'alert':
        with Rig(case.build) as rig:
            postern = start(rig, verdict)
            rig.server_postfix()
            postern.start_watch()
            with Stopped(postern):
                smtp = until_rcpt(rig)
                held(postern, 1)
                give_up(smtp)
                wait_until('the client has closed', lambda: sockets(rig.client) == [])
            expect_closed(rig)
            postern.stop_watch()
            # What is told of a connection that ended by RST comes when late segments no longer do, or at the end.
            postern.stop()
            (_, update), = outcomes(postern, 1)
            expect(update['postern']['outcome'] == ('closed' if verdict == 'reset' else 'passed'), repr(update))


@case
def limit_of_a_connection():
    """One recipient more than may wait: it is decided without ctrl, and the connection with it."""
    for mode in 'closed', 'open':
        with Rig(case.build) as rig:
            postern = start(rig, 'reset' if mode == 'closed' else 'alert', fallback=mode)
            rig.server_postfix()
            postern.start_watch()
            dump = rig.dump('server', 'in')
            with Stopped(postern):
                smtp = Raw(rig_net(rig))
                smtp.say('EHLO gw')
                smtp.say('MAIL FROM:<jane@example.com>')
                lines = [b'RCPT TO:<gen%02d@army.ml>\r\n' % i for i in range(HOLDS_FLOW + 1)]
                # At once: a client that has had to send again says nothing new before that is acknowledged.
                smtp.sock.sendall(b''.join(lines))
                if mode == 'closed':
                    expect(is_reset(smtp), 'the connection was not reset')
                    expect_closed(rig)
                else:
                    wait_until('the last', lambda: postern.counters()['fallbacks'] == 1)
            if mode == 'open':
                expect([smtp.reply() for _ in lines] == [250] * len(lines), 'a recipient did not pass')
                smtp.quit()
            got = outcomes(postern, len(lines))
            said = [u['postern'].get('verdict_by') for _, u in got]
            expect(len(got) == len(lines) and said.count('fallback:memory') == 1, repr(said))
            if mode == 'closed':
                expect(not any(b'RCPT' in p[4] for p in to_server(dump)), 'octets of a line reached the server')
            counters = postern.stop_watch()
            expect(counters['holds'] == counters['holds_ended'] == HOLDS_FLOW and counters['holds_refused'] == 1, repr(counters))
            postern.stop()


@case
def limit_of_all():
    """Connections until no more recipients may wait: those beyond are reset at once, the others when ctrl is back."""
    with Rig(case.build) as rig:
        postern = start(rig)
        rig.server_postfix()
        postern.start_watch()
        dump = rig.dump('server', 'in')
        lines, waiting = [b'RCPT TO:<gen%04d@army.ml>\r\n' % i for i in range(HOLDS_ALL + 1)], []
        with Stopped(postern):
            for first in range(0, len(lines), HOLDS_FLOW):
                smtp = Raw(rig_net(rig))
                smtp.say('EHLO gw')
                smtp.say('MAIL FROM:<jane@example.com>')
                smtp.sock.sendall(b''.join(lines[first:first + HOLDS_FLOW]))
                waiting.append(smtp)
                held(postern, min(len(waiting) * HOLDS_FLOW, HOLDS_ALL))
            expect(is_reset(waiting.pop()), 'what went beyond the limit was not reset')
            expect(len(sockets(rig.server)) >= len(waiting), 'others were, too')
        expect(all(is_reset(smtp) for smtp in waiting), 'a connection was not reset')
        expect_closed(rig)
        got = outcomes(postern, len(lines))
        told = sorted(a['email']['to']['address'] for a, _ in got)
        expect(told == ['gen%04d@army.ml' % i for i in range(len(lines))], 'not each once')
        said = [u['postern'].get('verdict_by') for _, u in got]
        counters = postern.stop_watch()
        expect(said.count('fallback:memory') == counters['holds_refused'] == 1, repr((set(said), counters)))
        expect(counters['holds'] == counters['holds_ended'] == HOLDS_ALL, repr(counters))
        expect(not any(b'RCPT' in p[4] for p in to_server(dump)), 'octets of a line reached the server')
        postern.stop()


if __name__ == '__main__':
    case.main(sys.argv)
