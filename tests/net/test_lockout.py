"""Nobody is locked out: the stories with Debian's openssh, and those of a terminal of the machine."""
import json
import os
import pty
import shutil
import subprocess
import time

import pytest

from openssh import Sshd
from world import World

OPEN = "minato: 1\nports:\n  ssh: {port: 22/tcp, for: administration, owner: o, from: 10.77.0.2}\n"
SHUT = "minato: 1\nports:\n  web: {port: 80/tcp, for: site, owner: o, from: any}\n"


@pytest.fixture
def world():
    made = World()
    yield made
    made.remove()


@pytest.fixture
def tracked(world):
    """Conntrack is at work before the first connection, so that it knows every one."""
    world.nft("table inet track { chain input { type filter hook input priority 0; ct state established accept; }; }")


@pytest.fixture
def ssh(world):
    return Sshd(world)


@pytest.fixture
def master(ssh, world):
    """Options of a connection that stays and is shared."""
    path = world.folder / "control"
    process = subprocess.Popen([str(w) for w in ssh.words("-M", "-S", path, "-N")], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    world.processes.append(process)
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    return ["-S", path]


def test_only_a_login_made_after_the_change_confirms_it(world, ssh, master):
    world.declare(OPEN)
    done = ssh.minato("apply", options=master)
    assert done.returncode == 0, done.stderr
    assert world.candidate() == 1
    done = ssh.minato("confirm", options=master)
    assert done.returncode == 1 and "older than the change" in done.stderr
    assert world.candidate() == 1 and world.confirmed() is None
    tmux = world.folder / "tmux"
    shutil.copy("/bin/sh", tmux)
    done = ssh.minato("confirm", wrap=f"exec {tmux} -c '\"$0\" \"$@\"; exit $?' ")
    assert done.returncode == 1 and "outlives its connection" in done.stderr
    done = world.minato("confirm")
    assert done.returncode == 1 and "neither a login" in done.stderr
    done = ssh.minato("confirm")
    assert done.returncode == 0, done.stderr
    assert world.candidate() is None and world.confirmed() == 1
    assert ssh.gets_in() and not ssh.gets_in(world.OTHER)
    listed = world.minato("rollback", "--list").stdout
    assert "root from 10.77.0.2" in listed and "confirmed" in listed


def test_what_would_cut_the_own_login_is_refused(world, ssh):
    world.declare(SHUT)
    done = ssh.minato("apply")
    assert done.returncode == 1 and "the login that you type this in" in done.stderr
    assert "yours" in done.stdout
    assert world.candidate() is None and ssh.gets_in()


def test_other_rules_that_keep_the_own_login_out_are_a_reason_to_stop(world, tracked, ssh, master):
    """The login is there already; a table of somebody else lets no new one in."""
    world.nft("table inet other { chain input { type filter hook input priority 0; "
              "ct state established accept; tcp dport 22 drop; }; }")
    world.declare(OPEN)
    done = ssh.minato("apply", options=master)
    assert done.returncode == 1 and "other rules would keep the login out" in done.stderr, done.stderr + done.stdout
    assert "tcp dport 22 drop" in done.stdout and world.candidate() is None


def test_who_locks_himself_out_all_the_same_is_let_in_again(world, ssh, master):
    world.declare(SHUT)
    done = ssh.minato("apply", "--even-if-it-cuts-me", "--timeout", 10, options=master)
    assert done.returncode == 0, done.stderr
    assert not ssh.gets_in()
    done = ssh.minato("confirm", options=master)  # the old connection goes on, and proves nothing
    assert done.returncode == 1 and world.confirmed() is None
    deadline = time.monotonic() + 20
    while not ssh.gets_in():
        assert time.monotonic() < deadline
    done = ssh.minato("confirm")
    assert done.returncode == 1 and "taken back" in done.stderr


def test_who_must_never_be_cut_is_not(world, ssh, master):
    """The change is made by somebody else, on the machine itself."""
    world.declare(SHUT + "never_cut: [10.77.0.0/24]\n")
    done = world.minato("apply")
    assert done.returncode == 1 and "never_cut" in done.stderr
    assert world.candidate() is None


class Terminal:
    """minato on a terminal of the machine: without an ancestor that serves a connection."""

    def __init__(self, world, *words, **more):
        self.master, slave = pty.openpty()
        subprocess.run(["setsid", "--fork", "--ctty", *(str(word) for word in world.words(*words))], stdin=slave,
                       stdout=slave, stderr=slave, env=world.environment(TERM="dumb", **more), check=True)
        os.close(slave)
        self.text = ""

    def until(self, words):
        deadline = time.monotonic() + 20
        while words not in self.text:
            assert time.monotonic() < deadline, self.text
            try:
                self.text += os.read(self.master, 4096).decode()
            except OSError:
                assert words in self.text, self.text
        return self.text

    def press(self, key):
        os.write(self.master, key)


def test_a_key_on_a_terminal_keeps_or_takes_back(world):
    world.declare(OPEN)
    terminal = Terminal(world, "apply")
    terminal.until("Keep these rules?")
    assert world.candidate() == 1
    terminal.press(b"n")
    terminal.until("taken back")
    assert world.candidate() is None and world.confirmed() is None
    terminal = Terminal(world, "apply")
    terminal.until("Keep these rules?")
    terminal.press(b"y")
    terminal.until("is confirmed")
    assert world.confirmed() == 2


def test_confirm_on_a_terminal_asks_too(world):
    world.apply(OPEN)
    terminal = Terminal(world, "confirm")
    terminal.until("Keep these rules?")
    terminal.press(b"y")
    terminal.until("is confirmed")
    assert world.confirmed() == 1


def test_another_login_may_confirm_while_the_terminal_asks(world, ssh):
    world.declare(OPEN)
    terminal = Terminal(world, "apply")
    terminal.until("Keep these rules?")
    done = ssh.minato("confirm")
    assert done.returncode == 0, done.stderr
    terminal.press(b"n")
    terminal.until("is confirmed")
    assert world.confirmed() == 1 and world.candidate() is None


def test_a_key_decides_only_what_was_asked_about(world):
    """Somebody else took the change back meanwhile and tries another one, or has something confirmed since."""
    world.declare(OPEN)
    terminal = Terminal(world, "apply")
    terminal.until("Keep these rules?")
    assert world.minato("rollback").returncode == 0
    world.apply(SHUT, "--even-if-it-cuts-me")
    assert world.candidate() == 2
    terminal.press(b"n")
    terminal.until("taken back")
    assert world.candidate() == 2
    world.minato("rollback")
    assert world.candidate() is None


def test_what_was_confirmed_meanwhile_stays_so_in_the_record(world, ssh):
    world.declare(OPEN)
    terminal = Terminal(world, "apply")
    terminal.until("Keep these rules?")
    assert ssh.minato("confirm").returncode == 0
    world.apply(OPEN + "  more: {port: 9000/tcp, for: x, owner: o, from: any}\n")
    assert world.confirmed() == 2
    terminal.press(b"n")
    terminal.until("is confirmed")
    states = {each["number"]: each["state"] for each in json.loads(world.minato("rollback", "--list", "--json").stdout)["states"]}
    assert states == {1: "confirmed", 2: "confirmed"}


def test_silence_on_a_terminal_takes_back(world):
    world.declare(OPEN)
    terminal = Terminal(world, "apply", "--timeout", 10)
    terminal.until("Keep these rules?")
    terminal.until("taken back")
    assert world.candidate() is None and world.confirmed() is None
