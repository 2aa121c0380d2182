"""A flood of an open port is named, and a rush of clients is none."""
import os
import select
import signal
import socket
import struct
import time

import pytest

import packets
from sentry_world import SentryWorld, incidents, looking, named
from world import inside

ALONE = "measures what the sentry has to bear"
OPEN, PORTS = 2020, range(2001, 2041)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def world(tmp_path):
    made = SentryWorld(tmp_path)
    made.listen(OPEN)
    yield made
    made.remove()


@pytest.fixture
def daemon(world):
    made = world.watching()
    made.start()
    looking(made)
    yield made
    made.remove()


def forged(number, six):
    """From another address each, as whoever floods with SYN sends them."""
    segment = packets.tcp(OPEN, source_port=number * 7 % 60000 + 1)
    if six:
        return packets.ipv6(segment, source=f"2001:db8:{number % 60000:x}::{number:x}", destination=SentryWorld.HOST6)
    source = f"{11 + number % 90}.{number // 90 % 250}.{number * 7 % 250}.{number % 253 + 1}"
    return packets.ipv4(segment, source=source, destination=SentryWorld.HOST)


@pytest.mark.parametrize("one_source", [False, True], ids=["forged sources", "one source"])
@pytest.mark.parametrize("six", [False, True], ids=["ipv4", "ipv6"])
def test_a_flood_of_an_open_port_is_named(world, daemon, six, one_source):
    mac = world.mac("eth0")
    for number in range(200000):
        packet = forged(number, six)
        if one_source:
            segment = packets.tcp(OPEN, source_port=number % 60000 + 1)
            packet = packets.ipv6(segment, destination=world.HOST6) if six else packets.ipv4(segment, destination=world.HOST)
        world.send(packet, mac)
        if number % 2000 == 1999:
            found = incidents(daemon)
            if found:
                break
            time.sleep(0.1)  # at most 20,000 a second
    [flood] = incidents(daemon)
    print(f"named after {number + 1} packets: {flood}")
    assert (flood["kind"], flood["probe"], flood["first_ports"]) == ("flood", "syn", [OPEN])
    assert (flood["source"] is None and flood["source_count"] > 1) != one_source
    assert flood["target"] == (world.HOST6 if six else world.HOST) and flood["packet_count"] > 1000
    world.scan("syn", PORTS, "203.0.113.7")
    named(daemon, "203.0.113.7", kind="scan")


def test_a_rush_of_clients_is_no_flood(world, daemon):
    def rush():
        count, begin = 0, time.monotonic()
        while time.monotonic() - begin < 6:
            clients = [socket.socket() for _ in range(200)]
            for client in clients:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # no port is left waiting
                client.setblocking(False)
                client.connect_ex((world.HOST, 2021))
            for client in clients:
                select.select([], [client], [], 5)
                count += client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
                client.close()
        return count / (time.monotonic() - begin)

    server = world.listen(2021)
    server.listen(1024)
    child = os.fork()
    if child == 0:
        while True:
            server.accept()[0].close()
    try:
        with inside(world.outside) as call:
            rate = call(rush)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    world.scan("syn", PORTS, "198.51.100.7")
    named(daemon, "198.51.100.7")
    assert [each["kind"] for each in incidents(daemon)] == ["scan"]
    print(f"{rate:.0f} connections a second")
    if rate < 1500:
        pytest.skip(f"this machine makes {rate:.0f} connections a second: too few to be taken for a flood")
