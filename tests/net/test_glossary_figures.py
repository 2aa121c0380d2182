"""Figures of the glossary hold what the host really has. Needs root."""
import os
import re
import socket

import pytest

from world import World, checked, container, inside

ALONE = "looks at the whole host"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
INNER = "172.17.0.2"


@pytest.fixture
def world():
    made = World()
    made.declare("minato: 1\n")
    yield made
    made.remove()


def joined(text):
    return re.sub(r"\s+", " ", text)


def call(namespace, target, port):
    """A connection from that namespace. @return the socket."""
    with inside(namespace) as enter:
        return enter(lambda: socket.create_connection((target, port), timeout=5))


@pytest.mark.parametrize("language, words", [("en", "own table of connections"), ("ja", "接続テーブル")])
def test_nat_is_drawn_from_real_connections(world, language, words):
    before = world.minato("explain", "nat", LANGUAGE="en").stdout
    assert "An example, not this host." in before
    with container(world, 80) as namespace:
        world.listen(4430, namespace=world.outside)
        with call(namespace, world.FRIEND, 4430) as client:
            inner_port = client.getsockname()[1]
            told = world.minato("explain", "nat", LANGUAGE=language)
            drawing = world.folder / "nat.svg"
            assert world.minato("explain", "nat", "--svg", drawing).returncode == 0
    assert told.returncode == 0 and words in told.stdout
    row = re.search(rf"{INNER}:{inner_port} +\|---\| :(\d+) +\|---> {world.FRIEND}:4430\n", told.stdout)
    assert row and f"{world.HOST}:{row[1]}" in told.stdout
    assert f"{INNER}:{inner_port}" in drawing.read_text() and "192.168.1.10" not in told.stdout


def test_ranges_have_the_hosts_own_range_and_listeners(world):
    checked("ip", "netns", "exec", world.host, "sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 50000")
    world.listen(25565)
    told = world.minato("explain", "listener", LANGUAGE="en").stdout
    assert "40000-50000: ports that this host's own connections get (10,001)" in told
    assert re.search(r"^  A  25565/tcp", told, re.M)


def test_a_handshake_has_the_numbers_of_a_real_connection(world):
    world.listen(4430, namespace=world.outside)
    with call(world.host, world.FRIEND, 4430) as client:
        port = client.getsockname()[1]
        told = world.minato("explain", "handshake", LANGUAGE="en").stdout
    assert f"{world.HOST}:{port}" in told
    assert f"{world.FRIEND}:4430" in told and "that this host has now" in joined(told)


def test_doors_are_those_of_the_own_address(world):
    world.listen(8080)
    world.listen(9090, address="127.0.0.1")
    world.listen(4430, namespace=world.outside)
    with call(world.host, world.FRIEND, 4430):
        told = world.minato("explain", "port", LANGUAGE="en").stdout
    assert f"a door for each port: {world.HOST}" in told
    assert "[ 8080/tcp ]" in told and "9090" not in told
