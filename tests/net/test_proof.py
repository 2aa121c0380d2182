"""plan and apply ask the kernel, in a copy of all rules of the host, whether what the policy says would hold."""
import json
import os
import shutil

import pytest

from world import World, checked, run

FAR, OUTSIDE = "203.0.113.7", "198.51.100.77"
WEB = "minato: 1\nports:\n  web: {port: 80/tcp, for: site, owner: o, from: any}\n"


@pytest.fixture
def world():
    made = World()
    checked("ip", "-n", made.host, "route", "add", "default", "via", made.FRIEND)
    checked("ip", "-n", made.host, "-6", "route", "add", "default", "via", made.FRIEND6)
    yield made
    made.remove()


def proof(world, text=None, code=2):
    """What `minato plan --json` proved."""
    if text is not None:
        world.declare(text)
    done = world.minato("plan", "--json")
    assert done.returncode == code, done.stderr + done.stdout
    found = json.loads(done.stdout)["proof"]
    assert found["packets_asked"] == (found["packets_agree"] + found["packets_contradict"] + found["packets_not_proven"])
    return found


def rule(case):
    return (case["deciding"]["owner"], case["deciding"]["table"], case["deciding"]["chain"], case["deciding"]["rule"])


def test_where_nothing_contradicts_all_agree(world):
    world.listen(5432)
    found = proof(world, "minato: 1\nports:\n  web: {port: 80/tcp, for: x, owner: o, from: any}\n"
                         "  ssh: {port: 22/tcp, for: x, owner: o, from: 10.77.0.0/24, rate: 3/minute}\n"
                         "  seen: {port: 99/tcp, for: x, owner: o, from: 10.77.0.2, mode: observe}\n")
    assert found["packets_asked"] > 100 and found["packets_agree"] == found["packets_asked"] - found["packets_not_proven"]
    assert found["contradictions"] == [] and found["packets_not_asked"] == 0
    assert found["packets_not_proven"] == 0 and found["not_proven"] == []
    text = world.minato("plan").stdout
    assert f"{found['packets_asked']} packets, {found['packets_agree']} agree, 0 contradict" in text


def test_what_ufw_drops_is_named_and_refused_before_the_host_is_touched(world):
    world.nft("table ip filter { chain ufw-user-input { tcp dport 22 accept; }; chain ufw-before-input { jump ufw-user-input; }; "
              "chain INPUT { type filter hook input priority 0; policy drop; jump ufw-before-input; }; }")
    case, = proof(world, WEB + "  ssh: {port: 22/tcp, for: x, owner: o, from: any}\n")["contradictions"]
    assert (case["kind"], case["port"], case["source"], case["place"]) == ("refused", 80, OUTSIDE, "anywhere")
    assert rule(case) == ("ufw", "filter", "INPUT", None) and case["deciding"]["policy"]
    done = world.minato("plan")
    assert "80/tcp from 198.51.100.77, as from anywhere" in done.stdout and done.returncode == 2
    assert "ufw: ip filter, chain INPUT, policy drop" in done.stdout
    before = world.listing()
    done = world.apply(code=1)
    assert "would not hold" in done.stderr and "minato apply --unproven" in done.stderr
    assert world.listing() == before
    world.apply(None, "--unproven")
    assert world.candidate() == 1
    done = world.minato("plan", "--unproven")
    assert "ufw" not in done.stdout and "Asked of the kernel" not in done.stdout
    assert json.loads(world.minato("plan", "--unproven", "--json").stdout)["proof"] is None


def test_a_contradiction_makes_a_difference_also_when_the_rules_are_the_same(world):
    world.hold(WEB)
    assert proof(world, code=0)["contradictions"] == []
    world.nft("table ip mine { chain input { type filter hook input priority 7; tcp dport 80 reject; }; }")
    case, = proof(world)["contradictions"]
    assert (case["outcome"], *rule(case)) == ("rejected", "unknown", "mine", "input", "tcp dport 80 reject")


@pytest.mark.parametrize("priority", [-300, -200, 5, 300])
def test_our_accept_does_not_override_another_tables_drop(world, priority):
    hook = "prerouting" if priority < 0 else "input"
    world.nft(f"table inet other {{ chain c {{ type filter hook {hook} priority {priority}; ip saddr 10.77.0.0/24 tcp dport 80 drop; }}; }}")
    case, = proof(world, "minato: 1\nports:\n  web: {port: 80/tcp, for: x, owner: o, from: 10.77.0.0/24}\n")["contradictions"]
    assert rule(case)[1:] == ("other", "c", "ip saddr 10.77.0.0/24 tcp dport 80 drop")
    assert case["deciding"]["handle"] is not None


@pytest.mark.parametrize("hook, priority", [("prerouting", -300), ("input", -10)])
def test_our_drop_is_not_missed_because_another_table_accepts_first(world, hook, priority):
    world.nft(f"table inet other {{ chain c {{ type filter hook {hook} priority {priority}; accept; }}; }}")
    world.listen(81)
    assert proof(world, WEB)["contradictions"] == []


def test_what_is_sent_on_before_our_rules_see_it_gets_in(world):
    """Written into in front of them, the packet is one for the open port. (What is translated is translated behind them.)"""
    world.nft("table ip early { chain pre { type filter hook prerouting priority -300; tcp dport 81 tcp dport set 80; }; }")
    world.listen(81)
    case, = proof(world, WEB)["contradictions"]
    assert (case["kind"], case["port"], case["target"]["port"], case["outcome"]) == ("let_in", 81, 80, "accepted")
    assert rule(case) == ("unknown", "early", "pre", "tcp dport 81 tcp dport set 80")
    done = world.apply(code=1)
    assert "gets in all the same" in done.stdout and "would not hold" in done.stderr


def test_the_address_just_outside_is_asked(world):
    """Only for it the other table makes a difference."""
    text = WEB + "  admin: {port: 81/tcp, for: x, owner: o, from: 10.77.0.64/28}\n"
    assert proof(world, text)["contradictions"] == []
    world.nft("table ip early { chain pre { type filter hook prerouting priority -300; "
              "ip saddr { 10.77.0.63, 10.77.0.80 } tcp dport 81 tcp dport set 80; }; }")
    case, = proof(world)["contradictions"]
    assert (case["kind"], case["port"], case["place"], case["entry"], case["packet_count"]) == (
        "let_in", 81, "outside", "10.77.0.64/28", 2)
    assert case["source"] == "10.77.0.63"
    assert "10.77.0.63, just outside 10.77.0.64/28 and 1 packet more" in world.minato("plan").stdout


FIREWALLD = """table inet firewalld {
chain filter_INPUT { type filter hook input priority 10; policy accept
ct state { established, related } accept
iifname "lo" accept
jump filter_INPUT_ZONES
reject with icmpx admin-prohibited
}
chain filter_INPUT_ZONES { iifname "eth0" goto filter_IN_public
}
chain filter_IN_public { jump filter_IN_public_allow
meta l4proto { icmp, ipv6-icmp } accept
reject with icmpx admin-prohibited
}
chain filter_IN_public_allow { tcp dport 22 accept
}
}
"""


def nft_file(world, text):
    checked("ip", "netns", "exec", world.host, "nft", "-f", "-", input=text)


def test_firewalld_refuses_what_it_does_not_know(world):
    nft_file(world, FIREWALLD)
    cases = proof(world, WEB + "  ssh: {port: 22/tcp, for: x, owner: o, from: any}\n")["contradictions"]
    assert {(c["kind"], c["port"], c["outcome"]) for c in cases} == {("refused", 80, "rejected")}
    assert {rule(c)[:3] for c in cases} == {("firewalld", "firewalld", "filter_IN_public")}


DOCKER = """table ip nat {
chain PREROUTING { type nat hook prerouting priority dstnat; policy accept
fib daddr type local jump DOCKER
}
chain DOCKER { iifname "docker0" return
iifname != "docker0" tcp dport 8080 dnat to 172.30.99.2:80
}
}
table ip filter {
chain FORWARD { type filter hook forward priority 0; policy drop
jump DOCKER-USER
ct state established,related accept
oifname "docker0" jump DOCKER
iifname "docker0" accept
}
chain DOCKER-USER { %s
}
chain DOCKER { ip daddr 172.30.99.2 iifname != "docker0" oifname "docker0" tcp dport 80 accept
}
}
"""


def docker(world, more=""):
    """The bridge and the rules that Docker makes for `-p 8080:80`."""
    for words in (("link", "add", "docker0", "type", "bridge"), ("addr", "add", "172.30.99.1/16", "dev", "docker0"),
                  ("link", "set", "docker0", "up")):
        checked("ip", "-n", world.host, *words)
    checked("ip", "netns", "exec", world.host, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
    nft_file(world, DOCKER % more)
    world.listen(8080)  # docker-proxy


def test_what_docker_publishes_is_closed_before_its_translation(world):
    docker(world)
    assert proof(world, WEB)["contradictions"] == []
    found = proof(world, "minato: 1\nports:\n  box: {port: 8080/tcp, for: x, owner: o, from: any}\n")
    assert found["contradictions"] == []


def test_what_docker_refuses_behind_its_translation_is_named(world):
    docker(world, "ip saddr 10.77.0.0/24 drop")
    case, = proof(world, "minato: 1\nports:\n  box: {port: 8080/tcp, for: x, owner: o, from: [10.77.0.0/24, 203.0.113.0/24]}\n")[
        "contradictions"]
    assert (case["kind"], case["entry"], case["target"]) == ("refused", "10.77.0.0/24", {"address": "172.30.99.2", "port": 80})
    assert rule(case) == ("docker", "filter", "DOCKER-USER", "ip saddr 10.77.0.0/24 drop")


def test_what_cannot_be_carried_is_not_proven(world):
    world.nft("table inet other { chain c { type filter hook input priority 5; tcp dport 80 limit rate 3/minute accept; tcp dport 80 drop; }; }")
    found = proof(world, WEB)
    assert found["contradictions"] == [] and found["packets_not_proven"] > 0
    reason, = found["not_proven"]
    assert (reason["kind"], reason["packet_count"]) == ("rate", found["packets_not_proven"])
    assert "limit rate 3/minute" in reason["detail"]
    done = world.apply()
    assert "a rule counts or throws dice" in done.stdout


def test_from_where_no_way_leads_nobody_is_asked(world):
    checked("ip", "-n", world.host, "route", "del", "default")
    found = proof(world, WEB)
    assert found["addresses_without_a_way"] == 1 and found["packets_not_asked"] > 0
    assert "no way leads here from 1 address" in world.minato("plan").stdout


def test_where_no_route_leads_out_everybody_is_somebody_of_the_own_networks(world):
    checked("ip", "-n", world.host, "route", "del", "default")
    checked("ip", "-n", world.host, "-6", "route", "del", "default")
    assert proof(world, WEB)["packets_agree"] > 0
    world.nft("table ip filter { chain INPUT { type filter hook input priority 0; policy drop; }; }")
    case, *_ = proof(world, WEB)["contradictions"]
    assert (case["kind"], case["port"], case["entry"]) == ("refused", 80, "10.77.0.0/24")


def test_ten_thousand_rules_and_many_ports_stay_within_the_bound(world):
    rules = "\n".join(f"ip saddr 172.16.{i // 256}.{i % 256} tcp dport 22 drop" for i in range(10000))
    nft_file(world, f"table inet big {{ chain c {{ type filter hook input priority 5\n{rules}\n}}\n}}\n")
    ports = ", ".join(f"{1000 + 3 * i}/tcp" for i in range(200))
    who = "".join(f"  w{i}: 10.{i}.0.0/16\n" for i in range(50))
    found = proof(world, f"minato: 1\nwho:\n{who}ports:\n  many: {{port: [{ports}], for: x, owner: o, "
                         f"from: [{', '.join(f'w{i}' for i in range(50))}]}}\n")
    assert found["packets_asked"] == 2000 and found["packets_not_asked"] > 10000
    assert found["contradictions"] == [] and found["packets_not_proven"] == 0


def test_plan_without_root_says_that_nothing_is_proven(world):
    world.declare(WEB)
    folder = world.folder / "copy"
    folder.mkdir()
    for path in (world.folder, folder):
        path.chmod(0o755)
    shutil.copy(world.words()[4], folder / "minato")
    world.policy.chmod(0o644)
    done = run("ip", "netns", "exec", world.host, "setpriv", "--reuid=65534", "--regid=65533", "--clear-groups", "--inh-caps=-all",
               folder / "minato", "--policy", world.policy, "plan", env=world.environment())
    assert done.returncode == 2, done.stderr
    assert "so it is not proven that other rules of this host agree" in done.stderr
    assert "Asked of the kernel" not in done.stdout


def test_open_and_close_tell_and_are_not_stopped_by_what_was_so_before(world):
    world.hold(WEB)
    world.nft("table ip mine { chain input { type filter hook input priority 7; tcp dport 80 drop; }; }")
    done = world.minato("open", "81/tcp", "--for", "test", "--owner", "o")
    assert done.returncode == 0, done.stderr
    assert "80/tcp from" in done.stdout and "mine, chain input" in done.stdout
    assert os.path.exists(world.policy)


def test_a_small_change_over_the_rules_that_hold_is_proven_too(world):
    """Its generation is a few rules that lead on to those in the kernel."""
    world.hold(WEB)
    world.nft("table inet mine { chain input { type filter hook input priority 7; tcp dport 81 drop; }; }")
    more = WEB + "  admin: {port: 81/tcp, for: x, owner: o, from: any}\n"
    done = world.apply(more, code=1)
    assert "81/tcp from 198.51.100.77, as from anywhere" in done.stdout and "80/tcp from" not in done.stdout
    world.nft("delete table inet mine")
    done = world.apply(more)
    assert " 0 contradict, 0 not proven" in done.stdout
