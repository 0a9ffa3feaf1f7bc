#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Help texts, man pages and the shell completion say the same.

Usage: test_docs.py POSTERN [unittest options]
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import captures

POSTERN = None
CLI = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "ctrl/cli")
COMMANDS = [["replay"], ["run"], ["alerts"], ["status"], ["reload"], ["reopen"], ["bypass"],
            ["store", "info"], ["store", "backup"], ["store", "prune"],
            ["rules", "check"], ["rules", "list"], ["rules", "explain"], ["rules", "expand"], ["rules", "test"],
            ["rules", "diff"]]


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
        for page, commands in (("replay", [["replay"]]), ("run", [["run"]]), ("alerts", [["alerts"]]), ("status", COMMANDS[3:7]),
                               ("store", COMMANDS[7:10]), ("rules", COMMANDS[10:])):
            text = read(f"man/postern-{page}.1")
            listed = set(re.findall(r"^\.It (?:Fl \w , )?Fl -([a-z-]+)", text, re.M))
            wanted = set().union(*map(helped, commands))
            self.assertEqual(listed, wanted, page)

    def test_records(self):
        """Every field that a record or the report has is described, and every anomaly and counter."""
        page = read("man/postern-records.5")
        # "\\&" and the like are not used in names; a name may stand in a list of names.
        described = set(re.findall(r"[@A-Za-z_][\w.]*", "\n".join(re.findall(r"^\.(?:It )?Li (.*)$", page, re.M))))
        with tempfile.TemporaryDirectory() as d:
            s = captures.Session()
            s.greet(b"gw\xff" + b"x" * 400)
            s.mail(b"s\xfe@example.org", [b"\xff@army.ml", b"L" * 2000 + b"@army.ml"] + [b"x@example.net"] * 1000)
            s.bye()
            frames = [(t, f[:12] + b"\x88\xa8\0\5\x81\0\0\7" + f[12:]) for t, f in s.frames]
            with open(d + "/c.pcap", "wb") as f:
                f.write(captures.pcap(frames))
            subprocess.run([POSTERN, "replay", "--loop", "2", "--alerts", d + "/a", "--envelopes", d + "/e", "--report",
                            "json", "--report-file", d + "/r", d + "/c.pcap", d + "/none"], stderr=subprocess.DEVNULL)
            lines = {}
            for name in "ae":
                with open(f"{d}/{name}") as f:
                    lines[name] = [json.loads(x) for x in f]
            with open(d + "/r") as f:
                report = json.load(f)
        self.assertEqual({len(lines["a"]), len(lines["e"])}, {8, 2})

        def keys(v, path=""):
            if isinstance(v, dict):
                for k, x in v.items():
                    yield from keys(x, path + "." + k if path else k)
            elif isinstance(v, list) and v and isinstance(v[0], dict):
                for x in v:
                    yield from keys(x, path)
            else:
                yield path
        found = {k for r in lines["a"] for k in keys(r)}
        # Of envelopes and the report, the last part of a path is what the page names.
        found |= {k if k.startswith("flow.") else k.split(".")[-1] for x in (lines["e"], report) for r in
                  (x if isinstance(x, list) else [x]) for k in keys(r)}
        top = os.path.dirname(os.path.dirname(CLI))
        for name in ("dataplane/api/dp_anomaly.def", "dataplane/api/dp_stats.def"):
            with open(os.path.join(top, name)) as f:
                found |= set(re.findall(r'^DP_\w+\(\w+, "(\w+)"', f.read(), re.M))
        self.assertIn("postern.sender_raw", found)
        self.assertIn("network.inner.vlan.id", found)
        self.assertIn("recipients_omitted", found)
        self.assertIn("postern.loop", found)
        self.assertEqual(found - described, set())

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

        self.assertEqual(complete("postern", "r"), {"replay", "reload", "reopen", "rules", "run"})
        self.assertEqual(complete("postern", "rules", ""), {"check", "list", "explain", "expand", "test", "diff", "--help"})
        for command in COMMANDS:
            with self.subTest(command=command):
                self.assertEqual(complete("postern", *command, "--"), {"--" + o for o in helped(command)})
        self.assertEqual(complete("postern", "replay", "--report", ""), {"text", "json"})
        self.assertEqual(complete("postern", "rules", "diff", "--format", "c"), {"capture"})
        self.assertEqual(complete("postern", "replay", ""), {"FILES"})
        self.assertEqual(complete("postern", "replay", "--alerts", ""), {"FILES"})
        self.assertEqual(complete("postern", "alerts", "s"), {"show"})
        self.assertEqual(complete("postern", "alerts", "--verdict", "re"), {"refuse", "reset"})


if __name__ == "__main__":
    POSTERN = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
