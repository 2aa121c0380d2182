"""forward: what a router lets through between others, on the real kernel. The container stands for the inner side."""
import json
import socket
import struct
import time

import pytest

from world import World, alive, checked, container, inside

INNER, INNER6 = "172.17.0.2", "2001:db8:17::2"
PUBLISHED = "minato: 1\nports:\n  redis: {port: 6379/tcp, for: cache, owner: o, from: 10.77.0.2}\n"


class Router:
    def __init__(self, world, namespace):
        self.world, self.namespace = world, namespace
        world.address(world.host, "docker0", "2001:db8:17::1/64")
        world.address(namespace, "eth0", f"{INNER6}/64")
        checked("ip", "-n", namespace, "-6", "route", "add", "default", "via", "2001:db8:17::1")
        checked("ip", "netns", "exec", world.host, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
        checked("ip", "-n", world.outside, "route", "add", "172.17.0.0/16", "via", world.HOST)
        checked("ip", "-n", world.outside, "route", "add", "2001:db8:17::/64", "via", world.HOST6)
        for port in (7000, 7001):
            world.listen(port, namespace=namespace)
            world.listen(port, namespace=world.outside)
        deadline = time.monotonic() + 10  # neighbours of a new bridge take a moment
        while not (self.out_to(7000, world.FRIEND6) and self.in_to(7000, world.FRIEND6)):
            assert time.monotonic() < deadline, "the inner side has no IPv6"

    def in_to(self, port, source=None):
        """From the outside to the inner side, past the published ports."""
        source = source or self.world.FRIEND
        return self.world.connect(port, source, INNER6 if ":" in source else INNER)

    def out_to(self, port, target=None, timeout=0.4):
        """From the inner side to the outside: the connection; None without an answer, False when refused."""
        target = target or self.world.FRIEND

        def make():
            try:
                return socket.create_connection((target, port), timeout)
            except ConnectionRefusedError:
                return False
            except OSError:
                return None

        with inside(self.namespace) as call:
            made = call(make)
        if made:
            self.world.sockets.append(made)
        return made

    def hears(self, kind, code, six=False):
        """Whether an ICMP message from the outside, about nothing that is known, reaches the inner side."""
        family, protocol = (socket.AF_INET6, socket.IPPROTO_ICMPV6) if six else (socket.AF_INET, socket.IPPROTO_ICMP)
        about = b"\x45\0\0\x1c\0\1\0\0\x40\x11\0\0" + socket.inet_aton(INNER) + socket.inet_aton("10.77.0.2") + b"\0" * 8
        if six:
            about = b"\x60\0\0\0\0\x08\x11\x40" + socket.inet_pton(family, INNER6) + \
                socket.inet_pton(family, World.FRIEND6) + b"\0" * 8
        message = struct.pack("!BBHI", kind, code, 0, 1280) + about
        if not six:
            message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
        with inside(self.namespace) as call:
            listener = call(lambda: socket.socket(family, socket.SOCK_RAW, protocol))
        with inside(self.world.outside) as call:
            sender = call(lambda: socket.socket(family, socket.SOCK_RAW, protocol))
        with listener, sender:
            listener.settimeout(0.4)
            sender.sendto(message, (INNER6 if six else INNER, 0))
            deadline = time.monotonic() + 2
            while time.monotonic() < deadline:
                try:
                    packet = listener.recv(512)
                except TimeoutError:
                    return False
                if (packet if six else packet[20:])[:2] == bytes((kind, code)):
                    return True
            return False


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


@pytest.fixture
def world():
    made = World()
    yield made
    made.remove()


@pytest.fixture
def router(world):
    with container(world, 6379) as namespace:
        world.listen(6379, address="0.0.0.0", namespace=namespace)
        yield Router(world, namespace)


def test_what_is_not_declared_does_not_pass(world, router):
    assert router.in_to(7000) and router.out_to(7000) and router.in_to(7000, world.FRIEND6)
    world.hold(PUBLISHED + "defaults: {forward: drop}\n")
    for way in (router.in_to, router.out_to):
        assert way(7000) is None
    assert router.in_to(7000, world.FRIEND6) is None and router.out_to(7000, world.FRIEND6) is None
    assert world.connect(6379, world.FRIEND), "a published port is judged as one of this host"
    assert world.connect(6379, world.OTHER) is None
    world.hold("minato: 1\nports:\n  web: {port: 7000/tcp, for: x, owner: o, from: any}\ndefaults: {forward: drop}\n")
    assert router.in_to(7000) is None, "what is open on this host is not open behind it"
    world.hold(PUBLISHED + "defaults: {forward: reject}\n")
    assert router.in_to(7000) is False and router.out_to(7000) is False
    world.hold(PUBLISHED)
    assert router.in_to(7000) and router.out_to(7000)
    assert "fwd" not in world.listing()


def test_what_is_declared_passes_and_nothing_else(world, router):
    world.hold(f"""minato: 1
who:
  friend: [{World.FRIEND}, "{World.FRIEND6}"]
  inner: {{interface: docker0}}
forward:
  surf: {{for: containers ask, owner: o, from: any, interface: docker0, out: eth0}}
  site: {{port: 7000/tcp, for: a service, owner: o, from: friend, to: inner}}
  more: {{port: 7001/tcp, for: a service, owner: o, from: any, to: ["{INNER6}", 172.17.0.9]}}
defaults: {{forward: drop}}
""")
    for target in (world.FRIEND, world.OTHER6):
        assert router.out_to(7000, target) and router.out_to(7001, target), target
    expected = {7000: (world.FRIEND, world.FRIEND6), 7001: (world.FRIEND6, world.OTHER6)}
    for port, allowed in expected.items():
        for source in (world.FRIEND, world.OTHER, world.FRIEND6, world.OTHER6):
            assert bool(router.in_to(port, source)) == (source in allowed), f"{port} from {source}"
    assert world.connect(6379) is None, "a published port is no matter of forward:"


def test_another_way_out_is_another_declaration(world, router):
    world.hold("minato: 1\nforward:\n  surf: {for: x, owner: o, from: any, interface: docker0, out: eth7}\n"
               "defaults: {forward: drop}\n")
    assert router.out_to(7000) is None and router.out_to(7000, world.FRIEND6) is None


def test_errors_that_senders_need_pass(world, router):
    world.hold("minato: 1\ndefaults: {forward: drop}\n")
    assert router.hears(3, 4), "fragmentation needed"
    assert router.hears(2, 0, six=True), "packet too big"
    assert not router.hears(8, 0) and not router.hears(128, 0, six=True), "an echo request is no error"
    world.hold("minato: 1\nforward:\n  all: {for: x, owner: o, from: any}\ndefaults: {forward: drop}\n")
    assert router.hears(8, 0) and router.hears(128, 0, six=True)


def test_what_lives_goes_on(world, router):
    world.hold(PUBLISHED)  # from here on the kernel knows the connections
    server = world.listen(7002, namespace=router.namespace)
    client = router.in_to(7002)
    accepted, _ = server.accept()
    world.sockets.append(accepted)
    world.hold(PUBLISHED + "defaults: {forward: drop}\n")
    assert router.in_to(7002) is None
    assert alive(client, accepted)


def test_unconfirmed_it_comes_back_by_itself(world, router):
    world.hold(PUBLISHED)
    before = world.listing()
    done = world.apply(PUBLISHED + "defaults: {forward: drop}\n", "--timeout", "10", "--unproven")
    assert "what this host passes on between others: let through -> dropped" in done.stdout
    assert world.candidate() == 2 and router.out_to(7000) is None
    deadline = time.monotonic() + 12
    while time.monotonic() < deadline and not router.out_to(7000, timeout=0.2):
        pass
    assert router.out_to(7000), "the old rules did not come back"
    assert world.minato("restore").returncode == 0
    assert world.listing() == before


def test_its_last_day_ends_it(world, router):
    year = time.localtime().tm_year + 1
    world.hold("minato: 1\nforward:\n"
               f"  guest: {{port: 7000/tcp, for: x, owner: o, from: any, until: {year}-01-01}}\ndefaults: {{forward: drop}}\n")
    assert router.in_to(7000) and router.out_to(7000)
    # The kernel takes these elements out by itself at the end of that day.
    world.nft("delete element inet minato g1-fwd-until-guest { ipv4, ipv6 }")
    assert router.in_to(7000) is None and router.out_to(7000) is None


def test_the_plan_tells_what_passes(world, router):
    world.hold("minato: 1\ndefaults: {forward: drop}\n")
    world.declare("minato: 1\nforward:\n"
                  "  site: {port: 7000/tcp, for: a service, owner: o, from: any, to: 172.17.0.2}\n"
                  "defaults: {forward: drop}\n")
    done = world.minato("plan")
    assert done.returncode == 2
    assert "forwarded 7000/tcp: nobody -> any to 172.17.0.2 (site: a service)" in done.stdout, done.stdout
    assert "中継 7000/tcp" in world.minato("plan", LANGUAGE="ja").stdout
    change, = json.loads(world.minato("plan", "--json").stdout)["changes"]
    assert change["direction"] == "forward" and change["ports"] == "7000/tcp" and change["after"] == "any to 172.17.0.2"
    world.apply()
    assert world.confirmed() == 2, "it only lets more in, so it holds at once"
    assert router.in_to(7000) and router.in_to(7001) is None
    world.declare("minato: 1\ndefaults: {forward: accept}\n")
    assert json.loads(world.minato("plan", "--json").stdout)["forward"] == {"before": "drop", "after": "accept"}
