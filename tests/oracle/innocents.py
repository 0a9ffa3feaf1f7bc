#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""innocents - how often does mail to somebody else's domain match?

Usage: innocents.py --postern PATH --rules FOLDER

Innocents are real names: innocents.txt, the private section of the public suffix list (Debian's publicsuffix) and the
hosts and mail domains that Debian's package lists name, as far as they are on this machine. Against the rules that
ship, typing slips must match fewer than 1 of 10,000. Then 10, 1,000 and 10,000 names are protected with the
defaults (drawn from the innocents, which then are none any more, and filled up with made-up ones), and
what matches is counted by technique; that is reported only.
"""
import argparse
import collections
import json
import os
import random
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SUFFIXES = '/usr/share/publicsuffix/public_suffix_list.dat'
LABEL = r'[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?'
NAME = re.compile(rf'{LABEL}(\.{LABEL})+\Z')
SQUATTING = {'homoglyph', 'bit_flip', 'hyphenation', 'added_word', 'vowel_swap', 'plural', 'tld_swap'}


def read_innocents():
    with open(os.path.join(HERE, 'innocents.txt'), encoding='ascii') as f:
        names = {word for line in f if not line.startswith('#') for word in line.split()}
    if os.path.exists(SUFFIXES):
        with open(SUFFIXES, encoding='utf-8') as f:
            private = f.read().partition('===BEGIN PRIVATE DOMAINS===')[2]
        names |= {line.strip().removeprefix('*.') for line in private.splitlines() if line[:1] not in ('', '/', '!')}
    try:
        lists = subprocess.run(['apt-cache', 'dumpavail'], capture_output=True, text=True, check=True).stdout
        names |= {n.lower().rstrip('.') for n in re.findall(r'^Homepage: https?://([^/:\s]+)', lists, re.M)}
        names |= {n.lower().rstrip('.') for n in re.findall(r'^Maintainer: .*@([A-Za-z0-9.-]+)', lists, re.M)}
    except (OSError, subprocess.CalledProcessError):
        pass
    return sorted(n for n in names if NAME.match(n))


def matches(postern, rules, names):
    done = subprocess.run([postern, 'rules', 'explain', '--rules', rules, '--json', '-'], check=True,
                          input=''.join(f'x@{n}\n' for n in names), capture_output=True, text=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(names)
    return [(n, a['technique'], a['meant']) for n, a in zip(names, answers) if a['match']]


def made_up(draw):
    syllables = 'ba con der fi gal ho in jo kel lu mar net or pen qui ran so tec ul ver wi xo ya zen stra blu'.split()
    suffix = draw.choice(['com', 'com', 'com', 'org', 'net', 'de', 'co.uk', 'edu'])
    return ''.join(draw.choices(syllables, k=draw.randint(2, 4))) + '.' + suffix


def try_protected(postern, names, nb):
    draw = random.Random(nb)
    protected = set(draw.sample(names, min(nb, len(names) // 2)))
    while len(protected) < nb:
        protected.add(made_up(draw))
    rest = [n for n in names if n not in protected]
    with tempfile.NamedTemporaryFile('w', suffix='.yaml') as f:
        f.write('version: 1\nprotect:\n' + ''.join(f'  - {n}\n' for n in sorted(protected)))
        f.flush()
        found = matches(postern, f.name, rest)
    by = collections.Counter(technique for _, technique, _ in found)
    print(f'{nb} protected: {len(found)} of {len(rest)} innocents match: ' +
          ', '.join(f'{t} {n}' for t, n in by.most_common()))
    for found_one in found[:3]:
        print('    for example %s (%s of %s)' % found_one)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--postern', required=True)
    parser.add_argument('--rules', required=True)
    args = parser.parse_args()
    names = read_innocents()
    found = matches(args.postern, args.rules, names)
    slips = [one for one in found if one[1] not in SQUATTING]
    print(f'rules that ship: {len(slips)} typing slips and {len(found) - len(slips)} others in {len(names)} innocents')
    for one in found:
        print('    %s (%s of %s)' % one)
    for nb in (10, 1000, 10000):
        try_protected(args.postern, names, nb)
    if 10000 * len(slips) >= len(names):
        sys.exit('too many innocents match the rules that ship')


if __name__ == '__main__':
    main()
