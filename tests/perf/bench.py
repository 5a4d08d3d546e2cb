#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times container engines with Podman's command line beside each other.

  bench.py [-n RUNS] [-c CASE,...] [-s SECONDS] [--json FILE] [NAME=COMMAND ...]

Without engines: bryo of this build, and podman if it is installed. Each case runs the engines
in turn, once more than RUNS; the first round warms up. Printed is a Markdown table of medians
and of the first engine's share of each other's time. docs/performance.md tells what the cases mean.

Runs as the user whose engine is to be measured: rootless for the figures that count. Where crun is
installed, `crun run` of a bundle of the same root file system stands beside start.none.

SECONDS (900) is the time for everything; a case that no longer fits is left out, by name.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIG_MB = 500


def run(command, timeout=120, stdout=subprocess.PIPE, quiet=False):
    """Seconds and output of one command, run without a shell where that serves."""
    shell = isinstance(command, str)
    begun = time.perf_counter()
    done = subprocess.run(command, shell=shell, stdin=subprocess.DEVNULL, stdout=stdout,
                          stderr=subprocess.PIPE, timeout=timeout)
    took = time.perf_counter() - begun
    if done.returncode and not quiet:
        text = done.stderr.decode(errors="replace").strip()[-200:]
        raise RuntimeError(f"exit status {done.returncode}: {text}")
    return took, (done.stdout or b"").decode(errors="replace")


class Bench:
    def __init__(self, args, engines, folder):
        self.args, self.engines, self.folder = args, engines, folder
        self.only = set(filter(None, args.cases.split(",")))
        self.end = time.monotonic() + args.seconds
        self.rows, self.left_out = [], []

    def wanted(self, name):
        if self.only and not any(name == o or name.startswith(o + ".") for o in self.only):
            return False
        if time.monotonic() > self.end:
            self.left_out.append(name)
            return False
        return True

    def row(self, name, values, failed, unit):
        medians = {e: statistics.median(v) for e, v in values.items() if v and e not in failed}
        self.rows.append({"case": name, "unit": unit, "median": medians, "failed": failed,
                          "runs": {e: len(v) for e, v in values.items()}})
        texts = [f"{e} {number(medians[e], unit)}" if e in medians else f"{e} failed: {failed.get(e, '?')}"
                 for e in values]
        print(f"  {name}: " + ", ".join(texts), file=sys.stderr, flush=True)

    def case(self, name, command, before="", after="", runs=None, extra=None):
        """Times command, in which @ stands for the engine; extra: further {name: command}."""
        if not self.wanted(name):
            return
        lines = {e: (b, command) for e, b in self.engines.items()}
        lines.update({e: ("", c) for e, c in (extra or {}).items()})
        values, failed = {e: [] for e in lines}, {}
        for turn in range((runs or self.args.runs) + 1):
            for e, (b, text) in lines.items():
                if e in failed or (turn > 1 and time.monotonic() > self.end):
                    continue
                try:
                    if before and b:
                        run(before.replace("@", b), quiet=True)
                    # What an engine still does behind its last command is not the next one's.
                    time.sleep(self.args.settle)
                    # A command without shell syntax is executed alone, so that no shell is timed.
                    plain = not re.search(r"[;|&()<>$*']", text)
                    took, _ = run(text.replace("@", b).split() if plain else text.replace("@", b),
                                  stdout=subprocess.DEVNULL, timeout=300)
                    if turn:
                        values[e].append(took * 1e3)
                    if after and b:
                        run(after.replace("@", b), quiet=True)
                except (RuntimeError, subprocess.TimeoutExpired, OSError) as problem:
                    failed[e] = str(problem)
        self.row(name, values, failed, "ms")

    def value(self, name, measure, unit, runs=3):
        if not self.wanted(name):
            return
        values, failed = {e: [] for e in self.engines}, {}
        for _ in range(runs):
            for e, b in self.engines.items():
                if e in failed:
                    continue
                try:
                    values[e].append(measure(b))
                except (RuntimeError, subprocess.TimeoutExpired, OSError, ValueError) as problem:
                    failed[e] = str(problem)
        self.row(name, values, failed, unit)

    def table(self):
        names = list(dict.fromkeys(e for r in self.rows for e in r["runs"]))
        if not names:
            return
        first = names[0]
        head = ["case"] + names + [f"{first} / {e}" for e in names[1:]]
        print("| " + " | ".join(head) + " |")
        print("|---|" + "---:|" * (len(head) - 1))
        for r in self.rows:
            cells = [f"`{r['case']}`"]
            for e in names:
                if e in r["median"]:
                    cells.append(number(r["median"][e], r["unit"]))
                else:
                    cells.append("failed" if e in r["failed"] else "")
            for e in names[1:]:
                a, b = r["median"].get(first), r["median"].get(e)
                cells.append(f"{a / b:.3f}" if a is not None and b else "")
            print("| " + " | ".join(cells) + " |")
        if self.left_out:
            print(f"\nLeft out for want of time: {', '.join(self.left_out)}")


def number(value, unit):
    if unit == "kB":
        return f"{value:,.0f} kB"
    return f"{value:,.1f} ms" if value < 1000 else f"{value:,.0f} ms"


def big_archive(path):
    """Some 500 MB of files as layers have them: many small, some large, half of it compressible."""
    import io
    import random
    import tarfile
    source = random.Random(1)
    words = [bytes(source.randrange(97, 123) for _ in range(source.randrange(3, 10))) for _ in range(4000)]
    with tarfile.open(path, "w") as tar:
        left, n = BIG_MB << 20, 0
        while left > 0:
            size = source.choice([700, 4000, 12000, 60000, 60000, 400000, 3000000])
            if n % 2:
                body = source.randbytes(size)
            else:
                body = b" ".join(source.choices(words, k=size // 7 + 1))[:size]
            info = tarfile.TarInfo(f"usr/share/big/{n % 97}/{n}")
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
            left, n = left - size, n + 1


def with_busybox(big, rootfs, out):
    """The big archive with a root file system in front, so that a container can run from it."""
    shutil.copyfile(rootfs, out)
    run(["tar", "-A", "-f", out, big])


def held_by(pid):
    """Pss; for a process that lets nobody look (bryo-monitor) all it has mapped, shared or not."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            return int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1))
    except PermissionError:
        with open(f"/proc/{pid}/status") as f:
            return sum(map(int, re.findall(r"^Rss(?:Anon|File):\s+(\d+)", f.read(), re.M)))


def idle_memory(engine):
    """kB (Pss) of what the engine leaves running for one idle container, its payload aside."""
    _, out = run(f"{engine} run -d --name bench-idle tiny sleep 1000")
    try:
        time.sleep(3)           # idle: what starting up needed has been given back
        total = 0
        base = os.path.basename(engine.split()[0])
        # Another engine's pause process may still be there.
        helpers = (base,) if base == "bryo" else (
            base, "conmon", "pasta", "slirp4netns", "rootlessport", "aardvark", "catatonit",
            "fuse-overlayfs")
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.stat(f"/proc/{pid}").st_uid != os.getuid():
                    continue
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    line = f.read().replace(b"\0", b" ").decode(errors="replace")
                with open(f"/proc/{pid}/comm") as f:
                    comm = f.read().strip()
                program = os.path.basename(line.split(" ")[0].rstrip(":"))
                if not any(program.startswith(h) or comm.startswith(h) for h in helpers):
                    continue
                total += held_by(pid)
            except (OSError, AttributeError):
                continue        # it ended, or is not ours to look at
        if not total:
            raise RuntimeError("no process of the engine found")
        return total
    finally:
        run(f"{engine} rm -f -t 0 bench-idle", quiet=True)


def installed_size(engine):
    """kB of the programs of an engine and of the helpers that it runs."""
    program = shutil.which(engine.split()[0])
    if not program:
        raise RuntimeError("not found")
    if os.path.basename(program) == "bryo":
        folder = os.path.dirname(program)
        files = [os.path.join(folder, f) for f in os.listdir(folder) if f.startswith("bryo")]
        libexec = os.path.join(os.path.dirname(folder), "libexec", "bryo")
        if os.path.isdir(libexec):
            files += [os.path.join(libexec, f) for f in os.listdir(libexec)]
        total = 0
        for f in files:         # as `make install` strips them
            with tempfile.NamedTemporaryFile() as copy:
                if subprocess.run(["strip", "-o", copy.name, f], stderr=subprocess.DEVNULL).returncode:
                    total += os.path.getsize(f)
                else:
                    total += os.path.getsize(copy.name)
        return total / 1024
    helpers = ["conmon", "crun", "pasta", "netavark", "aardvark-dns", "rootlessport", "catatonit", "quadlet"]
    files = [program]
    for h in helpers:
        for folder in ("/usr/bin", "/usr/libexec/podman", "/usr/lib/podman"):
            path = os.path.join(folder, h)
            if os.path.exists(path):
                files.append(os.path.realpath(path))
                break
    return sum(os.path.getsize(f) for f in set(files)) / 1024


def crun_bundle(folder, rootfs):
    """A rootless bundle for `crun run`, the bare sandbox beside which start.none stands."""
    bundle = os.path.join(folder, "bundle")
    os.makedirs(os.path.join(bundle, "rootfs"))
    run(["tar", "-C", os.path.join(bundle, "rootfs"), "-xf", rootfs, "--no-same-owner",
         "--exclude=./home", "--exclude=./data"], quiet=True)
    run(f"cd {bundle} && crun spec --rootless")
    path = os.path.join(bundle, "config.json")
    with open(path) as f:
        config = json.load(f)
    config["process"].update(terminal=False, args=["true"])
    config["root"]["readonly"] = False
    with open(path, "w") as f:
        json.dump(config, f)
    return f"crun run --bundle {bundle} bench-crun"


def prepare(bench, rootfs, big):
    for engine in bench.engines.values():
        for image, tar in (("tiny", rootfs), ("big", big)):
            if tar:
                run(f"{engine} image exists {image} || {engine} import -q {tar} {image}", timeout=600)


def cases(bench, big):
    extra = {}
    if shutil.which("crun") and bench.wanted("start.none"):
        extra["crun run"] = crun_bundle(bench.folder, os.path.join(bench.folder, "rootfs.tar"))
    rest = "--network=none tiny"
    bench.case("start.none", f"@ run --rm {rest} true", extra=extra)
    bench.case("start.host", "@ run --rm --network=host tiny true")
    bench.case("start.default", "@ run --rm tiny true")
    bench.case("create", "@ create --name bench-c tiny true", after="@ rm -f bench-c")
    bench.case("detach", f"@ run -d --name bench-d {rest} sleep 1000", after="@ rm -f -t 0 bench-d")
    bench.case("rm", "@ rm -f -t 0 bench-r", before=f"@ run -d --name bench-r {rest} sleep 1000")
    bench.case("exec", "@ exec bench-e true",
               before=f"@ container exists bench-e || @ run -d --name bench-e {rest} sleep 1000")
    for engine in bench.engines.values():
        run(f"{engine} rm -f -t 0 bench-e", quiet=True)
    bench.case("ps.100", "@ ps -a", runs=max(3, bench.args.runs // 2),
               before="n=$(@ ps -aq | wc -l); while [ $n -lt 100 ]; do @ create tiny true; n=$((n+1)); done")
    for engine in bench.engines.values():
        if bench.wanted("ps.100"):
            run(f"{engine} rm -af -t 0", quiet=True, timeout=600)
    bench.case("serial20", f"i=0; while [ $i -lt 20 ]; do @ run --rm {rest} true; i=$((i+1)); done", runs=3)
    bench.case("parallel20", f"i=0; while [ $i -lt 20 ]; do @ run --rm {rest} true & i=$((i+1)); done; wait", runs=3)
    bench.value("memory.idle", idle_memory, "kB")
    bench.value("installed", installed_size, "kB", runs=1)
    bench.case("logs.200MB", f"@ run --rm {rest} sh -c 'yes 0123456789012345678901234567890123456789 | head -c 200000000'",
               runs=2)
    if big:
        out = os.path.join(bench.folder, "save.tar")
        # A layer that neither engine has: the second import of one is not unpacked by either.
        new, mark = os.path.join(bench.folder, "new.tar"), os.path.join(bench.folder, "mark")
        bench.case("import.big", f"@ import -q {new} bench-i", after=f"@ rmi -f bench-i; rm {new}", runs=2,
                   before=f"cp {big} {new}; date +%N >{mark}; tar -rf {new} -C {bench.folder} mark; sync {new}")
        bench.case("import.again", f"@ import -q {big} bench-i", after="@ rmi -f bench-i", runs=2)
        bench.case("save.big", f"@ save -q -o {out} big", before=f"rm -f {out}", runs=2)
        bench.case("load.big", f"@ load -q -i {out}", before="@ rmi -f big; true", runs=2)
        bench.case("run.big", "@ run --rm --network=none big true", runs=5)
        if os.environ.get("BENCH_REGISTRY"):
            ref = os.environ["BENCH_REGISTRY"] + "/big:latest"
            bench.case("pull.big", f"@ pull -q --tls-verify=false {ref}", before=f"@ rmi -f {ref}; true", runs=2)


def clean(bench):
    for engine in bench.engines.values():
        run(f"{engine} rm -af -t 0; {engine} rmi -f tiny big bench-i; true", quiet=True, timeout=600)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--runs", type=int, default=11)
    parser.add_argument("-c", "--cases", default="", help="only these, by name or by the part before the dot")
    parser.add_argument("--settle", type=float, default=0.3, metavar="SECONDS", help="pause before each run")
    parser.add_argument("-s", "--seconds", type=int, default=900)
    parser.add_argument("--json", default="")
    parser.add_argument("--no-big", action="store_true", help="leave out the image of 500 MB")
    parser.add_argument("--keep", action="store_true", help="keep the images for a next run")
    parser.add_argument("engines", nargs="*", metavar="NAME=COMMAND")
    args = parser.parse_args()
    engines = dict(e.split("=", 1) for e in args.engines)
    if not engines:
        engines["bryo"] = os.environ.get("BRYO") or os.path.join(TOP, ".build/release/bin/bryo")
        if shutil.which("podman"):
            engines["podman"] = "podman"
    folder = tempfile.mkdtemp(prefix="bryo-bench.", dir=os.environ.get("TMPDIR", "/var/tmp"))
    bench = Bench(args, engines, folder)
    try:
        rootfs = os.path.join(folder, "rootfs.tar")
        run([os.path.join(TOP, "tests/lib/make-rootfs"), rootfs])
        big = ""
        if not args.no_big and any(bench.wanted(c) for c in
                                   ("import.big", "import.again", "save.big", "load.big", "run.big", "pull.big")):
            plain, big = os.path.join(folder, "plain.tar"), os.path.join(folder, "big.tar")
            big_archive(plain)
            with_busybox(plain, rootfs, big)
            os.unlink(plain)
        prepare(bench, rootfs, big)
        cases(bench, big)
    finally:
        if not args.keep:
            clean(bench)
        shutil.rmtree(folder, ignore_errors=True)
    bench.table()
    if args.json:
        with open(args.json, "w") as f:
            json.dump(bench.rows, f, indent=1)


if __name__ == "__main__":
    main()
