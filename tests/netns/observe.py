#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""observe - while Postern observes, mail goes through it unchanged and the alerts are there

Usage: observe.py BUILD_DIR [CASE...]        (default: all)   exit code 77: something that is needed is missing

Every case starts a rig of its own (rig.py), sends real traffic, and looks at both ends: what the client's device sent must
be what the server's device got, frame for frame and octet for octet, and the other way round; the mail that arrives must
have the digest it left with; the counters must come out even at every snapshot.
"""
import glob
import hashlib
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rig as rigs  # noqa: E402
from cases import Cases  # noqa: E402
from rig import CLIENT, LIMIT, MARK, SERVER, SERVER6, Raw, Rig, run, send_mark, wait_until  # noqa: E402

case = Cases(__file__)


def expect(true, what):
    if not true:
        raise AssertionError(what)


def difference(sent, arrived):
    i = next((i for i, (a, b) in enumerate(zip(sent, arrived)) if a != b), min(len(sent), len(arrived)))
    lost = [k for k, x in enumerate(sent) if x not in set(arrived)]
    new = [k for k, x in enumerate(arrived) if x not in set(sent)]
    return 'first difference at %d; not arrived: %r; never sent: %r\n%s\n%s' % (
        i, lost[:20], new[:20], sent[i][:120].hex() if i < len(sent) else '-',
        arrived[i][:120].hex() if i < len(arrived) else '-')


class Wire:
    """
    Both ends of the wire, recorded. What counts is what lies between two marks, frames of our own: the kernels at both ends
    speak when they like (neighbour discovery), also before the last recording has begun.

    Order is compared from the port of the bump to the device at the far end: what one end sends from two CPUs at once has no
    order before that.
    """
    def __init__(self, rig):
        self.rig = rig
        self.dumps = {(side, way): rig.dump(side, way) for side in ('client', 'server') for way in ('in', 'out')}
        self.dumps.update({(port, 'in'): rig.dump(port, 'in') for port in 'ab'})
        self.mark(b'begin')

    def mark(self, what):
        for ns, dev in (self.rig.client, 'c0'), (self.rig.server, 's0'):
            frame = send_mark(ns, dev, what)
        return frame

    def stop(self):
        """Frames by (side, way)."""
        end = self.mark(b'end')
        for dump in self.dumps.values():
            dump.wait_for(end)
        got = {}
        for key, dump in self.dumps.items():
            frames = [octets for _, octets in dump.stop()]
            first = next(i for i, x in enumerate(frames) if x.startswith(MARK + b'begin'))
            got[key] = frames[first + 1:frames.index(end)]
        return got

    def same(self, ordered=True):
        got = self.stop()
        nb = 0
        for sender, port, receiver in (('client', 'a', 'server'), ('server', 'b', 'client')):
            sent, taken, arrived = got[sender, 'out'], got[port, 'in'], got[receiver, 'in']
            expect(len(sent) > 0, 'nothing was sent by the ' + sender)
            if sorted(sent) != sorted(arrived) or (ordered and taken != arrived):
                raise AssertionError('%s sent %d frames, %d came to the port, %d arrived; %s' % (
                    sender, len(sent), len(taken), len(arrived), difference(taken, arrived)))
            nb += len(sent)
        return nb


def message(to, octets, seed, sender='jane@example.com'):
    """A mail of about that size whose header says the digest of its body."""
    rng = random.Random(seed)
    lines, size = [], 0
    while size < octets:
        # Lines that begin with dots, and that look like commands: they are text here.
        line = rng.choice(['', '.', '..', 'RCPT TO:<not@army.ml> ', '.RCPT '])
        line += '%x' % rng.getrandbits(rng.choice([8, 240, 3000]))
        lines.append(line[:900])
        size += len(lines[-1]) + 1
    body = '\n'.join(lines) + '\n'
    return 'From: <%s>\nTo: <%s>\nSubject: %d\nMessage-ID: <%d@example.com>\nX-Digest: %s\n\n%s' % (
        sender, to, seed, seed, hashlib.sha256(body.encode()).hexdigest(), body)


def check_stored(rig, wanted):
    """Exactly @wanted (recipients) have arrived, each with the digest it left with."""
    def there():
        return len(rig.stored()) >= len(wanted)
    wait_until('%d messages stored' % len(wanted), there, 2 * LIMIT)
    stored = rig.stored()
    for to, octets in stored:
        head, body = octets.split(b'\n\n', 1)
        digest = [x.split(b': ')[1] for x in head.split(b'\n') if x.lower().startswith(b'x-digest: ')]
        expect(len(digest) == 1 and hashlib.sha256(body).hexdigest().encode() == digest[0], 'the mail to %s was changed' % to)
    expect(sorted(to for to, _ in stored) == sorted(wanted), 'stored for %r' % sorted(to for to, _ in stored))


def alerts_of(postern, nb, limit=LIMIT):
    wait_until('%d alerts' % nb, lambda: len(postern.alerts()) >= nb, limit)
    return postern.alerts()


def address(alert):
    return alert['email']['to']['address']


def expect_alerts(alerts, addresses):
    got = sorted(x[0] if isinstance(x, list) else x for x in map(address, alerts))
    expect(got == sorted(addresses), 'alerts for %r, not %r' % (got, sorted(addresses)))
    for a in alerts:
        expect(a['postern']['enforced'] is False, 'an alert says enforced')


FAMILIES = {'four': {}, 'six': {'relayhost': '[%s]' % SERVER6, 'inet_protocols': 'ipv6'}}
LOCKSTEP = {'smtpd_discard_ehlo_keywords': 'pipelining, chunking, silent-discard'}


def mail_through(rig, settings, family, to, octets=2000):
    """A message of its own to each of @to, all sent when it returns."""
    client = rig.client_postfix(family, **FAMILIES[family], **settings)
    for i, one in enumerate(to):
        client.send('jane@example.com', [one], message(one, octets, i))
    client.wait(r'qmgr\[\d+\]: \w+: removed', len(to))


def observe_mail(server=None, client=None, octets=2000, readable=True, **kw):
    """Over both families, to the right domain and to the other."""
    with Rig(case.build) as rig:
        postern = rig.start(**kw)
        rig.server_postfix(**(server or {}))
        postern.start_watch()
        wire = Wire(rig)
        for family in FAMILIES:
            mail_through(rig, client or {}, family, [family + '@army.mil', family + '@army.ml'], octets)
        check_stored(rig, [family + at for family in FAMILIES for at in ('@army.mil', '@army.ml')])
        nb = wire.same()
        alerts = [family + '@army.ml' for family in FAMILIES if readable]
        expect_alerts(alerts_of(postern, len(alerts)), alerts)
        counters = postern.stop_watch()
        said = postern.stop()
        expect_alerts(postern.alerts(), alerts)
        expect('observing' in said, 'it does not say that it observes')
        expect(counters['sent_packets'] == counters['rx_packets'] > 0, 'not all was sent on: %r' % counters)
        return '%d frames, %d snapshots' % (nb, counters['snapshots'])


@case
def mail_pipelining():
    return observe_mail()


@case
def mail_lockstep():
    return observe_mail(server=LOCKSTEP)


@case
def mail_starttls():
    """Nothing can be read after STARTTLS: the lookalike goes unseen, and the session is not called clean."""
    return observe_mail({'smtpd_tls_security_level': 'may'}, {'smtp_tls_security_level': 'encrypt'}, readable=False)


@case
def mail_large():
    return observe_mail(octets=20 << 20)


@case
def mail_unprivileged():
    """As the unit runs it: an ordinary user with three capabilities."""
    return observe_mail(unprivileged=True)


@case
def mail_partial_checksums():
    """Both ends leave checksums to the device, as virtual machines do: Postern completes them."""
    with Rig(case.build, offloads='on') as rig:
        postern = rig.start()
        rig.server_postfix()
        to = ['gen@army.mil', 'gen@army.ml']
        mail_through(rig, {}, 'four', to)
        mail_through(rig, {}, 'six', ['six@army.mil'])
        check_stored(rig, to + ['six@army.mil'])
        expect_alerts(alerts_of(postern, 1), ['gen@army.ml'])
        postern.stop()


def ping(rig, addr, size):
    """One echo of @size octets and its answer."""
    six = ':' in addr
    with rig.client:
        s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW,
                          socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP)
    s.settimeout(LIMIT)
    data = random.Random(size).randbytes(size)
    request = bytes([128 if six else 8, 0, 0, 0, 0x12, 0x34, 0, 1]) + data
    words = sum(struct.unpack('!%dH' % (len(request) // 2), request))
    words = (words & 0xffff) + (words >> 16)
    words = (words & 0xffff) + (words >> 16)
    s.sendto(request if six else request[:2] + struct.pack('!H', 0xffff - words) + request[4:], (addr, 0))
    while True:
        answer = s.recv(65536)
        answer = answer if six else answer[20:]
        if answer[0] == (129 if six else 0) and answer[4:] == request[4:]:
            return


@case
def everything_else(driver='net_af_packet'):
    """What is no mail goes on too: ARP, ICMP, fragments, UDP, TCP of other ports, unknown protocols, short frames."""
    # net_af_packet has the kernel merge IPv4 fragments, and puts an outer 0x88a8 tag back as 0x8100.
    whole = driver != 'net_af_packet'
    with Rig(case.build) as rig:
        postern = rig.start({'source': rig.ports(driver)})
        postern.start_watch()
        wire = Wire(rig)
        for addr in SERVER, SERVER6:
            for size in 56, 1472, 5000, 20000:
                if addr == SERVER6 or size < 1500 or whole:
                    ping(rig, addr, size)
        with rig.server:
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind((SERVER, 9999))
            tcp = socket.socket()
            # No more is under way at once than every driver has room for, however long its worker must wait for a CPU.
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            tcp.bind((SERVER, 5201))
            tcp.listen()
        udp.settimeout(LIMIT)
        tcp.settimeout(LIMIT)
        with rig.client:
            out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            raw.bind(('c0', 0))
            con = socket.create_connection((SERVER, 5201), timeout=LIMIT)
        for size in (1, 1400) + ((4000, 20000) if whole else ()):
            out.sendto(bytes(size), (SERVER, 9999))
            expect(len(udp.recv(65536)) == size, 'UDP of %d octets' % size)
        rng = random.Random(11)
        for ethertype in (b'\x88\xb5', b'\x08\x00', b'\x86\xdd', b'\x08\x06', b'\x88\xcc', b'\x81\x00', b'\x88\xa8', b'\x00\x10'):
            if ethertype == b'\x88\xa8' and not whole:
                continue
            for size in (46, 60, 300, 1400):
                raw.send(b'\x02\0\0\0\0\1\x02\0\0\0\0\2' + ethertype + rng.randbytes(size))
            ping(rig, SERVER, 56)  # they have gone through
        peer, _ = tcp.accept()
        peer.settimeout(LIMIT)
        data = rng.randbytes(1 << 20)
        thread = threading.Thread(target=con.sendall, args=(data,))
        thread.start()
        got = b''
        while len(got) < len(data):
            got += peer.recv(65536)
        thread.join()
        expect(got == data, 'TCP was changed')
        con.close()
        peer.close()
        nb = wire.same()
        counters = postern.stop_watch()
        expect(counters['sent_packets'] == counters['rx_packets'] and counters['fragments'] > 0, repr(counters))
        expect(counters['undecodable_packets'] > 0, 'the wrong frames were not sent')
        postern.stop()
        return '%d frames' % nb


@case
def everything_else_by_pcap():
    return everything_else('net_pcap')


@case
def many_connections():
    """200 connections at once, every tenth to a lookalike."""
    with Rig(case.build) as rig:
        postern = rig.start()
        rig.server_postfix()
        postern.start_watch()
        wire = Wire(rig)
        to = ['user%03d@army.%s' % (i, 'ml' if i % 10 == 0 else 'mil') for i in range(200)]
        failed, all_in = [], threading.Barrier(200)

        def one(i):
            try:
                smtp = Raw(rig_net(rig), SERVER6 if i % 2 else SERVER)
                all_in.wait(2 * LIMIT)
                smtp.say('EHLO gw.example.com')
                smtp.say('MAIL FROM:<jane@example.com>', 'RCPT TO:<%s>' % to[i], 'DATA')
                text = message(to[i], 20000, i).replace('\n', '\r\n').replace('\r\n.', '\r\n..')
                smtp.say(text + '\r\n.'.lstrip('\r\n') if text.endswith('\r\n') else text + '\r\n.', replies=1)
                smtp.quit()
            except Exception as e:
                failed.append('%s: %r' % (to[i], e))
        threads = [threading.Thread(target=one, args=(i,)) for i in range(200)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(4 * LIMIT)
        expect(not failed, '\n'.join(failed[:5]))
        check_stored(rig, to)
        nb = wire.same()
        expect_alerts(alerts_of(postern, 20), to[::10])
        counters = postern.stop_watch()
        expect(counters['flows'] == 200, 'flows: %d' % counters['flows'])
        postern.stop()
        return '%d frames' % nb


class rig_net:
    """What golden's raw client wants of a network."""

    def __init__(self, rig):
        self.rig = rig

    @property
    def client(self):
        return Entered(self.rig.client.name)


class Entered:
    """setns() of this thread alone; the rig's Namespace object keeps one descriptor for all."""

    def __init__(self, name):
        self.space = rigs.Namespace.__new__(rigs.Namespace)
        self.space.name = name

    def __enter__(self):
        return self.space.__enter__()

    def __exit__(self, *a):
        return self.space.__exit__(*a)


def comparable(record):
    """An alert without what a replay has otherwise: id, sequence, hold time, observer and clock; and the capture's frame."""
    r = json.loads(json.dumps(record))
    for path in ('event.id', 'event.sequence', 'event.created', '@timestamp', 'observer', 'postern.hold_us', 'postern.store_id',
                 'postern.frame'):
        at = r
        *parents, last = path.split('.')
        for p in parents:
            at = at.get(p, {})
        at.pop(last, None)
    return json.dumps(r, sort_keys=True)


@case
def replay_agrees():
    """What was recorded on the wire and is replayed gives the same alerts."""
    with Rig(case.build) as rig:
        postern = rig.start()
        rig.server_postfix()
        dump = rig.dump('server')
        client = rig.client_postfix()
        to = ['a@army.mil', 'b@army.ml', 'c@hq.army.ml', 'd@example.net', 'e@navy.ml', 'f@gmial.com']
        client.send('jane@example.com', to, message('list', 3000, 3))
        client.send('john@example.com', ['g@army.ml'], message('g@army.ml', 30000, 4, 'john@example.com'))
        client.wait(r'qmgr\[\d+\]: \w+: removed', 2)
        smtp = Raw(rig_net(rig), SERVER6)
        smtp.say('EHLO gw')
        smtp.say('MAIL FROM:<x@example.com>', 'RCPT TO:<"odd one"@army.ml>', 'RCPT TO: <late@army.ml> ', 'RSET')
        smtp.quit()
        dump.stop()
        live = alerts_of(postern, 4)
        postern.stop()
        live = postern.alerts()
        out = rig.tmp + '/replayed'
        run(rig.postern, 'replay', '--quiet', '--alerts', out, dump.path)
        with open(out) as f:
            replayed = [x for x in map(json.loads, f) if 'rule' in x]
        expect(len(live) >= 6, 'only %d alerts' % len(live))
        a, b = sorted(map(comparable, live)), sorted(map(comparable, replayed))
        expect(a == b, 'live and replayed alerts differ:\n%s\n\n%s' % ('\n'.join(a), '\n'.join(b)))
        return '%d alerts' % len(a)


@case
def fragments():
    """Fragments of both families go on as they came; the mail in them is read. A driver that does not merge IPv4 ones."""
    with Rig(case.build) as rig:
        postern = rig.start({'source': rig.ports('net_pcap')})
        rig.server_postfix()
        postern.start_watch()
        for side, dev in (rig.client, 'c0'), (rig.server, 's0'):
            run('ip', '-n', side.name, 'link', 'set', dev, 'mtu', '1500')
        wire = Wire(rig)
        for addr in SERVER, SERVER6:
            for size in 1472, 3000, 20000:
                ping(rig, addr, size)
        fragmented_mail(rig)
        nb = wire.same()
        expect_alerts(alerts_of(postern, 2), ['frag@army.ml'] * 2)
        counters = postern.stop_watch()
        expect(counters['reassembled_datagrams'] >= 2, repr(counters))
        postern.stop()
        return '%d frames' % nb


def fragmented_mail(rig):
    """RCPT in two fragments, the second one first, over a real connection whose octets a raw socket sends."""
    for order in (0, 1), (1, 0):
        smtp = Raw(rig_net(rig), SERVER)
        smtp.say('EHLO gw')
        smtp.say('MAIL FROM:<x@example.com>')
        send_in_fragments(rig, smtp.sock, b'RCPT TO:<frag@army.ml>\r\n', order)
        expect(smtp.reply() == 250, 'the server did not read the fragments')
        smtp.sock.close()


def send_in_fragments(rig, sock, octets, order):
    """
    @octets in one IPv4 datagram of two fragments. The sequence number is the connection's own (TCP_REPAIR reads it); the
    kernel is then told that it has sent them.
    """
    TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ, SEND, RECV = 19, 20, 21, 2, 1
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    seqs = []
    for queue in SEND, RECV:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
        seqs.append(sock.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ) & 0xffffffff)
    # In repair mode send() queues octets as sent, and sends nothing.
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, SEND)
    sock.send(octets)
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, -1)
    src, sport = sock.getsockname()
    dst, dport = sock.getpeername()
    tcp = struct.pack('!HHIIBBHHH', sport, dport, seqs[0], seqs[1], 8 << 4, 0x18, 64000, 0, 0)
    tcp += timestamps(rig, sock) + octets
    pseudo = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack('!HH', 6, len(tcp))
    data = pseudo + tcp + b'\0' * (len(tcp) % 2)
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    total = (total & 0xffff) + (total >> 16)
    total = (total & 0xffff) + (total >> 16)
    tcp = tcp[:16] + struct.pack('!H', 0xffff - total) + tcp[18:]
    with rig.client:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    cut = 40
    ident = random.randrange(1, 65536)
    parts = [(0x2000, tcp[:cut]), (cut // 8, tcp[cut:])]
    for i in order:
        flags, piece = parts[i]
        head = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(piece), ident, flags, 64, 6, 0, socket.inet_aton(src),
                           socket.inet_aton(dst))
        raw.sendto(head + piece, (dst, 0))


def timestamps(rig, sock):
    """Options of the segment: what the connection negotiated is on (RFC 7323), so each segment must have one."""
    TCP_TIMESTAMP = 24
    now = sock.getsockopt(socket.IPPROTO_TCP, TCP_TIMESTAMP) & 0xffffffff
    return struct.pack('!BBBBII', 1, 1, 8, 10, now, 0)


@case
def refusals():
    """A start that cannot work ends at once, and says what and what to do; and takes nothing with it."""
    with Rig(case.build) as rig:
        pair = rig.ports()['pairs'][0]
        cases = [
            ({'source': {'pairs': [dict(pair, b='net_af_packet1,iface=none0')]}}, 4, 'port net_af_packet1,iface=none0: no'),
            ({'source': {'pairs': [dict(pair, b='net_nonsense0')]}}, 4, 'port net_nonsense0: no DPDK port comes up'),
            ({'source': {'pairs': [dict(pair, b='0000:ff:1f.7')]}}, 4, 'port 0000:ff:1f.7: no DPDK port comes up'),
            ({'source': dict(rig.ports(), mtu=9000)}, 4, 'an MTU of 9000 is not possible|refuses 1 queues at MTU 9000'),
            ({'source': dict(rig.ports(), memory=16)}, 4, 'no memory for .* buffers .* fewer descriptors'),
            ({'source': {'pairs': []}}, 2, r'postern.yaml:\d+:\d+: error: source.pairs must be a list'),
            ({'source': dict(rig.ports(), cores=[0]), 'workers': 2}, 2, '2 workers need as many CPUs in source.cores, not 1'),
            ({'source': rig.ports(), 'rules': '/nonexistent'}, 2, '/nonexistent'),
        ]
        with open('/proc/meminfo') as f:
            if re.search(r'^HugePages_Free: +0$', f.read(), re.M):
                cases.append(({'source': dict(rig.ports(), hugepages='yes')}, 4,
                              r'256 MiB of hugepages are wanted and 0 are free: reserve them'))
        for config, code, text in cases:
            began = time.monotonic()
            try:
                rig.start(config)
            except RuntimeError as e:
                said = str(e)
            else:
                raise AssertionError('it starts with %r' % config)
            expect('ended with %d' % code in said and re.search(text, said), 'for %r it says:\n%s' % (config, said))
            expect(time.monotonic() - began < LIMIT, 'that took too long')
        left = run('ip', 'netns', 'pids', rig.bump.name)
        expect(left == '', 'processes are left: ' + left)
        rig.start().stop()
        return '%d refused' % len(cases)


@case
def pinned():
    """source.cores: each worker runs on its CPU and nowhere else."""
    with Rig(case.build) as rig:
        cpus = sorted(os.sched_getaffinity(0))[-2:]
        postern = rig.start({'workers': len(cpus), 'source': dict(rig.ports(), cores=cpus)})
        found, pid = {}, postern.dataplane()
        for task in os.listdir('/proc/%d/task' % pid):
            with open('/proc/%d/task/%s/status' % (pid, task)) as f:
                status = f.read()
            name = re.search(r'^Name:\t(\S+)', status)[1]
            if re.fullmatch(r'(lcore|rte)-worker-\d+', name):
                found[name] = re.search(r'^Cpus_allowed_list:\t(\S+)', status, re.M)[1]
        expect([found[k] for k in sorted(found)] == [str(c) for c in cpus], 'threads %r for CPUs %r' % (found, cpus))
        ping(rig, SERVER, 56)
        postern.stop()


@case
def telemetry():
    """The workers' counters on DPDK's telemetry socket, and the ports' in the segment."""
    with Rig(case.build) as rig:
        postern = rig.start({'workers': 2})
        postern.start_watch()
        for _ in range(5):
            ping(rig, SERVER, 56)

        def ask(command):
            found = glob.glob(postern.dir + '/postern.*/**/dpdk_telemetry.v2*', recursive=True)
            expect(len(found) == 1, 'telemetry sockets: %r' % found)
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            s.settimeout(LIMIT)
            s.connect(found[0])
            s.recv(16384)  # greeting
            s.send(command.encode())
            return json.loads(s.recv(65536))[command.split(',')[0]]
        total = ask('/postern/stats')
        one, other = ask('/postern/stats,0'), ask('/postern/stats,1')
        expect(total['rx_packets'] >= 10 and one['rx_packets'] >= 10 and other['rx_packets'] == 0, repr((total, one, other)))
        expect(ask('/postern/stats,2') is None, 'there is no worker 2')

        def published():
            watch = postern.stop_watch()
            postern.start_watch()
            return [p['rx_packets'] for p in watch['ports']]
        wait_until('both ports published', lambda: len(published()) == 2 and min(published()) >= 5)
        ports = postern.stop_watch()['ports']
        expect([(p['wire'], p['flags'] & 0x1f, p['mtu']) for p in ports] == [(0, 0x03, 1500), (0, 0x13, 1500)], repr(ports))
        postern.stop()


def carrier(ns, dev):
    return 'LOWER_UP' in run('ip', '-n', ns.name, 'link', 'show', dev)


@case
def link_loss():
    """When one side's link goes, the other side's is taken down; when it comes back, so does the other."""
    with Rig(case.build) as rig:
        postern = rig.start()
        expect(carrier(rig.client, 'c0') and carrier(rig.server, 's0'), 'no link at the beginning')
        for this, dev, other, far in ((rig.client, 'c0', rig.server, 's0'), (rig.server, 's0', rig.client, 'c0')):
            run('ip', '-n', this.name, 'link', 'set', dev, 'down')
            wait_until('the other side has lost its link', lambda: not carrier(other, far))
            run('ip', '-n', this.name, 'link', 'set', dev, 'up')
            wait_until('the other side has its link back', lambda: carrier(other, far))
        for ns, dev, a6 in (rig.client, 'c0', rigs.CLIENT6), (rig.server, 's0', SERVER6):
            subprocess.run(['ip', '-n', ns.name, 'addr', 'add', a6 + '/64', 'dev', dev, 'nodad'], stderr=subprocess.DEVNULL)
        ping(rig, SERVER, 56)
        postern.stop()


@case
def restarts():
    """ctrl and the dataplane are killed; both come back, and mail and alerts go on."""
    with Rig(case.build) as rig:
        postern = rig.start()
        rig.server_postfix()
        client = rig.client_postfix()
        client.send('jane@example.com', ['one@army.ml'], message('one@army.ml', 500, 1))
        alerts_of(postern, 1)
        os.kill(postern.child('postern-ctrl'), 9)
        postern.wait_for('control process was killed')
        client.send('jane@example.com', ['two@army.ml'], message('two@army.ml', 500, 2))
        alerts_of(postern, 2)
        os.kill(postern.dataplane(), 9)
        postern.wait_for('inspecting', 2)
        client.send('jane@example.com', ['three@army.ml'], message('three@army.ml', 500, 3))
        check_stored(rig, ['one@army.ml', 'two@army.ml', 'three@army.ml'])
        expect_alerts(alerts_of(postern, 3), ['one@army.ml', 'two@army.ml', 'three@army.ml'])
        sequence = [x['event']['sequence'] for x in postern.alerts()]
        expect(len(set(sequence)) == 3, 'sequence numbers %r' % sequence)
        said = postern.stop()
        return ' '.join(x for x in said.splitlines() if 'was down' in x)


class QuickServer(threading.Thread):
    """Says 250 to every line, as fast as it can; for floods that a mail server would take minutes for."""

    def __init__(self, rig):
        super().__init__(daemon=True)
        with rig.server:
            self.listener = socket.create_server((SERVER, 25))
        self.listener.settimeout(LIMIT)
        self.start()

    def run(self):
        con, _ = self.listener.accept()
        con.settimeout(LIMIT)
        con.sendall(b'220 mx ESMTP\r\n')
        while True:
            data = con.recv(1 << 16)
            if not data:
                return
            con.sendall(b'250 ok\r\n' * data.count(b'\n'))


@case
def lost_events():
    """ctrl stands still and the ring fills: mail goes on, what is lost is counted, and said when ctrl is back."""
    with Rig(case.build) as rig:
        postern = rig.start()
        postern.start_watch()
        QuickServer(rig)
        smtp = Raw(rig_net(rig), SERVER)
        smtp.say('EHLO gw')
        ctrl = postern.child('postern-ctrl')
        os.kill(ctrl, signal.SIGSTOP)
        nb = 20000
        for first in range(0, nb, 100):
            lines = ['MAIL FROM:<jane@example.com>'] if first % 1000 == 0 else []
            lines += ['RCPT TO:<user%05d@army.ml>' % i for i in range(first, first + 100)]
            smtp.say(*lines + (['RSET'] if first % 1000 == 900 else []))
        smtp.quit()
        counters = postern.stop_watch()
        os.kill(ctrl, signal.SIGCONT)
        expect(counters['recipients'] == counters['matches'] == nb, 'recipients: %d' % counters['recipients'])
        expect(counters['events_lost'] > 0, 'nothing was lost: the ring is larger than the flood')
        # What comes next finds room, and the report of the loss before it.

        def lost():
            try:
                with open(postern.alerts_path) as f:
                    return [r['postern']['lost'] for r in map(json.loads, f) if 'lost' in r.get('postern', {})]
            except (FileNotFoundError, ValueError):
                return []
        wait_until('the flow has ended', lambda: len(postern.alerts()) > 1000)
        postern.stop()
        reported = sum(x['to'] - x['from'] + 1 for x in lost())
        expect(reported > 0, 'no lost record')
        with open(postern.alerts_path) as f:
            records = [json.loads(x) for x in f]
        sequence = [r['event']['sequence'] for r in records]
        expect(sequence == list(range(sequence[0], sequence[0] + len(sequence))), 'the sequence has gaps')
        return '%d of %d events lost and said so' % (reported, counters['events'] + counters['events_lost'])


@case
def stuck_dataplane():
    """A dataplane that hangs is noticed, ended and started again; mail goes on."""
    with Rig(case.build) as rig:
        postern = rig.start()
        rig.server_postfix()
        client = rig.client_postfix()
        stuck = postern.dataplane()
        os.kill(stuck, signal.SIGSTOP)
        postern.wait_for('has stood still')
        postern.wait_for('inspecting', 2)
        expect(postern.dataplane() != stuck, 'it is the same process')
        client.send('jane@example.com', ['gen@army.ml'], message('gen@army.ml', 500, 1))
        check_stored(rig, ['gen@army.ml'])
        expect_alerts(alerts_of(postern, 1), ['gen@army.ml'])
        postern.stop()


def spread(source, checks, relayed=False):
    """Two workers; what was found does not depend on it."""
    with Rig(case.build) as rig:
        postern = rig.start({'workers': 2, 'source': source(rig)})
        if relayed:
            rig.relay()
            wait_for_relays(rig)
        rig.server_postfix()
        postern.start_watch()
        wire = Wire(rig)
        client = rig.client_postfix(inet_protocols='all')
        to = ['user%02d@army.%s' % (i, 'ml' if i % 4 == 0 else 'mil') for i in range(32)]
        for i, one in enumerate(to):
            client.send('jane@example.com', [one], message(one, 3000, i))
        client.wait(r'qmgr\[\d+\]: \w+: removed', len(to))
        check_stored(rig, to)
        # Connections overtake each other between workers; each one's own order is judged by the digests.
        nb = wire.same(ordered=False)
        expect_alerts(alerts_of(postern, 8), to[::4])
        counters = postern.stop_watch()
        checks(counters, postern)
        postern.stop()
        return '%d frames, %d spread, %d snapshots' % (nb, counters['spread_packets'], counters['snapshots'])


def pings(rig):
    """Does one echo get through within a second?"""
    global LIMIT
    kept, LIMIT = LIMIT, 1
    try:
        ping(rig, SERVER, 56)
        return True
    except OSError:
        return False
    finally:
        LIMIT = kept


def wait_for_relays(rig):
    try:
        wait_until('the relays', lambda: pings(rig))
    except RuntimeError as e:
        raise RuntimeError('%s\n%s' % (e, rig.relay_said()))


@case
def two_workers():
    """One queue per port: one worker receives and sends, the other inspects what is its."""
    def checks(counters, postern):
        expect(counters['spread_packets'] == counters['handed_in_packets'] > 0, 'nothing was spread')
    return spread(lambda rig: rig.ports(), checks)


def expect_all_work(rig, postern):
    """Each worker has received from queues of its own, inspected, and sent by them."""
    status = json.loads(run(rig.postern, 'status', '--json', '--state', postern.dir + '/state'))
    for worker in status['workers']:
        idle = [k for k in ('rx_packets', 'inspected_packets', 'sent_packets') if worker['counters'][k] == 0]
        expect(idle == [], 'worker %d has no %r:\n%s' % (worker['worker'], idle, postern.said()))


def check_two_queues(counters, postern):
    expect(postern.said().count('got 2 rx and 2 tx') == 2, 'not two queues:\n' + postern.said())
    expect(counters['spread_packets'] == counters['handed_in_packets'] > 0, 'nothing was spread')
    expect_all_work(postern.rig, postern)


@case
def two_queues():
    """Two queues per port and two workers; the kernel's hash is not ours, so both hand frames to each other."""
    return spread(lambda rig: rig.ports(more=',qpairs=2'), check_two_queues)


@case
def two_queues_memif():
    """The same on shared memory."""
    return spread(lambda rig: rig.ports_of_relays('memif', 2), check_two_queues, relayed=True)


@case
def two_queues_vhost():
    """And on those of a virtual machine."""
    return spread(lambda rig: rig.ports_of_relays('vhost', 2), check_two_queues, relayed=True)


@case
def jumbo():
    """MTU 9000: mail and everything else in large frames, each in one large buffer."""
    return large_frames(lambda rig: rig.ports('net_pcap'))


@case
def jumbo_vhost():
    """The same on a port that gives a large frame in several buffers."""
    return large_frames(lambda rig: rig.ports_of_relays('vhost', 1, 16384), True)


def large_frames(source, relayed=False):
    with Rig(case.build) as rig:
        for ns, dev in (rig.client, 'c0'), (rig.bump, 'va'), (rig.bump, 'vb'), (rig.server, 's0'):
            run('ip', '-n', ns.name, 'link', 'set', dev, 'mtu', '9000')
        postern = rig.start({'source': dict(source(rig), mtu=9000)})
        if relayed:
            rig.relay()
            wait_for_relays(rig)
        rig.server_postfix()
        postern.start_watch()
        wire = Wire(rig)
        ping(rig, SERVER, 8000)
        ping(rig, SERVER6, 8000)
        smtp = Raw(rig_net(rig), SERVER)
        smtp.say('EHLO gw')
        # One frame of about 8,000 octets: the lookalike stands in its last buffer.
        lines = ['MAIL FROM:<jane@example.com>'] + ['RCPT TO:<user%03d@example.net>' % i for i in range(240)]
        smtp.say(*lines, 'RCPT TO:<last@army.ml>')
        smtp.quit()
        nb = wire.same()
        expect_alerts(alerts_of(postern, 1), ['last@army.ml'])
        counters = postern.stop_watch()
        expect(counters['recipients'] == 241, 'recipients: %d' % counters['recipients'])
        expect((counters['chained_packets'] > 0) == relayed and counters['chained_packets_cut'] == 0,
               'in several buffers: %d\n%s' % (counters['chained_packets'], postern.said()))
        postern.stop()
        return '%d frames, %d of mail in several buffers' % (nb, counters['chained_packets'])


@case
def tap():
    """A mirror port: nothing is sent, the alerts are there."""
    with Rig(case.build) as rig:
        rig.server_postfix()
        # The wire is a bridge of the kernel's; its mirror is what the tap reads.
        run('ip', '-n', rig.bump.name, 'link', 'add', 'br0', 'type', 'bridge')
        for port in 'va', 'vb':
            run('ip', '-n', rig.bump.name, 'link', 'set', port, 'master', 'br0')
        run('ip', '-n', rig.bump.name, 'link', 'set', 'br0', 'up')
        postern = rig.start({'source': {'taps': [{'port': 'net_af_packet0,iface=va,framesz=2048,blocksz=65536,framecnt=4096'}]}})
        postern.start_watch()
        client = rig.client_postfix()
        client.send('jane@example.com', ['gen@army.ml'], message('gen@army.ml', 500, 1))
        client.wait(r'qmgr\[\d+\]: \w+: removed', 1)
        check_stored(rig, ['gen@army.ml'])
        expect_alerts(alerts_of(postern, 1), ['gen@army.ml'])
        counters = postern.stop_watch()
        expect(counters['sent_packets'] == 0 and counters['copies_done'] > 0, 'a tap sends: %r' % counters)
        postern.stop()


if __name__ == '__main__':
    case.main(sys.argv)
