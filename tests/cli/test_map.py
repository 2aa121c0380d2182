"""minato map: a screen and a drawing of this host's ports, with sockets that the test opens on loopback."""
import json
import os
import re
import socket
import stat
import subprocess
import unicodedata
import xml.etree.ElementTree as xml

import pytest

from places import BUILD

POLICY = "minato: 1\nports:\n  test: {{port: {}/tcp, for: this test, owner: test, from: host}}\n"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def listener():
    """A TCP listener on loopback, in a place of the map where nothing else is likely to be."""
    with socket.socket() as s:
        for port in range(61100, 65000, 64):
            try:
                s.bind(("127.0.0.1", port))
                break
            except OSError:
                continue
        s.listen(7)
        yield s.getsockname()[1]


def width(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def shown(text, port):
    """The character of the map at a number."""
    row = next(line for line in text.splitlines() if line.startswith(f"{port // 4096 * 4096:5} |"))
    return row[7 + port % 4096 // 64]


@pytest.fixture
def policy(tmp_path, listener):
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY.format(listener))
    return path


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_map_fits_a_terminal_of_80_by_24(minato, language, listener):
    done = minato("map", language=language)
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert len(lines) <= 23
    assert max(map(width, lines)) <= 80
    assert shown(done.stdout, listener) in "ABCDEFGHI123456789"


def test_machines_are_told_the_same(minato, listener, policy):
    def mark(*words):
        document = json.loads(minato(*words, "map", "--json").stdout)
        (found,) = [each for each in document["marks"] if each["port"] == listener]
        return document, found

    document, found = mark("--policy", str(policy))
    assert (found["protocol"], found["class"], found["declared"]) == ("tcp", "dynamic", True)
    assert document["ports_declared"] == [{"first_port": listener, "last_port": listener}]
    document, found = mark()
    assert found["declared"] is None and document["ports_declared"] is None
    first, last = map(int, open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii").read().split())
    assert document["ephemeral"] == {"first": first, "last": last}


def test_ascii_is_ascii(minato, listener):
    text = minato("map", "--ascii").stdout
    assert text.isascii()
    assert shown(text, listener) in "ABCDEFGHI123456789"


def test_all_names_every_port(minato, listener):
    assert re.search(rf"^[A-Z] .*\b{listener}/tcp", minato("map", "--all").stdout, re.M)


def test_policy_against_reality(minato, tmp_path, listener, policy):
    declared = minato("map", "--all", "--policy", policy).stdout
    assert shown(declared, listener).isupper()
    policy.write_text(POLICY.format(64999))
    undeclared = minato("map", "--all", "--policy", policy).stdout
    assert shown(undeclared, listener).islower()
    assert shown(undeclared, 64999) == "+"


def test_the_drawing_is_labelled_and_marks_the_port(minato, listener):
    done = minato("map", "--svg", "-")
    root = xml.fromstring(done.stdout)
    assert root.get("role") == "img"
    ids = {element.get("id"): element.text for element in root if element.get("id")}
    assert [ids[i] != "" for i in root.get("aria-labelledby").split()] == [True, True]
    points = "".join(p.get("d") for p in root.iter(f"{SVG}path") if "map-point" in p.get("class", ""))
    assert f"M{listener % 256} {listener // 256}.5h" in points


def test_a_file_is_written_whole_and_for_its_owner_alone(minato, tmp_path):
    path = tmp_path / "map.svg"
    path.write_text("before")
    path.chmod(0o644)
    done = minato("map", "--svg", path)
    assert (done.returncode, done.stdout) == (0, "")
    xml.fromstring(path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["map.svg"]


@pytest.mark.parametrize("place, words", [
    ("", "No such file"), (".", "Is a directory"), ("missing/map.svg", "No such file"), ("/dev/null", "no ordinary file"),
    ("x" * 300, "File name too long"),
])
def test_a_place_that_takes_no_file_is_told(minato, tmp_path, place, words):
    before = os.stat("/dev/null")
    done = subprocess.run([BUILD / "minato", "map", "--svg", place], cwd=tmp_path, capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "MINATO_RULES_DIRECTORY": "/nonexistent"})
    assert done.returncode == 1
    assert words in done.stderr
    assert os.listdir(tmp_path) == []
    assert os.stat("/dev/null") == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_with_sudo_the_file_is_the_callers(minato, tmp_path):
    path = tmp_path / "map.svg"
    assert minato("map", "--svg", path, SUDO_UID="65534", SUDO_GID="65533").returncode == 0
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65533)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_is_told(minato):
    with open("/dev/full", "w") as full:
        done = subprocess.run([BUILD / "minato", "map"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert "No space left" in done.stderr
