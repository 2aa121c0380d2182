"""minato check PORT: the way from the program to the Internet, each place with what its state rests on."""
import json
import subprocess

import pytest

from test_check import Server, say
from world import MINATO, NOBODY, World, checked, container

HOST, FRIEND = World.HOST, World.FRIEND


@pytest.fixture(scope="module")
def world():
    made = World()
    yield made
    made.remove()


@pytest.fixture
def route(world):
    checked("ip", "-n", world.host, "route", "add", "default", "via", FRIEND)
    yield
    checked("ip", "-n", world.host, "route", "del", "default")


def run(world, *words, before=(), **more):
    return subprocess.run(["ip", "netns", "exec", world.host, *before, MINATO, "check", *words], capture_output=True, text=True,
                          timeout=60, env=world.environment(**more), check=False)


def way(world, port, **more):
    found, = json.loads(run(world, "--json", "--timeout", "1", str(port), **more).stdout)["checks"]
    return {each["place"]: (each["state"], each["basis"]) for each in found["way"]}, found


def test_a_port_that_everybody_on_the_lan_reaches(world, route):
    with Server(world, 25565, say(b"hello\r\n")):
        places, found = way(world, 25565)
        text = " ".join(run(world, "25565").stdout.split())
    assert places == {"program": ("done", "listens"), "host_firewall": ("done", "rules_let_in"), "lan": ("done", "lan_reached"),
                      "router": ("unknown", "private_address"), "internet": ("unknown", "unproven")}
    assert found["way"][2]["detail"] == HOST and found["way"][3]["more"] == FRIEND
    assert f"{HOST} is private (RFC 1918)" in text and "--via ssh:USER@HOST asks from outside" in text


def test_without_root_the_rules_are_unknown_and_it_says_so(world, route):
    with Server(world, 25565, say(b"hello\r\n")):
        places, _ = way(world, 25565, before=NOBODY)
    assert places["host_firewall"] == ("unknown", "rules_need_root") and places["lan"] == ("unknown", "lan_if_rules_let_in")
    assert places["program"] == ("done", "listens") and places["internet"][0] == "unknown"


def test_nobody_listens_or_only_on_loopback(world, route):
    assert way(world, 25566)[0]["program"] == ("refused", "nobody_listens")
    world.listen(25567, address="127.0.0.1")
    places, found = way(world, 25567)
    assert places["program"] == ("refused", "listens_on_loopback") and found["cause"] == "answers"


@pytest.mark.parametrize(("rule", "firewall", "lan"), [
    ("tcp dport 25565 drop", ("refused", "rules_end"), ("refused", "rules_end")),
    ("ip saddr != 10.77.0.0/24 iifname eth0 tcp dport 25565 drop", ("refused", "rules_end"), ("done", "lan_reached")),
    ("ip saddr 10.77.0.0/24 tcp dport 25565 drop", ("done", "rules_let_in"), ("refused", "rules_end")),
    ("tcp dport 25565 meta skuid 0 drop", ("unknown", "rules_doubt"), ("unknown", "lan_if_rules_let_in")),
])
def test_the_rules_are_asked_for_both(world, route, rule, firewall, lan):
    world.nft(f"table inet wall {{ chain i {{ type filter hook input priority 0; {rule}; }}; }}")
    try:
        with Server(world, 25565, say(b"hello\r\n")):
            places, found = way(world, 25565)
    finally:
        world.nft("delete table inet wall")
    assert (places["host_firewall"], places["lan"]) == (firewall, lan)
    if firewall[0] == "refused":
        assert "dport 25565 drop" in found["way"][1]["more"]


def test_a_published_port_is_sent_on(world, route):
    with container(world, 25568):
        places, _ = way(world, 25568)
    assert places["host_firewall"] == ("done", "rules_send_on")


@pytest.mark.parametrize(("address", "basis", "state"), [("203.0.113.5", "public_address", "done"),
                                                         ("100.64.7.5", "shared_address", "unknown")])
def test_the_kind_of_the_own_address(world, address, basis, state):
    gateway = address[:-1] + "1"
    world.address(world.host, "eth0", f"{address}/24")
    checked("ip", "-n", world.outside, "addr", "add", f"{gateway}/24", "dev", "eth1")
    checked("ip", "-n", world.host, "route", "add", "default", "via", gateway)
    try:
        with Server(world, 25565, say(b"hello\r\n")):
            places, found = way(world, 25565)
    finally:
        checked("ip", "-n", world.host, "route", "del", "default")
        checked("ip", "-n", world.host, "addr", "del", f"{address}/24", "dev", "eth0")
        checked("ip", "-n", world.outside, "addr", "del", f"{gateway}/24", "dev", "eth1")
    assert places["router"] == (state, basis) and found["way"][3]["detail"] == address


def test_no_route_and_a_router_that_is_silent(world):
    with Server(world, 25565, say(b"hello\r\n")):
        assert way(world, 25565)[0]["router"] == ("refused", "no_router")
        checked("ip", "-n", world.host, "route", "add", "default", "via", "10.77.0.200")
        try:
            subprocess.run(["ip", "netns", "exec", world.host, MINATO, "check", "--timeout", "4", "198.51.100.9:80"],
                           capture_output=True, env=world.environment(), check=False)  # somebody has to ask for it
            assert way(world, 25565)[0]["router"] == ("refused", "router_silent")
        finally:
            checked("ip", "-n", world.host, "route", "del", "default")


def test_in_japanese_every_line_is(world, route):
    with Server(world, 25565, say(b"hello\r\n")):
        text = run(world, "25565", LANG="ja_JP.UTF-8").stdout
    assert "プライベートアドレス" in text and "ここからは確かめられません" in text and "unknown" not in text and "passes" not in text


def test_several_ports_have_no_way_each(world):
    assert "minato explain 25565" in run(world, "25565", "25566").stdout
