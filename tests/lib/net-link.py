#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A bad line between two network namespaces: net-link.py PID DELAY-MS LOSE-EVERY

Makes tun "far" here, in the caller's namespace, and tun "near" in that of process PID, and carries packets between
them, each DELAY-MS late; of those with data every LOSE-EVERY'th is lost (0: none). What netem does, for kernels
without it (CONFIG_NET_SCH_NETEM) and for callers without privilege over the host. The loss is counted, not drawn, so
that runs can be compared. The caller gives addresses and routes. Prints "ready".
"""
import collections, ctypes, fcntl, os, select, struct, sys, time

QUEUE = 1000  # packets on the way; further ones are lost, as behind a real queue

def tun(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH14x", name.encode(), 0x1001))  # TUNSETIFF: IFF_TUN | IFF_NO_PI
    return fd

def enter(pid):
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open("/proc/%s/ns/net" % pid, os.O_RDONLY)
    if libc.setns(fd, 0x40000000) != 0:  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "setns")

class Line:
    def __init__(self, source, target, delay, every):
        self.source, self.target, self.delay, self.every = source, target, delay, every
        self.queue, self.seen, self.lost = collections.deque(), 0, 0

    def take(self, now):
        for _ in range(64):
            try:
                packet = os.read(self.source, 70000)
            except BlockingIOError:
                return
            if len(packet) > 500:
                self.seen += 1
            if len(packet) > 500 and self.every and self.seen % self.every == 0 or len(self.queue) >= QUEUE:
                self.lost += 1
                continue
            self.queue.append((now + self.delay, packet))

    def give(self, now):
        while self.queue and self.queue[0][0] <= now:
            try:
                os.write(self.target, self.queue.popleft()[1])
            except OSError:
                pass  # the interface is not up yet

def main(pid, delay, every):
    far = tun("far")
    enter(pid)
    near = tun("near")
    lines = [Line(far, near, int(delay) / 1000, int(every)), Line(near, far, int(delay) / 1000, int(every))]
    print("ready", flush=True)
    while True:
        waits = [line.queue[0][0] - time.monotonic() for line in lines if line.queue]
        select.select([far, near], [], [], max(0, min(waits)) if waits else None)
        now = time.monotonic()
        for line in lines:
            line.take(now)
            line.give(now)

main(*sys.argv[1:])
