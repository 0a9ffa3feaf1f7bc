#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
postern replay on captures that odd wires, mirror ports and peers make.

Usage: test_wire.py POSTERN [unittest options]
"""

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

import captures
from captures import ACK, FIN, PSH

POSTERN = None
LIMIT = 120  # seconds; a bound for what hangs, never a measurement
BODY = b"Subject: x\r\n\r\nhello\r\n"


def tagged(frame, vlan):
    return frame[:12] + struct.pack(">HH", 0x8100, vlan) + frame[12:]


class Result:
    def __init__(self, folder, frames, config=None, args=()):
        path = [os.path.join(folder, x) for x in ("c.pcap", "a.jsonl", "e.jsonl", "r.json", "postern.yaml")]
        with open(path[0], "wb") as f:
            f.write(captures.pcap(sorted(frames, key=lambda x: x[0])))
        for p in path[1:]:
            if os.path.exists(p):
                os.unlink(p)
        argv = [POSTERN, "replay", "--alerts", path[1], "--envelopes", path[2], "--report", "json", "--report-file",
                path[3], *args]
        if config is not None:
            with open(path[4], "w") as f:
                f.write(config)
            argv += ["--config", path[4]]
        done = subprocess.run([*argv, path[0]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=LIMIT, env={**os.environ, "TMPDIR": folder})
        if done.returncode != 0:
            raise AssertionError(done.stdout.decode(errors="replace"))
        records = [self.lines(p) for p in path[1:3]]
        self.alerts = [r for r in records[0] if "rule" in r]
        self.updates = [r for r in records[0] if "rule" not in r]
        self.envelopes = records[1]
        with open(path[3]) as f:
            self.report = json.load(f)

    @staticmethod
    def lines(path):
        with open(path, encoding="utf-8") as f:
            return [json.loads(x) for x in f]

    @property
    def found(self):
        return [a["email"]["to"]["address"] for a in self.alerts]

    @property
    def stated(self):
        out = set()
        for e in self.envelopes:
            out |= set(e["anomalies"])
        for a in self.alerts:
            out |= set(a["postern"]["anomalies"])
        return out | set(self.report["anomalies"])


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="postern-test.")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def replay(self, frames, **kw):
        return Result(self.dir, frames, **kw)


def begun(**kw):
    """A session up to its first recipient."""
    s = captures.Session(**kw)
    s.greet()
    s.ask(b"MAIL FROM:<jane@example.org>", b"250 Ok")
    s.ask(b"RCPT TO:<joe@army.ml>", b"250 Ok")
    return s


class Mirror(Case):
    """A SPAN port delivers frames twice, with the same tags or with others."""

    def copies(self, first, second):
        out = []
        for ns, frame in captures.story():
            out += [(ns, first(frame)), (ns + 1000, second(frame))]
        return out

    def test_same_tags(self):
        for config in (None, "vlan: separate\n", "vlan: ignore\n"):
            r = self.replay(self.copies(lambda f: tagged(f, 10), lambda f: tagged(f, 10)), config=config)
            self.assertEqual((r.found, len(r.envelopes), r.stated), (["joe@army.ml"], 1, set()))

    def test_other_tags(self):
        for first, second in ((10, 20), (10, None), (None, 10)):
            frames = self.copies(*(((lambda f: f) if v is None else (lambda f, v=v: tagged(f, v))) for v in (first, second)))
            r = self.replay(frames, config="vlan: ignore\n")
            self.assertEqual((r.found, len(r.envelopes), r.stated), (["joe@army.ml"], 1, set()))
            self.assertIsNone(r.envelopes[0]["flow"]["vlan"])
            # Two networks may well have the same addresses: told apart unless the operator knows better.
            r = self.replay(frames)
            self.assertEqual((r.found, {e["flow"]["vlan"] for e in r.envelopes}), (["joe@army.ml"] * 2, {first, second}))

    def test_tag_by_direction(self):
        frames = [(ns, tagged(f, 10 if f[26:30] == bytes([192, 0, 2, 1]) else 20)) for ns, f in captures.story()]
        r = self.replay(frames, config="vlan: ignore\n")
        self.assertEqual((r.found, r.stated), (["joe@army.ml"], set()))
        self.assertEqual(r.updates[0]["postern"]["leak"]["reply"], 250)
        r = self.replay(frames)
        self.assertEqual(r.found, ["joe@army.ml"])
        self.assertIn("one_sided", r.report["anomalies"])


class Bodies(Case):
    """Octets of a body sent again that differ: what ends the message in one reading is not hidden by the other."""

    SMUGGLED = b"x\r\n.\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<amy@navy.ml>\r\n"

    def body(self, pieces):
        """@pieces of the body: (offset, octets), in the order in which they come."""
        s = begun()
        s.ask(b"DATA", b"354 go")
        start, end = s.seq[True], 0
        for off, octets in pieces:
            s.seq[True] = start + off
            s.put(True, PSH | ACK, octets)
            end = max(end, off + len(octets))
        s.seq[True] = start + end
        s.say(True, b"\r\n.\r\n")
        s.say(False, b"250 taken\r\n")
        s.bye()
        return s.frames

    def test_copies(self):
        n = len(self.SMUGGLED)
        plain = b"y" * n
        for name, pieces in {
            "whole, last": [(0, plain), (0, self.SMUGGLED)],
            "whole, first": [(0, self.SMUGGLED), (0, plain)],
            "split, last": [(0, plain), (0, self.SMUGGLED[:4]), (4, self.SMUGGLED[4:])],
            "split oddly, last": [(0, plain[:5]), (5, plain[5:]), (0, self.SMUGGLED[:3]), (3, self.SMUGGLED[3:30]),
                                  (30, self.SMUGGLED[30:])],
            "one by one, last": [(0, plain)] + [(i, self.SMUGGLED[i:i + 1]) for i in range(n)],
            "out of order": [(20, plain[20:]), (20, self.SMUGGLED[20:]), (0, self.SMUGGLED[:20]), (0, plain[:20])],
        }.items():
            with self.subTest(name=name):
                r = self.replay(self.body(pieces))
                self.assertIn("joe@army.ml", r.found)
                self.assertTrue("amy@navy.ml" in r.found or "overlap_diff" in r.stated, (r.found, r.stated))

    def test_equal_copies(self):
        text = b"the octets agree " * 4
        r = self.replay(self.body([(0, text), (0, text[:9]), (5, text[5:40]), (30, text[30:])]))
        self.assertEqual((r.found, r.stated), (["joe@army.ml"], set()))
        self.assertEqual(r.envelopes[0]["body_octets"], len(text) + 2)


class Peers(Case):
    """What odd servers and clients say."""

    def test_turn(self):
        """TURN refused, and taken: the sides are exchanged on the same connection (RFC 821 section 3.8)."""
        s = begun()
        s.ask(b"RSET", b"250 Ok")
        s.ask(b"TURN", b"502 no")
        s.mail(b"jane@example.org", [b"amy@navy.ml"])
        s.bye()
        r = self.replay(s.frames)
        self.assertEqual((r.found, r.stated), (["joe@army.ml", "amy@navy.ml"], set()))
        s = begun()
        s.ask(b"RSET", b"250 Ok")
        s.ask(b"TURN", b"250 your turn")
        s.say(True, b"220 gw.example.org ready\r\n")
        for line, answer in ((b"EHLO mx.example.net", b"250 gw.example.org"), (b"MAIL FROM:<bob@example.net>", b"250 Ok"),
                             (b"RCPT TO:<amy@navy.ml>", b"250 Ok"), (b"QUIT", b"221 bye")):
            s.say(False, line + b"\r\n")
            s.say(True, answer + b"\r\n")
        s.bye()
        r = self.replay(s.frames)
        self.assertEqual(r.found, ["joe@army.ml", "amy@navy.ml"])
        self.assertIn("turned", r.stated)

    def test_blank_lines(self):
        """A server that does not answer blank lines: the replies still go to the commands they answer."""
        s = begun()
        s.say(True, b"\r\n\r\n")
        s.ask(b"RCPT TO:<amy@navy.ml>", b"550 no such user")
        s.ask(b"RCPT TO:<bob@example.net>", b"251 will forward")
        s.ask(b"DATA", b"354 go")
        s.say(True, BODY + b".\r\n")
        s.say(False, b"250 taken\r\n")
        s.bye()
        r = self.replay(s.frames)
        self.assertEqual(r.found, ["joe@army.ml", "amy@navy.ml"])
        e = r.envelopes[0]
        self.assertEqual((e["data"], e["data_go"], e["data_reply"]), ("data", 354, 250))
        replies = [x["reply"] for x in e["recipients"]]
        self.assertTrue(replies == [250, 550, 251] or r.stated, (replies, r.stated))

    def test_both_ports_are_mail(self):
        """A relay that sends from port 25 to port 25, met with and without its beginning."""
        frames = []

        class FromMailPort(captures.Session):
            def __init__(self, port):
                self.port = port
                super().__init__()

            def put(self, *args):
                self.sport = self.port
                super().put(*args)

        for port in (25, 587, 2525):
            s = FromMailPort(port)
            s.greet()
            s.mail(b"jane@example.org", [b"joe@army.ml"])
            s.bye()
            for name, frames in (("whole", s.frames), ("no handshake", s.frames[3:]), ("from MAIL", s.frames[6:]),
                                 ("from its reply", s.frames[7:])):
                with self.subTest(port=port, name=name):
                    r = self.replay(frames)
                    self.assertEqual(r.found, ["joe@army.ml"])
                    self.assertEqual(r.alerts[0]["source"]["ip"], "192.0.2.1")
                    if name == "whole":
                        self.assertEqual(r.stated, set())
                    else:
                        self.assertIn("midstream", r.stated)


if __name__ == "__main__":
    POSTERN = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
