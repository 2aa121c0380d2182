"""The daemon's keeper: rules that another tool takes away come again, and what others change is told."""
import json
import os
import signal
import subprocess
import time

import pytest

import keeper_world
from daemon import Daemon, alive, status_of, until
from keeper_world import AT_ONCE, settled
from world import MINATO, World, run, waiters

world, daemon = keeper_world.world, keeper_world.daemon  # fixtures

CAP_NET_BIND_SERVICE, CAP_NET_ADMIN = 10, 12
OPEN_22 = """minato: 1
ports:
  ssh: {port: 22/tcp, for: administration, owner: o, from: 10.77.0.2}
"""
OPEN_BOTH = """minato: 1
ports:
  ssh: {port: 22/tcp, for: administration, owner: o, from: 10.77.0.2}
  web: {port: 80/tcp, for: site, owner: o, from: any}
"""


def events(daemon, *kinds):
    """The events about rules, oldest first."""
    wanted = ",".join(kinds or ("rules_lost", "rules_restored", "rules_changed", "rules_confirmed", "rules_reverted",
                                "rules_tried", "rules_off"))
    return list(reversed(daemon.ask(f"/v1/events?kind={wanted}")["events"]))


def disturbances(daemon):
    """Those that are no doing of our own commands."""
    return events(daemon, "rules_lost", "rules_restored", "rules_changed")


def test_flushed_rules_come_again_by_themselves_and_it_is_told(world, daemon):
    world.hold(OPEN_22)
    before = world.listing()
    daemon.start()
    settled(daemon, watched=True, confirmed=1)
    begin = time.monotonic()
    world.nft("flush", "ruleset")
    flushed = time.monotonic()
    until(lambda: world.confirmed() == 1, "the rules are back", seconds=10)
    print(f"back after {1000 * (time.monotonic() - begin):.0f} ms, "
          f"{1000 * (time.monotonic() - flushed):.0f} ms after nft had ended")
    assert world.listing() == before
    rules = settled(daemon, restored=1)
    assert rules["confirmed"] == 1 and not rules["altered"]
    lost, restored = until(lambda: len(disturbances(daemon)) == 2 and disturbances(daemon), "both events")
    assert (lost["kind"], lost["process"], lost["count"]) == ("rules_lost", "nft", 1)
    assert lost["detail"] == "the table was removed"
    assert (restored["kind"], restored["count"]) == ("rules_restored", 1)


def test_the_way_to_the_rules_comes_again_too(world, daemon):
    world.hold(OPEN_22)
    before = world.listing()
    daemon.start()
    settled(daemon, confirmed=1)
    world.nft("flush", "chain", "inet", "minato", "inbound")
    settled(daemon, restored=1)
    assert world.listing() == before
    world.nft("flush", "map", "inet", "minato", "confirmed")
    settled(daemon, restored=2)
    assert world.listing() == before


def test_rules_that_are_missing_at_the_start_are_put_back(world, daemon):
    world.hold(OPEN_22)
    before = world.listing()
    world.nft("flush", "ruleset")
    daemon.start()
    settled(daemon, confirmed=1, restored=1)
    assert world.listing() == before
    assert until(lambda: disturbances(daemon), "it is told")[0]["detail"] == "missing when the daemon began to look"


def test_two_tools_do_not_fight_at_full_speed(world, daemon):
    world.hold(OPEN_22)
    daemon.start()
    settled(daemon, confirmed=1)
    for turn in range(10):
        world.nft("flush", "ruleset")
        settled(daemon, restored=turn + 1)
    world.nft("flush", "ruleset")
    until(lambda: any("left alone" in (e["detail"] or "") for e in events(daemon, "rules_lost")[-1:]), "it is said")
    assert world.confirmed() is None
    settled(daemon, confirmed=None, lost=True)
    assert "another tool removed them" in status_line(world, daemon)
    until(lambda: len(events(daemon, "rules_restored")) == 10, "all are told")
    assert world.minato("restore").returncode == 0, "who asks for it gets it at once"
    settled(daemon, confirmed=1, lost=False)
    assert len(events(daemon, "rules_restored")) == 10


@pytest.mark.parametrize("change, line", [
    ("insert rule inet minato g1-in accept", "+ accept"),
    ("add element inet minato g1-tcp { 23 : accept }", "23 counter : accept"),
    ("add chain inet minato mine", "+ chain mine {"),
])
def test_what_another_tool_changes_is_told_and_left(world, daemon, change, line):
    world.hold(OPEN_22)
    daemon.start()
    settled(daemon, confirmed=1, altered=False)
    world.nft(change)
    settled(daemon, altered=True)
    (event,) = until(lambda: disturbances(daemon), "it is told")
    assert (event["kind"], event["process"], event["count"]) == ("rules_changed", "nft", 1)
    assert line in event["detail"], event["detail"]
    altered = world.listing()
    world.nft("add table ip another")  # wakes nobody
    world.nft("delete table ip another")
    assert world.listing() == altered
    world.hold(OPEN_22)
    if "mine" not in change:
        settled(daemon, altered=False)
    until(lambda: len(events(daemon, "rules_changed")) == 1, "it is told once")


REPAIRED = OPEN_22.replace("ports:", "defaults: {repair: yes}\nports:")


@pytest.mark.parametrize("change", [
    "insert rule inet minato g1-in accept",
    "add element inet minato g1-tcp { 23 : accept }",
    "delete element inet minato g1-tcp { 22 }",
    "add chain inet minato mine { type filter hook input priority 0; }",
    "add table inet minato { flags dormant; }",
])
def test_with_repair_what_another_tool_changes_is_undone(world, daemon, change):
    world.listen(22)
    world.listen(23)
    world.hold(REPAIRED)
    before = world.listing()
    daemon.start()
    settled(daemon, confirmed=1, altered=False)
    kept = world.connect(22)
    began = time.monotonic()
    world.nft(change)
    until(lambda: world.listing() == before, "it is undone", seconds=10)
    print(f"undone after {1000 * (time.monotonic() - began):.0f} ms")
    assert time.monotonic() - began < AT_ONCE
    settled(daemon, restored=1, altered=False, lost=False)
    changed, restored = until(lambda: len(disturbances(daemon)) == 2 and disturbances(daemon), "both events")
    assert changed["kind"] in ("rules_changed", "rules_lost") and changed["process"] == "nft"
    assert restored["kind"] == "rules_restored"
    assert kept and world.connect(22) and not world.connect(23)


def test_a_fight_over_lines_is_bounded(world, daemon):
    world.hold(REPAIRED)
    daemon.start()
    settled(daemon, confirmed=1)
    for turn in range(10):
        world.nft("insert rule inet minato g1-in accept")
        settled(daemon, restored=turn + 1)
    world.nft("insert rule inet minato g1-in accept")
    until(lambda: any("left alone" in e["detail"] for e in events(daemon, "rules_changed")), "it is said")
    settled(daemon, altered=True, restored=10)


def test_a_repair_takes_no_candidate_away(world, daemon):
    world.hold(REPAIRED)
    daemon.start()
    settled(daemon, confirmed=1)
    world.apply(REPAIRED.replace("10.77.0.2", "10.77.0.66"), "--even-if-it-cuts-me", "--timeout", "300")
    settled(daemon, candidate=2)
    world.nft("insert rule inet minato g1-in accept")
    settled(daemon, altered=True, candidate=2, restored=0)
    assert world.candidate() == 2
    assert world.minato("rollback").returncode == 0
    settled(daemon, altered=False, candidate=None, restored=1)


def test_a_change_of_repair_alone_is_a_change(world, daemon):
    world.hold(OPEN_22)
    daemon.start()
    settled(daemon, confirmed=1)
    world.nft("insert rule inet minato g1-in accept")
    settled(daemon, altered=True)
    done = world.apply(REPAIRED, "--unproven")
    assert "undone" in done.stdout, done.stdout
    settled(daemon, altered=False, confirmed=2)
    assert "are those of the policy" in world.apply(REPAIRED).stdout
    world.nft("insert rule inet minato g2-in accept")
    settled(daemon, restored=1, altered=False)


def test_a_sleeping_table_is_woken(world, daemon):
    """flags dormant takes the hooks away: no rule is another, and none is met."""
    world.hold(OPEN_22)
    before = world.listing()
    daemon.start()
    settled(daemon, confirmed=1)
    world.nft("add table inet minato { flags dormant; }")
    until(lambda: world.listing() == before, "it is awake", seconds=5)
    assert until(lambda: disturbances(daemon), "it is told")[0]["process"] == "nft"


def test_what_commands_did_while_no_daemon_ran_is_told_once(world, daemon):
    world.apply(OPEN_22, "--unproven", "--timeout", "300")
    assert world.minato("rollback").returncode == 0
    world.hold(OPEN_22)
    daemon.start()
    until(lambda: len(events(daemon)) == 2, "the record is told")
    reverted, confirmed = events(daemon)
    assert (reverted["kind"], reverted["count"]) == ("rules_reverted", 1)
    assert (confirmed["kind"], confirmed["count"]) == ("rules_confirmed", 2)
    assert confirmed["detail"].startswith("by root") and "22/tcp" in confirmed["detail"]
    assert daemon.stop() == 0
    assert world.minato("off").returncode == 0
    daemon.start()
    until(lambda: len(events(daemon)) == 3, "what is new is told")
    assert events(daemon)[-1]["kind"] == "rules_off"
    os.kill(daemon.pids()["keeper"], signal.SIGKILL)
    until(lambda: daemon.ask("/v1/events?kind=child_restarted")["events"], "a new keeper")
    engine = daemon.pids()["engine"]
    os.kill(engine, signal.SIGKILL)
    until(lambda: daemon.pids()["engine"] != engine, "a new engine")
    settled(daemon, watched=True)
    assert len(events(daemon)) == 3, "each once"


def test_a_record_that_was_begun_anew_is_told_though_its_numbers_were(world, daemon):
    world.hold(OPEN_22)
    daemon.start()
    until(lambda: len(events(daemon)) == 1, "the record is told")
    assert daemon.stop() == 0
    world.nft("delete", "table", "inet", "minato")
    for each in (world.folder / "rules").iterdir():
        each.unlink()
    world.hold(OPEN_BOTH)
    daemon.start()
    until(lambda: [e["count"] for e in events(daemon, "rules_confirmed")] == [1, 1], "both are told")


def test_a_declaration_that_has_ended_is_told_once(world, daemon):
    def ended():
        return daemon.ask("/v1/events?kind=declaration_expired")["events"]

    policy = OPEN_22 + "  visit: {port: 8443/tcp, for: a visit, owner: o, from: any, until: \"2026-01-02\"}\n"
    world.hold(policy)
    daemon.start()
    (event,) = until(ended, "it is told")
    assert (event["port"], event["protocol"], event["count"]) == (8443, "tcp", 1)
    assert event["detail"] == "visit until 2026-01-02: a visit"
    assert "declaration-expired" in [f["finding"] for f in daemon.ask("/v1/findings")["findings"]]
    assert daemon.stop() == 0
    daemon.start()
    world.hold(policy.replace("from: 10.77.0.2", "from: any"))
    settled(daemon, confirmed=2)
    assert len(ended()) == 1


def test_who_was_refused_reaches_the_store(world):
    daemon = world.daemon(environment={**os.environ, "MINATO_COUNT_SECONDS": "1"})

    def told(kind="refused"):
        return [(e["address"], e["port"], e["protocol"], e["count"]) for e in
                reversed(daemon.ask(f"/v1/events?kind={kind}")["events"])]

    def refused(*words):
        done = world.minato("refused", "--json", "--state-directory", daemon.state, *words)
        assert done.returncode == 0, done.stderr
        return {(r["source"], r["port"], r["protocol"]): r["packet_count"] for r in json.loads(done.stdout)["refused"]}

    try:
        world.hold(OPEN_22)
        assert not world.connect(23, World.OTHER)
        daemon.start()
        settled(daemon, confirmed=1)
        time.sleep(1.5)
        assert not told(), "what was counted before stands in the kernel alone"
        for _ in range(3):
            assert not world.answers(53, World.OTHER, timeout=0.1)
        until(lambda: sum(row[3] for row in told()) == 3, "the packets are told")
        assert {row[:3] for row in told()} == {(World.OTHER, 53, "udp")}
        assert not world.connect(23, World.OTHER6)
        until(lambda: [row for row in told() if row[0] == World.OTHER6], "IPv6 too")
        assert refused("--since", "1h")[World.OTHER, 53, "udp"] == 3
        world.nft("flush", "ruleset")
        settled(daemon, restored=1)
        assert refused()[World.OTHER, 53, "udp"] == 3, "the store knows it still"
        assert not world.answers(53, World.OTHER, timeout=0.1)
        until(lambda: sum(row[3] for row in told() if row[1] == 53) == 4, "counted on")
        assert refused("--since", "1h")[World.OTHER, 53, "udp"] == 4
        world.listen(22)
        assert world.connect(22) and world.connect(22) and not world.connect(22, World.OTHER)
        until(lambda: sum(row[3] for row in told("let_in")) == 2, "who was let in")
        assert {row[:3] for row in told("let_in")} == {(None, 22, "tcp")}
        text = subprocess.run(world.words("log", "--state-directory", daemon.state), capture_output=True, text=True,
                              env=world.environment(), timeout=60).stdout
        assert f"{World.OTHER}:53/udp" in text and "refused" in text
    finally:
        daemon.remove()


def test_own_commands_are_told_as_what_they_are(world, daemon):
    daemon.start()
    settled(daemon, watched=True, confirmed=None, candidate=None)
    world.apply(OPEN_22)
    rules = settled(daemon, candidate=1)
    assert rules["candidate_until"] is not None and rules["confirmed"] is None
    assert world.minato("rollback").returncode == 0
    settled(daemon, candidate=None)
    world.hold(OPEN_22)
    settled(daemon, confirmed=2)
    world.apply(OPEN_BOTH)
    rules = settled(daemon, confirmed=3)
    assert rules["user"]
    assert world.minato("off").returncode == 0
    settled(daemon, confirmed=None)
    until(lambda: [e for e in events(daemon) if e["kind"] == "rules_off"], "it is told")
    told = [(e["kind"], e["count"]) for e in events(daemon)]
    assert told[:2] == [("rules_tried", 1), ("rules_reverted", 1)]
    assert ("rules_confirmed", 2) in told and ("rules_confirmed", 3) in told
    assert told[-1] == ("rules_off", 4)
    assert {kind for kind, _ in told} <= {"rules_tried", "rules_reverted", "rules_confirmed", "rules_off"}
    confirmed = [e for e in events(daemon) if (e["kind"], e["count"]) == ("rules_confirmed", 3)]
    assert "80/tcp" in confirmed[0]["detail"] and "by " in confirmed[0]["detail"]
    log = subprocess.run(world.words("log", "--state-directory", daemon.state), capture_output=True, text=True,
                         env=world.environment(), timeout=60).stdout
    assert "rules confirmed" in log and "rules off" in log


def test_a_candidate_that_times_out_is_written_down_as_reverted(world, daemon):
    world.hold("minato: 1\nports:\n  a: {port: [22/tcp, 8080/tcp], for: x, owner: o, from: any}\n")
    before = world.listing()
    daemon.start()
    settled(daemon, confirmed=1)
    world.apply(OPEN_22, "--timeout", "10")
    settled(daemon, candidate=2)
    for pid in waiters(world):  # the command's own way to tidy up
        os.kill(pid, signal.SIGKILL)
    settled(daemon, candidate=None, confirmed=1)
    until(lambda: [e["kind"] for e in events(daemon)[-1:]] == ["rules_reverted"], "it is told")
    assert world.listing() == before
    states = json.loads(world.minato("rollback", "--list", "--json").stdout)["states"]
    assert {state["number"]: state["state"] for state in states} == {1: "confirmed", 2: "reverted"}
    assert not events(daemon, "rules_changed", "rules_lost")


def test_rules_come_again_also_while_a_command_holds_the_record(world, daemon):
    import fcntl
    world.hold(OPEN_22)
    before = world.listing()
    daemon.start()
    settled(daemon, confirmed=1)
    with open(world.folder / "rules" / "lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        world.nft("flush", "ruleset")
        until(lambda: world.confirmed() == 1, "the rules are back", seconds=10)
    assert world.listing() == before
    settled(daemon, confirmed=1, altered=False)


def test_what_was_confirmed_meanwhile_is_not_repaired_away(world, daemon):
    """A command goes on while the keeper compares a long listing with the kept one."""
    many = "minato: 1\ndefaults: {repair: yes}\nports:\n" + "".join(
        f"  p{n}: {{port: {1000 + 2 * n}/tcp, for: x, owner: o, from: 10.{n % 200}.{n // 200}.0/24}}\n" for n in range(1500))
    world.hold(many)
    until(lambda: (world.folder / "rules" / "1.rules").exists(), "the listing is kept")
    daemon.start()
    settled(daemon, confirmed=1)
    keeper = daemon.pids()["keeper"]
    for more in range(3):
        before = world.confirmed()
        world.nft("insert", "rule", "inet", "minato", f"g{before}-in", "tcp", "dport", "8001", "accept")
        time.sleep(0.05 + 0.02 * more)
        os.kill(keeper, signal.SIGSTOP)
        many += f"  more{more}: {{port: {500 + more}/tcp, for: x, owner: o, from: any}}\n"
        world.apply(many, "--unproven")
        after = world.confirmed()
        os.kill(keeper, signal.SIGCONT)
        end = time.monotonic() + 1
        while time.monotonic() < end:
            assert world.confirmed() == after
            time.sleep(0.005)
        settled(daemon, confirmed=after, altered=False)


def test_layers_that_come_again_as_whole_rules_are_no_change(world, daemon):
    """Also while a command holds the record."""
    import fcntl
    world.hold(OPEN_22)
    world.hold(OPEN_BOTH)
    assert "g2-over-1" in world.listing()
    until(lambda: (world.folder / "rules" / "2.rules").exists(), "the listing is kept")
    daemon.start()
    settled(daemon, confirmed=2)
    with open(world.folder / "rules" / "lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        world.nft("flush", "ruleset")
        until(lambda: world.confirmed() == 2, "the rules are back", seconds=10)
    settled(daemon, confirmed=2, altered=False)
    world.nft("add", "table", "inet", "foreign")  # the record's mark of an unchanged table is of no use any more
    done = world.minato("plan")
    assert done.returncode == 0, done.stdout


def test_what_could_not_be_heard_is_found_by_looking(world, daemon):
    """More is told than the keeper's socket has room for, and the flush is among what gets lost."""
    def lost():
        rows = run("ip", "netns", "exec", world.host, "cat", "/proc/net/netlink").stdout.splitlines()[1:]
        return sum(int(row.split()[8]) for row in rows if row.split()[1] == "12")  # NETLINK_NETFILTER

    world.hold(OPEN_22)
    before = world.listing()
    daemon.start()
    settled(daemon, confirmed=1)
    flood = world.folder / "flood.nft"
    flood.write_text("table ip flood { set s { type inet_service; }; }\nadd element ip flood s { "
                     + ", ".join(map(str, range(1, 60000, 2))) + " }\nflush set ip flood s\n")
    keeper = daemon.pids()["keeper"]
    os.kill(keeper, signal.SIGSTOP)
    try:
        for _ in range(8):
            world.nft("-f", flood)
            if lost():
                break
        assert lost(), "the socket has room without end"
        world.nft("flush", "ruleset")
    finally:
        os.kill(keeper, signal.SIGCONT)
    until(lambda: world.confirmed() == 1, "the rules are back", seconds=10)
    assert world.listing() == before
    lost_event = until(lambda: events(daemon, "rules_lost"), "it is told")[0]
    assert lost_event["process"] is None, "who did it was not heard"


def test_a_keeper_that_is_killed_is_started_again(world, daemon):
    world.hold(OPEN_22)
    before = world.listing()
    daemon.start()
    settled(daemon, confirmed=1)
    first = daemon.pids()["keeper"]
    os.kill(first, signal.SIGKILL)
    until(lambda: daemon.pids().get("keeper") not in (None, first), "a new keeper")
    assert world.listing() == before
    world.nft("flush", "ruleset")
    until(lambda: world.confirmed() == 1, "the rules are back")
    restarted = daemon.ask("/v1/events?kind=child_restarted")["events"]
    assert [(e["process"], e["count"]) for e in restarted] == [("keeper", 1)]
    until(lambda: events(daemon, "rules_restored"), "it is told")


def test_a_new_engine_is_told_of_the_rules(world, daemon):
    world.hold(OPEN_22)
    daemon.start()
    settled(daemon, confirmed=1)
    engine = daemon.pids()["engine"]
    os.kill(engine, signal.SIGKILL)
    until(lambda: daemon.pids()["engine"] != engine, "a new engine")
    settled(daemon, watched=True, confirmed=1)


def test_the_keeper_has_only_the_rights_it_needs(world, daemon):
    world.hold(OPEN_22)
    daemon.start()
    settled(daemon, confirmed=1)
    status = status_of(daemon.pids()["keeper"])
    assert status["Name"] == "minato-keeper"
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 1 << CAP_NET_ADMIN
    assert int(status["CapInh"], 16) == int(status["CapAmb"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    parent = status_of(daemon.process.pid)
    assert int(parent["CapBnd"], 16) == 0 and int(parent["CapEff"], 16) & ~0xe5 == 1 << CAP_NET_ADMIN | 1 << CAP_NET_BIND_SERVICE
    folder = f"/proc/{daemon.pids()['keeper']}/fd"
    files = [os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)]
    assert len([f for f in files if f.startswith("socket:")]) == 2, files
    assert not [f for f in files if "minatod" in f or daemon.runtime in f or "bpf" in f]


def test_nothing_is_left_when_the_daemon_ends(world, daemon):
    world.hold(OPEN_22)
    before = world.listing()
    daemon.start()
    settled(daemon, confirmed=1)
    keeper = daemon.pids()["keeper"]
    daemon.kill()
    until(lambda: not alive(keeper), "the keeper ends with the parent")
    assert world.listing() == before, "the rules need no process"
    daemon.start()
    keeper = daemon.pids()["keeper"]
    assert daemon.stop() == 0
    assert not alive(keeper)
    assert world.listing() == before


def test_an_unsafe_record_is_said_and_not_used(world, daemon):
    world.hold(OPEN_22)
    os.chmod(world.folder / "rules", 0o777)
    world.nft("flush", "ruleset")
    daemon.start()
    rules = settled(daemon, watched=False)
    assert "may be written by others" in rules["reason"]
    assert daemon.said().count("may be written by others") == 1
    assert world.confirmed() is None
    os.chmod(world.folder / "rules", 0o755)
    settled(daemon, watched=True, confirmed=1)


def test_the_unit_of_the_boot_restores_with_one_capability(world):
    """As packaging/systemd/minato-rules.service runs it."""
    world.hold(OPEN_22)
    before = world.listing()
    world.nft("flush", "ruleset")
    done = subprocess.run(["nsenter", f"--net=/run/netns/{world.host}", "setpriv", "--bounding-set=-all,+net_admin",
                           "--inh-caps=-all", "--no-new-privs", MINATO, "restore"], capture_output=True, text=True,
                          env=world.environment(), timeout=60)
    assert done.returncode == 0, done.stderr
    assert world.listing() == before


def test_without_libnftables_it_says_so_once_and_goes_on(world):
    world.hold(OPEN_22)
    library = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    path = os.path.realpath(next(line.split()[-1] for line in library.splitlines() if "libnftables.so.1 " in line))
    daemon = world.daemon()
    daemon.before = [*daemon.before, "unshare", "--mount", "sh", "-c",
                     f'mount --bind /dev/null {path} && exec "$0" "$@"']
    try:
        daemon.start()
        rules = settled(daemon, watched=False)
        assert "libnftables is not installed" in rules["reason"]
        world.nft("flush", "ruleset")  # makes it look again
        world.nft("add table inet minato")
        assert daemon.ask("/v1/ports")["schema"] == 1
        assert daemon.said().count("libnftables is not installed") == 1
    finally:
        daemon.remove()


def status_line(world, daemon=None):
    runtime = {"MINATO_RUNTIME_DIRECTORY": daemon.runtime} if daemon else {}
    done = world.minato(**runtime)
    assert done.returncode in (0, 2), done.stderr
    text = done.stdout[done.stdout.index("\nRules: ") + 1:done.stdout.index("\nFindings:")]
    return " ".join(text.split())


def test_one_line_of_status_is_about_the_rules(world, daemon):
    world.declare(OPEN_22)
    assert "none of minato" in status_line(world)
    world.hold(OPEN_22)
    assert status_line(world).startswith("Rules: state 1 of ") and "by root" in status_line(world)
    world.apply("minato: 1\n", "--even-if-it-cuts-me")
    assert "state 2 waits for its confirmation" in status_line(world)
    world.nft("flush", "ruleset")
    assert "another tool removed them" in status_line(world)
    daemon.start()
    settled(daemon, confirmed=1)
    line = status_line(world, daemon)
    assert line.startswith("Rules: state 1 of ") and "removed" not in line and "waits" not in line
    world.nft("add rule inet minato g1-in counter")
    settled(daemon, altered=True)
    assert "another tool changed them" in status_line(world, daemon)
    document = json.loads(world.minato("status", "--json", MINATO_RUNTIME_DIRECTORY=daemon.runtime).stdout)
    assert document["rules"]["watched"] and document["rules"]["confirmed"] == 1 and document["rules"]["altered"]


def test_with_observe_nothing_is_put_back(world):
    world.hold(OPEN_22)
    world.nft("flush", "ruleset")
    watching = Daemon("--rules-directory", world.folder / "rules",
                      before=["nsenter", f"--net=/run/netns/{world.host}"])
    try:
        watching.start()
        assert "keeper" not in watching.pids()
        rules = watching.status()["rules"]
        assert not rules["watched"] and "--observe" in rules["reason"] and rules["confirmed"] is None
        assert world.confirmed() is None
    finally:
        watching.remove()
