#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""loss - verdicts on wires that lose, double, reorder, merge and repeat segments

Usage: loss.py BUILD_DIR [CASE...]        (default: all)   exit code 77: something that is needed is missing
       POSTERN_SEED: where the seeds begin (default 1)

Both wires of the rig are bad (impair.c), each in both directions. What must hold all the same: mail to the right domain
arrives with the digest it left with; of a refused RCPT line nothing leaves Postern towards the server (recorded where it
sends, before anything is lost); both kernels close; each alert tells its outcome; the counters come out even at every
snapshot.
"""
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cases import Cases  # noqa: E402
from hold import expect_closed, is_reset, outcomes, start, tcp_payload  # noqa: E402
from observe import FAMILIES, LOCKSTEP, check_stored, expect, message, rig_net  # noqa: E402
from rig import LIMIT, SERVER, SERVER6, Raw, Rig, run  # noqa: E402

SEED = int(os.environ.get('POSTERN_SEED', '1'))
case = Cases(__file__)


def wires(percent, **more):
    """Loss of so many percent, and as much of everything else; from the client, stale octets too."""
    everything = dict.fromkeys(('loss', 'double', 'reorder', 'merge', 'stale'), percent)
    return {**everything, 'seed': SEED, **more}


def impatient(rig):
    """Kernels that send again sooner: a lost segment costs 20 ms, not 200, and never more than a second."""
    for ns in rig.client, rig.server:
        run(*ns.command('sysctl', '-q', 'net.ipv4.tcp_rto_min_us=20000', 'net.ipv4.tcp_rto_max_ms=1000'))


def streams(dump):
    """
    Octets that Postern sent towards the server, by the client's port, as a server would put them together. Each has one
    reading: an octet sent again is the one sent before.
    """
    begin, found = {}, {}
    for _, frame in dump.stop():
        segment = tcp_payload(frame)
        if segment is None or segment[1] != 25:
            continue
        port, _, seq, flags, payload = segment
        if flags & 2:
            begin[port], found[port] = seq + 1, {}
        for i, octet in enumerate(payload):
            at = (seq + i - begin[port]) & 0xffffffff
            expect(found[port].setdefault(at, octet) == octet, 'port %d: octet %d was sent in two readings' % (port, at))
    out = {}
    for port, octets in found.items():
        # Beyond the first gap is nothing that the server reads.
        end = next((i for i in range(len(octets)) if i not in octets), len(octets))
        out[port] = bytes(octets[i] for i in range(end))
    return out


def check_refused(postern, counters, sent, nb):
    """@nb recipients at army.ml were refused: of none the line went on whole, and all of it was told."""
    told = outcomes(postern, nb)
    expect(len(told) == nb, '%d alerts, not %d' % (len(told), nb))
    said = [u['postern']['outcome'] for _, u in told]
    expect(set(said) <= {'closed', 'not_confirmed'}, repr(said))
    expect(counters['resets'] == nb == counters['resets_confirmed'] + counters['resets_unconfirmed'], repr(counters))
    expect(said.count('closed') == counters['resets_confirmed'], repr((said, counters)))
    expect(counters['drop_checksum'] == counters['drop_flags'] == 0, 'the wires made wrong segments: %r' % counters)
    for alert, update in told:
        octets = sent[alert['source']['port']]
        line = b'RCPT TO:<%s>\r\n' % alert['email']['to']['address'].encode()
        head = octets[octets.rfind(b'\n') + 1:]
        expect(b'EHLO' in octets and line not in octets and line.startswith(head) and
               len(head) == update['postern']['leak']['command_octets'], repr((octets[-100:], update)))
    return said.count('closed')


def check_wires(rig):
    """The wires were bad indeed."""
    did = [w.stop() for w in rig.wires]
    for what in 'lost', 'doubled', 'reordered':
        expect(all(d[way][what] > 0 for d in did for way in ('a_to_b', 'b_to_a')), 'nothing was %s: %r' % (what, did))
    return sum(d[way]['lost'] for d in did for way in ('a_to_b', 'b_to_a'))


def mail(percent, client=None, server=None, octets=200000, quick=True, seed=0):
    """Postfix to Postfix: one mail that is refused, one that arrives."""
    with Rig(case.build, impair=wires(percent, seed=SEED + seed)) as rig:
        if quick:
            impatient(rig)
        postern = start(rig)
        rig.server_postfix(**(server or {}))
        postern.start_watch()
        dump = rig.dump('beyond_b', 'in')
        pf = rig.client_postfix(**(client or {}))
        pf.send('jane@example.com', ['gen@army.ml'], message('gen@army.ml', 500, 1))
        pf.send('jane@example.com', ['gen@army.mil'], message('gen@army.mil', octets, 2))
        check_stored(rig, ['gen@army.mil'])
        pf.wait(r'to=<gen@army\.ml>.*status=deferred', 1)
        expect_closed(rig)
        outcomes(postern, 1)
        sent = streams(dump)
        counters = postern.stop_watch()
        nb_closed = check_refused(postern, counters, sent, counters['resets'])
        lost = check_wires(rig)
        postern.stop()
        return '%d segments lost, %d of %d resets confirmed, %d snapshots' % (
            lost, nb_closed, counters['resets'], counters['snapshots'])


def in_pieces(smtp, octets):
    """In segments of one to three octets, for the wire to merge and to reorder."""
    at = 0
    while at < len(octets):
        n = 1 + octets[at] % 3
        smtp.sock.sendall(octets[at:at + n])
        at += n


class Sessions:
    """@nb raw clients at once, every other one to a lookalike; each step is one of all of them."""

    def __init__(self, rig, nb, addr):
        self.to = ['user%02d@army.%s' % (i, 'mil' if i % 2 else 'ml') for i in range(nb)]
        self.rig, self.addr, self.smtp = rig, addr, [None] * nb

    def all(self, step):
        failed = []

        def one(i):
            try:
                step(i)
            except Exception as e:
                failed.append('%s: %r' % (self.to[i], e))
        threads = [threading.Thread(target=one, args=(i,)) for i in range(len(self.to))]
        for t in threads:
            t.start()
        for t in threads:
            t.join(3 * LIMIT)
        expect(not failed and not any(t.is_alive() for t in threads), '\n'.join(failed[:5]) or 'clients hang')

    def until_mail(self, i):
        self.smtp[i] = Raw(rig_net(self.rig), self.addr)
        self.smtp[i].sock.settimeout(2 * LIMIT)
        in_pieces(self.smtp[i], b'EHLO gw\r\nMAIL FROM:<jane@example.com>\r\n')
        got = [self.smtp[i].reply() for _ in range(2)]
        expect(got == [250, 250], 'EHLO and MAIL are answered by %r' % got)

    def recipient(self, i):
        in_pieces(self.smtp[i], b'RCPT TO:<%s>\r\n' % self.to[i].encode())

    def verdict(self, i):
        smtp = self.smtp[i]
        if self.to[i].endswith('.ml'):
            expect(is_reset(smtp), 'not reset')
            return
        expect(smtp.reply() == 250, 'the recipient was not taken')
        text = message(self.to[i], 20000, i).replace('\n', '\r\n').replace('\r\n.', '\r\n..')
        smtp.say('DATA')
        smtp.say(text + '.', replies=1)
        smtp.quit()


def phase(when, percent=10, addr=SERVER, nb=16, quick=True, seed=0):
    """Bad wires until the refused line begins, or from there on."""
    with Rig(case.build, impair=wires(percent, seed=SEED + seed, off=when == 'after')) as rig:
        if quick:
            impatient(rig)
        postern = start(rig)
        rig.server_postfix()
        postern.start_watch()
        dump = rig.dump('beyond_b', 'in')
        sessions = Sessions(rig, nb, addr)
        sessions.all(sessions.until_mail)
        for wire in rig.wires:
            wire.switch(when == 'after')
        sessions.all(sessions.recipient)
        sessions.all(sessions.verdict)
        check_stored(rig, sessions.to[1::2])
        expect_closed(rig)
        outcomes(postern, nb // 2)
        sent = streams(dump)
        counters = postern.stop_watch()
        nb_closed = check_refused(postern, counters, sent, nb // 2)
        lost = check_wires(rig)
        postern.stop()
        return '%d segments lost, %d of %d resets confirmed, %d snapshots' % (lost, nb_closed, nb // 2, counters['snapshots'])


@case
def mail_throughout():
    """From the first segment to the last."""
    return mail(10)


@case
def before_the_hit():
    return phase('before')


@case
def after_the_hit():
    return phase('after', addr=SERVER6)


def matrix_of_mail(percent):
    """Kernels as patient as they are by themselves; both families, pipelined or not, a larger mail, other seeds."""
    return '\n'.join([''] + [mail(percent, client, server, octets=1 << 20, quick=False, seed=10 * seed)
                            for seed in (1, 2, 3) for client in FAMILIES.values() for server in ({}, LOCKSTEP)])


def matrix_of_phases(percent):
    return '\n'.join([''] + [phase(when, percent, addr, quick=False, seed=10 * seed)
                            for seed in (1, 2, 3) for addr in (SERVER, SERVER6) for when in ('before', 'after')])


@case
def matrix_mail_4():
    return matrix_of_mail(4)


@case
def matrix_mail_10():
    return matrix_of_mail(10)


@case
def matrix_phases_4():
    return matrix_of_phases(4)


@case
def matrix_phases_10():
    return matrix_of_phases(10)


if __name__ == '__main__':
    case.main(sys.argv)
