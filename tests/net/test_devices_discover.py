"""minato devices --discover: everybody on one's own network is asked for once, at a bounded rate; what devices say is read without rights."""
import json
import os
import socket
import struct
import subprocess
import threading
import time

import pytest

from world import MINATO, World, checked, inside, run

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"]
DEVICE, OTHER = "10.66.0.20", "10.66.0.77"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"


def record(owner, kind, data):
    return name(owner) + struct.pack("!HHIH", kind, 1, 10, len(data)) + data


def dns(*answers, flags=0x8400):
    return struct.pack("!6H", 0, flags, 0, len(answers), 0, 0) + b"".join(answers)


GOOD = dns(record("_services._dns-sd._udp.local", 12, name("_ipp._tcp.local")), record("printer.local", 1, bytes([10, 66, 0, 20])))
HOSTILE = [b"", b"\0" * 11, GOOD[:-7], b"\xff" * 9000, dns(record("\x1b[31mred.local", 1, bytes(4))),
           struct.pack("!6H", 0, 0x8400, 0, 65535, 0, 65535) + b"\xc0\x0c" * 2000]
SSDP = b"HTTP/1.1 200 OK\r\nSERVER: \x1b[2J\r\nST: urn:schemas-upnp-org:device:MediaServer:1\r\n\r\n"


class Answering:
    """Answers each question of a group with these packets."""

    def __init__(self, world, group, port, answers):
        self.answers, self.heard = answers, []
        with inside(world.host) as call:
            self.socket = call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("", port))
        self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton(DEVICE))
        self.socket.settimeout(0.1)
        self.goes_on = True
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while self.goes_on:
            try:
                question, asker = self.socket.recvfrom(9000)
            except TimeoutError:
                continue
            self.heard.append(question)
            for answer in self.answers:
                self.socket.sendto(answer, asker)

    def close(self):
        self.goes_on = False
        self.thread.join()
        self.socket.close()


@pytest.fixture
def world():
    made = World()
    # A network of its own: /26, so that it takes less than a second.
    checked("ip", "-n", made.host, "address", "add", f"{DEVICE}/26", "dev", "eth0")
    checked("ip", "-n", made.outside, "address", "add", "10.66.0.1/26", "dev", "eth1")
    made.folder.chmod(0o755)
    made.declare("minato: 1\nhosts:\n  office: {address: 10.66.0.20}\n")
    yield made
    made.remove()


def discover(world, *words, before=(), **more):
    return subprocess.run(["ip", "netns", "exec", world.outside, *before, MINATO, "--policy", world.policy, "devices", "--discover", *words],
                          capture_output=True, text=True, timeout=60, env=world.environment(**more), check=False)


def named(done, address):
    return next((each for each in json.loads(done.stdout)["devices"] if address in each["addresses"]), None)


@pytest.mark.parametrize("before", [(), NOBODY], ids=["root", "nobody"])
def test_who_was_never_talked_to_is_found(world, before):
    checked("ip", "-n", world.host, "address", "add", "10.66.0.33/26", "dev", "eth0")
    begun = time.monotonic()
    done = discover(world, "--json", before=before)
    assert 2 < time.monotonic() - begun < 8, done.stderr
    device = named(done, DEVICE)
    assert device["name"] == "office" and device["mac"] and device["state"] != "unknown", done.stdout
    assert named(done, "10.66.0.33")["mac"] == device["mac"]
    assert len(json.loads(done.stdout)["devices"]) <= 2  # nobody else is there


def test_what_devices_say_is_heard_and_what_is_hostile_harms_nobody(world):
    world.declare("minato: 1\nhosts:\n  office: {address: 10.66.0.50}\n")
    mdns = Answering(world, "224.0.0.251", 5353, [*HOSTILE, GOOD])
    ssdp = Answering(world, "239.255.255.250", 1900, [b"HTTP/1.1 200 OK\r\nST: urn:a", SSDP, b"\0" * 2000])
    try:
        done = discover(world, "--json")
    finally:
        mdns.close(), ssdp.close()
    device = named(done, DEVICE)
    assert (device["name"], device["name_source"]) == ("printer", "mdns"), done.stdout + done.stderr
    assert sorted(device["services_told"]) == ["ipp/tcp", "upnp MediaServer"]
    assert done.returncode == 2 and "\x1b" not in done.stdout
    assert len(mdns.heard) == 1 and len(ssdp.heard) == 1  # one question each


def test_only_ones_own_networks_are_asked(world):
    world.declare("minato: 1\nhosts:\n  office: {address: 203.0.113.20}\n")
    listening = Answering(world, "224.0.0.251", 5353, [])
    try:
        done = discover(world)
        assert done.returncode == 3 and "only networks of one's own" in done.stderr and not listening.heard
        checked("ip", "-n", world.outside, "address", "flush", "dev", "eth1")
        checked("ip", "-n", world.outside, "address", "add", "10.66.0.1/20", "dev", "eth1")
        done = discover(world, "--authorized")
        assert done.returncode == 3 and "10.66.0.0/20 is too large" in done.stderr and not listening.heard
        checked("ip", "-n", world.outside, "address", "flush", "dev", "eth1")
        checked("ip", "-n", world.outside, "address", "add", "10.66.0.1/26", "dev", "eth1")
        assert discover(world, "--authorized").returncode == 2 and listening.heard
    finally:
        listening.close()


def test_what_cannot_be_meant_is_said(world):
    done = run("ip", "netns", "exec", world.outside, MINATO, "--policy", world.policy, "devices", "--authorized", env=world.environment())
    assert done.returncode == 3 and "belongs to --discover" in done.stderr
