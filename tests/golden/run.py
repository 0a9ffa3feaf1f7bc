#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""run - replay one golden case, as captured and in every variant, and compare with the ground truth

Usage: [POSTERN_GOLDEN_WORKERS=N] run.py --postern BINARY --rules PATH CASE_FOLDER [--only VARIANT] [--keep FOLDER] [--seconds N]

A case is a folder with capture.pcap and truth.json (recorded), or dialogue.txt (written: tests/variants/dialogue.py).
Two replays: the capture as it is with one worker, and all variants of it at once with two, told apart by addresses.

Expected, for a variant in which nothing is lost: exactly the alerts of the truth (recipient, domain, meant, sender,
transaction, index), no other; exactly its envelopes; the anomalies that the case names. Where octets are lost: every
recipient whose whole command line is still there is found; one that is not, is covered by a stated anomaly of that
connection; an alert beyond the truth says that it was found out of step. Exit 1 on any difference, each printed with
case, variant, what was got and what was expected.
"""
import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'variants'))
sys.dont_write_bytecode = True
import dialogue  # noqa: E402
import variants  # noqa: E402
import wire      # noqa: E402

LOSS = {'gap_client', 'gap_server', 'midstream', 'one_sided', 'resync', 'reply_unseen', 'truncated', 'overlap_diff',
        'fragment_overlap', 'alternative_reading'}
ALERT_KEYS = ('address', 'domain', 'meant', 'sender', 'transaction', 'recipient_index')


class Case:
    def __init__(self, folder):
        self.folder, self.name = folder, os.path.basename(os.path.normpath(folder))
        self.anomalies, self.silent = set(), False
        text = os.path.join(folder, 'dialogue.txt')
        if os.path.exists(text):
            self.capture = None
            self.segs, truth = dialogue.read(text)
            self.from_dialogue(truth)
        else:
            self.capture = os.path.join(folder, 'capture.pcap')
            self.segs = wire.read(self.capture)
            with open(os.path.join(folder, 'truth.json'), encoding='utf-8') as f:
                truth = json.load(f)
            self.sessions = truth['sessions']
            self.alerts = [tuple(a[k] for k in ALERT_KEYS) for a in truth['alerts']]
        self.ports = []
        for s in self.segs:
            if s.conn.cport not in self.ports:
                self.ports.append(s.conn.cport)

    def from_dialogue(self, truth):
        names = {'go': 'data_go', 'reply': 'data_reply', 'body': 'body_octets'}
        txns = {}
        for no, words in truth['txns'].items():
            txn = {}
            for k, v in words.items():
                k = names.get(k, k)
                txn[k] = None if v == 'null' else v == 'true' if v in ('true', 'false') else \
                    int(v) if k in ('data_go', 'data_reply', 'body_octets', 'recipients') else v
            txns[no] = txn
        self.sessions = [{'numbered': txns}]
        self.anomalies, self.silent = set(truth['anomalies']), truth.get('silent', False)
        self.alerts = [(a['address'], a['domain'], a['meant'], txns.get(a['transaction'], {}).get('sender'),
                        a['transaction'], a['recipient_index']) for a in truth['alerts']]


def first(x):
    return x[0] if isinstance(x, list) else x


class Result:
    """What one replay wrote, by client address."""

    def __init__(self, alerts_path, envelopes_path):
        self.alerts, self.updates, self.envelopes, self.problems = {}, {}, {}, []
        seqs, ids = [], set()
        for line in self.lines(alerts_path):
            seqs.append(line['event']['sequence'])
            if 'lost' in line.get('postern', {}):
                self.problems.append('a lost record: %r' % line)
                continue
            if 'email' not in line:
                self.updates[line['event']['id']] = line
                continue
            if line['event']['id'] in ids:
                self.problems.append('two alerts with one id: %s' % line['event']['id'])
            ids.add(line['event']['id'])
            self.alerts.setdefault(line['source']['ip'], []).append(line)
        if sorted(seqs) != list(range(1, len(seqs) + 1)):
            self.problems.append('sequence numbers with gaps: %r' % sorted(seqs)[:20])
        if any(i not in ids for i in self.updates):
            self.problems.append('an update of no alert')
        for line in self.lines(envelopes_path):
            self.envelopes.setdefault(line['flow']['src_ip'], []).append(line)

    def lines(self, path):
        with open(path, encoding='utf-8') as f:
            for line in f:
                try:
                    yield json.loads(line)
                except ValueError:
                    self.problems.append('not JSON: %r' % line[:200])


def shown(text):
    """Octets that are no UTF-8 are written \\xHH; the case of the digits does not matter here."""
    return re.sub(r'\\x[0-9A-Fa-f]{2}', lambda m: m.group().lower(), text)


def alert_tuple(a):
    p = a['postern']
    return (shown(first(a['email']['to']['address'])), p['domain'], p['meant'], first(a['email']['from']['address']),
            p['transaction'], p['recipient_index'])


def short(x):
    text = x if isinstance(x, str) else json.dumps(x, ensure_ascii=False)
    return text if len(text) < 600 else text[:600] + '...'


class Judge:
    def __init__(self, case):
        self.case, self.failures, self.checks = case, [], 0

    def fail(self, variant, what, got, expected):
        self.failures.append('%s, %s: %s\n    got      %s\n    expected %s' % (self.case.name, variant, what, short(got),
                                                                             short(expected)))

    def equal(self, variant, what, got, expected):
        self.checks += 1
        if got != expected:
            self.fail(variant, what, got, expected)
        return got == expected

    # --- nothing lost -----------------------------------------------------------------------------------------------
    def whole(self, variant, alerts, updates, envelopes):
        self.checks += 1
        left = [alert_tuple(a) for a in alerts]
        for e in self.case.alerts:
            hit = next((g for g in left if all(x is None or x == y for x, y in zip(e, g))), None)
            if hit is None:
                self.fail(variant, 'alert not found', left, e)
            else:
                left.remove(hit)
        for g in left:
            self.fail(variant, 'an alert too many', g, 'none')
        stated = anomalies_of(alerts, envelopes)
        if not self.case.anomalies <= stated:
            self.fail(variant, 'anomalies', sorted(stated), sorted(self.case.anomalies))
        by_port = {}
        for e in envelopes:
            by_port.setdefault(e['flow']['src_port'], []).append(e)
        ports = [] if self.case.silent else sorted(self.case.ports)
        if not self.equal(variant, 'connections with envelopes', sorted(by_port), ports) or self.case.silent:
            return
        for port, session in zip(self.case.ports, self.case.sessions):
            records = by_port[port]
            if 'numbered' in session:
                self.numbered(variant, records, session['numbered'])
            else:
                self.session(variant, records, session)
        self.leaks(variant, alerts, updates)

    def session(self, variant, records, session):
        txns = session['transactions']
        self.equal(variant, 'numbers of transactions', [r['transaction'] for r in records],
                   list(range(1, len(txns) + 1)) or [0])
        for record, txn in zip(records, txns):
            got = {k: record.get(k) for k in txn if k != 'recipients'}
            self.equal(variant, 'envelope %d' % record['transaction'], got,
                       {k: v for k, v in txn.items() if k != 'recipients'})
            rcpts = [{'address': r['address'], 'reply': r['reply']} for r in record['recipients']]
            self.equal(variant, 'recipients of %d' % record['transaction'], rcpts, txn['recipients'][:1000])
        if not txns:
            self.equal(variant, 'tls', records[0]['tls'], session['tls'])

    def numbered(self, variant, records, txns):
        records = {r['transaction']: r for r in records}
        for no, txn in txns.items():
            if no not in records:
                self.fail(variant, 'envelope %d' % no, 'none', txn)
                continue
            got = dict(records[no])
            got['recipients'] = len(got.get('recipients', [])) + got.get('recipients_omitted', 0)
            self.equal(variant, 'envelope %d' % no, {k: got.get(k) for k in txn}, txn)

    def leaks(self, variant, alerts, updates):
        """The update of each alert says what the server answered and whether data began."""
        for a in alerts:
            t = alert_tuple(a)
            update = updates.get(a['event']['id'])
            if update is None:
                self.fail(variant, 'update of %s' % t[0], 'none', 'one')
                continue
            for session in self.case.sessions:
                txns = session.get('transactions', [])
                if not 0 < t[4] <= len(txns) or t[5] > len(txns[t[4] - 1]['recipients']):
                    continue
                txn = txns[t[4] - 1]
                rcpt = txn['recipients'][t[5] - 1]
                if rcpt['address'] != t[0]:
                    continue
                leak = update['postern']['leak']
                self.equal(variant, 'leak of %s' % t[0], [leak['reply'], leak['data_begun']],
                           [rcpt['reply'], txn['data'] != 'none'])

    # --- something lost ---------------------------------------------------------------------------------------------
    def degraded(self, variant, segs, alerts, envelopes):
        self.checks += 1
        got = {alert_tuple(a)[:2] for a in alerts}
        stated = anomalies_of(alerts, envelopes)
        there = client_runs(segs)
        for e in self.case.alerts:
            if (e[0], e[1]) in got or e[0] is None and e[1] in {g[1] for g in got}:
                continue
            if variant.anomaly != 'truncated' and self.line_of(e[0]) and any(self.line_of(e[0]) in r for r in there):
                self.fail(variant.name, 'not found though its command line is there: %s' % e[0], sorted(got), 'an alert')
            elif not stated & LOSS:
                self.fail(variant.name, 'silence about %s' % e[0], sorted(stated), 'an alert or an anomaly')
        known = {e[:2] for e in self.case.alerts}
        for a in alerts:
            t = alert_tuple(a)
            if t[:2] not in known and (None, t[1]) not in known and not set(a['postern']['anomalies']) & LOSS:
                self.fail(variant.name, 'an alert too many, without an anomaly', list(t), 'none')
        # A beginning that was not seen: said even when everything was found.
        if variant.anomaly == 'midstream' and segs and 'midstream' not in stated and not self.case.silent:
            self.fail(variant.name, 'anomalies', sorted(stated), 'midstream')

    def line_of(self, address):
        """The command line that names @address, as sent."""
        if not hasattr(self, 'streams'):
            self.streams = client_runs(self.case.segs)
        if address is None:
            return None
        needle = address.encode()
        for run in self.streams:
            for line in run.split(b'\r\n'):
                if line[:4].upper() == b'RCPT' and needle in line:
                    return line + b'\r\n'
        return None


def anomalies_of(alerts, envelopes):
    stated = set()
    for a in alerts:
        stated |= set(a['postern'].get('anomalies') or [])
    for e in envelopes:
        stated |= set(e.get('anomalies') or [])
    return stated


def client_runs(segs):
    """The client's octets without holes, connection by connection: what an observer of @segs can know."""
    out = []
    for conn in {id(s.conn): s.conn for s in segs}.values():
        got = {}
        for s in segs:
            if s.conn is conn and s.way == 0 and s.data and len(s.data) > len(got.get(s.seq, b'')):
                got[s.seq] = s.data
        base = min(got) if got else 0
        if conn.isn[0] is not None:
            base = conn.isn[0]
        run, end = b'', 0
        for seq in sorted(got, key=lambda q: (q - base) & wire.MASK):
            at, data = (seq - base) & wire.MASK, got[seq]
            if at > end and run:
                out.append(run)
                run = b''
            if at + len(data) > end:
                run += data[max(0, end - at) if run else 0:]
                end = at + len(data)
        out.append(run)
    return out


def replay(args, work, name, captures, workers):
    alerts, envelopes = os.path.join(work, name + '.alerts'), os.path.join(work, name + '.envelopes')
    argv = [args.postern, 'replay', '--rules', args.rules, '--workers', str(workers), '--alerts', alerts, '--envelopes',
            envelopes, '--report', 'json', '--report-file', os.path.join(work, name + '.report')] + captures
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=args.seconds)
    text = done.stdout.decode(errors='replace')
    if done.returncode != 0:
        raise RuntimeError('replay of %s: exit code %d\n%s' % (name, done.returncode, text[-4000:]))
    return Result(alerts, envelopes)


def run_case(args, work):
    case = Case(args.case)
    judge = Judge(case)
    capture = case.capture
    if capture is None:
        capture = os.path.join(work, 'capture.pcap')
        wire.write_pcap(capture, [(s.ts, wire.ethernet(wire.ip_packets(s)[0], s.way)) for s in case.segs])
    if not args.only:
        result = replay(args, work, 'as-captured', [capture], 1)
        judge.failures += ['%s, as captured: %s' % (case.name, p) for p in result.problems]
        judge.whole('as captured', join(result.alerts), result.updates, join(result.envelopes))

    chosen = [v for v in variants.all_of(case.segs) if not args.only or v.name == args.only]
    if len(chosen) > 240:
        raise RuntimeError('more variants than addresses')
    common, files = [], []
    for number, v in enumerate(chosen, 1):
        frames = variants.frames_of(v, case.segs, number)
        if v.write is None:
            common += frames
        else:
            files.append(os.path.join(work, v.name))
            v.write(files[-1], frames, v.link)
    if common:
        common.sort(key=lambda f: f[0])
        files.insert(0, os.path.join(work, 'common.pcap'))
        wire.write_pcap(files[0], common)
    if not files:
        raise RuntimeError('the variant leaves nothing of this capture')
    result = replay(args, work, 'variants', files, int(os.environ.get('POSTERN_GOLDEN_WORKERS', 2)))
    judge.failures += ['%s, variants: %s' % (case.name, p) for p in result.problems]
    for number, v in enumerate(chosen, 1):
        ends = ('198.18.%d.7' % number, '2001:db8:%x::7' % number)
        alerts = [a for ip in ends for a in result.alerts.get(ip, [])]
        envelopes = [e for ip in ends for e in result.envelopes.get(ip, [])]
        if v.degraded:
            segs = v.segs(case.segs, random.Random(v.name))
            judge.degraded(v, segs, alerts, envelopes)
        else:
            judge.whole(v.name, alerts, result.updates, envelopes)
    return judge, len(chosen)


def join(by_ip):
    return [x for xs in by_ip.values() for x in xs]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--postern', required=True)
    parser.add_argument('--rules', required=True)
    parser.add_argument('--only', help='one variant')
    parser.add_argument('--keep', help='leave all files in this folder')
    parser.add_argument('--seconds', type=int, default=240, help='limit of one replay')
    parser.add_argument('case')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='golden-') as tmp:
        if args.keep:
            os.makedirs(args.keep, exist_ok=True)
        try:
            judge, count = run_case(args, args.keep or tmp)
        except (RuntimeError, subprocess.TimeoutExpired) as e:
            print('%s: %s' % (os.path.basename(args.case), e))
            return 1
    for failure in judge.failures:
        print(failure)
    print('%s: as captured and %d variants, %d checks, %d failures' % (judge.case.name, count, judge.checks,
                                                                       len(judge.failures)))
    return 1 if judge.failures or not judge.checks else 0


if __name__ == '__main__':
    sys.exit(main())
