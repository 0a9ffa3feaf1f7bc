# SPDX-License-Identifier: BSD-3-Clause
"""cases - the cases of a script, by name

      case = Cases(__file__)            @case above each function: its name, with hyphens, is that of the case
      case.main(sys.argv)               SCRIPT BUILD_DIR [CASE...]; while it runs, case.build is the folder

Exit codes: 0 all passed; 1 a case failed, the others still ran; 77 something that is needed is missing.
"""
import os
import sys
import time
import traceback

from rig import Skip, enter


class Cases:
    def __init__(self, script):
        self.script = os.path.abspath(script)
        self.by_name = {}
        self.build = None

    def __call__(self, fn):
        self.by_name[fn.__name__.replace('_', '-')] = fn
        return fn

    def main(self, argv):
        try:
            enter([self.script] + argv[1:])
            self.build = os.path.abspath(argv[1])
            # Each is run, whether or not one before it failed.
            sys.exit(1 if [name for name in argv[2:] or self.by_name if not self.passes(name)] else 0)
        except Skip as e:
            print('SKIP: %s' % e)
            sys.exit(77)

    def passes(self, name):
        if name not in self.by_name:
            sys.exit('no such case: %s (there are: %s)' % (name, ' '.join(self.by_name)))
        began, note, passed = time.monotonic(), 'FAILED', False
        try:
            note = self.by_name[name]()
            passed = True
        except Skip:
            raise
        except Exception:
            traceback.print_exc()
        print('%-24s %5.1f s  %s' % (name, time.monotonic() - began, note or 'ok'), flush=True)
        return passed
