#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes cli/hot.ld anew: the order in which the linker lays out the code of bryo that starts,
enters and lists containers. docs/decisions/0011 tells why.

  tests/perf/hot-order.py [--work FOLDER]

Run it on Debian 12, from the top of a built tree, as a user whose rootless bryo works (`bryo
unshare true` was run) and that has an image "tiny" with a command `true`. It links bryo once more
to get the linker's map, steps through some commands (two minutes), and puts the code they ran in
four groups: what all processes need first, then what only the command, the monitor, or the
container's first process needs, so that each touches few pages. What it names and a linker does not
find is left out without a word: another libc costs speed, not correctness.
"""
import argparse
import bisect
import collections
import os
import re
import subprocess
import sys
import tempfile

BRYO = ".build/release/bin/bryo"
CASES = [
    ["run", "--rm", "--network=none", "tiny", "true"],
    ["run", "--rm", "tiny", "true"],
    ["exec", "hot-order", "true"],
    ["ps", "-a"],
]
# What monitor and holder run between giving their pages back and sleeping: pages that stay.
IDLE = (["*(%s)" % " ".join(".text.%s .text.%s.*" % (f, f) for f in (
    "pages_give_back", "drop_segments", "drop_stack", "trim", "run_timers", "next_timeout", "earlier",
    "monitor_run", "monitor_touch", "clients_sweep", "loop_once", "sweep", "time_monotonic", "holder_main"))]
        + ["*libc.a:%s.o(.text)" % o for o in (
            "dl-iteratephdr", "madvise", "epoll_wait", "pause", "close", "clock_gettime", "pthread_mutex_lock",
            "pthread_mutex_unlock", "cancellation")])
HEADER = """/* SPDX-License-Identifier: Apache-2.0 */
/* Made by tests/perf/hot-order.py: see docs/decisions/0011. What is not found is left out. */
SECTIONS
{
\t.text.hot_first :
\t{
"""
FOOTER = """\t}
}
INSERT BEFORE .text;
"""


def read_map(path):
    """Input sections of code: (address, size, section, file)."""
    found, name = [], None
    for line in open(path, encoding="utf-8", errors="replace"):
        m = re.match(r" (\.text\S*)?\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S.*)$", line)
        if m and (m[1] or name):
            found.append((int(m[2], 16), int(m[3], 16), m[1] or name, m[4].strip()))
        m = re.match(r" (\.text\S*)$", line)
        name = m[1] if m else None
    return sorted(s for s in found if s[0] and s[1])


def pattern(section, origin):
    """How a linker script names an input section."""
    m = re.search(r"(lib[^/]+\.a)\(([^)]+)\)$", origin)
    if m:
        return f"*{m[1]}:{m[2]}({section})"
    if section == ".text":
        return f"*{os.path.basename(origin)}(.text)"
    # A compiler's clones bear suffixes that the next compiler numbers otherwise.
    plain = re.sub(r"\.(isra|part|constprop|cold)(\.\d+)*.*$", "", section)
    return f"*({plain} {plain}.*)"


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    args.add_argument("--work", help="a folder that the user can write (default: a temporary one)")
    work = args.parse_args().work or tempfile.mkdtemp()
    program, stepper = os.path.abspath(BRYO), f"{work}/hot-functions"
    subprocess.run(["rm", "-f", BRYO], check=True)
    subprocess.run(["make", "-s", f"LDFLAGS=-Wl,-Map,{work}/map", BRYO], check=True)
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", stepper, "tests/perf/hot-functions.c"], check=True)
    ran = collections.Counter()
    subprocess.run([program, "run", "-d", "--name=hot-order", "--network=none", "tiny", "sleep", "1000"],
                   stdout=subprocess.DEVNULL, check=True)
    for case in CASES:
        print("bryo " + " ".join(case), file=sys.stderr)
        subprocess.run([stepper, f"{work}/ran", program, *case], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([program, "rm", "-f", "-t", "0", "hot-order"], stdout=subprocess.DEVNULL, check=True)
    for line in open(f"{work}/ran", encoding="utf-8"):
        address, roles = (int(word, 16) for word in line.split())
        ran[address] |= roles

    sections = read_map(f"{work}/map")
    begins = [s[0] for s in sections]
    roles, blocks = collections.Counter(), collections.Counter()
    for address, role in ran.items():
        for at in (address, address + 15):
            i = bisect.bisect_right(begins, at) - 1
            if i >= 0 and at < sections[i][0] + sections[i][1]:
                roles[i] |= role
                blocks[i] += 1
    lines, size = collections.defaultdict(dict), 0
    for i in sorted(roles):
        _, length, section, origin = sections[i]
        # Of large ones that hardly run, most would only lie in the way.
        if length > 2048 and blocks[i] * 8 < length // 16:
            continue
        size += length
        group = {1: 1, 2: 2, 4: 3}.get(roles[i], 0)
        lines[group][pattern(section, origin)] = True
    with open("cli/hot.ld", "w", encoding="utf-8") as f:
        f.write(HEADER)
        f.write("\t\t/* idling */\n")
        f.writelines(f"\t\t{line}\n" for line in IDLE)
        for group, name in enumerate(["several", "the command", "the monitor", "the container's first process"]):
            f.write(f"\t\t/* {name} */\n")
            f.writelines(f"\t\t{line}\n" for line in lines[group])
        f.write(FOOTER)
    print(f"{sum(map(len, lines.values()))} sections, {size} bytes of code", file=sys.stderr)


if __name__ == "__main__":
    main()
