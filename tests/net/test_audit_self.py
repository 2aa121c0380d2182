"""minato audit self: what listens is asked from here, what others reach of the rules' copy; and what that proves."""
import json
import os
import subprocess

import pytest

from world import MINATO, NOBODY, World, checked

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
HOST, HOST6 = World.HOST, World.HOST6
RULES = """table inet f { chain i { type filter hook input priority 0; policy drop; ct state established accept; iif lo accept
  tcp dport { 22, 80, 8000-8010 } accept
  ip saddr 10.77.0.0/24 tcp dport 5432 accept
}; }"""


@pytest.fixture
def world():
    made = World()
    made.folder.chmod(0o755)
    checked("ip", "-n", made.host, "route", "add", "default", "via", World.FRIEND)
    for port in (22, 80, 5432, 9000):
        made.listen(port)
    yield made
    made.remove()


def run(world, *words, before=(), **more):
    return subprocess.run([*world.words()[:4], *before, MINATO, "--policy", world.policy, "audit", "--no-services", *words, "self"],
                          capture_output=True, text=True, timeout=100, check=False, env=world.environment(**more))


def audit(world, *words, **more):
    done = run(world, "--json", *words, **more)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    return found["audits"], found["self"], done


def reached(own):
    return {each["port"]: (each["reach"]["from"], each["listening"]) for each in own["ports"] if each["protocol"] == "tcp"}


def runs(own, family, key):
    outside = next(each for each in own["outside"] if (":" in each["to"]) == (family == 6))
    return [(each["first"], each["last"]) for each in outside[key]], outside


def test_what_others_reach_is_asked_of_the_rules(world):
    world.declare("minato: 1\n")
    world.nft(RULES)
    audits, own, done = audit(world, "--ports", "1-10000")
    assert done.returncode == 2  # what listens is not declared
    # From itself everything that listens is open; for others the rules decide.
    assert {row["port"] for row in audits[0]["ports"]} == {22, 80, 5432, 9000}
    assert reached(own) == {22: ("anywhere", True), 80: ("anywhere", True), 5432: ("some", True), 9000: ("nobody", True)}
    let_in, outside = runs(own, 4, "let_in")
    assert (let_in, outside["anywhere"], outside["to"]) == ([(22, 22), (80, 80), (8000, 8010)], True, HOST)
    assert (outside["ports_asked"], outside["ports_let_in"], outside["ports_unproven"]) == (10000, 13, 0)
    assert runs(own, 4, "let_in_unheard")[0] == [(8000, 8010)]
    # No way leads out by IPv6, so it is asked from the network that this host is in.
    let_in, outside = runs(own, 6, "let_in")
    assert (let_in, outside["anywhere"]) == ([(22, 22), (80, 80), (8000, 8010)], False)
    assert own["asked"] is True and own["error"] is None


def test_without_rules_everything_is_reached(world):
    world.declare("minato: 1\n")
    _, own, _ = audit(world, "--ports", "1-3000,5432")
    assert runs(own, 4, "let_in")[0] == [(1, 3000), (5432, 5432)]
    assert runs(own, 4, "let_in_unheard")[0] == [(1, 21), (23, 79), (81, 3000)]


def test_rules_against_the_policy_make_it_differ(world):
    world.declare("minato: 1\ndefaults: {owner: me}\nports:\n" + "".join(
        f"  p{port}: {{port: {port}/tcp, for: a test, from: any}}\n" for port in (22, 80, 5432, 9000)))
    _, own, done = audit(world, "--ports", "1-10000")
    assert (own["contradictions"], done.returncode) == (0, 0)
    world.nft("table inet g { chain i { type filter hook input priority 0; iif != lo tcp dport 9000 drop; }; }")
    _, own, done = audit(world, "--ports", "1-10000")
    assert own["contradictions"] > 0 and reached(own)[9000] == ("nobody", True)
    assert done.returncode == 2


def test_without_root_it_says_what_is_not_known(world):
    world.declare("minato: 1\n")
    audits, own, _ = audit(world, "--ports", "1-1000", before=NOBODY)
    assert {row["port"] for row in audits[0]["ports"]} == {22, 80}
    assert own["asked"] is False and "root" in own["error"] and own["outside"] == []
    text = " ".join(run(world, "--ports", "1-1000", before=NOBODY).stdout.split())
    assert "not what others reach" in text and "-> sudo minato audit self" in text


def test_of_another_host_nothing_of_this_one_is_said(world):
    done = subprocess.run([*world.words()[:4], MINATO, "audit", "--json", "--no-services", "--authorized", "--ports", "22", World.FRIEND],
                          capture_output=True, text=True, timeout=60, check=False, env=world.environment())
    assert json.loads(done.stdout)["self"] is None


def test_words_in_both_languages(world):
    world.declare("minato: 1\n")
    world.nft(RULES)
    for language, wanted in (("C.UTF-8", ("From outside", "anyone", "nobody", "the rules let in 13 of 10000 TCP", "8000-8010", "a copy of all rules")),
                             ("ja_JP.UTF-8", ("外部から", "到達元", "13/10000", "8000-8010", "複製"))):
        text = " ".join(run(world, "--ports", "1-10000", LANG=language).stdout.split())
        for each in wanted:
            assert each in text, text
