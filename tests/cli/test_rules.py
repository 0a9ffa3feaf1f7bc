#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
postern rules diff on captures: what it says of recipients is what replay says.

Usage: test_rules.py POSTERN [unittest options]
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

POSTERN = None
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RULES = os.path.join(TOP, "rules")
GOLDEN = os.path.join(TOP, "tests/golden")
# Of each kind of capture some: forms of addresses, several transactions, what only looks like a recipient.
CAPTURES = ["army-ml", "negatives", "odd-addresses", "postfix-smtputf8", "postfix-pipelining", "exim-bdat"]


class Diff(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="postern-test.")
        self.none = os.path.join(self.dir, "none.yaml")
        with open(self.none, "w") as f:
            f.write("version: 1\n")

    def tearDown(self):
        shutil.rmtree(self.dir)

    def run_postern(self, *args, code):
        p = subprocess.run([POSTERN, *args], capture_output=True, timeout=300, env=dict(os.environ, TMPDIR=self.dir))
        self.assertEqual(p.returncode, code, p.stderr.decode())
        return p

    def diff(self, *args, code):
        lines = self.run_postern("rules", "diff", "--json", *args, code=code).stdout.splitlines()
        rows = [json.loads(line) for line in lines]
        return rows[:-1], rows[-1]["summary"]

    def test_as_replay(self):
        for name in CAPTURES:
            capture = os.path.join(GOLDEN, name, "capture.pcap")
            alerts, envelopes = (os.path.join(self.dir, name + end) for end in (".alerts", ".envelopes"))
            with self.subTest(capture=name):
                self.run_postern("replay", "--rules", RULES, "--alerts", alerts, "--envelopes", envelopes, capture, code=0)
                want = {}
                with open(alerts) as f:
                    for record in map(json.loads, f):
                        said = record["postern"]
                        if "recipient_index" in said:  # the others have no envelope: further readings of a line
                            key = (record["email"]["to"]["address"], said["technique"], said["meant"], said["verdict"])
                            want[key] = want.get(key, 0) + 1
                rows, sums = self.diff(self.none, RULES, capture, code=1 if want else 0)
                got = {(r["address"], r["new"]["technique"], r["new"]["meant"], r["new"]["verdict"]): r["count"] for r in rows}
                self.assertEqual(got, want)
                with open(envelopes) as f:
                    self.assertEqual(sums["recipients"], sum(len(json.loads(line)["recipients"]) for line in f))
                self.assertEqual((sums["old_matches"], sums["newly_matched"]), (0, sum(want.values())))
                # The records of a run say the same as the capture does.
                self.assertEqual(self.diff(self.none, RULES, envelopes, code=1 if want else 0), (rows, sums))
                self.assertEqual(self.diff(RULES, RULES, capture, code=0)[1]["judged_otherwise"], 0)
        self.assertEqual(os.listdir(self.dir).count("none.yaml"), 1)
        self.assertFalse([n for n in os.listdir(self.dir) if n.startswith("postern.")], "folders of runs are removed")

    def test_broken_capture(self):
        capture = os.path.join(self.dir, "cut.pcap")
        with open(os.path.join(GOLDEN, "army-ml/capture.pcap"), "rb") as f:
            octets = f.read()
        with open(capture, "wb") as f:
            f.write(octets[:-7])
        self.assertGreater(self.diff(self.none, RULES, capture, code=3)[1]["recipients"], 0)
        with open(capture, "wb") as f:
            f.write(octets[:4] + b"\xff" * 40)
        self.run_postern("rules", "diff", self.none, RULES, capture, code=3)
        self.run_postern("rules", "diff", "--ports", "x", self.none, RULES, os.path.join(GOLDEN, "army-ml/capture.pcap"),
                         code=2)

    def test_ports(self):
        capture = os.path.join(GOLDEN, "army-ml/capture.pcap")
        self.assertEqual(self.diff("--ports", "9", self.none, RULES, capture, code=0)[1]["recipients"], 0)


if __name__ == "__main__":
    POSTERN = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
