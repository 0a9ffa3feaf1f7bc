#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""innocents - how often does mail to somebody else's domain match?

Usage: innocents.py --postern PATH --rules FOLDER

Innocents are real names, at least 10,000: innocents.txt (providers, companies, universities, public bodies, Malian names),
innocents_hosts.txt (home pages of Debian's packages), the public suffix list (Debian's publicsuffix; without it the test is
skipped, exit code 77) and what this machine's package lists name besides. Against the rules that ship, typing slips
must match fewer than 1 of 10,000. Then 10, 1,000 and 10,000 names are protected with the defaults (drawn from the
innocents, which then are none any more, and filled up with made-up ones), and what matches is counted by technique;
that is reported only.
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
    names = set()
    for file in ('innocents.txt', 'innocents_hosts.txt'):
        with open(os.path.join(HERE, file), encoding='ascii') as f:
            names |= {word for line in f if not line.startswith('#') for word in line.split()}
    with open(SUFFIXES, encoding='utf-8') as f:
        names |= {line.strip().removeprefix('*.') for line in f if line[:1] not in ('', '/', '!')}
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
    return collections.Counter(technique for _, technique, _ in found), len(rest), found[:3]


def print_table(tried):
    """Techniques down, numbers of protected names across."""
    techniques = sorted(set().union(*(by for by, _, _ in tried.values())))
    print(f'{"protected":18}' + ''.join(f'{nb:>10,}' for nb in tried))
    print(f'{"innocents":18}' + ''.join(f'{rest:>10,}' for _, rest, _ in tried.values()))
    for technique in techniques:
        print(f'{technique:18}' + ''.join(f'{by[technique]:>10,}' for by, _, _ in tried.values()))
    print(f'{"in all":18}' + ''.join(f'{sum(by.values()):>10,}' for by, _, _ in tried.values()))
    print(f'{"per 10,000":18}' + ''.join(f'{10000 * sum(by.values()) / rest:>10.1f}' for by, rest, _ in tried.values()))
    for nb, (_, _, examples) in tried.items():
        for example in examples:
            print(f'    {nb:,}: for example %s (%s of %s)' % example)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--postern', required=True)
    parser.add_argument('--rules', required=True)
    args = parser.parse_args()
    if not os.path.exists(SUFFIXES):
        print('skipped: publicsuffix is not installed (hw/install-packages test)')
        sys.exit(77)
    names = read_innocents()
    found = matches(args.postern, args.rules, names)
    slips = [one for one in found if one[1] not in SQUATTING]
    print(f'rules that ship: {len(slips)} typing slips and {len(found) - len(slips)} others in {len(names)} innocents')
    for one in found:
        print('    %s (%s of %s)' % one)
    print_table({nb: try_protected(args.postern, names, nb) for nb in (10, 1000, 10000)})
    if len(names) < 10000:
        sys.exit('too few innocents to say anything')
    if 10000 * len(slips) >= len(names):
        sys.exit('too many innocents match the rules that ship')


if __name__ == '__main__':
    main()
