# SPDX-License-Identifier: BSD-3-Clause
"""rig - real mail servers on both sides of a live Postern, in network namespaces of their own

      client namespace          bump namespace               server namespace
      Postfix, swaks, raw  c0 ===== va  postern run  vb ===== s0  Postfix
      198.18.0.7, 2001:db8::7                                198.18.0.25, 2001:db8::25

Names carry the process id, so that several rigs run side by side; close() removes everything, whatever happened. The mail
servers are those of tests/golden/record: packages unpacked into an overlay that only this process sees, never installed.
Every wait has a limit (LIMIT seconds): a time-out is a failure, never a measure.

Needs: root, overlayfs, veth, ip, ethtool, tcpdump, the Postfix package (apt-get download, or POSTERN_DEBS).
"""
import importlib.machinery
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
LIMIT = 60

_loader = importlib.machinery.SourceFileLoader('golden_record', os.path.join(TOP, 'tests/golden/record'))
record = importlib.util.module_from_spec(importlib.util.spec_from_loader('golden_record', _loader))
sys.dont_write_bytecode = True
_loader.exec_module(record)

run, Namespace, Raw = record.run, record.Namespace, record.Raw
record.PACKAGES = ['postfix']
SERVER, CLIENT, SERVER6, CLIENT6 = record.SERVER, record.CLIENT, record.SERVER6, record.CLIENT6
SERVICES_STORE = 'virtual unix - n n - - virtual\n'


class Skip(Exception):
    """What is missing, for exit code 77."""


class Postfix(record.Postfix):
    """One that is up at once: postfix(1) takes three seconds to make its folders and to look at them."""
    FOLDERS = 'active', 'bounce', 'corrupt', 'defer', 'deferred', 'flush', 'hold', 'incoming', 'private', 'saved', 'trace'
    OPEN = (('maildrop', 0o730), ('public', 0o710))

    def postfix(self, verb):
        if verb != 'start':
            return super().postfix(verb)
        spool = self.root.path + self.spool
        os.mkdir(spool + '/pid')
        for name in self.FOLDERS:
            os.mkdir('%s/%s' % (spool, name), 0o700)
            os.chown('%s/%s' % (spool, name), 5001, 0)
        for name, mode in self.OPEN:
            os.mkdir('%s/%s' % (spool, name))
            os.chown('%s/%s' % (spool, name), 5001, 5002)
            os.chmod('%s/%s' % (spool, name), mode)
        # Postfix waits until what it reads has not changed for two seconds.
        os.utime('%s%s/main.cf' % (self.root.path, self.etc), (0, 0))
        # What it starts keeps its output open: nobody must wait for the end of that.
        master = '/usr/sbin/chroot', self.root.path, '/usr/lib/postfix/sbin/master', '-c', self.etc, '-w'
        return subprocess.run(self.ns.command(*master), stdout=subprocess.DEVNULL, check=True, timeout=LIMIT)


def enter(argv):
    """A mount namespace of our own, and the tools that are needed; call first."""
    os.environ['PATH'] = '/usr/sbin:/usr/bin:/sbin:/bin'
    os.environ.setdefault('POSTERN_DEBS', '/var/cache/postern-tests/debs')
    if os.geteuid() != 0:
        raise Skip('network namespaces need root')
    for tool in 'ip', 'ethtool', 'tcpdump', 'openssl', 'apt-get', 'dpkg-deb':
        if shutil.which(tool) is None:
            raise Skip('%s is not installed' % tool)
    if os.environ.get('POSTERN_RIG') != '1':
        os.environ['POSTERN_RIG'] = '1'
        os.execvp('unshare', ['unshare', '--mount', '--propagation', 'private', '--', sys.executable] + argv)
    # Told to end (a time limit), it still cleans up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    clean_up_after_the_dead()


def clean_up_after_the_dead():
    """Namespaces of rigs whose process was killed before it could."""
    for name in os.listdir('/run/netns') if os.path.isdir('/run/netns') else ():
        owner = re.fullmatch(r'rig-(?:client|bump|server)-(\d+)', name)
        if owner is None or os.path.exists('/proc/' + owner[1]):
            continue
        for pid in subprocess.run(['ip', 'netns', 'pids', name], capture_output=True, text=True).stdout.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except OSError:
                pass
        subprocess.run(['ip', 'netns', 'del', name], stderr=subprocess.DEVNULL)


def wait_until(what, true, limit=LIMIT):
    until = time.monotonic() + limit
    while not true():
        if time.monotonic() > until:
            raise RuntimeError('not seen within %d s: %s' % (limit, what))
        time.sleep(0.02)


def frames(path):
    """The frames of a pcap file as (time in ns, octets)."""
    import struct
    with open(path, 'rb') as f:
        data = f.read()
    nano = data[:4] == b'\x4d\x3c\xb2\xa1'
    assert nano or data[:4] == b'\xd4\xc3\xb2\xa1', 'not a pcap file of this machine'
    at, out = 24, []
    while at + 16 <= len(data):
        sec, frac, cap, wire = struct.unpack_from('<IIII', data, at)
        assert cap == wire, 'cut frame'
        out.append((sec * 10**9 + frac * (1 if nano else 1000), data[at + 16:at + 16 + cap]))
        at += 16 + cap
    return out


# A frame of our own, to be told from all others: it ends a recording.
MARK_TYPE = 0x88b6
MARK = b'\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x99' + MARK_TYPE.to_bytes(2, 'big')


def send_mark(ns, dev, what):
    frame = (MARK + what).ljust(60, b'\0')
    with ns:
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        s.bind((dev, 0))
    s.send(frame)
    s.close()
    return frame


class Dump:
    """tcpdump on a device, one direction or both. @mark_from: where a frame must be sent that it is to see last."""

    def __init__(self, ns, dev, path, direction, what, mark_from):
        self.path, self.mark_from = path, mark_from
        if what:
            what = ['(', *what, ')', 'or', 'ether', 'proto', str(MARK_TYPE)]
        self.proc = subprocess.Popen(ns.command('tcpdump', '-i', dev, '-w', path, '-U', '-s', '0', '-B', '65536', '-n',
                                     '--time-stamp-precision=nano', '--immediate-mode', '-Z', 'root', '-Q', direction, *what),
                                     stderr=subprocess.PIPE)
        while b'listening' not in self.proc.stderr.readline():
            if self.proc.poll() is not None:
                raise RuntimeError('tcpdump did not start')

    def wait_for(self, mark):
        """Until @mark stands in the file."""
        with open(self.path, 'rb') as f:
            kept = b''

            def there():
                nonlocal kept
                read = kept + f.read()
                kept = read[-len(mark):]
                return mark in read
            wait_until('the mark in a recording', there)

    def stop(self):
        """The frames, all that came until now."""
        self.wait_for(send_mark(*self.mark_from, b'end of ' + os.path.basename(self.path).encode()))
        self.proc.send_signal(signal.SIGINT)
        text = self.proc.communicate(timeout=LIMIT)[1].decode()
        lost = re.search(r'(\d+) packets? dropped by kernel', text)
        if lost and int(lost.group(1)) > 0:
            raise RuntimeError('tcpdump lost frames: ' + text)
        return [x for x in frames(self.path) if not x[1].startswith(MARK + b'end of ')]


class Postern:
    """A running `postern run` in the bump namespace."""

    # What hw/systemd gives it.
    UNPRIVILEGED = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--no-new-privs'] + [
        '--%s=-all,+net_admin,+net_raw,+ipc_lock' % x for x in ('inh-caps', 'ambient-caps', 'bounding-set')]

    def __init__(self, rig, config, idle='sleep', extra=None, unprivileged=False):
        self.rig = rig
        self.dir = tempfile.mkdtemp(prefix='p-', dir=rig.tmp)  # short: sockets lie below it
        self.alerts_path = self.dir + '/alerts'
        self.config_path = self.dir + '/postern.yaml'
        # Nothing is decided by how long a worker must wait for a CPU, unless @config says so.
        text = {'state': self.dir + '/state', 'alerts': self.alerts_path, 'observer': {'name': 'rig'}, 'source': {'idle': idle},
                'overload_ms': 0}
        text['source'].update(config.pop('source', {}))
        text.update(config)
        with open(self.config_path, 'w') as f:
            json.dump(text, f)  # JSON is YAML
        self.err_path = self.dir + '/stderr'
        env = dict(os.environ, TMPDIR=self.dir, **(extra or {}))
        with open(self.err_path, 'wb') as err:
            argv = [rig.postern, 'run', '--config', self.config_path]
            if unprivileged:
                os.chown(self.dir, 65534, 65534)
                argv = self.UNPRIVILEGED + argv
            self.proc = subprocess.Popen(rig.bump.command(*argv), stderr=err, stdin=subprocess.DEVNULL, env=env)
        self.watch = None
        try:
            self.wait_for('inspecting')
        except Exception:
            self.kill()
            raise

    def said(self):
        with open(self.err_path, errors='replace') as f:
            return f.read()

    def wait_for(self, text, count=1, limit=LIMIT):
        def seen():
            if self.proc.poll() is not None:
                raise RuntimeError('postern run ended with %d:\n%s' % (self.proc.returncode, self.said()))
            return len(re.findall(text, self.said())) >= count
        try:
            wait_until(text, seen, limit)
        except RuntimeError as e:
            raise RuntimeError('%s\n%s' % (e, self.said()))

    def child(self, name):
        """Process id of the dataplane or ctrl."""
        for pid in os.listdir('/proc'):
            if not pid.isdigit():
                continue
            try:
                with open('/proc/%s/stat' % pid) as f:
                    stat = f.read()
                with open('/proc/%s/cmdline' % pid, 'rb') as f:
                    argv0 = f.read().split(b'\0')[0].decode()
            except OSError:
                continue
            if int(stat.rsplit(')', 1)[1].split()[1]) == self.proc.pid and os.path.basename(argv0) == name:
                return int(pid)
        raise RuntimeError('no process ' + name)

    def dataplane(self):
        return self.child('postern-dataplane-live')

    def start_watch(self):
        """Read the counters all the time, and check that they come out even."""
        pid = self.dataplane()
        with open('/proc/%d/cmdline' % pid, 'rb') as f:
            argv = f.read().split(b'\0')
        fd = argv[argv.index(b'--dp-fd') + 1].decode()
        self.watch = subprocess.Popen([self.rig.watch_stats, '/proc/%d/fd/%s' % (pid, fd)], stdout=subprocess.PIPE)
        if self.watch.stdout.readline() != b'watching\n':
            raise RuntimeError('watch_stats did not start')

    def stop_watch(self):
        self.watch.send_signal(signal.SIGTERM)
        out = self.watch.communicate(timeout=LIMIT)[0]
        got, code = json.loads(out), self.watch.returncode
        self.watch = None
        if code != 0:
            raise AssertionError('the accounting does not come out even: %r' % got)
        return got

    def counters(self):
        """As they are now, while the watch goes on."""
        now = self.stop_watch()
        self.start_watch()
        return now

    def alerts(self):
        """Alerts and updates as they stand in the file."""
        try:
            with open(self.alerts_path) as f:
                lines = [json.loads(x) for x in f]
        except FileNotFoundError:
            lines = []
        return [x for x in lines if 'rule' in x]

    def stop(self):
        """SIGTERM, and it must end in order. Returns what it said."""
        self.proc.send_signal(signal.SIGTERM)
        code = self.proc.wait(timeout=LIMIT)
        if code != 0 or re.search('DEFECT|Sanitizer|runtime error', self.said()):
            raise AssertionError('postern run ended with %d:\n%s' % (code, self.said()))
        return self.said()

    def kill(self):
        if self.watch is not None:
            self.watch.kill()
            self.watch.wait()
        if self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()


class Killed:
    """A helper process that is ended with the rig."""

    def __init__(self, proc):
        self.proc = proc

    def close(self):
        self.proc.kill()
        self.proc.wait()


class Impaired:
    """A bad wire between two devices (impair.c); @side names it in messages."""

    def __init__(self, rig, side, devices, seed=1, off=False, **percent):
        args = ['--seed', str(seed)] + ['--off'] * off + ['--%s=%g' % x for x in percent.items()]
        self.side = side
        self.proc = subprocess.Popen(rig.bump.command(rig.impair, *args, *devices), stdout=subprocess.PIPE, text=True)
        if self.proc.stdout.readline() != 'ready\n':
            raise RuntimeError('impair did not start')

    def switch(self, on):
        self.proc.send_signal(signal.SIGUSR1 if on else signal.SIGUSR2)
        if self.proc.stdout.readline() != ('on\n' if on else 'off\n'):
            raise RuntimeError('impair has ended')

    def stop(self):
        """What it did, by direction: a_to_b is away from the mail server or client beside it."""
        self.proc.send_signal(signal.SIGTERM)
        out = self.proc.communicate(timeout=LIMIT)[0]
        if self.proc.returncode != 0:
            raise RuntimeError('the wire of the %s did not carry what it should: %s' % (self.side, out))
        return json.loads(out)

    def close(self):
        self.proc.kill()
        self.proc.wait()


class Rig:
    """
    @impair: how both wires are (Impaired), None: good. At the server with seed + 1, and without stale octets: nothing
    protects a client from its server.
    """

    def __init__(self, build, offloads='off', impair=None):
        self.build = build
        self.postern = os.path.join(build, 'ctrl/cli/postern')
        self.watch_stats = os.path.join(build, 'tests/netns/watch_stats')
        self.impair = os.path.join(build, 'tests/netns/impair')
        self.tmp = tempfile.mkdtemp(prefix='rig-')
        os.chmod(self.tmp, 0o755)
        self.things, self.spaces = [], []
        self.nb_dumps = 0
        try:
            self.make_network(offloads, impair is not None)
            self.wires = [] if impair is None else [
                Impaired(self, 'client', ('ca', 'cax'), **impair),
                Impaired(self, 'server', ('cb', 'cbx'), **dict(impair, seed=impair.get('seed', 1) + 1, stale=0))]
            self.things += self.wires
            self.root = self.server_mta = self.client_mta = None
        except Exception:
            self.close()
            raise

    def make_network(self, offloads, impaired):
        pid = os.getpid()
        for role in 'client', 'bump', 'server':
            ns = Namespace('rig-%s-%d' % (role, pid))
            self.spaces.append(ns)
            setattr(self, role, ns)
        for ns, dev, port, far in (self.client, 'c0', 'va', 'ca'), (self.server, 's0', 'vb', 'cb'):
            if impaired:
                # c0 ===== ca  impair  cax ===== va  postern
                self.join(ns, dev, self.bump, far)
                self.join(self.bump, far + 'x', self.bump, port)
            else:
                self.join(ns, dev, self.bump, port)
        for ns, dev, a4, a6 in (self.client, 'c0', CLIENT, CLIENT6), (self.server, 's0', SERVER, SERVER6):
            run('ip', '-n', ns.name, 'addr', 'add', a4 + '/24', 'dev', dev)
            run('ip', '-n', ns.name, 'addr', 'add', a6 + '/64', 'dev', dev, 'nodad')
            run('ip', '-n', ns.name, 'link', 'set', dev, 'up')
            run(*ns.command('ethtool', '-K', dev, *(('tx', 'off') if offloads == 'off' else ()), 'tso', 'off', 'gso', 'off',
                            'gro', 'off'))

    def join(self, ns, dev, bump, port):
        """A wire. What of it is in the bump: its own kernel says nothing there."""
        run('ip', 'link', 'add', dev, 'netns', ns.name, 'type', 'veth', 'peer', 'name', port, 'netns', bump.name)
        for at, name in (ns, dev), (bump, port):
            # A veth hands frames over on whatever CPU sent them: without this the kernel itself changes their order.
            run(*at.command('sh', '-c', 'echo 1 > /sys/class/net/%s/queues/rx-0/rps_cpus' % name))
            if at is self.bump:
                run(*at.command('sysctl', '-q', 'net.ipv6.conf.%s.disable_ipv6=1' % name))
                run('ip', '-n', at.name, 'link', 'set', name, 'arp', 'off', 'up')
                run(*at.command('ethtool', '-K', name, 'gro', 'off', 'tso', 'off', 'gso', 'off'))

    def ports(self, driver='net_af_packet', more=''):
        """The pair of this rig, as `source` of a configuration."""
        args = {
            'net_af_packet': 'net_af_packet%d,iface=%s,blocksz=65536,framesz=2048,framecnt=8192',
            # net_af_packet has the kernel put IPv4 fragments together before it hands them over; these do not.
            'net_pcap': 'net_pcap%d,rx_iface_in=%s,tx_iface=%s',
            'net_af_xdp': 'net_af_xdp%d,iface=%s',
        }[driver]
        def port(i, dev):
            return args % ((i,) + (dev,) * args.count('%s')) + more
        return {'pairs': [{'a': port(0, 'va'), 'b': port(1, 'vb')}]}

    def ports_of_relays(self, kind, queues, frame=2048):
        """
        Ports of shared memory with @queues queues each, as `source` of a configuration: memif, or vhost (with a virtio
        device at the other end). That other end is a relay, DPDK's testpmd, which moves frames between it and the device;
        Postern must be there first, then call relay().
        """
        self.relay_args = kind, queues, frame
        if kind == 'memif':
            port = 'net_memif{0},role=server,id={0},rsize=11,bsize=2048,socket={1}/relay{0}.sock,socket-abstract=no'
        else:
            port = 'net_vhost{0},iface={1}/relay{0}.sock,queues={2}'
        return {'pairs': [{'a': port.format(0, self.tmp, queues), 'b': port.format(1, self.tmp, queues)}]}

    def relay(self):
        kind, queues, frame = self.relay_args
        if shutil.which('dpdk-testpmd') is None:
            raise Skip('dpdk-testpmd is not installed')
        if kind == 'memif':
            far = 'net_memif0,role=client,id={0},rsize=11,bsize=2048,socket={1}/relay{0}.sock,socket-abstract=no'
        else:
            far = 'net_virtio_user0,path={1}/relay{0}.sock,queues={2},queue_size=1024,mrg_rxbuf=1,in_order=0'
        cpus, groups = os.cpu_count() - 1, []
        for i, dev in enumerate(('va', 'vb')):
            near = 'net_af_packet0,iface=%s,qpairs=%d,blocksz=%d,framesz=%d,framecnt=%d' % (
                dev, queues, 65536 if frame <= 2048 else frame * 8, frame, 4096 if frame <= 2048 else 512)
            argv = ['stdbuf', '-oL', 'dpdk-testpmd', '--no-huge', '-m', '512', '--no-pci', '--no-shconf', '--no-telemetry',
                    '--file-prefix', 'relay%d-%d' % (os.getpid(), i), '--lcores', '0@(0-%d),1@(0-%d)' % (cpus, cpus),
                    '--vdev', near, '--vdev', far.format(i, self.tmp, queues),
                    '--', '--forward-mode=io', '-a', '--rxq=%d' % queues, '--txq=%d' % queues, '--nb-cores=1', '--no-flush-rx',
                    '--mbuf-size=%d' % (frame + 512), '--total-num-mbufs=8192', '--no-lsc-interrupt', '--stats-period=3600']
            if frame > 2048:
                argv += ['--tx-offloads=0x8000']
            log = open('%s/relay%d' % (self.tmp, i), 'wb')
            while True:
                proc = subprocess.Popen(self.bump.command(*argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                        env=dict(os.environ, XDG_RUNTIME_DIR=self.tmp))
                self.things.append(Killed(proc))
                # The driver names its fan-out group so; two devices cannot share one.
                index = int(run(*self.bump.command('cat', '/sys/class/net/%s/ifindex' % dev)))
                groups.append((proc.pid ^ index) & 0xffff)
                if groups.count(groups[-1]) == 1:
                    break
                proc.kill()
                proc.wait()
                groups.pop()
            log.close()

    def relay_said(self):
        out = ''
        for i in 0, 1:
            with open('%s/relay%d' % (self.tmp, i), errors='replace') as f:
                text = f.read()
                out += text[:1500] + '\n...\n' + text[-500:]
        return out

    def start(self, config=None, **kw):
        p = Postern(self, dict({'source': self.ports()}, **(config or {})), **kw)
        self.things.append(p)
        return p

    def dump(self, side, direction='inout', what=()):
        """@side: a device by its place; beyond_b: where what Postern sends to a server on a bad wire comes out."""
        a, b = ('cax', 'cbx') if self.wires else ('c0', 's0')
        ns, dev, far_ns, far = {
            'client': (self.client, 'c0', self.bump, 'ca' if self.wires else 'va'),
            'server': (self.server, 's0', self.bump, 'cb' if self.wires else 'vb'),
            'a': (self.bump, 'va', self.bump if self.wires else self.client, a),
            'b': (self.bump, 'vb', self.bump if self.wires else self.server, b),
            'beyond_b': (self.bump, 'cbx', self.bump, 'vb'),
        }[side]
        self.nb_dumps += 1
        path = '%s/dump%d.pcap' % (self.tmp, self.nb_dumps)
        return Dump(ns, dev, path, direction, what, (far_ns, far) if direction == 'in' else (ns, dev))

    # --- mail servers ---

    def make_root(self):
        if self.root is None:
            tmp = os.path.join(self.tmp, 'mail')
            os.mkdir(tmp)
            os.chmod(tmp, 0o755)
            try:
                self.root = record.Root(tmp)
            except (RuntimeError, subprocess.SubprocessError) as e:
                raise Skip('mail servers cannot be had: %s' % e)
        return self.root

    def server_postfix(self, **settings):
        """Takes mail for every domain and keeps it in /var/box, one file per recipient."""
        root = self.make_root()
        os.makedirs(root.path + '/var/box', exist_ok=True)
        os.chown(root.path + '/var/box', 5001, 5001)
        base = {
            'inet_protocols': 'all', 'virtual_mailbox_domains': 'static:all', 'virtual_mailbox_maps': 'static:all/',
            'virtual_mailbox_base': '/var/box', 'virtual_uid_maps': 'static:5001', 'virtual_gid_maps': 'static:5001',
            'virtual_minimum_uid': '1000', 'virtual_mailbox_limit': '0', 'message_size_limit': '0', 'mailbox_size_limit': '0',
            'smtpd_relay_restrictions': 'permit_mynetworks, reject', 'smtpd_peername_lookup': 'no',
            'smtpd_client_connection_rate_limit': '0', 'smtpd_client_connection_count_limit': '0',
            'default_process_limit': '250', 'smtpd_tls_cert_file': '/etc/golden.pem', 'smtpd_tls_key_file': '/etc/golden.key',
        }
        base.update(settings)
        services, record.SERVICES = record.SERVICES, record.SERVICES + SERVICES_STORE
        try:
            pf = Postfix(root, self.server, 'rs', 'mx.example.net', base, 25)
        finally:
            record.SERVICES = services
        self.things.append(pf)
        return pf

    def client_postfix(self, role='rc', **settings):
        """@role: names its folders; each may be there once."""
        base = {'relayhost': '[%s]' % SERVER, 'smtp_tls_security_level': 'none', 'inet_protocols': 'ipv4',
                'message_size_limit': '0', 'mailbox_size_limit': '0'}
        base.update(settings)
        pf = Postfix(self.make_root(), self.client, role, 'gw.example.com', base)
        self.things.append(pf)
        return pf

    def stored(self):
        """Messages that the server keeps: (recipient, octets)."""
        out = []
        for folder, _, names in os.walk(self.root.path + '/var/box'):
            if os.path.basename(folder) != 'new':
                continue
            for name in names:
                with open(os.path.join(folder, name), 'rb') as f:
                    message = f.read()
                to = re.search(rb'^Delivered-To: *(\S+)', message, re.M)
                out.append((to.group(1).decode() if to else None, message))
        return out

    def forget_stored(self):
        shutil.rmtree(self.root.path + '/var/box/all', ignore_errors=True)

    def close(self):
        for thing in reversed(self.things):
            try:
                (thing.kill if isinstance(thing, Postern) else thing.close)()
            except Exception as e:
                print('rig: %s' % e, file=sys.stderr)
        for ns in self.spaces:
            for pid in subprocess.run(['ip', 'netns', 'pids', ns.name], capture_output=True, text=True).stdout.split():
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except OSError:
                    pass
            ns.close()
        subprocess.run(['umount', '-R', '-l', os.path.join(self.tmp, 'mail/root')], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.tmp, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            for thing in self.things:
                if isinstance(thing, Postern):
                    print('postern run said:\n' + thing.said()[-4000:], file=sys.stderr)
        self.close()
