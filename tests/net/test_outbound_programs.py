"""outbound: kept for a unit or an executable, by BPF at connect() and sendmsg(), on the real kernel.

Everything happens below a cgroup, in network namespaces and under pins that each test makes for itself.
"""
import contextlib
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest

from daemon import until
from guard_world import cgroup2
from test_lockout import Terminal
from test_outbound import CLIENT, NOBODY, OTHER_USER, all_ways, outbound, serve
from world import MINATO, World, checked, run

MAIL, OTHER = "system.slice/mail.service", "system.slice/other.service"
UNIT = "  mail: {port: [25/tcp, 25/udp], for: mail, owner: o, program: {unit: mail.service}}"
numbers = itertools.count()


class Host(World):
    def __init__(self):
        super().__init__()
        name = f"mno-{os.getpid()}-{next(numbers)}"
        self.bpf = self.folder / "bpf"
        self.bpf.mkdir()
        checked("mount", "-t", "bpf", "bpf", self.bpf)
        self.pins = self.bpf / "guard"
        self.cgroup = cgroup2() / name
        self.cgroup.mkdir()
        self.held = self.bpf / "guard-outbound"

    def words(self, *words):
        # Not ip netns exec: it hides the file systems of cgroups and BPF.
        return ["nsenter", f"--net=/run/netns/{self.host}", MINATO, "--policy", self.policy, *words]

    def environment(self, **more):
        return super().environment(**{"MINATO_GUARD_DIRECTORY": str(self.pins), "MINATO_GUARD_CGROUP": str(self.cgroup),
                                      **more})

    def group(self, path):
        made = self.cgroup / path
        made.mkdir(parents=True, exist_ok=True)
        return made

    def comes(self, group, port, address=None, protocol="tcp", how="connect", user=0, program=sys.executable,
              namespace=None):
        """What became of it when a program that was just started in that cgroup connected or sent."""
        procs = self.group(group) / "cgroup.procs"
        words = ["nsenter", f"--net=/run/netns/{namespace or self.host}", "setpriv", "--reuid", str(user), "--regid",
                 str(NOBODY), "--clear-groups", program, "-I", "-S", "-c", CLIENT, protocol, address or self.FRIEND,
                 str(port), how, "3"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=30,
                              preexec_fn=lambda: procs.write_text("0"))
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def remove(self):
        self.minato("off")
        checked("umount", "--lazy", self.bpf)
        super().remove()
        for folder, _, _ in os.walk(self.cgroup, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)


@pytest.fixture
def host():
    if cgroup2() is None:
        pytest.skip("needs cgroup v2")
    made = Host()
    yield made
    made.remove()


def test_a_kept_port_is_its_units_alone_by_every_way(host):
    serve(host, 25, 26)
    serve(host, 25, 26, protocol="udp")
    host.hold(outbound(UNIT))
    for address, protocol, how in all_ways(host):
        what = (address, protocol, how)
        assert host.comes(MAIL, 25, address, protocol, how) == "came", what
        assert host.comes(OTHER, 25, address, protocol, how) == "EPERM", what
        assert host.comes(OTHER, 26, address, protocol, how) == "came", "nobody declared it"
    assert host.comes(OTHER, 25, user=OTHER_USER) == "EPERM"
    assert host.comes(MAIL, 25, user=OTHER_USER) == "came"
    mptcp = host.comes(MAIL, 25, protocol="mptcp")
    if mptcp != "EPROTONOSUPPORT":
        assert mptcp == "came"
        assert host.comes(OTHER, 25, protocol="mptcp") == "EPERM"


def test_with_a_default_that_refuses_the_unit_still_connects(host):
    serve(host, 25, 26)
    host.hold(outbound(UNIT, "reject"))
    assert host.comes(MAIL, 25) == "came"
    assert host.comes(OTHER, 25) == "EPERM"
    assert host.comes(MAIL, 26) == "ECONNREFUSED"


def test_the_unit_is_told_by_its_name_also_after_a_restart(host):
    serve(host, 25)
    host.hold(outbound(UNIT))
    for _ in range(2):
        assert host.comes(MAIL, 25) == "came"
        assert host.comes(MAIL + "/worker", 25) == "came", "a cgroup below the unit's"
        for group in (MAIL + "/worker", MAIL):
            (host.cgroup / group).rmdir()
    for forged in ("user.slice/user@1000.service/mail.service", "system.slice/mail.service.d", "mail.slice"):
        assert host.comes(forged, 25) == "EPERM", forged


def test_each_program_has_its_own_destination(host):
    serve(host, 25)
    host.hold(outbound(
        f"  one: {{port: 25/tcp, for: mail, owner: o, to: [{host.FRIEND}, '2001:db8:77::/124'], "
        "program: {unit: mail.service}}\n"
        f"  two: {{port: 25/tcp, for: mail, owner: o, to: rest, program: {{unit: other.service, user: nobody}}}}\n"
        f"  three: {{port: 25/tcp, for: mail, owner: o, to: {host.OTHER6}}}"
    ).replace("outbound:\n", f"who:\n  rest: [{host.OTHER}]\noutbound:\n"))
    mapped = f"::ffff:{host.FRIEND}"
    for address in (host.FRIEND, host.FRIEND6, mapped):
        assert host.comes(MAIL, 25, address) == "came", address
        assert host.comes(OTHER, 25, address, user=NOBODY) == "EPERM", address
    assert host.comes(OTHER, 25, host.OTHER, user=NOBODY) == "came"
    assert host.comes(MAIL, 25, host.OTHER, user=NOBODY) == "EPERM"
    assert host.comes(OTHER, 25, host.OTHER, user=OTHER_USER) == "EPERM", "the user must fit, too"
    assert host.comes(OTHER, 25, host.OTHER, user=0) == "EPERM", "root must, too"
    for group in (MAIL, OTHER):
        assert host.comes(group, 25, host.OTHER6) == "came", "whoever it is"


def test_an_executable_is_told_by_its_path(host):
    serve(host, 25)
    mailer, copy = host.folder / "mailer", host.folder / "copy"
    host.folder.chmod(0o755)
    for path in (mailer, copy):
        shutil.copy(os.path.realpath(sys.executable), path)
    host.hold(outbound(f"  mail: {{port: 25/tcp, for: mail, owner: o, program: {{executable: {mailer}}}}}"))
    assert host.comes(OTHER, 25, program=mailer) == "came"
    assert host.comes(OTHER, 25, program=copy) == "EPERM"
    mailer.unlink()
    copy.rename(mailer)  # as an upgrade does
    assert host.comes(OTHER, 25, program=mailer) == "came"


def test_loopback_and_other_namespaces_are_not_asked(host):
    host.listen(25)
    serve(host, 25)
    host.hold(outbound(UNIT))
    for address in ("127.0.0.1", "::1"):
        assert host.comes(OTHER, 25, address) == "came", address
    assert host.comes(OTHER, 25, "127.0.0.1", namespace=host.outside) != "EPERM"
    assert host.comes(OTHER, 25, host.FRIEND, namespace=host.outside) == "came"


def test_it_holds_while_it_is_tried_and_ends_with_off(host):
    serve(host, 25)
    host.apply(outbound(UNIT), "--unproven")
    assert host.comes(OTHER, 25) == "EPERM" and host.comes(MAIL, 25) == "came", "it is only tried"
    assert host.minato("rollback").returncode == 0
    assert not host.held.exists(), "nothing was kept before"
    host.hold(outbound(UNIT))
    assert host.comes(OTHER, 25) == "EPERM"
    # More may connect: that is confirmed at once, in one step from set to set.
    host.apply(outbound(UNIT + "\n" + UNIT.replace("mail", "other")))
    assert host.comes(OTHER, 25) == "came" == host.comes(MAIL, 25)
    assert host.comes("system.slice/third.service", 25) == "EPERM"
    host.apply(outbound("  mail: {port: 25/tcp, for: mail, owner: o}"))
    assert not host.held.exists()
    host.hold(outbound(UNIT))
    assert host.held.exists()
    assert host.minato("off").returncode == 0
    assert not host.held.exists()
    assert host.comes(OTHER, 25) == "came"


def processes_of(host):
    """The minato that were left behind for this host's record."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and os.readlink(entry / "exe") == str(MINATO) and \
                    str(host.folder).encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
    return found


@pytest.mark.parametrize("before", [None, UNIT])
def test_what_is_tried_ends_by_the_kernels_clock_alone(host, before):
    """Every process of ours is killed; another unit is tried, so that both sides of the change show."""
    serve(host, 25)
    if before is not None:
        host.hold(outbound(before))
    host.apply(outbound(UNIT.replace("mail", "other")), "--unproven", "--timeout", "10")
    for pid in processes_of(host):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert host.comes(OTHER, 25) == "came" and host.comes(MAIL, 25) == "EPERM"
    until(lambda: host.comes(MAIL, 25) == "came", "the time is over", seconds=15)
    assert host.comes(OTHER, 25) == ("came" if before is None else "EPERM")
    # The next command tidies up what is left of it.
    host.declare(outbound(before) if before else "minato: 1\n")
    host.minato("apply", "--unproven")
    assert host.held.exists() == (before is not None)


def test_who_dies_half_way_through_confirming_leaves_it_to_the_one_that_waits(host):
    """hold() confirms in the packet filter alone, as a minato does that is killed right after it."""
    serve(host, 25)
    host.apply(outbound(UNIT), "--unproven", "--timeout", "10")
    number = host.candidate()
    host.nft("flush map inet minato candidate; flush map inet minato candidate-out; "
             f"add element inet minato confirmed {{ ipv4 : goto g{number}-in, ipv6 : goto g{number}-in }}; "
             f"add element inet minato confirmed-out {{ ipv4 : goto g{number}-out, ipv6 : goto g{number}-out }}")
    assert host.comes(OTHER, 25) == "EPERM"
    until(lambda: json.loads(host.minato("plan", "--json").stdout)["outbound_programs_lost"] is False,
          "it is confirmed for the programs too", seconds=20)
    assert host.comes(OTHER, 25) == "EPERM" and host.comes(MAIL, 25) == "came"


def test_a_key_on_a_terminal_makes_it_hold(host):
    serve(host, 25)
    host.declare(outbound(UNIT))
    terminal = Terminal(host, "apply")
    terminal.until("Keep these rules?")
    assert host.comes(OTHER, 25) == "EPERM"
    terminal.press(b"y")
    terminal.until("is confirmed")
    until(lambda: host.comes(OTHER, 25) == "EPERM", "it holds")
    assert host.minato("plan").returncode == 0


def test_what_cannot_be_printed_holds_all_the_same(host):
    """The disk that the output goes to has room for all but the last sentence."""
    serve(host, 25)
    host.hold(outbound(UNIT))
    free = outbound(UNIT.replace(", program: {unit: mail.service}", ""))
    shown = host.apply(free, "--unproven").stdout
    shown = shown[:shown.index("state 2 holds")].encode()
    host.hold(outbound(UNIT))
    assert host.comes(OTHER, 25) == "EPERM"
    small = host.folder / "small"
    small.mkdir()
    checked("mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", small)
    try:
        (small / "out").write_bytes(b" " * (4096 - len(shown)))
        host.declare(free)
        with open(small / "out", "ab") as out:
            done = subprocess.run(host.words("apply", "--unproven"), env=host.environment(), stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=subprocess.PIPE, text=True, check=False)
        assert (small / "out").read_bytes().endswith(shown) and "No space left" in done.stderr and done.returncode == 1
    finally:
        checked("umount", "--lazy", small)
    assert host.comes(OTHER, 25) == "came"


def test_plan_notices_that_it_is_gone_and_apply_puts_it_right(host):
    serve(host, 25)
    host.hold(outbound(UNIT))
    shutil.rmtree(host.held)
    assert host.comes(OTHER, 25) == "came"
    done = host.minato("plan")
    assert done.returncode == 2 and "are not kept for their programs" in done.stdout
    assert json.loads(host.minato("plan", "--json").stdout)["outbound_programs_lost"]
    host.apply()
    assert host.comes(OTHER, 25) == "EPERM"
    assert host.minato("plan").returncode == 0


def test_a_candidate_that_is_taken_back_leaves_what_holds(host):
    serve(host, 25)
    host.hold(outbound(UNIT))
    host.apply(outbound(UNIT.replace("mail", "other")), "--unproven")
    assert host.comes(MAIL, 25) == "EPERM" and host.comes(OTHER, 25) == "came"
    assert host.minato("rollback").returncode == 0
    assert host.comes(MAIL, 25) == "came" and host.comes(OTHER, 25) == "EPERM"


def test_it_comes_again_at_the_start_of_the_host_with_the_rights_of_its_unit(host):
    serve(host, 25)
    host.hold(outbound(UNIT))
    host.nft("flush", "ruleset")
    shutil.rmtree(host.held)
    assert host.comes(OTHER, 25) == "came"
    text = (pathlib.Path(__file__).parents[2] / "packaging/systemd/minato-rules.service.in").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("CapabilityBoundingSet=")]
    kept = ",".join("+" + word.lower().removeprefix("cap_") for word in line.partition("=")[2].split())
    words = host.words("restore")
    done = run(*words[:2], "setpriv", "--bounding-set", f"-all,{kept}", "--inh-caps", "-all", "--no-new-privs",
               *words[2:], env=host.environment())
    assert done.returncode == 0, done.stderr
    assert host.comes(OTHER, 25) == "EPERM" and host.comes(MAIL, 25) == "came"


def test_without_bpf_it_says_what_does_not_hold(host):
    serve(host, 25)
    host.declare(outbound(UNIT))
    done = host.minato("plan", MINATO_WITHOUT="bpf")
    assert "mail: not held to its program here" in done.stdout
    assert "どのプログラムも" in host.minato("plan", MINATO_WITHOUT="bpf", LANGUAGE="ja").stdout
    plan = json.loads(host.minato("plan", "--json", MINATO_WITHOUT="bpf").stdout)
    assert [item["remark"] for item in plan["outbound_programs"]] == ["not_held"]
    assert json.loads(host.minato("plan", "--json").stdout)["outbound_programs"] == []
    host.hold(outbound("  mail: {port: 25/tcp, for: mail, owner: o, program: {user: nobody}}"))
    done = host.minato("restore", MINATO_WITHOUT="bpf")
    assert done.returncode == 0, "by user it needs none"
    host.hold(outbound(UNIT))
    shutil.rmtree(host.held)
    done = host.minato("restore", MINATO_WITHOUT="bpf")
    assert done.returncode == 1 and "does not hold" in done.stderr


def test_plan_tells_of_weak_and_of_impossible_programs(host):
    host.declare(outbound(
        "  a: {port: 25/tcp, for: x, owner: o, program: {executable: /usr/bin/true}}\n"
        "  b: {port: 26/tcp, for: x, owner: o, program: {executable: /no/such/folder/x, user: nobody}}\n"
        "  c: {port: 27/tcp, for: x, owner: o, program: {unit: mail.service, user: no-such-user}}"))
    text = host.minato("plan").stdout
    assert "a: weak" in text and "b: the folder of its executable does not exist" in text
    assert "c: there is no user no-such-user here" in text
    assert "any -> any (user no-such-user, unit mail.service)" in text


def test_a_container_in_the_hosts_network_is_told_by_its_id(host):
    serve(host, 25)
    number = "ab" * 32
    host.hold(outbound(f"  mail: {{port: 25/tcp, for: mail, owner: o, program: {{container: {number}}}}}"))
    assert host.comes(f"system.slice/docker-{number}.scope", 25) == "came"
    assert host.comes(f"docker/{number}", 25) == "came"
    assert host.comes(f"system.slice/docker-{'cd' * 32}.scope", 25) == "EPERM"
    assert host.comes(OTHER, 25) == "EPERM"
    host.declare(outbound("  mail: {port: 25/tcp, for: mail, owner: o, program: {container: no-such}}"))
    done = host.minato("plan")
    assert "any (container no-such)" in done.stdout and "there is no container of that name here" in done.stdout


# ---- what is told of it ----

@pytest.fixture
def daemon(host):
    made = host.daemon(environment={"MINATO_GUARD_DIRECTORY": str(host.pins)})
    yield made
    made.remove()


def told(daemon, kind="connect_refused"):
    return list(reversed(daemon.ask(f"/v1/events?kind={kind}")["events"]))


def first(daemon, kind="connect_refused"):
    return until(lambda: told(daemon, kind), "it is told")[0]


def test_a_refused_connect_is_told_with_program_unit_user_and_destination(host, daemon):
    serve(host, 25)
    host.hold(outbound(UNIT))
    daemon.start()
    assert host.comes(OTHER, 25, user=NOBODY) == "EPERM"
    event = first(daemon)
    assert event["address"] == host.FRIEND and event["port"] == 25 and event["protocol"] == "tcp"
    assert event["process"].startswith("python") and event["unit"] == "other.service" and event["uid"] == NOBODY
    assert event["detail"] == "unit: mail.service" and event["count"] == 1
    assert event["netns"] == os.stat(f"/run/netns/{host.host}").st_ino
    finding = until(lambda: [f for f in daemon.ask("/v1/findings")["findings"] if f["finding"] == "connect-refused"],
                    "a finding")[0]
    assert finding["declaration"] == "mail" and finding["facts"]["address"] == host.FRIEND
    assert f"tried to connect to {host.FRIEND}, port 25/tcp, and was refused" in finding["text"]
    words = {"C.UTF-8": ("connect refused", "by user nobody, other.service; declared for unit: mail.service"),
             "ja_JP.UTF-8": ("接続拒否", "ユーザー nobody、other.service。宣言: unit: mail.service")}
    for language, (kind, rest) in words.items():
        done = run(MINATO, "log", "--kind", "connect_refused", "--state-directory", daemon.state,
                   env={**os.environ, "LANG": language, "MINATO_RUNTIME_DIRECTORY": daemon.runtime})
        assert kind in done.stdout and f"{host.FRIEND}:25/tcp" in done.stdout and rest in done.stdout, done.stdout


def test_the_other_family_and_datagrams_are_told_too(host, daemon):
    host.hold(outbound(UNIT))
    daemon.start()
    for user, address, protocol, how in ((20001, host.FRIEND6, "tcp", "connect"), (20002, f"::ffff:{host.OTHER}", "tcp", "connect"),
                                         (20003, host.OTHER6, "udp", "sendto")):
        assert host.comes(OTHER, 25, address, protocol, how, user=user) == "EPERM"
    until(lambda: len(told(daemon)) == 3, "each is told")
    assert [(e["uid"], e["address"], e["protocol"]) for e in told(daemon)] == [
        (20001, host.FRIEND6, "tcp"), (20002, host.OTHER, "tcp"), (20003, host.OTHER6, "udp")]


def test_repeats_are_gathered_also_over_many_destinations(host, daemon):
    host.hold(outbound(UNIT))
    daemon.start()
    often = """
import socket
refused = 0
for i in range(500):
    with socket.socket() as client:
        try:
            client.connect((f"10.77.1.{i % 250 + 1}", 25))
        except PermissionError:
            refused += 1
print(refused)
"""
    procs = host.group(OTHER) / "cgroup.procs"
    done = subprocess.run(["nsenter", f"--net=/run/netns/{host.host}", sys.executable, "-I", "-S", "-c", often],
                          capture_output=True, text=True, timeout=60, preexec_fn=lambda: procs.write_text("0"))
    assert done.stdout.strip() == "500", done.stderr
    first(daemon)
    assert daemon.stop() == 0
    daemon.start()
    assert [event["count"] for event in told(daemon)] == [1, 499]


def test_a_policy_that_only_observes_tells_and_refuses_nobody(host, daemon):
    serve(host, 25)
    host.hold(outbound(UNIT).replace("{outbound: accept}", "{mode: observe}"))
    daemon.start()
    assert host.comes(OTHER, 25) == "came"
    event = first(daemon, "connect_watched")
    assert event["unit"] == "other.service" and event["address"] == host.FRIEND
    assert until(lambda: [f for f in daemon.ask("/v1/findings")["findings"] if f["finding"] == "connect-watched"], "a finding")
    assert told(daemon) == []


def test_what_is_held_after_the_daemon_began_is_heard_too(host, daemon):
    serve(host, 25)
    host.declare(outbound(UNIT))
    daemon.start()
    host.apply(None, "--unproven", MINATO_RUNTIME_DIRECTORY=daemon.runtime)
    assert host.comes(OTHER, 25) == "EPERM", "it is only tried"
    assert first(daemon)["unit"] == "other.service"


def test_refusals_wait_for_a_daemon_that_is_not_there(host, daemon):
    host.hold(outbound(UNIT))
    assert host.comes(OTHER, 25) == "EPERM"
    daemon.start()
    assert first(daemon)["port"] == 25


def test_a_restore_while_something_is_tried_leaves_that_alone(host):
    """As minato-guard.path starts it when a container comes or goes."""
    serve(host, 25)
    host.hold(outbound("  mail: {port: 26/tcp, for: mail, owner: o}"))
    host.apply(outbound(UNIT), "--unproven")
    assert host.minato("restore").returncode == 0
    assert host.comes(OTHER, 25) == "EPERM" and host.comes(MAIL, 25) == "came"
    assert host.minato("rollback").returncode == 0
    assert host.comes(OTHER, 25) == "came"


def test_a_policy_that_only_observes_asks_for_no_bpf(host):
    done = host.apply(outbound(UNIT).replace("{outbound: accept}", "{mode: observe}"), MINATO_WITHOUT="bpf")
    assert "does not hold" not in done.stderr
    assert host.minato("plan", MINATO_WITHOUT="bpf").returncode == 0
