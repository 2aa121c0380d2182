"""A daemon on a router: who scans the machines behind it is named, and what goes through otherwise is no scan."""
import os
import socket

import pytest

from daemon import until
from sentry_world import SentryWorld, incidents, looking, named
from test_defence import banned, order
from world import checked, inside, run, wait_until_up

INNER, INNER6 = "10.99.0.2", "2001:db8:99::2"
PORTS = range(2001, 2041)
SCANNER, SCANNER6 = "198.51.100.7", "2001:db8:7::7"
POLICY = """minato: 1
ports:
  trap: {port: 2323/tcp, for: decoy, owner: o, from: any}
defaults: {inbound: accept}
defend:
  mode: enforce
  decoys: 2323/tcp
  actions: {scan: ban, sweep: ban, trap: ban}
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def world(tmp_path):
    """outside -- host, a router -- inner, with 60 addresses, one of which serves port 22 and 80."""
    made = SentryWorld(tmp_path)
    made.inner = made.host + "i"
    checked("ip", "netns", "add", made.inner)
    checked("ip", "link", "add", "lan0", "netns", made.host, "type", "veth", "peer", "name", "eth0", "netns", made.inner, "index", "77")
    made.address(made.host, "lan0", "10.99.0.1/24", "2001:db8:99::1/64")
    made.address(made.inner, "eth0", *(f"10.99.0.{n}/24" for n in range(2, 62)), f"{INNER6}/64")
    wait_until_up((made.host, "lan0"), (made.inner, "eth0"))
    checked("ip", "netns", "exec", made.host, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
    for family, near, far, net in (("-4", "10.99.0.1", made.FRIEND, "10.99.0.0/24"), ("-6", "2001:db8:99::1", made.FRIEND6, "2001:db8:99::/64")):
        checked("ip", family, "-n", made.inner, "route", "add", "default", "via", near)
        checked("ip", family, "-n", made.host, "route", "add", "default", "via", far)
        checked("ip", family, "-n", made.outside, "route", "add", net, "via", made.HOST if family == "-4" else made.HOST6)
    for port in (22, 80):
        made.listen(port, address=INNER, namespace=made.inner)
    made.listen(80, address=INNER6, namespace=made.inner)
    yield made
    made.remove()
    run("ip", "netns", "del", made.inner)


@pytest.fixture
def start(world):
    made = []

    def begin(policy=None):
        if policy:
            world.hold(policy)
        daemon = world.watching()
        made.append(daemon)
        daemon.start()
        looking(daemon, interfaces=2)
        return daemon

    yield begin
    for daemon in made:
        daemon.remove()


def connect(world, source, port, target=INNER):
    """@return True open, False closed, None no answer."""
    def attempt():
        with socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET) as client:
            client.settimeout(0.3)
            client.bind((source, 0))
            try:
                client.connect((target, port))
                return True
            except ConnectionRefusedError:
                return False
            except OSError:
                return None

    with inside(world.outside) as call:
        return call(attempt)


@pytest.mark.parametrize("firewall", ["accept", "drop"])
@pytest.mark.parametrize("source, friend, target", [(SCANNER, SentryWorld.FRIEND, INNER), (SCANNER6, SentryWorld.FRIEND6, INNER6)],
                         ids=["ipv4", "ipv6"])
def test_a_scan_of_a_machine_behind_names_the_machine(world, start, firewall, source, friend, target):
    if firewall == "drop":
        world.nft("table inet t { chain c { type filter hook forward priority 0; ct state established accept; tcp dport 80 accept; "
                  "meta l4proto icmpv6 accept; drop; }; }")
    daemon = start()
    until(lambda: connect(world, friend, 80, target), "the way is there: IPv6 tries its addresses out first")
    world.scan("syn", PORTS, source, target=target)
    found = named(daemon, source, seconds=10, port_count=len(PORTS))
    assert (found["kind"], found["target"], found["through"], found["target_count"]) == ("scan", target, True, 1)
    assert [each["source"] for each in incidents(daemon)] == [source]
    assert f"-> {target}" in world.asked(daemon, "incidents")


def test_a_sweep_through_the_router_is_one_line(world, start):
    daemon = start()
    until(lambda: connect(world, world.FRIEND, 80), "whether answers come by here is known from one")
    for n in range(2, 62):
        world.scan("syn", [22], SCANNER, target=f"10.99.0.{n}")
    found = until(lambda: next((each for each in incidents(daemon) if each["kind"] == "sweep" and each["target_count"] >= 50), None),
                  "nearly all of it is one line")
    assert found["source"] == SCANNER and found["port_count"] == 1 and found["through"] is True
    shown = world.asked(daemon, "incidents", "show", str(found["id"]))
    assert "says nothing of machines behind this host" in " ".join(shown.split())


def test_what_goes_through_is_no_scan_and_this_host_is_watched_beside_it(world, start):
    """Machines behind it ask for what is elsewhere; clients of theirs come; who scans the host itself has a number of his own."""
    daemon = start()
    with inside(world.inner) as call:
        def ask():
            made = [socket.socket() for _ in range(60)]
            for number, client in enumerate(made):
                client.setblocking(False)
                client.connect_ex((world.OTHER, 3000 + number))
            asking = socket.socket(type=socket.SOCK_DGRAM)
            for number in range(60):
                asking.sendto(b"x", (world.OTHER, 4000 + number))
            return [*made, asking]
        clients = call(ask)
    assert all(connect(world, world.FRIEND, port) for port in (22, 80) for _ in range(20))
    world.scan("syn", PORTS, SCANNER)
    world.scan("ack", PORTS, "198.51.101.7", target=INNER)
    world.scan("syn", PORTS, "198.51.102.7", target=INNER)
    first, second = named(daemon, SCANNER), named(daemon, "198.51.102.7", seconds=10)
    for client in clients:
        client.close()
    assert {each["source"] for each in incidents(daemon)} == {SCANNER, "198.51.102.7"}
    assert (first["through"], second["through"]) == (False, True) and first["id"] != second["id"]


def test_hiding_leaves_the_machines_alone_and_a_ban_does_not(world, start):
    daemon = start(POLICY)
    assert connect(world, world.OTHER, 80) and connect(world, world.OTHER, 81) is False
    world.scan("syn", PORTS, world.OTHER, target=INNER)
    banned(world, daemon, world.OTHER, action="hide", proved=False, held=True, seconds=10)
    assert connect(world, world.OTHER, 81) is False and connect(world, world.OTHER, 80)  # it may be forged
    order(world, daemon, "add", world.OTHER, "--for", "10m")
    until(lambda: connect(world, world.OTHER, 80) is None, "banned from the machines as well")
