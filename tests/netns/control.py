#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""control - a live Postern that is asked, told to read its rules again, and whose processes die meanwhile

Usage: control.py BUILD_DIR [CASE...]     (default: all)   exit code 77: something that is needed is missing

Every case starts a rig of its own (rig.py), enforcing: what the rules say is seen on the wire. Under the rules RESET a
connection to a lookalike is reset, under ALERT its mail passes; NAVY knows another name besides.
"""
import json
import os
import signal
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cases import Cases  # noqa: E402
from hold import expect_closed, is_reset, outcomes, records, until_rcpt  # noqa: E402
from late import held  # noqa: E402
from observe import expect  # noqa: E402
from rig import LIMIT, Rig, wait_until  # noqa: E402

RESET = 'reset', 'army.mil'
ALERT = 'alert', 'army.mil'
NAVY = 'reset', 'army.mil, navy.mil'
case = Cases(__file__)


class Control:
    """`postern run` and the commands that speak with it."""

    def __init__(self, rig, rules, **config):
        self.path = rig.tmp + '/rules.yaml'
        self.write(rules)
        rig.server_postfix()
        self.rig = rig
        base = {'enforce': True, 'rules': self.path, 'workers': 2, 'hold_limit_ms': LIMIT * 1000}
        self.postern = rig.start(dict(base, **config))

    def write(self, rules):
        with open(self.path + '.new', 'w') as f:
            f.write('version: 1\nruleset: test\ndefaults: {verdict: %s}\nprotect:\n'
                    '  - {domain: "*.mil", known: [%s]}\n' % rules)
        os.rename(self.path + '.new', self.path)

    def ask(self, *args, code=0):
        p = subprocess.run([self.rig.postern, *args, '--state', self.postern.dir + '/state'], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, timeout=LIMIT)
        expect(p.returncode == code, 'postern %s: %d\n%s%s' % (' '.join(args), p.returncode, p.stdout, p.stderr))
        return p.stdout + p.stderr

    def status(self):
        return json.loads(self.ask('status', '--json'))

    def reload(self, rules):
        self.write(rules)
        return self.ask('reload')

    def try_mail(self, to='gen@army.ml'):
        """'reset' or 'alert': what becomes of a recipient."""
        smtp = until_rcpt(self.rig, to=to)
        if is_reset(smtp):
            return 'reset'
        smtp.quit()
        return 'alert'

    def expect_mail(self, want, to='gen@army.ml'):
        got = self.try_mail(to)
        expect(got == want, '%s: %s, not %s\n%s' % (to, got, want, self.postern.said()))


@case
def reload_under_load():
    """Rules are exchanged again and again while mail is held; each recipient is decided by the set that judged it."""
    with Rig(case.build) as rig:
        c = Control(rig, RESET)
        c.postern.start_watch()
        over, failed = threading.Event(), []

        def mail():
            try:
                while not over.is_set():
                    c.try_mail()
            except Exception as e:
                failed.append(repr(e))
        threads = [threading.Thread(target=mail) for _ in range(6)]
        for t in threads:
            t.start()
        try:
            for i in range(1, 13):
                c.reload(ALERT if i % 2 else RESET)
                # Every worker has it: what comes now is judged by it.
                c.expect_mail('alert' if i % 2 else 'reset')
        finally:
            over.set()
            for t in threads:
                t.join(LIMIT)
        expect(not failed, '\n'.join(failed[:5]))
        got = c.status()
        expect(got['rules']['reloads'] == 12 and got['rules']['generation'] == 13, json.dumps(got['rules']))
        expect([w['generation'] for w in got['workers']] == [13, 13], json.dumps(got['workers']))
        # Sets that nothing in the rings was judged by any more are gone.
        wait_until('old sets are freed', lambda: c.status()['rules']['sets_in_use'] == 1)
        counters = c.postern.stop_watch()
        expect(counters['holds'] == counters['holds_ended'] == counters['matches'], repr(counters))
        expect(counters['fallbacks'] == 0 and counters['verdicts'] == counters['holds'], repr(counters))
        expect_closed(rig)
        wait_until('all alerts', lambda: len(records(c.postern)) == counters['matches'])
        alerts = [a for a, _ in records(c.postern)]
        by_version = {}
        for a in alerts:
            by_version.setdefault(a['rule']['version'], set()).add(a['postern']['verdict'])
        expect(sorted(map(sorted, by_version.values())) == [['alert'], ['reset']], repr(by_version))
        c.postern.stop()
        return '%d recipients held' % len(alerts)


@case
def dataplane_killed():
    """The dataplane that comes after gets the rules that were in force, not those of the start."""
    with Rig(case.build) as rig:
        c = Control(rig, RESET)
        c.expect_mail('alert', 'gen@nvay.mil')
        c.reload(NAVY)
        c.expect_mail('reset', 'gen@nvay.mil')
        os.kill(c.postern.dataplane(), signal.SIGKILL)
        c.postern.wait_for('inspecting', 2)
        c.expect_mail('reset', 'gen@nvay.mil')
        got = c.status()
        expect([(w['generation'], w['acknowledged']) for w in got['workers']] == [(2, True)] * 2, json.dumps(got['workers']))
        # And it takes new ones as its predecessor did.
        c.reload(ALERT)
        c.expect_mail('alert')
        os.kill(c.postern.dataplane(), signal.SIGKILL)
        c.postern.wait_for('inspecting', 3)
        c.expect_mail('alert')
        c.postern.stop()


@case
def ctrl_killed():
    """The next control process goes on with the rules in force, and with what was held by them."""
    with Rig(case.build) as rig:
        c = Control(rig, ALERT)
        c.postern.start_watch()
        c.reload(RESET)
        version = None
        for i in range(2):
            pid = c.postern.child('postern-ctrl')
            os.kill(pid, signal.SIGSTOP)
            smtp = until_rcpt(rig)
            held(c.postern, i + 1)
            # What the file says by now is for the next reload.
            c.write(ALERT)
            os.kill(pid, signal.SIGKILL)
            expect(is_reset(smtp), 'the connection was not reset')
            got = outcomes(c.postern, i + 1)
            versions = {a['rule']['version'] for a, _ in got}
            expect(len(got) == i + 1 and len(versions) == 1 and version in (None, *versions), repr(got))
            version = versions.pop()
        c.ask('reload')
        c.expect_mail('alert')
        expect_closed(rig)
        c.postern.stop_watch()
        c.postern.stop()


@case
def signals():
    """SIGHUP reads the rules again, wrong ones change nothing; SIGUSR1 opens the alert file again."""
    with Rig(case.build) as rig:
        c = Control(rig, RESET)
        c.expect_mail('reset')
        c.write(ALERT)
        c.postern.proc.send_signal(signal.SIGHUP)
        c.postern.wait_for('rules reloaded: generation 2 is in force')
        c.expect_mail('alert')
        c.write(('perhaps', 'army.mil'))
        expect('rules.yaml:3:' in c.ask('reload', code=2), 'the wrong place was not told')
        c.expect_mail('alert')
        wait_until('three alerts', lambda: len(c.postern.alerts()) == 3)
        os.rename(c.postern.alerts_path, c.postern.alerts_path + '.1')
        c.postern.proc.send_signal(signal.SIGUSR1)
        wait_until('a new file', lambda: os.path.exists(c.postern.alerts_path))
        c.expect_mail('alert')
        wait_until('the alert', lambda: len(c.postern.alerts()) == 1)
        text = c.postern.stop()
        expect('rules wrong' in text, text)
        expect(not os.path.lexists(c.postern.dir + '/state/run'), 'the link of the run was left behind')


if __name__ == '__main__':
    case.main(sys.argv)
