#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
hw/preflight on machines that are made up: folders that look like /sys and /proc. And that it changes none of them; and that
the annotated postern.yaml and its unit are right.

Usage: test_preflight.py POSTERN BUILD_DIR [unittest options]
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

POSTERN = None
BUILD = None
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Machine:
    def __init__(self, flags="sse4_2 constant_tsc nonstop_tsc"):
        self.root = tempfile.mkdtemp(prefix="machine-")
        self.put("proc/cpuinfo", "flags\t\t: fpu %s\n" % flags)
        self.put("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n")
        self.put("sys/devices/system/cpu/isolated", "\n")
        for cpu in range(4):
            self.put("sys/devices/system/cpu/cpu%d/topology/thread_siblings_list" % cpu, "%d\n" % cpu)
        self.hugepages(512)
        self.put("sys/kernel/btf/vmlinux", "")
        self.put("sys/class/iommu/dmar0", "")

    def put(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)

    def hugepages(self, nb):
        self.put("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "%d\n" % nb)

    def nic(self, addr, driver, group=1, node=0):
        base = "sys/bus/pci/devices/" + addr
        self.put(base + "/numa_node", "%d\n" % node)
        self.put("sys/devices/system/node/node%d/cpulist" % node, "0-3\n")
        if driver is not None:
            self.put("sys/bus/pci/drivers/%s/bind" % driver, "")
            os.symlink("../../drivers/" + driver, os.path.join(self.root, base, "driver"))
        self.put("sys/kernel/iommu_groups/%d/type" % group, "DMA\n")
        os.symlink("../../../../kernel/iommu_groups/%d" % group, os.path.join(self.root, base, "iommu_group"))
        members = os.path.join(self.root, "sys/kernel/iommu_groups/%d/devices" % group)
        os.makedirs(members, exist_ok=True)
        os.symlink(os.path.join(self.root, base), os.path.join(members, addr))

    def listing(self):
        out = []
        for folder, dirs, files in os.walk(self.root):
            for name in files:
                with open(os.path.join(folder, name)) as f:
                    out.append((folder, name, f.read()))
        return sorted(out)

    def check(self, *args):
        before = self.listing()
        p = subprocess.run([os.path.join(TOP, "hw/preflight"), *args], capture_output=True, text=True,
                           env=dict(os.environ, PREFLIGHT_ROOT=self.root), timeout=60)
        assert self.listing() == before, "preflight changed something"
        assert p.stderr == "", p.stderr
        return p.returncode, p.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.root)


class Preflight(unittest.TestCase):
    def test_ready(self):
        with Machine() as m:
            m.put("sys/devices/system/cpu/isolated", "2-3\n")
            m.nic("0000:3b:00.0", "vfio-pci")
            m.nic("0000:3b:00.1", "vfio-pci", group=2)
            code, text = m.check("--cores", "2,3", "0000:3b:00.0", "0000:3b:00.1")
        self.assertEqual(code, 0, text)
        self.assertNotIn("PROBLEM", text)
        self.assertIn("CPU 2 is isolated", text)
        self.assertIn("hugepages: 1024 MiB", text)
        self.assertIn("0000:3b:00.1: bound to vfio-pci", text)

    def test_driver(self):
        with Machine() as m:
            m.nic("0000:3b:00.0", "ixgbe")
            m.nic("0000:3b:00.1", None, group=2)
            m.nic("0000:af:00.0", "mlx5_core", group=3)
            code, text = m.check("0000:3b:00.0", "0000:3b:00.1", "0000:af:00.0", "0000:ff:00.0")
        self.assertEqual(code, 1)
        self.assertIn("PROBLEM  0000:3b:00.0: bound to the kernel's ixgbe", text)
        self.assertIn("PROBLEM  0000:3b:00.1: bound to no driver", text)
        self.assertIn("ok       0000:af:00.0: mlx5_core stays bound", text)
        self.assertIn("PROBLEM  0000:ff:00.0: there is no such PCI device", text)
        self.assertIn("dpdk-devbind.py --bind=vfio-pci 0000:3b:00.0", text)

    def test_shared_group(self):
        with Machine() as m:
            m.nic("0000:3b:00.0", "vfio-pci")
            m.nic("0000:3b:00.1", "ixgbe")
            code, text = m.check("0000:3b:00.0")
        self.assertEqual(code, 1)
        self.assertIn("shares its IOMMU group with 0000:3b:00.1", text)

    def test_poor(self):
        with Machine("fpu") as m:
            m.hugepages(0)
            shutil.rmtree(m.root + "/sys/class/iommu")
            shutil.rmtree(m.root + "/sys/kernel/btf")
            m.put("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n")
            code, text = m.check("--cores", "1,9")
        self.assertEqual(code, 1)
        for part in ("PROBLEM  CPU has no SSE4.2", "note     hugepages: 0 MiB", "note     IOMMU is off", "no BTF", "hpet",
                     "CPU 1 is not isolated", "PROBLEM  CPU 9 does not exist"):
            self.assertIn(part, text)

    def test_usage(self):
        script = os.path.join(TOP, "hw/preflight")
        self.assertEqual(subprocess.run([script, "--nonsense"], capture_output=True).returncode, 2)
        self.assertEqual(subprocess.run([script, "--cores"], capture_output=True).returncode, 2)
        self.assertIn("--cores LIST", subprocess.run([script, "--help"], capture_output=True, text=True).stdout)


class Shipped(unittest.TestCase):
    def test_yaml(self):
        p = subprocess.run([POSTERN, "run", "--check", "--config", os.path.join(TOP, "hw/postern.yaml")],
                           capture_output=True, text=True)
        self.assertEqual((p.returncode, p.stdout, p.stderr), (0, "", ""))

    def test_yaml_comments(self):
        """What is commented out is right, too."""
        with open(os.path.join(TOP, "hw/postern.yaml")) as f:
            text = f.read()
        text = re.sub(r"^# (rules|limits|store|metrics):", r"\1:", text, flags=re.M)
        text = re.sub(r"^  # (cores:|taps:|  - port:)", r"  \1", text, flags=re.M)
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
            f.write(text)
            f.flush()
            p = subprocess.run([POSTERN, "run", "--check", "--config", f.name], capture_output=True, text=True)
        self.assertEqual((p.returncode, p.stderr), (0, ""))
        self.assertIn("taps:\n    - port", text)

    def test_unit(self):
        if shutil.which("systemd-analyze") is None:
            self.skipTest("systemd-analyze is not installed")
        with open(os.path.join(BUILD, "hw/postern.service")) as f:
            unit = f.read()
        self.assertNotIn("@", re.sub(r"[~ =]@[a-z-]+", "", unit))
        with tempfile.TemporaryDirectory() as d:
            # Where it is installed is the package's business; that the rest is understood is ours.
            path = os.path.join(d, "postern.service")
            with open(path, "w") as f:
                f.write(re.sub(r"^(Exec\w+=)\S+", r"\1/bin/true", unit, flags=re.M))
            p = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, timeout=60)
            self.assertEqual((p.returncode, p.stdout + p.stderr), (0, ""))
            p = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=30", "--no-pager", path],
                               capture_output=True, text=True, timeout=60)
            self.assertEqual(p.returncode, 0, p.stdout + p.stderr)


if __name__ == "__main__":
    POSTERN, BUILD = os.path.abspath(sys.argv.pop(1)), os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
