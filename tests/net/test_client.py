"""The command line as a client of a running daemon: log, watch and owners for users without root."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from conftest import BUILD

READER = 64321  # a group that nobody has
NOBODY = ["setpriv", "--reuid", "64322", "--regid", str(READER), "--clear-groups"]
STRANGER = ["setpriv", "--reuid", "64322", "--regid", "64322", "--clear-groups"]


@pytest.fixture(scope="module")
def daemon():
    """A daemon of our own; the environment in which minato finds it."""
    runtime = pathlib.Path(tempfile.mkdtemp(prefix="minato-test-", dir="/run"))
    runtime.rmdir()
    state = pathlib.Path(tempfile.mkdtemp(prefix="minato-test-"))
    process = subprocess.Popen([BUILD / "minatod", "--runtime-directory", runtime, "--state-directory", state,
                                "--group", str(READER), "--policy", state / "none.yaml"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert "ready" in process.stderr.readline()
        state.chmod(0o700)
        yield dict(os.environ, MINATO_RUNTIME_DIRECTORY=str(runtime), MINATO_STATE_DIRECTORY=str(state),
                   LANG="C.UTF-8", LANGUAGE="en")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)
        process.stderr.close()
        shutil.rmtree(state)
    assert not runtime.exists()


def minato(environment, *words, before=()):
    return subprocess.run([*before, BUILD / "minato", *words], env=environment, capture_output=True, text=True,
                          timeout=60)


def test_status_says_that_the_daemon_runs(daemon):
    assert json.loads(minato(daemon, "status", "--json").stdout)["daemon"] == "running"


def test_the_log_is_read_directly_by_root_and_by_the_daemon_for_its_group(daemon):
    for before in ([], NOBODY):
        deadline = time.monotonic() + 10
        kinds = []
        while "daemon_started" not in kinds and time.monotonic() < deadline:
            done = minato(daemon, "log", "--json", before=before)
            assert done.returncode == 0, done.stderr
            kinds = [event["kind"] for event in json.loads(done.stdout)["events"]]
        assert "daemon_started" in kinds


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


def test_without_a_daemon_the_next_step_is_named(tmp_path):
    done = minato(dict(os.environ, MINATO_RUNTIME_DIRECTORY=str(tmp_path), LANGUAGE="en"), "watch")
    assert done.returncode == 1
    assert "sudo minatod" in done.stderr
