# SPDX-License-Identifier: BSD-3-Clause
"""wire - TCP segments as objects: read from a capture, built into frames, written to capture files

A Seg is one TCP segment of one connection without its addresses' packaging: variants change a list of them, then
build() makes Ethernet frames with right checksums, and write_*() files of several formats and link types.
"""
import ipaddress
import struct

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
MASK = 0xffffffff


class Conn:
    """Two ends. ips are packed; all segments of a connection share one."""

    def __init__(self, cip, sip, cport, sport):
        self.cip, self.sip, self.cport, self.sport = cip, sip, cport, sport
        self.isn = [None, None]

    def copy(self):
        c = Conn(self.cip, self.sip, self.cport, self.sport)
        c.isn = list(self.isn)
        return c


class Seg:
    __slots__ = ('ts', 'conn', 'way', 'flags', 'seq', 'ack', 'win', 'opts', 'data')

    def __init__(self, ts, conn, way, flags, seq, ack, win, opts, data):
        self.ts, self.conn, self.way, self.flags = ts, conn, way, flags
        self.seq, self.ack, self.win, self.opts, self.data = seq, ack, win, opts, data

    def but(self, **kw):
        s = Seg(self.ts, self.conn, self.way, self.flags, self.seq, self.ack, self.win, self.opts, self.data)
        for k, v in kw.items():
            setattr(s, k, v)
        return s

    def cut(self, start, end):
        """The octets [start, end) of this segment as a segment of their own."""
        last = end >= len(self.data)
        flags = self.flags if last else self.flags & ~(FIN | PSH)
        return self.but(seq=(self.seq + start) & MASK, data=self.data[start:end], flags=flags)


def read(path):
    """Segments of a pcap file (little endian, Ethernet, IPv4 or IPv6, nothing else in it)."""
    with open(path, 'rb') as f:
        raw = f.read()
    magic, = struct.unpack_from('<I', raw)
    scale = {0xa1b2c3d4: 1000, 0xa1b23c4d: 1}[magic]
    at, segs, conns = 24, [], {}
    while at < len(raw):
        sec, frac, cap, _ = struct.unpack_from('<IIII', raw, at)
        frame = raw[at + 16:at + 16 + cap]
        at += 16 + cap
        kind, = struct.unpack_from('!H', frame, 12)
        if kind == 0x0800 and frame[23] == 6:
            ihl, total = (frame[14] & 15) * 4, struct.unpack_from('!H', frame, 16)[0]
            src, dst, tcp = frame[26:30], frame[30:34], frame[14 + ihl:14 + total]
        elif kind == 0x86dd and frame[20] == 6:
            src, dst, tcp = frame[22:38], frame[38:54], frame[54:54 + struct.unpack_from('!H', frame, 18)[0]]
        else:
            continue
        sport, dport, seq, ack, off, flags, win = struct.unpack_from('!HHIIBBH', tcp)
        hlen = (off >> 4) * 4
        key, back = (src, sport, dst, dport), (dst, dport, src, sport)
        if flags & SYN and key not in conns and back not in conns:
            conns[key] = Conn(src, dst, sport, dport)
        conn, way = (conns[key], 0) if key in conns else (conns[back], 1)
        if flags & SYN:
            conn.isn[way] = seq
        segs.append(Seg(sec * 10**9 + frac * scale, conn, way, flags, seq, ack, win, strip_sack(tcp[20:hlen]), tcp[hlen:]))
    return segs


def strip_sack(opts):
    """Selective acknowledgements name sequence numbers that a variant may move: they become padding."""
    out, i = bytearray(opts), 0
    while i < len(out):
        if out[i] == 0:
            break
        if out[i] == 1:
            i += 1
            continue
        n = out[i + 1]
        if out[i] == 5:
            out[i:i + n] = b'\1' * n
        i += n
    return bytes(out)


def csum(data):
    if len(data) & 1:
        data += b'\0'
    n = int.from_bytes(data, 'big') % 65535
    return 65535 - n if n else 65535 if not any(data) else 0


def tcp_bytes(s):
    c = s.conn
    src, dst, sp, dp = (c.cip, c.sip, c.cport, c.sport) if s.way == 0 else (c.sip, c.cip, c.sport, c.cport)
    head = struct.pack('!HHIIBBHHH', sp, dp, s.seq, s.ack, (20 + len(s.opts)) // 4 << 4, s.flags, s.win, 0, 0)
    seg = head + s.opts + s.data
    if len(src) == 4:
        pseudo = src + dst + struct.pack('!BBH', 0, 6, len(seg))
    else:
        pseudo = src + dst + struct.pack('!II', len(seg), 6)
    return src, dst, seg[:16] + struct.pack('!H', csum(pseudo + seg)) + seg[18:]


def ip_packets(s, ident=0, frag=0, ip4_options=b'', ext6=b''):
    """The IP packets of one segment: one, or its fragments of about @frag octets."""
    src, dst, tcp = tcp_bytes(s)
    pieces = [(0, tcp)]
    if frag and len(s.data) and len(tcp) > frag:
        step = max(frag, (len(tcp) + 40) // 41) + 7 & ~7
        pieces = [(i, tcp[i:i + step]) for i in range(0, len(tcp), step)]
    out = []
    for off, piece in pieces:
        more = off + len(piece) < len(tcp)
        whole = len(pieces) == 1
        if len(src) == 4:
            word = 0x4000 if whole else (off >> 3) | (0x2000 if more else 0)
            hl = 20 + len(ip4_options)
            head = struct.pack('!BBHHHBBH', 0x40 | hl // 4, 0, hl + len(piece), ident & 0xffff, word, 64, 6, 0)
            head += src + dst + ip4_options
            head = head[:10] + struct.pack('!H', csum(head)) + head[12:]
            out.append(head + piece)
        else:
            ext, nxt = b'', 6
            if not whole:
                ext, nxt = struct.pack('!BBHI', 6, 0, off | more, ident), 44
            if ext6:
                ext, nxt = struct.pack('!B', nxt) + ext6 + ext, 0
            out.append(struct.pack('!IHBB', 0x60000000, len(ext) + len(piece), nxt, 64) + src + dst + ext + piece)
    return out


MACS = (b'\2\0\0\0\0\x07', b'\2\0\0\0\0\x25')


def ethernet(packet, way, tags=()):
    kind = 0x0800 if packet[0] >> 4 == 4 else 0x86dd
    head = MACS[1 - way] + MACS[way]
    for tpid, value in tags:
        if tpid in (0x8847, 0x8848):
            continue
        head += struct.pack('!HH', tpid, value)
    labels = [v for t, v in tags if t == 0x8847]
    if labels:
        head += struct.pack('!H', 0x8847)
        for i, v in enumerate(labels):
            head += struct.pack('!I', v << 12 | (0x100 if i == len(labels) - 1 else 0) | 64)
    else:
        head += struct.pack('!H', kind)
    frame = head + packet
    return frame + b'\0' * (60 - len(frame))


def link_frame(link, packet, way):
    """@packet behind the header of another link type."""
    six = packet[0] >> 4 == 6
    kind = 0x86dd if six else 0x0800
    if link == 1:
        return ethernet(packet, way)
    if link == 113:  # Linux cooked, version 1
        return struct.pack('!HHH8sH', 0 if way else 4, 1, 6, MACS[way] + b'\0\0', kind) + packet
    if link == 276:  # version 2
        return struct.pack('!HHIHBB8s', kind, 0, 1, 1, 0 if way else 4, 6, MACS[way] + b'\0\0') + packet
    if link in (101, 228, 229):
        return packet
    if link == 0:  # BSD loopback, host order of the writer
        return struct.pack('<I', 30 if six else 2) + packet
    if link == 108:  # OpenBSD loopback, network order
        return struct.pack('!I', 24 if six else 2) + packet
    raise ValueError(link)


# --- files ------------------------------------------------------------------------------------------------------------
def write_pcap(path, frames, link=1, nano=False, swapped=False, snaplen=262144):
    """@frames: (ts in ns, octets) in order of time."""
    e = '>' if swapped else '<'
    rec, div = struct.Struct(e + 'IIII'), 1 if nano else 1000
    with open(path, 'wb') as f:
        f.write(struct.pack(e + 'IHHiIII', 0xa1b23c4d if nano else 0xa1b2c3d4, 2, 4, 0, 0, snaplen, link))
        for ts, frame in frames:
            f.write(rec.pack(ts // 10**9, ts % 10**9 // div, min(len(frame), snaplen), len(frame)) + frame[:snaplen])


def write_pcapng(path, frames, link=1, swapped=False, simple=False):
    """Two sections and, in the second, two interfaces of other resolutions: all that a reader must follow."""
    e = '>' if swapped else '<'

    def block(kind, body):
        body += b'\0' * (-len(body) % 4)
        n = len(body) + 12
        return struct.pack(e + 'II', kind, n) + body + struct.pack(e + 'I', n)

    def section():
        return block(0x0a0d0d0a, struct.pack(e + 'IHHq', 0x1a2b3c4d, 1, 0, -1))

    def interface(resolution):
        opts = struct.pack(e + 'HHB3xHH', 9, 1, resolution, 0, 0)
        return block(1, struct.pack(e + 'HHI', link, 0, 0) + opts)

    def enhanced(iface, ts, frame):
        head = struct.pack(e + 'IIIII', iface, ts >> 32, ts & MASK, len(frame), len(frame))
        return block(6, head + frame + b'\0' * (-len(frame) % 4))

    with open(path, 'wb') as f:
        f.write(section() + interface(6))
        half = len(frames) // 2
        for ts, frame in frames[:half]:
            f.write(enhanced(0, ts // 1000, frame))
        f.write(section() + interface(9) + interface(6) + block(5, struct.pack(e + 'III', 0, 0, 0)))
        for i, (ts, frame) in enumerate(frames[half:]):
            f.write(enhanced(0, ts, frame) if i % 2 == 0 else enhanced(1, ts // 1000, frame))


def ip(text):
    return ipaddress.ip_address(text).packed
