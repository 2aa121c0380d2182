"""`make run` (tools/run): several clones at once, live events, and nothing left behind."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import pytest

from world import heed_signals

ALONE = "looks at the whole host"
ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MINATO_BUILD", ROOT / "build"))
SECONDS = 90

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="the daemon needs root")


def until(answer):
    """Calls answer() until it says something true, and returns that."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = answer()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing after {SECONDS} s")


def descendants(pid):
    found = []
    for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += [int(child), *descendants(int(child))]
    return found


def gone(pid):
    """Whether a process has ended; one that only waits to be collected has."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


class Clone:
    """A folder with what tools/run needs, and one run of it."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "tools").mkdir()
        shutil.copy(ROOT / "tools/run", folder / "tools/run")
        (folder / "build").symlink_to(BUILD)

    def start(self):
        self.out = open(self.folder / "out", "wb")
        self.err = open(self.folder / "err", "wb")
        self.process = subprocess.Popen([self.folder / "tools/run"], stdin=subprocess.DEVNULL, stdout=self.out,
                                        stderr=self.err, start_new_session=True, preexec_fn=heed_signals,
                                        env=dict(os.environ, LANG="C.UTF-8", LANGUAGE="en", LC_ALL="C.UTF-8"))
        self.runtime = until(self.announced)
        self.children = until(lambda: descendants(self.process.pid))

    def announced(self):
        assert self.process.poll() is None, self.said("err")
        found = re.search(r"observing with a daemon of this clone in (\S+);", self.said("err"))
        return pathlib.Path(found.group(1)) if found else None

    def said(self, stream):
        return (self.folder / stream).read_text()

    def left_behind(self):
        """What is still there of the run: files, mounts, processes."""
        left = [str(self.runtime)] if self.runtime.exists() else []
        left += [line for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()
                 if str(self.runtime) in line]
        return left + [pid for pid in self.children if not gone(pid)]

    def end(self):
        """Whatever the test came to."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(SECONDS)
        self.out.close()
        self.err.close()


@pytest.fixture
def clones(tmp_path):
    started = []

    def make(count):
        for number in range(len(started), count):
            folder = tmp_path / f"clone-{number}"
            folder.mkdir()
            started.append(Clone(folder))
            started[-1].start()
        return started

    yield make
    for clone in started:
        clone.end()


def shows_a_new_port(clone):
    """Whether a listener that opens now is told on the run's standard output."""
    def told():
        # A new one each time: the run follows its daemon only a moment after it says that it does.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            time.sleep(0.3)
            return re.search(rf"\b{port}\b", clone.said("out"))

    return until(told)


@root_only
def test_two_clones_run_at_once_and_leave_nothing(clones):
    first, second = clones(2)
    assert first.runtime != second.runtime
    assert (first.runtime / "minatod.sock").is_socket()
    assert shows_a_new_port(first)
    assert shows_a_new_port(second)
    for clone in (first, second):
        clone.children = descendants(clone.process.pid)
        assert len(clone.children) >= 4  # watch, parent, engine, face
        os.killpg(clone.process.pid, signal.SIGINT)  # as the terminal does it
    for clone in (first, second):
        assert clone.process.wait(SECONDS) == 0, clone.said("err")
        assert clone.left_behind() == []
        page = clone.folder / ".state/ports.html"
        assert f"written: {page}" in clone.said("out")
        assert page.read_text().startswith("<!DOCTYPE html>")
        assert {p.name.split("-")[0] for p in (clone.folder / ".state").iterdir()} <= {"events", "anomalies", "ports.html"}


@root_only
def test_a_run_that_is_killed_takes_its_daemon_along(clones):
    clone, = clones(1)
    clone.children = descendants(clone.process.pid)
    clone.process.kill()
    clone.process.wait(SECONDS)
    until(lambda: clone.left_behind() == [])


@root_only
def test_a_second_run_of_the_same_clone_is_refused_with_the_reason(clones):
    clone, = clones(1)
    done = subprocess.run([clone.folder / "tools/run"], capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 1
    assert "another minatod writes to" in done.stderr
    assert clone.process.poll() is None


@root_only
def test_without_root_it_shows_the_overview_and_says_what_needs_sudo():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        for name in ("tools", "build"):
            (pathlib.Path(folder) / name).mkdir()
        shutil.copy(ROOT / "tools/run", f"{folder}/tools/run")
        shutil.copy(BUILD / "minato", f"{folder}/build/minato")
        shutil.copytree(BUILD / "locale", f"{folder}/build/locale")
        for language, overview, words in (
                ("en", "listening socket", "only root may: sudo tools/run"),
                ("ja", "待ち受けソケット", "root 権限が要ります: sudo tools/run"),
                ("en", "listening socket", "no page is written, since")):
            done = subprocess.run([f"{folder}/tools/run"], capture_output=True, text=True, timeout=SECONDS, user=65534,
                                  group=65534, extra_groups=[], env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8",
                                                                     "LANGUAGE": language})
            assert done.returncode == 0
            assert overview in done.stdout
            assert words in done.stderr
        os.mkdir(f"{folder}/.state")
        os.chown(f"{folder}/.state", 65534, 65534)
        done = subprocess.run([f"{folder}/tools/run"], capture_output=True, text=True, timeout=SECONDS, user=65534, group=65534,
                              extra_groups=[], env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"})
        assert f"written: {folder}/.state/ports.html" in done.stdout
