#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What programs do with sockets, one case a name: net-cases.py CASE [HOST PORT]

Run in a container, against "net-peer.py serve" outside, or alone for what happens inside. Each case
prints what it found, or fails with a line that says what was wrong. None may know how the network
is made: the same must come out with socket injection, with the stack and on a host.
"""
import asyncio, errno, os, selectors, signal, socket, struct, subprocess, sys, threading, time

def family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET

def new(host):
    return socket.socket(family_of(host), socket.SOCK_STREAM)

def talk(s, text=b"hello\n"):
    s.settimeout(5)
    s.sendall(text)
    got = b""
    while len(got) < len(text):
        part = s.recv(65536)
        assert part, "closed after %r" % got
        got += part
    assert got == text, "%r instead of %r" % (got, text)

def within(seconds, began, what):
    took = time.monotonic() - began
    assert took < seconds, "%s took %.1f s" % (what, took)

# ---- Connecting ----

def blocking(host, port):
    s = new(host)
    s.connect((host, port))
    talk(s)

def nonblocking(host, port):
    s = new(host)
    s.setblocking(False)
    code = s.connect_ex((host, port))
    assert code in (0, errno.EINPROGRESS), errno.errorcode[code]
    with selectors.PollSelector() as waits:
        waits.register(s, selectors.EVENT_WRITE)
        assert waits.select(5), "never writable"
    assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    assert s.connect_ex((host, port)) in (0, errno.EISCONN)
    s.getpeername()
    s.setblocking(True)
    talk(s)

def epoll_first(host, port):
    """In a set before it connects, edge-triggered, with a duplicate descriptor of the set."""
    s, waits = new(host), __import__("select").epoll()
    s.setblocking(False)
    waits.register(s, 1 | 4 | (1 << 31))  # EPOLLIN, EPOLLOUT, EPOLLET
    waits.poll(0)  # says EPOLLHUP for a socket that is not connected
    assert s.connect_ex((host, port)) in (0, errno.EINPROGRESS)
    seen, end = 0, time.monotonic() + 5
    while not seen & 4 or seen & 16 and s.connect_ex((host, port)) == errno.EALREADY:
        assert time.monotonic() < end, "events %x" % seen
        seen = 0
        for _, events in waits.poll(1):
            seen |= events
    s.sendall(b"x\n")
    while not seen & 1:
        assert time.monotonic() < end, "no input: events %x" % seen
        for _, events in waits.poll(1):
            seen |= events
    assert s.recv(10) == b"x\n"

def aio(host, port):
    async def one(i):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"%d\n" % i)
        assert await reader.readline() == b"%d\n" % i
        writer.close()
        await writer.wait_closed()
    async def all():
        await asyncio.wait_for(asyncio.gather(*(one(i) for i in range(50))), 10)
    asyncio.run(all())

def threads(host, port):
    failed = []
    def one():
        try:
            for _ in range(10):
                with new(host) as s:
                    s.connect((host, port))
                    talk(s)
        except (OSError, AssertionError) as e:
            failed.append(e)
    crowd = [threading.Thread(target=one) for _ in range(20)]
    for t in crowd: t.start()
    for t in crowd: t.join()
    assert not failed, "%d failed: %s" % (len(failed), failed[0])

def refused(host, port):
    for block in (True, False):
        s = new(host)
        s.setblocking(block)
        code = s.connect_ex((host, port))
        if code == errno.EINPROGRESS:
            __import__("select").select([], [s], [], 5)
            code = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        assert code == errno.ECONNREFUSED, errno.errorcode.get(code, code)
        # It can be used again, for another address.
        assert s.connect_ex((host, port)) != errno.EISCONN

def connect_twice(host, port):
    s = new(host)
    s.connect((host, port))
    code = s.connect_ex((host, port))
    assert code == errno.EISCONN, errno.errorcode.get(code, code)
    talk(s)

def reconnect(host, port):
    """connect() to AF_UNSPEC, then to the server again, on one descriptor (connect(2))."""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    s = new(host)
    for _ in range(3):
        s.connect((host, port))
        talk(s)
        assert libc.connect(s.fileno(), struct.pack("H14x", socket.AF_UNSPEC), 16) == 0
        try:
            s.getpeername()
            raise AssertionError("still has a peer")
        except OSError as e:
            assert e.errno == errno.ENOTCONN, e

def bound_first(host, port):
    s = new(host)
    s.bind(("", 0) if family_of(host) == socket.AF_INET else ("::", 0))
    s.connect((host, port))
    talk(s)

def mapped(host, port):
    """IPv4 by an IPv6 socket."""
    s = socket.socket(socket.AF_INET6)
    s.connect(("::ffff:" + host, port))
    talk(s)
    assert s.getpeername()[0] == "::ffff:" + host, s.getpeername()

def names(host, port):
    s = new(host)
    s.connect((host, port))
    assert s.getpeername()[:2] == (host, port), s.getpeername()
    own = s.getsockname()
    assert own[1] > 0 and own[0] not in ("0.0.0.0", "::"), own
    assert s.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM
    talk(s)

def flags(host, port):
    """Options, flags and the number of the descriptor are what the program set."""
    import fcntl
    s = new(host)
    number = s.fileno()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 77)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3))
    os.set_inheritable(number, True)
    s.connect((host, port))
    assert s.fileno() == number
    assert s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert s.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 77
    assert s.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    assert s.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == struct.pack("ii", 1, 3)
    assert os.get_inheritable(number)
    assert not fcntl.fcntl(number, fcntl.F_GETFL) & os.O_NONBLOCK
    out = subprocess.run([sys.executable, "-c", "import socket, sys; s = socket.socket(fileno=int(sys.argv[1])); s.sendall(b'x\\n'); print(s.recv(9))",
                          str(number)], pass_fds=[number], capture_output=True, text=True, timeout=10)
    assert out.stdout == "b'x\\n'\n", out

# ---- Giving up ----

def timeout(host, port):
    s, began = new(host), time.monotonic()
    s.settimeout(0.5)
    try:
        s.connect((host, port))
        raise AssertionError("connected")
    except socket.timeout:
        within(2, began, "settimeout(0.5)")

def send_timeout(host, port):
    """SO_SNDTIMEO bounds a blocking connect(2): socket(7)."""
    s, began = new(host), time.monotonic()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 0, 500000))
    code = s.connect_ex((host, port))
    assert code == errno.EINPROGRESS, errno.errorcode.get(code, code)
    within(2, began, "SO_SNDTIMEO of 0.5 s")

class Rang(Exception):
    pass

def alarm(host, port):
    def ring(*_):
        raise Rang
    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    s, began = new(host), time.monotonic()
    try:
        s.connect((host, port))
        raise AssertionError("connected")
    except Rang:
        within(2, began, "an alarm after 0.5 s")

def alarm_twice(host, port):
    """The first handler returns and the call goes on waiting; the second ends it."""
    count = []
    def ring(*_):
        count.append(1)
        if len(count) == 2:
            raise Rang
    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.5, 0.7)
    s, began = new(host), time.monotonic()
    try:
        s.connect((host, port))
        raise AssertionError("connected")
    except Rang:
        within(3, began, "an alarm after 1.2 s")
        assert time.monotonic() - began > 1

def interrupt(host, port):
    """Ctrl-C while it waits, then the same program goes on and connects nowhere by mistake."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    s, began = new(host), time.monotonic()
    try:
        s.connect((host, port))
        raise AssertionError("connected")
    except KeyboardInterrupt:
        within(2, began, "an interrupt after 0.5 s")

def killed(host, port):
    child = subprocess.Popen([sys.executable, "-c", "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])))", host, str(port)])
    time.sleep(0.7)
    assert child.poll() is None, "it did not wait"
    began = time.monotonic()
    child.kill()
    child.wait(5)
    within(2, began, "SIGKILL")

def after_loss(host, port, silent):
    """Its injector is killed meanwhile: the file /w/gone says so. Calls fail, those that wait too; what is
    connected goes on."""
    s, ended = new(host), []
    s.connect((host, port))
    talk(s)
    def wait():
        try:
            new(silent).connect((silent, port))
        except OSError as e:
            ended.append((time.monotonic(), e.errno))
    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    time.sleep(0.3)
    open("/w/waits", "w").close()
    while not os.path.exists("/w/gone"):
        time.sleep(0.02)
    began = time.monotonic()
    waiting.join(3)
    assert ended and ended[0][1] == errno.ENOSYS, "the call that waited: %s" % ended
    for _ in range(3):
        code = new(host).connect_ex((host, port))
        assert code == errno.ENOSYS, errno.errorcode.get(code, code)
    within(3, began, "failing")
    talk(s, b"still here\n")

# ---- Descriptors that others have too ----

def dup_first(host, port):
    s = new(host)
    twin = s.dup()
    s.connect((host, port))
    talk(twin)
    talk(s)
    assert twin.getpeername() == s.getpeername()
    far = os.dup2(s.fileno(), 200)
    talk(socket.socket(fileno=far))

def dup_far(host, port):
    """The duplicate's number is far off, and it connects."""
    s = new(host)
    twin = socket.socket(fileno=os.dup2(s.fileno(), 500))
    twin.connect((host, port))
    talk(s)

def fork_child_connects(host, port):
    s = new(host)
    if os.fork() == 0:
        try:
            s.connect((host, port))
            talk(s)
            os._exit(0)
        except BaseException as e:
            print("child:", e, flush=True)
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 0

def fork_parent_uses(host, port):
    """What a child connected is connected for its parent: they share the socket."""
    s = new(host)
    if os.fork() == 0:
        s.connect((host, port))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
    talk(s)

def fork_after(host, port):
    s = new(host)
    s.connect((host, port))
    if os.fork() == 0:
        talk(s, b"child\n")
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
    talk(s, b"parent\n")

def passed(host, port):
    """Sent over AF_UNIX before it connects; the receiver connects, the sender uses it."""
    a, b = socket.socketpair()
    s = new(host)
    socket.send_fds(a, [b"x"], [s.fileno()])
    got = socket.socket(fileno=socket.recv_fds(b, 1, 1)[1][0])
    got.connect((host, port))
    talk(got)
    talk(s)

# ---- Streams ----

def half_close(host, port):
    s = new(host)
    s.connect((host, port))
    s.settimeout(5)
    s.sendall(b"last words\n")
    s.shutdown(socket.SHUT_WR)
    got = b""
    while True:
        part = s.recv(4096)
        if not part:
            break
        got += part
    assert got == b"last words\n", got
    try:
        s.send(b"x")
        raise AssertionError("sent after the end")
    except BrokenPipeError:
        pass

def urgent(host, port):
    """Against "net-cases.py urgent_server": one urgent byte there and one back."""
    s = new(host)
    s.connect((host, port))
    s.settimeout(5)
    s.sendall(b"abc")
    s.send(b"!", socket.MSG_OOB)
    s.sendall(b"def\n")
    ready = __import__("select").select([], [], [s], 5)[2]
    assert ready, "no urgent data came"
    assert s.recv(1, socket.MSG_OOB) == b"?"
    line = b""
    while not line.endswith(b"\n"):
        line += s.recv(100)
    print(line.decode().strip())

def urgent_server(host, port):
    l = new(host)
    l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    l.bind((host, port))
    l.listen()
    print("ready", flush=True)
    while True:
        s, _ = l.accept()
        urgent, plain = b"", b""
        while not plain.endswith(b"\n"):
            r, _, x = __import__("select").select([s], [], [s] if not urgent else [], 5)
            if x:
                urgent = s.recv(1, socket.MSG_OOB)
            elif r:
                plain += s.recv(100)
            else:
                break
        s.send(b"?", socket.MSG_OOB)
        s.sendall(b"plain %s, urgent %s\n" % (plain.strip(), urgent))
        s.close()

def reset(host, port):
    s = new(host)
    s.connect((host, port))
    talk(s)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
    s = new(host)
    s.connect((host, port))
    talk(s)

def idle(host, port):
    """Keepalive every second for four seconds, which is longer than the line is late, then it talks on."""
    s = new(host)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 2)
    s.connect((host, port))
    talk(s)
    time.sleep(4)
    talk(s)

# ---- Inside the container alone ----

def loopback():
    for host in ("127.0.0.1", "::1", "127.0.0.77"):
        l = new(host)
        l.bind((host, 0))
        l.listen()
        s = new(host)
        s.connect(l.getsockname()[:2])
        c, who = l.accept()
        assert who[0] == (host if host == "::1" else "127.0.0.1"), who
        c.sendall(b"x")
        assert s.recv(1) == b"x"
    for host in ("127.0.0.1", "::1"):
        code = new(host).connect_ex((host, 9))
        assert code == errno.ECONNREFUSED, errno.errorcode.get(code, code)

def own_address(port):
    """A server reached by the container's own address and by both loopbacks, whether published or not."""
    l = socket.socket(socket.AF_INET6)
    l.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    l.bind(("::", port))
    l.listen()
    for host in ("127.0.0.1", "::1", "10.0.2.100", "fd62:7279:6f00::64", "localhost", "0.0.0.0"):
        s = socket.create_connection((host, port), 3)
        c, _ = l.accept()
        c.sendall(b"x")
        assert s.recv(1) == b"x", host

def in_use(port):
    """Two servers on one port: the second is told so, by bind(2) or by listen(2)."""
    def server(host, reuse):
        l = new(host)
        l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
        l.bind((host, port))
        l.listen()
        return l
    for reuse in (0, 1):
        first = server("0.0.0.0", reuse)
        for host in ("0.0.0.0", "10.0.2.100"):
            try:
                server(host, reuse)
                raise AssertionError("a second server at %s, SO_REUSEADDR %d" % (host, reuse))
            except OSError as e:
                assert e.errno == errno.EADDRINUSE, e
        first.close()
        server("0.0.0.0", 1).close()

def restart(port):
    """A server that serves once, five times on the same port without a pause. Stops at "end"."""
    for i in range(5):
        l = new("0.0.0.0")
        l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        l.bind(("0.0.0.0", port))
        l.listen()
        if i == 0:
            print("ready", flush=True)
        c, _ = l.accept()
        c.sendall(b"life %d\n" % i)
        c.close()
        l.close()

def workers(port):
    """Four processes with a listener each on one port (SO_REUSEPORT); each answers with its number."""
    def server():
        l = new("0.0.0.0")
        l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        l.bind(("0.0.0.0", port))
        l.listen(64)
        return l
    for i in range(4):
        l = server()
        if os.fork() == 0:
            while True:
                c, _ = l.accept()
                c.sendall(b"%d\n" % i)
                c.close()
        l.close()
    print("ready", flush=True)
    time.sleep(60)

def prefork(port):
    """One listener, four processes that accept from it."""
    l = new("0.0.0.0")
    l.bind(("0.0.0.0", port))
    l.listen(64)
    for i in range(4):
        if os.fork() == 0:
            while True:
                c, _ = l.accept()
                c.sendall(b"%d\n" % i)
                c.close()
    print("ready", flush=True)
    time.sleep(60)

def line_server(host, port):
    """Says who came and closes."""
    l = new(host)
    l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    l.bind((host, port))
    l.listen(64)
    print("ready", flush=True)
    while True:
        c, who = l.accept()
        c.sendall(("%s\n" % who[0]).encode())
        c.close()

def lines(host, port, count):
    """Connects so often and prints the different lines that came, sorted."""
    seen = set()
    for _ in range(int(count)):
        with socket.create_connection((host, port), 5) as s:
            s.settimeout(5)
            seen.add(s.recv(100).decode().strip())
    print(" ".join(sorted(seen)))

def low_port(port):
    s = new("0.0.0.0")
    try:
        s.bind(("0.0.0.0", port))
        s.listen()
        print("bound")
    except PermissionError:
        print("refused")

def main(case, *args):
    args = list(args)
    for i, a in enumerate(args):
        if a.isdigit():
            args[i] = int(a)
    globals()[case](*args)
    if not case.endswith("server") and case not in ("lines", "low_port", "urgent"):
        print("ok", case)

try:
    main(*sys.argv[1:])
except (OSError, AssertionError) as e:
    print("%s: %s: %s" % (sys.argv[1], type(e).__name__, e))
    sys.exit(1)
