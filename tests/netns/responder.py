#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""responder - postern-responder alone, between real mail servers and real kernels

Usage: responder.py BUILD_DIR [CASE...]     (default: all)   exit code 77: something that is needed is missing

The dataplane's part is played by a small bridge of this test (struct Middle): it passes frames between the two sides, follows
TCP and SMTP as far as it must to fill in a take-over record, hands a connection over at its first recipient below army.ml,
and moves the frames of connections that were handed over to the TUN and back. Everything else is real: the kernels of both
ends, Postfix, the responder with its namespace and its repaired sockets.
"""
import array
import hashlib
import os
import random
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig as rigs  # noqa: E402
from cases import Cases  # noqa: E402
from hold import sockets, tcp_payload  # noqa: E402
from observe import check_stored, expect, message  # noqa: E402
from rig import LIMIT, SERVER, SERVER6, Raw, Rig, wait_until  # noqa: E402

case = Cases(__file__)
with open(os.path.join(rigs.TOP, 'dataplane/api/dp_abi.h')) as header:
    ABI = int(re.search(r'#define DP_ABI_VERSION (\d+)u', header.read())[1])
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
M32 = 0xffffffff
MAIL, RCPT, DATA, END, RESET, EHLO, OTHER = 1, 2, 4, 5, 6, 7, 0  # enum dp_owed


def diff(a, b):
    """a - b as sequence numbers."""
    return ((a - b + 0x80000000) & M32) - 0x80000000


class Segment:
    """A TCP segment of a frame; .ip are the octets from the IP header on. None of these: .tcp is False."""

    def __init__(self, frame):
        self.tcp, self.l2 = False, frame[:14]
        kind, ip = frame[12:14], frame[14:]
        if kind == b'\x08\x00' and ip[9] == 6:
            self.family, head = 4, (ip[0] & 15) * 4
            self.ip = ip[:struct.unpack_from('!H', ip, 2)[0]]
            self.src, self.dst, self.ttl, self.tos = ip[12:16], ip[16:20], ip[8], ip[1]
        elif kind == b'\x86\xdd' and ip[6] == 6:
            self.family, head = 6, 40
            self.ip = ip[:40 + struct.unpack_from('!H', ip, 4)[0]]
            self.src, self.dst, self.ttl, self.tos = ip[8:24], ip[24:40], ip[7], (struct.unpack_from('!H', ip)[0] >> 4) & 255
        else:
            return
        t = self.ip[head:]
        self.sport, self.dport, self.seq, self.ack, off, self.flags, self.window = struct.unpack_from('!HHIIBBH', t)
        self.data = t[(off >> 4) * 4:]
        self.options(t[20:(off >> 4) * 4])
        self.tcp = True

    def options(self, o):
        self.mss, self.scale, self.sack, self.ts, i = None, None, False, None, 0
        while i < len(o) and o[i] != 0:
            if o[i] == 1:
                i += 1
                continue
            kind, length = o[i], o[i + 1]
            body = o[i + 2:i + length]
            if kind == 2:
                self.mss = struct.unpack('!H', body)[0]
            elif kind == 3:
                self.scale = body[0]
            elif kind == 4:
                self.sack = True
            elif kind == 8:
                self.ts = struct.unpack('!II', body)
            i += length


def checksum(octets):
    if len(octets) & 1:
        octets += b'\0'
    s = sum(array.array('H', octets))
    s = (s >> 16) + (s & 0xffff)
    s = ~(s + (s >> 16)) & 0xffff
    return struct.unpack('=H', struct.pack('!H', s))[0] if sys.byteorder == 'little' else s


def pure_ack(p, seq, ack, window, ts):
    """A segment without octets from the sender of @p, as an IP packet."""
    opts = b'' if ts is None else b'\1\1' + struct.pack('!BBII', 8, 10, *ts)
    seg = struct.pack('!HHIIBBHHH', p.sport, p.dport, seq & M32, ack & M32, (20 + len(opts)) // 4 << 4, ACK, window, 0, 0) + opts
    if p.family == 4:
        pseudo = p.src + p.dst + struct.pack('!BBH', 0, 6, len(seg))
    else:
        pseudo = p.src + p.dst + struct.pack('!IHBB', len(seg), 0, 0, 6)
    seg = seg[:16] + struct.pack('!H', checksum(pseudo + seg)) + seg[18:]
    if p.family == 6:
        return struct.pack('!IHBB', 0x60000000, len(seg), 6, p.ttl) + p.src + p.dst + seg
    head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(seg), 0, 0x4000, p.ttl, 6, 0, p.src, p.dst)
    return head[:10] + struct.pack('!H', checksum(head)) + head[12:] + seg


class End:
    """One end of a connection: what was seen of it, and its octets that the other has not acknowledged."""

    def __init__(self, syn):
        self.isn, self.nxt, self.una = syn.seq, (syn.seq + 1) & M32, (syn.seq + 1) & M32
        self.mss, self.scale, self.sack, self.has_ts = syn.mss, syn.scale, syn.sack, syn.ts is not None
        self.wnd = self.wnd_max = syn.window
        self.wnd_seq, self.last_ack, self.unacked = syn.seq, 0, b''
        self.note(syn)

    def note(self, p):
        self.last, self.l2, self.ttl, self.tos = p, p.l2, p.ttl, p.tos
        if p.ts is not None:
            self.ts, self.ts_ns = p.ts, time.monotonic_ns()

    def heard(self, p, other, scaled):
        """A segment of ours: its ACK and window are about @other's octets."""
        self.note(p)
        if diff(p.ack, other.una) > 0 and diff(p.ack, other.nxt) <= 0:
            other.unacked = other.unacked[diff(p.ack, other.una):]
            other.una = p.ack
        self.wnd = p.window << (self.scale if scaled else 0)
        self.wnd_max = max(self.wnd_max, self.wnd)
        self.wnd_seq, self.last_ack = p.seq, p.ack

    def packed(self):
        opts = 1 | (2 if self.scale is not None else 0) | (4 if self.sack else 0) | (8 if self.has_ts else 0)
        return struct.pack('<8IQHBBBBH64s', self.isn, self.nxt, self.una, self.last_ack, self.wnd, self.wnd_max, self.wnd_seq,
                           self.ts[0] if self.has_ts else 0, self.ts_ns if self.has_ts else 0, self.mss or 536, self.scale or 0,
                           self.ttl, self.tos, len(self.l2), opts, self.l2)


class Flow:
    def __init__(self, p, uid):
        self.uid, self.state, self.client, self.server = uid, 'pass', End(p), None
        self.family, self.key = p.family, (p.src, p.sport, p.dst, p.dport)
        self.line, self.owed, self.body, self.reply = b'', [], None, b''
        self.mails, self.rcpts, self.helo, self.sender, self.open = 0, 0, b'', b'', False
        self.held = []

    def scaled(self):
        return self.client.scale is not None and self.server.scale is not None

    def command(self, line):
        word = line[:4].upper()
        kind = {b'MAIL': MAIL, b'RCPT': RCPT, b'DATA': DATA, b'RSET': RESET, b'EHLO': EHLO, b'HELO': RESET}.get(word, OTHER)
        if kind == EHLO or kind == RESET and word == b'HELO':
            self.helo = line[5:].strip()
        elif kind == MAIL:
            self.mails, self.rcpts, self.open = self.mails + 1, 0, True
            self.sender = line[line.index(b'<') + 1:line.index(b'>')]
        elif kind == RCPT:
            self.rcpts += 1
        return kind

    def read_client(self, octets):
        """Commands of octets in order. Where in them the first refused line begins (below 0: before them), or None."""
        at = 0
        while at < len(octets):
            if self.body is not None:
                self.body += octets[at:]
                end = self.body.find(b'\r\n.\r\n')
                if end < 0:
                    self.body = self.body[-4:]
                    return None
                at = len(octets) - len(self.body) + end + 5
                self.body, self.open = None, False
                self.owed.append(END)
                continue
            end = octets.find(b'\n', at)
            if end < 0:
                self.line += octets[at:]
                return None
            start, line = at - len(self.line), self.line + octets[at:end + 1]
            if re.match(rb'RCPT TO:<[^>]*@army\.ml>', line, re.I):
                return start
            self.line, at = b'', end + 1
            self.owed.append(self.command(line))
        return None

    def read_server(self, octets):
        self.reply += octets
        while b'\n' in self.reply:
            line, self.reply = self.reply.split(b'\n', 1)
            if line[3:4] == b'-':
                continue
            kind = self.owed.pop(0) if self.owed else None
            if kind == DATA and line[:3] == b'354':
                self.body = b'\r\n'

    def record(self, instance, start, octets):
        """The take-over record at the line that begins at @start of @octets, the first that have not gone on."""
        prefix = self.line if start < 0 else b''
        known = octets[max(start, 0):]
        known = known[:known.rfind(b'\n') + 1]
        holds, index, self.bad = b'', self.rcpts, 0
        for line in (prefix + known).splitlines(True):
            if line[:4].upper() == b'RCPT':
                index += 1
                if b'@army.ml>' in line.lower():
                    holds += struct.pack('<QIIB7x', self.uid * 1000 + index, self.mails, index, 3)
                    self.bad += 1
        owed, reply = bytes(self.owed), self.reply
        key = self.key[0].ljust(16, b'\0') + self.key[2].ljust(16, b'\0') + struct.pack(
            '<HHHHBB2x', self.key[1], self.key[3], 0, 0, self.family, 0)
        flow = struct.pack('<QQ', self.uid, time.time_ns()) + key + struct.pack('<III', self.client.isn, 0, 0)
        parts = [self.server.unacked, self.client.unacked, prefix, owed, self.helo, self.sender]
        txn = self.mails if self.open else 0
        fixed = flow + self.client.packed() + self.server.packed() + struct.pack(
            '<BBBBIIIQII', 3, 4, len(reply[:20]), 0, txn, self.mails, self.rcpts, 0, max(start, 0), len(known))
        fixed += struct.pack('<6I', *map(len, parts)) + reply[:20].ljust(20, b'\0') + bytes(4)
        body = b''.join(parts) + holds
        head = struct.pack('<IHHIIIIQ', 0x454b4154, ABI, 0, 7, instance, 408 + len(body), self.bad, self.uid * 1000 + 999)
        return head + fixed + body


class Middle(threading.Thread):
    """The bridge. Frames that are out of order are dropped: their senders send them again."""

    def __init__(self, rig, loss=0.0, seed=1, options=(), hand_over=True, wrap=()):
        super().__init__(daemon=True)
        self.rig, self.loss, self.random, self.hand_over = rig, loss, random.Random(seed), hand_over
        self.flows, self.by_hold, self.strangers, self.closed, self.refused, self.uid = {}, {}, 0, 0, [], 0
        self.tun, self.instance, self.error, self.times = None, 0, None, []
        with rig.bump:
            self.a, self.b = self.port('va'), self.port('vb')
        self.sock, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.setblocking(False)
        self.host = subprocess.Popen(
            [*wrap, os.path.join(case.build, 'tests/netns/responder_host'),
             os.path.join(case.build, 'ctrl/responder/postern-responder'),
             os.path.join(rigs.TOP, 'rules/mil.yaml'), str(theirs.fileno()), *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=[theirs.fileno()])
        theirs.close()
        self.heard = []
        threading.Thread(target=lambda: [self.heard.append(x.strip()) for x in self.host.stdout], daemon=True).start()
        self.start()
        wait_until('the responder to greet', lambda: self.tun is not None or self.host.poll() is not None)
        expect(self.tun is not None, 'the responder did not start: %s' % self.heard)
        self.pid = int(re.search(r'started (\d+)', self.heard[0])[1])

    @staticmethod
    def port(dev):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        s.bind((dev, 3))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        s.setblocking(False)
        return s

    def run(self):
        try:
            while True:
                ready = select.select([x for x in (self.a, self.b, self.sock, self.tun) if x is not None], [], [], 1)[0]
                for s in ready:
                    if s is self.sock:
                        self.told()
                    elif s is self.tun:
                        self.from_tun()
                    else:
                        self.frames(s, self.b if s is self.a else self.a)
        except Exception:
            self.error = traceback.format_exc()

    def frames(self, s, to):
        while True:
            try:
                frame, addr = s.recvfrom(65536)
            except BlockingIOError:
                return
            if addr[2] == 4:  # our own
                continue
            p = Segment(frame)
            if not p.tcp or 25 not in (p.sport, p.dport):
                to.send(frame)
            elif p.dport == 25:
                self.from_client(frame, p)
            else:
                self.from_server(frame, p)

    def lost(self, flow):
        return self.loss > 0 and flow.state == 'taken' and self.random.random() < self.loss

    def from_client(self, frame, p):
        key = (p.src, p.sport, p.dst, p.dport)
        if p.flags & SYN:
            self.uid += 1
            self.flows[key] = Flow(p, self.uid)
        f = self.flows.get(key)
        if f is None or not self.hand_over:
            self.b.send(frame)
            return
        if f.state != 'pass':
            if not self.lost(f):
                self.inward(f, p)
            return
        if f.server is not None:
            f.client.heard(p, f.server, f.scaled())
        if p.data:
            d = diff(p.seq, f.client.nxt)
            if d > 0:
                return
            new = p.data[-d:]
            if new:
                start = f.read_client(new)
                if start is not None:
                    f.begun = time.monotonic()
                    f.state, f.held = 'held', [p]
                    self.hand(f, start, new)
                    return
                f.client.nxt = (f.client.nxt + len(new)) & M32
                f.client.unacked += new
        if p.flags & FIN and diff(p.seq + len(p.data), f.client.nxt) == 0:
            f.client.nxt = (f.client.nxt + 1) & M32
        self.b.send(frame)

    def from_server(self, frame, p):
        f = self.flows.get((p.dst, p.dport, p.src, p.sport))
        if f is None or not self.hand_over:
            self.a.send(frame)
            return
        if f.state != 'pass':
            if not self.lost(f):
                self.inward(f, p)
            return
        if p.flags & SYN:
            f.server = End(p)
            f.owed.append(OTHER)  # the greeting
        f.server.heard(p, f.client, f.scaled() and not p.flags & SYN)
        if p.data:
            d = diff(p.seq, f.server.nxt)
            if d > 0:
                return
            new = p.data[-d:]
            f.read_server(new)
            f.server.nxt = (f.server.nxt + len(new)) & M32
            f.server.unacked += new
        if p.flags & FIN and diff(p.seq + len(p.data), f.server.nxt) == 0:
            f.server.nxt = (f.server.nxt + 1) & M32
        self.a.send(frame)

    def hand(self, f, start, octets):
        rec = f.record(self.instance, start, octets)
        self.by_hold[f.uid * 1000 + 999] = f
        self.sock.send(rec)

    def inward(self, f, p):
        if f.state == 'taken':
            os.write(self.tun, p.ip)
        else:
            f.held.append(p)

    def told(self):
        while True:
            try:
                msg, fds, _, _ = socket.recv_fds(self.sock, 4096, 1)
            except BlockingIOError:
                return
            if not msg:
                return
            magic, _, kind, instance, _, _, _, error, hold, _ = struct.unpack_from('<IHHIIHHiQQ', msg)
            expect(magic == 0x52505352 and len(msg) == 64, 'an odd message')
            if kind == 1:
                self.instance, self.tun = instance, fds[0]
                os.set_blocking(self.tun, False)
            elif kind == 2:
                self.taken(self.by_hold[hold])
            elif kind == 3:
                self.refused.append(error)
            elif kind == 4:
                self.closed += 1

    def taken(self, f):
        self.times.append(time.monotonic() - f.begun)
        f.state = 'taken'
        # Each socket hears of its peer's clock before it says anything.
        for me, other in (f.client, f.server), (f.server, f.client):
            scale = me.scale if f.scaled() else 0
            ts = me.ts if me.has_ts and other.has_ts else None
            os.write(self.tun, pure_ack(me.last, me.nxt, other.una, me.wnd >> (scale or 0), ts))
        for p in f.held:
            os.write(self.tun, p.ip)
        f.held = []

    def from_tun(self):
        while True:
            try:
                ip = os.read(self.tun, 65536)
            except BlockingIOError:
                return
            p = Segment(b'\0' * 12 + (b'\x08\x00' if ip[0] >> 4 == 4 else b'\x86\xdd') + ip)
            f = None
            if p.tcp:
                f = self.flows.get((p.src, p.sport, p.dst, p.dport)) or self.flows.get((p.dst, p.dport, p.src, p.sport))
            if f is None or f.state == 'pass':
                self.strangers += 1
                continue
            if self.lost(f):
                continue
            if p.dport == 25:
                self.b.send(f.client.l2 + ip)
            else:
                self.a.send(f.server.l2 + ip)

    def stop(self, code=0):
        """The responder is told to end, and does."""
        if self.host.poll() is None:
            try:
                self.host.stdin.write('end\n')
                self.host.stdin.flush()
            except BrokenPipeError:
                pass
        self.host.wait(LIMIT)
        wait_until('the last word', lambda: self.heard and self.heard[-1].startswith('exit'))
        expect(self.heard[-1] == 'exit %d' % code, 'the responder ended otherwise: %s' % self.heard[-1])
        expect(self.error is None, self.error)
        expect(self.strangers == 0, '%d packets of no connection left the responder' % self.strangers)

    def close(self):
        if self.host.poll() is None:
            self.host.stdin.close()
            self.host.wait(LIMIT)


def started(rig, **kw):
    m = Middle(rig, **kw)
    rig.things.append(m)
    return m


def at_server(dump):
    """What the server's device got for port 25: the octets in sequence, none twice."""
    streams = {}
    for _, octets in dump.stop():
        p = tcp_payload(octets)
        if p is None or p[1] != 25:
            continue
        streams.setdefault(p[0], {}).update({(p[2] + i) & M32: x for i, x in enumerate(p[4])})
    return streams


def check_delivery(rig):
    """The good recipients have their mail, unchanged, and the author has a bounce with our words."""
    wait_until('three messages', lambda: len(rig.stored()) == 3)
    stored = dict(rig.stored())
    expect(sorted(stored) == ['jane@example.com', 'ok1@army.mil', 'ok2@army.mil'], repr(sorted(stored)))
    bounce = b' '.join(stored.pop('jane@example.com').split())
    expect(b'Action: failed Status: 5.1.2' in bounce, bounce.decode())
    expect(b'550 5.1.2 <gen@army.ml>: not delivered; did you mean <gen@army.mil>?' in bounce, bounce.decode())
    for to, octets in stored.items():
        head, body = octets.split(b'\n\n', 1)
        digest = re.search(rb'^x-digest: (.*)$', head, re.M | re.I)[1]
        expect(hashlib.sha256(body).hexdigest().encode() == digest, 'the mail to %s was changed' % to)


NAMES = 'ok1@army.mil', 'gen@army.ml', 'ok2@army.mil'


def postfix_mail(server=None, client=None, loss=0.0, seed=1, size=500):
    with Rig(case.build, offloads='off') as rig:
        m = started(rig, loss=loss, seed=seed)
        rig.server_postfix(**(server or {}))
        dump = rig.dump('server', 'in')
        pf = rig.client_postfix(**(client or {}))
        begun = time.monotonic()
        pf.send('jane@example.com', NAMES, message('ok1@army.mil', size, 1))
        pf.wait(r'to=<gen@army\.ml>.*status=bounced', 1)
        pf.wait(r'to=<ok[12]@army\.mil>.*status=sent', 2)
        took = time.monotonic() - begun
        log = pf.logged()
        said = re.search(r'to=<gen@army\.ml>.*dsn=5\.1\.2.*550 5\.1\.2 <gen@army\.ml>: not delivered; did you mean '
                         r'<gen@army\.mil>\?.*\(in reply to RCPT TO command\)', log)
        expect(said, log)
        check_delivery(rig)
        wait_until('the end of the session', lambda: m.closed == 1)
        for stream in at_server(dump).values():
            octets = bytes(stream[k] for k in sorted(stream))
            expect(b'RCPT TO:<gen' not in octets and b'RCPT TO:' in octets, 'octets of the line reached the server')
        m.stop()
        return 'ready after %.1f ms, mail gone after %.2f s' % (m.times[0] * 1000, took)


@case
def mail_pipelining():
    return postfix_mail()


@case
def mail_lockstep():
    return postfix_mail(server={'smtpd_discard_ehlo_keywords': 'pipelining, chunking, silent-discard'})


@case
def mail_ipv6():
    return postfix_mail(client={'relayhost': '[%s]' % SERVER6, 'inet_protocols': 'ipv6'})


@case
def mail_large():
    return postfix_mail(size=1500000)


@case
def mail_loss():
    return ', '.join(postfix_mail(loss=0.04, seed=seed, size=30000) for seed in (1, 2))


def raw(rig, addr=SERVER):
    c = Raw(rig, addr)
    c.say('EHLO client.example')
    return c


def replies(c, *lines, replies=None):
    return c.say(*lines, replies=replies)


def scenario(play, want, server=None, options=(), addr=SERVER, **kw):
    """@play: what a client says; its replies are @want, then QUIT works."""
    with Rig(case.build, offloads='off') as rig:
        m = started(rig, options=options, **kw)
        rig.server_postfix(**(server or {}))
        c = raw(rig, addr)
        got = play(c)
        expect(got == want, 'replies %s' % got)
        c.quit()
        wait_until('the end of the session', lambda: m.closed == 1)
        wait_until('both kernels have closed', lambda: sockets(rig.client) == [] and sockets(rig.server) == [])
        m.stop()
        return m


@case
def two_bad_and_a_later_one():
    """Two in one group, then a transaction in which ctrl decides: one passes, one does not, one is not answered in time."""
    def play(c):
        got = c.say('MAIL FROM:<a@example.org>', 'RCPT TO:<x@army.ml>', 'RCPT TO:<ok@army.mil>', 'RCPT TO:<y@army.ml>', 'DATA')
        c.octets(b'Subject: a\r\n\r\nRCPT TO:<no@army.ml>\r\n..\r\n.\r\n', 1)
        got.append(c.heard[-1])
        return got + c.say('MAIL FROM:<a@example.org>', 'RCPT TO:<fine@army.ml>', 'RCPT TO:<bad@army.ml>',
                           'RCPT TO:<slow@army.ml>', 'RSET')

    m = scenario(play, [250, 550, 250, 550, 354, 250, 250, 250, 550, 451, 250], options=['--answer-ms', '300'])
    asked = [x for x in m.heard if x.startswith('rcpt')]
    expect(asked == ['rcpt 2/1 1 fine@army.ml', 'rcpt 2/2 1 bad@army.ml', 'rcpt 2/3 1 slow@army.ml'], repr(m.heard))
    expect([x for x in m.heard if x.startswith('outcome')] == ['outcome 1 1', 'outcome 1 3', 'outcome 2 3'], repr(m.heard))
    expect('end' in m.heard, repr(m.heard))


@case
def read_only_settings():
    """/proc/sys cannot be written, as under systemd's ProtectKernelTunables."""
    def play(c):
        return c.say('MAIL FROM:<a@example.org>', 'RCPT TO:<x@army.ml>', 'RCPT TO:<ok@army.mil>', 'RSET')

    wrap = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c',
            'mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys &&'
            ' ! echo 4096 2>&- >/proc/sys/net/core/somaxconn && exec "$0" "$@"']
    for addr in SERVER, SERVER6:
        scenario(play, [250, 550, 250, 250], wrap=wrap, addr=addr)


@case
def split_line():
    """The head of the line has left: its rest is spoilt. At every octet of it."""
    line = b'RCPT TO:<x@army.ml>\r\n'
    for cut in range(1, len(line), 4):
        def play(c):
            got = c.say('MAIL FROM:<a@example.org>', 'RCPT TO:<ok@army.mil>')
            c.octets(line[:cut])
            time.sleep(0.05)
            c.octets(line[cut:] + b'RCPT TO:<ok2@army.mil>\r\nRSET\r\n', 3)
            return got + c.heard[-3:]

        scenario(play, [250, 250, 550, 250, 250])


@case
def only_bad():
    def play(c):
        return c.say('MAIL FROM:<a@example.org>', 'RCPT TO:<x@army.ml>', 'DATA')

    scenario(play, [250, 550, 554])


@case
def starttls_after():
    def play(c):
        return c.say('MAIL FROM:<a@example.org>', 'RCPT TO:<x@army.ml>', 'RSET') + c.say('STARTTLS')

    with Rig(case.build, offloads='off') as rig:
        m = started(rig)
        rig.server_postfix(smtpd_tls_security_level='may')
        c = raw(rig)
        got = play(c)
        expect(got == [250, 550, 250, 220], repr(got))
        import ssl
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        tls = context.wrap_socket(c.sock)
        tls.sendall(b'EHLO client.example\r\nQUIT\r\n')
        text = b''
        while b'221 ' not in text:
            got = tls.recv(4096)
            expect(got, 'TLS ended early')
            text += got
        expect(b'250' in text, repr(text))
        tls.close()
        c.file.close()
        wait_until('the end of the session', lambda: m.closed == 1)
        m.stop()


@case
def client_resets():
    """A reset of one end is passed on to the other."""
    with Rig(case.build, offloads='off') as rig:
        m = started(rig)
        rig.server_postfix()
        c = raw(rig)
        expect(c.say('MAIL FROM:<a@example.org>', 'RCPT TO:<x@army.ml>') == [250, 550], 'not refused')
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        c.file.close()
        c.sock.close()
        wait_until('the end of the session', lambda: m.closed == 1)
        wait_until('both kernels have closed', lambda: sockets(rig.client) == [] and sockets(rig.server) == [])
        m.stop()


@case
def killed():
    """It dies: both ends are closed, the sender tries again later, and nothing is delivered twice."""
    with Rig(case.build, offloads='off') as rig:
        m = started(rig)
        rig.server_postfix()
        c = raw(rig)
        got = c.say('MAIL FROM:<a@example.org>', 'RCPT TO:<ok@army.mil>', 'RCPT TO:<x@army.ml>')
        expect(got == [250, 250, 550], repr(got))
        os.kill(m.pid, signal.SIGKILL)
        c.sock.settimeout(LIMIT)
        try:
            expect(c.sock.recv(100) == b'', 'something was said')
        except ConnectionResetError:
            pass
        c.file.close()
        c.sock.close()
        wait_until('both kernels have closed', lambda: sockets(rig.client) == [] and sockets(rig.server) == [])
        check_stored(rig, [])
        expect(m.strangers == 0, 'packets of no connection')


@case
def limits():
    """More than it takes, in all and of one source: refused, with the reason."""
    for options, error in ((['--limit', '2'], -16), (['--limit-source', '2'], -16)):
        with Rig(case.build, offloads='off') as rig:
            m = started(rig, options=options)
            rig.server_postfix()
            clients = [raw(rig) for _ in range(3)]
            for c in clients[:2]:
                expect(c.say('MAIL FROM:<a@example.org>', 'RCPT TO:<x@army.ml>') == [250, 550], 'not refused')
            clients[2].octets(b'MAIL FROM:<a@example.org>\r\nRCPT TO:<x@army.ml>\r\n')
            wait_until('the third to be turned away', lambda: m.refused == [error])
            for c in clients[:2]:
                c.quit()
            wait_until('the end of two', lambda: m.closed == 2)
            clients[2].sock.close()
            m.stop()


@case
def parallel():
    """Many at a time, all of them with mail that gets through but for one recipient."""
    nb = 40
    with Rig(case.build, offloads='off') as rig:
        m = started(rig)
        rig.server_postfix()
        done, failed, lock = [], [], threading.Lock()  # a connection is made in a namespace that all threads share

        def one(i):
            try:
                with lock:
                    c = raw(rig)
                got = c.say('MAIL FROM:<a@example.org>', 'RCPT TO:<x%d@army.ml>' % i, 'RCPT TO:<ok%d@army.mil>' % i, 'DATA')
                c.octets(b'Subject: %d\r\n\r\n%s\r\n.\r\n' % (i, b'x' * 900), 1)
                got.append(c.heard[-1])
                expect(got == [250, 550, 250, 354, 250], repr(got))
                c.quit()
                done.append(i)
            except Exception as e:
                failed.append('%d: %r' % (i, e))
        threads = [threading.Thread(target=one, args=(i,)) for i in range(nb)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(LIMIT)
        expect(len(done) == nb, '%s' % failed[:3])
        wait_until('all mail', lambda: len(rig.stored()) == nb)
        expect(sorted(to for to, _ in rig.stored()) == sorted('ok%d@army.mil' % i for i in range(nb)), 'other recipients')
        wait_until('the end of all', lambda: m.closed == nb)
        m.stop()
        times = sorted(m.times)
        return 'ready after %.1f ms (median), %.1f ms at most' % (times[nb // 2] * 1000, times[-1] * 1000)


@case
def sandbox():
    """What it is allowed, once it has begun: nothing outside, and two capabilities inside."""
    with Rig(case.build, offloads='off') as rig:
        m = started(rig)
        with open('/proc/%d/status' % m.pid) as f:
            status = dict(line.split(':', 1) for line in f.read().splitlines())
        expect(status['Uid'].split() == ['65534'] * 4 and status['Gid'].split() == ['65534'] * 4, repr(status['Uid']))
        expect(status['Groups'].split() == [], repr(status['Groups']))
        expect(int(status['CapEff'], 16) == int(status['CapPrm'], 16) == (1 << 12 | 1 << 10), repr(status['CapEff']))
        expect(status['NoNewPrivs'].strip() == '1', 'new privileges')
        for ns in 'user', 'net':
            expect(os.readlink('/proc/%d/ns/%s' % (m.pid, ns)) != os.readlink('/proc/self/ns/' + ns), ns)
        time.sleep(1)  # whatever a kernel sends of its own accord on a new link
        m.stop()


if __name__ == '__main__':
    case.main(sys.argv)
