#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""hold - verdicts carried out between real mail servers and real kernels

Usage: hold.py BUILD_DIR [CASE...]        (default: all)   exit code 77: something that is needed is missing

Every case starts a rig of its own (rig.py). What counts is what the kernels and mail servers say afterwards: sockets (ss),
Postfix's log, what was delivered, and a recording of the server's side of the wire, in which no octet of a refused RCPT line
may stand.
"""
import json
import os
import re
import socket
import struct
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig as rigs  # noqa: E402
from cases import Cases  # noqa: E402
from observe import (  # noqa: E402
    FAMILIES, LOCKSTEP, check_stored, expect, expect_all_work, message, ping, rig_net)
from rig import CLIENT, LIMIT, SERVER, SERVER6, Raw, Rig, run, wait_until  # noqa: E402

case = Cases(__file__)


def rules(rig, verdict):
    """The shipped rules with another verdict."""
    with open(os.path.join(rigs.TOP, 'rules/mil.yaml')) as f:
        text = f.read()
    expect('  verdict: refuse\n' in text, 'mil.yaml is not as this test knows it')
    path = '%s/%s.yaml' % (rig.tmp, verdict)
    with open(path, 'w') as f:
        f.write(text.replace('  verdict: refuse\n', '  verdict: %s\n' % verdict))
    return path


def start(rig, verdict='reset', idle='sleep', **config):
    """Enforcing; nothing is decided by a limit of time, unless @config has one."""
    base = {'enforce': True, 'rules': rules(rig, verdict), 'hold_limit_ms': LIMIT * 1000}
    return rig.start(dict(base, **config), idle=idle)


def records(postern):
    """All records, by event id: (alert, update or None)."""
    try:
        with open(postern.alerts_path) as f:
            lines = [json.loads(x) for x in f]
    except FileNotFoundError:
        lines = []
    out = {}
    for r in lines:
        if 'rule' in r:
            out[r['event']['id']] = [r, None]
    for r in lines:
        if 'leak' in r.get('postern', {}) and r['event']['id'] in out:
            out[r['event']['id']][1] = r
    return list(out.values())


def outcomes(postern, nb):
    """Alerts with their updates, once @nb of them have one. An update comes at the latest after 60 s."""
    wait_until('%d updates' % nb, lambda: sum(u is not None for _, u in records(postern)) >= nb, 2 * LIMIT)
    return records(postern)


def sockets(ns):
    """TCP sockets of mail in a namespace that are not closed."""
    text = run(*ns.command('ss', '-H', '-tan', '( sport = :25 or dport = :25 )'))
    return [line for line in text.splitlines() if not re.match(r'(LISTEN|TIME-WAIT)', line)]


def tcp_payload(octets):
    """(source port, destination port, sequence number, flags, payload) of an Ethernet frame, or None."""
    if octets[12:14] == b'\x08\x00':
        if octets[23] != 6:
            return None
        ip, end = 14 + (octets[14] & 15) * 4, 14 + struct.unpack_from('!H', octets, 16)[0]
    elif octets[12:14] == b'\x86\xdd':
        if octets[20] != 6:
            return None
        ip, end = 54, 54 + struct.unpack_from('!H', octets, 18)[0]
    else:
        return None
    src, dst, seq = struct.unpack_from('!HHI', octets, ip)
    return src, dst, seq, octets[ip + 13], octets[ip + (octets[ip + 12] >> 4) * 4:end]


def to_server(dump):
    """Everything that reached the server's device as TCP payload for port 25, one segment after the other."""
    got = [tcp_payload(octets) for _, octets in dump.stop()]
    return [p for p in got if p is not None and p[1] == 25]


def expect_closed(rig):
    wait_until('both kernels have closed', lambda: sockets(rig.client) == [] and sockets(rig.server) == [])


def reset_mail(server=None, client=None, lockstep=False):
    with Rig(case.build) as rig:
        postern = start(rig)
        rig.server_postfix(**(server or {}))
        postern.start_watch()
        dump = rig.dump('server', 'in')
        pf = rig.client_postfix(**(client or {}))
        pf.send('jane@example.com', ['gen@army.ml'], message('gen@army.ml', 500, 1))
        pf.wait(r'to=<gen@army\.ml>.*status=deferred \(lost connection', 1)
        expect_closed(rig)
        (alert, update), = outcomes(postern, 1)[:1]
        segments = to_server(dump)
        expect(len(segments) > 3, 'nothing was recorded')
        expect(not any(b'army.ml' in p[4] or b'RCPT' in p[4].upper() for p in segments), 'octets of the line reached the server')
        expect(any(p[3] & 4 for p in segments), 'the server got no RST')
        expect(alert['postern']['enforced'] is True and alert['postern']['verdict'] == 'reset', repr(alert))
        expect(update['postern']['outcome'] == 'closed' and update['postern']['close']['confirmed'] is True, repr(update))
        expect(update['postern']['leak'] == {'command_octets': 0, 'reply': None, 'data_begun': False}, repr(update))
        check_stored(rig, [])
        # Mail to the right domain goes through all the same.
        pf.send('jane@example.com', ['gen@army.mil'], message('gen@army.mil', 500, 2))
        check_stored(rig, ['gen@army.mil'])
        counters = postern.stop_watch()
        expect(counters['resets'] == counters['resets_confirmed'] >= 1, repr(counters))
        postern.stop()
        return 'held %d us, closed after %d us' % (update['postern']['hold_us'], update['postern']['close']['us'])


@case
def reset_pipelining():
    return reset_mail()


@case
def reset_lockstep():
    return reset_mail(server=LOCKSTEP)


@case
def reset_ipv6():
    return reset_mail(client=FAMILIES['six'])


@case
def refuse_becomes_reset():
    """Without a responder, what must not pass is cut off, and the update says why."""
    with Rig(case.build) as rig:
        postern = start(rig, 'refuse')
        rig.server_postfix()
        pf = rig.client_postfix()
        pf.send('jane@example.com', ['gen@army.ml'], message('gen@army.ml', 500, 1))
        pf.wait(r'to=<gen@army\.ml>.*status=deferred \(lost connection', 1)
        alert, update = outcomes(postern, 1)[0]
        expect(alert['postern']['verdict'] == 'refuse' and update['postern']['verdict'] == 'reset' and
               update['postern']['verdict_by'] == 'fallback:no_responder', repr((alert, update)))
        postern.stop()


@case
def alert_passes():
    """Held, decided, and let go on: delivered as it was sent; 20 MB and many recipients, too."""
    with Rig(case.build) as rig:
        postern = start(rig, 'alert')
        rig.server_postfix()
        postern.start_watch()
        to = ['gen@army.ml', 'ok@army.mil']
        pf = rig.client_postfix()
        for i, one in enumerate(to):
            pf.send('jane@example.com', [one], message(one, 2000, i))
        pf.send('jane@example.com', ['big@army.ml'], message('big@army.ml', 20 << 20, 9))
        many = ['u%02d@army.ml' % i for i in range(40)]
        pf.send('jane@example.com', many, message('many', 3000, 5))
        check_stored(rig, to + ['big@army.ml'] + many)
        got = outcomes(postern, 42)
        expect(len(got) == 42, '%d alerts' % len(got))
        for alert, update in got:
            expect(alert['postern']['enforced'] is True and update['postern']['outcome'] == 'passed' and
                   'verdict_by' not in update['postern'], repr((alert, update)))
        counters = postern.stop_watch()
        expect(counters['holds'] == counters['holds_ended'] == 42, repr(counters))
        postern.stop()
        holds = sorted(u['postern']['hold_us'] for _, u in got)
        return 'held %d us (median of %d)' % (holds[len(holds) // 2], len(holds))


def until_rcpt(rig, addr=SERVER, to='gen@army.ml'):
    """A session whose RCPT is on its way."""
    smtp = Raw(rig_net(rig), addr)
    smtp.say('EHLO gw')
    smtp.say('MAIL FROM:<jane@example.com>')
    smtp.sock.sendall(b'RCPT TO:<%s>\r\n' % to.encode())
    return smtp


def is_reset(smtp):
    try:
        smtp.reply()
    except (ConnectionResetError, EOFError):
        return True
    return False


@case
def port_reuse():
    """The same ends and ports again, right after a reset: another connection, which goes through."""
    with Rig(case.build) as rig:
        postern = start(rig)
        rig.server_postfix()
        for round_ in range(3):
            def connect():
                with rig.client:
                    s = socket.socket()
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind((CLIENT, 45678))
                s.settimeout(LIMIT)
                s.connect((SERVER, 25))
                return s
            for to in 'gen@army.ml', 'gen@army.mil':
                s = connect()
                f = s.makefile('rb')
                expect(f.readline().startswith(b'220'), 'no greeting in round %d' % round_)
                s.sendall(b'HELO gw\r\n')
                expect(f.readline().startswith(b'250'), 'no answer to HELO')
                s.sendall(b'MAIL FROM:<jane@example.com>\r\n')
                expect(f.readline().startswith(b'250'), 'no answer to MAIL')
                s.sendall(b'RCPT TO:<%s>\r\n' % to.encode())
                try:
                    answer = f.readline()
                except ConnectionResetError:
                    answer = b''
                expect(answer.startswith(b'250') == to.endswith('.mil'), 'round %d: %s got %r' % (round_, to, answer))
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                f.close()
                s.close()
        got = outcomes(postern, 3)
        expect(all(u['postern']['outcome'] == 'closed' for _, u in got) and len(got) == 3, repr(got))
        postern.stop()


@case
def fragments():
    """A RCPT in two IP fragments, the second first, and two workers: held like any other, and no fragment goes on."""
    with Rig(case.build) as rig:
        # net_af_packet would get fragments that the kernel put together.
        postern = start(rig, source=rig.ports('net_pcap'), workers=2)
        rig.server_postfix()
        postern.start_watch()
        for to in 'gen@army.ml', 'gen@army.mil':
            dump = rig.dump('server', 'in')
            smtp = Raw(rig_net(rig))
            smtp.say('EHLO gw')
            smtp.say('MAIL FROM:<jane@example.com>')
            c = Forger(rig, smtp)
            c.send(0, b'RCPT TO:<%s>\r\n' % to.encode(), fragments=True)
            if to.endswith('.ml'):
                expect(is_reset(smtp), 'the connection was not reset')
                expect_closed(rig)
                seen = [octets for _, octets in dump.stop()]
                expect(not any(b'army' in x for x in seen), 'octets of the line reached the server')
            else:
                wait_until('the fragments have gone on', lambda: postern.counters()['fragments_released'] >= 4)
                frames = [octets for _, octets in dump.stop()]
                expect(any(b'RCPT TO:<gen@army.mil>\r\n' in x for x in frames), 'the line did not arrive')
                expect(not any(x[12:14] == b'\x08\x00' and (x[20] & 0x3f or x[21]) for x in frames), 'a fragment went on')
        counters = postern.stop_watch()
        expect(counters['fragments_kept'] == counters['fragments_released'] >= 4, repr(counters))
        postern.stop()


def many(nb, **config):
    """@nb connections at once, every fifth to a lookalike: those are reset, all of the others deliver."""
    with Rig(case.build) as rig:
        postern = start(rig, **{name: of(rig) if callable(of) else of for name, of in config.items()})
        rig.server_postfix()
        postern.start_watch()
        dump = rig.dump('server', 'in')
        to = ['user%03d@army.%s' % (i, 'ml' if i % 5 == 0 else 'mil') for i in range(nb)]
        failed, all_in = [], threading.Barrier(nb)

        def one(i):
            try:
                smtp = Raw(rig_net(rig), SERVER6 if i % 2 else SERVER)
                smtp.sock.settimeout(2 * LIMIT)
                all_in.wait(2 * LIMIT)
                smtp.say('EHLO gw.example.com')
                if i % 5 == 0:
                    smtp.sock.sendall(b'MAIL FROM:<jane@example.com>\r\nRCPT TO:<%s>\r\nDATA\r\n' % to[i].encode())
                    expect(is_reset(smtp), 'not reset')
                    return
                smtp.say('MAIL FROM:<jane@example.com>', 'RCPT TO:<%s>' % to[i], 'DATA')
                text = message(to[i], 20000, i).replace('\n', '\r\n').replace('\r\n.', '\r\n..')
                smtp.say(text + '.', replies=1)
                smtp.quit()
            except Exception as e:
                failed.append('%s: %r' % (to[i], e))
        threads = [threading.Thread(target=one, args=(i,)) for i in range(nb)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(4 * LIMIT)
        expect(not failed, '\n'.join(failed[:5]))
        check_stored(rig, [x for x in to if x.endswith('.mil')])
        bad = len(to[::5])
        got = outcomes(postern, bad)
        expect(len(got) == bad and all(u['postern']['outcome'] == 'closed' for _, u in got),
               repr([u['postern']['outcome'] for _, u in got]))
        # Message bodies of this test have the domain in them, too.
        expect(not any(re.search(rb'user\d+@army\.ml', p[4]) for p in to_server(dump)), 'octets of a line reached the server')
        counters = postern.stop_watch()
        expect(counters['resets'] == counters['resets_confirmed'] == bad, repr(counters))
        if config.get('workers', 1) > 1:
            expect_all_work(rig, postern)
        postern.stop()
        holds = sorted(u['postern']['hold_us'] for _, u in got)
        closes = sorted(u['postern']['close']['us'] for _, u in got)
        return 'held %d/%d us, closed after %d/%d us (median, worst)' % (
            holds[bad // 2], holds[-1], closes[bad // 2], closes[-1])


@case
def many_connections():
    return many(200)


@case
def two_queues():
    """Two queues at each port and two workers."""
    return many(40, workers=2, source=lambda rig: rig.ports(more=',qpairs=2'))


@case
def stale_octets():
    """Octets beyond a gap, then others in their place, from a client that makes its own segments."""
    with Rig(case.build) as rig:
        postern = start(rig)
        rig.server_postfix()
        dump = rig.dump('server', 'in')
        smtp = Raw(rig_net(rig))
        smtp.say('EHLO gw')
        smtp.say('MAIL FROM:<jane@example.com>')
        c = Forger(rig, smtp)
        line, good = b'RCPT TO:<gen@army.ml>\r\n', b'RCPT TO:<gen@army.mil>\r\n'
        # The server must not keep what stands beyond a gap.
        c.send(10, line[10:])
        # What fills the gap completes the line: held, and refused.
        c.send(0, line[:10])
        expect(is_reset(smtp), 'the connection was not reset')
        segments = to_server(dump)
        expect(not any(b'my.ml' in p[4] or b'RCPT' in p[4] for p in segments), 'octets of the line reached the server')
        # A segment again, with other octets: they do not go on.
        dump = rig.dump('server', 'in')
        smtp = Raw(rig_net(rig))
        smtp.say('EHLO gw')
        c = Forger(rig, smtp)
        c.send(0, b'MAIL FROM:<jane@example.com>\r\n')
        # The kernel that has the connection does not know of these octets: it ignores the answers.
        c.send(30, good[:20])
        c.send(30, line[:20])
        c.send(50, b'\r\n')
        ping(rig, SERVER, 56)  # they have gone through
        seen = b''.join(p[4] for p in to_server(dump))
        expect(b'army.mi' in seen and b'my.ml' not in seen, repr(seen))
        postern.stop()


class Forger:
    """Makes segments of a connection by hand, next to the kernel that has it."""

    def __init__(self, rig, smtp):
        self.src, self.sport = smtp.sock.getsockname()[:2]
        with rig.client:
            self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            self.raw.bind(('c0', 0))
        self.port = smtp.sock
        self.rig = rig
        # Numbers, from the last ACK that the kernel sent.
        dump = rig.dump('client', 'out', ['tcp', 'and', 'src', 'port', str(self.sport)])
        smtp.say('NOOP')
        frame = dump.stop()[-1][1]
        self.frame = frame[:34]
        ip = 34
        _, _, seq, _, payload = tcp_payload(frame)
        self.seq = seq + len(payload)
        self.ack = struct.unpack_from('!I', frame, ip + 8)[0]
        self.window = struct.unpack_from('!H', frame, ip + 14)[0]
        hlen = (frame[ip + 12] >> 4) * 4
        self.options = frame[ip + 20:ip + hlen]

    def send(self, off, data, fragments=False):
        tcp = bytearray(struct.pack('!HHIIBBHHH', self.sport, 25, (self.seq + off) & 0xffffffff, self.ack,
                                    (20 + len(self.options)) // 4 << 4, 0x18, self.window, 0, 0) + self.options + data)
        pseudo = self.frame[26:34] + struct.pack('!HH', 6, len(tcp))
        struct.pack_into('!H', tcp, 16, checksum(pseudo + bytes(tcp)))
        if not fragments:
            self.packet(bytes(tcp), 0x4000)
            return
        cut = len(tcp) // 16 * 8
        self.packet(bytes(tcp[cut:]), cut // 8)
        self.packet(bytes(tcp[:cut]), 0x2000)

    def packet(self, payload, fragment):
        ip = bytearray(self.frame[14:34])
        struct.pack_into('!H', ip, 2, 20 + len(payload))
        struct.pack_into('!H', ip, 4, 0x5157)
        struct.pack_into('!H', ip, 6, fragment)
        struct.pack_into('!H', ip, 10, 0)
        struct.pack_into('!H', ip, 10, checksum(bytes(ip)))
        self.raw.send(self.frame[:14] + bytes(ip) + payload)


def checksum(octets):
    if len(octets) % 2:
        octets += b'\0'
    n = sum(struct.unpack('!%dH' % (len(octets) // 2), octets))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return n ^ 0xffff


if __name__ == '__main__':
    case.main(sys.argv)
