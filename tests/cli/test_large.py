#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
postern replay on captures several times larger than the memory it may use.

Usage: test_large.py POSTERN [unittest options]

A memory control group holds the processes and the page cache of what they read. The capture is made by
tests/perf/generate, and every alert is compared with the truth beside it: as a file, through a FIFO, and compressed.
POSTERN_LONG=1: 3 GB instead of 400 MB. In a build with sanitizers, which need more memory than that, only then.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import captures

POSTERN = None
LONG = os.environ.get("POSTERN_LONG") == "1"
SESSIONS = 150000 if LONG else 20000
LIMIT_S = 1200 if LONG else 300  # seconds; a bound for what hangs, never a measurement
LEAST = 64 << 20


class Group:
    """A memory control group, of either version."""

    def __init__(self, limit):
        name = "postern-test-%d" % os.getpid()
        self.v1 = os.path.isdir("/sys/fs/cgroup/memory")
        top = "/sys/fs/cgroup/memory" if self.v1 else "/sys/fs/cgroup"
        self.path = os.path.join(top, name)
        try:
            if not self.v1:
                with open(os.path.join(top, "cgroup.subtree_control"), "w") as f:
                    f.write("+memory")
            os.mkdir(self.path)
            self.set("memory.limit_in_bytes" if self.v1 else "memory.max", limit)
        except OSError as e:
            self.remove()
            raise unittest.SkipTest("no memory control group can be made: %s" % e)

    def set(self, name, value):
        with open(os.path.join(self.path, name), "w") as f:
            f.write(str(value))

    def get(self, name):
        with open(os.path.join(self.path, name)) as f:
            return f.read().split()

    def peak(self):
        return int(self.get("memory.max_usage_in_bytes" if self.v1 else "memory.peak")[0])

    def enter(self):
        self.set("cgroup.procs", os.getpid())

    def remove(self):
        end = time.monotonic() + 10
        while os.path.isdir(self.path) and time.monotonic() < end:
            try:
                os.rmdir(self.path)
            except OSError:
                time.sleep(0.05)


def truth_of(path):
    with open(path) as f:
        lines = [json.loads(x) for x in f]
    return lines.pop(), sorted((t["src_port"], t["transaction"], t["recipient_index"], t["address"], t["domain"], t["meant"],
                                t["sender"]) for t in lines)


def alerts_of(path):
    out = []
    with open(path) as f:
        for line in f:
            a = json.loads(line)
            if "email" in a:
                p = a["postern"]
                out.append((a["source"]["port"], p["transaction"], p["recipient_index"], a["email"]["to"]["address"],
                            p["domain"], p["meant"], a["email"]["from"]["address"]))
    return sorted(out)


class Large(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("a memory control group needs root")
        cls.dir = tempfile.mkdtemp(prefix="postern-test.")
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)
        with open(cls.path("small.pcap"), "wb") as f:
            f.write(captures.pcap(captures.story()))
        subprocess.run([POSTERN, "replay", "--report", "json", "--report-file", cls.path("small.json"), cls.path("small.pcap")],
                       check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=LIMIT_S)
        with open(cls.path("small.json")) as f:
            peaks = json.load(f)["memory"]
        cls.limit = sum(peaks.values()) + LEAST
        if cls.limit > 256 << 20 and not LONG:
            raise unittest.SkipTest("this build needs %d MB for nothing: in long runs only" % (sum(peaks.values()) >> 20))
        cls.capture = cls.path("large.pcap")
        generate = os.path.join(os.path.dirname(POSTERN), "../../tests/perf/generate")
        subprocess.run([generate, "--preset", "mailmix", "--sessions", str(SESSIONS), "--truth", cls.path("truth"), cls.capture],
                       check=True, timeout=LIMIT_S)
        cls.total, cls.truth = truth_of(cls.path("truth"))

    @classmethod
    def path(cls, name):
        return os.path.join(cls.dir, name)

    def replay(self, capture, feed=None, stdin=subprocess.DEVNULL):
        """Within the limit; @feed writes to @capture meanwhile, outside of it."""
        size = os.path.getsize(self.capture)
        self.assertGreater(size, 3 * self.limit, "the capture is not much larger than the memory")
        group = Group(self.limit)
        self.addCleanup(group.remove)
        out, report = self.path("alerts.jsonl"), self.path("report.json")
        for p in (out, report):
            if os.path.exists(p):
                os.unlink(p)
        subprocess.run(["sync", self.capture], check=True)
        p = subprocess.Popen([POSTERN, "replay", "--alerts", out, "--report", "json", "--report-file", report, capture],
                             stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             preexec_fn=group.enter, env={**os.environ, "TMPDIR": self.dir})
        feeder = threading.Thread(target=feed) if feed is not None else None
        if feeder is not None:
            feeder.start()
        try:
            text = p.communicate(timeout=LIMIT_S)[0]
        finally:
            p.kill()
        if feeder is not None:
            feeder.join(LIMIT_S)
        self.assertEqual(p.returncode, 0, text.decode(errors="replace"))
        with open(report) as f:
            r = json.load(f)
        self.assertEqual((r["result"], r["packets"]), ("complete", self.total["packets"]))
        got = alerts_of(out)
        self.assertEqual(len(got), len(self.truth))
        self.assertTrue(got == self.truth, "the alerts are not those of the truth")
        self.assertLessEqual(group.peak(), self.limit)

    def test_file(self):
        self.replay(self.capture)

    def test_fifo(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)

        def feed():
            with open(fifo, "wb", buffering=0) as to, open(self.capture, "rb") as source:
                shutil.copyfileobj(source, to, 1 << 20)
        self.replay(fifo, feed)

    def test_compressed(self):
        """As the message about compressed captures says: zcat FILE | postern replay -"""
        packed = self.path("large.pcap.gz")
        with open(packed, "wb") as f:
            subprocess.run(["gzip", "-1", "-c", self.capture], stdout=f, check=True, timeout=LIMIT_S)
        said = subprocess.run([POSTERN, "replay", packed], stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S)
        self.assertEqual(said.returncode, 3)
        self.assertIn(b"zcat FILE | postern replay -", said.stderr)
        zcat = subprocess.Popen(["zcat", packed], stdout=subprocess.PIPE)
        try:
            self.replay("-", stdin=zcat.stdout)
        finally:
            zcat.stdout.close()
            zcat.kill()
            zcat.wait(LIMIT_S)


if __name__ == "__main__":
    POSTERN = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
