"""minato check: this host's own side first, names with several addresses, queues that overflow."""
import socket
import subprocess

import pytest

from daemon import until
from names import Names
from test_check import ABSENT, FAR, HOST, Server, answer, check, say, step
from world import MINATO, NOBODY, World, checked, inside, run

PAGE = answer(b"HTTP/1.1 200 OK\r\n\r\n")


@pytest.fixture(scope="module")
def world():
    made = World()
    yield made
    made.remove()


@pytest.fixture
def names(world):
    made = Names(world.outside)
    yield made
    made.remove()


def told(world, *words, before=(), **more):
    return subprocess.run(["ip", "netns", "exec", world.outside, *before, MINATO, "check", *words], capture_output=True, text=True,
                          timeout=60, env=world.environment(**more), check=False).stdout


def side(text):
    return next((line.split(None, 2)[2] for line in text.splitlines() if line.startswith("  this side")), None)


# ---- the way to the router ----

def test_no_link(world):
    checked("ip", "-n", world.host, "link", "set", "eth0", "down")
    try:
        assert side(told(world, "--timeout", "1", f"tcp://{HOST}:80")) in ("eth1 has no link: see the cable or Wi-Fi",
                                                                         "no interface has a link: see the cable or Wi-Fi")
    finally:
        world.address(world.host, "eth0", f"{World.HOST6}/64")  # which went with the link
        until(lambda: world.pings(HOST) and world.pings(World.HOST6), "the link is up again")


def test_no_address_and_no_route(world):
    assert side(told(world, f"tcp://{FAR}:80")) == "no route leads there: see ip route"
    checked("ip", "netns", "add", world.outside + "n")
    try:
        checked("ip", "-n", world.outside + "n", "link", "add", "eth5", "type", "veth", "peer", "name", "eth6")
        done = run("ip", "netns", "exec", world.outside + "n", MINATO, "check", f"tcp://{FAR}:80", env=world.environment())
        assert side(done.stdout) == "no interface has a link: see the cable or Wi-Fi"
        for each in ("eth5", "eth6"):
            checked("ip", "-n", world.outside + "n", "link", "set", each, "up")
        done = run("ip", "netns", "exec", world.outside + "n", MINATO, "check", f"tcp://{FAR}:80", env=world.environment())
        assert side(done.stdout) == "no interface has an address: see DHCP, and ip addr"
    finally:
        run("ip", "netns", "del", world.outside + "n")


@pytest.mark.parametrize(("gateway", "sentence"), [
    (ABSENT, f"the router {ABSENT} does not answer: the fault is on this side"),
    (HOST, f"the router {HOST} answers"),
])
def test_the_router(world, gateway, sentence):
    checked("ip", "-n", world.outside, "route", "add", "default", "via", gateway)
    try:
        world.pings(HOST)
        text = told(world, "--timeout", "4", f"tcp://{FAR}:80")
    finally:
        checked("ip", "-n", world.outside, "route", "del", "default")
    assert sentence in text and side(text).startswith("eth1 has its link, address ")


# ---- names ----

def test_a_resolver_that_is_silent_and_one_that_answers_for_itself(world, names):
    names.records["slow.example"] = None
    names.put("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    found = check(world, "http://slow.example")
    assert (found["cause"], found["side"]["resolver"], found["side"]["resolver_state"]) == ("no_resolver", "127.0.0.1", "answers")
    names.put("resolv.conf", f"nameserver {ABSENT}\noptions timeout:1 attempts:1\n")
    text = told(world, "http://slow.example")
    assert "nobody answers for that address on the link" in text or f"the resolver {ABSENT} does not answer" in text
    names.put("resolv.conf", "")
    names.stop()
    assert "no resolver is named in /etc/resolv.conf" in told(world, "http://slow.example")


def test_the_race_is_shown(world, names):
    """The dead address comes first in the list of each family; after 250 ms the next one begins, and wins."""
    names.records["two.example"] = [ABSENT, HOST]
    names.hosts(f"{ABSENT} two.example", f"{HOST} two.example")
    with Server(world, 80, PAGE):
        found = check(world, "http://two.example")
        text = told(world, "http://two.example")
    connects = [each for each in found["steps"] if each["step"] == "connect"]
    assert found["cause"] == "answers" and found["names"]["count"] == 2
    assert {each["outcome"] for each in connects} <= {"ok", "left", "failed"} and step(found, "answer")["to"] == HOST
    assert f"; {HOST} won" in text
    if connects[0]["to"] == ABSENT:
        assert connects[1]["begun_us"] >= 250_000 and "2 of 2 addresses were tried" in text


def test_who_answers_at_once_is_asked_alone(world, names):
    """No connection is made to a second address that nobody needs."""
    names.hosts(*(f"{each} near.example" for each in (World.HOST, World.HOST6)))
    asked = []
    with Server(world, 80, lambda connection: (asked.append(1), PAGE(connection))):
        found = check(world, "http://near.example")
    assert [each["outcome"] for each in found["steps"] if each["step"] == "connect"] == ["ok"] and len(asked) == 1


def test_a_name_with_1000_addresses(world, names):
    names.hosts(*(f"10.77.{i // 250 + 1}.{i % 250 + 1} many.example" for i in range(1000)))
    found = check(world, "--timeout", "1", "http://many.example")
    text = told(world, "--timeout", "1", "http://many.example")
    assert found["names"] | {"duration_us": 0} == {"outcome": "found", "count": 64, "more": True, "duration_us": 0}
    assert len(found["addresses"]) == 16 and len(found["steps"]) == 16
    assert "and many more (the first 64 count)" in text and "16 of 64 addresses were tried, at most 16 are" in text


# ---- what the own rules and ports do ----

def rules(world, text):
    checked("ip", "netns", "exec", world.outside, "nft", text)


def test_a_silent_drop_by_an_own_rule_is_found_by_root(world):
    rules(world, "table inet own { chain out { type filter hook output priority 0; tcp dport 82 drop; }; }")
    try:
        found = check(world, "--timeout", "1", f"tcp://{HOST}:82")
        text = told(world, "--timeout", "1", f"tcp://{HOST}:82")
        unasked = told(world, "--timeout", "1", f"tcp://{HOST}:82", before=NOBODY)
        let_out = told(world, "--timeout", "1", f"tcp://{ABSENT}:83")
    finally:
        rules(world, "delete table inet own")
    assert (found["cause"], found["exit"], found["side"]["output"]) == ("local", 12, "ends")
    assert "tcp dport 82 drop" in found["side"]["output_rule"]
    assert "a rule of this host drops it on the way out" in text and f"minato explain 82 --to {HOST}" in text
    assert "the own rules were not asked (root may)" in unasked and "nothing comes back" in unasked
    assert "own rule" not in let_out or "let it out" in let_out


def test_a_drop_of_the_other_side_is_not_laid_to_the_own_rules(world):
    rules(world, "table inet own { chain out { type filter hook output priority 0; tcp dport 99 drop; }; }")
    world.nft("table inet wall { chain i { type filter hook input priority 0; tcp dport 84 drop; }; }")
    try:
        found = check(world, "--timeout", "1", f"tcp://{HOST}:84")
        text = told(world, "--timeout", "1", f"tcp://{HOST}:84")
    finally:
        world.nft("delete table inet wall")
        rules(world, "delete table inet own")
    assert (found["cause"], found["side"]["output"]) == ("filtered", "lets_out") and "the own rules let it out" in text


def test_a_rule_that_refuses_loudly(world):
    rules(world, "table inet own { chain out { type filter hook output priority 0; tcp dport 85 reject with icmp admin-prohibited; }; }")
    try:
        found = check(world, "--timeout", "2", f"tcp://{HOST}:85")
    finally:
        rules(world, "delete table inet own")
    assert found["cause"] in ("local", "refused_by_firewall", "unreachable") and found["cause"] != "refused"


def test_ports_for_outgoing_connections_are_used_up(world):
    setting = "net.ipv4.ip_local_port_range"
    checked("ip", "netns", "exec", world.outside, "sysctl", "-qw", f"{setting}=40000 40000")
    try:
        with Server(world, 80, lambda connection: None), inside(world.outside) as call:
            with call(lambda: socket.create_connection((HOST, 80))):
                text = told(world, f"http://{HOST}")
                found = check(world, f"http://{HOST}")
    finally:
        checked("ip", "netns", "exec", world.outside, "sysctl", "-qw", f"{setting}=32768 60999")
    assert (found["cause"], found["exit"], step(found, "connect")["error"]) == ("local", 12, "EADDRNOTAVAIL")
    assert "no free port to send from" in text and "sysctl net.ipv4.ip_local_port_range" in text


# ---- queues ----

def test_a_queue_that_overflows_is_counted(world):
    with inside(world.host) as call:
        def make():
            made = socket.socket()
            made.bind((HOST, 99))
            made.listen(1)
            return made
        listener = call(make)
        clients = [call(socket.socket) for _ in range(8)]
    with listener:
        for client in clients:
            client.setblocking(False)
            client.connect_ex((HOST, 99))
        found = check(world, "--timeout", "3", f"tcp://{HOST}:99", namespace=world.host)
        text = subprocess.run(["ip", "netns", "exec", world.host, MINATO, "check", "--timeout", "2", f"tcp://{HOST}:99"],
                              capture_output=True, text=True, env=world.environment(), check=False).stdout
        for client in clients:
            client.close()
    assert (found["cause"], found["inside"]) == ("filtered", "queue_full")
    queue = found["queue"]
    assert queue["waiting"] == 2 and queue["room"] == 1 and queue["lost"] >= queue["lost_meanwhile"] > 0
    assert "2 wait for accept(), room for 1; lost to full queues here:" in text and "its queue is full" in text


def test_a_queue_with_room_is_not_told_of(world):
    with Server(world, 22, say(b"SSH-2.0-x\r\n")):
        found = check(world, "22", namespace=world.host)
    assert found["inside"] == "listens" and found["queue"]["lost_meanwhile"] == 0
