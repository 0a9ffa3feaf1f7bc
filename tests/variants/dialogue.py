#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""dialogue - a capture out of a written dialogue

Usage: dialogue.py DIALOGUE.txt OUT.pcap

    # comment
    C: EHLO x                 a line of the client; CRLF is added
    S: 250 ok                 of the server
    C| text                   octets as they stand, without line end; escapes \\r \\n \\t \\\\ \\xHH work everywhere
    C*1000: RCPT TO:<u{i}@example.net>      a line 1,000 times, {i} counts from 1; C|*5000 A repeats octets
    --                        ends a segment: lines of one side up to there leave together
    ! alert ADDRESS DOMAIN MEANT TRANSACTION INDEX        ground truth, see tests/golden/run.py; * is anything
    ! anomaly NAME
    ! silent                  no envelope at all
    ! txn N key=value...      helo, sender, recipients (their number), data, go, reply, body, complete

Lines of the other side end a segment too. Segments are of at most 1,448 octets.
"""
import os
import re
import shlex
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wire  # noqa: E402

LINE = re.compile(r'([CS])(\|?)(?:\*(\d+))?(:?) ?(.*)$', re.S)
MSS = 1448
TS0 = 1700000000 * 10**9
SYN_OPTS = bytes([2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7])
OPTS = bytes([1, 1, 8, 10, 0, 0, 0, 2, 0, 0, 0, 1])


def unescape(text):
    one = {'r': b'\r', 'n': b'\n', 't': b'\t', '\\': b'\\'}
    out = b''
    for part in re.split(r'(\\x[0-9a-fA-F]{2}|\\.)', text):
        if part.startswith('\\x'):
            out += bytes([int(part[2:], 16)])
        elif part.startswith('\\'):
            out += one[part[1]]
        else:
            out += part.encode()
    return out


def plain_controls(word):
    """xHH of ASCII as the character that JSON will hold; of other octets as Postern writes octets that are no UTF-8."""
    return re.sub(r'\\x([0-7][0-9a-f])', lambda m: chr(int(m.group(1), 16)), word)


def parse(path):
    """(list of (way, octets), truth)."""
    turns, fresh = [], True
    truth = {'alerts': [], 'anomalies': [], 'txns': {}}
    with open(path, encoding='utf-8') as f:
        for no, line in enumerate(f, 1):
            line = line.rstrip('\n')
            if not line or line.startswith('#'):
                continue
            if line == '--':
                fresh = True
                continue
            if line.startswith('! '):
                words = shlex.split(line[2:], posix=True)
                if words[0] == 'alert':
                    words = [None if w == '*' else plain_controls(w) for w in words]
                    truth['alerts'].append({'address': words[1], 'domain': words[2], 'meant': words[3],
                                            'transaction': words[4] and int(words[4]),
                                            'recipient_index': words[5] and int(words[5])})
                elif words[0] == 'anomaly':
                    truth['anomalies'].append(words[1])
                elif words[0] == 'silent':
                    truth['silent'] = True
                elif words[0] == 'txn':
                    truth['txns'][int(words[1])] = dict(w.split('=', 1) for w in words[2:])
                else:
                    raise ValueError('%s:%d: unknown word %s' % (path, no, words[0]))
                continue
            m = LINE.match(line)
            if m is None or bool(m.group(2)) == bool(m.group(4)):
                raise ValueError('%s:%d: %r' % (path, no, line))
            way = 'CS'.index(m.group(1))
            octets = unescape(m.group(5)) + (b'' if m.group(2) else b'\r\n')
            if m.group(3):
                times = int(m.group(3))
                octets = b''.join(octets.replace(b'{i}', b'%d' % i) for i in range(1, times + 1)) if b'{i}' in octets \
                    else octets * times
            if fresh or not turns or turns[-1][0] != way:
                turns.append([way, b''])
            turns[-1][1] += octets
            fresh = False
    return turns, truth


def segments(turns, cip='198.18.0.7', sip='198.18.0.25', cport=40000, sport=25):
    conn = wire.Conn(wire.ip(cip), wire.ip(sip), cport, sport)
    conn.isn = [1000, 5000]
    nxt, segs, ts = [1001, 5001], [], TS0

    def add(way, flags, data=b'', opts=OPTS):
        nonlocal ts
        ts += 100000
        segs.append(wire.Seg(ts, conn, way, flags, nxt[way], nxt[1 - way] if flags & wire.ACK else 0, 501, opts, data))
        nxt[way] = nxt[way] + len(data) + bool(flags & wire.FIN) & wire.MASK

    nxt = [1000, 5000]
    add(0, wire.SYN, opts=SYN_OPTS)
    nxt[0] += 1
    add(1, wire.SYN | wire.ACK, opts=SYN_OPTS)
    nxt[1] += 1
    add(0, wire.ACK)
    for way, octets in turns:
        for i in range(0, len(octets), MSS):
            add(way, wire.ACK | (wire.PSH if i + MSS >= len(octets) else 0), octets[i:i + MSS])
        add(1 - way, wire.ACK)
    add(0, wire.ACK | wire.FIN)
    add(1, wire.ACK | wire.FIN)
    add(0, wire.ACK)
    return segs


def read(path):
    turns, truth = parse(path)
    return segments(turns), truth


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    made, _ = read(sys.argv[1])
    wire.write_pcap(sys.argv[2], [(s.ts, wire.ethernet(wire.ip_packets(s)[0], s.way)) for s in made])
