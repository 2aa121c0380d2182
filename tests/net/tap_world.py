"""A host with a tap on its interface, somebody beyond it, and lib/tap as a program that is told what to do."""
import itertools
import json
import os
import pathlib
import subprocess

from world import BUILD, checked, run

PROBE = BUILD / "tests" / "net" / "tap-probe"
numbers = itertools.count()
SACK, DATA, ERROR, FRAGMENT, OPEN, SENT, THROUGH, DEVICE = 1, 2, 4, 8, 16, 32, 64, 128


class Probe:
    """lib/tap in a network namespace. Commands are those of tap-probe.c."""

    def __init__(self, namespace, pins, environment=None, before=()):
        self.process = subprocess.Popen(["nsenter", f"--net=/run/netns/{namespace}", *before, PROBE, pins], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})})

    def tell(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def done(self, *words):
        """A command that must succeed."""
        answer = self.tell(*words)
        assert isinstance(answer, list) or answer.get("result", 0) >= 0, (words, answer)
        return answer

    def place(self, pins):
        """Another folder for the pins from now on."""
        self.done("place", pins)

    def notes(self, count=1, milliseconds=5000):
        """So many, or what came until then."""
        return self.tell("notes", count, milliseconds)

    def questions(self, count):
        """Notes without the host's answers to connections, of which there is one for each that succeeded."""
        return [note for note in self.notes(count) if not note["marks"] & SENT]

    def end(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


class World:
    HOST, BEYOND, HOST6, BEYOND6 = "198.51.100.1", "198.51.100.7", "2001:db8:1::1", "2001:db8:1::7"

    def __init__(self, netns, folder):
        self.host, self.beyond = netns(), netns()
        self.bpf = pathlib.Path(folder) / "bpf"
        self.bpf.mkdir()
        checked("mount", "-t", "bpf", "bpf", self.bpf)
        self.pins = self.bpf / "tap"
        self.probes = []
        checked("ip", "-n", self.host, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.beyond)
        for namespace, address, address6 in ((self.host, self.HOST, self.HOST6), (self.beyond, self.BEYOND, self.BEYOND6)):
            # No packet but those of the tests: neither router solicitations nor reports of groups.
            checked("ip", "netns", "exec", namespace, "sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0",
                    "net.ipv6.conf.eth0.router_solicitations=0")
            checked("ip", "-n", namespace, "address", "add", f"{address}/24", "dev", "eth0")
            checked("ip", "-n", namespace, "address", "add", f"{address6}/64", "dev", "eth0", "nodad")
            checked("ip", "-n", namespace, "link", "set", "eth0", "up")

    def probe(self, before=(), **environment):
        made = Probe(self.host, self.pins, environment, before)
        self.probes.append(made)
        return made

    def tapped(self, rate=0, burst=0, again_ms=0, ring_bytes=0):
        """A probe whose tap is attached to the host's interface and read."""
        made = self.probe()
        made.done("load", rate, burst, again_ms, ring_bytes)
        made.done("attach", "eth0", "tc")
        made.done("listen")
        return made

    def close(self):
        for probe in self.probes:
            probe.end()
        run("umount", "--lazy", self.bpf)
