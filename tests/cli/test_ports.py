"""minato ports: rows, filters, JSON, both languages, on sockets that the test opens on loopback."""
import json
import os
import re
import socket
import subprocess

import pytest

from places import BUILD


@pytest.fixture
def listener():
    """A TCP listener on loopback, held by this very process."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(7)
        yield s


@pytest.fixture
def port(listener):
    return listener.getsockname()[1]


def rows(done):
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == 1
    return document["ports"]


def test_a_listener_is_listed_with_its_owner(minato, port):
    (row,) = rows(minato("ports", str(port), "--json"))
    assert (row["protocol"], row["address"], row["exposure"]) == ("tcp", "127.0.0.1", "loopback")
    assert row["backlog"] == 7
    assert [o["pid"] for o in row["owners"]] == [os.getpid()]
    assert row["owners"][0]["executable"] == os.readlink("/proc/self/exe")
    assert row["ownership"] == "owned"


def test_the_table_fits_eighty_columns(minato, port):
    lines = minato("ports").stdout.splitlines()
    assert any(f"{port}/tcp" in line for line in lines)
    assert all(len(line) <= 80 for line in lines)


def test_same_input_same_bytes(minato, port):
    first, second = (minato("ports", str(port), "--brief").stdout for _ in range(2))
    assert first == second
    owners = [rows(minato("ports", str(port), "--json"))[0]["owners"] for _ in range(5)]
    assert owners[1:] == owners[:-1]
    assert f"pid={os.getpid()}" in first


@pytest.mark.parametrize("filters,found", [
    (["--protocol", "tcp"], True), (["--protocol", "udp"], False),
    (["--exposure", "loopback"], True), (["--exposure", "any"], False),
    (["--process", "pytho"], True), (["--process", "no-such-program"], False),
    (["--pid", str(os.getpid())], True), (["--pid", "1"], False),
    (["--netns", "host"], True), (["--netns", "no-such-netns"], False),
    (["--container", "no-such-container"], False), (["--unit", "no-such-unit"], False),
])
def test_filters(minato, port, filters, found):
    assert bool(rows(minato("ports", str(port), "--json", *filters))) == found


def test_class_filter_follows_rfc_6335(minato, port):
    name = "dynamic" if port >= 49152 else "user"
    assert rows(minato("ports", str(port), "--json", "--class", name))
    assert not rows(minato("ports", str(port), "--json", "--class", "system"))


def test_connections_have_direction_and_use(minato, listener, port):
    with socket.create_connection(("127.0.0.1", port)) as client:
        served, _ = listener.accept()
        done = minato("ports", str(port), "--all", "--json")
        document = json.loads(done.stdout)
        ends = {(c["port"], c["remote_port"]): c for c in document["connections"]}
        local = client.getsockname()[1]
        assert ends[(port, local)]["direction"] == "inbound"
        assert ends[(local, port)]["direction"] == "outbound"
        assert ends[(local, port)]["pid"] == os.getpid()
        assert document["ports"][0]["connection_count"] == 1
        uses = json.loads(minato("ports", "--use", "all", "--json").stdout)["clients"]
        assert any(p["remote_port"] == port for group in uses for p in group["remote_ports"])
        served.close()


@pytest.mark.parametrize("words", [["65536"], ["9-1"], ["--port", "x"], ["--protocol", "xyz"], ["--use", "nothing"],
                                   ["--colour-me"], ["1", "2"]])
def test_wrong_words_are_refused_with_a_next_step(minato, words):
    done = minato("ports", *words)
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith("minato: ")
    assert "\n  minato " in done.stderr


def test_japanese_headings(minato, port):
    assert "届く範囲" in minato("ports", language="ja").stdout


def test_a_hostile_process_name_is_inert(minato, port):
    with open("/proc/self/comm") as f:
        before = f.read().strip()
    try:
        with open("/proc/self/comm", "w") as f:
            f.write("\033[2J\xe2evil\n")
        done = minato("ports", str(port))
        assert "\033" not in done.stdout
        assert "\\x1b" in done.stdout
        json.loads(minato("ports", str(port), "--json").stdout)
    finally:
        with open("/proc/self/comm", "w") as f:
            f.write(before)


def test_a_closed_reader_is_no_disaster(minato, port):
    reader, writer = os.pipe()
    os.close(reader)


    done = subprocess.run([BUILD / "minato", "ports"], stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr == ""


def test_a_program_not_known_for_its_number_is_doubted(minato):
    for port in (9042, 27017, 11211, 9200):
        try:
            listener = socket.create_server(("127.0.0.1", port))
        except OSError:
            continue
        with listener:
            row = json.loads(minato("ports", str(port), "--pid", str(os.getpid()), "--json").stdout)["ports"][0]
            assert (row["service_doubted"], row["class"]) == (True, "user")
            assert "  ? " in minato("ports", str(port), "--pid", str(os.getpid())).stdout
            assert re.search(r"^  doubt +\S+ is not known as", minato("explain", str(port)).stdout, re.M)
        return
    pytest.skip("all of the numbers are taken on this host")
