#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times union file systems side by side, in turn, in one run: bryo-overlay, fuse-overlayfs, the
kernel's overlay. As an unprivileged user it goes into a user namespace of its own.

  overlay.py [-n ROUNDS] [-w FOLDER] [-c CASE,...] [--json FILE] NAME=PROGRAM... [kernel]

PROGRAM takes fuse-overlayfs' command line; "kernel" is the kernel's overlay. FOLDER (default: a
new one in the working folder) decides on what file system it is measured. The first NAME's time
is shown against each other's.
"""
import argparse, json, os, shutil, statistics, subprocess, sys, tarfile, tempfile, time, io, random

ap = argparse.ArgumentParser()
ap.add_argument('-n', type=int, default=5)
ap.add_argument('-w', default='.')
ap.add_argument('-c', default='')
ap.add_argument('--json', default='')
ap.add_argument('kinds', nargs='+')
ap.add_argument('--inside', action='store_true')
a = ap.parse_args()
if not a.inside:
    os.execvp('unshare', ['unshare', '-Urm' if os.getuid() else '-m', sys.executable, os.path.abspath(__file__),
                          '--inside'] + sys.argv[1:])
KINDS = dict(k.split('=', 1) if '=' in k else (k, '') for k in a.kinds)
only = set(filter(None, a.c.split(',')))
work = tempfile.mkdtemp(prefix='overlay-bench-', dir=a.w)
calls = os.path.join(work, 'overlay-calls')
subprocess.run(['cc', '-O2', '-o', calls, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'overlay-calls.c')],
               check=True)
results = {}


def sh(cmd, **kw):
    return subprocess.run(cmd, shell=True, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=600, **kw).stdout.decode(errors='replace')


def make_lower():
    """A source tree as git and grep meet it: 5,000 files in 250 folders, and one big file."""
    random.seed(1)
    low = os.path.join(work, 'lower')
    words = [f'word{i}' for i in range(2000)]
    for d in range(250):
        path = f'{low}/tree/{d % 10}/d{d}'
        os.makedirs(path)
        for f in range(20):
            with open(f'{path}/f{f}.c', 'w') as out:
                out.write(f'int f_{d}_{f}(int x) {{ return x + {f}; }}\n/* ' +
                          ' '.join(random.choices(words, k=300)) + ' */\n')
    with open(f'{low}/big', 'wb') as out:
        block = random.randbytes(1 << 20)
        for _ in range(512):
            out.write(block)
    os.makedirs(f'{low}/src')
    for i in range(40):
        with open(f'{low}/src/u{i}.c', 'w') as out:
            out.write('#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n' + ''.join(
                f'int u{i}_{j}(int x) {{ return printf("%d", x * {j}); }}\n' for j in range(40)))
    with open(f'{low}/src/Makefile', 'w') as out:
        out.write('O=$(patsubst %.c,%.o,$(wildcard *.c))\nall: $(O)\n\tld -r -o all.o $(O)\n%.o: %.c\n\tcc -O0 -c -o $@ $<\n')
    sh('git init -q . && git add -A && git -c user.name=x -c user.email=x@x commit -qm x', cwd=f'{low}/tree')
    with tarfile.open(f'{work}/small.tar', 'w') as tar:
        for i in range(10000):
            info = tarfile.TarInfo(f't/{i % 100}/{i}')
            data = f'{i}\n'.encode() * 50
            info.size = len(data)
            info.mtime = 1600000000
            tar.addfile(info, io.BytesIO(data))


class Mount:
    def __init__(self, kind):
        self.at = tempfile.mkdtemp(prefix=kind + '-', dir=work)
        for d in ('up', 'work', 'm'):
            os.mkdir(f'{self.at}/{d}')
        o = f'lowerdir={work}/lower,upperdir={self.at}/up,workdir={self.at}/work'
        if KINDS[kind]:
            sh(f'{KINDS[kind]} -o {o} {self.at}/m')
        else:
            sh(f'mount -t overlay overlay -o userxattr,{o} {self.at}/m')
        self.m = f'{self.at}/m'

    def remount(self, kind):
        sh(f'umount {self.m}')
        o = f'lowerdir={work}/lower,upperdir={self.at}/up,workdir={self.at}/work'
        sh(f'{KINDS[kind]} -o {o} {self.m}' if KINDS[kind] else f'mount -t overlay overlay -o userxattr,{o} {self.m}')

    def done(self):
        sh(f'umount {self.m}')
        shutil.rmtree(self.at)


def row(name, times, unit):
    med = {k: statistics.median(t) for k, t in times.items() if t}
    results[name] = {'median': med, 'unit': unit}
    first = next(iter(KINDS))
    out = [f'{name:14}'] + [f'{k} {v:.4g}{unit}' for k, v in med.items()]
    out += [f'{first}/{k} {med[first] / med[k]:.2f}' for k in med if k != first and med[k]]
    print('  '.join(out), flush=True)


def case(name, run, fresh=True, n=None):
    """run(mount) gives seconds, or does its work and is timed."""
    if only and name not in only:
        return
    times = {k: [] for k in KINDS}
    for i in range((n or a.n) + 1):
        for k in KINDS:
            m = Mount(k)
            try:
                start = time.perf_counter()
                r = run(m)
                took = time.perf_counter() - start if r is None else r
            finally:
                m.done()
            if i:
                times[k].append(took * 1e3)
    row(name, times, 'ms')


def timed(cmd, **kw):
    start = time.perf_counter()
    sh(cmd, **kw)
    return time.perf_counter() - start


def calls_case():
    if only and not only & {'stat', 'open', 'read', 'make'}:
        return
    times = {}
    for _ in range(3):
        for k in KINDS:
            m = Mount(k)
            os.mkdir(f'{m.m}/new')
            for line in sh(f'{calls} {m.m}/tree/1/d1/f1.c {m.m}/new').splitlines():
                what, ns = line.split()
                times.setdefault(what, {}).setdefault(k, []).append(float(ns) / 1e3)
            m.done()
    for what, t in times.items():
        row(what, t, 'us')


def untar_then(m, cmd=None):
    took = timed(f'tar xf {work}/small.tar -C {m.m}')
    return timed(cmd, cwd=m.m) if cmd else took


def twice(cmd, cwd):
    def run(m):
        sh(cmd, cwd=m.m + cwd)
        return timed(cmd, cwd=m.m + cwd)
    return run


def daemon_at(m):
    return int(sh(f'pgrep -f {m} | head -1'))


def each_daemon(lower):
    """Each program that is a daemon, with a mount of lower: name, folder, process."""
    for k, program in KINDS.items():
        if program:
            at = tempfile.mkdtemp(dir=work)
            for d in ('up', 'work', 'm'):
                os.mkdir(f'{at}/{d}')
            sh(f'{program} -o lowerdir={lower},upperdir={at}/up,workdir={at}/work {at}/m')
            yield k, f'{at}/m', daemon_at(f'{at}/m')
            sh(f'umount {at}/m')


def idle():
    """Processor time of the daemon while nothing is asked of it, and files are open as in a container."""
    if only and 'idle' not in only:
        return

    def ticks(pid):
        fields = open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()
        return int(fields[11]) + int(fields[12])
    for k, m, pid in each_daemon(f'{work}/lower'):
        with open(f'{m}/big') as _, open(f'{m}/log', 'w') as log:
            log.write('a line\n')
            log.flush()
            sh(f'find {m}/tree -newer {m}/big | wc -l')
            os.sync()  # nothing is left to be written back
            time.sleep(1)
            start = ticks(pid)
            time.sleep(30)
            used = ticks(pid) - start
        print(f'idle           {k} {used} ticks of 1/{os.sysconf("SC_CLK_TCK")} s in 30 s', flush=True)
        results['idle.' + k] = used


def memory():
    """Resident memory of the daemon with 100,000 files known, and after they are forgotten."""
    if only and 'memory' not in only:
        return
    many = os.path.join(work, 'many')
    for d in range(100):
        os.makedirs(f'{many}/{d}')
        for f in range(1000):
            open(f'{many}/{d}/file-{f}', 'w').close()

    def rss(pid):
        return int([l.split()[1] for l in open(f'/proc/{pid}/status') if l.startswith('VmRSS')][0])
    can_forget = os.access('/proc/sys/vm/drop_caches', os.W_OK)
    for k, m, pid in each_daemon(many):
        figures = {'start': rss(pid)}
        sh(f'find {m} -type f -size +1M')
        figures['full'] = rss(pid)
        text = f'{figures["start"]} kB, with 100000 files {figures["full"]} kB'
        if can_forget:  # of the whole machine
            open('/proc/sys/vm/drop_caches', 'w').write('2')
            time.sleep(2)
            figures['forgotten'] = rss(pid)
            text += f', forgotten {figures["forgotten"]} kB'
            sh(f'find {m} -type f -size +1M')
            figures['again'] = rss(pid)
            text += f', known again {figures["again"]} kB'
        print(f'memory         {k} {text}', flush=True)
        results['memory.' + k] = figures
    if not can_forget:
        print('memory         SKIPPED: forgetting needs root, who may write /proc/sys/vm/drop_caches', flush=True)


try:
    make_lower()
    print('# ' + sh(f'stat -f -c %T {work}').strip(), flush=True)
    calls_case()
    case('find', twice('find tree -type f | wc -l', ''))
    case('find.cold', lambda m: timed('find tree -type f -newer big | wc -l', cwd=m.m))
    case('ls-l', twice('ls -lR tree >/dev/null', ''))
    case('grep', twice('grep -r word1999 . >/dev/null', '/tree'))
    case('grep.cold', lambda m: timed('grep -r word1999 . >/dev/null', cwd=m.m + '/tree'))
    case('git-status', twice('git -c core.preloadindex=false -c safe.directory=* status --porcelain', '/tree'))
    case('build', lambda m: timed('make -j2 >/dev/null', cwd=m.m + '/src'), n=3)
    case('untar', lambda m: untar_then(m))
    case('rm-r', lambda m: untar_then(m, 'rm -r t'))
    case('rm-r.lower', lambda m: timed('rm -rf tree', cwd=m.m))
    case('write', lambda m: timed('dd if=/dev/zero of=new bs=1M count=512 2>/dev/null', cwd=m.m), n=3)
    case('write.sync', lambda m: timed('dd if=/dev/zero of=new bs=1M count=512 conv=fsync 2>/dev/null', cwd=m.m), n=3)
    case('read.cold', lambda m: timed('cat big >/dev/null', cwd=m.m), n=3)
    case('read', twice('cat big >/dev/null', ''), n=3)
    idle()
    memory()
finally:
    if a.json:
        json.dump(results, open(a.json, 'w'), indent=1)
    shutil.rmtree(work, ignore_errors=True)
