"""Listeners as they come and go: the event ring against sockets that the test opens."""
import json
import os
import socket
import subprocess

import pytest

from observed import PROBE

ALONE = "looks at the whole host"
TCP, UDP_BIND, UDP_RELEASE = 1, 2, 4


class Stream:
    """The probe's lines; reading ends when the wanted event came."""

    def __init__(self, ring_bytes=1 << 20):
        self.child = subprocess.Popen([PROBE, "events", str(ring_bytes)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        first = self.child.stdout.readline()
        if not first:
            pytest.skip(f"this kernel gives no events: {self.child.stderr.read()}")
        self.sources = json.loads(first)["sources"]

    def next(self, **wanted):
        """The next event that has these values. The stream never ends by itself: pytest's timeout guards it."""
        for line in self.child.stdout:
            event = json.loads(line)
            if all(event.get(key) == value for key, value in wanted.items()):
                return event
        raise AssertionError(f"the stream ended without {wanted}")

    def end(self):
        """Closes the probe's input; @return all that was still to come, and the number of lost records."""
        rest, _ = self.child.communicate(timeout=30)
        events = [json.loads(line) for line in rest.splitlines()]
        return events[:-1], events[-1]["lost"]


@pytest.fixture
def stream():
    s = Stream()
    yield s
    if s.child.poll() is None:
        s.end()


def test_tcp_listener_opens_and_closes(stream):
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    opened = stream.next(kind="listener_opened", port=port)
    assert (opened["protocol"], opened["address"]) == ("tcp", "127.0.0.1")
    assert (opened["pid"], opened["uid"]) == (os.getpid(), os.geteuid())
    assert opened["netns"] == os.stat("/proc/self/ns/net").st_ino
    closed = stream.next(kind="listener_closed", port=port)
    assert closed["pid"] == os.getpid()
    assert closed["time"] >= opened["time"]


def test_ipv6_listener_has_its_address(stream):
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as s:
        assert stream.next(kind="listener_opened", port=s.getsockname()[1])["address"] == "::1"


def test_connections_are_no_events(stream):
    with socket.create_server(("127.0.0.1", 0)) as s:
        for _ in range(20):
            with socket.create_connection(s.getsockname()):
                s.accept()[0].close()
        port = s.getsockname()[1]
    events, lost = stream.end()
    assert [event["kind"] for event in events if event["port"] == port] == ["listener_opened", "listener_closed"]
    assert lost == 0


def test_listen_without_bind_is_resolved_by_cookie(stream):
    with socket.socket() as s:
        s.listen()
        event = stream.next(kind="listener_opened", pid=os.getpid())
        assert event["port"] == s.getsockname()[1]


@pytest.mark.parametrize("family,address", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_udp_bind_and_close(stream, family, address):
    if not stream.sources & UDP_BIND:
        pytest.skip("no cgroup v2 root to attach to")
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.bind((address, 0))
        port = s.getsockname()[1]
    opened = stream.next(kind="listener_opened", port=port)
    assert (opened["protocol"], opened["address"], opened["pid"]) == ("udp", address, os.getpid())
    assert stream.next(kind="listener_closed", port=port)["protocol"] == "udp"


def test_killed_process_closes_its_listener(stream):
    child = subprocess.Popen(["/usr/bin/python3", "-c", "import socket, time\n"
                              "s = socket.create_server(('127.0.0.1', 0)); time.sleep(60)"])
    opened = stream.next(kind="listener_opened", pid=child.pid)
    child.kill()
    child.wait()
    assert stream.next(kind="listener_closed", port=opened["port"])["pid"] == child.pid


def test_mptcp_is_told_once(stream):
    try:
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    except OSError as error:
        pytest.skip(f"this kernel has no MPTCP: {error}")
    with s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
    events, _ = stream.end()
    assert [event["protocol"] for event in events if event["port"] == port] == ["mptcp", "mptcp"]


def test_lost_records_are_counted():
    stream = Stream(ring_bytes=4096)
    os.kill(stream.child.pid, 19)  # SIGSTOP: nobody reads
    for _ in range(200):
        socket.create_server(("127.0.0.1", 0)).close()
    os.kill(stream.child.pid, 18)
    events, lost = stream.end()
    assert lost > 0
    told = [event for event in events if event["pid"] == os.getpid()]
    assert len(told) + lost >= 400


def test_thousand_listeners_none_missed(stream):
    ports = set()
    for _ in range(1000):
        with socket.create_server(("127.0.0.1", 0)) as s:
            ports.add(s.getsockname()[1])
    events, lost = stream.end()
    mine = [event for event in events if event["pid"] == os.getpid()]
    assert lost == 0
    assert len([event for event in mine if event["kind"] == "listener_opened"]) == 1000
    assert {event["port"] for event in mine} == ports
