#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""oracle - the ground truth of a clean recording, read with none of Postern's code

Takes a capture in which nothing is missing or doubled (our own recordings, made in a private network), joins the
octets of each direction and walks the SMTP dialogue with the whole conversation at hand: the n-th reply belongs to the
n-th command. That is all a recording needs and far less than hostile traffic asks for; it is used when a case is
recorded, never to judge anything else.
"""
import struct
import sys

FIN, SYN, RST = 1, 2, 4


def read_pcap(path):
    """Frames of a little-endian pcap file, microseconds or nanoseconds: (time in ns, octets)."""
    with open(path, 'rb') as f:
        data = f.read()
    magic, = struct.unpack_from('<I', data)
    scale = {0xa1b2c3d4: 1000, 0xa1b23c4d: 1}[magic]
    link, = struct.unpack_from('<I', data, 20)
    if link != 1:
        raise ValueError('%s: link type %d, Ethernet expected' % (path, link))
    at = 24
    while at < len(data):
        sec, frac, cap, wire = struct.unpack_from('<IIII', data, at)
        if cap != wire:
            raise ValueError('%s: a frame was cut' % path)
        yield sec * 10**9 + frac * scale, data[at + 16:at + 16 + cap]
        at += 16 + cap


def tcp_segments(path):
    for ts, frame in read_pcap(path):
        kind, = struct.unpack_from('!H', frame, 12)
        if kind == 0x0800:
            ihl = (frame[14] & 15) * 4
            total, = struct.unpack_from('!H', frame, 16)
            if frame[23] != 6:
                continue
            src, dst, tcp = frame[26:30], frame[30:34], frame[14 + ihl:14 + total]
        elif kind == 0x86dd and frame[20] == 6:
            plen, = struct.unpack_from('!H', frame, 18)
            src, dst, tcp = frame[22:38], frame[38:54], frame[54:54 + plen]
        else:
            continue
        sport, dport, seq, _, off, flags = struct.unpack_from('!HHIIBB', tcp)
        yield ts, (src, sport), (dst, dport), seq, flags, tcp[(off >> 4) * 4:]


def conversations(path):
    """Each connection, in the order of their SYNs: (client octets, server octets)."""
    found = {}
    order = []
    for _, src, dst, seq, flags, payload in tcp_segments(path):
        if flags & SYN and (src, dst) not in found and (dst, src) not in found:
            found[(src, dst)] = [{}, {}, seq + 1, None]
            order.append((src, dst))
        key, way = ((src, dst), 0) if (src, dst) in found else ((dst, src), 1)
        conv = found[key]
        if flags & SYN and way == 1:
            conv[3] = seq + 1
        if payload:
            at = (seq - conv[2 + way]) & 0xffffffff
            conv[way][at] = max(payload, conv[way].get(at, b''), key=len)
    for key in order:
        conv = found[key]
        streams = []
        for way in (0, 1):
            octets = bytearray()
            for at in sorted(conv[way]):
                if at > len(octets):
                    raise ValueError('%s: octets are missing' % path)
                octets[at:at + len(conv[way][at])] = conv[way][at]
            streams.append(bytes(octets))
        yield streams


def replies(server):
    codes = []
    for line in server.split(b'\r\n'):
        if len(line) >= 3 and line[:3].isdigit() and line[3:4] != b'-':
            codes.append(int(line[:3]))
        elif not line[:3].isdigit():
            break
    return codes


def address(arg):
    arg = arg.strip()
    if arg.startswith(b'<'):
        return arg[1:arg.rindex(b'>')].decode('utf-8')
    return arg.split(b' ')[0].decode('utf-8')


def walk(client, server):
    """One session: {'tls': bool, 'transactions': [...]}."""
    codes = replies(server)
    turn = 1  # codes[0] is the greeting
    at = 0
    helo, txn, txns, tls = None, None, [], False

    def begin(sender):
        t = {'helo': helo, 'sender': sender, 'recipients': [], 'data': 'none', 'data_go': None, 'data_reply': None,
             'body_octets': 0, 'complete': True}
        txns.append(t)
        return t

    while at < len(client):
        end = client.index(b'\r\n', at)
        line = client[at:end]
        at = end + 2
        verb = line[:4].upper()
        code = codes[turn] if turn < len(codes) else None
        turn += 1
        if verb in (b'HELO', b'EHLO'):
            helo, txn = line[5:].strip().decode(), None
        elif verb == b'MAIL':
            txn = begin(address(line.split(b':', 1)[1]))
        elif verb == b'RCPT':
            txn['recipients'].append({'address': address(line.split(b':', 1)[1]), 'reply': code})
        elif verb == b'RSET':
            txn = None
        elif verb == b'DATA':
            if code != 354:
                txn['data_go'] = code
                continue
            stop = client.index(b'\r\n.\r\n', at - 2)
            txn.update(data='data', data_go=354, data_reply=codes[turn], body_octets=stop + 2 - at)
            at = stop + 5
            turn += 1
            txn = None
        elif verb == b'BDAT':
            words = line.split()
            txn['data'] = 'bdat'
            txn['body_octets'] += int(words[1])
            at += int(words[1])
            txn['data_reply'] = code
            if words[-1].upper() == b'LAST':
                txn = None
        elif verb == b'STAR' and code == 220:
            tls = True
            break
        elif verb == b'AUTH':
            while code == 334:
                at = client.index(b'\r\n', at) + 2
                code = codes[turn]
                turn += 1
    return {'tls': tls, 'transactions': txns}


def sessions(path):
    return [walk(client, server) for client, server in conversations(path)]


if __name__ == '__main__':
    import json
    for name in sys.argv[1:]:
        json.dump(sessions(name), sys.stdout, indent=1, ensure_ascii=False)
        print()
