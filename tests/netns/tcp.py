#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""tcp - verdicts on connections whose TCP is not the usual one, between real kernels

Usage: tcp.py BUILD_DIR [CASE...]         (default: all)   exit code 77: something that is needed is missing

Timestamps, SACK and window scaling are switched off one by one, on wires that lose segments; sequence numbers pass 2^32 in
each part of a session.
"""
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cases import Cases  # noqa: E402
from hold import expect_closed, is_reset, outcomes, start, tcp_payload  # noqa: E402
from loss import impatient, streams, wires  # noqa: E402
from observe import Entered, check_stored, expect, message  # noqa: E402
from rig import LIMIT, SERVER, SERVER6, Raw, Rig, run  # noqa: E402

SYN = 2
HEAD = b'EHLO gw\r\n', b'MAIL FROM:<jane@example.com>\r\n'
LINE = b'RCPT TO:<gen@army.ml>\r\n'
case = Cases(__file__)


class Session(Raw):
    """A raw client whose first sequence number is @isn (None: the kernel's choice)."""
    TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ, SEND_QUEUE = 19, 20, 21, 2

    def __init__(self, rig, addr=SERVER, isn=None):
        with Entered(rig.client.name):
            self.sock = socket.socket(socket.AF_INET6 if ':' in addr else socket.AF_INET)
        self.sock.settimeout(LIMIT)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if isn is not None:
            # A number that was set in repair mode is not chosen anew by connect().
            for name, value in (self.TCP_REPAIR, 1), (self.TCP_REPAIR_QUEUE, self.SEND_QUEUE), (self.TCP_QUEUE_SEQ, isn), (
                    self.TCP_REPAIR, 0):
                self.sock.setsockopt(socket.IPPROTO_TCP, name, struct.pack('=I', value))
        self.sock.connect((addr, 25))
        self.port = self.sock.getsockname()[1]
        self.file = self.sock.makefile('rb')
        self.heard = [self.reply()]

    def mail(self, line, body):
        """True: delivered; False: reset at the recipient."""
        for command in HEAD:
            self.octets(command, 1)
        self.sock.sendall(line)
        if is_reset(self):
            return False
        self.say('DATA')
        self.octets(body.encode().replace(b'\n', b'\r\n').replace(b'\r\n.', b'\r\n..') + b'.\r\n', 1)
        self.quit()
        expect(self.heard == [220, 250, 250, 354, 250, 221], 'the server answered %r' % self.heard)
        return True


def syns(dump):
    """Of each connection, by the client's port: its first sequence number, and the kinds of options of its two SYNs."""
    isn, kinds = {}, {}
    for _, frame in dump.stop():
        segment = tcp_payload(frame)
        if segment is None or not segment[3] & SYN:
            continue
        port = segment[0] if segment[1] == 25 else segment[1]
        if segment[1] == 25:
            isn[port] = segment[2]
        tcp = 34 if frame[12:14] == b'\x08\x00' else 54
        options, found = frame[tcp + 20:tcp + (frame[tcp + 12] >> 4) * 4], kinds.setdefault(port, set())
        while options and options[0] != 0:
            found.add(options[0])
            options = options[1:] if options[0] == 1 else options[options[1]:]
    return isn, kinds


def check_outcomes(postern, nb, outcome):
    told = outcomes(postern, nb)
    said = [u['postern']['outcome'] for _, u in told]
    expect(said == [outcome] * nb, repr(said))


OPTIONS = {'tcp_timestamps': 8, 'tcp_sack': 4, 'tcp_window_scaling': 3}


def option_off(verdict):
    with Rig(case.build, impair=wires(4)) as rig:
        impatient(rig)
        postern = start(rig, verdict)
        rig.server_postfix()
        postern.start_watch()
        before, beyond = rig.dump('client'), rig.dump('beyond_b', 'in')
        wanted, sessions = [], []
        for off in OPTIONS:
            for ns in rig.client, rig.server:
                for name in OPTIONS:
                    run(*ns.command('sysctl', '-q', 'net.ipv4.%s=%d' % (name, name != off)))
            for addr in SERVER, SERVER6:
                s = Session(rig, addr)
                sessions.append((s.port, off))
                to = '%s@army.ml' % off
                arrives = s.mail(b'RCPT TO:<%s>\r\n' % to.encode(), message(to, 300000, len(sessions)))
                expect(arrives == (verdict == 'alert'), '%s off: %s' % (off, 'delivered' if arrives else 'reset'))
                wanted += [to] * arrives
        check_stored(rig, wanted)
        expect_closed(rig)
        _, kinds = syns(before)
        for port, off in sessions:
            expect(set(OPTIONS.values()) & kinds[port] == set(OPTIONS.values()) - {OPTIONS[off]},
                   '%s off: %r' % (off, kinds[port]))
        sent = streams(beyond)
        told = outcomes(postern, len(sessions))
        said = {u['postern']['outcome'] for _, u in told}
        if verdict == 'alert':
            expect(said == {'passed'}, repr(said))
        else:
            expect(said <= {'closed', 'not_confirmed'}, repr(said))
            expect(all(sent[port] == b''.join(HEAD) for port, _ in sessions), repr(sent))
        postern.stop_watch()
        postern.stop()


@case
def options_reset():
    return option_off('reset')


@case
def options_alert():
    return option_off('alert')


def wrap(verdict):
    """The number after 2^32 - 1 stands in each place in turn: SYN, commands, around and in the line, body."""
    before = len(b''.join(HEAD))
    places = [0, 1, 5, before - 3, before, before + 1, before + 10, before + len(LINE) - 1, before + len(LINE),
              before + len(LINE) + 6, before + len(LINE) + 5000]
    with Rig(case.build) as rig:
        postern = start(rig, verdict)
        rig.server_postfix()
        postern.start_watch()
        dump, beyond = rig.dump('client'), rig.dump('server', 'in')
        wanted, ports = [], {}
        for i, place in enumerate(places):
            for addr in SERVER, SERVER6:
                isn = (1 << 32) - 1 - place
                s = Session(rig, addr, isn)
                ports[s.port] = isn
                arrives = s.mail(LINE, message('gen@army.ml', 20000, i))
                expect(arrives == (verdict == 'alert'), 'at %d: %s' % (place, 'delivered' if arrives else 'reset'))
                wanted += ['gen@army.ml'] * arrives
        check_stored(rig, wanted)
        expect_closed(rig)
        isn, _ = syns(dump)
        expect(isn == ports, 'the connections began at %r, not %r' % (isn, ports))
        check_outcomes(postern, len(ports), 'passed' if verdict == 'alert' else 'closed')
        sent = streams(beyond)
        if verdict == 'reset':
            expect(all(sent[port] == b''.join(HEAD) for port in ports), repr(sent))
        postern.stop_watch()
        postern.stop()
        return '%d connections' % len(ports)


@case
def wrap_reset():
    return wrap('reset')


@case
def wrap_alert():
    return wrap('alert')


if __name__ == '__main__':
    case.main(sys.argv)
