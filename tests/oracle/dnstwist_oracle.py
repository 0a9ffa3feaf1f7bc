#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""dnstwist_oracle - does `postern rules explain` find what dnstwist makes?

Usage: dnstwist_oracle.py --postern PATH

Debian's dnstwist, as a library (no name is looked up), makes permutations of 25 domains; each goes to `postern rules
explain` with all techniques on, no least length of labels, and dnstwist's word list as `words_file`. Every typing fuzzer and
tld-swap must be found whole, homoglyph and cyrillic (internationalised names are most of them) and dictionary to 95 of 100.
What is missed is listed with the reason. Without dnstwist the test is skipped (exit code 77).
"""
import argparse
import collections
import json
import subprocess
import sys
import tempfile

try:
    import dnstwist
except ImportError:
    print('skipped: dnstwist is not installed (hw/install-packages test)')
    sys.exit(77)

DOMAINS = ('army.mil navy.mil us.af.mil mail.mil example.com ibm.com whitehouse.gov lockheedmartin.com gmail.com '
           'outlook.com state.gov barclays.co.uk hmrc.gov.uk wikipedia.org t-online.de gmx.de un.org berkeley.edu '
           'nationalguard.mil spaceforce.mil raytheon.com slashdot.net bbc.co.uk northropgrumman.com '
           'mail.defense-logistics.example').split()
DICTIONARIES = '/usr/share/dnstwist/dictionaries/'
# Of 100 permutations, how many must be found. What is not named here is reported only.
LEAST = dict.fromkeys(('addition', 'bitsquatting', 'hyphenation', 'insertion', 'omission', 'repetition', 'replacement',
                       'subdomain', 'transposition', 'vowel-swap', 'tld-swap', 'various'), 100)
LEAST |= {'homoglyph': 95, 'cyrillic': 95, 'dictionary': 95}
# Why a permutation is not found: the first that it has.
REASONS = {
    'homoglyph': (('\u0259', 'a schwa is taken for an e, and dnstwist takes it for an a: two slips with another one'),
                  ('\u1d8c', 'UTS #39 takes v with a palatal hook for a y'),
                  ('', 'more confusions than a name as short as this may have')),
    'dictionary': (('', 'a part of the name gave way to the word, which is another name then'),),
}
SHOWN = 5  # examples for a reason


def words(name):
    with open(DICTIONARIES + name, encoding='ascii') as f:
        return [line.strip() for line in f if line.strip() and not line.startswith(('#', '//'))]


def permutations():
    tlds = sorted(set(words('common_tlds.dict') + words('abused_tlds.dict')))
    for domain in DOMAINS:
        fuzzer = dnstwist.Fuzzer(domain, dictionary=words('english.dict'), tld_dictionary=tlds)
        fuzzer.generate()
        for p in fuzzer.domains:
            name = p['domain']
            legitimate = any(name == d or name.endswith('.' + d) for d in DOMAINS)
            if p['fuzzer'] != '*original' and not legitimate:
                yield p['fuzzer'], domain, name


def explain(postern, names):
    with tempfile.NamedTemporaryFile('w', suffix='.yaml') as f, tempfile.NamedTemporaryFile('w', suffix='.txt') as w:
        w.write('\n'.join(words('english.dict')) + '\n')
        w.flush()
        f.write('version: 1\ndefaults:\n  lookalikes: {typing: {min_label: 1}, squatting: {min_label: 1}, '
                f'tld_swap: {{min_label: 1}}, words_file: {w.name}}}\nprotect: [' + ', '.join(DOMAINS) + ']\n')
        f.flush()
        done = subprocess.run([postern, 'rules', 'explain', '--rules', f.name, '--json', '-'], check=True,
                              input=''.join(f'x@{n}\n' for n in names), capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def readable(label):
    return label[4:].encode().decode('punycode') if label.startswith('xn--') else label


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--postern', required=True)
    made = sorted(set(permutations()))
    answers = explain(parser.parse_args().postern, [name for _, _, name in made])
    if len(answers) != len(made):
        sys.exit(f'{len(made)} addresses, {len(answers)} answers')
    total, found, missed = collections.Counter(), collections.Counter(), collections.defaultdict(list)
    named = collections.defaultdict(collections.Counter)
    for (fuzzer, domain, name), answer in zip(made, answers):
        total[fuzzer] += 1
        if answer['match']:
            found[fuzzer] += 1
            named[fuzzer][answer['technique']] += 1
        else:
            missed[fuzzer].append((name, domain))
    failed = set(LEAST) - set(total)
    for fuzzer in sorted(total):
        share = 100 * found[fuzzer] / total[fuzzer]
        print(f'{fuzzer:14} {found[fuzzer]:6} of {total[fuzzer]:6}  {share:6.2f} %  '
              + ' '.join(f'{t}:{n}' for t, n in named[fuzzer].most_common(5)))
        why = collections.defaultdict(list)
        for name, domain in missed[fuzzer]:
            letters = '.'.join(readable(label) for label in name.split('.'))
            reasons = [r for letter, r in REASONS.get(fuzzer, ()) if letter in letters] or ['unknown']
            why[reasons[0]].append(f'{letters} ({domain})')
        for reason, names in why.items():
            print(f'               missed {len(names)}: {reason}: {", ".join(names[:SHOWN])}')
        if share < LEAST.get(fuzzer, 0):
            failed.add(fuzzer)
    if failed:
        sys.exit('too few: ' + ', '.join(sorted(failed)))


if __name__ == '__main__':
    main()
