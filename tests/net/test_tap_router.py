"""The tap where packets go through: who asks machines behind the host is noted, what they ask for elsewhere is not."""
import contextlib
import json
import os
import socket

import pytest

import packets
from world import checked
from tap_world import DEVICE, ERROR, OPEN, SENT, THROUGH, World
from test_tap import client, inside

INNER, INNER6, OUTER = "10.9.0.2", "2001:db8:9::2", "192.0.2.9"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def world(netns, tmp_path):
    """beyond (has OUTER too) -- host -- inner; the default route leads to beyond."""
    made = World(netns, tmp_path)
    made.inner = netns()
    checked("ip", "-n", made.host, "link", "add", "eth1", "type", "veth", "peer", "name", "eth0", "netns", made.inner)
    for namespace, interface, *addresses in ((made.host, "eth1", "10.9.0.1/24", "2001:db8:9::1/64"),
                                             (made.inner, "eth0", f"{INNER}/24", f"{INNER6}/64")):
        checked("ip", "netns", "exec", namespace, "sysctl", "-qw", f"net.ipv6.conf.{interface}.accept_dad=0",
                f"net.ipv6.conf.{interface}.router_solicitations=0")
        for address in addresses:
            checked("ip", "-n", namespace, "address", "add", address, "dev", interface)
        checked("ip", "-n", namespace, "link", "set", interface, "up")
    checked("ip", "-n", made.beyond, "address", "add", f"{OUTER}/32", "dev", "lo")
    checked("ip", "-n", made.beyond, "link", "set", "lo", "up")
    for family, here, far, gateway in (("-4", "10.9.0.0/24", World.HOST, "10.9.0.1"), ("-6", "2001:db8:9::/64", World.HOST6, "2001:db8:9::1")):
        checked("ip", family, "-n", made.beyond, "route", "add", here, "via", far)
        checked("ip", family, "-n", made.inner, "route", "add", "default", "via", gateway)
        checked("ip", family, "-n", made.host, "route", "add", "default", "via", World.BEYOND if family == "-4" else World.BEYOND6)
    yield made
    made.close()


def forward(world, on=1):
    checked("ip", "netns", "exec", world.host, "sysctl", "-qw", f"net.ipv4.ip_forward={on}", f"net.ipv6.conf.all.forwarding={on}")


def tapped(world):
    tap = world.tapped()
    tap.done("attach", "eth1", "tc")
    return tap


def knock(world, port, host, namespace=None):
    """@return errno, 0 = it is open."""
    with client(world, family=socket.AF_INET6 if ":" in host else socket.AF_INET, namespace=namespace) as asking:
        asking.settimeout(0.3)
        try:
            return asking.connect_ex((host, port))
        except TimeoutError:
            return socket.errno.EAGAIN


def listener(namespace, address, port):
    with inside(namespace):
        made = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
    return made


@pytest.mark.parametrize("inner", [INNER, INNER6])
def test_who_asks_a_machine_behind_the_host_is_noted(world, inner):
    forward(world)
    # The host's own listener on all addresses has nothing to do with it.
    with listener(world.host, "::" if ":" in inner else "0.0.0.0", 81), listener(world.inner, inner, 80):
        tap = tapped(world)
        assert knock(world, 81, inner) == socket.errno.ECONNREFUSED
        assert knock(world, 80, inner) == 0
        told = [(note["port"] if not note["marks"] & SENT else note["source_port"], note["marks"] & (OPEN | SENT | THROUGH))
                for note in tap.notes(3)]
    assert told == [(81, THROUGH), (80, THROUGH), (80, SENT | THROUGH)]


def test_what_has_answered_is_open_for_the_next_who_asks(world):
    forward(world)
    with listener(world.inner, INNER, 80):
        tap = tapped(world)
        assert knock(world, 80, INNER) == 0
        tap.notes(2)
        with client(world) as other:
            other.bind((OUTER, 0))
            other.connect((INNER, 80))
        assert tap.questions(1)[0]["marks"] & (OPEN | THROUGH) == OPEN | THROUGH


def test_datagrams_and_what_answers_them_are_noted_once(world):
    forward(world)
    with inside(world.inner):
        serving = socket.socket(type=socket.SOCK_DGRAM)
    serving.bind((INNER, 5353))
    tap = tapped(world)
    with serving, client(world, socket.SOCK_DGRAM) as asking:
        for _ in range(3):
            asking.sendto(b"question", (INNER, 5353))
            serving.sendto(b"answer", serving.recvfrom(100)[1])
            assert asking.recv(100) == b"answer"
        asking.sendto(b"x", (INNER, 5354))
        told = [(note["port"] if not note["marks"] & SENT else note["source_port"], note["marks"] & (OPEN | SENT | THROUGH))
                for note in tap.notes(3) if not note["marks"] & ERROR]
    assert told == [(5353, THROUGH), (5353, SENT | THROUGH), (5354, THROUGH)]


def test_what_machines_behind_the_host_ask_for_elsewhere_is_not_noted(world):
    forward(world)
    tap = tapped(world)
    with listener(world.beyond, OUTER, 443):
        assert knock(world, 443, OUTER, world.inner) == 0
        assert knock(world, 444, OUTER, world.inner) == socket.errno.ECONNREFUSED
        assert knock(world, 445, World.BEYOND, world.inner) == socket.errno.ECONNREFUSED
    assert knock(world, 82, INNER) == socket.errno.ECONNREFUSED
    assert [note["port"] for note in tap.notes(1)] == [82]


@pytest.mark.parametrize("inner", [INNER, INNER6])
def test_a_declared_machine_that_answers_is_told_apart(world, inner):
    forward(world)
    with listener(world.inner, inner, 23):
        tap = tapped(world)
        tap.done("devices", f"{inner}/{128 if ':' in inner else 32}", "192.0.2.200/32")
        assert knock(world, 23, inner) == 0 and knock(world, 24, inner) == socket.errno.ECONNREFUSED
        told = [note for note in tap.notes(3) if note["marks"] & SENT]
        assert [(note["source"], note["source_port"], note["marks"] & (SENT | THROUGH | DEVICE)) for note in told] == [
            (inner, 23, SENT | THROUGH | DEVICE)]
        assert knock(world, 23, inner, world.host) == 0  # the host itself asks it
        told = tap.notes(1)[0]
        assert (told["source"], told["source_port"], told["marks"] & (SENT | DEVICE)) == (inner, 23, DEVICE)
        assert knock(world, 23, inner, world.host) == 0
        tap.done("devices", "192.0.2.200/32")
        assert knock(world, 23, inner) == 0 and not [note for note in tap.notes(9, 300) if note["marks"] & DEVICE]


def test_an_answer_that_nobody_asked_for_is_no_machines_answer(world):
    """Forged ones cost nothing: neither those for this host nor those that go through it."""
    forward(world)
    checked("ip", "netns", "exec", world.host, "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.eth0.rp_filter=0")
    tap = tapped(world)
    tap.done("devices", f"{INNER}/32")
    with inside(world.inner):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind(("eth0", 0))
    mac = bytes.fromhex(json.loads(checked("ip", "-j", "-n", world.host, "link", "show", "eth1"))[0]["address"].replace(":", ""))
    for port in range(1000):
        for target in (World.BEYOND, "10.9.0.1"):
            forged = packets.ipv4(packets.tcp(40000, packets.SYN | packets.ACK, source_port=2000 + port), 6, INNER, target)
            wire.send(mac + packets.ethernet(packets.with_checksum(forged))[6:])
    told = tap.notes(5000, 700)
    assert len([note for note in told if note["marks"] & SENT]) > 500  # they did go through
    assert not [note for note in told if note["marks"] & DEVICE]
    wire.close()


def test_a_host_that_passes_nothing_on_says_so_of_nothing(world):
    forward(world, 0)
    tap = tapped(world)
    assert knock(world, 80, INNER) == socket.errno.EAGAIN
    assert tap.notes(1)[0]["marks"] & THROUGH == 0


def test_hiding_leaves_what_lies_behind_the_host_alone(world):
    """A forged scan would else cut its victim off from all of it; of the host itself he is hidden from."""
    forward(world)
    with contextlib.ExitStack() as stack:
        for namespace, address, port in ((world.inner, INNER, 80), (world.beyond, OUTER, 443)):
            stack.enter_context(listener(namespace, address, port))
        tap = tapped(world)
        kept = stack.enter_context(client(world))
        kept.connect((INNER, 80))
        for source in (World.BEYOND, INNER):
            tap.done("ban", source, "hide", 600000)
        kept.sendall(b"x")
        kept.shutdown(socket.SHUT_WR)
        assert knock(world, 80, INNER) == 0 and knock(world, 81, INNER) == socket.errno.ECONNREFUSED
        assert knock(world, 443, OUTER, world.inner) == 0 and knock(world, 444, OUTER, world.inner) == socket.errno.ECONNREFUSED
        assert tap.tell("counters")["hidden"] == 0
        assert knock(world, 81, World.HOST) == socket.errno.EAGAIN
        assert tap.tell("counters")["hidden"] == 1


def test_banned_is_banned_from_the_machines_too(world):
    forward(world)
    with listener(world.inner, INNER, 80):
        tap = tapped(world)
        tap.done("ban", World.BEYOND, "drop", 600000)
        assert knock(world, 80, INNER) == socket.errno.EAGAIN
        tap.done("unban", World.BEYOND)
        assert knock(world, 80, INNER) == 0
