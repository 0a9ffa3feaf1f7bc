#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_idn - internationalised recipients through the whole of Postern

Usage: test_idn.py POSTERN

A capture with recipients in UTF-8, as A-labels and in octets that are neither is replayed; alerts must say what was meant,
why, and which characters are foreign, and `postern rules explain` must say the same of each.
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import captures

POSTERN = None
RULES = """version: 1
protect: [army.mil, bücher.example, почта.рф]
allow:
  - {id: address, address: ok@аrmy.mil}
  - {id: domain, domain: армия.рф}
"""
# Octets of the domain, as judged, what was meant, technique, what the explanation must say.
FOUND = [
    ("аrmy.mil".encode(), "xn--rmy-5cd.mil", "army.mil", "homoglyph", "U+0430 CYRILLIC SMALL LETTER A for a"),
    (b"XN--RMY-5CD.mil", "xn--rmy-5cd.mil", "army.mil", "homoglyph", "U+0430 CYRILLIC SMALL LETTER A for a"),
    ("hq.ａmry.ml".encode(), "hq.xn--mry-n76s.ml", "hq.army.mil", "homoglyph", "U+FF41 FULLWIDTH LATIN SMALL LETTER A for a"),
    ("bücer.example".encode(), "xn--bcer-0ra.example", "xn--bcher-kva.example", "omission", "U+00FC"),
    ("ПОЧАТ.рф".encode(), "xn--80a1acox.xn--p1ai", "xn--80a1acny.xn--p1ai", "transposition", "U+043F"),
    (b"\xe4rmy.mil", "\\xE4rmy.mil", "army.mil", "homoglyph", "octets that are no UTF-8, read as ISO 8859-1"),
    (b"xn--army-99999b.mil", "xn--army-99999b.mil", "army.mil", "homoglyph", "begins with xn-- and is no internationalised"),
]
RIGHT = ["bücher.example", "BÜCHER.example", "bu\u0308cher.example", "xn--bcher-kva.example", "почта.рф", "hq.ПОЧТА.рф",
         "müll.army.mil", "中国.cn", "müller.example"]


class Idn(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = folder.name
        self.rules = self.dir + "/rules.yaml"
        with open(self.rules, "w", encoding="utf-8") as f:
            f.write(RULES)

    def replay(self, recipients):
        s = captures.Session()
        s.greet()
        s.ask(b"MAIL FROM:<jane@example.org> SMTPUTF8", b"250 ok")
        for r in recipients:
            s.ask(b"RCPT TO:<" + r + b">", b"250 ok")
        s.bye()
        with open(self.dir + "/c.pcap", "wb") as f:
            f.write(captures.pcap(s.frames))
        subprocess.run([POSTERN, "replay", "--rules", self.rules, "--alerts", self.dir + "/a", "--envelopes", self.dir + "/e",
                        "--report", "json", "--report-file", self.dir + "/r", self.dir + "/c.pcap"], check=True, timeout=300)
        with open(self.dir + "/a", encoding="utf-8") as f:
            return [a for a in map(json.loads, f) if "rule" in a]

    def explain(self, address):
        p = subprocess.run([POSTERN, "rules", "explain", "--json", "--rules", self.rules, "-"], check=True, timeout=60,
                           input=address + b"\n", stdout=subprocess.PIPE)
        return json.loads(p.stdout)

    def test_alerts(self):
        alerts = self.replay([b"x@" + f[0] for f in FOUND] + [b"x@" + r.encode() for r in RIGHT])
        self.assertEqual([a["postern"]["recipient_index"] for a in alerts], list(range(1, len(FOUND) + 1)))
        for (octets, domain, meant, technique, why), a in zip(FOUND, alerts):
            with self.subTest(octets=octets):
                p = a["postern"]
                self.assertEqual((p["domain"], p["meant"], p["technique"]), (domain, meant, technique))
                self.assertIn(why, p["explanation"])
                self.assertIn(domain, p["explanation"])
                self.assertTrue(p["explanation"].isascii())
                said = self.explain(b"x@" + octets)
                self.assertEqual((said["meant"], said["technique"], said["explanation"]),
                                 (meant, technique, p["explanation"]))
        # The address is shown as it was written.
        self.assertEqual(alerts[0]["email"]["to"]["address"], "x@аrmy.mil")
        self.assertEqual(alerts[5]["email"]["to"]["address"], "x@\\xE4rmy.mil")
        with open(self.dir + "/e", encoding="utf-8") as f:
            envelopes = [json.loads(line) for line in f]
        self.assertEqual([len(e["recipients"]) for e in envelopes], [len(FOUND) + len(RIGHT)])
        self.assertIn("lenient_address", envelopes[0]["anomalies"])  # octets that are no UTF-8 are not passed over

    def test_right(self):
        for r in RIGHT:
            with self.subTest(domain=r):
                said = self.explain(b"x@" + r.encode())
                self.assertFalse(said["match"])

    def test_exceptions(self):
        alerts = self.replay([b"ok@xn--rmy-5cd.mil", "ok@аrmy.mil".encode(), "no@аrmy.mil".encode()])
        self.assertEqual([a["postern"]["verdict_by"] for a in alerts],
                         ["exception:address", "exception:address", "rule:lookalikes-rules"])
        self.assertEqual(self.explain("ok@аrmy.mil".encode())["verdict_by"], "exception:address")


if __name__ == "__main__":
    POSTERN = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
