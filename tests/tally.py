#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""tally - counts test results for tests/run

Usage: tally.py --results FILE --build NAME --log testlog.json    take in what `meson test` wrote, print it by suite
       tally.py --results FILE --one NAME OK|FAIL|SKIP REASON     take in one result
       tally.py --results FILE --sum                              the last line; exit 1 on a failure

A skip needs a reason (a line "skipped: ..." on the test's output). As root nothing may skip: everything that the suites
need is installed by tests/run, so a skip there is a failure.
"""
import argparse
import json
import os
import re
import sys

OK = {'OK', 'EXPECTEDFAIL'}


def take(results, name, result, reason):
    if result == 'SKIP' and os.geteuid() == 0:
        result, reason = 'FAIL', 'skipped where it must run: ' + (reason or 'no reason given')
    with open(results, 'a') as f:
        f.write(json.dumps({'name': name, 'result': result, 'reason': reason}) + '\n')
    return result


def one_log(args):
    suites, bad = {}, []
    try:
        with open(args.log) as f:
            tests = [json.loads(line) for line in f if line.strip()]
    except OSError as e:
        tests = []
        bad.append(('meson test', 'no log: %s' % e, ''))
    if not tests:
        take(args.results, args.build, 'FAIL', 'meson test left no results')
    for t in tests:
        found = re.match(r'(?:[^:/ ]+:)?([^/]+) / (.*)', t['name'])  # "postern:golden / army-ml"
        suite, t['name'] = found.groups() if found else ('none', t['name'])
        text = (t.get('stdout') or '') + (t.get('stderr') or '')
        reason = ''
        result = 'OK' if t['result'] in OK else 'SKIP' if t['result'] == 'SKIP' else 'FAIL'
        if result == 'SKIP':
            found = re.search('skipped: (.*)', text)
            reason = found.group(1) if found else ''
        elif result == 'FAIL':
            reason = t['result']
        result = take(args.results, '%s/%s/%s' % (args.build, suite, t['name']), result, reason)
        counts = suites.setdefault(suite, {'OK': 0, 'FAIL': 0, 'SKIP': 0, 'time': 0})
        counts[result] += 1
        counts['time'] += t.get('duration', 0)
        if result != 'OK':
            bad.append(('%s/%s' % (suite, t['name']), reason, text))
    for name, reason, text in bad:
        print('--- %s: %s: %s' % (args.build, name, reason))
        lines = text.rstrip().split('\n')
        print('\n'.join('    ' + line[:400] for line in lines[-60:]))
    for suite in sorted(suites):
        c = suites[suite]
        print('%-14s %-12s %4d passed, %d failed, %d skipped  (%.0f s)' % (args.build, suite, c['OK'], c['FAIL'], c['SKIP'],
                                                                            c['time']))
    sys.stdout.flush()
    return 0 if tests else 1


def total(args):
    counts = {'OK': 0, 'FAIL': 0, 'SKIP': 0}
    try:
        with open(args.results) as f:
            for line in f:
                r = json.loads(line)
                counts[r['result']] += 1
                if r['result'] != 'OK':
                    print('%s: %s: %s' % (r['result'], r['name'], r['reason']))
    except OSError:
        pass
    print('%d passed, %d failed, %d skipped' % (counts['OK'], counts['FAIL'], counts['SKIP']))
    return 1 if counts['FAIL'] or not counts['OK'] else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--results', required=True)
    parser.add_argument('--build')
    parser.add_argument('--log')
    parser.add_argument('--one', nargs=3)
    parser.add_argument('--sum', action='store_true')
    args = parser.parse_args()
    if args.sum:
        return total(args)
    if args.one:
        take(args.results, *args.one)
        return 0
    return one_log(args)


if __name__ == '__main__':
    sys.exit(main())
