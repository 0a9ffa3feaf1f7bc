#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""refuse - one recipient refused in its place, by a responder that has taken the connection over

Usage: refuse.py BUILD_DIR [CASE...]        (default: all)   exit code 77: something that is needed is missing

Real Postfix on both sides, and raw clients. What counts is what the sender's log says, what was delivered, and a recording
of the server's side of the wire, in which no octet of a refused RCPT line may stand.
"""
import hashlib
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cases import Cases  # noqa: E402
from hold import expect_closed, is_reset, outcomes, start, to_server, until_rcpt  # noqa: E402
from observe import expect, message, rig_net  # noqa: E402
from rig import LIMIT, SERVER, SERVER6, Raw, Rig, wait_until  # noqa: E402

case = Cases(__file__)
TEXT = 'no such domain: <{recipient}>[; did you mean <{meant}>?] ({incident})'


def begin(rig, verdict='refuse', **responder):
    postern = start(rig, verdict, responder=dict({'enabled': True, 'text': TEXT}, **responder))
    postern.wait_for('the responder is there')
    time.sleep(0.5)
    return postern


def stored_for(rig, wanted, bounces=0):
    """Exactly @wanted (recipients) have arrived unchanged, and so many bounces, which are given back."""
    wait_until('%d messages stored' % (len(wanted) + bounces), lambda: len(rig.stored()) >= len(wanted) + bounces, 2 * LIMIT)
    good, bad = [], []
    for to, octets in rig.stored():
        head, body = octets.split(b'\n\n', 1)
        if to == 'jane@example.com':
            bad.append(octets.decode(errors='replace'))
            continue
        digest = re.findall(rb'(?im)^x-digest: (\w+)', head)
        expect(digest == [hashlib.sha256(body).hexdigest().encode()], 'the mail to %s was changed' % to)
        good.append(to)
    expect(sorted(good) == sorted(wanted) and len(bad) == bounces, 'stored for %r, %d bounces' % (sorted(good), len(bad)))
    return bad


def no_octet_left(dump):
    """Of the line, at the server. Of a line that came in pieces: but its head."""
    segments = to_server(dump)
    expect(len(segments) > 3, 'nothing was recorded')
    expect(not any(re.search(rb'RCPT TO: ?<?gen', p[4], re.I) for p in segments), 'octets of the line reached the server')


def refused_mail(server=None, client=None, octets=3000, offloads='off', **config):
    with Rig(case.build, offloads) as rig:
        postern = begin(rig, **config)
        rig.server_postfix(**(server or {}))
        postern.start_watch()
        dump = rig.dump('server', 'in') if octets < 1 << 20 else None
        pf = rig.client_postfix(**(client or {}))
        to = ['ok1@army.mil', 'gen@army.ml', 'ok2@army.mil']
        pf.send('jane@example.com', to, message(', '.join(to), octets, 1))
        pf.wait(r'to=<gen@army\.ml>.*status=bounced', 1)
        log = pf.logged()
        expect(re.search(r'to=<gen@army\.ml>.*dsn=5\.1\.2, status=bounced \(host \S+ said: 550 5\.1\.2 '
                         r'no such domain: <gen@army\.ml>; did you mean <gen@army\.mil>\? \([0-9a-f]{10}\) '
                         r'\(in reply to RCPT TO command\)\)', log), log)
        for good in 'ok1', 'ok2':
            pf.wait(r'to=<%s@army\.mil>.*status=sent \(250' % good, 1)
        bounce, = stored_for(rig, ['ok1@army.mil', 'ok2@army.mil'], 1)
        for wanted in ('Action: failed', 'Status: 5.1.2', 'Final-Recipient: rfc822; gen@army.ml',
                       'Diagnostic-Code: smtp; 550 5.1.2 no such domain: <gen@army.ml>; did you mean'):
            expect(wanted in bounce, 'the bounce does not say "%s":\n%s' % (wanted, bounce))
        alert, update = outcomes(postern, 1)[0]
        expect(alert['postern']['enforced'] is True and alert['postern']['verdict'] == 'refuse', repr(alert))
        expect(not update['postern'].get('verdict_by', '').startswith('fallback'), repr(update))
        if dump is not None:
            no_octet_left(dump)
        counters = postern.stop_watch()
        expect(counters['takeovers_done'] == 1 and counters['takeovers_failed'] == 0, repr(counters))
        postern.stop()
        return 'held %d us' % update['postern']['hold_us']


@case
def pipelining():
    return refused_mail()


@case
def lockstep():
    return refused_mail(server={'smtpd_discard_ehlo_keywords': 'pipelining, chunking, silent-discard'})


@case
def ipv6():
    return refused_mail(client={'relayhost': '[%s]' % SERVER6, 'inet_protocols': 'ipv6'})


@case
def large():
    """20 MB behind a recipient that was refused."""
    return refused_mail(octets=20 << 20)


@case
def partial_checksums():
    """The ends leave checksums to a port that has none."""
    return refused_mail(offloads='on')


def say(smtp, text):
    smtp.sock.sendall(text if isinstance(text, bytes) else text.encode())


def replies(smtp, nb):
    return [smtp.reply() for _ in range(nb)]


@case
def sessions():
    """Several bad ones, a later transaction, a group in one segment, a line in pieces, a DATA without recipients."""
    with Rig(case.build) as rig:
        postern = begin(rig)
        rig.server_postfix()
        postern.start_watch()
        dump = rig.dump('server', 'in')
        body = 'Subject: x\r\n\r\nhello\r\n.\r\n'
        smtp = Raw(rig_net(rig), SERVER)
        smtp.say('EHLO gw')
        say(smtp, 'MAIL FROM:<jane@example.com>\r\nRCPT TO:<gen@army.ml>\r\nRCPT TO:<ok@army.mil>\r\n'
                  'RCPT TO:<gen2@army.ml>\r\nDATA\r\n')
        expect(replies(smtp, 5) == [250, 550, 250, 550, 354], 'the first group')
        say(smtp, body)
        expect(smtp.reply() == 250, 'the message')
        # The connection is the responder's by now.
        say(smtp, 'MAIL FROM:<jane@example.com>\r\nRCPT TO:<gen3@army.ml>\r\nDATA\r\n')
        got = replies(smtp, 3)
        expect(got[:2] == [250, 550] and got[2] >= 500, 'only a bad one: %r' % got)
        say(smtp, 'RSET\r\nMAIL FROM:<jane@example.com>\r\nRCPT TO:<ok2@army.mil>\r\nDATA\r\n')
        expect(replies(smtp, 4) == [250, 250, 250, 354], 'the last transaction')
        say(smtp, body)
        expect(smtp.reply() == 250, 'its message')
        smtp.quit()
        for cut in 5, 14, 20, 22:
            smtp = Raw(rig_net(rig), SERVER)
            smtp.say('EHLO gw')
            smtp.say('MAIL FROM:<jane@example.com>')
            line = b'RCPT TO:<cut@army.ml>\r\n'
            say(smtp, line[:cut])
            time.sleep(0.1)
            say(smtp, line[cut:] + b'RCPT TO:<ok3@army.mil>\r\n')
            expect(replies(smtp, 2) == [550, 250], 'cut at %d' % cut)
            smtp.say('RSET')
            smtp.quit()
        got = outcomes(postern, 7)
        expect(len(got) == 7, '%d alerts' % len(got))
        for alert, update in got:
            expect(alert['postern']['verdict'] == 'refuse', repr(alert))
        no_octet_left(dump)
        counters = postern.stop_watch()
        expect(counters['takeovers_done'] == 5 and counters['takeovers_failed'] == 0, repr(counters))
        postern.stop()


@case
def responder_killed():
    """With connections in its hands: both ends are closed, nothing is stuck, and the next one is taken over by its successor."""
    with Rig(case.build) as rig:
        postern = begin(rig)
        rig.server_postfix()
        postern.start_watch()
        held = []
        for _ in range(5):
            smtp = until_rcpt(rig)
            expect(smtp.reply() == 550, 'not refused')
            held.append(smtp)
        os.kill(postern.child('postern-responder'), signal.SIGKILL)
        postern.wait_for('the responder is there', 2)
        expect_closed(rig)
        for smtp in held:
            try:
                smtp.sock.sendall(b'QUIT\r\n')
                smtp.reply()
                raise AssertionError('a connection outlived the responder')
            except (ConnectionError, EOFError):
                pass
        time.sleep(0.5)
        smtp = until_rcpt(rig)
        expect(smtp.reply() == 550, 'not refused by the next one')
        smtp.quit()
        counters = postern.stop_watch()
        expect(counters['takeovers_done'] == 6, repr(counters))
        postern.stop()


@case
def responder_stopped():
    """It does not answer in time: reset, and the update says why."""
    with Rig(case.build) as rig:
        postern = begin(rig)
        rig.server_postfix()
        pid = postern.child('postern-responder')
        os.kill(pid, signal.SIGSTOP)
        try:
            smtp = until_rcpt(rig)
            expect(is_reset(smtp), 'the connection was not reset')
            expect_closed(rig)
            alert, update = outcomes(postern, 1)[0]
            expect(update['postern']['verdict'] == 'reset' and
                   update['postern']['verdict_by'] == 'fallback:no_responder', repr(update))
        finally:
            os.kill(pid, signal.SIGCONT)
        time.sleep(0.5)
        smtp = until_rcpt(rig)
        expect(smtp.reply() == 550, 'not refused when it is back')
        smtp.quit()
        postern.stop()


@case
def dataplane_killed():
    """Connections in the responder's hands never go on raw: the next dataplane ends them."""
    with Rig(case.build) as rig:
        postern = begin(rig)
        rig.server_postfix()
        smtp = until_rcpt(rig)
        expect(smtp.reply() == 550, 'not refused')
        os.kill(postern.dataplane(), signal.SIGKILL)
        postern.wait_for('the wire was down for', 1)
        dump = rig.dump('server', 'in')
        smtp.sock.settimeout(LIMIT)
        try:
            smtp.sock.sendall(b'NOOP raw\r\n')
            smtp.reply()
            raise AssertionError('the connection outlived the dataplane')
        except (ConnectionError, EOFError):
            pass
        expect(not any(b'NOOP raw' in p[4] for p in to_server(dump)), 'octets of the client went on raw')
        wait_until('the next dataplane has the responder', lambda: is_refused(rig))
        postern.stop()


def is_refused(rig):
    smtp = until_rcpt(rig)
    try:
        code = smtp.reply()
    except (ConnectionError, EOFError):
        return False
    smtp.sock.close()
    return code == 550


@case
def limit():
    """Beyond so many refusals of one source in a minute: what was configured."""
    with Rig(case.build) as rig:
        postern = begin(rig, limit={'per_minute': 3, 'beyond': 'alert'})
        rig.server_postfix()
        if time.time() % 60 > 50:
            time.sleep(60 - time.time() % 60)
        got = []
        for _ in range(5):
            smtp = until_rcpt(rig)
            got.append(smtp.reply())
            smtp.quit()
        expect(got == [550] * 3 + [250] * 2, repr(got))
        by = sorted(a['postern']['verdict_by'] for a, _ in outcomes(postern, 5))
        expect(by.count('rate_limit') == 2, repr(by))
        postern.stop()


@case
def many_connections():
    """At once."""
    with Rig(case.build) as rig:
        postern = begin(rig, connections=1000, per_source=1000)
        rig.server_postfix()
        postern.start_watch()
        held, began = [], time.monotonic()
        for _ in range(150):
            smtp = Raw(rig_net(rig), SERVER)
            smtp.say('EHLO gw')
            smtp.say('MAIL FROM:<jane@example.com>')
            held.append(smtp)
        for smtp in held:
            say(smtp, 'RCPT TO:<gen@army.ml>\r\nRCPT TO:<ok@army.mil>\r\n')
        for smtp in held:
            expect(replies(smtp, 2) == [550, 250], 'not refused')
        for smtp in held:
            smtp.quit()
        counters = postern.stop_watch()
        expect(counters['takeovers_done'] == 150 and counters['takeovers_failed'] == 0, repr(counters))
        postern.stop()
        return '150 in %.1f s' % (time.monotonic() - began)


if __name__ == '__main__':
    case.main(sys.argv)
