#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""lint - rules of the tree that a compiler does not check

Usage: lint.py --top FOLDER includes | headers | text | scripts | manuals | tables

includes  the include table of DESIGN: which folder may include which, which libraries each may see, no .c included
headers   every header compiles alone, with gcc and with clang
text      licence line, tabs, blanks at line ends, line length, no paths of a developer's machine
scripts   shellcheck for shell, byte compilation for Python
manuals   mandoc
tables    every golden case, fuzz corpus and unit test is in the list that runs it
Exit 1 when something was found, one line each.
"""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys

# folder: (folders of ours it may include from, system headers it may not include)
DPDK = r'(rte_|dpdk)'
HS = r'(hs|hs/)'
TABLE = {
    'dataplane/api': (['dataplane/api'], [DPDK, HS, r'bpf/', r'jansson', r'sqlite3']),
    'dataplane/core': (['dataplane/api', 'dataplane/core'],
                       [DPDK, HS, r'bpf/', r'jansson', r'sqlite3', r'sys/socket', r'netinet/', r'pthread', r'time\.h']),
    'dataplane/io': (['dataplane/api', 'dataplane/core', 'dataplane/io'], [r'jansson', r'sqlite3']),
    'dataplane/engine': (['dataplane/api', 'dataplane/core', 'dataplane/io', 'dataplane/engine', 'rules/matcher.h'],
                         [r'jansson', r'sqlite3']),
    'rules': (['rules'], [DPDK, r'jansson', r'sqlite3']),
    'ctrl': (['dataplane/api', 'dataplane/core', 'rules', 'ctrl'], [DPDK, r'bpf/']),
    'ctrl/cli': (['dataplane/api', 'dataplane/core', 'rules', 'ctrl', 'ctrl/cli'], [DPDK, r'bpf/']),
}
SKIP = {'.git', '.cache', '__pycache__'}


def walk(top):
    for folder, folders, files in os.walk(top):
        rel = os.path.relpath(folder, top)
        folders[:] = sorted(d for d in folders if d not in SKIP and not (rel == '.' and d.startswith('build')))
        for name in sorted(files):
            yield os.path.normpath(os.path.join(rel, name))


def octets(top, path):
    with open(os.path.join(top, path), 'rb') as f:
        return f.read()


def folder_of(path):
    return os.path.dirname(path)


def rule_of(path):
    """The row of the table for @path: its own folder or the nearest above."""
    folder = folder_of(path)
    while folder:
        if folder in TABLE:
            return folder
        folder = os.path.dirname(folder)
    return None


def includes(top):
    sources = [p for p in walk(top) if p.endswith(('.c', '.h')) and not p.startswith('tests/')]
    where = {}
    for p in walk(top):
        if p.endswith(('.h', '.def')):
            where.setdefault(os.path.basename(p), []).append(p)
    for p in sources:
        row = rule_of(p)
        if row is None:
            yield '%s: no row for its folder in the include table' % p
            continue
        allowed, never = TABLE[row]
        for no, line in enumerate(octets(top, p).decode().split('\n'), 1):
            m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)', line)
            if not m:
                continue
            kind, name = m.groups()
            if name.endswith('.c'):
                yield '%s:%d: includes a .c file' % (p, no)
            if kind == '<':
                for pattern in never:
                    if re.match(pattern + r'(\.h|$|)', name) and (pattern != HS or name in ('hs.h',) or name.startswith('hs/')):
                        yield '%s:%d: <%s> may not be seen from %s' % (p, no, name, row)
                continue
            found = where.get(os.path.basename(name))
            if not found:
                yield '%s:%d: "%s" is no header of ours' % (p, no, name)
            elif not any(f == a or folder_of(f) == a or rule_of(f) == a for f in found for a in allowed):
                yield '%s:%d: %s may not include from %s ("%s")' % (p, no, row, folder_of(found[0]), name)


def flags(*packages):
    out = subprocess.run(['pkg-config', '--cflags'] + list(packages), stdout=subprocess.PIPE, timeout=60).stdout
    return out.decode().split()


def headers(top):
    dpdk, others = flags('libdpdk'), flags('libhs', 'jansson', 'sqlite3', 'libfyaml')
    todo = [p for p in walk(top) if p.endswith('.h') and not p.startswith('tests/')]
    if not todo:
        yield 'no headers found'

    def alone(job):
        compiler, p = job
        row = rule_of(p)
        seen = TABLE[row][0] if row else list(TABLE)
        argv = [compiler, '-std=gnu17', '-D_GNU_SOURCE', '-march=x86-64-v2', '-Wall', '-Wextra', '-Werror',
                '-Wno-unused-function', '-Wno-unused-parameter', '-Wno-unused-const-variable', '-fsyntax-only']
        argv += ['-I' + os.path.join(top, a if not a.endswith('.h') else os.path.dirname(a)) for a in seen]
        if row in (None, 'dataplane/engine', 'dataplane/io'):
            argv += dpdk
        argv += others + ['-include', os.path.join(top, p), '-x', 'c', '/dev/null']
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        if done.returncode != 0:
            return '%s: does not compile alone with %s:\n%s' % (p, compiler, done.stdout.decode()[:1500])
        return None

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        yield from filter(None, pool.map(alone, [(c, p) for c in ('gcc', 'clang') for p in todo]))


def width(line):
    return len(line.expandtabs(8))


def text(top):
    machine = re.compile('|'.join(('/wo' + r'rk/', '/tm' + r'p/w/', '/ro' + r'ot/', '/ho' + r'me/\w')))
    code = ('.c', '.h', '.def', '.py', '.build', '.sh')
    for p in walk(top):
        data = octets(top, p)
        script = data.startswith(b'#!')
        if not (p.endswith(code + ('.md', '.txt', '.yaml', '.yml', '.1', '.5', '.7')) or script):
            continue
        if p.startswith('tests/fuzz/corpus/') or p.startswith('tests/') and '/data/' in p:
            continue
        try:
            lines = data.decode().split('\n')
        except UnicodeDecodeError:
            yield '%s: not UTF-8' % p
            continue
        if (p.endswith(code) or script) and 'SPDX-License-Identifier: BSD-3-Clause' not in '\n'.join(lines[:3]):
            yield '%s: no licence line (SPDX-License-Identifier: BSD-3-Clause)' % p
        if data and not data.endswith(b'\n'):
            yield '%s: the last line has no end' % p
        comment = False
        for no, line in enumerate(lines, 1):
            at = '%s:%d' % (p, no)
            if machine.search(line):
                yield '%s: a path of a machine: %s' % (at, line.strip()[:80])
            if p.endswith('dialogue.txt') or p.endswith('.md'):
                continue
            if line != line.rstrip():
                yield '%s: blanks at the end of the line' % at
            if '\r' in line:
                yield '%s: CR' % at
            if p.endswith(('.c', '.h', '.def')):
                if re.match(r' {8,}', line) and not comment:
                    yield '%s: indented by blanks' % at
                if ' \t' in line and not comment and '"' not in line:
                    yield '%s: blank before a tab' % at
                comment = '/*' in line and '*/' not in line or comment and '*/' not in line
                # 100 is what to aim at; a text for people may be wider, a table of test cases wider still.
                if width(line) > (250 if p.startswith('tests/') else 130) and not p.endswith('.def') and 'http' not in line:
                    yield '%s: %d columns' % (at, width(line))
            elif (p.endswith('.py') or script) and width(line) > 130:
                yield '%s: %d columns' % (at, width(line))
            elif p.endswith(('.py', '.build', '.yaml')) and '\t' in line:
                yield '%s: a tab' % at


def scripts(top):
    shells = []
    for p in walk(top):
        head = octets(top, p)[:64]
        if re.match(rb'#!(/usr)?/bin/(env )?(ba)?sh\b', head):
            shells.append(p)
        if head.startswith(b'#!') and not os.access(os.path.join(top, p), os.X_OK):
            yield '%s: begins with #! and is not executable' % p
        if p.endswith('.py') or re.match(rb'#!.*python3', head):
            try:
                compile(octets(top, p), p, 'exec')
            except SyntaxError as e:
                yield '%s:%s: %s' % (p, e.lineno, e.msg)
    if not shells:
        yield 'no shell script found'
        return
    done = subprocess.run(['shellcheck', '-x', '-f', 'gcc'] + shells, cwd=top, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120)
    yield from done.stdout.decode().splitlines()


def manuals(top):
    pages = [p for p in walk(top) if re.search(r'/man/[^/]+\.[1-8]$', p)]
    if not pages:
        yield 'no manual page found'
        return
    done = subprocess.run(['mandoc', '-T', 'lint', '-W', 'warning'] + pages, cwd=top, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60)
    yield from done.stdout.decode().splitlines()


def tables(top):
    paths = set(walk(top))

    def listed(path, name, quote="'%s'"):
        return path in paths and quote % name in octets(top, path).decode()

    for p in sorted(paths):
        m = re.match(r'tests/golden/([^/]+)/(truth\.json|dialogue\.txt)$', p)
        if m and not listed('tests/golden/meson.build', m.group(1)):
            yield '%s: the case is not in tests/golden/meson.build' % p
        m = re.match(r'tests/golden/([^/]+)/truth\.json$', p)
        if m and not {'tests/golden/%s/%s' % (m.group(1), f) for f in ('README', 'capture.pcap')} <= paths:
            yield '%s: README or capture.pcap is missing' % p
        m = re.match(r'tests/unit/test_(\w+)\.c$', p)
        if m and not listed('tests/unit/meson.build', m.group(1)):
            yield '%s: not in tests/unit/meson.build' % p
        m = re.match(r'tests/fuzz/fuzz_(\w+)\.c$', p)
        if m and not listed('tests/fuzz/meson.build', m.group(1)):
            yield '%s: not in tests/fuzz/meson.build' % p
        if m and not any(q.startswith('tests/fuzz/corpus/%s/' % m.group(1)) for q in paths):
            yield '%s: no corpus' % p
    size = sum(os.path.getsize(os.path.join(top, p)) for p in paths if p.startswith('tests/golden/'))
    if size > 2 << 20:
        yield 'tests/golden: %d octets, 2 MiB are allowed' % size


CHECKS = {'includes': includes, 'headers': headers, 'text': text, 'scripts': scripts, 'manuals': manuals, 'tables': tables}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--top', required=True)
    parser.add_argument('check', choices=sorted(CHECKS))
    args = parser.parse_args()
    found = 0
    for line in CHECKS[args.check](args.top):
        print(line)
        found += 1
    print('%s: %d found' % (args.check, found))
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
