"""The twin (lib/twin): each answer is held against what the real packet does in namespaces of the test's own."""
import fcntl
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import pytest

import twin_world
from world import checked, run
from twin_world import FAR4, HOST4, HOST6, MAC, PEER4, PEER6, SECONDS, Twin

iptables = pytest.mark.skipif(shutil.which("iptables-nft-restore") is None, reason="iptables is not installed")


def agree(world, answer, protocol, source, to, port, where=None):
    """The real packet does what the twin says."""
    listener = world.listen(protocol, port, "::" if ":" in to else None, where)
    patience = 0.5 if answer["outcome"] in ("dropped", "unrouted") else SECONDS
    real = world.truth(protocol, source, to, port, patience, listener=listener)
    said = {"forwarded": "accepted", "unrouted": "dropped"}.get(answer["outcome"], answer["outcome"])
    assert real == said, answer


BASE = "table inet filter {{ chain input {{ type filter hook input priority 0; policy {policy};\n{rules}\n}}\n{more} }}"
RULES = [
    # what it is, policy, rules of input, more of the table, packet, outcome, text of the deciding rule
    ("no rule at all", "accept", "", "", ("tcp", PEER4, HOST4, 8001), "accepted", ""),
    ("policy", "drop", "", "", ("tcp", PEER4, HOST4, 8001), "dropped", ""),
    ("drop", "accept", "tcp dport 8001 drop", "", ("tcp", PEER4, HOST4, 8001), "dropped", "tcp dport 8001 drop"),
    ("accept", "drop", "tcp dport 8001 accept", "", ("tcp", PEER4, HOST4, 8001), "accepted", "tcp dport 8001 accept"),
    ("reset", "accept", "tcp dport 8001 reject with tcp reset", "", ("tcp", PEER4, HOST4, 8001), "rejected", "tcp reset"),
    ("reject", "accept", "udp dport 8001 reject", "", ("udp", PEER4, HOST4, 8001), "rejected", "udp dport 8001 reject"),
    ("datagram", "drop", "udp dport 8001 accept", "", ("udp", FAR4, HOST4, 8001), "accepted", "udp dport 8001 accept"),
    ("verdict map", "accept", "tcp dport vmap { 8001 : drop, 8002 : accept }", "", ("tcp", PEER4, HOST4, 8001),
     "dropped", "vmap"),
    ("other of the map", "drop", "tcp dport vmap { 8001 : drop, 8002 : accept }", "", ("tcp", PEER4, HOST4, 8002),
     "accepted", "vmap"),
    ("interval inside", "drop", "ip saddr @friends accept",
     "set friends { type ipv4_addr; flags interval; elements = { 198.51.100.0/24, 203.0.113.5-203.0.113.7 }\n}\n",
     ("tcp", FAR4, HOST4, 8001), "accepted", "@friends"),
    ("interval outside", "drop", "ip saddr @friends accept",
     "set friends { type ipv4_addr; flags interval; elements = { 198.51.100.0/24, 203.0.113.5-203.0.113.7 }\n}\n",
     ("tcp", PEER4, HOST4, 8001), "dropped", ""),
    ("IPv6", "drop", "ip6 saddr 2001:db8::/32 tcp dport 8001 accept\nicmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
     "", ("tcp", PEER6, HOST6, 8001), "accepted", "ip6 saddr"),
    ("IPv6 of others", "drop", "ip6 saddr 2001:db9::/32 accept\nicmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
     "", ("tcp", PEER6, HOST6, 8001), "dropped", ""),
    ("wrong interface", "drop", 'iifname "eth1" tcp dport 8001 accept', "", ("tcp", PEER4, HOST4, 8001), "dropped", ""),
    ("right interface", "drop", 'iifname "eth0" tcp dport 8001 accept', "", ("tcp", PEER4, HOST4, 8001), "accepted",
     'iifname "eth0"'),
    ("index of an interface", "drop", 'iif "eth0" tcp dport 8001 accept', "", ("tcp", PEER4, HOST4, 8001), "accepted",
     'iif "eth0"'),
    ("right MAC", "drop", f"ether saddr {MAC} accept", "", ("tcp", PEER4, HOST4, 8001), "accepted", "ether saddr"),
    ("wrong MAC", "accept", f"ether saddr != {MAC} accept\ndrop", "", ("tcp", PEER4, HOST4, 8001), "dropped", "drop"),
    ("fib", "drop", "fib daddr type local tcp dport 8001 accept", "", ("tcp", PEER4, HOST4, 8001), "accepted", "fib daddr"),
    ("fib of the reverse path", "accept", "fib saddr . iif oif missing drop", "", ("tcp", FAR4, HOST4, 8001), "accepted", ""),
    ("conntrack", "drop", "ct state new tcp dport 8001 accept", "", ("tcp", PEER4, HOST4, 8001), "accepted", "ct state new"),
]


@pytest.mark.parametrize("policy, rules, more, packet, outcome, text", [row[1:] for row in RULES],
                         ids=[row[0] for row in RULES])
def test_it_says_what_the_real_packet_does(world, policy, rules, more, packet, outcome, text):
    world.nft(BASE.format(policy=policy, rules=rules, more=more))
    answer = world.twin().ask(*packet, mac=MAC)
    assert answer["outcome"] == outcome, answer
    assert answer["deciding"]["policy"] is (text == "")
    assert text in answer["deciding"]["rule"]
    assert answer["doubts"] == []
    agree(world, answer, *packet)


def handle_of(world, family, table, chain, text):
    for line in world.within("nft", "-a", "list", "chain", family, table, chain).splitlines():
        if text in line:
            return int(line.rpartition(" # handle ")[2])
    raise AssertionError(f"no rule {text}")


def test_the_handle_is_that_of_the_host(world):
    world.nft(BASE.format(policy="accept", rules="tcp dport 1 drop\ntcp dport 2 drop\ntcp dport 8001 drop", more=""))
    world.within("nft", "delete", "rule", "inet", "filter", "input", "handle",
                 str(handle_of(world, "inet", "filter", "input", "dport 1 drop")))
    answer = world.twin().ask("tcp", PEER4, HOST4, 8001)
    assert answer["deciding"]["handle"] == handle_of(world, "inet", "filter", "input", "8001")


def test_a_second_table_drops_what_the_first_accepts(world):
    world.nft("table inet a { chain input { type filter hook input priority 0; tcp dport 8001 accept\n}\n}\n"
              "table ip f2b-table { chain f2b { type filter hook input priority 10; ip saddr 192.0.2.9 drop\n}\n}\n")
    answer = world.twin().ask("tcp", PEER4, HOST4, 8001)
    assert answer["outcome"] == "dropped"
    assert (answer["deciding"]["table"], answer["deciding"]["owner"]) == ("f2b-table", "fail2ban")
    assert [(s["hook"], s["table"], s["verdict"]) for s in answer["steps"]] == [
        ("input", "a", "accept"), ("input", "f2b-table", "drop")]
    agree(world, answer, "tcp", PEER4, HOST4, 8001)


def test_the_way_is_told_hook_by_hook(world):
    world.nft("table inet t {\n"
              "chain pre { type filter hook prerouting priority -150; tcp dport 8001 meta mark set 7\n}\n"
              "chain input { type filter hook input priority 0; policy drop; meta mark 7 jump known\n}\n"
              "chain known { tcp dport 9 drop\ntcp dport 8001 goto good\n}\nchain good { accept\n}\n}\n")
    answer = world.twin().ask("tcp", PEER4, HOST4, 8001)
    assert [(s["hook"], s["chain"], s["verdict"], s["target"]) for s in answer["steps"]] == [
        ("prerouting", "pre", "continue", ""), ("prerouting", "pre", "accept", ""), ("input", "input", "jump", "known"),
        ("input", "known", "goto", "good"), ("input", "good", "accept", "")]
    agree(world, answer, "tcp", PEER4, HOST4, 8001)


def test_loopback_is_loopback(world):
    world.nft(BASE.format(policy="drop", rules='iif "lo" tcp dport 8001 accept\niif "lo" tcp sport 8001 accept',
                          more=""))
    twin = world.twin()
    assert twin.ask("tcp", "127.0.0.1", "127.0.0.1", 8001, "lo")["outcome"] == "accepted"
    assert twin.ask("tcp", "127.0.0.1", "127.0.0.1", 8002, "lo")["outcome"] == "dropped"
    assert twin.ask("tcp", HOST4, HOST4, 8001, "lo")["outcome"] == "accepted"
    assert twin.ask("udp", "::1", "::1", 8001, "lo")["outcome"] == "dropped"
    world.listen("tcp", 8001)
    assert world.truth("tcp", "127.0.0.1", "127.0.0.1", 8001, where=world.host) == "accepted"
    assert world.truth("tcp", HOST4, HOST4, 8001, where=world.host) == "accepted"


def test_what_the_host_may_not_send_itself_is_dropped_in_output(world):
    world.nft("table inet t { chain out { type filter hook output priority 0; tcp dport 8001 drop\n}\n}\n")
    answer = world.twin().ask("tcp", "127.0.0.1", "127.0.0.1", 8001, "lo")
    assert (answer["outcome"], answer["deciding"]["hook"]) == ("dropped", "output")
    world.listen("tcp", 8001)
    assert world.truth("tcp", "127.0.0.1", "127.0.0.1", 8001, 0.5, where=world.host) == "dropped"


def test_an_echo_request(world):
    world.nft(BASE.format(policy="accept", rules="icmp type echo-request drop\nicmpv6 type echo-request reject", more=""))
    twin = world.twin()
    assert twin.ask("icmp", PEER4, HOST4, 0)["deciding"]["rule"] == "icmp type echo-request drop"
    assert twin.ask("icmp", PEER6, HOST6, 0)["outcome"] == "rejected"


def test_the_reverse_path_filter(world):
    """203.0.113.9 lives behind eth1: from eth0 it is not believed."""
    world.sysctl("ipv4/conf/all/rp_filter", "1")
    world.sysctl("ipv4/conf/eth0/rp_filter", "1")
    twin = world.twin()
    answer = twin.ask("tcp", "203.0.113.9", HOST4, 8001)
    assert (answer["outcome"], answer["cause"]) == ("unrouted", "reverse_path")
    assert twin.ask("tcp", "203.0.113.9", "203.0.113.1", 8001, "eth1")["outcome"] == "accepted"
    checked("ip", "-n", world.net, "route", "add", HOST4 + "/32", "dev", "far0")
    agree(world, answer, "tcp", "203.0.113.9", HOST4, 8001)


def test_without_the_filter_the_same_packet_comes_in(world):
    world.sysctl("ipv4/conf/all/rp_filter", "0")
    world.sysctl("ipv4/conf/eth0/rp_filter", "0")
    assert world.twin().ask("tcp", "203.0.113.9", HOST4, 8001)["outcome"] == "accepted"


def test_routing_has_reasons(world):
    world.sysctl("ipv4/ip_forward", "0")
    world.ip("link", "set", "eth1", "down")
    twin = world.twin()
    assert twin.ask("tcp", PEER4, "192.0.2.77", 8001)["cause"] == "no_forwarding"
    assert twin.ask("tcp", "127.0.0.1", HOST4, 8001)["cause"] == "source"
    assert twin.ask("tcp", HOST4, HOST4, 8001)["cause"] == "source"
    assert twin.ask("tcp", PEER4, "127.0.0.1", 8001)["cause"] == "target"
    assert twin.ask("tcp", PEER6, "::1", 8001)["cause"] == "target"
    assert twin.ask("tcp", PEER6, "2001:db9::1", 8001)["cause"] == "no_route"
    assert twin.ask("tcp", "203.0.113.9", "203.0.113.1", 8001, "eth1")["cause"] == "interface_down"
    assert twin.ask("tcp", PEER4, HOST4, 8001, "eth7")["cause"] == "interface_absent"


def test_forwarding(world):
    world.sysctl("ipv4/ip_forward", "1")
    world.nft("table inet t { chain through { type filter hook forward priority 0; policy drop; tcp dport 8001 accept\n}\n}\n")
    twin = world.twin()
    answer = twin.ask("tcp", PEER4, "203.0.113.9", 8001)
    assert (answer["outcome"], answer["interface"]) == ("forwarded", "eth1")
    assert answer["deciding"]["rule"] == "tcp dport 8001 accept"
    assert twin.ask("tcp", PEER4, "203.0.113.9", 8002)["outcome"] == "dropped"


def test_rules_of_routing_are_worn(world):
    """By the main table 198.51.100.7 is behind eth0; a rule sends its answers to eth1."""
    world.ip("route", "add", "unreachable", "203.0.113.77/32", "table", "77")
    world.ip("rule", "add", "from", FAR4, "lookup", "77", "priority", "100")
    world.sysctl("ipv4/ip_forward", "1")
    twin = world.twin()
    assert twin.ask("tcp", FAR4, "203.0.113.77", 8001)["outcome"] == "unrouted"
    assert twin.ask("tcp", PEER4, "203.0.113.77", 8001)["outcome"] == "forwarded"


def test_an_ingress_chain_of_the_host_is_traced(world):
    world.nft('table netdev early { chain in { type filter hook ingress device "eth0" priority 0; ip saddr 198.51.100.7 drop\n}\n}\n')
    twin = world.twin()
    answer = twin.ask("tcp", FAR4, HOST4, 8001)
    assert (answer["outcome"], answer["deciding"]["hook"]) == ("dropped", "ingress")
    agree(world, answer, "tcp", FAR4, HOST4, 8001)
    assert twin.ask("tcp", PEER4, HOST4, 8001)["outcome"] == "accepted"


def test_ten_thousand_elements(world):
    elements = ", ".join(f"198.18.{i // 256}.{i % 256}" for i in range(10000))
    world.nft(BASE.format(policy="drop", rules="ip saddr @many accept",
                          more=f"set many {{ type ipv4_addr; elements = {{ {elements} }}\n}}\n"))
    twin = world.twin()
    assert twin.ask("tcp", "198.18.39.15", HOST4, 8001)["outcome"] == "accepted"
    assert twin.ask("tcp", "198.18.39.16", HOST4, 8001)["outcome"] == "dropped"


def test_elements_keep_the_time_that_is_left(world):
    world.nft(BASE.format(policy="drop", rules="ip saddr @guests accept",
                          more="set guests { type ipv4_addr; flags timeout; elements = { 192.0.2.9 timeout 1h expires 30m }\n}\n"))
    assert world.twin().ask("tcp", PEER4, HOST4, 8001)["outcome"] == "accepted"


def test_a_group_of_interfaces_is_worn(world):
    world.ip("link", "set", "eth0", "group", "7")
    world.nft(BASE.format(policy="drop", rules="meta iifgroup 7 tcp dport 8001 accept", more=""))
    answer = world.twin().ask("tcp", PEER4, HOST4, 8001)
    assert answer["outcome"] == "accepted"
    agree(world, answer, "tcp", PEER4, HOST4, 8001)


def test_broadcast_addresses_are_worn(world):
    world.ip("addr", "add", "192.0.2.2/24", "broadcast", "192.0.2.250", "dev", "eth0")
    world.nft(BASE.format(policy="accept", rules="fib daddr type broadcast drop", more=""))
    assert world.twin().ask("udp", PEER4, "192.0.2.250", 8001)["outcome"] == "dropped"


@pytest.mark.parametrize("first, second", [("a", "b"), ("b", "a")])
def test_chains_of_one_priority_keep_their_order(world, first, second):
    """Of those the younger is first; which of two targets counts is decided by that."""
    world.sysctl("ipv4/ip_forward", "1")
    targets = {"a": "203.0.113.9", "b": "203.0.113.10"}
    for name in (first, second):
        world.nft(f"table ip {name} {{ chain pre {{ type nat hook prerouting priority dstnat; "
                  f"tcp dport 8001 counter dnat to {targets[name]}:80\n}}\n}}\n")
    answer = world.twin().ask("tcp", FAR4, HOST4, 8001)
    world.truth("tcp", FAR4, HOST4, 8001, 0.5)  # the target does not answer; the rules count
    counted = [name for name in targets if "counter packets 0 " not in world.within("nft", "list", "table", "ip", name)]
    assert (answer["outcome"], answer["to"]) == ("forwarded", targets[counted[0]])
    assert len(counted) == 1


@iptables
@pytest.mark.parametrize("first", ["iptables", "nft"])
def test_tables_of_nft_and_of_iptables_keep_their_order(world, first):
    def by_iptables():
        world.within("iptables-nft", "-A", "INPUT", "-p", "tcp", "-m", "recent", "--set", "-j", "DROP")

    def by_nft():
        world.nft("table ip mine { chain input { type filter hook input priority filter; tcp dport 8001 drop\n}\n}\n")

    for load in (by_iptables, by_nft) if first == "iptables" else (by_nft, by_iptables):
        load()
    deciding = world.twin().ask("tcp", PEER4, HOST4, 8001)["deciding"]
    world.listen("tcp", 8001)
    assert world.truth("tcp", PEER4, HOST4, 8001, 0.5) == "dropped"
    counted = "counter packets 0 " not in next(
        line for line in world.within("nft", "list", "chain", "ip", "filter", "INPUT").splitlines() if "recent" in line)
    assert deciding["table"] == ("filter" if counted else "mine")


def test_a_table_of_one_owner_stays(world, tmp_path):
    """firewalld's may have the flag; it must not go with the nft that loads it."""
    rules = tmp_path / "rules.nft"
    rules.write_text("table inet firewalld { # progname firewalld\n\tflags owner,persist\n\n\tchain filter_INPUT { # handle 1\n"
                     "\t\ttype filter hook input priority filter + 10; policy drop;\n\t}\n}\n")
    twin = world.twin("--rules", rules)
    assert twin.first["doubts"] == []
    deciding = twin.ask("tcp", PEER4, HOST4, 8001)["deciding"]
    assert (deciding["owner"], deciding["verdict"]) == ("firewalld", "drop")


def test_a_candidate_comes_on_top(world, tmp_path):
    world.nft(BASE.format(policy="accept", rules="tcp dport 8001 accept", more=""))
    candidate = tmp_path / "candidate.nft"
    candidate.write_text("table inet minato { chain input { type filter hook input priority 5; tcp dport 8001 drop\n}\n}\n")
    answer = world.twin("--candidate", candidate).ask("tcp", PEER4, HOST4, 8001)
    assert (answer["outcome"], answer["deciding"]["owner"], answer["deciding"]["handle"]) == ("dropped", "minato", 0)
    assert "minato" not in world.within("nft", "list", "ruleset")
    candidate.write_text("flush ruleset\n")
    assert world.twin("--candidate", candidate).ask("tcp", PEER4, HOST4, 8001)["deciding"] is None


def test_a_broken_candidate_is_refused_with_the_words_of_nft(world, tmp_path):
    candidate = tmp_path / "candidate.nft"
    candidate.write_text("table inet minato { chain input { type filter hook nowhere priority 5\n}\n}\n")
    first = Twin(("ip", "netns", "exec", world.host), "--candidate", candidate).first
    assert "unknown chain hook" in first["error"]


DOUBTS = [
    ("meta skuid 0 accept", "owner"),
    ("limit rate 5/second accept", "rate"),
    ("ct count over 10 drop", "rate"),
    ("socket transparent 1 accept", "socket"),
    ("meta cgroup 5 accept", "cgroup"),
    ("numgen random mod 2 0 drop", "rate"),
]


@pytest.mark.parametrize("rule, kind", DOUBTS, ids=[rule.split(" 5")[0] for rule, _ in DOUBTS])
def test_what_is_not_proven_is_named(world, rule, kind):
    world.nft(BASE.format(policy="accept", rules=f"tcp dport 7 accept\n{rule}", more=""))
    twin = world.twin()
    doubts = twin.ask("tcp", PEER4, HOST4, 8001)["doubts"]
    assert [k for k, _ in doubts] == [kind]
    assert rule.split()[0] in doubts[0][1]
    assert twin.ask("tcp", PEER4, HOST4, 7)["doubts"] == [], "the rule stands behind the deciding one"


@iptables
def test_a_doubt_is_told_in_the_words_of_iptables_and_for_its_port_alone(world):
    world.within("iptables-nft", "-A", "INPUT", "-p", "tcp", "--dport", "8001", "-m", "recent", "--set", "-j", "ACCEPT")
    twin = world.twin()
    (kind, detail), = twin.ask("tcp", PEER4, HOST4, 8001)["doubts"]
    assert kind == "rate" and detail.startswith("-A INPUT -p tcp -m tcp --dport 8001 -m recent --set")
    assert twin.ask("tcp", PEER4, HOST4, 8002)["doubts"] == []


def test_programs_before_the_rules_are_named(world):
    world.within("tc", "qdisc", "add", "dev", "eth0", "clsact")
    assert world.twin().ask("tcp", PEER4, HOST4, 8001)["doubts"] == []  # there is a place for them, and nobody in it
    world.within("tc", "filter", "add", "dev", "eth0", "ingress", "prio", "9", "bpf", "bytecode",
                 "1,6 0 0 0,", "flowid", "1:1")
    twin = world.twin()
    assert twin.ask("tcp", PEER4, HOST4, 8001)["doubts"] == [["program", "eth0: tc"]]
    assert twin.ask("tcp", "203.0.113.9", "203.0.113.1", 8001, "eth1")["doubts"] == []


def test_a_limit_that_only_logs_is_no_doubt(world):
    world.nft(BASE.format(policy="accept", rules='limit rate 3/minute log prefix "x "', more=""))
    assert world.twin().ask("tcp", PEER4, HOST4, 8001)["doubts"] == []


def test_a_table_that_cannot_be_loaded_is_named_and_the_others_are(world, tmp_path):
    rules = tmp_path / "rules.nft"
    rules.write_text("table inet odd { # handle 1\n\tchain input { # handle 1\n\t\tno such thing # handle 2\n\t}\n}\n"
                     "table inet good { # handle 2\n\tchain input { # handle 1\n"
                     "\t\ttype filter hook input priority filter; policy drop;\n\t}\n}\n")
    twin = world.twin("--rules", rules)
    assert [kind for kind, _ in twin.first["doubts"]] == ["table"]
    assert twin.first["doubts"][0][1].startswith("inet odd: ")
    assert twin.ask("tcp", PEER4, HOST4, 8001)["outcome"] == "dropped"


# ---- iptables ----

DOCKER = """*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
COMMIT
"""
DOCKER_NFT = """table ip nat { chain PREROUTING { type nat hook prerouting priority dstnat; fib daddr type local jump DOCKER
}
chain DOCKER { iifname "docker0" return
iifname != "docker0" tcp dport 8080 dnat to 172.17.0.2:80
}
}
table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop
ct state established,related accept
oifname "docker0" jump DOCKER
iifname "docker0" accept
}
chain DOCKER { ip daddr 172.17.0.2 iifname != "docker0" oifname "docker0" tcp dport 80 accept
}
}
"""
UFW = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:ufw-before-input - [0:0]
:ufw-user-input - [0:0]
:ufw-after-input - [0:0]
:ufw-logging-deny - [0:0]
:ufw-skip-to-policy-input - [0:0]
-A INPUT -j ufw-before-input
-A INPUT -j ufw-after-input
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -m conntrack --ctstate INVALID -j ufw-logging-deny
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
-A ufw-before-input -j ufw-user-input
-A ufw-user-input -p tcp -m tcp --dport 8001 -j ACCEPT
-A ufw-user-input -s 198.51.100.0/24 -p tcp -m tcp --dport 8002 -j DROP
-A ufw-user-input -p tcp -m tcp --dport 8003 -j REJECT --reject-with tcp-reset
-A ufw-user-input -p tcp -m multiport --dports 8004,8005 -j ACCEPT
-A ufw-user-input -p tcp -m tcp --dport 8006 -m recent --set --name ssh
-A ufw-after-input -p udp -m udp --dport 137 -j ufw-skip-to-policy-input
-A ufw-after-input -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "
-A ufw-skip-to-policy-input -j DROP
COMMIT
"""


def container(world):
    """A bridge as Docker makes it, with one container on it. @return its namespace."""
    box = world.netns()
    world.ip("link", "add", "docker0", "type", "bridge")
    world.ip("addr", "add", "172.17.0.1/16", "dev", "docker0")
    world.ip("link", "set", "docker0", "up")
    world.ip("link", "add", "veth5ab1", "master", "docker0", "type", "veth", "peer", "name", "eth0", "netns", box)
    world.ip("link", "set", "veth5ab1", "up")
    checked("ip", "-n", box, "link", "set", "eth0", "up")
    checked("ip", "-n", box, "addr", "add", "172.17.0.2/16", "dev", "eth0")
    checked("ip", "-n", box, "route", "add", "default", "via", "172.17.0.1")
    world.sysctl("ipv4/ip_forward", "1")
    return box


@pytest.mark.parametrize("by", [pytest.param("iptables", marks=iptables), "nft"])
def test_a_published_port_of_docker(world, by):
    box = container(world)
    if by == "iptables":
        world.within("iptables-nft-restore", input=DOCKER)
    else:
        world.nft(DOCKER_NFT)
    # Another firewall says no, but only where the packet does not come by.
    world.nft("table inet mine { chain input { type filter hook input priority 0; tcp dport 8080 drop\n}\n}\n")
    answer = world.twin().ask("tcp", FAR4, HOST4, 8080)
    assert (answer["outcome"], answer["to"], answer["port"], answer["interface"]) == (
        "forwarded", "172.17.0.2", 80, "docker0"), answer
    assert (answer["deciding"]["chain"], answer["deciding"]["owner"]) == ("DOCKER", "docker")
    assert any(step["hook"] == "prerouting" and "172.17.0.2:80" in step["rule"] for step in answer["steps"])
    world.listen("tcp", 80, where=box)
    assert world.truth("tcp", FAR4, HOST4, 8080) == "accepted"


def test_many_packets_together_get_the_answers_of_each_alone(world):
    """Accepted, dropped, rejected, forwarded, not routed, through three interfaces and in both families."""
    container(world)
    world.nft(DOCKER_NFT)
    world.nft("table inet mine { chain input { type filter hook input priority 0; tcp dport 1-40 drop\n"
              "tcp dport 41-80 reject with tcp reset\nudp dport 5 drop\nip saddr 198.51.100.7 tcp dport 90 jump more\n}\n"
              "chain more { counter drop\n}\n}\n")
    packets = [("tcp", (FAR4, PEER4)[port % 2], HOST4, port, "eth0") for port in range(1, 150)]
    packets += [("tcp", PEER6, HOST6, port, "eth0") for port in range(30, 90, 7)] + [("udp", FAR4, HOST4, 5, "eth0")]
    packets += [("tcp", FAR4, HOST4, 8080, "eth0"), ("tcp", "203.0.113.9", "203.0.113.1", 50, "eth1"),
                ("tcp", FAR4, HOST4, 90, "eth7"), ("tcp", "172.17.0.2", "172.17.0.1", 3, "docker0"),
                ("tcp", "127.0.0.1", HOST4, 90, "eth0")]
    twin = world.twin()
    alone = [twin.ask(*packet) for packet in packets]
    lines = "".join(f"{p} {source} 0 {interface} {to} {port}\n" for p, source, to, port, interface in packets)
    done = checked("ip", "netns", "exec", world.host, twin_world.TWIN, "--together", "yes", input=lines)
    together = [json.loads(line) for line in done.splitlines()[1:]]
    for answer in alone + together:
        del answer["us"]
    assert together == alone
    assert {answer["outcome"] for answer in alone} == {"accepted", "dropped", "rejected", "forwarded", "unrouted"}


def test_a_packet_from_a_container_enters_through_its_bridge(world):
    box = container(world)
    world.nft(BASE.format(policy="accept", rules='iifname "docker0" tcp dport 8001 drop', more=""))
    answer = world.twin().ask("tcp", "172.17.0.2", "172.17.0.1", 8001, "docker0")
    assert (answer["outcome"], answer["deciding"]["rule"]) == ("dropped", 'iifname "docker0" tcp dport 8001 drop')
    world.listen("tcp", 8001)
    assert world.truth("tcp", "172.17.0.2", "172.17.0.1", 8001, 0.5, where=box) == "dropped"


def test_a_bridge_without_ports_can_be_entered(world):
    world.ip("link", "add", "br0", "type", "bridge")
    world.ip("addr", "add", "10.9.0.1/24", "dev", "br0")
    world.ip("link", "set", "br0", "up")
    assert world.twin().ask("tcp", "10.9.0.2", "10.9.0.1", 8001, "br0")["outcome"] == "accepted"


UFW_PACKETS = [
    (FAR4, 8001, "accepted", "ufw-user-input", "-A ufw-user-input -p tcp -m tcp --dport 8001 -j ACCEPT"),
    (FAR4, 8002, "dropped", "ufw-user-input", "-A ufw-user-input -s 198.51.100.0/24 -p tcp -m tcp --dport 8002 -j DROP"),
    (PEER4, 8002, "dropped", "INPUT", ""),
    (PEER4, 8003, "rejected", "ufw-user-input", "--reject-with tcp-reset"),
    (PEER4, 8005, "accepted", "ufw-user-input", "multiport"),
    (PEER4, 8009, "dropped", "INPUT", ""),
]


@iptables
def test_ufw(world):
    world.within("iptables-nft-restore", input=UFW)
    twin = world.twin()
    for source, port, outcome, chain, rule in UFW_PACKETS:
        answer = twin.ask("tcp", source, HOST4, port)
        deciding = answer["deciding"]
        assert (answer["outcome"], deciding["chain"], deciding["owner"]) == (outcome, chain, "ufw"), answer
        assert rule in deciding["rule"] and deciding["policy"] is (rule == "")
        agree(world, answer, "tcp", source, HOST4, port)
        world.stop_listening()
    assert twin.ask("tcp", FAR4, HOST4, 8002)["deciding"]["handle"] == handle_of(
        world, "ip", "filter", "ufw-user-input", "8002")


@iptables
def test_the_old_iptables_drop_without_a_trace(world):
    if run("ip", "netns", "exec", world.host, "iptables-legacy", "-A", "INPUT", "-p", "tcp", "--dport", "8001",
           "-j", "DROP").returncode != 0:
        pytest.skip("this kernel has no legacy iptables")
    twin = world.twin()
    answer = twin.ask("tcp", PEER4, HOST4, 8001)
    assert (answer["outcome"], answer["cause"]) == ("dropped", "untraced")
    agree(world, answer, "tcp", PEER4, HOST4, 8001)
    assert twin.ask("tcp", PEER4, HOST4, 8002)["outcome"] == "accepted"


# ---- Without root, and nothing left behind ----

LISTING = ("table inet filter { # handle 1\n\tchain input { # handle 1\n"
           "\t\ttype filter hook input priority filter; policy drop;\n\t\ttcp dport 8001 accept # handle 7\n\t}\n}\n")


def as_nobody(world):
    return ("ip", "netns", "exec", world.host, "setpriv", "--reuid=65534", "--regid=65533", "--clear-groups",
            "--inh-caps=-all", "--no-new-privs")


def reachable_build():
    """For a uid that may not enter the folders of the build."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="minato-twin-"))
    folder.chmod(0o755)
    shutil.copy(twin_world.TWIN, folder / "twin-probe")
    (folder / "rules.nft").write_text(LISTING)
    (folder / "rules.nft").chmod(0o644)
    return folder


@pytest.fixture
def copied(monkeypatch):
    folder = reachable_build()
    monkeypatch.setattr(twin_world, "TWIN", folder / "twin-probe")
    yield folder
    shutil.rmtree(folder)


def forbidden_namespaces():
    return run("setpriv", "--reuid=65534", "--regid=65533", "--clear-groups", "unshare", "-Un", "true").returncode != 0


def test_without_root_in_a_user_namespace(world, copied):
    if forbidden_namespaces():
        pytest.skip("user namespaces are forbidden here")
    twin = Twin(as_nobody(world), "--rules", copied / "rules.nft")
    assert twin.first.get("doubts") == [], twin.first
    answer = twin.ask("tcp", FAR4, HOST4, 8001)
    assert (answer["outcome"], answer["deciding"]["handle"]) == ("accepted", 7)
    assert twin.ask("tcp", FAR4, HOST4, 8002)["outcome"] == "dropped"
    assert twin.close() == 0


def test_without_root_the_rules_may_not_be_read(world, copied):
    first = Twin(as_nobody(world)).first
    assert "root" in first["error"] and first["code"] == -1


def test_where_user_namespaces_are_forbidden_it_says_so(world, copied):
    """In a user namespace whose own limits are zero."""
    limits = "for kind in net user; do echo 0 > /proc/sys/user/max_${kind}_namespaces || exit; done"
    words = ("unshare", "-U", "--map-root-user", "sh", "-c", limits + '; exec "$0" "$@"')
    twin = Twin(("ip", "netns", "exec", world.host, *words), "--rules", copied / "rules.nft")
    assert "error" in twin.first, twin.first
    assert "root" in twin.first["error"]


def namespaces_of_sockets(pid):
    """Descriptors of the network namespaces that the sockets of a process are in, by inode."""
    found = {}
    process = os.pidfd_open(pid)
    for number in os.listdir(f"/proc/{pid}/fd"):
        if not os.readlink(f"/proc/{pid}/fd/{number}").startswith("socket:"):
            continue
        copy = twin_world.libc.syscall(438, process, int(number), 0)  # pidfd_getfd
        assert copy >= 0
        namespace = fcntl.ioctl(copy, 0x894C)  # SIOCGSKNS
        os.close(copy)
        if os.fstat(namespace).st_ino in found:
            os.close(namespace)
        else:
            found[os.fstat(namespace).st_ino] = namespace
    os.close(process)
    return found


class Ends:
    """Hears of the end of namespaces: those that have a number here are told of (RTNLGRP_NSID)."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self.socket.bind((0, 1 << 27))
        self.socket.settimeout(SECONDS)

    def watch(self, namespace):
        """RTM_NEWNSID with NETNSA_NSID = whichever is free, NETNSA_FD."""
        body = struct.pack("=BxxxHHiHHI", 0, 8, 1, -1, 8, 3, namespace)
        self.socket.send(struct.pack("=IHHII", 16 + len(body), 88, 5, 1, 0) + body)

    def hear(self, kind):
        while True:
            message = self.socket.recv(4096)
            if struct.unpack_from("=H", message, 4)[0] == kind:
                return


def interfaces(name):
    return checked("ip", "-n", name, "-br", "link")


def test_killed_it_leaves_nothing(world):
    world.nft(BASE.format(policy="drop", rules="", more=""))
    links, rules = interfaces(world.host), world.within("nft", "list", "ruleset")
    with twin_world.inside(world.net):
        ends = Ends()
    twin = world.twin()
    assert twin.ask("tcp", PEER4, HOST4, 8001)["outcome"] == "dropped"
    assert children(twin.process.pid) == []
    namespaces = namespaces_of_sockets(twin.process.pid)
    assert len(namespaces) == 2, "the twin, and what is outside of it"
    for namespace in namespaces.values():
        ends.watch(namespace)
        ends.hear(88)  # RTM_NEWNSID
        os.close(namespace)
    twin.process.send_signal(signal.SIGKILL)
    twin.process.wait(SECONDS)
    for _ in namespaces:
        ends.hear(89)  # RTM_DELNSID: the kernel has ended it
    ends.socket.close()
    assert interfaces(world.host) == links
    assert world.within("nft", "list", "ruleset") == rules


def children(pid):
    try:
        return [int(c) for c in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []  # it has ended meanwhile


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_killed_while_it_is_made_its_child_dies_too(world):
    """Ten thousand rules, so that there is time to kill."""
    world.nft(BASE.format(policy="drop", rules="\n".join(f"tcp dport {1 + i} ip saddr 10.0.0.1 accept" for i in range(10000)),
                          more=""))
    process = subprocess.Popen(["ip", "netns", "exec", world.host, str(twin_world.TWIN)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
    deadline = time.monotonic() + SECONDS
    making = []
    while not making and time.monotonic() < deadline and process.poll() is None:
        for child in children(process.pid):
            making = [child, *children(child)] if children(child) else []
    process.kill()
    process.communicate()
    assert making, "its child was never seen at work"
    while any(alive(pid) for pid in making) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(alive(pid) for pid in making)
