#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Servers and clients for tests of the network layer.

serve ADDRESS[,...] PORT...  echoes TCP and UDP; a line "who" is answered by the client's address
dns ADDRESS ANSWER        answers every question, UDP and TCP, on port 53 with the IPv4 address ANSWER
tcp|udp HOST PORT TEXT    sends a line, prints what comes back within two seconds
many HOST PORT COUNT      holds COUNT connections open at once and uses each twice
bulk HOST PORT BYTES      sends so much and checks what is echoed
put HOST PORT BYTES       the same amount there, the end, and the sum back: prints the milliseconds
get HOST PORT BYTES       asks "receiver" for so much: prints the milliseconds
receiver ADDRESS[,...] PORT...   the server of these
datagram HOST PORT BYTES  one UDP datagram of that size, echoed
ping HOST                 one ICMP echo over a raw socket
resolve SERVER NAME udp|tcp
forge HOST PORT           one UDP datagram, put on tap0 as a frame of our own making
sink PORT FILE            notes in FILE each UDP datagram that comes to any address
"""
import asyncio, hashlib, os, select, socket, struct, sys, time

def info(host, port, kind):
    return socket.getaddrinfo(host, int(port), type=kind, flags=socket.AI_NUMERICHOST)[0]

async def echo(reader, writer):
    try:
        while True:
            data = await reader.read(65536)
            if not data:
                break
            if data == b"who\n":
                data = (writer.get_extra_info("peername")[0] + "\n").encode()
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (ConnectionError, OSError):
        pass
    writer.close()

class UdpEcho(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport
    def datagram_received(self, data, addr):
        self.transport.sendto((addr[0] + "\n").encode() if data == b"who\n" else data, addr)

async def serve(hosts, *ports):
    loop = asyncio.get_running_loop()
    for host in hosts.split(","):
        family = info(host, 1, socket.SOCK_STREAM)[0]
        for port in ports:
            await asyncio.start_server(echo, host, int(port), family=family, backlog=4096)
            u = socket.socket(family, socket.SOCK_DGRAM)
            if family == socket.AF_INET6:
                u.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            u.bind((host, int(port)))
            await loop.create_datagram_endpoint(UdpEcho, sock=u)
    print("ready", flush=True)
    await asyncio.Event().wait()

def answer(query, address):
    end = query.index(b"\0", 12) + 5
    return (query[:2] + b"\x81\x80" + query[4:6] + b"\0\1\0\0\0\0" + query[12:end] +
            b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(address))

def dns(host, address):
    family = info(host, 53, socket.SOCK_DGRAM)[0]
    u, t = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_STREAM)
    t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    u.bind((host, 53)); t.bind((host, 53)); t.listen(16)
    print("ready", flush=True)
    while True:
        if u in select.select([u, t], [], [])[0]:
            query, who = u.recvfrom(4096)
            u.sendto(answer(query, address), who)
        else:
            c, _ = t.accept()
            query = c.recv(4096)[2:]
            reply = answer(query, address)
            c.sendall(struct.pack(">H", len(reply)) + reply); c.close()

def line(kind, host, port, text):
    family, _, _, _, to = info(host, port, kind)
    s = socket.socket(family, kind); s.settimeout(2)
    s.connect(to); s.send(text.encode() + b"\n")
    print(s.recv(4096).decode().strip())

def many(host, port, count):
    family, _, _, _, to = info(host, port, socket.SOCK_STREAM)
    socks = []
    for _ in range(int(count)):
        s = socket.socket(family); s.setblocking(False); s.connect_ex(to); socks.append(s)
    for turn in range(2):
        for i, s in enumerate(socks):
            s.setblocking(True); s.settimeout(20); s.sendall(b"%d %d\n" % (turn, i))
        for i, s in enumerate(socks):
            assert s.recv(64) == b"%d %d\n" % (turn, i), "connection %d" % i
    print("ok", len(socks))

def bulk(host, port, size):
    family, _, _, _, to = info(host, port, socket.SOCK_STREAM)
    s = socket.socket(family); s.connect(to); s.setblocking(False)
    size = int(size); sent = got = 0
    block = os.urandom(1 << 16); out, back = hashlib.sha256(), hashlib.sha256()
    while got < size:
        r, w, _ = select.select([s], [s] if sent < size else [], [], 20)
        if not r and not w:
            sys.exit("stalled at %d" % got)
        if w:
            n = s.send(block[:min(len(block), size - sent)]); out.update(block[:n]); sent += n
            if sent == size:
                s.shutdown(socket.SHUT_WR)
        if r:
            data = s.recv(1 << 18); back.update(data); got += len(data)
            if not data:
                break
    assert out.digest() == back.digest(), "%d of %d bytes" % (got, size)
    print("ok", got)

async def receive(reader, writer):
    """"get N": N bytes; else a sum of all that comes, once its sender has ended."""
    try:
        first = await reader.readline()
        if first.startswith(b"get "):
            writer.write(b"x" * int(first[4:]))
        else:
            total = hashlib.sha256(first)
            while data := await reader.read(1 << 18):
                total.update(data)
            writer.write(total.digest())
        await writer.drain()
        writer.write_eof()
    except (ConnectionError, OSError):
        pass
    writer.close()

async def receiver(hosts, *ports):
    for host in hosts.split(","):
        for port in ports:
            await asyncio.start_server(receive, host, int(port), family=info(host, 1, socket.SOCK_STREAM)[0])
    print("ready", flush=True)
    await asyncio.Event().wait()

def transfer(host, port, request):
    family, _, _, _, to = info(host, port, socket.SOCK_STREAM)
    s = socket.socket(family); s.settimeout(60); s.connect(to)
    began = time.monotonic()
    s.sendall(request)
    s.shutdown(socket.SHUT_WR)
    got = b""
    while data := s.recv(1 << 18):
        got += data
    return got, int((time.monotonic() - began) * 1000)

def put(host, port, size):
    body = b"put\n" + os.urandom(int(size))
    got, took = transfer(host, port, body)
    assert got == hashlib.sha256(body).digest(), "what came is not what went"
    print(took)

def get(host, port, size):
    got, took = transfer(host, port, b"get %d\n" % int(size))
    assert got == b"x" * int(size), "%d of %d bytes" % (len(got), int(size))
    print(took)

def datagram(host, port, size):
    family, _, _, _, to = info(host, port, socket.SOCK_DGRAM)
    s = socket.socket(family, socket.SOCK_DGRAM); s.settimeout(1); s.connect(to)
    body = os.urandom(int(size))
    for _ in range(4):  # the first ones may be what finds the path's MTU out
        try:
            s.send(body)
            assert s.recv(70000) == body, "another datagram came"
            print("ok", size); return
        except socket.timeout:
            pass
    sys.exit("no answer")

def ping(host):
    six = ":" in host
    s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW,
                      socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP)
    s.settimeout(2)
    body = struct.pack(">BBHHH", 128 if six else 8, 0, 0, 0x4242, 1) + b"bryo" * 8
    total = sum(struct.unpack(">%dH" % (len(body) // 2), body)); total = (total >> 16) + (total & 0xffff)
    if not six:
        body = body[:2] + struct.pack(">H", ~total & 0xffff) + body[4:]
    s.sendto(body, (host, 0))
    while True:
        data, who = s.recvfrom(2048)
        data = data if six else data[20:]
        if data[0] == (129 if six else 0) and data[8:] == b"bryo" * 8:
            print("pong", who[0]); return

def resolve(server, name, kind):
    query = b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + b"".join(
        bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0\0\1\0\1"
    stream = kind == "tcp"
    family, _, _, _, to = info(server, 53, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
    s = socket.socket(family, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
    s.settimeout(2); s.connect(to)
    s.send((struct.pack(">H", len(query)) if stream else b"") + query)
    answer = s.recv(4096)
    while stream and len(answer) < 2 + struct.unpack(">H", (answer + b"\xff\xff")[:2])[0]:
        part = s.recv(4096)
        assert part, "half an answer"
        answer += part
    print(socket.inet_ntoa(answer[-4:]))

def checksum(data):
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total >> 16) + (total & 0xffff)
    return ~total & 0xffff

def forge(host, port):
    text = (host + "\n").encode(); text += b" " * (len(text) % 2)
    udp = struct.pack(">HHHH", 5555, int(port), 8 + len(text), 0) + text
    if ":" in host:
        addresses = socket.inet_pton(socket.AF_INET6, "fd62:7279:6f00::64") + socket.inet_pton(socket.AF_INET6, host)
        total = checksum(addresses + struct.pack(">IxxxB", len(udp), 17) + udp)
        ip = struct.pack(">IHBB", 6 << 28, len(udp), 17, 64) + addresses
        kind = 0x86dd
    else:
        addresses = socket.inet_aton("10.0.2.100") + socket.inet_aton(host)
        total = checksum(addresses + struct.pack(">xBH", 17, len(udp)) + udp)
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + addresses
        ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
        kind = 0x0800
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("tap0", 0))
    s.send(b"\x52\x55\x0a\x00\x02\x02" + s.getsockname()[4] + struct.pack(">H", kind) +
           ip + udp[:6] + struct.pack(">H", total) + udp[8:])

def sink(port, path):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)   # both families
    s.bind(("::", int(port)))
    print("ready", flush=True)
    while True:
        with open(path, "ab") as out:
            out.write(s.recv(4096))

def main(verb, *args):
    if verb == "serve":
        asyncio.run(serve(*args))
    elif verb == "receiver":
        asyncio.run(receiver(*args))
    elif verb in ("tcp", "udp"):
        line(socket.SOCK_STREAM if verb == "tcp" else socket.SOCK_DGRAM, *args)
    else:
        {"dns": dns, "many": many, "bulk": bulk, "put": put, "get": get, "datagram": datagram, "ping": ping, "resolve": resolve,
         "forge": forge, "sink": sink}[verb](*args)

try:
    main(*sys.argv[1:])
except (OSError, AssertionError) as e:
    sys.exit("%s: %s" % (type(e).__name__, e))
