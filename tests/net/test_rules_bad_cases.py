"""What goes wrong around the rules: a clock that is set back, a library that is missing, protocols that open ports by themselves."""
import contextlib
import json
import os
import re
import subprocess
import threading
import time

import pytest

from test_lockout import Terminal
from world import BUILD, World, checked, run

DAY = 86400
SSH = """minato: 1
ports:
  ssh: {port: 22/tcp, for: administration, owner: o, from: 10.77.0.2}
"""
BOTH = SSH + "  web: {port: 80/tcp, for: site, owner: o, from: any}\n"
FTP = "minato: 1\nports:\n  ftp: {port: 21/tcp, for: files, owner: o, from: 10.77.0.2}\n"


@pytest.fixture
def world():
    made = World()
    yield made
    made.remove()


# ---- the clock ----

def wrong(seconds):
    """For a command: its wall clock is so much ahead."""
    return {"LD_PRELOAD": str(BUILD / "tests/net/wrong-clock.so"), "WRONG_CLOCK_SECONDS": str(seconds)}


def test_the_clock_of_these_tests_is_wrong():
    def now(seconds):
        return int(run("date", "+%s", env={**os.environ, **wrong(seconds)}).stdout)

    assert abs(now(-DAY) + DAY - time.time()) < 5 and abs(now(DAY) - DAY - time.time()) < 5


def states(world, **more):
    listed = json.loads(world.minato("rollback", "--list", "--json", **more).stdout)["states"]
    return {state["number"]: state["state"] for state in listed}


@pytest.mark.parametrize("seconds", [-DAY, -400 * DAY, DAY])
def test_a_clock_that_is_set_gives_a_candidate_neither_more_nor_less_time(world, seconds):
    """The time limit is the kernel's, and what is told of it too."""
    world.listen(22)
    world.listen(80)
    world.hold(BOTH)
    began = time.monotonic()
    world.apply(SSH, "--timeout", "10", "--unproven")
    left = re.search(r"(\d+) s (?:are )?left", world.minato("plan", "--unproven", **wrong(seconds)).stdout)
    assert left and 1 <= int(left[1]) <= 10
    until = json.loads(world.minato("status", "--json", "--fail-on", "none", **wrong(seconds)).stdout)
    told = time.strptime(until["rules"]["candidate_until"][:19], "%Y-%m-%dT%H:%M:%S")
    ends = time.mktime(told) - time.timezone - time.time() - seconds
    assert -1 <= ends <= 11, "by the clock that the reader has"
    assert world.connect(80) is None
    while time.monotonic() < began + 20 and not world.connect(80):
        pass
    assert 9 <= time.monotonic() - began < 15
    assert world.minato("restore", **wrong(seconds)).returncode == 0
    assert states(world) == {1: "confirmed", 2: "reverted"} == states(world, **wrong(seconds))
    assert world.confirmed() == 1 and world.candidate() is None


def test_what_was_tried_before_the_clock_was_set_back_can_be_confirmed(world):
    world.listen(22)
    world.hold(BOTH)
    world.apply(SSH, "--timeout", "60", "--unproven")
    terminal = Terminal(world, "confirm", **wrong(-DAY))
    terminal.until("Keep these rules?")
    terminal.press(b"y")
    terminal.until("state 2 is confirmed")
    assert world.confirmed() == 2 and states(world)[2] == "confirmed"
    world.apply(BOTH, "--unproven")  # by the right clock again: the next number, not one of the past
    assert sorted(states(world)) == [1, 2, 3]
    assert world.minato("rollback", "2").returncode == 0


# ---- nft ----

@contextlib.contextmanager
def without_libnftables(world):
    """Words that run a command where the library is not to be loaded."""
    library = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    path = os.path.realpath(next(line.split()[-1] for line in library.splitlines() if "libnftables.so.1 " in line))

    def call(*words, **more):
        hidden = ["unshare", "--mount", "sh", "-c", f'mount --bind /dev/null {path} && exec "$0" "$@"']
        return run(*hidden, *world.words(*words), env=world.environment(**more), stdin=subprocess.DEVNULL)

    yield call


@pytest.mark.parametrize("words", [("plan",), ("apply", "--unproven"), ("restore",), ("confirm",), ("off",)])
def test_without_libnftables_it_is_said_what_to_install(world, words):
    world.hold(SSH)
    world.declare(BOTH)
    before, held = world.listing(), states(world)
    with without_libnftables(world) as command:
        done = command(*words)
        assert done.returncode == 1
        assert "libnftables is not installed" in done.stderr and "sudo apt-get install libnftables1" in done.stderr
        assert "libnftables" in command(*words, LANGUAGE="ja").stderr
    assert world.listing() == before and states(world) == held


def test_without_libnftables_status_goes_by_the_record(world):
    world.hold(SSH)
    with without_libnftables(world) as command:
        done = command("status", "--fail-on", "none")
    assert done.returncode == 0 and "by the record" in " ".join(done.stdout.split())


# ---- IPv6 ----

def test_a_host_without_ipv6_proves_its_rules_too(world):
    """Addresses of a family that the host does not have are no doubt in the proof of the other."""
    checked("ip", "netns", "exec", world.host, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
            "net.ipv6.conf.default.disable_ipv6=1")
    world.listen(22, address="0.0.0.0")
    world.declare("minato: 1\nports:\n  ssh: {port: 22/tcp, for: administration, owner: o, "
                  'from: [10.77.0.2, "2001:db8:77::2"]}\n')
    done = world.minato("apply")
    assert done.returncode == 0, done.stderr + done.stdout
    assert world.candidate() == 1
    proof = json.loads(world.minato("plan", "--json").stdout)["proof"]
    assert proof["packets_asked"] > 0 and proof["packets_agree"] == proof["packets_asked"], proof
    assert world.connect(22, world.FRIEND) and world.connect(22, world.OTHER) is None


# ---- helpers of conntrack ----

class Ftp:
    """As much of a server as passive mode needs: it announces a port and listens there."""

    def __init__(self, world, data_port):
        self.server = world.listen(21, address="0.0.0.0")
        self.data = world.listen(data_port, address="0.0.0.0")
        self.answer = f"227 Entering Passive Mode ({world.HOST.replace('.', ',')},{data_port // 256},{data_port % 256}).\r\n"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            connection, _ = self.server.accept()
            connection.sendall(b"220 ready\r\n")
            while connection.recv(100):
                connection.sendall(self.answer.encode())


def help_ftp(world):
    """As somebody's rules do it: since Linux 4.7 the kernel looks into no session by itself."""
    done = run("ip", "netns", "exec", world.host, "nft", "-f", "-", input="""table inet other {
        ct helper ftp { type "ftp" protocol tcp; }
        chain pre { type filter hook prerouting priority 0; tcp dport 21 ct helper set "ftp"; }
    }""")
    if done.returncode != 0:
        assert "No such file or directory" in done.stderr or "not supported" in done.stderr, done.stderr
        pytest.skip("no FTP helper in this kernel")


def ask_passive(world):
    control = world.connect(21)
    assert control
    control.settimeout(5)
    assert control.recv(100).startswith(b"220")
    control.sendall(b"PASV\r\n")
    assert control.recv(100).startswith(b"227")
    return control


@pytest.mark.parametrize("helped", [False, True])
def test_a_port_that_ftp_announces_is_open_to_that_client_alone_and_only_with_a_helper(world, helped):
    """What conntrack expects is related; without somebody's `ct helper` rule nothing is."""
    Ftp(world, 40021)
    world.hold(FTP)
    if helped:
        help_ftp(world)
    control = ask_passive(world)
    assert not world.connect(40021, world.OTHER), "somebody else"
    assert bool(world.connect(40021)) == helped
    assert not world.connect(40022), "another port"
    assert not world.connect(40021), "it was expected once"
    control.close()


def test_closing_the_port_of_ftp_keeps_what_is_expected_of_a_live_session(world):
    """The data belongs to a connection that goes on; a new session is not let in any more."""
    Ftp(world, 40021)
    world.hold(FTP)
    help_ftp(world)
    control = ask_passive(world)
    world.hold(SSH, "--even-if-it-cuts-me")
    assert world.connect(40021), "announced before"
    control.sendall(b"PASV\r\n")
    assert control.recv(100).startswith(b"227")
    assert world.connect(40021), "announced after"
    assert world.connect(21) is None
    control.close()
