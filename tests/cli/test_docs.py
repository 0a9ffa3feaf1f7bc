#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Help texts, man pages and the shell completion say the same.

Usage: test_docs.py POSTERN [unittest options]
"""

import os
import re
import shutil
import subprocess
import sys
import unittest

POSTERN = None
CLI = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "ctrl/cli")
COMMANDS = [["replay"], ["alerts"], ["rules", "check"], ["rules", "list"], ["rules", "explain"]]


def helped(command):
    """Long options that the help of @command lists, with or without a value."""
    text = subprocess.run([POSTERN, *command, "--help"], check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"^  (?:-\w,|   ) --([a-z-]+)", text, re.M))


def read(name):
    with open(os.path.join(CLI, name)) as f:
        return f.read()


class Docs(unittest.TestCase):
    def test_help(self):
        for command in COMMANDS:
            with self.subTest(command=command):
                p = subprocess.run([POSTERN, *command, "--help"], capture_output=True, text=True)
                self.assertEqual((p.returncode, p.stderr), (0, ""))
                self.assertIn("help", helped(command))
                self.assertLess(max(map(len, p.stdout.splitlines())), 121)

    def test_pages(self):
        for page, commands in (("replay", [["replay"]]), ("alerts", [["alerts"]]), ("rules", COMMANDS[2:])):
            text = read(f"man/postern-{page}.1")
            listed = set(re.findall(r"^\.It (?:Fl \w , )?Fl -([a-z-]+)", text, re.M))
            wanted = set().union(*map(helped, commands))
            self.assertEqual(listed, wanted, page)

    def test_lint(self):
        if shutil.which("mandoc") is None:
            self.skipTest("mandoc is not installed")
        for name in sorted(os.listdir(os.path.join(CLI, "man"))):
            p = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", os.path.join(CLI, "man", name)],
                               capture_output=True, text=True)
            self.assertEqual((p.returncode, p.stdout), (0, ""), name)

    def test_completion(self):
        path = os.path.join(CLI, "completion/postern")
        subprocess.run(["bash", "-n", path], check=True)
        # What bash-completion gives, so that the test needs no more than bash.
        script = r"""
            _init_completion() { words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; cur=${words[cword]}; prev=${words[cword-1]}; }
            _filedir() { COMPREPLY=(FILES); }
            . "$1"; shift
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
            _postern
            printf '%s\n' "${COMPREPLY[@]}"
        """

        def complete(*words):
            p = subprocess.run(["bash", "-c", script, "bash", path, *words], capture_output=True, text=True, check=True)
            self.assertEqual(p.stderr, "")
            return set(p.stdout.split())

        self.assertEqual(complete("postern", "r"), {"replay", "rules"})
        self.assertEqual(complete("postern", "rules", ""), {"check", "list", "explain", "--help"})
        for command in COMMANDS:
            with self.subTest(command=command):
                self.assertEqual(complete("postern", *command, "--"), {"--" + o for o in helped(command)})
        self.assertEqual(complete("postern", "replay", "--report", ""), {"text", "json"})
        self.assertEqual(complete("postern", "replay", ""), {"FILES"})
        self.assertEqual(complete("postern", "replay", "--alerts", ""), {"FILES"})
        self.assertEqual(complete("postern", "alerts", "s"), {"show"})
        self.assertEqual(complete("postern", "alerts", "--verdict", "re"), {"refuse", "reset"})


if __name__ == "__main__":
    POSTERN = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
