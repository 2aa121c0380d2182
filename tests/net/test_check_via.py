"""minato check --via: the view from outside, over Debian's own ssh between two namespaces."""
import contextlib
import json
import pathlib
import shutil
import socket
import subprocess
import threading

import pytest

from names import Names
from openssh import Sshd
from test_check import ABSENT, HOST, Server, answer, say
from world import MINATO, World, inside

FRIEND = World.FRIEND
PLACES = ("program", "host_firewall", "lan", "router", "internet")


class Sshd(Sshd):
    """The sshd of tests/net/openssh.py, whose logins have a PATH of the test."""

    def settings(self):
        self.path = self.folder / "bin"
        self.path.mkdir(mode=0o755)
        self.tools("bash", "timeout")
        return super().settings() + f"SetEnv PATH={self.path}\n"

    def tools(self, *names):
        """What is there to ask with, beside the shell."""
        for each in self.path.iterdir():
            each.unlink()
        for name in ("sh", *names):
            found = shutil.which(name)
            if found:
                (self.path / name).symlink_to(found)


@pytest.fixture(scope="module")
def world():
    made = World()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def sshd(world):
    names = Names(world.outside)
    made = Sshd(world)
    (names.folder / "ssh").mkdir()
    (names.folder / "ssh" / "ssh_config").write_text(
        f"Host vps\n HostName {HOST}\n User root\nHost stranger\n HostName {HOST}\n StrictHostKeyChecking yes\n"
        f"Host gone\n HostName {ABSENT}\nHost *\n IdentityFile {made.folder}/client\n IdentitiesOnly yes\n"
        " StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n")
    yield made
    names.remove()


def run(world, *words, **more):
    return subprocess.run(["ip", "netns", "exec", world.outside, MINATO, "check", *words], capture_output=True, text=True,
                          timeout=90, env=world.environment(**more), check=False)


def check(world, *words):
    done = run(world, "--json", *words)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)["checks"], done


@contextlib.contextmanager
def own_server(world, port, serve=say(b"hello\r\n")):
    """A server in the namespace that minato runs in."""
    def make():
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("0.0.0.0", port))
        made.listen(16)
        return made

    with inside(world.outside) as call:
        listener = call(make)

    def loop():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=attend, args=(connection,), daemon=True).start()

    def attend(connection):
        with contextlib.suppress(OSError), connection:
            serve(connection)

    threading.Thread(target=loop, daemon=True).start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def test_an_own_port_is_seen_from_outside(world, sshd):
    """The other host asks the address that the login comes from, as it sees it: behind NAT that is the router's."""
    with own_server(world, 25565):
        (found,), done = check(world, "--via", f"ssh:root@{HOST}", "25565")
        text = run(world, "--via", f"ssh:root@{HOST}", "25565").stdout
    assert found["via"] == {"from": f"ssh:root@{HOST}", "answered": True, "cause": "answers", "tool": "bash", "address": FRIEND}
    assert [each["place"] for each in found["way"]] == list(PLACES)
    assert found["way"][-1]["state"] == "done" and found["way"][0]["state"] == "done" and done.returncode == 0
    flat = " ".join(text.split())
    assert f"ssh:root@{HOST} gets in: a connection comes about, as {FRIEND}; bash asked there (/dev/tcp)" in flat
    assert "which proves a connection, not who answers" in flat


def test_what_is_open_here_and_shut_outside_is_the_outsides_cause(world, sshd):
    rules = "table inet wall { chain i { type filter hook input priority 0; iifname eth1 tcp dport 25566 drop; }; }"
    subprocess.run(["ip", "netns", "exec", world.outside, "nft", rules], check=True)
    try:
        with own_server(world, 25566):
            (found,), done = check(world, "--timeout", "2", "--via", "ssh:vps", "25566")
    finally:
        subprocess.run(["ip", "netns", "exec", world.outside, "nft", "delete table inet wall"], check=True)
    assert (found["cause"], found["via"]["cause"], done.returncode) == ("answers", "filtered", 14)
    assert found["way"][1]["state"] == "refused" and "dport 25566 drop" in found["way"][1]["more"]
    assert found["way"][-1]["state"] == "refused"


def test_several_ports_over_one_login(world, sshd):
    with own_server(world, 25565), Server(world, 80, answer(b"HTTP/1.1 200 OK\r\n\r\n")):
        found, done = check(world, "--via", "ssh:vps", "25565", "9", f"http://{HOST}", f"tcp://{HOST}:81", "53/udp")
    assert [each["via"]["cause"] for each in found] == ["answers", "refused", "answers", "refused", "unknown"]
    assert [each["via"]["tool"] for each in found] == ["bash"] * 4 + [None]
    assert all(each["way"] is None for each in found) and done.returncode == 15
    assert (sshd.folder / "log").read_text().count("Accepted publickey") <= 8


@pytest.mark.parametrize(("tools", "tool"), [(("nc", "timeout"), "nc"), (("timeout",), None), (("bash",), "bash")])
def test_what_there_is_to_ask_with(world, sshd, tools, tool):
    sshd.tools(*tools)
    try:
        with own_server(world, 25565):
            (found,), _ = check(world, "--via", "ssh:vps", "25565")
            (closed,), _ = check(world, "--via", "ssh:vps", "25567")
    finally:
        sshd.tools("bash", "timeout")
    assert found["via"]["tool"] == (tool if tool != "nc" or shutil.which("nc") else None)
    assert found["via"]["cause"] == ("answers" if found["via"]["tool"] else "unknown")
    assert closed["via"]["cause"] == ("refused" if found["via"]["tool"] else "unknown")


def test_minato_there_is_asked_first(world, sshd):
    sshd.tools("bash", "timeout")
    (sshd.path / "minato").symlink_to(MINATO)
    try:
        with own_server(world, 25565, lambda connection: threading.Event().wait(3)), own_server(world, 25568, lambda c: None):
            (found, broken, udp), _ = check(world, "--via", "ssh:vps", "25565", "25568", "25567/udp")
    finally:
        sshd.tools("bash", "timeout")
    assert (found["via"]["tool"], found["via"]["cause"]) == ("minato", "answers")
    assert (broken["via"]["tool"], broken["via"]["cause"]) == ("minato", "broken_off")
    assert (udp["via"]["tool"], udp["via"]["cause"]) == ("minato", "refused")


def test_nobody_is_asked_for_a_password_and_why_it_failed_is_told(world, sshd):
    for host, reason in (("stranger", "ost key verification failed"), ("gone", "onnect")):
        with own_server(world, 25565):
            done = run(world, "--via", f"ssh:root@{host}", "25565")
        assert f"ssh:root@{host} did not answer: " in done.stderr and reason in done.stderr, done.stderr
        assert "it did not answer" in " ".join(done.stdout.split()) and done.returncode == 0
    assert "Permission denied" in run(world, "--via", f"ssh:nobodyhere@{HOST}", "25565").stderr


def test_words_that_would_be_something_else_are_refused(world):
    for word in ("vps", "ssh:", "ssh:-oProxyCommand=touch", "ssh:root@-oX", "ssh:a b", "ssh:a;b", "ssh:$(x)@h", "ssh:h:0", "ssh:h:x",
                 "ssh:[::1", "ssh:h'", "ssh:h\n", "http://h"):
        done = run(world, "--via", word, "25565")
        assert done.returncode == 3 and "ssh:USER@HOST" in done.stderr, word


def test_a_profile_that_writes_does_not_disturb(world, sshd):
    """What a login's shell says is no answer, and no byte of it reaches the terminal."""
    noise = pathlib.Path(sshd.path) / "sh"
    noise.unlink()
    noise.write_text("#!/bin/sh\nprintf 'minato-via 0 bash 0 \\033[2J\\nminato-via 99 bash 0 x\\nhello\\n' >&1\n"
                     "printf '\\033[31mmotd\\n' >&2\nexec /bin/sh \"$@\"\n")
    noise.chmod(0o755)
    try:
        done = run(world, "--via", "ssh:vps", "25569")
    finally:
        sshd.tools("bash", "timeout")
    assert "\x1b" not in done.stdout + done.stderr
    assert "it is refused" in " ".join(done.stdout.split())


def test_a_host_that_never_answers_ends(world, sshd):
    slow = pathlib.Path(sshd.path) / "sh"
    slow.unlink()
    slow.write_text("#!/bin/sh\nexec sleep 100\n")
    slow.chmod(0o755)
    (sshd.path / "sleep").symlink_to(shutil.which("sleep"))
    try:
        done = run(world, "--timeout", "1", "--via", "ssh:vps", "25569")
    finally:
        sshd.tools("bash", "timeout")
    assert "did not answer" in done.stderr and done.returncode == 15


def test_nothing_goes_with_watch(world):
    assert run(world, "--watch", "1", "--via", "ssh:vps", "80").returncode == 3
