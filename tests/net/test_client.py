"""The command line as a client of a running daemon: log, watch and owners for users without root."""
import json
import os
import select
import socket
import subprocess

import pytest

from daemon import BUILD, Daemon, until

READER = 64321  # a group that nobody has
NOBODY = ["setpriv", "--reuid", "64322", "--regid", str(READER), "--clear-groups"]
STRANGER = ["setpriv", "--reuid", "64322", "--regid", "64322", "--clear-groups"]


@pytest.fixture(scope="module")
def daemon():
    """A daemon of our own; the environment in which minato finds it."""
    own = Daemon("--group", str(READER))
    try:
        own.start()
        os.chmod(own.state, 0o700)
        yield dict(os.environ, MINATO_RUNTIME_DIRECTORY=own.runtime, MINATO_STATE_DIRECTORY=own.state,
                   LANG="C.UTF-8", LANGUAGE="en")
    finally:
        own.remove()


def minato(environment, *words, before=()):
    return subprocess.run([*before, BUILD / "minato", *words], env=environment, capture_output=True, text=True,
                          timeout=60)


def test_status_says_that_the_daemon_runs_and_how(daemon):
    state = json.loads(minato(daemon, "status", "--json").stdout)["daemon"]
    assert state == {"state": "running", "events": "kernel", "reason": None}
    assert "daemon: running\n" in minato(daemon, "status").stdout


def test_without_kernel_events_status_says_why():
    own = Daemon(environment={"MINATO_WITHOUT": "bpf"})
    try:
        own.start()
        environment = dict(os.environ, MINATO_RUNTIME_DIRECTORY=own.runtime, LANG="C.UTF-8", LANGUAGE="en")
        state = json.loads(minato(environment, "status", "--json").stdout)["daemon"]
        assert (state["state"], state["events"]) == ("running", "sweep")
        assert state["reason"]
        assert "by sweeps alone" in minato(environment, "status").stdout
    finally:
        own.remove()


def kinds_in_log(environment, before):
    done = minato(environment, "log", "--json", before=before)
    assert done.returncode == 0, done.stderr
    return [event["kind"] for event in json.loads(done.stdout)["events"]]


def test_the_log_is_read_directly_by_root_and_by_the_daemon_for_its_group(daemon):
    for before in ([], NOBODY):
        until(lambda: "daemon_started" in kinds_in_log(daemon, before), "the start is in the log")


def test_strangers_are_told_what_they_lack(daemon):
    for command in ("log", "watch"):
        done = minato(daemon, command, before=STRANGER)
        assert done.returncode == 4
        assert "sudo minato" in done.stderr


def test_the_group_sees_owners_without_root(daemon):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = str(s.getsockname()[1])
        (seen,) = json.loads(minato(daemon, "ports", port, "--json", before=NOBODY).stdout)["ports"]
        assert [owner["pid"] for owner in seen["owners"]] == [os.getpid()]
        assert seen["owners"][0]["executable"] == os.readlink("/proc/self/exe")
        (hidden,) = json.loads(minato(daemon, "ports", port, "--json", before=STRANGER).stdout)["ports"]
        assert hidden["ownership"] == "hidden"


def test_watch_shows_a_listener_as_it_opens(daemon):
    watching = subprocess.Popen([BUILD / "minato", "watch", "--count", "1", "--jsonl", "--pid", str(os.getpid())],
                                env=daemon, stdout=subprocess.PIPE, text=True)
    opened = []
    try:
        for _ in range(100):  # until the stream is followed; each listener stays open
            opened.append(socket.create_server(("127.0.0.1", 0)))
            if select.select([watching.stdout], [], [], 0.2)[0]:
                break
        event = json.loads(watching.stdout.readline())
        assert event["kind"] == "listener_opened"
        assert event["port"] in [s.getsockname()[1] for s in opened]
        assert watching.wait(timeout=10) == 0
    finally:
        watching.kill()
        watching.wait()
        watching.stdout.close()
        for s in opened:
            s.close()


def test_without_a_daemon_the_next_step_is_named(tmp_path):
    done = minato(dict(os.environ, MINATO_RUNTIME_DIRECTORY=str(tmp_path), LANGUAGE="en"), "watch")
    assert done.returncode == 1
    assert "sudo minatod" in done.stderr
