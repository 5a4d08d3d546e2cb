#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The network of a container beside the host's own and beside other engines, as an unprivileged user.

  network.py [-n RUNS] [-s SECONDS] [-c CASE,...] NAME=COMMAND [NAME=COMMAND ...]

COMMAND is "ENGINE [FLAG...]": an engine with Podman's command line and flags for its `run`, for example
    bryo=/usr/bin/bryo  stack="/usr/bin/bryo --network=slirp:fast=off"  pasta="podman --network=pasta"
Each case runs the host itself and then all engines in turn; printed are medians, and each one's ratio to the host.
Servers and clients outside stand at this host's own address; the programs are the host's (iperf3) and net-calls.c.

  out, out8, in, in8   iperf3, 1 and 8 streams, the container is the client; "in": it receives (Gbit/s)
  pub, pub-in          a client on the host and a server in the container, on a published port (Gbit/s)
  connect, pub-connect socket, connect, close (microseconds)
  ask                  a byte there and back (microseconds)
  start                a container that runs true; the host's figure is --network=none of the first engine (ms)
"""
import argparse, json, os, shlex, shutil, socket, statistics, subprocess, sys, tempfile, time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument('-n', type=int, default=3)
parser.add_argument('-s', type=float, default=2)
parser.add_argument('-c', default='out,out8,in,in8,pub,pub-in,connect,pub-connect,ask,start')
parser.add_argument('engines', nargs='+')
args = parser.parse_args()
engines = {name: shlex.split(command) for name, command in (e.split('=', 1) for e in args.engines)}
here = os.path.dirname(os.path.abspath(__file__))
work = tempfile.mkdtemp(prefix='network-')
os.chmod(work, 0o755)
programs = ['-v', '/usr:/usr:ro', '-v', '/usr/lib:/lib:ro', '-v', '/usr/lib64:/lib64:ro', '-v', f'{work}:/w:ro']


def sh(command, timeout=120):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, text=True)


def own_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(('192.0.2.254', 9))  # sends nothing: the route decides
        return s.getsockname()[0]


def free_port():
    with socket.socket() as s:
        s.bind(('', 0))
        return s.getsockname()[1]


def run(name, command, extra=()):
    """The command line that runs this as the host (name None) or in a container of an engine."""
    if name is None:
        return [c.replace('/w/', work + '/') for c in command]
    engine = engines[name]
    return [engine[0], 'run', '--rm', *engine[1:], *extra, *programs, 'tiny', *command]


def wait_port(address, port):
    for _ in range(200):
        with socket.socket() as s:
            s.settimeout(1)
            try:
                s.connect((address, port))
                return
            except OSError:
                time.sleep(0.05)
    raise RuntimeError(f'nobody listens at {address}:{port}')


class Server:
    def __init__(self, command, address, port, stop=None):
        self.stop, self.process = stop, subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_port(address, port)
            time.sleep(0.3)
        except RuntimeError:
            self.close()
            raise

    def close(self):
        if self.stop:
            sh(self.stop)
        self.process.terminate()
        self.process.wait()


def gbits(result):
    data = json.loads(result.stdout)
    if 'error' in data:
        raise RuntimeError(data['error'])
    return data['end']['sum_received']['bits_per_second'] / 1e9


def iperf(address, port, flags):
    return ['iperf3', '-J', '-c', address, '-p', str(port), '-t', str(args.s), *flags]


def number(result):
    if result.returncode:
        raise RuntimeError(result.stderr.strip()[-160:])
    return float(result.stdout)


def outward(flags):
    def measure(name):
        return gbits(sh(run(name, iperf(address, iperf_port, flags))))
    return measure


def published(command, inside, client):
    """A server on a port of the container that is published, and a client outside."""
    def measure(name):
        port = free_port()
        where = f'bench-net-{os.getpid()}'
        if name is None:
            server = Server(run(None, command(port)), address, port)
        else:
            server = Server(run(name, command(inside), ['-p', f'{port}:{inside}', '--name', where]), address, port,
                            [engines[name][0], 'rm', '-f', '-t', '0', where])
        try:
            return client(port)
        finally:
            server.close()
    return measure


def iperf_server(port):
    return ['iperf3', '-s', '-p', str(port)]


def byte_server(port):
    return ['/w/net-calls', 'serve', '0.0.0.0', str(port)]


def calls(verb, port, count):
    return ['/w/net-calls', verb, address, str(port), str(count)]


def start(name):
    first = next(iter(engines))
    times = []
    for _ in range(5):
        before = time.perf_counter()
        command = [engines[first][0], 'run', '--rm', '--network=none'] if name is None else [engines[name][0], 'run', '--rm', *engines[name][1:]]
        result = sh([*command, 'tiny', 'true'])
        if result.returncode:
            raise RuntimeError(result.stderr.strip()[-160:])
        times.append((time.perf_counter() - before) * 1e3)
    return statistics.median(times)


address, iperf_port, byte_port = own_address(), free_port(), free_port()
cases = {
    'out': ('Gbit/s', outward([])), 'out8': ('Gbit/s', outward(['-P', '8'])),
    'in': ('Gbit/s', outward(['-R'])), 'in8': ('Gbit/s', outward(['-R', '-P', '8'])),
    'pub': ('Gbit/s', published(iperf_server, 5201, lambda port: gbits(sh(iperf(address, port, []))))),
    'pub-in': ('Gbit/s', published(iperf_server, 5201, lambda port: gbits(sh(iperf(address, port, ['-R']))))),
    'connect': ('us', lambda name: number(sh(run(name, calls('connect', byte_port, 3000))))),
    'pub-connect': ('us', published(byte_server, 7000, lambda port: number(sh(run(None, calls('connect', port, 3000)))))),
    'ask': ('us', lambda name: number(sh(run(name, calls('ask', byte_port, 5000))))),
    'start': ('ms', start),
}


def measure_case(case):
    unit, measure = cases[case]
    figures, bad = {name: [] for name in (None, *engines)}, {}
    for _ in range(args.n):
        for name in figures:
            if name in bad:
                continue
            try:
                figures[name].append(measure(name))
            except Exception as e:
                bad[name] = str(e).strip()[-160:] or type(e).__name__
    host = statistics.median(figures[None]) if figures[None] else 0
    words = [f'{case:12} host {host:.1f} {unit}']
    for name in engines:
        if name in bad or not figures[name]:
            words.append(f'{name} FAILED ({bad.get(name)})')
        else:
            value = statistics.median(figures[name])
            words.append(f'{name} {value:.1f} ({value / host:.2f})' if host else f'{name} {value:.1f}')
    print('  '.join(words), flush=True)


def main():
    for engine in {e[0] for e in engines.values()}:
        if sh([engine, 'image', 'exists', 'tiny']).returncode:
            archive = f'{work}/rootfs.tar'
            if not os.path.exists(archive):
                subprocess.run([os.environ.get('BENCH_MAKE_ROOTFS', f'{here}/../lib/make-rootfs'), archive], check=True)
            subprocess.run([engine, 'import', archive, 'tiny'], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run(['cc', '-O2', '-static', '-o', f'{work}/net-calls', f'{here}/net-calls.c'], check=True)
    servers = [Server(['iperf3', '-s', '-p', str(iperf_port)], address, iperf_port),
               Server([f'{work}/net-calls', 'serve', '0.0.0.0', str(byte_port)], address, byte_port)]
    try:
        for case in args.c.split(','):
            measure_case(case)
    finally:
        for server in servers:
            server.close()
        shutil.rmtree(work)


sys.exit(main())
