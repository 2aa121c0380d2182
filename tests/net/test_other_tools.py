"""Rules of other tools that contradict the policy: told within a second, with whose, where, what, by whom."""
import json
import os
import signal
import time

import pytest

import keeper_world
from daemon import until
from keeper_world import ENFORCED, OBSERVED, begin, findings, raised, settled, told
from world import World, run

world, daemon = keeper_world.world, keeper_world.daemon  # fixtures

INPUT = "add table inet f; add chain inet f in { type filter hook input priority 0; }; "
NAT = "add table ip f; add chain ip f pre { type nat hook prerouting priority dstnat; }; "
EARLY = "add table inet f; add chain inet f pre { type filter hook prerouting priority -300; }; "


@pytest.mark.parametrize("policy, commands, finding, port", [
    (ENFORCED, INPUT + "add rule inet f in tcp dport 23 accept", "opened-in-vain-by-another-tool", 23),
    (OBSERVED, INPUT + "add rule inet f in tcp dport 23 accept", "opened-by-another-tool", 23),
    (ENFORCED, INPUT + "add set inet f s { type inet_service; elements = { 80, 6379 }; }; "
     "add rule inet f in tcp dport @s accept", "opened-in-vain-by-another-tool", 6379),
    (ENFORCED, INPUT + "add chain inet f c; add rule inet f in tcp dport vmap { 23 : jump c }; add rule inet f c accept",
     "opened-in-vain-by-another-tool", 23),
    (ENFORCED, NAT + "add rule ip f pre tcp dport 80 redirect to :6379", "redirected-by-another-tool", 6379),
    (ENFORCED, NAT + "add rule ip f pre tcp dport 80 redirect to :22", "redirected-by-another-tool", 22),
    (ENFORCED, NAT + "add rule ip f pre ip saddr 10.77.0.0/24 tcp dport 80 dnat to 127.0.0.1:6379",
     "redirected-by-another-tool", 6379),
    (ENFORCED, INPUT + "add rule inet f in tcp dport 80 tcp dport set 6379", "redirected-by-another-tool", 6379),
    (ENFORCED, EARLY + "add rule inet f pre meta l4proto tcp tcp dport 80 tproxy ip to :6379 meta mark set 1 accept",
     "redirected-by-another-tool", 6379),
    (ENFORCED, "add table netdev f; add chain netdev f in { type filter hook ingress device eth0 priority 0; }; "
     "add rule netdev f in fwd to lo", "way-around-by-another-tool", None),
    (ENFORCED, INPUT + "add ct expectation inet f e { protocol tcp; dport 6379; timeout 1h; size 10; l3proto ip; }; "
     "add rule inet f in tcp dport 80 ct expectation set \"e\"", "opened-by-another-tool", 6379),
    (ENFORCED, INPUT + "add rule inet f in tcp dport 80 drop", "closed-by-another-tool", 80),
    (ENFORCED, INPUT + "add rule inet f in tcp dport 22 accept; add rule inet f in reject",
     "closed-by-another-tool", 80),
    (ENFORCED, "add table inet f; add chain inet f in { type filter hook input priority 0; policy drop; }; "
     "add rule inet f in tcp dport 22 accept", "closed-by-another-tool", 80),
])
def test_what_contradicts_the_policy_is_a_finding_within_a_second(world, daemon, policy, commands, finding, port):
    begin(world, daemon, policy)
    event = told(world, daemon, commands, finding)
    assert event["port"] == port
    assert event["process"] == "nft" and event["pid"] > 0
    world.nft("delete table " + " ".join(commands.split()[2:4]).rstrip(";"))
    until(lambda: raised(daemon, "finding_cleared"), "it is over", seconds=2)
    assert not findings(daemon)


@pytest.mark.parametrize("commands", [
    INPUT + "add rule inet f in iifname lo tcp dport 23 accept",
    INPUT + "add rule inet f in ct state established,related tcp dport 23 accept",
    INPUT + "add rule inet f in tcp dport { 22, 80 } accept",
    INPUT + "add rule inet f in tcp dport 23 counter",
    INPUT + "add rule inet f in tcp dport 23 drop",
    INPUT + "add rule inet f in ip saddr 192.0.2.1 tcp dport 80 drop",
    INPUT + "add rule inet f in ct state invalid drop",
    INPUT + "add rule inet f in ip daddr 127.0.0.1 tcp dport 23 accept",
    INPUT + "add chain inet f c; add rule inet f in jump c; add rule inet f c ip saddr 10.0.0.0/8 return; "
    "add rule inet f c drop",
    "add table inet f; add chain inet f in { type filter hook input priority 0; policy drop; }; "
    "add rule inet f in iifname eth0 accept",
    NAT + "add rule ip f pre tcp dport 23 redirect to :22",
    NAT + "add rule ip f pre tcp dport 80 dnat to 10.77.0.9:6379",
    "add table inet f; add chain inet f fw { type filter hook forward priority 0; }; add rule inet f fw tcp dport 23 accept",
    "add table inet f; add chain inet f c; add rule inet f c tcp dport 23 accept",
])
def test_what_changes_nothing_for_a_port_is_none(world, daemon, commands):
    begin(world, daemon)
    world.nft(commands)
    world.nft("add table ip g; add chain ip g in { type filter hook input priority 0; }; "
              "add rule ip g in tcp dport 7 accept")  # is found, so that all was looked at
    until(lambda: findings(daemon), "a finding", seconds=5)
    assert [(f["finding"], f["facts"]["port"]) for f in findings(daemon)] == [("opened-in-vain-by-another-tool", 7)]


def test_who_gets_around_the_rules_really_does(world, daemon):
    """The kernel's word for what the findings say: closed before, open or not with the rule of another tool."""
    begin(world, daemon)
    for port in (22, 6379):
        world.listen(port, address="0.0.0.0")
    assert not world.connect(6379, World.OTHER) and not world.connect(22, World.OTHER)
    world.nft(INPUT + "add rule inet f in tcp dport 6379 accept")
    assert not world.connect(6379, World.OTHER), "in vain"
    world.nft("delete table inet f")
    world.nft(NAT + "add rule ip f pre tcp dport 80 redirect to :22")
    assert world.connect(80, World.OTHER), "through another port"
    world.nft("delete table ip f")
    world.nft(EARLY + "add rule inet f pre tcp dport 6379 accept; add rule inet f pre tcp dport 6379 notrack")
    assert not world.connect(6379, World.OTHER), "an accept before our rules ends its own chain alone"


def test_a_redirection_in_front_of_all_hooks_passes_for_local(world, daemon):
    """fwd to lo (with the hardware address that lo takes): what comes over lo is the host's own, and let in before anything is asked."""
    begin(world, daemon)
    world.listen(6379, "udp", address="0.0.0.0")
    assert not world.answers(6379, World.OTHER)
    run("ip", "netns", "exec", world.host, "sysctl", "-qw", "net.ipv4.conf.all.rp_filter=0", "net.ipv4.conf.lo.rp_filter=0")
    world.nft("add table netdev f; add chain netdev f in { type filter hook ingress device eth0 priority 0; }; "
              "add rule netdev f in udp dport 6379 ether daddr set 00:00:00:00:00:00 fwd to lo")
    assert world.answers(6379, World.OTHER), "it is let in"
    until(lambda: findings(daemon), "it is told", seconds=2)


def test_a_burst_is_looked_at_when_it_is_over(world, daemon):
    """As firewalld loads its rules anew: hundreds of transactions, and the end counts."""
    begin(world, daemon)
    world.nft(INPUT + "add rule inet f in tcp dport 23 accept")
    until(lambda: findings(daemon), "the first")
    cpu = cpu_of(daemon.pids()["keeper"])
    began = time.monotonic()
    script = "".join(f"add rule inet f in tcp dport {port} accept\n" for port in range(3000, 3300))
    run("ip", "netns", "exec", world.host, "sh", "-c", "while read -r line; do nft \"$line\"; done", input=script)
    world.nft("flush chain inet f in; add rule inet f in tcp dport 7 accept")
    until(lambda: [f["facts"]["port"] for f in findings(daemon)] == [7], "the end", seconds=5)
    used, whole = cpu_of(daemon.pids()["keeper"]) - cpu, time.monotonic() - began
    print(f"{used:.2f} s of {whole:.2f} s")
    assert used < 0.5 * whole


def test_what_could_not_be_heard_is_found_all_the_same(world, daemon):
    """More is told than the keeper's socket has room for; what contradicts is among what gets lost."""
    begin(world, daemon)
    keeper = daemon.pids()["keeper"]
    flood = world.folder / "flood.nft"
    flood.write_text("table ip flood { set s { type inet_service; }; }\nadd element ip flood s { "
                     + ", ".join(map(str, range(1, 60000, 2))) + " }\nflush set ip flood s\n")
    os.kill(keeper, signal.SIGSTOP)
    try:
        until(lambda: world.nft("-f", flood) is None or lost(world), "the socket is full", seconds=30)
        world.nft("delete table ip flood; " + INPUT + "add rule inet f in tcp dport 23 accept")
        world.nft("insert rule inet minato g1-in accept")
    finally:
        os.kill(keeper, signal.SIGCONT)
    until(lambda: [f["facts"]["port"] for f in findings(daemon)] == [23], "it is found", seconds=5)
    settled(daemon, altered=True)


def test_the_command_finds_it_by_itself(world):
    world.hold(OBSERVED)
    world.nft(INPUT + "add rule inet f in tcp dport 23 accept comment \"of a \\ test\"")
    for words, language in (("findings",), "C.UTF-8"), (("status",), "ja_JP.UTF-8"):
        text = "".join(world.minato(*words, LANG=language, LC_ALL=language).stdout.split())
        assert "tcpdport23accept" in text and "inetf" in text, text
    found = json.loads(world.minato("findings", "--json").stdout)["findings"]
    (finding,) = [f for f in found if f["finding"] == "opened-by-another-tool"]
    assert finding["severity"] == "high" and finding["facts"]["tool"] == "unknown"
    assert "another tool" in finding["text"]
    world.nft("delete table inet f")
    assert "by-another-tool" not in world.minato("findings", "--json").stdout


def test_status_shows_what_the_daemon_told(world, daemon):
    begin(world, daemon)
    world.nft(INPUT + "add rule inet f in tcp dport 23 accept")
    until(lambda: findings(daemon), "it is told")
    document = json.loads(world.minato("status", "--json", MINATO_RUNTIME_DIRECTORY=daemon.runtime).stdout)
    assert "opened-in-vain-by-another-tool" in [f["finding"] for f in document["findings"]]
    engine = daemon.pids()["engine"]
    os.kill(engine, signal.SIGKILL)
    until(lambda: daemon.pids()["engine"] != engine, "a new engine")
    until(lambda: findings(daemon), "it is told again")


def lost(world):
    rows = run("ip", "netns", "exec", world.host, "cat", "/proc/net/netlink").stdout.splitlines()[1:]
    return sum(int(row.split()[8]) for row in rows if row.split()[1] == "12")  # NETLINK_NETFILTER


def cpu_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
