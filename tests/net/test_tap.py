"""The tap on a real interface: who is noted, who is not, who is stopped."""
import contextlib
import os
import socket

import pytest

from tap_world import DATA, OPEN, SACK, World
from world import os_setns


@pytest.fixture
def world(netns, tmp_path):
    made = World(netns, tmp_path)
    yield made
    made.close()


@contextlib.contextmanager
def inside(namespace):
    """This process's sockets are made there."""
    before = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    os_setns(there)
    try:
        yield
    finally:
        os_setns(before)
        os.close(before)
        os.close(there)


def listener(world, port, kind=socket.SOCK_STREAM, address="0.0.0.0"):
    with inside(world.host):
        made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    if kind == socket.SOCK_STREAM:
        made.listen()
    return made


def client(world, kind=socket.SOCK_STREAM, family=socket.AF_INET, namespace=None):
    with inside(namespace or world.beyond):
        made = socket.socket(family, kind)
    made.settimeout(5)
    return made


def knock(world, port, host=World.HOST):
    """Asks for a port over TCP. @return errno, 0 = it is open."""
    with client(world, family=socket.AF_INET6 if ":" in host else socket.AF_INET) as asking:
        asking.settimeout(0.3)
        try:
            return asking.connect_ex((host, port))
        except TimeoutError:
            return socket.errno.EAGAIN


def test_a_question_for_a_closed_port_is_a_note(world):
    tap = world.tapped()
    assert knock(world, 4444) == socket.errno.ECONNREFUSED
    [note] = tap.notes()
    assert (note["source"], note["destination"], note["port"], note["protocol"], note["flags"]) == (
        World.BEYOND, World.HOST, 4444, 6, 2)
    assert note["marks"] == SACK and note["option_bytes"] == 20 and note["ttl"] == 64
    assert -1000 < note["age_ms"] < 5000


def test_an_open_port_is_told_to_be_open_once(world):
    tap = world.tapped()
    with listener(world, 8080):
        for _ in range(5):
            assert knock(world, 8080) == 0
    knock(world, 8081)
    assert [(note["port"], note["marks"] & OPEN) for note in tap.notes(2)] == [(8080, OPEN), (8081, 0)]
    assert tap.notes(1, 0) == []
    assert tap.tell("counters")["noted"] == 2


def test_a_connection_with_data_makes_no_further_note(world):
    tap = world.tapped()
    with listener(world, 8080) as serving, client(world) as asking:
        asking.connect((World.HOST, 8080))
        served, _ = serving.accept()
        for _ in range(20):
            asking.sendall(b"x" * 1000)
            assert served.recv(1000) and served.send(b"y") == 1 and asking.recv(1)
        served.close()
    knock(world, 4444)
    assert [note["port"] for note in tap.notes(2)] == [8080, 4444]


def test_ipv6_is_noted_alike(world):
    tap = world.tapped()
    with listener(world, 8080, address="::"):
        knock(world, 8080, World.HOST6)
        knock(world, 8080)
    knock(world, 4444, World.HOST6)
    assert [(note["source"], note["port"], note["marks"] & OPEN) for note in tap.notes(3)] == [
        (World.BEYOND6, 8080, OPEN), (World.BEYOND, 8080, OPEN), (World.BEYOND6, 4444, 0)]


def test_datagrams_are_noted_and_answers_to_the_hosts_own_are_not(world):
    tap = world.tapped()
    with client(world, socket.SOCK_DGRAM) as asking, client(world, socket.SOCK_DGRAM) as name_server:
        name_server.bind((World.BEYOND, 53))
        with client(world, socket.SOCK_DGRAM, namespace=world.host) as resolver:
            resolver.connect((World.BEYOND, 53))
            resolver.send(b"question")
            _, where = name_server.recvfrom(100)
            name_server.sendto(b"answer", where)
            assert resolver.recv(100) == b"answer"
        with listener(world, 5353, socket.SOCK_DGRAM):
            asking.sendto(b"x", (World.HOST, 5353))
            asking.sendto(b"", (World.HOST, 5354))
            notes = tap.notes(2)
    assert [(note["port"], note["protocol"], note["marks"]) for note in notes] == [(5353, 17, OPEN | DATA), (5354, 17, 0)]


def test_a_banned_source_gets_nothing_through_and_is_free_again_afterwards(world):
    tap = world.tapped()
    with listener(world, 8080):
        assert knock(world, 8080) == 0
        tap.done("ban", World.BEYOND, "drop", 600000)
        assert knock(world, 8080) == socket.errno.EAGAIN
        assert knock(world, 8080, World.HOST6) == socket.errno.ECONNREFUSED
        [ban] = tap.tell("bans")
        assert (ban["prefix"], ban["verdict"]) == (World.BEYOND, "drop") and ban["stopped"] > 0
        tap.done("unban", World.BEYOND)
        assert knock(world, 8080) == 0


# ---- without BPF ----

@pytest.fixture
def socket_tap(world):
    made = world.probe(MINATO_WITHOUT="bpf")
    made.done("listen", "socket")
    return made


def test_without_bpf_it_says_so(world):
    answer = world.probe(MINATO_WITHOUT="bpf").tell("load", 0, 0, 0, 0)
    assert answer["result"] == -socket.errno.EOPNOTSUPP and "MINATO_WITHOUT" in answer["error"]


def test_a_socket_makes_the_same_notes(world, socket_tap):
    assert knock(world, 4444) == socket.errno.ECONNREFUSED
    knock(world, 4444)
    assert knock(world, 4445, World.HOST6) == socket.errno.ECONNREFUSED
    notes = socket_tap.notes(2)
    assert [(note["source"], note["port"], note["flags"], note["marks"]) for note in notes] == [
        (World.BEYOND, 4444, 2, SACK), (World.BEYOND6, 4445, 2, SACK)]
    assert socket_tap.notes(1, 0) == []
    assert socket_tap.tell("counters")["suppressed"] == 1


def test_a_socket_tells_of_ports_in_use_and_not_of_what_flows(world, socket_tap):
    with listener(world, 8080) as serving, client(world) as asking:
        asking.connect((World.HOST, 8080))
        served, _ = serving.accept()
        for _ in range(20):
            asking.sendall(b"x" * 1000)
            assert served.recv(1000) and served.send(b"y") == 1 and asking.recv(1)
        served.close()
    seen = {(note["source"], note["flags"]) for note in socket_tap.notes(3)}
    assert seen >= {(World.BEYOND, 2), (World.HOST, 18)}
    assert all(flags in (2, 18, 16, 17) for _, flags in seen)
