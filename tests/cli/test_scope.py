#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
Exceptions, sender scope and dates: what replay does with a capture is what explain says of its recipients.

Usage: test_scope.py POSTERN [unittest options]
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import captures

POSTERN = None
LIMIT = 120  # seconds; a bound for what hangs

RULES = """\
version: 1
ruleset: scope
protect:
  - {domain: army.mil, lookalikes: {id: own}, senders: ['*.corp.example', %(network)s]}
rules:
  - {id: ml, suffix: ml, meant: mil, senders: 203.0.113.0/24}
watch:
  - {id: seen, literal: navy.ml, verdict: alert, severity: low}
allow:
  - {id: liaison, domain: amry.mil, sender: boss@hq.corp.example, owner: o, ticket: t}
  - {id: old, domain: army.mli, until: 2001-01-01, owner: o, ticket: t}
"""
SENDERS = ("boss@hq.corp.example", "joe@hq.corp.example", "joe@other.example", "")
RECIPIENTS = ("a@amry.mil", "b@army.mli", "c@navy.ml", "d@army.ml", "e@army.mil", "f@hq.army.mil")


class Scope(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="postern-test.")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.tmp = os.path.join(self.dir, "tmp")
        os.mkdir(self.tmp)

    def path(self, name):
        return os.path.join(self.dir, name)

    def postern(self, *args, **options):
        done = subprocess.run([POSTERN, *args], capture_output=True, text=True, timeout=LIMIT,
                              env={**os.environ, "TMPDIR": self.tmp}, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def rules(self, network):
        with open(self.path("rules.yaml"), "w", encoding="ascii") as f:
            f.write(RULES % {"network": network})
        return self.path("rules.yaml")

    def capture(self):
        """One connection for each sender, with all recipients."""
        name = self.path("mail.pcap")
        frames = []
        for n, sender in enumerate(SENDERS):
            session = captures.Session(n, start_ns=1_772_359_200_000_000_000 + n * 1_000_000_000)
            session.greet()
            session.mail(sender.encode(), [r.encode() for r in RECIPIENTS])
            session.bye()
            frames += session.frames
        with open(name, "wb") as f:
            f.write(captures.pcap(frames))
        return name

    def alerts(self, rules):
        out, report = self.path("alerts"), self.path("report")
        self.postern("replay", "--rules", rules, "--alerts", out, "--report", "json", "--report-file", report,
                     "--no-progress", self.capture())
        with open(out, encoding="utf-8") as f:
            records = [json.loads(line) for line in f]
        with open(report, encoding="utf-8") as f:
            return [r for r in records if r["event"]["kind"] == "alert"], json.load(f)["hits"]

    def explain(self, rules, alert):
        answer = json.loads(self.postern(
            "rules", "explain", "--rules", rules, "--json", "--sender", alert["email"]["from"]["address"],
            "--client", alert["source"]["ip"], "--at", alert["@timestamp"], alert["email"]["to"]["address"]))
        return answer["verdict"], answer["verdict_by"], answer["technique"], answer["meant"]

    def test_replay_and_explain(self):
        rules = self.rules("192.0.2.4/32")
        alerts, hits = self.alerts(rules)
        own = {"a@amry.mil": "rule:own", "b@army.mli": "rule:own", "c@navy.ml": "rule:seen", "d@army.ml": "rule:own"}
        expected = {
            SENDERS[0]: {**own, "a@amry.mil": "exception:liaison"},
            SENDERS[1]: own,
            SENDERS[2]: {"a@amry.mil": "scope:own", "b@army.mli": "scope:own", "c@navy.ml": "rule:seen",
                         "d@army.ml": "scope:ml"},
            SENDERS[3]: own,  # by the client's address
        }
        found = {}
        for alert in alerts:
            sender, address, postern = alert["email"]["from"]["address"], alert["email"]["to"]["address"], alert["postern"]
            found.setdefault(sender, {})[address] = postern["verdict_by"]
            self.assertEqual(postern.get("expired_exception"),
                             "old" if address == "b@army.mli" and sender != SENDERS[2] else None)
            self.assertEqual(self.explain(rules, alert), (postern["verdict"], postern["verdict_by"],
                                                          postern["technique"], postern["meant"] or None))
            if postern["verdict_by"] in ("rule:own", "rule:seen"):
                self.assertEqual(alert["rule"]["id"], postern["verdict_by"].removeprefix("rule:"))
            if address == "d@army.ml":
                self.assertEqual(postern["technique"], "suffix" if sender == SENDERS[2] else "tld")
                self.assertIn("army.mil", postern["explanation"])
        self.assertEqual(found, expected)
        self.assertEqual(hits, {"exceptions": {"liaison": 1}, "expired_exceptions": {"old": 3},
                                "out_of_scope": {"ml": 4, "own": 2}})

    def test_report_and_store(self):
        """The report for people names them; a second replay into the store counts nothing again."""
        rules, state, capture = self.rules("192.0.2.0/24"), self.path("state"), self.capture()
        text = self.postern("replay", "--rules", rules, "--state", state, "--no-progress", capture)
        self.assertRegex(text, r"let through by exceptions +1\n +liaison +1\n")
        self.assertRegex(text, r"exceptions had ended +4\n +old +4\n")
        self.assertRegex(text, r"rules for other senders +4\n +ml +4\n")
        text = self.postern("replay", "--rules", rules, "--state", state, "--no-progress", capture)
        self.assertNotIn("liaison", text.partition("Postern")[2])


if __name__ == "__main__":
    POSTERN = sys.argv.pop(1)
    unittest.main(verbosity=2)
