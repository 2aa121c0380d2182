"""minato bans without a daemon: the record is listed and changed, who is spared is spared."""
import json
import os

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
    assert (tmp_path / "rules" / "bans.json").read_text() == "{"


def test_explain_knows_addresses(minato):
    document = json.loads(minato("explain", "203.0.113.9", "::1", "--json").stdout)
    assert [(each["kind"], each["exposure"]) for each in document["explanations"]] == [("address", "public"), ("address", "loopback")]
