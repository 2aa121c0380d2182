"""minato explain PORT --from ADDRESS: the answer, the way, both languages, exit codes."""
import json
import os

import pytest

from world import BUILD, run
from twin_world import FAR4, HOST4, PEER4, PEER6

RULES = """table inet filter { chain input { type filter hook input priority 0; policy drop;
ct state established,related accept
tcp dport { 8001, 8003 } accept
tcp dport 8002 reject with tcp reset
jump f2b-sshd
}
chain f2b-sshd { ip saddr 198.51.100.0/24 drop
}
}
"""


@pytest.fixture
def explain(world):
    world.nft(RULES)

    def ask(*words, language="en", before=()):
        env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "LANGUAGE": language}
        return run("ip", "netns", "exec", world.host, *before, BUILD / "minato", "explain", *words, env=env)

    ask.world = world
    return ask


def test_what_is_let_in_and_listened_to_is_reachable(explain):
    explain.world.listen("tcp", 8001)
    done = explain("8001", "--from", FAR4)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"8001/tcp on {HOST4} from {FAR4} through eth0: let in\n")
    assert "tcp dport { 8001, 8003 } accept" in done.stdout


def test_what_nobody_listens_to_is_not(explain):
    explain.world.listen("tcp", 8003, "127.0.0.1")
    done = explain("8003", "--from", FAR4)
    assert done.returncode == 2
    assert "let in, but nothing listens there" in done.stdout


def test_who_decided_is_said_first(explain):
    done = explain("8009", "--from", FAR4)
    assert done.returncode == 2
    lines = done.stdout.splitlines()
    assert lines[0].endswith("through eth0: dropped by fail2ban")
    assert lines[1].split()[:7] == ["decided", "by", "inet", "filter,", "chain", "f2b-sshd,", "rule"]
    assert [line.split()[0] for line in lines[-3:]] == ["HOOK", "input", "input"]


def test_the_policy_of_a_chain_decides(explain):
    done = explain("8009", "--from", PEER4)
    assert done.returncode == 2 and "chain input, policy drop" in done.stdout


def test_japanese(explain):
    done = explain("8002/tcp", "--from", PEER4, language="ja")
    assert done.returncode == 2
    assert "入口 eth0）: 拒否\n" in done.stdout and "送信元への応答" in done.stdout


def test_json(explain):
    explain.world.listen("tcp", 8001)
    way = json.loads(explain("8001", "--from", FAR4, "--json").stdout)["way"]
    assert (way["outcome"], way["reachable"], way["listening"]) == ("accepted", True, True)
    assert (way["source"], way["interface"], way["address"]) == (FAR4, "eth0", HOST4)
    assert way["deciding"] == way["steps"][-1] and way["not_proven"] == []
    way = json.loads(explain("8009", "--from", FAR4, "--json").stdout)["way"]
    assert (way["outcome"], way["reachable"], way["listening"]) == ("dropped", False, None)
    assert (way["deciding"]["owner"], way["deciding"]["verdict"]) == ("fail2ban", "drop")


@pytest.mark.parametrize("words, interface, address", [
    (("--from", "203.0.113.9"), "eth1", "203.0.113.1"),
    (("--from", "203.0.113.9", "--interface", "eth0"), "eth0", HOST4),
    (("--from", FAR4, "--to", "203.0.113.1"), "eth0", "203.0.113.1"),
    (("--from", PEER6), "eth0", "2001:db8::1"),
    (("--from", HOST4), "lo", HOST4),
])
def test_what_is_not_said_comes_from_the_routes(explain, words, interface, address):
    way = json.loads(explain("8001/tcp", *words, "--json").stdout)["way"]
    assert (way["interface"], way["address"]) == (interface, address)


@pytest.mark.parametrize("words", [
    ("8001", "--from", "nowhere"), ("8001-8003", "--from", FAR4), ("8001", "8002", "--from", FAR4),
    ("8001", "--from", FAR4, "--interface", "eth9"), ("8001", "--from", FAR4, "--to", "::1"), ("53/sctp", "--from", FAR4),
])
def test_what_cannot_be_asked(explain, words):
    done = explain(*words)
    assert (done.returncode, done.stdout) == (3, "") and done.stderr.startswith("minato: ")


def test_without_rights_it_says_so(explain):
    """As root of a user namespace that does not own the host's network."""
    done = explain("8001", "--from", FAR4, before=("unshare", "-U", "--map-root-user"))
    assert (done.returncode, done.stdout) == (4, "")
    assert "root" in done.stderr


@pytest.mark.parametrize("limit", [5, 18])
def test_without_descriptors_the_cause_is_said_alone(explain, limit):
    """nft(8) could not be started, so there is no complaint of its own that could be passed on."""
    done = explain("22", "--from", "192.0.2.9", before=("prlimit", f"--nofile={limit}:{limit}"))
    assert done.returncode != 0 and ": Too many open files" in done.stderr, done.stderr
    assert ": :" not in done.stderr
