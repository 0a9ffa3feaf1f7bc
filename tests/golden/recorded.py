#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""recorded - a case that is too large for the repository: recorded now, from real Postfix, and replayed in every variant

Usage: recorded.py --postern BINARY --rules PATH CASE
Exit 77 (skipped) without root, or when what tests/golden/record needs is not there.
"""
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
NEEDS = ('apt-get', 'dpkg-deb', 'ethtool', 'ip', 'openssl', 'tcpdump')


def skip(why):
    print('skipped: ' + why)
    sys.exit(77)


def main(argv):
    os.environ['PATH'] = '/usr/sbin:/usr/bin:/sbin:/bin'
    name = argv[-1]
    if os.geteuid() != 0:
        skip('recording needs root')
    lacking = [x for x in NEEDS if shutil.which(x) is None]
    if lacking:
        skip('not installed: %s (hw/packages/record)' % ' '.join(lacking))
    with tempfile.TemporaryDirectory(prefix='recorded-') as tmp:
        done = subprocess.run([sys.executable, os.path.join(HERE, 'record'), '--into', tmp, name], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
        text = done.stdout.decode(errors='replace')
        print(text[-4000:], end='', flush=True)
        if done.returncode != 0 and 'apt-get' in text:
            skip('the packages of the mail servers could not be downloaded')
        if done.returncode != 0:
            return 1
        return subprocess.run([sys.executable, os.path.join(HERE, 'run.py'), *argv[:-1], os.path.join(tmp, name)],
                              stdin=subprocess.DEVNULL, timeout=1200).returncode


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
