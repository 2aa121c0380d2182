"""minato log: filters, order, both languages, JSON, on day files made here from the migrations."""
import json
import re
import sqlite3
import subprocess

import pytest

from places import ROOT

NOON = 1795348800  # 2026-11-22T12:00:00Z
DAY = 86400
OPENED, CLOSED, STARTED = 1, 2, 6


class Store:
    """A state directory as the daemon leaves it."""

    def __init__(self, path):
        self.path = path

    def add(self, second, kind=OPENED, protocol=6, address=b"\0\0\0\0", port=22, process="sshd", unit="ssh.service"):
        name = "events-" + subprocess.run(["date", "-u", "-d", f"@{second}", "+%F"], capture_output=True, text=True,
                                          check=True).stdout.strip() + ".sqlite"
        new = not (self.path / name).exists()
        db = sqlite3.connect(self.path / name)
        if new:
            for step, path in enumerate(sorted((ROOT / "data/migrations").glob("*.sql")), 1):
                db.executescript(path.read_text() + f"PRAGMA user_version = {step};")
        words = []
        for text in (process, unit):
            db.execute("INSERT OR IGNORE INTO word (text) VALUES (?)", (text,))
            words.append(db.execute("SELECT id FROM word WHERE text = ?", (text,)).fetchone()[0])
        db.execute("INSERT INTO event (id, kind, protocol, address, port, pid, uid, process, unit)"
                   " VALUES (?, ?, ?, ?, ?, 812, 0, ?, ?)",
                   (second * 1000000, kind, protocol, address, port, *words))
        db.commit()
        db.close()


@pytest.fixture
def store(tmp_path):
    s = Store(tmp_path)
    s.add(NOON - DAY, kind=STARTED, protocol=None, address=None, port=None, process="", unit="")
    s.add(NOON, port=22)
    s.add(NOON + 1, port=6379, process="redis-server", unit="redis.service", address=bytes([127, 0, 0, 1]))
    s.add(NOON + 2, port=6379, kind=CLOSED, process="redis-server", unit="redis.service",
          address=bytes([127, 0, 0, 1]))
    s.add(NOON + DAY, port=53, protocol=17, process="named", unit="named.service", address=bytes(15) + b"\1")
    return s


@pytest.fixture
def log(minato, store):
    def run(*words, **more):
        return minato("log", "--state-directory", str(store.path), *words, TZ="Asia/Tokyo", **more)

    return run


def events(done):
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def ports(done):
    return [e["port"] for e in events(done)]


def test_rows_are_in_local_time_with_the_oldest_on_top(log):
    done = log()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 5
    assert lines[0].startswith("2026-11-21 21:00:00.000  daemon started")
    assert re.fullmatch(r"2026-11-22 21:00:00.000  opened +0\.0\.0\.0:22/tcp +sshd \(812\) +ssh\.service", lines[1])
    assert "[::1]:53/udp" in lines[4]
    assert done.stderr == ""


def test_rows_speak_japanese(log):
    done = log(language="ja")
    assert "開いた" in done.stdout and "デーモン起動" in done.stdout
    assert "opened" not in done.stdout


def test_newest_first_turns_it_around(log):
    assert ports(log("--jsonl", "--newest-first")) == [53, 6379, 6379, 22, None]
    assert ports(log("--jsonl")) == [None, 22, 6379, 6379, 53]


@pytest.mark.parametrize("words, expected", [
    (["--port", "22"], [22]),
    (["--port", "20-100"], [22, 53]),
    (["--protocol", "udp"], [53]),
    (["--address", "127.0.0.0/8"], [6379, 6379]),
    (["--address", "::1"], [53]),
    (["--process", "redis-server"], [6379, 6379]),
    (["--kind", "listener_closed"], [6379]),
    (["--from", "2026-11-22T12:00:01Z"], [6379, 6379, 53]),
    (["--to", "2026-11-22T12:00:01Z"], [None, 22]),
    (["--from", "2026-11-22T21:00:01+09:00", "--to", "2026-11-23"], [6379, 6379]),
    (["--limit", "2"], [6379, 53]),
    (["--limit", "2", "--newest-first"], [53, 6379]),
    (["--limit", "1", "--port", "6379"], [6379]),
    (["--limit", "0"], [None, 22, 6379, 6379, 53]),
])
def test_filters(log, words, expected):
    assert ports(log("--jsonl", *words)) == expected


def test_json_is_one_document(log):
    document = json.loads(log("--json").stdout)
    assert document["schema"] == 1
    assert [e["kind"] for e in document["events"]][:2] == ["daemon_started", "listener_opened"]
    row = document["events"][1]
    assert (row["time"], row["process"], row["unit"], row["pid"]) == \
        ("2026-11-22T12:00:00.000000Z", "sshd", "ssh.service", 812)


def test_every_kind_of_event_can_be_asked_for(log):
    header = (ROOT / "lib/model/event.c").read_text()
    kinds = re.findall(r'\[EVENT_\w+\] = "(\w+)"', header)
    assert len(kinds) > 5
    for kind in kinds[1:]:
        assert log("--kind", kind, "--jsonl").returncode == 0, kind


def test_nothing_that_fits_is_said_kindly(log):
    done = log("--port", "9999")
    assert (done.returncode, done.stdout) == (0, "")
    assert "2026-11-21 to 2026-11-23" in done.stderr and "minato log" in done.stderr


def test_asking_for_what_is_gone_is_said(log):
    done = log("--from", "2026-01-01")
    assert len(done.stdout.splitlines()) == 5
    assert "before 2026-11-21" in done.stderr


def test_no_events_yet_names_the_next_command(minato, tmp_path):
    for path in (tmp_path, tmp_path / "missing"):
        done = minato("log", "--state-directory", str(path))
        assert (done.returncode, done.stdout) == (0, "")
        assert "no events yet" in done.stderr and "systemctl start minatod" in done.stderr
        assert json.loads(minato("log", "--json", "--state-directory", str(path)).stdout)["events"] == []


def test_a_damaged_day_is_told_and_the_others_shown(log, store):
    (store.path / "events-2026-11-22.sqlite").write_bytes(b"x" * 5000)
    done = log("--jsonl")
    assert done.returncode == 1
    assert [json.loads(line)["port"] for line in done.stdout.splitlines()] == [None, 53]
    assert "events-2026-11-22.sqlite" in done.stderr


def test_foreign_names_are_shown_harmless(log, store):
    store.add(NOON + 3, process="\033[2Jevil")
    for words in ([], ["--json"], ["--jsonl"]):
        assert "\033" not in log(*words).stdout


def test_wrong_questions_are_refused(log):
    for words in (["--from", "2026-11-23", "--to", "2026-11-22"], ["--address", "somewhere"], ["--kind", "party"],
                  ["extra"]):
        done = log(*words)
        assert (done.returncode, done.stdout) == (3, ""), words
