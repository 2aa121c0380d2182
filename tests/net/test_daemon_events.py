"""minatod: what opens and closes is told at once, kept, and told once."""
import os
import signal
import socket
import subprocess
import threading

import pytest

from daemon import Daemon, listen, until


@pytest.fixture
def daemons():
    made = []

    def make(*options, **more):
        made.append(Daemon(*options, **more))
        return made[-1].start()

    yield make
    for daemon in reversed(made):
        daemon.remove()


@pytest.fixture
def daemon(daemons):
    return daemons()


def about(port, *kinds):
    return lambda name, data: name in kinds and data["port"] == port


def test_a_subscriber_hears_a_listener_open_and_close(daemon):
    stream = daemon.stream()
    listener, port = listen()
    opened = stream.until(about(port, "listener_opened"))
    assert (opened["protocol"], opened["address"], opened["pid"]) == ("tcp", "127.0.0.1", os.getpid())
    assert opened["process"]
    listener.close()
    closed = stream.until(about(port, "listener_closed"))
    assert closed["pid"] == os.getpid() and closed["id"] > opened["id"]
    stream.close()


def test_udp_is_heard_too(daemon):
    stream = daemon.stream("?protocol=udp")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        port = udp.getsockname()[1]
        assert stream.until(about(port, "listener_opened"))["protocol"] == "udp"
    stream.until(about(port, "listener_closed"))


def test_listening_without_bind_is_told_with_its_port(daemon):
    stream = daemon.stream("?kind=listener_opened")
    with socket.socket() as listener:
        listener.listen()
        port = listener.getsockname()[1]
        assert stream.until(about(port, "listener_opened"))["port"] == port


def test_what_listened_without_bind_before_the_daemon_closes_with_its_port(daemons):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as early:
        early.listen()  # such a socket has given its number back when the kernel tells of its end
        port = early.getsockname()[1]
        daemon = daemons()
        stream = daemon.stream()
        early.close()
        event = stream.until(about(port, "listener_closed"))
    assert (event["address"], event["pid"]) == ("0.0.0.0", os.getpid())


def test_a_process_that_is_killed_closes_its_ports(daemon):
    program = subprocess.Popen(["/usr/bin/python3", "-c",
                                "import socket, time; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen();"
                                "print(s.getsockname()[1], flush=True); time.sleep(60)"],
                               stdout=subprocess.PIPE, text=True)
    stream = daemon.stream("?after=1")
    port = int(program.stdout.readline())
    stream.until(about(port, "listener_opened"))
    program.kill()
    program.communicate()
    assert stream.until(about(port, "listener_closed"))["pid"] == program.pid


def sweep_twice(daemon):
    """An answer about ports comes from a look taken after the question."""
    before = daemon.status()["sweep"]["count"]
    daemon.ask("/v1/ports?port=1")
    daemon.ask("/v1/ports?port=1")
    assert daemon.status()["sweep"]["count"] >= before + 2


def test_everything_is_told_once_though_events_and_sweeps_both_see_it(daemons):
    daemon = daemons()
    sockets = [listen() for _ in range(20)]
    sweep_twice(daemon)
    ports = {port for _, port in sockets}
    for listener, _ in sockets[:10]:
        listener.close()
    sweep_twice(daemon)
    events = [e for e in daemon.ask("/v1/events?kind=listener_opened,listener_closed")["events"] if e["port"] in ports]
    kinds = [e["kind"] for e in events]
    assert (kinds.count("listener_opened"), kinds.count("listener_closed")) == (20, 10)
    for listener, _ in sockets[10:]:
        listener.close()


def test_without_kernel_events_sweeps_tell(daemons):
    daemon = daemons("--sweep-seconds", "1", environment={"MINATO_WITHOUT": "bpf"})
    status = daemon.status()
    assert status["events"]["source"] == "sweep"
    assert "MINATO_WITHOUT" in status["events"]["reason"]
    assert status["coverage"]["owner_source"] == "proc"
    stream = daemon.stream()
    listener, port = listen()
    opened = stream.until(about(port, "listener_opened"))
    assert opened["address"] == "127.0.0.1"
    listener.close()
    stream.until(about(port, "listener_closed"))


def test_the_stream_filters(daemon):
    first, wanted = listen(), listen()
    stream = daemon.stream(f"?port={wanted[1]}&kind=listener_closed&after=1")
    first[0].close()
    wanted[0].close()
    names = []
    while "listener_closed" not in names:
        name, _, data = stream.frame()
        names.append(name)
        assert name in ("written", "gap") or data["port"] == wanted[1]


def test_who_comes_back_goes_on_where_it_was(daemon):
    stream = daemon.stream()
    one, port = listen()
    seen = stream.until(about(port, "listener_opened"))["id"]
    stream.close()
    one.close()
    stream = daemon.stream(headers={"Last-Event-ID": str(seen)})
    name, number, data = stream.frame()
    while name in ("written", "finding_raised", "finding_cleared"):
        name, number, data = stream.frame()
    assert (name, data["port"]) == ("listener_closed", port) and number > seen


def test_a_face_that_died_costs_a_subscriber_nothing_it_cannot_fetch(daemon):
    stream = daemon.stream()
    one, port = listen()
    seen = stream.until(about(port, "listener_opened"))["id"]
    os.kill(daemon.pids()["face"], signal.SIGKILL)
    one.close()
    until(daemon.is_ready, "it answers again")
    events = until(lambda: [e for e in daemon.ask(f"/v1/events?after={seen}&port={port}")["events"]
                            if e["kind"] == "listener_closed"], "the event is in the store")
    assert len(events) == 1


def test_an_engine_that_died_goes_on_where_it_was_in_the_ring(daemon):
    """The ring outlives its reader: what happens in between is told by the next one."""
    engine = daemon.pids()["engine"]
    os.kill(engine, signal.SIGSTOP)
    one, port = listen()
    one.close()
    os.kill(engine, signal.SIGKILL)
    kinds = until(lambda: len(events_about(daemon, port)) == 2 and events_about(daemon, port), "both are told")
    assert kinds == ["listener_opened", "listener_closed"]


def events_about(daemon, port):
    try:
        return [e["kind"] for e in daemon.ask(f"/v1/events?port={port}&after=1")["events"]
                if e["kind"].startswith("listener")]
    except (OSError, AssertionError):
        return []


def churn(stop, ports, pause=0.0):
    """Opens and closes listeners until it is told to stop."""
    while not stop.wait(pause):
        listener, port = listen()
        ports.append(port)
        listener.close()


def test_kill_9_loses_no_written_event(daemons):
    """Twenty times: what the stream called written is there after the engine was killed."""
    daemon = daemons()
    stop, ports = threading.Event(), []
    thread = threading.Thread(target=churn, args=(stop, ports, 0.001))
    thread.start()
    try:
        for trial in range(20):
            acknowledged, seen = hear_until_written(daemon, trial)
            daemon.kill()
            daemon.start()
            stored = {e["id"] for e in fetch_from(daemon, min(seen) - 1, acknowledged)}
            missing = {i for i in seen if i <= acknowledged} - stored
            assert missing == set(), f"trial {trial}: {len(missing)} of {len(seen)} lost"
    finally:
        stop.set()
        thread.join()


def hear_until_written(daemon, trial):
    """Listens for some frames. @return (the last id that is written, ids of events heard)."""
    stream = daemon.stream()
    seen, acknowledged = [], 0
    while len(seen) < 20 + 13 * trial or acknowledged < seen[0]:
        name, number, data = stream.frame()
        if name == "written":
            acknowledged = data["id"]
        elif number is not None:
            seen.append(number)
    stream.close()
    return acknowledged, seen


def fetch_from(daemon, after, last):
    """Pages through /v1/events."""
    while True:
        events = daemon.ask(f"/v1/events?after={after}&limit=1000")["events"]
        yield from events
        if not events or events[-1]["id"] >= last:
            return
        after = events[-1]["id"]


def test_a_slow_subscriber_is_dropped_with_a_count(daemon):
    slow = daemon.stream()
    stop, ports = threading.Event(), []
    thread = threading.Thread(target=churn, args=(stop, ports))
    thread.start()
    try:
        until(lambda: len(ports) > 12000, "more than anybody keeps", seconds=60)
    finally:
        stop.set()
        thread.join()
    frames = []
    with pytest.raises(EOFError):
        while True:
            frames.append(slow.frame())
    assert frames[-1][0] == "dropped"
    assert frames[-1][2]["missed"] > 0
