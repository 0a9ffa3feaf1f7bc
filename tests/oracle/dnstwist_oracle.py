#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""dnstwist_oracle - does `postern rules explain` find what dnstwist makes?

Usage: dnstwist_oracle.py --postern PATH

Debian's dnstwist, as a library (no name is looked up), makes permutations of 25 domains; each that is plain ASCII goes
to `postern rules explain` with all techniques on and no least length of labels. Every typing fuzzer and tld-swap
must be found whole. homoglyph (its ASCII part) and dictionary are reported only: dnstwist takes pairs such as b/d for
look-alikes, and its word list is not ours. Without dnstwist the test is skipped (exit code 77).
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
REPORTED_ONLY = {'homoglyph', 'dictionary', 'cyrillic'}
LEAST = {'addition', 'bitsquatting', 'hyphenation', 'insertion', 'omission', 'repetition', 'replacement', 'subdomain',
         'transposition', 'vowel-swap', 'tld-swap', 'various'}


def words(name):
    with open(DICTIONARIES + name, encoding='ascii') as f:
        return [line.strip() for line in f if line.strip() and not line.startswith('#')]


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
    rules = ('version: 1\ndefaults:\n  lookalikes: {typing: {min_label: 1}, squatting: {min_label: 1}, '
             'tld_swap: {min_label: 1}}\nprotect: [' + ', '.join(DOMAINS) + ']\n')
    with tempfile.NamedTemporaryFile('w', suffix='.yaml') as f:
        f.write(rules)
        f.flush()
        done = subprocess.run([postern, 'rules', 'explain', '--rules', f.name, '--json', '-'], check=True,
                              input=''.join(f'x@{n}\n' for n in names), capture_output=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


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
            missed[fuzzer].append(f'{name} ({domain})')
    failed = LEAST - set(total)
    for fuzzer in sorted(total):
        print(f'{fuzzer:14} {found[fuzzer]:6} of {total[fuzzer]:6}  {100 * found[fuzzer] / total[fuzzer]:6.2f} %  '
              + ' '.join(f'{t}:{n}' for t, n in named[fuzzer].most_common(5)))
        if missed[fuzzer]:
            print('               missed: ' + ', '.join(missed[fuzzer][:8]))
            if fuzzer not in REPORTED_ONLY:
                failed.add(fuzzer)
    if failed:
        sys.exit('not whole: ' + ', '.join(sorted(failed)))


if __name__ == '__main__':
    main()
