#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""wire - the life of the wire: what survives a crash, maintenance, overload, a bypass NIC's program, resets from a tap

Usage: wire.py BUILD_DIR [CASE...]        (default: all)   exit code 77: something that is needed is missing

Every case starts a rig of its own (rig.py). What counts is what the kernels and mail servers say afterwards, recordings of the
wire, and counters.
"""
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cases import Cases  # noqa: E402
from hold import Forger, expect_closed, is_reset, outcomes, records, start, tcp_payload, to_server, until_rcpt  # noqa: E402
from late import Stopped  # noqa: E402
from observe import QuickServer, expect, rig_net  # noqa: E402
from rig import LIMIT, SERVER, SERVER6, Raw, Rig, run, wait_until  # noqa: E402

case = Cases(__file__)


def kill_dataplane(postern):
    """SIGKILL; back when the next one inspects."""
    pid = postern.dataplane()
    os.kill(pid, signal.SIGKILL)
    postern.wait_for('the wire was down for', postern.said().count('the wire was down for') + 1)


@case
def severed_outlives_dataplane():
    """A connection is reset, the dataplane dies: of what is then sent on it, nothing reaches the server."""
    for workers in 1, 2:
        with Rig(case.build) as rig:
            postern = start(rig, workers=workers)
            rig.server_postfix()
            forgers = []
            for _ in range(4):
                smtp = Raw(rig_net(rig))
                smtp.say('EHLO gw')
                smtp.say('MAIL FROM:<jane@example.com>')
                forgers.append(Forger(rig, smtp))
                smtp.sock.sendall(b'RCPT TO:<gen@army.ml>\r\n')
                expect(is_reset(smtp), 'the connection was not reset')
            expect_closed(rig)
            kill_dataplane(postern)
            postern.start_watch()
            to, back = rig.dump('server', 'in'), rig.dump('client', 'in')
            # Innocent octets of the same connections, as if nothing had happened: in order, and further on.
            for c in forgers:
                c.send(0, b'RSET\r\n')
                c.send(6, b'MAIL FROM:<jane@example.com>\r\n')
            wait_until('all are dropped', lambda: count(postern, 'drop_killed') >= 8)
            leaked = [p for p in to_server(to) if p[0] in [c.sport for c in forgers]]
            expect(leaked == [], 'went on: %r' % leaked)
            resets = [p for p in (tcp_payload(x) for _, x in back.stop()) if p is not None and p[3] & 4]
            expect({p[1] for p in resets} == {c.sport for c in forgers}, 'not answered: %r' % resets)
            counters = postern.stop_watch()
            expect(counters['severed_restored'] == 4 and counters['flows_midstream'] == 0, repr(counters))
            # Another connection of the same ends is not among them.
            smtp = until_rcpt(rig, to='gen@army.mil')
            expect(smtp.reply() == 250, 'a new connection does not go through')
            smtp.quit()
            postern.stop()


def order_bypass(postern, seconds):
    pid = postern.child('postern-ctrl')
    with open('/proc/%d/cmdline' % pid, 'rb') as f:
        argv = f.read().split(b'\0')
    fd = os.open('/proc/%d/fd/%s' % (pid, argv[argv.index(b'--ctrl-fd') + 1].decode()), os.O_RDWR)
    os.pwrite(fd, struct.pack('=Q', time.monotonic_ns() + seconds * 10**9), 64)  # struct dp_shm_orders
    os.close(fd)


@case
def bypass():
    """Maintenance: what is held goes on, then all mail, uninspected; it ends by itself, whatever is started again."""
    with Rig(case.build) as rig:
        postern = start(rig, hold_limit_ms=60000, metrics={'listen': '127.0.0.1:9517'})
        rig.server_postfix()
        postern.start_watch()
        open_one = Raw(rig_net(rig))  # begins before, and goes on after
        open_one.say('EHLO gw')
        with Stopped(postern):
            held = until_rcpt(rig)
            time.sleep(0.5)
            # As ctrl would write it; it cannot while it does not decide either.
            order_bypass(postern, 20)
            expect(held.reply() == 250, 'what was held did not go on')
            held.quit()
        update = outcomes(postern, 1)[0][1]
        expect(update['postern']['verdict_by'] == 'fallback:bypass' and update['postern']['outcome'] == 'passed', repr(update))
        out = ask(postern, 'bypass', 'on', '--for', '20s')
        expect('mail goes on uninspected for' in out, out)
        began = time.monotonic()
        for _ in range(2):
            smtp = until_rcpt(rig)
            expect(smtp.reply() == 250, 'mail does not go through while bypass is on')
            smtp.quit()
        open_one.say('MAIL FROM:<jane@example.com>')
        expect('ON for another' in ask(postern, 'status'), 'status does not say it')
        expect('bypass is on for another' in ask(postern, 'bypass', 'status'), 'bypass status does not say it')
        page = run(*rig.bump.command('curl', '-s', 'http://127.0.0.1:9517/metrics'))
        left = float(re.search(r'^postern_bypass_seconds (\S+)', page, re.M)[1])
        expect(0 < left <= 20, page)
        # It is kept by neither process.
        os.kill(postern.child('postern-ctrl'), signal.SIGKILL)
        postern.stop_watch()
        kill_dataplane(postern)
        smtp = until_rcpt(rig)
        expect(smtp.reply() == 250, 'a dataplane that was started again does not know of the bypass')
        smtp.quit()
        wait_until('it ends by itself', lambda: not status(postern)['bypass']['on'])
        expect(15 < time.monotonic() - began < 40, 'after %d s' % (time.monotonic() - began))
        wait_until('workers inspect', lambda: status(postern)['bypass']['workers'] == 0)
        postern.start_watch()
        # What began before is met in its middle, and inspected.
        open_one.sock.sendall(b'RCPT TO:<gen@army.ml>\r\n')
        expect(is_reset(open_one), 'mid-stream, the recipient passed')
        expect(is_reset(until_rcpt(rig)), 'after the bypass, the recipient passed')
        counters = postern.stop_watch()
        expect(counters['bypassed_connections'] >= 1 and counters['flows_midstream'] >= 1, repr(counters))
        # And by order.
        ask(postern, 'bypass', 'on', '--for', '1h')
        expect(status(postern)['bypass']['left_s'] > 3000, 'not an hour')
        ask(postern, 'bypass', 'off')
        expect(is_reset(until_rcpt(rig)), 'after the bypass, the recipient passed')
        for wrong in ['on'], ['on', '--for', '2d'], ['on', '--for', '5'], [], ['off', '--for', '1m'], ['maybe']:
            ask(postern, 'bypass', *wrong, code=2)
        said = postern.stop()
        expect('bypass on was ordered by user 0' in said and 'bypass is over' in said, said)


@case
def hook():
    """A program is told what becomes of the wire; it has a time limit, and an environment of its own."""
    with Rig(case.build) as rig:
        path, log = rig.tmp + '/hook', rig.tmp + '/hook.log'
        with open(path, 'w') as f:
            f.write('#!/bin/sh\n'
                    'echo "$@" >> %s\n'
                    "tr '\\0' '\\n' < /proc/$$/environ >> %s.env\n"
                    'case $1 in dead) sleep 100 ;; drain) exit 3 ;; esac\n' % (log, log))
        os.chmod(path, 0o755)
        postern = start(rig, down='open', hook={'program': path, 'limit_s': 2})
        wait_until('up is told', lambda: os.path.exists(log))
        kill_dataplane(postern)
        postern.wait_for('hook .* dead: was killed by signal 9')
        postern.wait_for('hook .* up: ended with code 0', 2)
        said = postern.stop()
        with open(log) as f:
            got = f.read().splitlines()
        ports = rig.ports()['pairs'][0]
        want = ['%s open %s %s' % (event, ports['a'], ports['b']) for event in ('up', 'dead', 'up', 'drain', 'down')]
        expect(got == want, '\n'.join(got))
        expect(re.search('dead: its time is over; killing it', said) and re.search('drain: ended with code 3', said), said)
        with open(log + '.env') as f:
            names = {line.split('=')[0] for line in f.read().splitlines()}
        expect(names == {'PATH', 'LC_ALL'}, repr(names))


def tap_resets(to):
    """A mirror sees a RCPT; resets go out by another port, past all that went on."""
    with Rig(case.build) as rig:
        rig.server_postfix()
        # The wire is a bridge of the kernel's; its mirror is what the tap reads, and resets come in by a third port.
        bump = rig.bump.name
        run('ip', '-n', bump, 'link', 'add', 'br0', 'type', 'bridge')
        run('ip', '-n', bump, 'link', 'add', 'r0', 'type', 'veth', 'peer', 'name', 'r1')
        for dev in 'br0', 'r0', 'r1':
            run(*rig.bump.command('sysctl', '-q', 'net.ipv6.conf.%s.disable_ipv6=1' % dev))
            run('ip', '-n', bump, 'link', 'set', dev, 'arp', 'off', 'up')
        for dev in 'va', 'vb', 'r0':
            run('ip', '-n', bump, 'link', 'set', dev, 'master', 'br0')
        run('ip', '-n', bump, 'link', 'set', 'br0', 'up')
        args = ',framesz=2048,blocksz=65536,framecnt=4096'
        postern = start(rig, source={'taps': [{'port': 'net_af_packet0,iface=va' + args, 'resets': True,
                                               'send': 'net_af_packet1,iface=r1' + args}]})
        postern.start_watch()
        smtp = Raw(rig_net(rig), to)
        smtp.say('EHLO gw')
        smtp.say('MAIL FROM:<jane@example.com>')
        smtp.sock.sendall(b'RCPT TO:<gen@army.ml>\r\n')
        # The server may answer before the reset comes.
        if not is_reset(smtp):
            expect(is_reset(smtp), 'the connection was not reset')
        expect_closed(rig)
        alert, update = outcomes(postern, 1)[0]
        expect(alert['postern']['enforced'] is True and alert['postern']['verdict'] == 'reset', repr(alert))
        expect(update['postern']['outcome'] == 'closed' and update['postern']['close']['confirmed'] is True, repr(update))
        expect(update['postern']['leak']['command_octets'] == len('RCPT TO:<gen@army.ml>\r\n'), repr(update))
        # Mail to the right domain goes through.
        smtp = until_rcpt(rig, to, 'gen@army.mil')
        expect(smtp.reply() == 250, 'mail to the right domain does not go through')
        smtp.quit()
        counters = postern.stop_watch()
        expect(counters['resets'] == counters['resets_confirmed'] == 1, repr(counters))
        expect(counters['sent_packets'] == counters['originated_packets'] > 0, repr(counters))
        postern.stop()
        return 'held %d us, closed after %d us' % (update['postern']['hold_us'], update['postern']['close']['us'])


@case
def tap_resets_ipv4():
    return tap_resets(SERVER)


@case
def tap_resets_ipv6():
    return tap_resets(SERVER6)


@case
def ring_full():
    """ctrl stands still until nothing can be told any more: what was done then stands in alerts when it is back."""
    with Rig(case.build) as rig:
        postern = start(rig, hold_limit_ms=1, fallback={'ctrl_slow': 'open', 'ctrl_gone': 'open', 'memory': 'open',
                                                        'ring_full': 'closed'})
        postern.start_watch()
        QuickServer(rig)
        with Stopped(postern):
            flood = Raw(rig_net(rig))
            flood.say('EHLO gw')
            try:
                for first in range(0, 40000, 20):
                    lines = ['MAIL FROM:<jane@example.com>'] if first % 1000 == 0 else []
                    lines += ['RCPT TO:<user%05d@army.ml>' % n for n in range(first, first + 20)]
                    flood.say(*lines + (['RSET'] if first % 1000 == 980 else []))
                raise AssertionError('the ring is larger than the flood')
            except (ConnectionResetError, EOFError):
                pass
            # Nobody can be told of these.
            rig.server_postfix()
            for n in range(5):
                expect(is_reset(until_rcpt(rig, to='kept%d@army.ml' % n)), 'not as fallback.ring_full says')
            expect_closed(rig)
        def kept():
            return [(a, u) for a, u in records(postern) if a['email']['to']['address'].startswith('kept') and u is not None]
        wait_until('alerts of what was kept', lambda: len(kept()) == 5)
        for alert, update in kept():
            expect(update['postern']['verdict_by'] == 'fallback:ring_full' and update['postern']['verdict'] == 'reset' and
                   update['postern']['outcome'] == 'closed', repr((alert, update)))
        counters = postern.stop_watch()
        expect(counters['events_kept'] >= 10, repr(counters))
        postern.stop()
        return '%d kept, %d lost' % (counters['events_kept'], counters['events_lost'])


# A flood goes through all ports: from the client's own address it would begin anew what the client has open.
STRANGER = '198.18.0.99'


class Overload:
    """More frames than the dataplane can take, and a dataplane that now and then stands still."""

    def __init__(self, postern):
        self.postern, self.over, self.paused = postern, threading.Event(), threading.Event()
        self.dataplane = postern.dataplane()

    def __enter__(self):
        rig = self.postern.rig
        self.flood = subprocess.Popen(rig.client.command(os.path.join(rig.build, 'tests/netns/flood'), 'c0', STRANGER, SERVER),
                                      stdout=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self.stall)
        self.thread.start()
        return self

    def stall(self):
        while not self.over.wait(0.2):
            if self.paused.is_set():
                continue
            os.kill(self.dataplane, signal.SIGSTOP)
            self.over.wait(0.1)
            os.kill(self.dataplane, signal.SIGCONT)

    def pause(self):
        """What is sent meanwhile is not lost in full rings; the overload lasts for a second more."""
        self.paused.set()
        self.flood.send_signal(signal.SIGSTOP)

    def resume(self):
        self.flood.send_signal(signal.SIGCONT)
        self.paused.clear()

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.resume()
        self.flood.terminate()
        self.sent = int(self.flood.communicate(timeout=LIMIT)[0])

    def wait_for(self, *modes):
        wait_until('overload', lambda: status(self.postern)['workers'][0]['mode'] in modes)


def overload(mode):
    with Rig(case.build) as rig:
        postern = start(rig, fallback={'overload': mode}, overload_ms=1, metrics={'listen': '127.0.0.1:9517'})
        rig.server_postfix()
        postern.start_watch()
        before = Raw(rig_net(rig))
        before.say('EHLO gw')
        before.say('MAIL FROM:<jane@example.com>')
        with Overload(postern) as load:
            load.wait_for('overload_connections', 'overload_messages')
            page = run(*rig.bump.command('curl', '-s', 'http://127.0.0.1:9517/metrics'))
            expect(re.search(r'^postern_worker_overload\{worker="0"\} [12]', page, re.M), page)
            expect('OVERLOAD' in ask(postern, 'status'), 'status does not say it')
            # What is known is inspected all the same.
            before.sock.sendall(b'RCPT TO:<gen@army.ml>\r\n')
            expect(is_reset(before), 'a connection from before was not inspected')
            if mode == 'open':
                smtp = until_rcpt(rig)
                expect(smtp.reply() == 250, 'a new connection does not go on')
                smtp.quit()
            else:
                with rig.client:
                    new = socket.socket()
                new.settimeout(3)
                try:
                    new.connect((SERVER, 25))
                    raise AssertionError('a new connection goes through')
                except socket.timeout:
                    new.close()
        # And it is over some time.
        wait_until('everything is inspected', lambda: status(postern)['workers'][0]['mode'] == 'inspect')
        expect(is_reset(until_rcpt(rig)), 'after the overload, the recipient passed')
        counters = postern.stop_watch()
        expect(counters['overloads'] >= 1 and counters['overload_connections'] > 1000, repr(counters))
        expect((counters['drop_overload'] > 0) == (mode == 'closed'), repr(counters))
        expect((counters['overload_uninspected_packets'] > 0) == (mode == 'open'), repr(counters))
        said = postern.stop()
        expect('overload: new connections' in said and 'overload: over' in said, said)
        return '%d frames sent, %d missed by the port' % (load.sent, sum(p['rx_missed'] for p in counters['ports']))


@case
def overload_open():
    return overload('open')


@case
def overload_closed():
    return overload('closed')


@case
def overload_messages():
    """Messages are not parsed any more; what comes after one is, and alerts of it say what was not seen."""
    with Rig(case.build) as rig:
        postern = start(rig, overload_ms=1)
        rig.server_postfix()
        postern.start_watch()
        smtp = Raw(rig_net(rig))
        for line in 'EHLO gw', 'MAIL FROM:<jane@example.com>', 'RCPT TO:<gen@army.mil>', 'DATA':
            smtp.say(line)
        with Overload(postern) as load:
            smtp.sock.sendall(b'Subject: t\r\n\r\n')

            def more():
                load.resume()
                load.wait_for('overload_messages')
                load.pause()
                # When it is over before these arrive, they are parsed.
                smtp.sock.sendall(b'a line of some text or other\r\n' * 500)
                return count(postern, 'overload_skipped_octets') > 10000

            wait_until('octets are not parsed', more)
        smtp.sock.sendall(b'.\r\n')
        expect(smtp.reply() == 250, 'the message was not taken')
        smtp.say('MAIL FROM:<jane@example.com>')
        smtp.sock.sendall(b'RCPT TO:<gen@army.ml>\r\n')
        expect(is_reset(smtp), 'the next message was not inspected')
        (alert, _), = outcomes(postern, 1)
        expect('uninspected' in alert['postern']['anomalies'], repr(alert))
        counters = postern.stop_watch()
        expect(counters['overload_skipped_messages'] == 1 and counters['matches'] == 1, repr(counters))
        postern.stop()
        return '%d octets were not parsed' % counters['overload_skipped_octets']


def count(postern, name):
    """A counter, as `postern status` has it."""
    return status(postern)['total']['counters'][name]


def status(postern):
    return json.loads(ask(postern, 'status', '--json'))


def ask(postern, *args, code=0):
    p = subprocess.run([postern.rig.postern, *args, '--state', postern.dir + '/state'], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=LIMIT)
    expect(p.returncode == code, 'postern %s: %d\n%s%s' % (' '.join(args), p.returncode, p.stdout, p.stderr))
    return p.stdout + p.stderr


if __name__ == '__main__':
    case.main(sys.argv)
