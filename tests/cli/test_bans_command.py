"""minato bans without a daemon: the record is listed and changed, who is spared is spared."""
import json
import os
import time

import pytest

root = pytest.mark.skipif(os.geteuid() != 0, reason="the record is root's")


@pytest.fixture
def bans(minato, tmp_path):
    """minato bans ... with a record and no daemon of the test's own."""
    def run(*words, **more):
        return minato("bans", *words, MINATO_RULES_DIRECTORY=str(tmp_path / "rules"), MINATO_RUNTIME_DIRECTORY="/nonexistent",
                      MINATO_TAP_DIRECTORY="/nonexistent", **more)

    return run


def listed(bans):
    done = bans("--json")
    assert done.returncode == 0, done.stderr
    return {each["source"]: each for each in json.loads(done.stdout)["bans"]}


def test_nobody_is_kept_out_at_first(bans):
    done = bans()
    assert (done.returncode, done.stdout) == (0, "nobody is kept out\n")
    assert bans(language="ja").stdout == "遮断している相手はいません\n"


@pytest.mark.parametrize("words, said", [
    (("add", "203.0.113.9"), "say why"),
    (("add", "203.0.113.9/24", "--for", "x"), "no address and no network"),
    (("add", "them", "--for", "x"), "no address and no network"),
    (("add", "203.0.113.9", "--for", "x", "--until", "tomorrow"), "--until takes a time"),
    (("add", "203.0.113.9", "--for", "x", "--until", "2020-01-01"), "a second at least"),
    (("add", "203.0.113.9", "--for", "x", "--span", "53w"), "366 days at most"),
    (("add", "203.0.113.9", "--for", "x", "--span", "1h", "--until", "2099-01-01"), "not both"),
    (("add",), "bans knows"),
    (("clear", "203.0.113.9"), "bans knows"),
])
def test_what_is_no_order_is_told(bans, words, said):
    done = bans(*words)
    assert done.returncode == 3 and said in done.stderr, done.stderr


@root
def test_bans_are_recorded_and_say_that_nobody_holds_them(bans, tmp_path):
    done = bans("add", "203.0.113.9", "--for", "guesses \x1b[31mpasswords", "--span", "2h")
    assert done.stdout.splitlines()[0] == "203.0.113.9: banned for 2 h"
    assert "it counts from when minatod is started" in done.stdout
    assert bans("add", "2001:db8:9::/48", "--for", "them", "--action", "slow", "--until", "2026-12-31T00:00:00Z").returncode in (0, 3)
    ban = listed(bans)["203.0.113.9"]
    assert (ban["action"], ban["by_hand"], ban["held"], ban["proved"]) == ("ban", True, False, False)
    assert 7_190_000_000 < ban["left_us"] <= 7_200_000_000
    assert ban["evidence"].startswith("by ") and "\x1b" not in bans().stdout
    assert os.stat(tmp_path / "rules" / "bans.json").st_mode & 0o777 == 0o600
    assert bans("remove", "203.0.113.9").stdout == "203.0.113.9 is let in again\n"
    assert "203.0.113.9" not in listed(bans)
    gone = bans("remove", "203.0.113.9")
    assert gone.returncode == 1 and "is not kept out" in gone.stderr


CAUSE = {"port_count": 12, "packet_count": 30, "lasted_us": 5_000_000, "probe": "syn", "tool": "nmap", "ports": [21, 22, 23, 25, 80, 110, 111, 139]}
TRAP = {"port_count": 1, "packet_count": 0, "lasted_us": 0, "probe": "", "tool": "", "ports": [23]}


def kept(tmp_path, **ban):
    """A record with one ban of an hour."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as f:
        boot = f.read().strip()
    now = int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1e6)
    whole = {"prefix": "203.0.113.9", "verdict": "hide", "proved": False, "by_hand": False, "rate": 0, "rate_per_us": 0, "since_us": now,
             "until_us": now + 3_600_000_000, "times": 1, "incident": 7, "shape": "scan", "reason": "scan of 12 ports",
             "evidence": "syn by nmap", **ban}
    (tmp_path / "rules").mkdir(mode=0o755, exist_ok=True)
    (tmp_path / "rules" / "bans.json").write_text(json.dumps(
        {"schema": 1, "boot": boot, "since_boot_us": now, "time_us": int(time.time() * 1e6), "bans": [whole], "past": []}))


@root
@pytest.mark.parametrize("ban, english, japanese", [
    ({"cause": CAUSE}, "scan of 12 ports in 5 s (SYN scan, nmap), ports 21,22,23,25,80,110,111,139,...; nothing proves who sent it",
     "12 ポートをスキャン、所要 5 s (SYN スキャン, nmap)、ポート 21,22,23,25,80,110,111,139,...、送信元が本人とは確かめられていません"),
    ({"cause": {**CAUSE, "tool": "", "port_count": 1, "ports": [80]}, "shape": "slow", "proved": True},
     "slow scan of 1 port in 5 s (SYN scan), ports 80", "1 ポートをゆっくりスキャン、所要 5 s (SYN スキャン)、ポート 80"),
    ({"cause": TRAP, "shape": "trap", "verdict": "ban", "proved": True}, "completed a connection to the decoy port 23",
     "おとりポート 23 に接続"),
    ({"by_hand": True, "shape": "", "reason": "guesses passwords", "evidence": "by root, 192.0.2.7"},
     "guesses passwords (by root, 192.0.2.7)", "guesses passwords (実行者 root, 192.0.2.7)"),
    # as an earlier version wrote it, or a damaged part
    ({}, "scan of 12 ports (syn by nmap)", "scan of 12 ports (syn by nmap)"),
    ({"cause": {**CAUSE, "ports": [70000]}}, "scan of 12 ports (syn by nmap)", "scan of 12 ports (syn by nmap)"),
    ({"cause": {**CAUSE, "port_count": -1}}, "scan of 12 ports (syn by nmap)", "scan of 12 ports (syn by nmap)"),
    ({"cause": CAUSE, "shape": "unheard"}, "scan of 12 ports (syn by nmap)", "scan of 12 ports (syn by nmap)"),
])
def test_why_somebody_is_kept_out_is_told_in_the_readers_language(bans, tmp_path, ban, english, japanese):
    kept(tmp_path, **ban)
    for language, sentence in (("en", english), ("ja", japanese)):
        done = bans(language=language)
        assert done.returncode == 0 and done.stdout.rstrip().endswith(sentence), done.stdout + done.stderr


@root
@pytest.mark.parametrize("spared", ["127.0.0.1", "0.0.0.0/0", "::1", "224.0.0.1", "ff02::1", "0.0.0.0", "::/0"])
def test_nobody_bans_what_nobody_has(bans, spared):
    done = bans("add", spared, "--for", "mistake")
    assert done.returncode == 1 and "refused" in done.stderr
    assert listed(bans) == {}


@root
def test_a_record_that_does_not_read_is_told_and_left(bans, tmp_path):
    (tmp_path / "rules").mkdir(mode=0o755)
    (tmp_path / "rules" / "bans.json").write_text("{")
    for words in ((), ("add", "203.0.113.9", "--for", "x")):
        done = bans(*words)
        assert done.returncode == 1 and "bans.json" in done.stderr
        assert f"sudo mv {tmp_path}/rules/bans.json {tmp_path}/rules/bans.json.damaged" in done.stderr
    assert (tmp_path / "rules" / "bans.json").read_text() == "{"


def test_explain_knows_addresses(minato):
    document = json.loads(minato("explain", "203.0.113.9", "::1", "--json").stdout)
    assert [(each["kind"], each["exposure"]) for each in document["explanations"]] == [("address", "public"), ("address", "loopback")]
