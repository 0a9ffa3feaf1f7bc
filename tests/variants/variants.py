#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""variants - the same mail as other wires would have carried it

Usage: variants.py --list | variants.py CAPTURE.pcap VARIANT OUT

Each variant is a function from segments to segments or frames, deterministic (seeded by its name). VARIANTS names them:
  whole     nothing is lost: the same alerts and envelopes are expected
  degraded  octets are lost or unknown: the same alerts, or a stated anomaly; the one that must be stated is named
"""
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import wire  # noqa: E402
from wire import ACK, FIN, MASK, SYN  # noqa: E402

BIG = 300000  # octets of payload above which pieces get larger, so that a run stays short


class Variant:
    def __init__(self, name, segs=None, anomaly=None, frame=None, write=None, link=1, only=None):
        self.name = name
        self.segs = segs or (lambda s, rng: s)
        self.anomaly = anomaly  # None: nothing is lost
        self.frame = frame or {}
        self.write = write      # None: goes into the common file of Ethernet frames
        self.link = link
        self.only = only        # applies to captures for which this is true

    @property
    def degraded(self):
        return self.anomaly is not None


# --- segments to segments ---------------------------------------------------------------------------------------------
def pieces(segs, size_of):
    for s in segs:
        i = 0
        while i < len(s.data):
            n = size_of(i, len(s.data))
            yield s.cut(i, min(i + n, len(s.data)))
            i += n
        if not s.data:
            yield s


def payload(segs):
    return sum(len(s.data) for s in segs)


def one_octet(segs, rng):
    if payload(segs) < BIG:
        return list(pieces(segs, lambda i, n: 1))
    return list(pieces(segs, lambda i, n: 1 if n < 400 or i < 20 or i >= n - 20 else min(200, n - 20 - i)))


def small(segs, rng):
    top = 40 if payload(segs) < BIG else 700
    return list(pieces(segs, lambda i, n: rng.randint(1, top)))


def runs(segs):
    """Consecutive segments of one direction with octets, at most eight; all others stand alone."""
    run = []
    for s in segs:
        if run and (not s.data or s.way != run[0].way or s.conn is not run[0].conn or len(run) == 8):
            yield run
            run = []
        if s.data and not s.flags & (SYN | FIN):
            run.append(s)
        else:
            yield [s]
    if run:
        yield run


def join(groups):
    return [s for g in groups for s in g]


def reordered(segs, rng):
    return join(rng.sample(run, len(run)) for run in runs(small(segs, rng)))


def backwards(segs, rng):
    return join(run[::-1] for run in runs(small(segs, rng)))


def duplicated(segs, rng):
    out, late = [], []
    for s in segs:
        out.append(s)
        if s.data:
            out.append(s)
            late.append(s)
        if len(late) > 3:
            out.append(late.pop(0))
    return out


def overlapping(segs, rng):
    """Every piece repeats octets of the one before, and some reach over what follows; the octets agree."""
    out = []
    top = 40 if payload(segs) < BIG else 700
    for s in segs:
        i = 0
        while i < len(s.data):
            n = rng.randint(1, top)
            out.append(s.cut(max(0, i - rng.randint(0, 30)), min(len(s.data), i + n + rng.randint(0, 30))))
            i += n
        if not s.data:
            out.append(s)
    return out


def decoy_first(segs, rng):
    """Before each segment that names .ml, one of the same length that does not: which one does the server read?"""
    out = []
    for s in segs:
        if s.way == 0 and b'.ml>' in s.data.lower():
            low = s.data.lower()
            fake = bytearray(s.data)
            at = low.find(b'.ml>')
            while at >= 0:
                fake[at + 1:at + 3] = b'zz'
                at = low.find(b'.ml>', at + 1)
            out.append(s.but(data=bytes(fake)))
        out.append(s)
    return out


def decoy_last(segs, rng):
    """The same with the decoy behind, before anything was acknowledged."""
    out = []
    for s in decoy_first(segs, rng):
        if out and s.data and out[-1].seq == s.seq and out[-1].way == s.way == 0 and len(out[-1].data) == len(s.data) \
                and out[-1].data != s.data:
            out.insert(len(out) - 1, s)
        else:
            out.append(s)
    return out


def coalesced(segs, rng):
    """As a receive offload hands it over: consecutive segments as one frame of up to 60,000 octets."""
    out = []
    for run in runs(segs):
        for s in run:
            if s.data and out and out[-1].data and out[-1].conn is s.conn and out[-1].way == s.way and \
                    (out[-1].seq + len(out[-1].data)) & MASK == s.seq and len(out[-1].data) + len(s.data) < 60000 and \
                    not (out[-1].flags | s.flags) & (SYN | FIN):
                out[-1] = out[-1].but(data=out[-1].data + s.data, flags=out[-1].flags | s.flags)
            else:
                out.append(s)
    return out


def wrapped(segs, rng):
    """Both directions cross 2^32 in the middle of their octets."""
    shift = {}
    for s in segs:
        if s.flags & SYN:
            octets = sum(len(x.data) for x in segs if x.conn is s.conn and x.way == s.way)
            shift[(s.conn, s.way)] = (-(octets // 2) - s.seq) & MASK
    return [s.but(seq=(s.seq + shift[(s.conn, s.way)]) & MASK,
                  ack=(s.ack + shift[(s.conn, 1 - s.way)]) & MASK if s.flags & ACK else 0) for s in segs]


def on_port(port):
    def change(segs, rng):
        conns = {}
        out = []
        for s in segs:
            if s.conn not in conns:
                conns[s.conn] = s.conn.copy()
                conns[s.conn].sport = port
            out.append(s.but(conn=conns[s.conn]))
        return out
    return change


def to_ipv6(segs, rng):
    conns, out = {}, []
    for s in segs:
        if s.conn not in conns:
            c = conns[s.conn] = s.conn.copy()
            if len(c.cip) == 4:
                c.cip, c.sip = wire.ip('2001:db8::7'), wire.ip('2001:db8::25')
        out.append(s.but(conn=conns[s.conn]))
    return out


def six_reordered(segs, rng):
    return to_ipv6(reordered(segs, rng), rng)


def client_only(segs, rng):
    return [s for s in segs if s.way == 0]


def no_pure_acks(segs, rng):
    """Acknowledgements without octets are not in the capture."""
    return [s for s in segs if s.data or s.flags & (SYN | FIN)]


def no_handshake(segs, rng):
    seen, out = {}, []
    for s in segs:
        if s.flags & SYN:
            continue
        if not s.data and s.way == 0 and not seen.get(s.conn) and not s.flags & FIN:
            seen[s.conn] = True
            continue
        seen[s.conn] = True
        out.append(s)
    return out


def no_syn(segs, rng):
    return [s for s in segs if not (s.flags & SYN and s.way == 0)]


def begins_at_rcpt(segs, rng):
    """The capture begins with the segment that holds the first RCPT."""
    begun, out = set(), []
    for s in segs:
        if s.way == 0 and b'RCPT' in s.data.upper():
            begun.add(s.conn)
        if s.conn in begun:
            out.append(s)
    return out


def never_closed(segs, rng):
    return [s for s in segs if not s.flags & FIN or s.data]


def missing(way, index):
    def drop(segs, rng):
        n = -1
        out = []
        for s in segs:
            if s.data and s.way == way:
                n += 1
                if n == index:
                    continue
            out.append(s)
        return out
    return drop


# --- the list ---------------------------------------------------------------------------------------------------------
def pcapng(**kw):
    return lambda path, frames, link: wire.write_pcapng(path, frames, link, **kw)


def pcap(**kw):
    return lambda path, frames, link: wire.write_pcap(path, frames, link, **kw)


def is4(segs):
    return len(segs[0].conn.cip) == 4


VARIANTS = [
    Variant('rebuilt'),
    Variant('one-octet', one_octet),
    Variant('small-segments', small),
    Variant('reordered', reordered),
    Variant('backwards', backwards),
    Variant('duplicated', duplicated),
    Variant('overlapping', overlapping),
    Variant('coalesced', coalesced),
    Variant('no-pure-acks', no_pure_acks),
    Variant('seq-wrap', wrapped),
    Variant('seq-wrap-reordered', lambda s, rng: reordered(wrapped(s, rng), rng)),
    Variant('port-587', on_port(587)),
    Variant('port-2525', on_port(2525)),
    Variant('vlan', frame={'tags': ((0x8100, 0x0064),)}),
    Variant('qinq', frame={'tags': ((0x88a8, 0x0064), (0x8100, 0x2065))}),
    Variant('mpls', frame={'tags': ((0x8847, 17), (0x8847, 4000))}),
    Variant('ip-fragments', frame={'frag': 32}, only=is4),
    Variant('ip-fragments-backwards', frame={'frag': 64, 'order': -1}, only=is4),
    Variant('ip-options', frame={'ip4_options': b'\x94\x04\0\0\1\1\1\0'}, only=is4),
    Variant('ipv6', to_ipv6),
    Variant('ipv6-fragments', to_ipv6, frame={'frag': 32}),
    Variant('ipv6-fragments-backwards', to_ipv6, frame={'frag': 64, 'order': -1}),
    Variant('ipv6-extension', to_ipv6, frame={'ext6': bytes([0, 1, 4, 0, 0, 0, 0])}),
    Variant('ipv6-reordered', six_reordered),
    Variant('vlan-fragments', frame={'tags': ((0x8100, 0x0065),), 'frag': 40}),
    Variant('nanoseconds', write=pcap(nano=True)),
    Variant('swapped', write=pcap(swapped=True)),
    Variant('swapped-nanoseconds', write=pcap(swapped=True, nano=True)),
    Variant('pcapng', write=pcapng()),
    Variant('pcapng-swapped', write=pcapng(swapped=True)),
    Variant('sll', write=pcap(), link=113),
    Variant('sll2', write=pcap(), link=276),
    Variant('raw-ip', write=pcap(), link=101),
    Variant('raw-ipv6', to_ipv6, write=pcapng(), link=229),
    Variant('raw-ipv4', write=pcap(), link=228, only=is4),
    Variant('null', write=pcap(), link=0),
    Variant('loop', write=pcap(), link=108),
    Variant('never-closed', never_closed),
    Variant('no-syn', no_syn),
    Variant('decoy-first', decoy_first, anomaly='overlap_diff'),
    Variant('decoy-last', decoy_last, anomaly='overlap_diff'),
    Variant('client-only', client_only, anomaly='one_sided'),
    Variant('no-handshake', no_handshake, anomaly='midstream'),
    Variant('begins-at-rcpt', begins_at_rcpt, anomaly='midstream'),
    Variant('snaplen-96', anomaly='truncated', write=pcap(snaplen=96)),
    Variant('snaplen-200', anomaly='truncated', write=pcap(snaplen=200)),
]


def lossy(segs):
    """One variant per missing segment: each of a small capture, a seeded dozen of a large one."""
    out = []
    rng = random.Random('missing')
    for way, name, most in ((0, 'client', 14), (1, 'server', 8)):
        n = sum(1 for s in segs if s.data and s.way == way)
        picked = range(n) if n <= most else sorted(rng.sample(range(n), most))
        for i in picked:
            out.append(Variant('missing-%s-%d' % (name, i + 1), missing(way, i), anomaly='gap_' + name))
    return out


def all_of(segs):
    return [v for v in VARIANTS + lossy(segs) if v.only is None or v.only(segs)]


# --- making one -------------------------------------------------------------------------------------------------------
def readdress(segs, number):
    """Ends of their own for each variant, so that one run can hold many: 198.18.N.7 and 198.19.N.25."""
    conns, out = {}, []
    for s in segs:
        if s.conn not in conns:
            c = conns[s.conn] = s.conn.copy()
            if len(c.cip) == 4:
                c.cip, c.sip = bytes([198, 18, number, 7]), bytes([198, 19, number, 25])
            else:
                c.cip, c.sip = wire.ip('2001:db8:%x::7' % number), wire.ip('2001:db8:%x::25' % number)
        out.append(s.but(conn=conns[s.conn]))
    return out


def frames_of(variant, segs, number):
    """[(ts, frame)] of one variant; times never decrease."""
    rng = random.Random(variant.name)
    made = readdress(variant.segs(segs, rng), number)
    opts = dict(variant.frame)
    tags, order = opts.pop('tags', ()), opts.pop('order', 1)
    out, now = [], 0
    for ident, s in enumerate(made, 1):
        now = max(now + 100, s.ts)
        for packet in wire.ip_packets(s, ident=ident, **opts)[::order]:
            out.append((now, wire.ethernet(packet, s.way, tags) if variant.link == 1 else
                        wire.link_frame(variant.link, packet, s.way)))
            now += 10
    return out


def main(argv):
    if argv == ['--list']:
        for v in VARIANTS:
            print('%-28s %s' % (v.name, 'degraded, %s' % v.anomaly if v.degraded else 'whole'))
        return
    if len(argv) != 3:
        sys.exit(__doc__)
    segs = wire.read(argv[0])
    for v in all_of(segs):
        if v.name == argv[1]:
            write = v.write or pcap()
            write(argv[2], frames_of(v, segs, 1), v.link)
            return
    sys.exit('no such variant of this capture: ' + argv[1])


if __name__ == '__main__':
    main(sys.argv[1:])
