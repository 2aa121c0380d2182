"""minatod that has learned for weeks: a new listener, guessed logins, a full queue; what a person says is fine."""
import os
import pathlib
import socket
import subprocess

import pytest

from daemon import BUILD, Daemon, until
from world import World, inside

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")
HIGH, KNOWN, LOGIN = 24680, 18080, 5432  # 5432: a service with a login in the catalogue


@pytest.fixture
def world():
    made = World()
    yield made
    made.remove()


@pytest.fixture
def daemons(world):
    made = []

    def make(days=21, without="netns", **more):
        daemon = Daemon("--sweep-seconds", "1", before=["nsenter", f"--net=/run/netns/{world.host}"],
                        environment={"MINATO_WITHOUT": without}, **more)
        if days is not None:
            subprocess.run([BUILD / "tests/net/anomaly-probe", pathlib.Path(daemon.state) / "anomalies", str(days),
                            f"{KNOWN}/python", f"{LOGIN}/python"], check=True)
            os.chmod(daemon.state + "/anomalies", 0o644)
        made.append(daemon)
        return daemon.start()

    yield make
    for daemon in reversed(made):
        daemon.remove()


def minato(daemon, *words, language="C.UTF-8"):
    return subprocess.run([str(BUILD / "minato"), *words], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "MINATO_RUNTIME_DIRECTORY": daemon.runtime, "LANG": language,
                               "MINATO_RULES_DIRECTORY": "/nonexistent", "MINATO_GUARD_DIRECTORY": "/nonexistent"})


def standing(daemon, kind, port):
    """The anomaly of a kind at a port, after a look that begins now."""
    daemon.ask("/v1/ports")
    found = [a for a in daemon.ask("/v1/anomalies")["anomalies"]
             if a["kind"] == kind and a["finding"]["facts"].get("port") in (port, str(port))]
    assert len(found) <= 1
    return found[0] if found else None


def told(daemon, finding):
    return [e for e in daemon.ask("/v1/events?kind=anomaly")["events"] if e["finding"] == finding]


def test_a_new_listener_is_told_once_until_it_is_fine(world, daemons):
    daemon = daemons()
    world.listen(KNOWN)
    assert standing(daemon, "new-listener", KNOWN) is None
    world.listen(HIGH)
    anomaly = until(lambda: standing(daemon, "new-listener", HIGH), "the listener is noticed")
    assert anomaly["finding"]["facts"]["process"].startswith("python") and "21 days" in anomaly["finding"]["text"]
    standing(daemon, "new-listener", HIGH)
    assert len(told(daemon, "anomaly-new-listener")) == 1
    assert [f["facts"]["anomaly"] for f in daemon.ask("/v1/findings?finding=anomaly-new-listener")["findings"]] == \
        [anomaly["id"]]
    listed = minato(daemon, "anomalies").stdout
    assert f"{HIGH}/tcp" in listed and f"sudo minato fine {anomaly['id']}" in " ".join(listed.split())
    assert "待ち受け" in minato(daemon, "anomalies", language="ja_JP.UTF-8").stdout

    done = minato(daemon, "fine", anomaly["id"])
    assert done.returncode == 0 and "fine from now on" in done.stdout, done.stderr
    assert standing(daemon, "new-listener", HIGH) is None
    assert daemon.ask("/v1/findings?finding=anomaly-new-listener")["findings"] == []

    # Also for the next daemon.
    assert daemon.stop() == 0
    until(lambda: not os.path.exists(daemon.runtime + "/minatod.lock"), "the helper has cleaned up")
    after = daemons(days=None, state=daemon.state)
    assert standing(after, "new-listener", HIGH) is None
    assert len(told(after, "anomaly-new-listener")) == 1
    assert anomaly["id"] in minato(after, "anomalies", "--fine").stdout
    assert minato(after, "fine", "--undo", anomaly["id"]).returncode == 0
    assert until(lambda: standing(after, "new-listener", HIGH), "it is told again")["id"] == anomaly["id"]
    assert minato(after, "fine", "00000000").returncode == 1


def attempt(world, server, times):
    """Connections of the outside that say nothing and go, one after the other."""
    def go():
        for _ in range(times):
            with socket.create_connection((world.HOST, LOGIN), timeout=5):
                server.accept()[0].close()

    with inside(world.outside) as call:
        call(go)


def test_guessed_logins_are_told_with_their_source(world, daemons):
    daemon = daemons()
    server = world.listen(LOGIN)
    standing(daemon, "brute-force", LOGIN)
    attempt(world, server, 8)
    assert standing(daemon, "brute-force", LOGIN) is None
    attempt(world, server, 60)
    anomaly = until(lambda: standing(daemon, "brute-force", LOGIN), "the guesses are noticed")
    facts = anomaly["finding"]["facts"]
    assert facts["peer"] == world.FRIEND and 30 <= int(facts["now"]) <= 68
    assert len(told(daemon, "anomaly-brute-force")) == 1
    shown = minato(daemon, "anomalies", anomaly["id"])
    assert shown.returncode == 0 and world.FRIEND in shown.stdout and "since" in shown.stdout


def test_a_full_queue_is_told_with_its_room(world, daemons):
    daemon = daemons()

    def make():
        server = socket.create_server(("0.0.0.0", KNOWN), backlog=1)
        world.sockets.append(server)

    def fill():
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex((world.HOST, KNOWN))
            world.sockets.append(client)

    with inside(world.host) as call:
        call(make)
    with inside(world.outside) as call:
        call(fill)
    anomaly = until(lambda: standing(daemon, "queue-overflow", KNOWN), "the queue is seen full")
    assert int(anomaly["finding"]["facts"]["high"]) == 1


def test_the_first_connection_of_a_service_is_told_with_where_it_leads(world, daemons):
    daemon = daemons()
    world.listen(KNOWN)
    target = world.listen(KNOWN, namespace=world.outside)

    def go():
        client = socket.create_connection((world.FRIEND, KNOWN), timeout=5)
        world.sockets.append(client)

    def first():
        daemon.ask("/v1/ports?connections=true")
        found = [a for a in daemon.ask("/v1/anomalies")["anomalies"] if a["kind"] == "first-outbound"]
        return found[0] if found else None

    assert first() is None
    with inside(world.host) as call:
        call(go)
    facts = until(first, "the connection is noticed")["finding"]["facts"]
    assert facts["process"].startswith("python") and facts["peer"] == world.FRIEND
    assert int(facts["remote_port"]) == KNOWN and int(facts["days"]) == 21
    target.close()


def test_without_kernel_events_looks_find_them_too(world, daemons):
    daemon = daemons(without="netns,bpf")
    server = world.listen(LOGIN)
    standing(daemon, "brute-force", LOGIN)
    world.listen(HIGH)
    assert until(lambda: standing(daemon, "new-listener", HIGH), "the listener is noticed")
    assert daemon.status()["events"]["source"] == "sweep"
    server.close()


def test_a_daemon_that_has_just_begun_says_that_it_learns(world, daemons):
    daemon = daemons(days=None)
    world.listen(HIGH)
    assert standing(daemon, "new-listener", HIGH) is None
    assert "still learning" in minato(daemon, "anomalies").stdout
    assert daemon.ask("/v1/anomalies")["learned"]["listeners"] is False


def test_a_damaged_file_is_set_aside_and_said(world, daemons):
    state = daemons().state
    daemon = Daemon("--sweep-seconds", "1", before=["nsenter", f"--net=/run/netns/{world.host}"],
                    environment={"MINATO_WITHOUT": "netns"})
    path = pathlib.Path(daemon.state) / "anomalies"
    bytes_ = bytearray((pathlib.Path(state) / "anomalies").read_bytes())
    bytes_[-1] ^= 1
    path.write_bytes(bytes_)
    path.chmod(0o644)
    try:
        daemon.start()
        learned = daemon.ask("/v1/anomalies")["learned"]
        assert "begins anew" in learned["fault"] and learned["watched_minutes"] == 0
        assert (path.parent / "anomalies.damaged").read_bytes() == bytes(bytes_)
        assert "begins anew" in minato(daemon, "anomalies").stdout
    finally:
        daemon.remove()


def test_only_root_says_what_is_fine(world, daemons):
    daemon = daemons()
    world.listen(HIGH)
    anomaly = until(lambda: standing(daemon, "new-listener", HIGH), "the listener is noticed")
    group = os.stat(daemon.socket).st_gid
    done = subprocess.run([str(BUILD / "minato"), "fine", anomaly["id"]], capture_output=True, text=True, timeout=60,
                          user=65534, group=group, extra_groups=[],
                          env={"MINATO_RUNTIME_DIRECTORY": daemon.runtime, "LANG": "C.UTF-8", "PATH": os.environ["PATH"]})
    assert done.returncode == 4 and "only root" in done.stderr, done.stderr
    assert standing(daemon, "new-listener", HIGH) is not None
