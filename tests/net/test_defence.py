"""Defence: who scans is hidden from or banned, and nobody who only had his address forged is cut off."""
import fcntl
import json
import os
import re
import shutil
import signal

import pytest

import packets
from daemon import alive, status_of, until
from sentry_world import SentryWorld, incidents, looking, named
from world import checked, run, wait_until_up

SSH, WEB, TRAP, CLOSED = 2022, 2080, 2323, 2444
PORTS = range(3001, 3041)
POLICY = f"""minato: 1
who:
  friend: {SentryWorld.FRIEND}
ports:
  ssh: {{port: {SSH}/tcp, for: administration, owner: o, from: friend}}
  web: {{port: {WEB}/tcp, for: site, owner: o, from: any}}
  trap: {{port: {TRAP}/tcp, for: decoy, owner: o, from: any}}
defaults: {{inbound: accept}}
defend:
  mode: MODE
  decoys: {TRAP}/tcp
  actions: {{scan: ban, slow: ban, sweep: ban, distributed: ban, trap: ban, flood: alert, decoy: alert}}
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def world(tmp_path):
    made = SentryWorld(tmp_path)
    made.listen(SSH)
    made.listen(WEB)
    yield made
    for pid in waiters(made):
        os.kill(pid, signal.SIGKILL)
    made.remove()


def waiters(world):
    """Commands that left somebody behind who waits for a candidate to time out."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read().split(b"\0")
        except OSError:
            continue
        if str(world.policy).encode() in words and words[0].endswith(b"/minato"):
            found.append(int(pid))
    return found


@pytest.fixture
def start(world):
    made = []

    def begin(policy=POLICY, mode="enforce"):
        world.hold(policy.replace("MODE", mode))
        daemon = world.watching()
        made.append(daemon)
        daemon.start()
        looking(daemon)
        return daemon

    yield begin
    for daemon in made:
        daemon.remove()


def bans(world, daemon):
    """{source: ban}"""
    return {each["source"]: each for each in json.loads(world.asked(daemon, "bans", "--json",
                                                                   MINATO_TAP_DIRECTORY=str(world.bpf / "tap")))["bans"]}


def order(world, daemon, *words):
    """minato bans ... over the daemon's control socket."""
    return run(*world.words("bans", *words), env=world.environment_of(daemon, MINATO_TAP_DIRECTORY=str(world.bpf / "tap")))


def banned(world, daemon, source, seconds=5, **wanted):
    """Waits until the source is kept out so. @return the ban."""
    def so():
        ban = bans(world, daemon).get(source)
        return ban if ban and all(ban[key] == value for key, value in wanted.items()) else None

    return until(so, f"{source} is kept out {wanted}: {bans(world, daemon)} {daemon.said()}", seconds)


def events(daemon, kind):
    return list(reversed(daemon.ask(f"/v1/events?kind={kind}")["events"]))


def trapped(world, daemon, source):
    """Completes a connection to the decoy."""
    until(lambda: world.connect(TRAP, source), "the decoy answers")


# ---- what nobody proved ----

def test_a_scan_that_anybody_may_have_forged_only_hides_closed_ports(world, start):
    daemon = start()
    assert world.connect(CLOSED, world.OTHER) is False, "a closed port refuses"
    world.scan("syn", PORTS, world.OTHER)
    ban = banned(world, daemon, world.OTHER, action="hide", proved=False, held=True)
    assert 0 < ban["left_us"] <= 600_000_000 and ban["kind"] == "scan"
    assert world.connect(CLOSED, world.OTHER) is None, "and is silent now"
    way = run(*world.words("explain", f"{WEB}", "--from", world.OTHER),
              env=world.environment_of(daemon, MINATO_TAP_DIRECTORY=str(world.bpf / "tap")))
    assert way.returncode == 0 and "kept out    hidden from, " in way.stdout, way.stdout
    assert world.connect(WEB, world.OTHER), "what is open stays open"
    assert world.connect(CLOSED, world.FRIEND) is False, "for others nothing changes"
    [event] = until(lambda: events(daemon, "banned"), "it is told")
    assert event["finding"] == "scan" and event["detail"].startswith(f"{world.OTHER}: hide: ")


def test_ipv6_is_hidden_from_as_well(world, start):
    daemon = start()
    world.scan("syn", PORTS, world.OTHER6)
    banned(world, daemon, world.OTHER6, action="hide", held=True)
    assert world.connect(CLOSED, world.OTHER6) is None
    assert world.connect(WEB, world.OTHER6)


@pytest.mark.parametrize("source, inner", [(SentryWorld.OTHER, "10.78.0.2"), (SentryWorld.OTHER6, "2001:db8:78::2")])
def test_what_lies_behind_a_router_is_not_hidden(world, start, source, inner):
    """Nobody listens here, as it is passed on: a forged scan of the router must not cut its victim off from there."""
    daemon = start()
    behind = world.host + "i"
    checked("ip", "netns", "add", behind)
    try:
        checked("ip", "-n", behind, "link", "set", "lo", "up")
        checked("ip", "link", "add", "lan0", "netns", world.host, "type", "veth", "peer", "name", "eth0", "netns", behind)
        world.address(world.host, "lan0", "10.78.0.1/24", "2001:db8:78::1/64")
        world.address(behind, "eth0", "10.78.0.2/24", "2001:db8:78::2/64")
        wait_until_up((world.host, "lan0"), (behind, "eth0"))
        for setting in ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"):
            checked("ip", "netns", "exec", world.host, "sysctl", "-qw", setting)
        checked("ip", "-n", behind, "route", "add", "default", "via", "10.78.0.1")
        checked("ip", "-n", behind, "-6", "route", "add", "default", "via", "2001:db8:78::1")
        checked("ip", "-n", world.outside, "route", "add", "10.78.0.0/24", "via", world.HOST)
        checked("ip", "-n", world.outside, "-6", "route", "add", "2001:db8:78::/64", "via", world.HOST6)
        world.listen(7000, namespace=behind)
        until(lambda: world.connect(7000, source, inner), "it is reached")
        world.scan("syn", PORTS, source)
        banned(world, daemon, source, action="hide", held=True)
        assert world.connect(CLOSED, source, world.HOST6 if ":" in source else None) is None, "closed ports of the router are silent"
        assert world.connect(7000, source, inner), "who is hidden from reaches what lies behind"
        assert world.connect(7001, source, inner) is False, "and hears what is closed there"
    finally:
        run("ip", "netns", "del", behind)


@pytest.mark.parametrize("mode, said", [("observe", "would hide"), ('"off"', None)])
def test_without_mode_enforce_nothing_is_done(world, start, mode, said):
    daemon = start(mode=mode)
    world.scan("syn", PORTS, world.OTHER)
    named(daemon, world.OTHER)
    if said:
        until(lambda: f"{said} {world.OTHER}" in daemon.said(), "it is said")
    assert bans(world, daemon) == {} and events(daemon, "banned") == []
    assert world.connect(CLOSED, world.OTHER) is False


def test_what_the_policy_opens_is_not_hidden_whoever_serves_it(world, start):
    """A container's port has no socket of the host; nor has that of a service which is restarted just now."""
    spare = 2666
    daemon = start(POLICY.replace("  trap:", f"  spare: {{port: {spare}/tcp, for: a container, owner: o, from: any}}\n  trap:"))
    world.scan("syn", PORTS, world.OTHER)
    banned(world, daemon, world.OTHER, action="hide", held=True)
    assert world.connect(CLOSED, world.OTHER) is None
    assert world.connect(spare, world.OTHER) is False, "it is answered"


# ---- what is proved ----

def test_who_connects_to_a_decoy_is_banned_and_let_in_again(world, start):
    daemon = start()
    trapped(world, daemon, world.OTHER)
    ban = banned(world, daemon, world.OTHER, action="ban", proved=True, kind="trap", held=True)
    assert 3_500_000_000 < ban["left_us"] <= 3_600_000_000
    assert world.connect(WEB, world.OTHER) is None
    assert world.connect(WEB, world.FRIEND)
    assert until(lambda: bans(world, daemon)[world.OTHER]["stopped_count"], "it is counted")
    text = world.asked(daemon, "explain", world.OTHER, MINATO_TAP_DIRECTORY=str(world.bpf / "tap"))
    assert "kept out    banned" in text and "decoy port" in text
    tap = {"MINATO_TAP_DIRECTORY": str(world.bpf / "tap")}
    way = run(*world.words("explain", f"{WEB}", "--from", world.OTHER), env=world.environment_of(daemon, **tap))
    assert way.returncode == 2, way.stdout + way.stderr
    first, second, third = way.stdout.splitlines()[:3]
    assert first.endswith("kept out before any rule") and second.split()[:3] == ["kept", "out", "banned,"], way.stdout
    assert f"decoy port {TRAP}" in second + third and "otherwise   let in" in way.stdout
    way = run(*world.words("explain", f"{WEB}", "--from", world.OTHER, "--json"), env=world.environment_of(daemon, **tap))
    told = json.loads(way.stdout)["way"]
    assert (told["reachable"], told["outcome"], told["ban"]["source"]) == (False, "accepted", world.OTHER)
    way = run(*world.words("explain", f"{WEB}", "--from", world.FRIEND), env=world.environment_of(daemon, **tap))
    assert way.returncode == 0 and "kept out" not in way.stdout
    way = run(*world.words("explain", f"{WEB}", "--from", world.OTHER), env=world.environment_of(daemon, LANGUAGE="ja", **tap))
    assert "ルールより手前で遮断" in way.stdout.splitlines()[0], way.stdout
    assert f"おとりポート {TRAP} に接続" in world.asked(daemon, "bans", LANG="ja_JP.UTF-8", LANGUAGE="ja")
    done = order(world, daemon, "remove", world.OTHER)
    assert done.stdout == f"{world.OTHER} is let in again\n", done.stderr
    assert world.connect(WEB, world.OTHER)
    until(lambda: len(events(daemon, "ban_ended")) == 1, "its end is told")
    told = world.asked(daemon, "log", LANG="ja_JP.UTF-8", LANGUAGE="ja")
    assert f"{world.OTHER}: 遮断: おとりポート {TRAP} に接続" in told and f"{world.OTHER}: 遮断: root が解除" in told, told


def test_a_scan_is_banned_once_a_decoy_has_proved_its_source(world, start):
    daemon = start(POLICY.replace("trap: ban", "trap: record"))
    world.scan("syn", PORTS, world.OTHER)
    banned(world, daemon, world.OTHER, action="hide")
    trapped(world, daemon, world.OTHER)
    banned(world, daemon, world.OTHER, action="ban", kind="scan", proved=True, held=True)
    assert world.connect(WEB, world.OTHER) is None


def test_the_decoy_has_no_rights_and_says_nothing(world, start):
    daemon = start()
    trapped(world, daemon, world.FRIEND)
    with open(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children", encoding="ascii") as f:
        children = [int(pid) for pid in f.read().split()]
    [decoy] = [pid for pid in children if status_of(pid)["Name"] == "minato-decoy"]
    status = status_of(decoy)
    assert int(status["CapPrm"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2" and status["Uid"].split()[0] != "0"
    client = world.connect(TRAP, world.FRIEND)
    client.settimeout(0.3)
    with pytest.raises(TimeoutError):
        client.recv(1)
    os.kill(decoy, signal.SIGKILL)
    until(lambda: not alive(decoy), "it is gone")
    until(lambda: world.connect(TRAP, world.FRIEND), "another one holds the port")
    ban = banned(world, daemon, world.FRIEND)
    assert ban["action"] == "hide", "whom the policy names is hidden from at most"


@pytest.mark.parametrize("proof, action", [("decoy", "hide"), ("handshake", "ban")])
def test_a_handshake_with_a_service_proves_a_scan_only_where_the_policy_says_so(world, start, proof, action):
    daemon = start(POLICY.replace("  mode:", f"  proof: {proof}\n  mode:"))
    world.connect(WEB, world.OTHER).close()
    world.scan("syn", PORTS, world.OTHER)
    banned(world, daemon, world.OTHER, action=action, kind="scan")


# ---- what an attacker can forge ----

def test_forged_scans_of_gateway_clients_and_never_cut_nobody_off(world, start):
    gateway, never = "10.77.0.9", "10.77.0.77"
    checked("ip", "-n", world.host, "route", "add", "default", "via", gateway)
    daemon = start(POLICY.replace("defend:", f"never_cut: {never}\ndefend:"))
    client = world.connect(SSH, world.FRIEND)
    for source in (world.HOST, gateway, never, world.FRIEND):
        for kind in ("syn", "fin", "null", "xmas", "ack", "udp"):
            world.scan(kind, PORTS, source)
    world.scan("syn", PORTS, world.OTHER)  # told after the others
    banned(world, daemon, world.OTHER)
    assert set(bans(world, daemon)) == {world.OTHER}
    client.sendall(b"still here")
    assert world.connect(SSH, world.FRIEND) and world.connect(CLOSED, world.FRIEND) is False
    assert f"nothing is done about {gateway}: it is a gateway of this host" in daemon.said()


def test_an_allowed_client_who_is_not_here_is_hidden_from_at_most(world, start):
    daemon = start()
    world.scan("syn", PORTS, world.FRIEND)
    banned(world, daemon, world.FRIEND, action="hide", proved=False)
    assert world.connect(SSH, world.FRIEND) and world.connect(WEB, world.FRIEND)


def test_a_hundred_thousand_forged_sources_fill_nothing_and_cut_nobody(world, start):
    daemon = start()
    keeper = daemon.pids()["keeper"]
    mac = world.mac("eth0")
    for number in range(100000):
        source = f"{20 + number % 50}.{number // 50 % 200}.{number // 10000}.{1 + number % 7}"
        inner = packets.tcp(3000 + number % 5000, packets.SYN)
        world.send(packets.ipv4(inner, 6, source, world.HOST, ident=7), mac)
    until(lambda: daemon.status()["sentry"]["packets"] > 1000, "they were heard")
    until(lambda: incidents(daemon, kind="flood"), "the flood is named")
    held = bans(world, daemon)
    assert len(held) <= 30, "half of what a minute may make"
    assert all(ban["action"] == "hide" for ban in held.values())
    assert world.connect(SSH, world.FRIEND) and world.connect(WEB, world.OTHER)
    assert world.connect(CLOSED, world.FRIEND) is False
    assert daemon.pids()["keeper"] == keeper
    memory = int(re.search(r"(\d+)", status_of(keeper)["VmRSS"]).group(1))
    print(f"{len(held)} hidden from, keeper {memory} KiB")


# ---- restarts, orders, XDP ----

def test_bans_outlive_a_restart_with_the_time_that_is_left(world, start):
    daemon = start()
    trapped(world, daemon, world.OTHER)
    before = banned(world, daemon, world.OTHER, action="ban", held=True)
    assert daemon.stop() == 0
    assert world.connect(WEB, world.OTHER), "without a daemon there is no tap"
    daemon.start()
    looking(daemon)
    after = banned(world, daemon, world.OTHER, action="ban", held=True)
    assert after["left_us"] < before["left_us"] and after["until_time"][:16] == before["until_time"][:16]
    assert world.connect(WEB, world.OTHER) is None
    os.kill(daemon.pids()["keeper"], signal.SIGKILL)
    until(lambda: world.connect(WEB, world.OTHER) is None and daemon.is_ready(), "another keeper")
    banned(world, daemon, world.OTHER, action="ban", held=True)


def test_bans_outlive_rules_that_others_take_away(world, start):
    daemon = start()
    trapped(world, daemon, world.OTHER)
    banned(world, daemon, world.OTHER, action="ban", held=True)
    with open(world.folder / "rules" / "lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another minato asks somebody something just now
        world.nft("flush", "ruleset")
        until(lambda: events(daemon, "rules_restored"), "they come again")
    until(lambda: not daemon.status()["rules"]["lost"], "the rules hold")
    assert world.OTHER in bans(world, daemon) and events(daemon, "ban_ended") == []
    assert world.connect(WEB, world.OTHER) is None
    assert "it is started again" not in daemon.said() and world.connect(TRAP, world.FRIEND)


def test_what_people_order_is_done_at_once(world, start):
    daemon = start(mode='"off"')
    done = order(world, daemon, "add", world.OTHER, "--for", "guesses passwords", "--span", "2s")
    assert done.stdout == f"{world.OTHER}: banned for 2 s\n", done.stderr
    assert world.connect(WEB, world.OTHER) is None
    [event] = until(lambda: events(daemon, "banned"), "it is told")
    assert event["detail"] == f"{world.OTHER}: ban: guesses passwords (by root)"
    until(lambda: world.connect(WEB, world.OTHER), "it ends by itself")
    until(lambda: bans(world, daemon) == {} and events(daemon, "ban_ended"), "and is told")
    told = world.asked(daemon, "log", LANGUAGE="ja")
    assert f"{world.OTHER}: 遮断: guesses passwords (実行者 root)" in told and f"{world.OTHER}: 遮断: 期限切れ" in told, told
    for spared in (world.HOST, "10.77.0.0/24", "127.0.0.1"):
        refused = order(world, daemon, "add", spared, "--for", "mistake")
        assert refused.returncode == 1 and "refused" in refused.stderr, refused.stderr
    assert daemon.status()["sentry"]["kept_out"] == 0
    assert order(world, daemon, "add", "203.0.113.0/24", "--for", "them", "--action", "slow").returncode == 0
    until(lambda: daemon.status()["sentry"]["kept_out"] == 1, "the status counts it")
    assert "; 1 address or network kept out" in " ".join(world.asked(daemon, "status", "--fail-on", "none").split())
    os.kill(daemon.pids()["engine"], signal.SIGKILL)
    until(lambda: daemon.is_ready() and daemon.status()["sentry"]["kept_out"] == 1, "another engine knows it as well")
    assert bans(world, daemon)["203.0.113.0/24"]["held"]


@pytest.mark.parametrize("damage", ["{", "[" * 5000, '{"schema": 2, "since_boot_us": 1, "time_us": 1, "bans": []}', ""])
def test_a_record_that_does_not_read_is_kept_aside(world, start, damage):
    (world.folder / "rules").mkdir(exist_ok=True)
    record = world.folder / "rules" / "bans.json"
    record.write_text(damage)
    daemon = start()
    assert "bans.json.damaged" in daemon.said(), daemon.said()
    assert order(world, daemon, "add", world.OTHER, "--for", "them", "--span", "1h").returncode == 0
    assert (world.folder / "rules" / "bans.json.damaged").read_text() == damage
    assert [each["prefix"] for each in json.loads(record.read_text())["bans"]] == [world.OTHER]


def test_a_network_that_people_ban_includes_whom_less_is_done_to(world, start):
    """The kernel looks for the narrowest entry: the scanner himself is hidden from, his network is banned then."""
    network = "10.77.0.66/31"
    daemon = start()
    world.scan("syn", PORTS, world.OTHER)
    banned(world, daemon, world.OTHER, action="hide", held=True)
    assert world.connect(WEB, world.OTHER)
    assert order(world, daemon, "add", network, "--for", "all of them", "--span", "1h").returncode == 0
    assert world.connect(WEB, world.OTHER) is None
    os.kill(daemon.pids()["keeper"], signal.SIGKILL)
    until(lambda: "restarted" in {each["kind"].split("_")[-1] for each in daemon.ask("/v1/events")["events"]}, "another keeper")
    banned(world, daemon, network, held=True)
    assert world.connect(WEB, world.OTHER) is None
    assert order(world, daemon, "remove", network).returncode == 0
    assert world.connect(WEB, world.OTHER) and world.connect(CLOSED, world.OTHER) is None, "hidden from as before"
    assert order(world, daemon, "add", network, "--for", "all of them", "--span", "2s").returncode == 0
    assert world.connect(WEB, world.OTHER) is None
    until(lambda: world.connect(WEB, world.OTHER), "its time is over")
    assert world.connect(CLOSED, world.OTHER) is None, "hidden from as before"


def logins_are_known():
    """By logind; of utmp no test knows anything."""
    return os.path.exists("/run/utmp") or bool(os.path.isdir("/run/systemd/sessions") and os.listdir("/run/systemd/sessions"))


@pytest.mark.skipif(logins_are_known(), reason="this host says who is logged in")
def test_nobody_bans_whom_he_is_logged_in_from_where_no_logins_are_told(world, start):
    daemon = start(mode='"off"')
    world.listen(22)
    login = world.connect(22, world.FRIEND)
    refused = order(world, daemon, "add", world.FRIEND, "--for", "mistake")
    assert refused.returncode == 1 and "somebody is logged in from there" in refused.stderr, refused.stderr
    assert order(world, daemon, "add", world.OTHER, "--for", "them").returncode == 0
    login.close()


def test_a_ban_goes_when_the_policy_does_not_want_it_any_more(world, start):
    daemon = start()
    trapped(world, daemon, world.OTHER)
    banned(world, daemon, world.OTHER, action="ban", held=True)
    world.declare(POLICY.replace("MODE", '"off"'))
    plan = world.minato("plan")
    assert plan.returncode == 2 and "~ defend.mode: enforce -> -" in plan.stdout, plan.stdout + plan.stderr
    world.apply(None, "--unproven")
    assert world.minato("plan").returncode == 0, "nobody can be cut off by it, so it holds at once"
    until(lambda: bans(world, daemon) == {}, "it is let in again", seconds=10)
    assert world.connect(WEB, world.OTHER)


def test_xdp_is_attached_where_the_policy_wants_it(world, start):
    daemon = start(POLICY + "  xdp: {generic: eth0}\n")

    def xdp():
        return "xdpgeneric" in checked("ip", "-n", world.host, "link", "show", "eth0")

    until(xdp, "XDP is attached", seconds=10)
    world.hold(POLICY.replace("MODE", "enforce") + "  xdp: {native: eth0}\n")
    until(lambda: "xdp" in checked("ip", "-n", world.host, "link", "show", "eth0") and not xdp(), "the driver's own now", seconds=10)
    world.hold(POLICY.replace("MODE", "enforce") + "  xdp: {generic: eth0}\n")
    until(xdp, "and generic again", seconds=10)
    trapped(world, daemon, world.OTHER)
    banned(world, daemon, world.OTHER, action="ban", held=True)
    assert world.connect(WEB, world.OTHER) is None
    assert daemon.stop() == 0
    assert not xdp()


def test_a_decoy_is_evidence_of_a_scan_as_a_closed_port_is(world, start):
    traps = range(2331, 2337)
    declared = POLICY.replace("defaults:", f"  traps: {{port: {traps[0]}-{traps[-1]}/tcp, for: decoys, owner: o, from: any}}\ndefaults:")
    daemon = start(declared.replace(f"decoys: {TRAP}/tcp", f"decoys: [{TRAP}/tcp, {traps[0]}-{traps[-1]}/tcp]")
                   .replace("trap: ban", "trap: record"))
    until(lambda: world.connect(traps[-1], world.FRIEND), "the decoys are held")
    world.scan("syn", traps, world.OTHER)
    named(daemon, world.OTHER, kind="scan", port_count=len(traps))  # it grows until it is so
    banned(world, daemon, world.OTHER, action="hide", kind="scan")


@pytest.mark.skipif(shutil.which("nmap") is None, reason="nmap is not installed")
@pytest.mark.parametrize("way, action, proved", [("-sS", "hide", False), ("-sT", "ban", True)])
def test_nmap_is_banned_when_it_connects_and_hidden_from_when_it_does_not(world, start, way, action, proved):
    daemon = start()
    checked("ip", "-n", world.outside, "route", "replace", "10.77.0.0/24", "dev", "eth1", "src", world.OTHER)
    done = run("ip", "netns", "exec", world.outside, "nmap", "-n", "-Pn", way, "-p", f"{TRAP},{WEB},2100-2200", "--max-retries", "0",
               world.HOST)
    assert done.returncode == 0, done.stderr
    ban = banned(world, daemon, world.OTHER, action=action, proved=proved, held=True)
    print(way, ban["reason"], ban["evidence"])
    assert world.connect(WEB, world.FRIEND)
    assert (world.connect(WEB, world.OTHER) is None) == (action == "ban")
