"""Binds that the guard refuses or watches, as the daemon tells of them."""
import json
import os
import signal
import time

import pytest

from daemon import Daemon, until
from guard_world import NOBODY, OTHER, WEB, guarded_host
from world import MINATO, run

host = pytest.fixture(guarded_host)


@pytest.fixture
def daemon(host):
    """Of the host; started when the test says so."""
    made = Daemon("--policy", host.policy, environment={"MINATO_GUARD_DIRECTORY": str(host.pins)},
                  before=["nsenter", f"--net=/run/netns/{host.namespace}"])
    yield made
    made.remove()


def guard(host, daemon, mode="enforce", program="unit: web.service"):
    return host.guard(("18080/tcp", program), mode=mode, MINATO_RUNTIME_DIRECTORY=daemon.runtime)


def attempts(daemon, *kinds):
    return list(reversed(daemon.ask(f"/v1/events?kind={','.join(kinds or ('bind_refused', 'bind_watched'))}")["events"]))


def first(daemon, *kinds):
    return until(lambda: attempts(daemon, *kinds), "the attempt is told")[0]


def finding(daemon, name):
    return until(lambda: [each for each in daemon.ask("/v1/findings")["findings"] if each["finding"] == name],
                 f"a finding {name}")[0]


def test_a_refused_bind_is_told_within_a_second(host, daemon):
    guard(host, daemon)
    daemon.start()
    rogue = host.binder(OTHER, program=host.copy("rogue"), user=NOBODY)
    begun = time.time()
    assert not rogue.bind(18080)
    told = first(daemon, "bind_refused")
    assert time.time() - begun < 1
    assert told["process"] == "rogue" and told["pid"] == rogue.pid() and told["uid"] == NOBODY
    assert told["unit"] == "other.service"
    assert told["port"] == 18080 and told["protocol"] == "tcp" and told["address"] == "127.0.0.1"
    assert told["detail"] == "unit: web.service" and told["count"] == 1
    assert told["netns"] == os.stat(f"/run/netns/{host.namespace}").st_ino


def test_a_watched_bind_is_told_and_goes_through(host, daemon):
    guard(host, daemon, mode="observe")
    daemon.start()
    assert host.binds(18080, OTHER)
    assert first(daemon)["kind"] == "bind_watched"
    assert "bound 18080/tcp" in finding(daemon, "bind-watched")["text"]


def test_a_guard_that_comes_after_the_daemon_is_heard_too(host, daemon):
    host.declare([("18080/tcp", "unit: web.service", "host")])
    daemon.start()
    guard(host, daemon)
    assert not host.binds(18080, OTHER)
    assert first(daemon)["kind"] == "bind_refused"
    # Ended and begun anew it has another ring.
    more = {"MINATO_RUNTIME_DIRECTORY": daemon.runtime}
    assert host.minato("off", **more).returncode == 0
    guard(host, daemon)
    assert not host.binds(18080, OTHER, user=NOBODY)
    until(lambda: [e for e in attempts(daemon) if e["uid"] == NOBODY], "the attempt against the second guard")


def test_nothing_is_stolen_from_the_daemon_and_nothing_is_told_twice(host, daemon):
    guard(host, daemon)
    daemon.start()
    users = range(20001, 20041)
    for user in users:
        assert not host.binds(18080, OTHER, user=user)
        if user % 10 == 0:
            guard(host, daemon)  # the same guard with another table
            host.status()
    until(lambda: len(attempts(daemon)) >= len(users), "all of them are told")
    assert [each["uid"] for each in attempts(daemon)] == list(users)


def test_who_tries_again_and_again_fills_no_disk(host, daemon):
    guard(host, daemon)
    daemon.start()
    rogue = host.binder(OTHER)
    assert rogue.tell("often", 2000, "tcp", "127.0.0.1", 18080) == 2000
    first(daemon)
    assert daemon.stop() == 0
    daemon.start()
    assert [each["count"] for each in attempts(daemon)] == [1, 1999]


def test_an_engine_that_is_killed_loses_no_attempt(host, daemon):
    guard(host, daemon)
    daemon.start()
    os.kill(daemon.pids()["engine"], signal.SIGKILL)
    assert not host.binds(18080, OTHER)
    assert first(daemon)["kind"] == "bind_refused"


def test_attempts_wait_for_a_daemon_that_is_not_there(host, daemon):
    guard(host, daemon)
    assert not host.binds(18080, OTHER)
    daemon.start()
    assert first(daemon)["kind"] == "bind_refused"


def test_it_is_a_finding_while_it_is_recent(host, daemon):
    guard(host, daemon)
    daemon.start()
    assert not host.binds(18080, OTHER, program=host.copy("rogue"), user=NOBODY)
    told = finding(daemon, "bind-refused")
    assert told["severity"] == "medium" and told["declaration"] == "d0"
    assert "rogue" in told["text"] and f"uid {NOBODY}, other.service" in told["text"]
    assert "d0 keeps it for unit: web.service" in told["text"]
    # The next daemon still knows.
    assert daemon.stop() == 0
    daemon.start()
    finding(daemon, "bind-refused")
    # Whom the policy lets bind meanwhile is no finding.
    host.declare([("18081/tcp", "unit: web.service", "host")])
    os.kill(daemon.process.pid, signal.SIGHUP)
    until(lambda: not [each for each in daemon.ask("/v1/findings")["findings"] if each["finding"] == "bind-refused"],
          "the finding goes")


def test_log_says_it_in_words(host, daemon):
    guard(host, daemon)
    daemon.start()
    rogue = host.binder(OTHER, program=host.copy("rogue"), user=NOBODY)
    assert not rogue.bind(18080)
    first(daemon)
    words = {"C.UTF-8": ("bind refused", "by user nobody, other.service; declared for unit: web.service"),
             "ja_JP.UTF-8": ("bind 拒否", "ユーザー nobody、other.service。宣言: unit: web.service")}
    for language, (kind, rest) in words.items():
        done = run(MINATO, "log", "--kind", "bind_refused", "--state-directory", daemon.state,
                   env={**os.environ, "LANG": language, "MINATO_RUNTIME_DIRECTORY": daemon.runtime})
        assert done.returncode == 0, done.stderr
        assert kind in done.stdout and f"rogue ({rogue.pid()})" in done.stdout and rest in done.stdout, done.stdout


def test_status_and_findings_say_it(host, daemon):
    guard(host, daemon)
    daemon.start()
    assert not host.binds(18080, OTHER, program=host.copy("rogue"), user=NOBODY)
    first(daemon)
    words = {"C.UTF-8": "tried to bind 18080/tcp and was refused: d0 keeps it for unit: web.service",
             "ja_JP.UTF-8": "18080/tcp をバインドしようとして拒否されました"}
    for language, sentence in words.items():
        environment = {"LANG": language, "MINATO_STATE_DIRECTORY": daemon.state}
        done = host.minato("--severity", "medium", "--json", command="findings", **environment)
        told = [each for each in json.loads(done.stdout)["findings"] if each["finding"] == "bind-refused"]
        assert len(told) == 1 and sentence in told[0]["text"], done.stdout + done.stderr
        told = json.loads(host.minato("--json", command="status", **environment).stdout)["findings"]
        assert [each["facts"]["unit"] for each in told if each["finding"] == "bind-refused"] == ["other.service"]
    # Without the store, or without leave to read it, there is nothing to tell of.
    done = host.minato("--json", command="findings", MINATO_STATE_DIRECTORY="/nonexistent")
    assert done.returncode == 0 and "bind-refused" not in done.stdout


def test_the_control_socket_takes_no_ring_without_its_size(host, daemon):
    import socket
    host.declare([("18080/tcp", "unit: web.service", "host")])
    daemon.start()

    def order(text, fds=()):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
            control.connect(daemon.runtime + "/control.sock")
            socket.send_fds(control, [text.encode()], fds)
            return control.recv(100).decode()

    with open("/dev/null", "rb") as nothing:
        refused = "guard wants the size of its ring, and the ring beside it"
        assert order("guard 4096") == refused
        assert order("guard 0", [nothing.fileno()]) == refused
        assert order("guard x", [nothing.fileno()]) == refused
        assert order("guard 99999999999", [nothing.fileno()]) == refused
        assert order("ping", [nothing.fileno()]).startswith("minatod")
        assert order("guard 262144", [nothing.fileno()]) == "the bind guard is listened to"
    until(lambda: "binds that do not fit are not told" in daemon.said(), "the engine says why it cannot")
    guard(host, daemon)
    assert not host.binds(18080, OTHER)
    assert first(daemon)["kind"] == "bind_refused"
    open_fds = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
    for _ in range(20):
        guard(host, daemon)
    assert len(os.listdir(f"/proc/{daemon.process.pid}/fd")) == open_fds


def test_the_declared_service_is_told_of_by_nobody(host, daemon):
    guard(host, daemon)
    daemon.start()
    assert host.binds(18080, WEB)
    assert not host.binds(18080, OTHER)
    first(daemon)
    assert [each["unit"] for each in attempts(daemon)] == ["other.service"]
    assert json.loads(host.minato("status", "--json").stdout)["guard"]["lost_count"] == 0
