#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes hostile archives for tests/rootless/hostile.bats.

  hostile.py CANARY FOLDER    one tar a trick, in FOLDER; each tries to change the file CANARY

Names of the archives tell the trick. Those that start with "bad-" are no archives at all and must be
refused; the others may be refused or unpacked, as long as CANARY stays as it is.
"""
import io
import os
import struct
import sys
import tarfile

canary, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
EVIL = b"evil\n"


def member(name, kind=tarfile.REGTYPE, link="", data=EVIL, mode=0o644, **pax):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    info.size = len(data) if kind == tarfile.REGTYPE else 0
    info.pax_headers = pax
    return info, data


def archive(name, *members, fmt=tarfile.GNU_FORMAT):
    with tarfile.open(os.path.join(folder, name + ".tar"), "w", format=fmt) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data) if info.isreg() else None)


def raw(name, data):
    with open(os.path.join(folder, name + ".tar"), "wb") as f:
        f.write(data)


where = os.path.dirname(canary)
base = os.path.basename(canary)
up = "../" * 40 + canary.lstrip("/")

archive("dotdot", member(up))
archive("absolute", member(canary))
archive("dotdot-inside", member("a/b/../../../../" + "../" * 30 + canary.lstrip("/")))
archive("symlink-file", member("link", tarfile.SYMTYPE, canary), member("link"))
archive("symlink-dir", member("dir", tarfile.SYMTYPE, where), member("dir/" + base))
archive("symlink-dotdot", member("dir", tarfile.SYMTYPE, "../" * 40 + where.lstrip("/")),
        member("dir/" + base))
archive("symlink-chain", member("a", tarfile.SYMTYPE, "b"), member("b", tarfile.SYMTYPE, "/"),
        member("a/" + canary.lstrip("/")))
archive("symlink-root", member(".", tarfile.SYMTYPE, "/"), member("./" + canary.lstrip("/")))
archive("dir-replaced", member("d", tarfile.DIRTYPE, mode=0o755), member("d", tarfile.SYMTYPE, where),
        member("d/" + base))
archive("hardlink-absolute", member("hard", tarfile.LNKTYPE, canary), member("hard"))
archive("hardlink-dotdot", member("hard", tarfile.LNKTYPE, up), member("hard"))
archive("hardlink-symlink", member("s", tarfile.SYMTYPE, canary), member("hard", tarfile.LNKTYPE, "s"),
        member("hard"))
archive("whiteout-dotdot", member("../" * 40 + where.lstrip("/") + "/.wh." + base, data=b""))
archive("whiteout-symlink", member("d", tarfile.SYMTYPE, where), member("d/.wh." + base, data=b""))
archive("whiteout-opaque", member("d", tarfile.SYMTYPE, where), member("d/.wh..wh..opq", data=b""))
archive("whiteout-slash", member(".wh.", data=b""), member(".wh...", data=b""), member(".wh..", data=b""))
archive("chmod-symlink", member("l", tarfile.SYMTYPE, canary, mode=0o777))
archive("pax-path", member("harmless", path=up), fmt=tarfile.PAX_FORMAT)
archive("pax-linkpath", member("l", tarfile.LNKTYPE, "x", linkpath=canary), member("l"), fmt=tarfile.PAX_FORMAT)
archive("xattr", member("x", **{"SCHILY.xattr.user.overlay.redirect": "/etc",
                                "SCHILY.xattr.user.overlay.opaque": "y",
                                "SCHILY.xattr.trusted.overlay.redirect": where}), fmt=tarfile.PAX_FORMAT)
archive("xattr-dir", member("data", tarfile.DIRTYPE, mode=0o755,
                            **{"SCHILY.xattr.user.overlay.redirect": where}), fmt=tarfile.PAX_FORMAT)
archive("names", member("a" * 255), member("new\nline"), member("\x1b[31mred"), member("bad\xff\udcff"),
        member("/".join(["deep"] * 60)))
archive("devices", member("dev/null", tarfile.CHRTYPE), member("dev/sda", tarfile.BLKTYPE),
        member("fifo", tarfile.FIFOTYPE))
archive("twice", *[member("same") for _ in range(1000)])
archive("empty")

# ---- What is no archive ----

with tarfile.open(os.path.join(folder, "tmp"), "w") as t:
    info, data = member("file", data=b"x" * 5000)
    t.addfile(info, io.BytesIO(data))
with open(os.path.join(folder, "tmp"), "rb") as f:
    good = f.read()
os.unlink(os.path.join(folder, "tmp"))


def header(size_field, checksum=True, typeflag=b"0", name=b"f"):
    block = bytearray(512)
    block[0:len(name)] = name
    block[100:108] = b"0000644\0"
    block[108:116] = block[116:124] = b"0000000\0"
    block[124:136] = size_field
    block[136:148] = b"00000000000\0"
    block[156:157] = typeflag
    block[257:265] = b"ustar\00000"
    block[148:156] = b" " * 8
    if checksum:
        block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


raw("bad-cut-in-data", good[:2000])
raw("bad-cut-in-header", good[:300])
raw("bad-checksum", good[:148] + b"0000000\0" + good[156:])
raw("bad-size-huge", header(b"77777777777\0") + b"x" * 512)
raw("bad-size-base256", header(b"\x80" + struct.pack(">3xQ", 2 ** 63 - 1)) + b"x" * 512)
raw("bad-size-negative", header(b"\xff" * 12) + b"x" * 512)
raw("bad-size-letters", header(b"notanumber!\0") + b"x" * 512)
raw("bad-pax-length", header(b"00000000020\0", typeflag=b"x") + b"99999999 path=x\n".ljust(512, b"\0") +
    header(b"00000000000\0"))
raw("bad-pax-huge", header(b"37777777777\0", typeflag=b"x") + b"x" * 2048)
raw("bad-longname-huge", header(b"37777777777\0", typeflag=b"L") + b"x" * 2048)
raw("bad-noise", bytes((i * 7919 + i // 251) % 256 for i in range(20000)))
raw("bad-gzip-cut", __import__("gzip").compress(good)[:-20])
raw("bad-zstd-head", b"\x28\xb5\x2f\xfd" + b"\xff" * 200)
