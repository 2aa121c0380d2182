"""A host whose daemon looks for scans, and packets from whomever the test wants, sent from beyond it."""
import json
import pathlib
import socket

import packets
from daemon import until
from world import World, checked, inside, run

HOST_MAC_BYTES = 6
FLAGS = {"syn": packets.SYN, "fin": packets.FIN, "null": 0, "xmas": packets.FIN | packets.PSH | packets.URG,
         "maimon": packets.FIN | packets.ACK, "ack": packets.ACK}


class SentryWorld(World):
    """daemon() looks by the way that the test says; bpf is a bpffs of this world's own."""

    def __init__(self, folder):
        super().__init__()
        self.bpf = pathlib.Path(folder) / "bpf"
        self.bpf.mkdir()
        checked("mount", "-t", "bpf", "bpf", self.bpf)
        self.wires = {}

    def remove(self):
        for wire in self.wires.values():
            wire.close()
        super().remove()
        run("umount", "--lazy", self.bpf)

    def watching(self, *options, way="auto", environment=None, **more):
        """A daemon that looks for scans; not started yet."""
        return self.daemon(*options, sentry=way, environment={"MINATO_TAP_DIRECTORY": str(self.bpf / "tap"), **(environment or {})},
                           **more)

    def environment_of(self, daemon, **more):
        """For commands that ask that daemon."""
        return self.environment(MINATO_RUNTIME_DIRECTORY=daemon.runtime, MINATO_STATE_DIRECTORY=daemon.state, **more)

    def asked(self, daemon, *words, **more):
        """The command's output."""
        done = run(*self.words(*words), env=self.environment_of(daemon, **more))
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    # ---- packets that nobody's kernel sends ----

    def mac(self, interface):
        text = json.loads(checked("ip", "-j", "-n", self.host, "link", "show", interface))[0]["address"]
        return bytes.fromhex(text.replace(":", ""))

    def wire(self, interface):
        """Where frames for the host are put in."""
        if interface not in self.wires:
            with inside(self.outside) as call:
                made = call(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
            made.bind((interface, 0))
            made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
            self.wires[interface] = made
        return self.wires[interface]

    def send(self, packet, mac, interface="eth1"):
        self.wire(interface).send(mac + packets.ethernet(packet)[HOST_MAC_BYTES:])

    def scan(self, kind, ports, source, target=None, through=("eth0", "eth1"), mac=None):
        """One packet for each port, as a scanner sends them, at once."""
        six = ":" in source
        target = target or (self.HOST6 if six else self.HOST)
        mac = mac or self.mac(through[0])
        for port in ports:
            if kind == "udp":
                inner, number = packets.udp(port, b"x"), 17
            else:
                inner, number = packets.tcp(port, FLAGS[kind], options=packets.NMAP_OPTIONS if kind == "syn" else b""), 6
            packet = packets.ipv6(inner, number, source, target) if six else packets.ipv4(inner, number, source, target, ident=7)
            self.send(packet, mac, through[1])


def incidents(daemon, **wanted):
    """Those that fit, the latest first."""
    return [each for each in daemon.ask("/v1/incidents")["incidents"] if all(each[key] == value for key, value in wanted.items())]


def named(daemon, source, seconds=5, **wanted):
    """Waits for the one incident of that source to be so. @return it."""
    def one():
        found = incidents(daemon, source=source)
        assert len(found) <= 1, found
        return found[0] if found and all(found[0][key] == value for key, value in wanted.items()) else None

    try:
        return until(one, f"an incident of {source} {wanted}", seconds)
    except AssertionError as late:
        sentry = daemon.status()["sentry"]
        counted = {key: sentry[key] for key in ("way", "packets", "lost", "limited")}
        raise AssertionError(f"{late}; {counted}, {incidents(daemon)}") from None


def looking(daemon, way="tap", interfaces=1):
    """Waits until packets are heard. @return the status."""
    def so():
        sentry = daemon.status()["sentry"]
        ready = sentry["on"] and sentry["way"] == way and sentry["addresses"] > 0
        return sentry if ready and (way != "tap" or sentry["interfaces"] == interfaces) else None

    return until(so, "the sentry looks")


def events(daemon):
    """Of incidents, oldest first: (kind, number)."""
    told = reversed(daemon.ask("/v1/events?kind=scan_started,scan_ended")["events"])
    return [(each["kind"], int(each["detail"].split()[0].removeprefix("incident="))) for each in told]
