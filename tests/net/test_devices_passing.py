"""A declared machine behind a router opens a port: known at once, whoever forges what, and only once."""
import os
import socket
import time

import pytest

from daemon import until
from sentry_world import events as incident_events
from test_sentry_router import INNER, INNER6, connect, world, start  # noqa: F401 (fixtures)
from world import checked, inside, run
import packets

POLICY = """minato: 1
defaults: {{inbound: accept}}
hosts:
  camera:
    address: [{inner}, "{inner6}"]
    ports:
      web: {{port: 80/tcp, for: pictures, owner: o}}
      shell: {{port: 22/tcp, for: maintenance, owner: o}}
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def watching(world):  # noqa: F811
    """@return a function that starts a daemon which knows the policy."""
    made = []

    def begin():
        world.policy.write_text(POLICY.format(inner=INNER, inner6=INNER6))
        daemon = world.watching()
        made.append(daemon)
        daemon.start()
        until(lambda: daemon.status()["sentry"]["on"] and daemon.status()["sentry"]["interfaces"] == 2, "the sentry looks")
        return daemon

    yield begin
    for daemon in made:
        daemon.remove()


def opened(daemon):
    """(address, port, detail), oldest first."""
    told = reversed(daemon.ask("/v1/events?kind=port_opened")["events"])
    return [(each["address"], each["port"], each["detail"]) for each in told]


@pytest.mark.parametrize("inner, friend", [(INNER, "FRIEND"), (INNER6, "FRIEND6")], ids=["ipv4", "ipv6"])
def test_a_port_that_a_device_opens_is_told_within_a_second(world, watching, inner, friend):  # noqa: F811
    daemon = watching()
    friend = getattr(world, friend)
    until(lambda: connect(world, friend, 80, inner), "the way is there")
    assert connect(world, friend, 22, inner) is not None and opened(daemon) == []  # declared
    stream = daemon.stream("?kind=port_opened")
    world.listen(23, address=inner, namespace=world.inner)
    begun = time.monotonic()
    assert connect(world, friend, 23, inner)
    told = stream.until(lambda name, data: data and data.get("kind") == "port_opened")
    took = time.monotonic() - begun
    stream.close()
    assert (told["address"], told["port"]) == (inner, 23)
    assert told["detail"] == f"host=camera seen=passing asked_by={friend}"
    assert took < 5, took  # at once, not by the next audit, on a machine that is busy
    assert connect(world, friend, 23, inner) and connect(world, world.OTHER if ":" not in inner else friend, 23, inner)
    time.sleep(0.3)
    assert len(opened(daemon)) == 1
    assert "camera: not declared; it answered" in world.asked(daemon, "log", "--kind", "port_opened")
    assert daemon.status()["devices"] == {"declared": 1, "opened_last_24_hours": 1}
    assert "Devices: 1 port opened in 24 hours" in run(*world.words("status"), env=world.environment_of(daemon)).stdout


def test_what_a_device_answers_to_this_host_is_told(world, watching):  # noqa: F811
    daemon = watching()
    world.listen(1883, address=INNER, namespace=world.inner)
    with inside(world.host) as call:
        call(lambda: [socket.create_connection((INNER, port), 2).close() for port in (80, 1883)])
    told = until(lambda: opened(daemon), "the event")
    assert told == [(INNER, 1883, "host=camera seen=own asked_by=10.99.0.1")]


def test_it_is_told_once_also_by_the_next_daemon(world, watching):  # noqa: F811
    daemon = watching()
    world.listen(23, address=INNER, namespace=world.inner)
    until(lambda: connect(world, world.FRIEND, 23) and opened(daemon), "the event")
    daemon.stop()
    daemon.start()
    until(lambda: daemon.status()["sentry"]["on"] and daemon.status()["sentry"]["interfaces"] == 2, "the sentry looks")
    world.listen(24, address=INNER, namespace=world.inner)
    assert connect(world, world.FRIEND, 23) and connect(world, world.FRIEND, 24)
    until(lambda: len(opened(daemon)) == 2, "the other one")
    assert [port for _, port, _ in opened(daemon)] == [23, 24]


def test_forged_answers_and_undeclared_machines_fill_nothing(world, watching):  # noqa: F811
    daemon = watching()
    checked("ip", "netns", "exec", world.host, "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.lan0.rp_filter=0")
    world.listen(23, address="10.99.0.3", namespace=world.inner)  # of nobody's entry
    assert connect(world, world.FRIEND, 23, "10.99.0.3")
    with inside(world.inner) as call:
        wire = call(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    wire.bind(("eth0", 0))
    mac = world.mac("lan0")
    for port in range(1, 20001):
        for target in (world.FRIEND, "10.99.0.1"):
            forged = packets.ipv4(packets.tcp(40000, packets.SYN | packets.ACK, source_port=port), 6, INNER, target)
            wire.send(mac + packets.ethernet(packets.with_checksum(forged))[6:])
    wire.close()
    world.listen(23, address=INNER, namespace=world.inner)
    assert connect(world, world.FRIEND, 23)
    until(lambda: opened(daemon), "the real one is seen all the same")
    assert [(address, port) for address, port, _ in opened(daemon)] == [(INNER, 23)]


def test_a_device_that_answers_everywhere_is_told_in_few_words(world, watching):  # noqa: F811
    """One line more says that there are too many."""
    daemon = watching()
    for port in range(5001, 5061):
        world.listen(port, address=INNER, namespace=world.inner)
    for port in range(5001, 5061):
        assert connect(world, world.FRIEND, port)
    until(lambda: any(port == 0 for _, port, _ in opened(daemon)), "that there are more")
    time.sleep(0.3)
    assert len(opened(daemon)) == 33
    assert "more than 32 ports" in world.asked(daemon, "log", "--kind", "port_opened")
    assert incident_events(daemon) == []  # a client of sixty open ports scans nobody
