"""A host and the outside, two network namespaces with a link between them, and minato in the host."""
import contextlib
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from daemon import Daemon

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MINATO_BUILD", ROOT / "build"))
MINATO = BUILD / "minato"
# In front of a command: nobody, without any right.
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
numbers = itertools.count()


def heed_signals():
    """Whoever starts the tests in the background (nohup, `&` of a script) may have them ignored, and children inherit that."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def run(*words, **options):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, **options)


def checked(*words, **options):
    done = run(*words, **options)
    assert done.returncode == 0, f"{' '.join(map(str, words))}: {done.stderr or done.stdout}"
    return done.stdout


@contextlib.contextmanager
def inside(namespace):
    """Sockets that are made in the block belong to the namespace; they may be used after it."""
    result = []

    def enter(function):
        fd = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
        try:
            os_setns(fd)
        finally:
            os.close(fd)
        result.append(function())

    def call(function):
        thread = threading.Thread(target=enter, args=(function,))
        thread.start()
        thread.join()
        return result.pop()

    yield call


def os_setns(fd):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def wait_until_up(*ends):
    """Until then the kernel drops what is sent, without a word. Give the ends of a link different indexes: else they count as one
    device that stands alone, and are left without a queue for up to a second (net/core/link_watch.c, linkwatch_urgent_event)."""
    for namespace, interface in ends:
        end = time.monotonic() + 5
        while "state UP" not in checked("ip", "-n", namespace, "link", "show", interface):
            assert time.monotonic() < end, f"{interface} does not come up"
            time.sleep(0.005)


class World:
    """host (10.77.0.1, 2001:db8:77::1) -- outside (10.77.0.2, .3, .66, 2001:db8:77::2)"""
    HOST, FRIEND, OTHER = "10.77.0.1", "10.77.0.2", "10.77.0.66"
    HOST6, FRIEND6, OTHER6 = "2001:db8:77::1", "2001:db8:77::2", "2001:db8:77::66"

    def __init__(self):
        name = f"mnr-{os.getpid()}-{next(numbers)}"
        self.host, self.outside = name + "h", name + "o"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="minato-rules-"))
        self.policy = self.folder / "policy.yaml"
        self.processes, self.sockets = [], []
        for namespace in (self.host, self.outside):
            checked("ip", "netns", "add", namespace)
            checked("ip", "-n", namespace, "link", "set", "lo", "up")
        checked("ip", "link", "add", "eth0", "netns", self.host, "index", "20", "type", "veth", "peer", "name", "eth1", "netns",
                self.outside)
        self.address(self.host, "eth0", f"{self.HOST}/24", f"{self.HOST6}/64")
        self.address(self.outside, "eth1", *(f"{a}/24" for a in (self.FRIEND, self.OTHER)),
                     *(f"{a}/64" for a in (self.FRIEND6, self.OTHER6)))
        wait_until_up((self.host, "eth0"), (self.outside, "eth1"))

    @staticmethod
    def address(namespace, interface, *addresses):
        for address in addresses:
            flags = ["nodad"] if ":" in address else []
            checked("ip", "-n", namespace, "addr", "add", address, "dev", interface, *flags)
        checked("ip", "-n", namespace, "link", "set", interface, "up")

    def remove(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for each in self.sockets:
            each.close()
        for namespace in (self.host, self.outside):
            run("ip", "netns", "del", namespace)
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- minato in the host ----

    def environment(self, **more):
        return {**os.environ, "MINATO_RULES_DIRECTORY": str(self.folder / "rules"),
                "MINATO_RUNTIME_DIRECTORY": "/nonexistent", "MINATO_GUARD_DIRECTORY": "/nonexistent", "MINATO_WATCH_SECONDS": "0",
                "LANG": "C.UTF-8", **more}

    def daemon(self, *options, **more):
        """minatod in the host, with the record of these rules; not started yet."""
        return Daemon("--rules-directory", self.folder / "rules", "--policy", self.policy, *options, observe=False,
                      before=["nsenter", f"--net=/run/netns/{self.host}"], **more)

    def words(self, *words):
        return ["ip", "netns", "exec", self.host, MINATO, "--policy", self.policy, *words]

    def minato(self, *words, **more):
        """The command as a job without a terminal. @return it when it has ended."""
        return run(*self.words(*words), env=self.environment(**more), stdin=subprocess.DEVNULL)

    def declare(self, text):
        self.policy.write_text(text)

    def apply(self, text=None, *words, code=0, **more):
        if text is not None:
            self.declare(text)
        done = self.minato("apply", *words, **more)
        assert done.returncode == code, done.stderr + done.stdout
        return done

    def hold(self, text, *words):
        """The policy as confirmed rules, without going through a login."""
        self.apply(text, "--unproven", *words)
        number = self.candidate()
        if number is None:
            return
        chains = self.nft("list", "table", "inet", "minato")
        out = f"goto g{number}-out" if f"chain g{number}-out " in chains else "accept"
        self.nft("flush map inet minato candidate; flush map inet minato candidate-out; "
                 "flush map inet minato confirmed; flush map inet minato confirmed-out; "
                 f"add element inet minato confirmed {{ ipv4 : goto g{number}-in, ipv6 : goto g{number}-in }}; "
                 f"add element inet minato confirmed-out {{ ipv4 : {out}, ipv6 : {out} }}")
        self.minato("restore")  # brings the record up to what the kernel does

    # ---- the kernel ----

    def nft(self, *words):
        return checked("ip", "netns", "exec", self.host, "nft", *words)

    def listing(self):
        """Without what comes and goes by itself: elements of sets that time out."""
        text, kept, comes = [], True, False
        for line in self.nft("-s", "list", "ruleset").splitlines():
            if line.startswith("\tset ") or line.startswith("\tmap "):
                comes = False
            comes = comes or (line.startswith("\t\tflags ") and "timeout" in line)
            kept = kept and not (comes and line.startswith("\t\telements = "))
            if kept:
                text.append(line)
            kept = kept or line.endswith("}")
        return "\n".join(text)

    def target(self, name):
        done = run("ip", "netns", "exec", self.host, "nft", "-j", "list", "map", "inet", "minato", name)
        if done.returncode != 0:
            return None
        for item in json.loads(done.stdout)["nftables"]:
            for _, verdict in item.get("map", {}).get("elem", []):
                return int(verdict["goto"]["target"][1:].split("-")[0])
        return None

    def candidate(self):
        return self.target("candidate")

    def confirmed(self):
        return self.target("confirmed")

    # ---- packets ----

    def listen(self, port, protocol="tcp", address="::", namespace=None, backlog=64):
        """A server that takes connections, as many as its backlog; datagrams it answers with their own bytes."""
        kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM

        def make():
            server = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind((address, port))
            if protocol == "tcp":
                server.listen(backlog)
            return server

        with inside(namespace or self.host) as call:
            server = call(make)
        self.sockets.append(server)
        if protocol == "udp":
            threading.Thread(target=echo, args=(server,), daemon=True).start()
        return server

    def connect(self, port, source=None, target=None, timeout=0.4):
        """A TCP connection from the outside; None when nothing answers, False when it is refused."""
        source = source or self.FRIEND
        target = target or (self.HOST6 if ":" in source else self.HOST)

        def make():
            client = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, socket.SOCK_STREAM)
            client.settimeout(timeout)
            client.bind((source, 0))
            try:
                client.connect((target, port))
                return client
            except ConnectionRefusedError:
                client.close()
                return False
            except OSError:
                client.close()
                return None

        with inside(self.outside) as call:
            client = call(make)
        if client:
            self.sockets.append(client)
        return client

    def answers(self, port, source=None, timeout=0.4):
        """Whether an echo comes back over UDP."""
        source = source or self.FRIEND
        target = self.HOST6 if ":" in source else self.HOST

        def make():
            client = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET, socket.SOCK_DGRAM)
            client.settimeout(timeout)
            client.bind((source, 0))
            try:
                client.connect((target, port))
                client.send(b"x")
                return client.recv(16) == b"x"
            except OSError:
                return False
            finally:
                client.close()

        with inside(self.outside) as call:
            return call(make)

    def pings(self, target, namespace=None):
        """Whether an echo request from the outside, or from that namespace, is answered."""
        six = ":" in target

        def make():
            kind = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
            with socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, kind) as raw:
                raw.settimeout(0.5)
                number = next(numbers) % 0x7000 + 1  # a new one each time: else it belongs to a known exchange
                request = bytes((128 if six else 8, 0, 0, 0)) + number.to_bytes(2, "big") + b"\0\1"
                if not six:
                    request = request[:2] + (0xffff - 0x0800 - number - 1).to_bytes(2, "big") + request[4:]
                raw.sendto(request, (target, 0))
                try:
                    while True:
                        packet = raw.recv(256)
                        reply = packet if six else packet[20:]
                        if reply[0] == (129 if six else 0) and reply[4:6] == number.to_bytes(2, "big"):
                            return True
                except TimeoutError:
                    return False

        with inside(namespace or self.outside) as call:
            return call(make)


@contextlib.contextmanager
def container(world, port):
    """As Docker does it: a bridge, and destination NAT of a published port. Gives the container's namespace."""
    namespace = world.outside + "c"
    checked("ip", "netns", "add", namespace)
    try:
        checked("ip", "-n", world.host, "link", "add", "docker0", "type", "bridge")
        world.address(world.host, "docker0", "172.17.0.1/16")
        checked("ip", "link", "add", "veth0", "netns", world.host, "type", "veth", "peer", "name", "eth0", "netns",
                namespace)
        checked("ip", "-n", world.host, "link", "set", "veth0", "master", "docker0", "up")
        world.address(namespace, "eth0", "172.17.0.2/16")
        checked("ip", "-n", namespace, "route", "add", "default", "via", "172.17.0.1")
        checked("ip", "netns", "exec", world.host, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        world.nft(f"table ip nat {{ chain DOCKER {{ iifname docker0 return; tcp dport {port} dnat to 172.17.0.2:{port}; }}; "
                  "chain PREROUTING { type nat hook prerouting priority dstnat; fib daddr type local jump DOCKER; }; "
                  "chain POSTROUTING { type nat hook postrouting priority srcnat; "
                  "ip saddr 172.17.0.0/16 oifname != docker0 masquerade; }; }")
        yield namespace
    finally:
        run("ip", "netns", "del", namespace)


def echo(server):
    while True:
        try:
            data, source = server.recvfrom(2048)
            server.sendto(data, source)
        except OSError:
            return


def alive(client, server):
    """Whether bytes still pass on an accepted pair, both ways."""
    try:
        for one, other in ((client, server), (server, client)):
            one.settimeout(1.5)
            other.settimeout(1.5)
            one.sendall(b"ping")
            if other.recv(4) != b"ping":
                return False
        return True
    except OSError:
        return False


def ended(client, accepted):
    """Whether both ends hear that the connection is over, each within the time of one answer."""
    with pytest.raises(ConnectionError):
        client.settimeout(1.5)
        client.sendall(b"x")
        client.recv(1)  # the reset that answers what was sent
        client.sendall(b"x")
    with pytest.raises(ConnectionError):
        accepted.settimeout(1.5)
        for _ in range(3):  # the first one is what the peer answers with its reset
            accepted.sendall(b"x")
            assert accepted.recv(1), "it ended in good order"
    return True


def waiters(world):
    """Processes of minato that wait for a candidate to time out."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open(f"/proc/{pid}/cmdline", "rb").read().split(b"\0")
        except OSError:
            continue
        if str(world.policy).encode() in words and words[0].endswith(b"/minato"):
            found.append(int(pid))
    return found
