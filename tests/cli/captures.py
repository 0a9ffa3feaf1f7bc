# SPDX-License-Identifier: BSD-3-Clause
"""Captures of SMTP sessions, written octet by octet: no library but Python's own."""

import struct


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(src, dst, sport, dport, seq, ack, flags, payload=b""):
    """An Ethernet frame with IPv4 and TCP; addresses as tuples of four."""
    tcp = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 64240, 0, 0)
    pseudo = bytes(src) + bytes(dst) + struct.pack(">BBH", 0, 6, len(tcp) + len(payload))
    tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp + payload)) + tcp[18:]
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp) + len(payload), 1, 0x4000, 64, 6, 0, bytes(src), bytes(dst))
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    return b"\2\0\0\0\0\2" + b"\2\0\0\0\0\1" + b"\x08\x00" + ip + tcp + payload


FIN, SYN, PSH, ACK = 1, 2, 8, 16


class Session:
    """One connection; say() appends frames, (time in ns, octets)."""

    def __init__(self, number=0, start_ns=1_772_359_200_000_000_000, step_ns=1_000_000, port=25):
        self.client = (192, 0, 2, 1 + number % 200)
        self.server = (198, 51, 100, 25)
        self.sport, self.dport = 20000 + number % 40000, port
        self.seq = {True: 1000 + 7919 * number, False: 900000 + 104729 * number}
        self.now, self.step = start_ns, step_ns
        self.frames = []
        self.put(True, SYN)
        self.put(False, SYN | ACK)
        self.put(True, ACK)

    def put(self, from_client, flags, payload=b""):
        a, b = (self.client, self.server) if from_client else (self.server, self.client)
        sport, dport = (self.sport, self.dport) if from_client else (self.dport, self.sport)
        ack = self.seq[not from_client] if flags & ACK else 0
        self.frames.append((self.now, frame(a, b, sport, dport, self.seq[from_client], ack, flags, payload)))
        self.seq[from_client] += len(payload) + (1 if flags & (SYN | FIN) else 0)
        self.now += self.step

    def say(self, from_client, text, size=1400):
        for i in range(0, len(text), size):
            self.put(from_client, PSH | ACK, text[i:i + size])

    def ask(self, command, reply):
        self.say(True, command + b"\r\n")
        self.say(False, reply + b"\r\n")

    def greet(self, helo=b"gw.example.org"):
        self.say(False, b"220 mx.example.net ESMTP\r\n")
        self.ask(b"EHLO " + helo, b"250-mx.example.net\r\n250-PIPELINING\r\n250 8BITMIME")

    def mail(self, sender, recipients, body=b"Subject: x\r\n\r\nhello\r\n"):
        self.ask(b"MAIL FROM:<" + sender + b">", b"250 2.1.0 Ok")
        for r in recipients:
            self.ask(b"RCPT TO:<" + r + b">", b"250 2.1.5 Ok")
        self.ask(b"DATA", b"354 End data with <CR><LF>.<CR><LF>")
        self.say(True, body + b".\r\n")
        self.say(False, b"250 2.0.0 Ok: queued\r\n")

    def bye(self):
        self.ask(b"QUIT", b"221 2.0.0 Bye")
        self.put(True, FIN | ACK)
        self.put(False, FIN | ACK)
        self.put(True, ACK)


def story():
    """One mail to two recipients, the first of them mistyped."""
    s = Session()
    s.greet()
    s.mail(b"jane@example.org", [b"joe@army.ml", b"amy@army.mil"])
    s.bye()
    return s.frames


def many(sessions, recipients=3, wrong_every=2, gap_ns=300_000):
    """Interleaved sessions; every wrong_every-th writes to lookalikes. Returns frames and the number of alerts."""
    frames, alerts = [], 0
    for n in range(sessions):
        s = Session(n, start_ns=1_772_359_200_000_000_000 + n * gap_ns)
        s.greet()
        wrong = n % wrong_every == 0
        rcpts = [b"r%d.%d@%s" % (n, i, b"hq.army.ml" if wrong else b"hq.army.mil") for i in range(recipients)]
        s.mail(b"s%d@example.org" % n, rcpts, b"Subject: x\r\n\r\n" + b"line of the body\r\n" * (n % 50))
        s.bye()
        frames += s.frames
        alerts += recipients if wrong else 0
    frames.sort(key=lambda f: f[0])
    return frames, alerts


def pcap(frames, link=1):
    """Nanosecond pcap, little endian."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link)]
    for ns, data in frames:
        out.append(struct.pack("<IIII", ns // 10**9, ns % 10**9, len(data), len(data)))
        out.append(data)
    return b"".join(out)


def pcapng(frames):
    """Big-endian pcapng with nanosecond times."""
    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        n = len(body) + 12
        return struct.pack(">II", kind, n) + body + struct.pack(">I", n)
    out = [block(0x0A0D0D0A, struct.pack(">IHHq", 0x1A2B3C4D, 1, 0, -1)),
           block(1, struct.pack(">HHI", 1, 0, 262144) + struct.pack(">HHB3xHH", 9, 1, 9, 0, 0))]
    for ns, data in frames:
        out.append(block(6, struct.pack(">IIIII", 0, ns >> 32, ns & 0xFFFFFFFF, len(data), len(data)) + data))
    return b"".join(out)
