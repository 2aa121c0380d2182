"""A host of the test's own with the network beyond it, the twin of it, and what real packets do there."""
import contextlib
import ctypes
import json
import os
import pathlib
import select
import socket
import subprocess

from world import BUILD, checked

TWIN = BUILD / "tests" / "net" / "twin-probe"
SECONDS = 20
HOST4, PEER4, FAR4 = "192.0.2.1", "192.0.2.9", "198.51.100.7"
HOST6, PEER6 = "2001:db8::1", "2001:db8::9"
MAC = "02:00:5e:00:53:09"
libc = ctypes.CDLL(None, use_errno=True)


def setns(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        if libc.setns(fd, 0x40000000) != 0:  # CLONE_NEWNET
            raise OSError(ctypes.get_errno(), path)
    finally:
        os.close(fd)


@contextlib.contextmanager
def inside(name):
    """Sockets that are made here belong to that namespace."""
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        setns(f"/run/netns/{name}")
        yield
    finally:
        libc.setns(own, 0)
        os.close(own)


class Twin:
    """twin-probe in a namespace, or anywhere with words in front."""

    def __init__(self, before, *words):
        self.process = subprocess.Popen([str(w) for w in (*before, TWIN, *words)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.first = self.read()

    def read(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"error": f"ended with {self.process.wait(SECONDS)}"}

    def ask(self, protocol, source, to, port, interface="eth0", source_port=0, mac=""):
        self.process.stdin.write(f"{protocol} {source} {source_port} {interface} {to} {port} {mac}\n")
        self.process.stdin.flush()
        return self.read()

    def close(self):
        self.process.stdin.close()
        code = self.process.wait(SECONDS)
        self.process.stdout.close()
        return code


class World:
    """"The host" with eth0 and eth1, and the network beyond them."""

    def __init__(self, netns):
        self.netns = netns
        self.host, self.net = netns(), netns()
        self.twins, self.open = [], []
        for index in (0, 1):
            self.ip("link", "add", f"eth{index}", "type", "veth", "peer", "name", f"far{index}", "netns", self.net)
            self.ip("link", "set", f"eth{index}", "up")
        checked("ip", "-n", self.net, "link", "set", "far0", "address", MAC)
        for index in (0, 1):
            checked("ip", "-n", self.net, "link", "set", f"far{index}", "up")
        self.ip("addr", "add", HOST4 + "/24", "dev", "eth0")
        self.ip("addr", "add", HOST6 + "/64", "dev", "eth0", "nodad")
        self.ip("addr", "add", "203.0.113.1/24", "dev", "eth1")
        for words in ((PEER4 + "/24", "dev", "far0"), (PEER6 + "/64", "dev", "far0", "nodad"),
                      (FAR4 + "/32", "dev", "lo"), ("203.0.113.9/24", "dev", "far1")):
            checked("ip", "-n", self.net, "addr", "add", *words)
        self.ip("route", "add", "default", "via", PEER4)

    def ip(self, *words):
        return checked("ip", "-n", self.host, *words)

    def within(self, *words, **options):
        return checked("ip", "netns", "exec", self.host, *words, **options)

    def nft(self, text):
        self.within("nft", "-f", "-", input=text)

    def sysctl(self, path, value):
        with inside(self.host):
            pathlib.Path("/proc/sys/net", path).write_text(value)

    def twin(self, *words):
        twin = Twin(("ip", "netns", "exec", self.host), *words)
        self.twins.append(twin)
        assert "error" not in twin.first, twin.first
        return twin

    def listen(self, protocol, port, address=None, where=None):
        family = socket.AF_INET6 if ":" in (address or "") else socket.AF_INET
        with inside(where or self.host):
            s = socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address or "0.0.0.0", port))
        if protocol == "tcp":
            s.listen()
        self.open.append(s)
        return s

    def stop_listening(self):
        while self.open:
            self.open.pop().close()

    def truth(self, protocol, source, to, port, patience=SECONDS, where=None, listener=None):
        """What the real packet does: "accepted", "rejected" or "dropped" (nothing heard for `patience` s)."""
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        with inside(where or self.net):
            s = socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
        with s:
            s.settimeout(patience)
            s.bind((source, 0))
            try:
                s.connect((to, port))
                if protocol == "udp":
                    s.send(b"?")
                    ready, _, _ = select.select([listener, s], [], [], patience)
                    if not ready:
                        return "dropped"
                    ready[0].recv(16)
            except ConnectionRefusedError:
                return "rejected"
            except (TimeoutError, OSError):
                return "dropped"
        return "accepted"

    def close(self):
        for twin in self.twins:
            if twin.process.poll() is None:
                twin.close()
        self.stop_listening()
