"""minato incidents without a daemon: out of the stored events, in both languages, with every filter."""
import json
import sqlite3
import subprocess

import pytest

from places import ROOT

NOON = 1795348800  # 2026-11-22T12:00:00Z
DAY = 86400
STARTED, ENDED = 24, 25
QUIET = {"MINATO_RUNTIME_DIRECTORY": "/nonexistent", "TZ": "UTC"}


def detail(number, second, **more):
    """As the engine writes it."""
    first = {"incident": number, "first": second * 1000000, "lasted": 9000000, "packets": 65540, "answered": 3, "sources": 1, "hosts": 1,
             "closed": 4, "noticed": 12000, "bits": 32, "policy": 1, "host": "198.51.100.1", "probe": "syn", **more}
    return " ".join(f"{key}={value}" for key, value in first.items() if value is not None)


def add(folder, second, kind, text, address=bytes([192, 0, 2, 7]), shape="scan", tool="nmap", count=65535, day=None):
    name = "events-" + subprocess.run(["date", "-u", "-d", f"@{second}", "+%F"], capture_output=True, text=True,
                                      check=True).stdout.strip() + ".sqlite"
    new = not (folder / name).exists()
    db = sqlite3.connect(folder / name)
    if new:
        for step, path in enumerate(sorted((ROOT / "data/migrations").glob("*.sql")), 1):
            db.executescript(path.read_text() + f"PRAGMA user_version = {step};")
    words = []
    for word in (shape, tool):
        db.execute("INSERT OR IGNORE INTO word (text) VALUES (?)", (word,))
        words.append(db.execute("SELECT id FROM word WHERE text = ?", (word,)).fetchone()[0])
    db.execute("INSERT INTO event (id, kind, protocol, address, port, cookie, count, finding, process, detail) VALUES (?, ?, 6, ?, 80, 1, ?, ?, ?, ?)",
               (second * 1000000, kind, address, count, *words, text))
    db.commit()
    db.close()


@pytest.fixture
def store(tmp_path):
    """A scan with its end, one that was cut off, a distributed one of the day before with something undeclared."""
    add(tmp_path, NOON - DAY, STARTED, detail(1, NOON - DAY, sources=2, bits=0, **{"open": "22,6379!", "from": "203.0.113.1,203.0.113.2"}),
        address=None, shape="distributed", tool="", count=40)
    add(tmp_path, NOON, STARTED, detail(2, NOON, packets=4, answered=0), count=4)
    add(tmp_path, NOON + 310, ENDED, detail(2, NOON, **{"open": "22,80,443"}))
    add(tmp_path, NOON + 400, STARTED, detail(3, NOON + 400, answered=0, probe="udp"), address=bytes([192, 0, 2, 9]), tool="", count=7)
    return tmp_path


@pytest.fixture
def incidents(minato, store):
    def run(*words, **more):
        return minato("incidents", "--state-directory", str(store), *words, **{**QUIET, **more})

    return run


def test_each_is_one_line_the_latest_at_the_bottom(incidents):
    done = incidents()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "   1  2026-11-21 12:00:00  2 addresses (203.0.113.1, 203.0.113.2) together scanned 40 ports in 9 s, 3 answered, "
        "not in policy: 6379/tcp (SYN scan)",
        "   2  2026-11-22 12:00:00  192.0.2.7 scanned 65,535 ports in 9 s, 3 answered, all in policy (SYN scan, nmap)",
        "   3  2026-11-22 12:06:40  192.0.2.9 scanned 7 ports in 9 s (UDP scan)"]


def test_the_line_in_japanese(incidents):
    assert incidents(language="ja", LANG="C.UTF-8").stdout.splitlines()[1] == (
        "   2  2026-11-22 12:00:00  192.0.2.7 が 65,535 ポートを 9 s でスキャン、3 ポートが応答(すべてポリシーどおり) (SYN スキャン, nmap)")


def test_one_of_them_with_its_evidence(incidents):
    for words in (("show", "1"), ("1",)):
        text = " ".join(incidents(*words).stdout.split())
        assert "Who 2 addresses: 203.0.113.1, 203.0.113.2" in text
        assert "Answered 3: 22/tcp, 6379/tcp, ..." in text
        assert "Policy not declared: 6379/tcp; see: minato explain 6379" in text
        assert "Noticed after 4 closed ports and 12 ms" in text


@pytest.mark.parametrize("words, numbers", [
    ([], [3, 2, 1]),
    (["--since", "2026-11-22"], [3, 2]),
    (["--until", "2026-11-22"], [1]),
    (["--address", "192.0.2.0/29"], [2]),
    (["--address", "192.0.2.0/24"], [3, 2]),
    (["--limit", "1"], [3]),
    (["2"], [2]),
])
def test_filters(incidents, words, numbers):
    done = incidents("--json", *words)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["incidents"]
    assert [each["id"] for each in found] == numbers
    assert not any(each["going_on"] for each in found)  # nobody is there who could say so


def test_list_is_what_is_told_without_a_word(incidents):
    assert incidents("list").stdout == incidents().stdout != ""


def test_the_digest_of_a_day(incidents):
    done = incidents("--digest", "2026-11-22")
    assert done.stdout.splitlines()[:2] == ["2026-11-22: 2 scans by 2 addresses or networks, 131,080 packets",
                                            "answered: 3 ports, all in policy"]
    told = json.loads(incidents("--digest", "2026-11-21T20:00:00Z", "--json").stdout)["digest"]
    assert (told["day"], told["scan_count"], told["undeclared_count"], told["worst"][0]["id"]) == ("2026-11-21", 1, 1, 1)


def test_the_log_says_it_in_the_same_words(minato, store):
    lines = minato("log", "--state-directory", str(store), **QUIET).stdout.splitlines()
    assert lines[1].split()[2:] == ["scan", "-", "-", "#2", "192.0.2.7", "begins", "to", "scan", "(SYN", "scan,", "nmap)"]
    assert "scan ended" in lines[2] and "#2 192.0.2.7 scanned 65,535 ports in 9 s, 3 answered, all in policy" in lines[2]


@pytest.mark.parametrize("words, sentence", [
    (["show", "x"], '"x" is no number of an incident'),
    (["list", "1"], '"1" is no number of an incident'),
    (["0"], '"0" is no number of an incident'),
    (["--address", "nowhere"], '--address: "nowhere" is no address or network'),
    (["--since", "2026-11-22", "--until", "2026-11-21"], "--since must be before --until"),
])
def test_what_cannot_be_meant(incidents, words, sentence):
    done = incidents(*words)
    assert done.returncode == 3 and sentence in done.stderr and "minato help incidents" in done.stderr


def test_none_and_no_such_one(minato, tmp_path):
    empty = minato("incidents", "--state-directory", str(tmp_path), **QUIET)
    assert empty.returncode == 0 and "the daemon does not run, so none is seen" in empty.stdout
    gone = minato("incidents", "--state-directory", str(tmp_path / "gone"), "--json", **QUIET)
    assert gone.returncode == 0 and json.loads(gone.stdout)["incidents"] == []
    one = minato("incidents", "--state-directory", str(tmp_path), "7", **QUIET)
    assert one.returncode == 1 and "no incident 7 is remembered" in one.stderr


def test_a_detail_that_is_none_is_passed_over(incidents, store):
    add(store, NOON + 500, STARTED, "incident=4 probe=\x1b[31m")
    add(store, NOON + 501, STARTED, "nonsense")
    assert [each["id"] for each in json.loads(incidents("--json").stdout)["incidents"]] == [3, 2, 1]
