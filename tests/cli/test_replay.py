#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
postern replay, driven as its users do: the real binaries on captures written here.

Usage: test_replay.py POSTERN [unittest options]
Every test has its own folder as TMPDIR; what a run leaves behind there is a failure.
"""

import csv
import gzip
import io
import json
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import captures

POSTERN = None
LIMIT = 120  # seconds; a bound for what hangs, never a measurement
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(x) for x in f.read().split()]
    except OSError:
        return []


def name_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return os.path.basename(f.read().split(b"\0")[0]).decode()
    except OSError:
        return ""


def child(pid, name):
    return next((c for c in children(pid) if name_of(c) == name), None)


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_for(what, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = what()
        if got:
            return got
        time.sleep(0.002)
    raise AssertionError("waited in vain")


class Case(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="postern-test.")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.tmp = self.path("tmp")
        os.mkdir(self.tmp)

    def tearDown(self):
        self.assertEqual(os.listdir(self.tmp), [], "something was left behind")

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def env(self, **more):
        return {**os.environ, "TMPDIR": self.tmp, "LC_ALL": "C.UTF-8", **more}

    def start(self, *args, env=None, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        kw.setdefault("stdout", subprocess.PIPE)
        return subprocess.Popen([POSTERN, "replay", *args], stderr=subprocess.PIPE,
                                env=self.env(**(env or {})), **kw)

    def run_replay(self, *args, code=0, env=None, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        p = subprocess.run([POSTERN, "replay", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           env=self.env(**(env or {})), timeout=LIMIT, **kw)
        self.assertEqual(p.returncode, code, p.stderr.decode(errors="replace") + p.stdout.decode(errors="replace"))
        return p

    def report(self, name="report.json"):
        return json.loads(self.read(name))

    def records(self, name="alerts.jsonl"):
        return [json.loads(line) for line in self.read(name).decode("utf-8").splitlines()]

    def alerts(self, name="alerts.jsonl"):
        return [r for r in self.records(name) if "rule" in r]

    def judged(self, *args, code=0, alerts=None, **kw):
        """Run with alert and report files; check the number of alerts and that the report agrees."""
        p = self.run_replay("--alerts", self.path("alerts.jsonl"), "--report", "json", "--report-file",
                            self.path("report.json"), *args, code=code, **kw)
        r = self.report()
        self.assertEqual(r["exit_code"], code)
        self.assertTrue(r["health"]["balanced"])
        self.assertEqual(r["alerts"], len(self.alerts()))
        if alerts is not None:
            self.assertEqual(len(self.alerts()), alerts)
        self.assertEqual([x["event"]["sequence"] for x in self.records()], list(range(1, len(self.records()) + 1)))
        return p, r

    def stable(self, name):
        """The octets of an output file without what differs between stores by design."""
        return re.sub(rb'"store_id":"[0-9a-f-]+"', b'"store_id":"-"', self.read(name))


class Story(Case):
    def test_for_people(self):
        c = self.write("a.pcap", captures.pcap(captures.story()))
        p = self.run_replay(c)
        out = p.stdout.decode()
        self.assertEqual(p.stderr, b"")
        self.assertIn("joe@army.ml", out)
        self.assertIn("army.mil", out)
        self.assertNotIn("amy@", out)
        self.assertRegex(out, r"recipients +2\n")
        self.assertRegex(out, r"alerts +1  1 updated")
        self.assertRegex(out, r"result +complete")
        self.assertLess(out.index("joe@army.ml"), out.index("recipients"))

    def test_records(self):
        frames = captures.story()
        c = self.write("a.pcap", captures.pcap(frames))
        _, r = self.judged("--envelopes", self.path("env.jsonl"), c, alerts=1)
        self.assertEqual((r["packets"], r["transactions"], r["recipients"], r["matches"]), (len(frames), 1, 2, 1))
        self.assertEqual(r["octets"], sum(len(f) for _, f in frames))
        self.assertEqual((r["sessions"]["all"], r["sessions"]["clear"]), (1, 1))
        a = self.alerts()[0]
        self.assertEqual(a["email"]["to"]["address"], "joe@army.ml")
        self.assertEqual(a["email"]["from"]["address"], "jane@example.org")
        self.assertEqual((a["source"]["ip"], a["source"]["port"]), ("192.0.2.1", 20000))
        self.assertEqual((a["destination"]["ip"], a["destination"]["port"]), ("198.51.100.25", 25))
        self.assertEqual((a["postern"]["domain"], a["postern"]["meant"]), ("army.ml", "army.mil"))
        self.assertFalse(a["postern"]["enforced"])
        self.assertEqual((a["postern"]["transaction"], a["postern"]["recipient_index"]), (1, 1))
        self.assertTrue(a["@timestamp"].startswith("2026-03-01T10:00:00."), a["@timestamp"])
        u = next(x for x in self.records() if "rule" not in x)
        self.assertEqual(u["event"]["id"], a["event"]["id"])
        self.assertEqual((u["postern"]["leak"]["reply"], u["postern"]["leak"]["data_begun"]), (250, True))
        e = self.records("env.jsonl")
        self.assertEqual(len(e), 1)
        self.assertEqual([x["address"] for x in e[0]["recipients"]], ["joe@army.ml", "amy@army.mil"])
        self.assertEqual([x["reply"] for x in e[0]["recipients"]], [250, 250])
        self.assertEqual((e[0]["data"], e[0]["data_go"], e[0]["data_reply"], e[0]["complete"]), ("data", 354, 250, True))
        self.assertEqual(e[0]["body_octets"], len(b"Subject: x\r\n\r\nhello\r\n"))

    def test_data_begun(self):
        """Told only where it was seen: 354, octets of a body, or BDAT."""
        body = b"Subject: x\r\n\r\nhi\r\n.\r\n"
        cases = [
            ("go-ahead", True, lambda s: s.ask(b"DATA", b"354 go")),
            ("refused", False, lambda s: s.ask(b"DATA", b"554 no")),
            ("none", False, lambda s: s.bye()),
            ("unanswered", None, lambda s: s.say(True, b"DATA\r\n")),
            ("answered 250", True, lambda s: (s.ask(b"DATA", b"250 well"), s.say(True, body), s.say(False, b"250 ok\r\n"))),
            ("answered 250, not sent", False, lambda s: (s.ask(b"DATA", b"250 well"), s.bye())),
            ("bdat not offered, taken", True, lambda s: s.ask(b"BDAT 5 LAST\r\nx\r\ny", b"250 ok")),
            ("bdat not offered, refused", False, lambda s: (s.ask(b"BDAT 5 LAST", b"500 what"), s.bye())),
            ("unseen", True, lambda s: (s.say(True, b"DATA\r\n"), s.seq.update({False: s.seq[False] + 8}),
                                        s.say(True, body), s.say(False, b"250 ok\r\n"))),
        ]
        for name, want, then in cases:
            with self.subTest(name=name):
                s = captures.Session()
                s.greet()
                s.ask(b"MAIL FROM:<jane@example.org>", b"250 Ok")
                s.ask(b"RCPT TO:<joe@army.ml>", b"250 Ok")
                then(s)
                c = self.write(name + ".pcap", captures.pcap(s.frames))
                self.judged(c, alerts=1)
                u = next(x for x in self.records() if "rule" not in x)
                self.assertEqual(u["postern"]["leak"], {"command_octets": 23, "reply": 250, "data_begun": want})
                os.unlink(self.path("alerts.jsonl"))
        out = self.run_replay(self.path("unanswered.pcap")).stdout.decode()
        self.assertIn("may have begun", out)

    def test_formats_agree(self):
        frames = captures.story()
        a = self.write("a.pcap", captures.pcap(frames))
        b = self.write("b.pcapng", captures.pcapng(frames))
        for c in (a, b):
            self.judged(c, alerts=1)
            got = self.alerts()[0]
            del got["event"]["id"], got["postern"]["store_id"]
            os.unlink(self.path("alerts.jsonl"))
            if c == a:
                first = got
        self.assertEqual(first, got)

    def test_where_things_go(self):
        c = self.write("a.pcap", captures.pcap(captures.story()))
        p = self.run_replay("--alerts", "-", c)
        self.assertEqual([json.loads(x)["event"]["sequence"] for x in p.stdout.splitlines()], [1, 2])
        self.assertIn(b"recipients", p.stderr)
        p = self.run_replay("--envelopes", "-", c)
        self.assertEqual(len(p.stdout.splitlines()), 1)
        self.assertEqual(json.loads(p.stdout)["transaction"], 1)
        p = self.run_replay("--report", "json", c)
        self.assertEqual(json.loads(p.stdout)["alerts"], 1)
        p = self.run_replay("--quiet", c)
        self.assertEqual((p.stdout, p.stderr), (b"", b""))
        p = self.run_replay("--report-file", self.path("r.txt"), c)
        self.assertIn(b"joe@army.ml", p.stdout)
        self.assertNotIn(b"recipients ", p.stdout)
        self.assertIn(b"recipients", self.read("r.txt"))
        self.assertEqual([x for x in os.listdir(self.dir) if x.startswith(".")], [])
        # What is no plain file is written as it stands, never replaced.
        os.symlink("r.txt", self.path("link"))
        for _ in range(2):
            self.run_replay("--report", "json", "--report-file", self.path("link"), c)
            self.assertEqual(self.report("r.txt")["alerts"], 1)
        self.assertTrue(os.path.islink(self.path("link")))
        with open(self.path("out"), "wb") as f:
            subprocess.run([POSTERN, "replay", "--report-file", "/dev/stdout", c], stdout=f, check=True,
                           stdin=subprocess.DEVNULL, env=self.env(), timeout=LIMIT)
        self.assertTrue(os.path.islink("/dev/stdout"))
        self.assertIn(b"joe@army.ml", self.read("out"))
        self.assertIn(b"recipients", self.read("out"))
        # A file may be named as a word that means something inside.
        self.run_replay("--alerts", "human", c, cwd=self.dir)
        self.assertEqual(len(self.alerts("human")), 1)

    def test_config(self):
        c = self.write("a.pcap", captures.pcap(captures.story()))
        self.write("postern.yaml", b"observer: {name: gw7}\nports: [2525]\nstate: st\n")
        self.judged("--config", self.path("postern.yaml"), c, alerts=0)
        self.assertTrue(os.path.isdir(self.path("st")))
        os.unlink(self.path("alerts.jsonl"))
        self.judged("--config", self.path("postern.yaml"), "--ports", "25", "--state", self.path("st2"), c, alerts=1)
        self.assertEqual(self.alerts()[0]["observer"]["name"], "gw7")

    def test_other_user(self):
        if os.geteuid() != 0:
            self.skipTest("only root can become someone else")
        if subprocess.run([POSTERN, "--help"], user=65534, group=65534, extra_groups=[],
                          stdout=subprocess.DEVNULL).returncode != 0:
            self.skipTest("the build folder is closed to others")
        c = self.write("a.pcap", captures.pcap(captures.story()))
        os.chmod(self.dir, 0o755)
        os.chmod(self.tmp, 0o777)
        p = self.run_replay("--workers", "2", c, user=65534, group=65534, extra_groups=[])
        self.assertIn(b"joe@army.ml", p.stdout)


class Usage(Case):
    def test_wrong(self):
        c = self.write("a.pcap", captures.pcap(captures.story()))
        before = self.read("a.pcap")
        cases = [
            ([], "no capture"),
            (["--speeed", "max", c], "--speed?"),
            (["--speed", "fast", c], "expected max, real"),
            (["--workers", "0", c], "1 to 64"),
            (["--workers", "65", c], "1 to 64"),
            (["--workers", "2x", c], "1 to 64"),
            (["--loop", "0", c], "1 to 1000000"),
            (["--ports", "25,,26", c], "TCP ports"),
            (["--ports", "65536", c], "TCP ports"),
            (["--report", "xml", c], "text or json"),
            (["--alerts", "", c], "empty"),
            (["--alerts", "-", "--envelopes", "-", c], "both"),
            (["--alerts", self.path("x"), "--envelopes", self.path("x"), c], "both"),
            (["--alerts", self.path("x"), "--envelopes", self.path("./x"), c], "both"),
            (["--alerts", c, c], "into the capture"),
            (["--report-file", c, c], "into the capture"),
            (["--rules"], "needs a value"),
            (["-", "-"], "once"),
            (["--rules", self.path("none"), c], "none"),
            (["--config", self.path("none.yaml"), c], "none.yaml"),
        ]
        for args, says in cases:
            with self.subTest(args=args):
                p = self.run_replay(*args, code=2)
                self.assertIn(says, p.stderr.decode())
                self.assertEqual(p.stdout, b"")
        self.assertEqual(self.read("a.pcap"), before)

    def test_commands(self):
        for args, code, says in [
            ([], 2, "replay"), (["repaly"], 2, '"replay"'), (["--no"], 2, "--no"), (["help", "zzz"], 2, "zzz"),
            (["--help"], 0, "Usage"), (["help", "replay"], 0, "--workers"), (["replay", "--help"], 0, "Exit codes"),
            (["--version"], 0, "DPDK"),
        ]:
            with self.subTest(args=args):
                p = subprocess.run([POSTERN, *args], capture_output=True, text=True, timeout=LIMIT)
                self.assertEqual(p.returncode, code)
                self.assertIn(says, p.stderr if code else p.stdout)
        for library in ("DPDK", "Hyperscan", "SQLite", "libfyaml", "jansson"):
            self.assertRegex(p.stdout, library + r" \d+\.\d+")

    def test_rules_wrong(self):
        c = self.write("a.pcap", captures.pcap(captures.story()))
        rules = self.write("bad.yaml", b"version: 1\nruleset: x\nprotectt: []\n")
        p = self.run_replay("--rules", rules, "--report", "json", "--report-file", self.path("r.json"), c, code=2)
        self.assertIn("bad.yaml:3:1", p.stderr.decode())
        self.assertNotIn("dataplane", p.stderr.decode())  # one cause, one message
        self.assertEqual(p.stdout, b"")
        self.assertTrue(self.report("r.json")["health"]["rules_wrong"])

    def test_config_wrong(self):
        c = self.write("a.pcap", captures.pcap(captures.story()))
        conf = self.write("c.yaml", b"workers: many\nprots: [25]\n")
        p = self.run_replay("--config", conf, c, code=2)
        self.assertIn("c.yaml:1:10: error: ", p.stderr.decode())
        self.assertIn("c.yaml:2:1: error: ", p.stderr.decode())
        self.assertIn('"ports"', p.stderr.decode())


class BadInput(Case):
    def setUp(self):
        super().setUp()
        self.frames = captures.story()
        self.good = self.write("good.pcap", captures.pcap(self.frames))

    def bad(self, path, whole, says=None, beside=True):
        """@path alone: exit 3 and an error; with a good capture behind it: that one is inspected."""
        _, r = self.judged(path, code=3)
        os.unlink(self.path("alerts.jsonl"))
        e = r["captures"]["errors"]
        self.assertEqual(len(e), 1)
        self.assertEqual((e[0]["path"], e[0]["whole"]), (path, whole))
        self.assertEqual(r["result"], "incomplete")
        if says is not None:
            self.assertRegex(e[0]["text"], says)
        if beside:
            p, _ = self.judged(path, self.good, code=3)
            self.assertIn("joe@army.ml", [a["email"]["to"]["address"] for a in self.alerts()])
            self.assertIn(os.path.basename(path), p.stderr.decode())
            os.unlink(self.path("alerts.jsonl"))
        return e[0]

    def test_cut_in_packet(self):
        whole = captures.pcap(self.frames)
        # Just behind the reply to the first RCPT; half of the next frame is there.
        n = next(i for i, (_, f) in enumerate(self.frames) if b"amy@army.mil" in f)
        offset = 24 + sum(16 + len(f) for _, f in self.frames[:n])
        cut = self.write("cut.pcap", whole[:offset + 16 + 30])
        _, r = self.judged(cut, code=3, alerts=1)
        e = r["captures"]["errors"][0]
        self.assertFalse(e["whole"])
        self.assertEqual((e["offset"], r["packets"]), (offset, n))
        os.unlink(self.path("alerts.jsonl"))
        p = self.run_replay(cut, code=3)
        self.assertIn(f"octet {offset}", p.stderr.decode())
        self.assertIn(f"octet {offset}", p.stdout.decode())
        self.assertIn("joe@army.ml", p.stdout.decode())

    def test_cut_everywhere(self):
        whole = captures.pcap(self.frames)
        marks = [24]
        for _, f in self.frames:
            marks.append(marks[-1] + 16 + len(f))
        rng = random.Random(7)
        for at in rng.sample(range(25, len(whole)), 12):
            with self.subTest(at=at):
                cut = self.write("cut.pcap", whole[:at])
                if at in marks:
                    self.judged(cut)
                else:
                    _, r = self.judged(cut, code=3)
                    start = max(m for m in marks if m <= at)
                    self.assertEqual(r["captures"]["errors"][0]["offset"], start)
                    self.assertEqual(r["packets"], marks.index(start))
                os.unlink(self.path("alerts.jsonl"))

    def test_no_such_file(self):
        self.bad(self.path("none.pcap"), True, "[Nn]o such file")

    def test_directory(self):
        self.bad(self.dir, True, "director|folder")

    def test_empty(self):
        self.bad(self.write("empty.pcap", b""), True, "empty")

    def test_garbage(self):
        self.bad(self.write("x.pcap", bytes(random.Random(1).randbytes(5000))), True)

    def test_text(self):
        self.bad(self.write("x.pcap", b"this is no capture\n" * 40), True)

    def test_unknown_link(self):
        self.bad(self.write("l.pcap", captures.pcap(self.frames, link=147)), True, "147")

    def test_gzip(self):
        self.bad(self.write("z.pcap.gz", gzip.compress(captures.pcap(self.frames))), True, "zcat|gzip|gunzip")

    def test_unreadable_name(self):
        p = self.run_replay(os.path.join(self.dir.encode(), b"no\x1b[2J\xff\n.pcap"), code=3)
        self.assertNotIn(b"\x1b", p.stderr + p.stdout)
        (p.stderr + p.stdout).decode("utf-8")

    def test_fifo(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        data = captures.pcap(self.frames)

        def feed():
            with open(fifo, "wb", buffering=0) as f:
                for i in range(0, len(data), 700):
                    f.write(data[i:i + 700])
                    time.sleep(0.002)
        t = threading.Thread(target=feed)
        t.start()
        self.judged(fifo, alerts=1)
        t.join()
        a = self.alerts()[0]["event"]["id"]
        os.unlink(self.path("alerts.jsonl"))
        t = threading.Thread(target=feed)
        t.start()
        self.judged(fifo, alerts=1)
        t.join()
        self.assertNotEqual(self.alerts()[0]["event"]["id"], a)  # a stream cannot be recognised again

    def test_standard_input(self):
        with open(self.good, "rb") as f:
            self.judged("-", alerts=1, stdin=f)
        os.unlink(self.path("alerts.jsonl"))
        p = subprocess.Popen(["cat", self.good], stdout=subprocess.PIPE)
        self.judged("-", alerts=1, stdin=p.stdout)
        p.stdout.close()
        p.wait()
        os.unlink(self.path("alerts.jsonl"))
        self.judged("-", code=3, alerts=0)  # /dev/null: an empty stream

    def test_odd_recipients(self):
        s = captures.Session()
        s.greet()
        odd = [b"caf\xe9\xff@army.ml", b"a\x1b[31mred\x07@army.ml", b"nul\0l@army.ml", b"<script>\"'=1@army.ml",
               "ende‮x@army.ml".encode(), b"L" * 100_000 + b"@army.ml", b"=cmd|' /C calc'!A0@army.ml"]
        s.mail(b"s\xfe@example.org", odd)
        s.bye()
        c = self.write("odd.pcap", captures.pcap(s.frames))
        self.judged("--state", self.path("st"), "--envelopes", self.path("env.jsonl"), c, alerts=len(odd))
        for name in ("alerts.jsonl", "env.jsonl"):
            text = self.read(name).decode("utf-8")
            for bad in ("\x1b", "\x07", "\0", "\x7f", "\u202e"):
                self.assertNotIn(bad, text)
        shown = self.run_replay("--rules", os.path.join(SOURCE, "rules"), c).stdout
        for args in (["alerts", "--state", self.path("st")], ["alerts", "--state", self.path("st"), "--csv"],
                     ["alerts", "--state", self.path("st"), "--json"]):
            shown += subprocess.run([POSTERN, *args], stdout=subprocess.PIPE, check=True, timeout=LIMIT).stdout
        shown.decode("utf-8")
        for bad in (b"\x1b", b"\x07", b"\0", "\u202e".encode()):
            self.assertNotIn(bad, shown)


class Alerts(Case):
    """postern alerts on a store that a replay left."""

    def setUp(self):
        super().setUp()
        s = captures.Session()
        s.greet()
        s.mail(b"Jane@example.org", [b"joe@army.ml", b"amy@army.mil", b"=1+1@hq.army.ml"])
        s.mail(b"", [b"bob@navy.ml"])
        s.bye()
        self.judged("--state", self.path("st"), self.write("a.pcap", captures.pcap(s.frames)), alerts=3)

    def ask(self, *args, code=0, state="st"):
        p = subprocess.run([POSTERN, "alerts", "--state", self.path(state), *args], capture_output=True, text=True,
                           timeout=LIMIT)
        self.assertEqual(p.returncode, code, p.stderr)
        return p

    def test_filters(self):
        for args, want in [
            ([], [1, 2, 3]), (["--domain", "army.ml"], [1, 2]), (["--domain", "@HQ.Army.ml."], [2]),
            (["--domain", "x@navy.ml"], [3]), (["--domain", ".army.ml"], [1, 2]), (["--domain", "rmy.ml"], []),
            (["--sender", "jane@example.org"], [1, 2]), (["--sender", "<jane@EXAMPLE.org>"], [1, 2]),
            (["--sender", "@example.org"], [1, 2]), (["--sender", "<>"], [3]), (["--sender", "xample.org"], []),
            (["--rule", "mil-ml"], [1, 2, 3]), (["--rule", "none"], []), (["--verdict", "refuse"], [1, 2, 3]),
            (["--verdict", "reset"], []), (["--since", "2026-03-01"], [1, 2, 3]), (["--since", "2026-03-02"], []),
            (["--until", "2026-03-01T10:00:00.009Z"], [1]), (["-n", "2"], [2, 3]), (["-n", "0"], [1, 2, 3]),
        ]:
            with self.subTest(args=args):
                got = [json.loads(x)["event"]["sequence"] for x in self.ask("--json", *args).stdout.splitlines()]
                self.assertEqual(got, want)
        for args in (["--domain", ""], ["--domain", "."], ["--sender", ""], ["--verdict", "x"], ["--since", "today"],
                     ["-n", "x"], ["--json", "--csv"], ["export", "--csv"], ["show"], ["show", "x"], ["sohw"]):
            with self.subTest(args=args):
                self.assertEqual(self.ask(*args, code=2).stdout, "")

    def test_export(self):
        lines = self.read("alerts.jsonl").decode().splitlines()
        self.assertEqual(len(lines), 6)
        for n in range(8):
            self.assertEqual(self.ask("export", "--since-sequence", str(n)).stdout.splitlines(), lines[n:])

    def test_show(self):
        out = self.ask("show", "1").stdout
        self.assertIn("joe@army.ml", out)
        self.assertIn("server answered 250, message data began", out)
        lines = self.read("alerts.jsonl").decode().splitlines()
        self.assertEqual(self.ask("show", "#1", "--json").stdout.splitlines(), [lines[0], lines[3]])
        self.assertIn("no alert has the number 9", self.ask("show", "9", code=1).stderr)
        self.assertIn("5 is what became of alert 2: show 2", self.ask("show", "5", code=1).stderr)
        self.assertIn("there is no store", self.ask(code=4, state="none").stderr)

    def test_csv(self):
        rows = list(csv.DictReader(io.StringIO(self.ask("--csv").stdout)))
        self.assertEqual([r["recipient"] for r in rows], ["joe@army.ml", "'=1+1@hq.army.ml", "bob@navy.ml"])
        self.assertEqual([r["sequence"] for r in rows], ["1", "2", "3"])
        self.assertEqual(self.ask("--csv", "--rule", "none").stdout.count("\n"), 1)


class Failures(Case):
    def setUp(self):
        super().setUp()
        self.good = self.write("good.pcap", captures.pcap(captures.story()))

    def test_state_not_a_folder(self):
        p = self.run_replay("--state", os.path.join(self.good, "x"), self.good, code=4)
        self.assertIn("state folder", p.stderr.decode())
        p = self.run_replay("--state", self.path("none/st"), self.good, code=4)
        self.assertIn("its parent must exist", p.stderr.decode())
        p = self.run_replay(self.good, code=4, env={"TMPDIR": self.path("none")})
        self.assertIn("set TMPDIR", p.stderr.decode())

    def test_state_unwritable(self):
        p = self.run_replay("--state", "/proc/self", self.good, code=4)
        self.assertTrue(p.stderr)
        self.assertNotIn(b"complete", p.stdout)

    def test_state_in_use(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        first = self.start("--state", self.path("st"), fifo)
        wait_for(lambda: os.path.exists(self.path("st/alerts.sqlite")))
        p = self.run_replay("--state", self.path("st"), self.good, code=4)
        self.assertIn("another run", p.stderr.decode())
        with open(fifo, "wb") as f:
            f.write(self.read("good.pcap"))
        first.communicate(timeout=LIMIT)
        self.assertEqual(first.returncode, 0)

    def test_store_is_something_else(self):
        os.mkdir(self.path("st"))
        self.write("st/alerts.sqlite", b"my diary, not a store\n" * 100)
        before = self.read("st/alerts.sqlite")
        p = self.run_replay("--state", self.path("st"), self.good, code=4)
        self.assertIn("alerts.sqlite", p.stderr.decode())
        self.assertEqual(self.read("st/alerts.sqlite"), before)

    def test_outputs(self):
        for option in ("--alerts", "--envelopes"):
            for target in ("/dev/full", self.dir, os.path.join(self.good, "x")):
                with self.subTest(option=option, target=target):
                    p = self.run_replay(option, target, self.good, code=4)
                    self.assertTrue(p.stderr)
        p = self.run_replay("--report-file", os.path.join(self.good, "x"), self.good, code=4)
        self.assertIn("report", p.stderr.decode())
        p = self.run_replay("--report-file", "/dev/full", self.good, code=4)
        self.assertIn("report", p.stderr.decode())
        with open("/dev/full", "wb") as full:
            r = subprocess.run([POSTERN, "replay", "--alerts", "-", self.good], stdout=full, env=self.env(),
                               stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=LIMIT)
        self.assertEqual(r.returncode, 4, r.stderr)

    def test_foreign_file(self):
        """What is no file of ours is not gone on with: its last line would be cut."""
        for text in (b"my notes\nno line end", b"x", b'{"@timestamq":', b"\n\0"):
            c = self.write("notes", text)
            p = self.run_replay("--alerts", c, self.good, code=4)
            self.assertIn("name another file", p.stderr.decode())
            self.assertEqual(self.read("notes"), text)

    def test_closed_descriptors(self):
        """Nothing of the run lands under a number that messages are written to."""
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            p = subprocess.run(["sh", "-c", f'exec "$0" replay "$1" --alerts "$2" {closed}', POSTERN, self.good,
                                self.path("a.jsonl")], env=self.env(), capture_output=True, timeout=LIMIT)
            self.assertEqual(p.returncode, 4 if ">&-" in closed.replace("2>&-", "") else 0, closed)
            self.assertEqual(len(self.alerts("a.jsonl")), 1)
            os.unlink(self.path("a.jsonl"))

    def test_capture_and_output(self):
        self.run_replay("--alerts", "/dev/full", self.path("none.pcap"), self.good, code=4)

    def test_full_disk(self):
        if os.geteuid() != 0:
            self.skipTest("a small file system needs root")
        small = self.path("small")
        os.mkdir(small)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", small]).returncode != 0:
            self.skipTest("no tmpfs can be mounted")
        self.addCleanup(subprocess.run, ["umount", "-l", small])
        frames, nb = captures.many(400)
        c = self.write("many.pcap", captures.pcap(frames))
        p = self.run_replay("--state", small, "--alerts", self.path("a.jsonl"), "--report", "json",
                            "--report-file", self.path("r.json"), c, code=4)
        self.assertIn("make room", p.stderr.decode())
        self.assertNotIn("dataplane", p.stderr.decode())
        r = self.report("r.json")
        self.assertEqual(r["result"], "failed")
        self.assertTrue(r["health"]["ctrl_failed"])
        # What was written out is in the store: nothing is claimed that is not there.
        written = len(self.alerts("a.jsonl")) if os.path.exists(self.path("a.jsonl")) else 0
        subprocess.run(["mount", "-o", "remount,size=2M", small], check=True)  # reading makes files, too
        db = sqlite3.connect(os.path.join(small, "alerts.sqlite"))
        try:
            stored = db.execute("select count(*) from alert").fetchone()[0]
        except sqlite3.OperationalError:
            stored = 0  # not even the tables were made
        db.close()
        self.assertLessEqual(written, stored)
        self.assertLess(stored, nb)


class Limits(Case):
    """More connections at once than the tables hold: everything is found still, and what was given up is stated."""

    @classmethod
    def setUpClass(cls):
        cls.frames, cls.nb_alerts = captures.many(200, gap_ns=20_000)

    def limited(self, text, code=0):
        c = self.write("many.pcap", captures.pcap(self.frames))
        p, r = self.judged("--config", self.write("postern.yaml", text), "--envelopes", self.path("env.jsonl"), c,
                           code=code)
        return p, r, {a["email"]["to"]["address"] for a in self.alerts()}

    def test_flows(self):
        _, r, found = self.limited(b"limits: {flows: 8}\n")
        self.assertEqual(len(found), self.nb_alerts)
        self.assertGreater(r["counters"]["flows_evicted"], 100)
        self.assertGreater(r["anomalies"]["resource_limit"], 100)
        self.assertGreater(r["anomalies"]["midstream"], 100)
        # No recipient stands in a record that is silent about it.
        for e in self.records("env.jsonl"):
            if not e["complete"] or e["transaction"] == 0:
                self.assertTrue({"resource_limit", "midstream"} & set(e["anomalies"]), e)
        out = self.run_replay("--config", self.path("postern.yaml"), self.path("many.pcap")).stdout.decode()
        self.assertRegex(out, r"memory limits met +[\d,]+  see")
        self.assertRegex(out, r"flows_evicted +[\d,]+  given up for room")

    def test_sessions(self):
        _, r, found = self.limited(b"limits: {sessions: 4}\n")
        self.assertEqual(len(found), self.nb_alerts)
        self.assertGreater(r["counters"]["pool_session_empty"], 50)
        self.assertGreater(r["anomalies"]["resource_limit"], 50)
        # A sender is known where there was a session, and nowhere made up.
        for a in self.alerts():
            if "resource_limit" not in a["postern"]["anomalies"]:
                self.assertTrue(a["email"]["from"]["address"].startswith("s"), a)

    def test_enough(self):
        p, r, found = self.limited(b"limits: {flows: 200, sessions: 200}\n")
        self.assertEqual(len(found), self.nb_alerts)
        self.assertEqual((r["counters"]["flows_evicted"], r["counters"]["pool_session_empty"], r["anomalies"]), (0, 0, {}))


class Same(Case):
    """What must not make a difference."""

    @classmethod
    def setUpClass(cls):
        cls.frames, cls.nb_alerts = captures.many(300)

    def setUp(self):
        super().setUp()
        self.capture = self.write("many.pcap", captures.pcap(self.frames))

    def outputs(self, *args, tag="", **kw):
        self.judged("--envelopes", self.path("env.jsonl"), *args, self.capture, **kw)
        got = self.stable("alerts.jsonl"), self.stable("env.jsonl")
        os.unlink(self.path("alerts.jsonl"))
        os.unlink(self.path("env.jsonl"))
        return got

    def test_workers_and_speed(self):
        first = self.outputs(alerts=self.nb_alerts)
        self.assertEqual(first[1].count(b"\n"), 300)
        for args in (["--workers", "2"], ["--workers", "3"], ["--workers", "8"], ["--speed", "x5", "--workers", "2"],
                     ["--speed", "20kpps"], ["--speed", "real"]):
            with self.subTest(args=args):
                self.assertEqual(self.outputs(*args, alerts=self.nb_alerts), first)
                r = self.report()
                self.assertEqual((r["packets"], r["recipients"]), (len(self.frames), 900))

    def test_second_replay(self):
        args = ["--state", self.path("st"), "--workers", "2"]
        self.judged(*args, self.capture, alerts=self.nb_alerts)
        first = self.read("alerts.jsonl")
        moved = self.write("other-name.pcap", captures.pcap(self.frames))
        p = self.run_replay(*args, "--alerts", self.path("alerts.jsonl"), moved)
        self.assertEqual(self.read("alerts.jsonl"), first)
        self.assertIn(f"{self.nb_alerts} more were in the store already", p.stdout.decode())
        # Half of the output is lost: it is completed from the store.
        with open(self.path("alerts.jsonl"), "r+b") as f:
            f.truncate(len(first) // 2)
        self.run_replay(*args, "--alerts", self.path("alerts.jsonl"), moved)
        self.assertEqual(self.read("alerts.jsonl"), first)
        db = sqlite3.connect(f"file:{self.path('st')}/alerts.sqlite?mode=ro", uri=True)
        self.assertEqual(db.execute("select count(*) from alert").fetchone()[0], self.nb_alerts)
        db.close()
        # Another capture goes on with the numbers.
        story = self.write("story.pcap", captures.pcap(captures.story()))
        self.run_replay(*args, "--alerts", self.path("alerts.jsonl"), story)
        seq = [r["event"]["sequence"] for r in self.records()]
        self.assertEqual(seq, list(range(1, len(seq) + 1)))
        self.assertEqual(len(self.alerts()), self.nb_alerts + 1)

    def test_loop(self):
        self.judged("--loop", "3", "--workers", "2", "--envelopes", self.path("env.jsonl"), self.capture,
                    alerts=3 * self.nb_alerts)
        self.assertEqual({e["loop"] for e in self.records("env.jsonl")}, {1, 2, 3})
        by_round = {}
        for a in self.alerts():
            n = a["postern"]["loop"]
            by_round[n] = by_round.get(n, 0) + 1
            self.assertTrue(a["source"]["ip"].startswith("192.0.2."))
        self.assertEqual(by_round, {n: self.nb_alerts for n in (1, 2, 3)})
        self.assertEqual(len({a["event"]["id"] for a in self.alerts()}), 3 * self.nb_alerts)
        self.assertEqual(self.report()["packets"], 3 * len(self.frames))
        # The first round is what a replay without rounds finds.
        first = {a["event"]["id"] for a in self.alerts() if a["postern"]["loop"] == 1}
        os.unlink(self.path("alerts.jsonl"))
        self.judged(self.capture, alerts=self.nb_alerts)
        self.assertEqual({a["event"]["id"] for a in self.alerts()}, first)
        self.assertTrue(all("loop" not in a["postern"] for a in self.alerts()))

    def test_pace(self):
        c = self.write("story.pcap", captures.pcap(captures.story()))
        n = len(captures.story())
        started = time.monotonic()
        self.run_replay("--speed", f"{n}pps", "--quiet", c)
        self.assertGreater(time.monotonic() - started, 0.9)

    def test_at_the_same_time(self):
        runs = [self.start("--quiet", "--alerts", self.path(f"a{i}.jsonl"), "--workers", "2", self.capture)
                for i in range(4)]
        for p in runs:
            _, err = p.communicate(timeout=LIMIT)
            self.assertEqual((p.returncode, err), (0, b""))
        for i in range(4):
            self.assertEqual(self.stable(f"a{i}.jsonl"), self.stable("a0.jsonl"))
        self.assertEqual(len(self.alerts("a0.jsonl")), self.nb_alerts)


class Deaths(Case):
    @classmethod
    def setUpClass(cls):
        cls.frames, cls.nb_alerts = captures.many(1200, recipients=4)

    def setUp(self):
        super().setUp()
        self.capture = self.write("many.pcap", captures.pcap(self.frames))
        self.judged("--envelopes", self.path("env.jsonl"), self.capture, alerts=self.nb_alerts)
        self.want = self.take()

    def take(self):
        got = self.stable("alerts.jsonl"), self.stable("env.jsonl")
        os.unlink(self.path("alerts.jsonl"))
        os.unlink(self.path("env.jsonl"))
        return got

    def args(self, *more):
        return ["--alerts", self.path("alerts.jsonl"), "--envelopes", self.path("env.jsonl"), "--report", "json",
                "--report-file", self.path("report.json"), *more, self.capture]

    def test_failpoints(self):
        with open(os.path.join(SOURCE, "ctrl/failpoint.def")) as f:
            names = re.findall(r'^FAILPOINT\(\w+, "(\w+)"', f.read(), re.M)
        self.assertGreater(len(names), 5)
        for name in names:
            for nth in ("1", "3"):
                with self.subTest(point=name, nth=nth):
                    self.run_replay(*self.args("--workers", "2"), env={"POSTERN_FAILPOINT": f"{name}:{nth}"})
                    if nth == "1":
                        self.assertEqual(self.report()["health"]["ctrl_restarts"], 1, "the point was not reached")
                    self.assertEqual(self.report()["alerts"], self.nb_alerts)
                    self.assertTrue(self.take() == self.want, "the outputs differ")

    def test_random_moments(self):
        seed = int(os.environ.get("POSTERN_SEED", "1"))
        rounds = int(os.environ.get("POSTERN_KILL_ROUNDS", "6"))
        print("seed", seed, file=sys.stderr)
        rng = random.Random(seed)
        kills = 0
        for i in range(rounds):
            p = self.start(*self.args("--workers", str(1 + i % 3), "--speed", "40kpps"))
            for _ in range(rng.randint(1, 5)):
                time.sleep(rng.random() * 0.25)
                ctrl = child(p.pid, "postern-ctrl")
                if ctrl is not None:
                    os.kill(ctrl, signal.SIGKILL)
                    kills += 1
            _, err = p.communicate(timeout=LIMIT)
            self.assertEqual(p.returncode, 0, err)
            self.assertTrue(self.take() == self.want, f"the outputs differ, round {i}")
        self.assertGreater(kills, rounds // 2)

    def test_too_often(self):
        p = self.start(*self.args("--speed", "1kpps"))
        dead = set()

        def kill():
            ctrl = child(p.pid, "postern-ctrl")
            if ctrl is not None and ctrl not in dead:
                os.kill(ctrl, signal.SIGKILL)
                dead.add(ctrl)
            return p.poll() is not None
        wait_for(kill, LIMIT)
        _, err = p.communicate(timeout=LIMIT)
        self.assertEqual(p.returncode, 4)
        self.assertIn("giving up", err.decode())
        self.assertEqual(len(dead), 6)

    def test_dataplane(self):
        p = self.start(*self.args("--speed", "10kpps"))
        wait_for(lambda: os.path.exists(self.path("alerts.jsonl")) and os.path.getsize(self.path("alerts.jsonl")) > 0)
        dp = child(p.pid, "postern-dataplane")
        os.kill(dp, signal.SIGKILL)
        _, err = p.communicate(timeout=LIMIT)
        self.assertEqual(p.returncode, 4)
        self.assertIn("dataplane was killed by signal 9", err.decode())
        r = self.report()
        self.assertEqual(r["result"], "failed")
        self.assertTrue(r["health"]["dataplane_failed"])
        got = [json.loads(x)["event"]["sequence"] for x in self.read("alerts.jsonl").splitlines()]
        self.assertEqual(got, list(range(1, len(got) + 1)))

    def test_interrupted(self):
        for sig, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            p = self.start(*self.args("--speed", "20kpps", "--workers", "2"))
            wait_for(lambda: os.path.exists(self.path("alerts.jsonl")) and os.path.getsize(self.path("alerts.jsonl")) > 0)
            p.send_signal(sig)
            _, err = p.communicate(timeout=LIMIT)
            self.assertEqual(p.returncode, code, err)
            r = self.report()
            self.assertEqual((r["result"], r["health"]["signal"]), ("interrupted", int(sig)))
            self.assertEqual(r["alerts"], len(self.alerts()))
            self.assertTrue(0 < r["alerts"] < self.nb_alerts)
            self.assertLess(r["packets"], len(self.frames))
            self.assertTrue(r["health"]["balanced"])
            self.take()

    def test_suspended(self):
        p = self.start("--alerts", self.path("alerts.jsonl"), "--speed", "20kpps", self.capture)
        wait_for(lambda: len(children(p.pid)) == 2)
        everyone = [p.pid, *children(p.pid)]

        def states():
            out = set()
            for pid in everyone:
                with open(f"/proc/{pid}/stat") as f:
                    out.add(f.read().rsplit(")", 1)[1].split()[0])
            return out
        p.send_signal(signal.SIGTSTP)
        wait_for(lambda: states() == {"T"})
        p.send_signal(signal.SIGCONT)
        _, err = p.communicate(timeout=LIMIT)
        self.assertEqual((p.returncode, err), (0, b""))
        self.assertEqual(len(self.alerts()), self.nb_alerts)

    def test_interrupted_in_silence(self):
        """A stream that says nothing does not keep a run from ending."""
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        p = self.start("--alerts", self.path("alerts.jsonl"), fifo)
        with open(fifo, "wb", buffering=0) as f:
            f.write(captures.pcap(captures.story()[:-3]))
            wait_for(lambda: os.path.exists(self.path("alerts.jsonl")) and
                     os.path.getsize(self.path("alerts.jsonl")) > 0)
            p.send_signal(signal.SIGINT)
            _, err = p.communicate(timeout=LIMIT)
        self.assertEqual(p.returncode, 130, err)
        self.assertEqual(len(self.alerts()), 1)

    def test_supervisor(self):
        p = self.start(*self.args("--speed", "1kpps"))
        wait_for(lambda: child(p.pid, "postern-ctrl"))
        kids = children(p.pid)
        self.assertEqual(len(kids), 2)
        os.kill(p.pid, signal.SIGKILL)
        p.communicate(timeout=LIMIT)
        wait_for(lambda: not any(alive(k) for k in kids))
        shutil.rmtree(self.tmp)  # nobody was left to remove it
        os.mkdir(self.tmp)


if __name__ == "__main__":
    POSTERN = os.path.abspath(sys.argv.pop(1))
    # Background jobs of a shell have it ignored, and would hand that on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    unittest.main(verbosity=2)
