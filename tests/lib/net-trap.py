#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Notes who comes to where nobody may: net-trap.py FILE PORT

Listens on the loopback of both families, TCP and UDP, and on the abstract AF_UNIX socket
"bryo-forbidden". Each that comes is a line of FILE.
"""
import selectors, socket, sys

def tcp(family, host, port):
    s = socket.socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((host, port))
    s.listen(1024)
    return s

def udp(family, host, port):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind((host, port))
    return s

def abstract():
    s = socket.socket(socket.AF_UNIX)
    s.bind("\0bryo-forbidden\0")
    s.listen(1024)
    return s

def main(path, port):
    traps = {"tcp4": tcp(socket.AF_INET, "127.0.0.1", port), "tcp6": tcp(socket.AF_INET6, "::1", port),
             "udp4": udp(socket.AF_INET, "127.0.0.1", port), "udp6": udp(socket.AF_INET6, "::1", port),
             "abstract": abstract()}
    waits = selectors.DefaultSelector()
    for name, s in traps.items():
        waits.register(s, selectors.EVENT_READ, name)
    print("ready", flush=True)
    with open(path, "a") as out:
        while True:
            for key, _ in waits.select():
                if key.data.startswith("udp"):
                    key.fileobj.recv(100)
                else:
                    key.fileobj.accept()[0].close()
                print(key.data, file=out, flush=True)

main(sys.argv[1], int(sys.argv[2]))
