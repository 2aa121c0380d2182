"""Rules of iptables, in nftables or in the kernel's old interface, that contradict the policy: read out of the kernel's bytes."""
import json
import shutil
import subprocess
import time

import pytest

import keeper_world
from daemon import until
from keeper_world import AT_ONCE, ENFORCED, OBSERVED, begin, findings
from world import World, run

world, daemon = keeper_world.world, keeper_world.daemon  # fixtures

BACKENDS = ("nft", "legacy")


def iptables(world, backend, rules):
    """Loads a table as iptables-restore does, in one go."""
    six = rules.startswith("6 ")
    tool = f"ip{'6' if six else ''}tables-{backend}-restore"
    if shutil.which(tool) is None:
        pytest.skip(f"no {tool}")
    done = subprocess.run(["ip", "netns", "exec", world.host, tool], input=rules.removeprefix("6 "), capture_output=True,
                          text=True, timeout=60)
    if backend == "legacy" and done.returncode != 0 and "can't initialize" in done.stderr:
        pytest.skip("no such tables in this kernel")
    assert done.returncode == 0, done.stderr


def table(name, *rules):
    return f"*{name}\n" + "".join(rule + "\n" for rule in rules) + "COMMIT\n"


def said(world):
    """(finding, port, table, chain) of other tools, as the command finds them by itself."""
    found = json.loads(world.minato("findings", "--json").stdout)["findings"]
    return [(f["finding"], f["facts"].get("port"), f["facts"]["table"].split(" (")[0], f["facts"]["chain"]) for f in found
            if f["finding"].endswith("-by-another-tool")]


def refused(world):
    """What the twin proved is told instead."""
    found = json.loads(world.minato("findings", "--json").stdout)["findings"]
    return [f["facts"]["port"] for f in found if f["finding"] == "refused-against-policy"]


INPUT = ("ip filter", "INPUT")
PRE = ("ip nat", "PREROUTING")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("policy, rules, expected", [
    (ENFORCED, table("filter", "-A INPUT -p tcp --dport 23 -j ACCEPT"), [("opened-in-vain-by-another-tool", 23, *INPUT)]),
    (OBSERVED, table("filter", "-A INPUT -p tcp -m tcp --dport 23 -m comment --comment x -j ACCEPT"),
     [("opened-by-another-tool", 23, *INPUT)]),
    (OBSERVED, table("filter", "-A INPUT -p tcp -m multiport --dports 23,80,6379 -j ACCEPT"),
     [("opened-by-another-tool", 23, *INPUT), ("opened-by-another-tool", 6379, *INPUT)]),
    (OBSERVED, table("filter", "-A INPUT -p tcp --dport 23 -m conntrack --ctstate NEW -j ACCEPT"),
     [("opened-by-another-tool", 23, *INPUT)]),
    (OBSERVED, table("filter", "-A INPUT -p tcp --dport 23 -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"), []),
    (OBSERVED, table("filter", "-A INPUT -i lo -p tcp --dport 23 -j ACCEPT"), []),
    (OBSERVED, table("filter", "-A INPUT ! -i lo -p tcp --dport 23 -j ACCEPT"), [("opened-by-another-tool", 23, *INPUT)]),
    (OBSERVED, table("filter", "-A INPUT -d 127.0.0.1 -p tcp --dport 23 -j ACCEPT"), []),
    (OBSERVED, table("filter", "-A INPUT -s 10.0.0.0/8 -p tcp --dport 23 -j ACCEPT"), [("opened-by-another-tool", 23, *INPUT)]),
    (OBSERVED, table("filter", ":mine - [0:0]", "-A mine -p tcp --dport 23 -j ACCEPT", "-A INPUT -p tcp -j mine"),
     [("opened-by-another-tool", 23, "ip filter", "mine")]),
    (OBSERVED, table("filter", ":mine - [0:0]", "-A mine -p tcp --dport 23 -j ACCEPT"), []),
    (ENFORCED, table("filter", "-A INPUT -s 192.0.2.1 -p tcp --dport 80 -j REJECT"), []),
    (ENFORCED, table("nat", "-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 6379"),
     [("redirected-by-another-tool", 6379, *PRE)]),
    (ENFORCED, table("nat", "-A PREROUTING -p tcp --dport 80 -m addrtype --dst-type LOCAL -j DNAT --to-destination 127.0.0.1:6379"),
     [("redirected-by-another-tool", 6379, *PRE)]),
    (ENFORCED, table("nat", "-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 172.17.0.2:6379"), []),
    (ENFORCED, "6 " + table("nat", "-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 6379"),
     [("redirected-by-another-tool", 6379, "ip6 nat", "PREROUTING")]),
    (ENFORCED, "6 " + table("nat", "-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination [::1]:6379"),
     [("redirected-by-another-tool", 6379, "ip6 nat", "PREROUTING")]),
    (ENFORCED, table("mangle", "-A PREROUTING -p tcp --dport 80 -j TPROXY --on-port 6379 --tproxy-mark 1"),
     [("redirected-by-another-tool", 6379, "ip mangle", "PREROUTING")]),
    (ENFORCED, table("mangle", "-A PREROUTING -p tcp --dport 80 -j MARK --set-mark 1"), []),
    # What may hand the packet to a program that does what it likes is named.
    (ENFORCED, table("mangle", "-A PREROUTING -p tcp --dport 80 -j NFQUEUE --queue-num 3"),
     [("unclear-by-another-tool", None, "ip mangle", "PREROUTING")]),
])
def test_rules_of_iptables_are_understood(world, backend, policy, rules, expected):
    world.hold(policy)
    iptables(world, backend, rules)
    assert sorted(set(said(world)), key=str) == sorted(expected, key=str)


@pytest.mark.parametrize("rules", [
    table("filter", "-A INPUT -p tcp --dport 80 -j DROP"),
    table("filter", "-A INPUT -p tcp -m tcp --dport 80 -j REJECT"),
    table("filter", ":INPUT DROP [0:0]", "-A INPUT -p tcp --dport 22 -j ACCEPT"),
])
def test_the_daemon_tells_what_iptables_refuses(world, daemon, rules):
    begin(world, daemon)
    iptables(world, "nft", rules)
    (finding,) = until(lambda: findings(daemon), "it is told", seconds=10)
    assert (finding["finding"], finding["facts"]["port"]) == ("closed-by-another-tool", 80)
    assert refused(world) == [80]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_kernel_agrees(world, backend):
    """What the finding says of a redirection is so: closed before, open with it."""
    world.hold(ENFORCED)
    world.listen(6379, address="0.0.0.0")
    assert not world.connect(80, World.OTHER) and not world.connect(6379, World.OTHER)
    iptables(world, backend, table("nat", "-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 6379"))
    assert world.connect(80, World.OTHER)


def test_the_daemon_tells_of_iptables_at_once(world, daemon):
    begin(world, daemon)
    iptables(world, "nft", table("nat", "-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 6379"))
    began = time.monotonic()
    (finding,) = until(lambda: findings(daemon), "it is told", seconds=10)
    assert time.monotonic() - began < AT_ONCE
    assert (finding["finding"], finding["facts"]["port"]) == ("redirected-by-another-tool", 6379)
    run("ip", "netns", "exec", world.host, "iptables-nft", "-t", "nat", "-F")
    until(lambda: not findings(daemon), "it is over", seconds=5)


def test_the_daemon_says_that_the_old_interface_is_in_use(world, daemon):
    """It may not read it, and the kernel tells nobody of it: it is looked at with whatever else changes, and once a minute."""
    begin(world, daemon)
    iptables(world, "legacy", table("nat", "-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 6379"))
    world.nft("add table ip other")
    (finding,) = until(lambda: findings(daemon), "it is told", seconds=10)
    assert finding["finding"] == "unread-by-another-tool" and finding["severity"] == "low"
    assert "iptables-legacy" in finding["text"] and "{" not in finding["text"] + finding["advice"]
