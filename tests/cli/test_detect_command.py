"""minato detect: capture files made by hand, good and bad ones."""
import json
import os
import signal
import struct
import subprocess

import pytest

from places import BUILD

HOST, SCANNER = "198.51.100.1", "192.0.2.7"
HEAD = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 101)
SYN, SYN_ACK = 0x02, 0x12


def address(text):
    return bytes(int(part) for part in text.split("."))


def packet(number, source, target, from_port, to_port, flags):
    tcp = struct.pack(">HHIIBBHHH", from_port, to_port, 7, 0, 0x50, flags, 64240, 0, 0)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 40, 0, 0, 60, 6, 0) + address(source) + address(target)
    return struct.pack("<IIII", 1700000000 + number // 1000, number % 1000 * 1000, 40, 40) + ip + tcp


def scan(count, answered=()):
    made = b""
    for n in range(count):
        made += packet(n, SCANNER, HOST, 40000, 1000 + n, SYN)
        if n in answered:
            made += packet(n, HOST, SCANNER, 1000 + n, 40000, SYN_ACK)
    return HEAD + made


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "x.pcap"
        path.write_bytes(content)
        return path

    return write


def test_a_scan_is_one_line(minato, file):
    done = minato("detect", file(scan(1200, answered=(0, 5, 9))), "--host", HOST)
    assert done.returncode == 2 and done.stderr == ""
    (line,) = done.stdout.splitlines()
    assert line.endswith("192.0.2.7 scanned 1,200 ports in 1 s, 3 answered (SYN scan)")


def test_it_reads_in_japanese(minato, file):
    done = minato("detect", file(scan(1200, answered=(0,))), "--host", HOST, language="ja")
    assert "192.0.2.7 が 1,200 ポートを 1 s でスキャン、1 ポートが応答 (SYN スキャン)" in done.stdout


def test_json_says_the_same(minato, file):
    done = minato("detect", file(scan(50, answered=(3,))), "--host", HOST, "--json")
    document = json.loads(done.stdout)
    assert done.returncode == 2 and document["complete"] and document["packet_count"] == 51
    (incident,) = document["incidents"]
    assert incident["kind"] == "scan" and incident["probe"] == "syn" and incident["tool"] is None
    assert incident["source"] == SCANNER and incident["target"] == HOST
    assert incident["port_count"] == 50 and incident["answer_count"] == 1
    assert incident["alarm_port_count"] <= 5
    assert incident["first_time"] == "2023-11-14T22:13:20.000000Z"


def test_nothing_found_is_said(minato, file):
    done = minato("detect", file(scan(3)), "--host", HOST)
    assert (done.returncode, done.stdout) == (0, "no scan in 3 packets\n")


def test_open_ports_can_be_told(minato, file):
    done = minato("detect", file(scan(30)), "--host", HOST, "--open", "1000-1026")
    assert done.returncode == 0, done.stdout


def test_standard_input(file):
    with open(file(scan(30)), "rb") as content:
        done = subprocess.run([BUILD / "minato", "detect", "-", "--host", HOST], stdin=content, capture_output=True, text=True)
    assert done.returncode == 2 and "scanned 30 ports" in done.stdout


def test_ctrl_c_ends_a_pipe_with_its_words():
    pipe = subprocess.Popen([BUILD / "minato", "detect", "-", "--host", HOST], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            start_new_session=True)
    try:
        # More than any buffer on the way holds: it is read by the time that all is written.
        pipe.stdin.write(scan(30) + b"".join(packet(n, HOST, SCANNER, 1, 2, 4) for n in range(40, 40000)))
        os.killpg(pipe.pid, signal.SIGINT)
        out, _ = pipe.communicate(timeout=10)
    finally:
        pipe.kill()
    assert b"scanned 30 ports" in out and pipe.returncode == 2


def test_a_file_that_breaks_off_counts_until_then(minato, file):
    done = minato("detect", file(scan(30)[:-7]), "--host", HOST)
    assert done.returncode == 2 and "scanned 29 ports" in done.stdout
    assert "breaks off after packet 29" in done.stderr
    done = minato("detect", file(scan(2)[:-7]), "--host", HOST)
    assert done.returncode == 1 and done.stdout == ""


@pytest.mark.parametrize("content, words", [
    (b"", "is no capture file"),
    (b"hello world, this is no capture file at all", "is no capture file"),
    (HEAD[:-4] + struct.pack("<I", 105), "link type 105"),
    (HEAD, "is from or to 198.51.100.1"),
    (HEAD + packet(0, SCANNER, "203.0.113.9", 1, 2, SYN), "minato detect {} --host 203.0.113.9"),
    (HEAD + struct.pack("<IIII", 0, 0, 0xffffffff, 40) + bytes(40), "breaks off after packet 0"),
])
def test_what_cannot_be_read_is_an_error(minato, file, content, words):
    path = file(content)
    done = minato("detect", path, "--host", HOST)
    assert done.returncode == 1 and done.stdout == ""
    assert words.format(path) in done.stderr


@pytest.mark.parametrize("words, said", [
    ([], "--host is missing"),
    (["--host", "here"], '"here" is no address'),
    (["--host", "192.0.2.1,"], '"" is no address'),
    (["--host", ",".join(f"10.0.0.{n}" for n in range(65))], "more than 64"),
    (["--host", HOST, "--open", "ssh"], '"ssh" are no ports'),
])
def test_wrong_words_are_told(minato, file, words, said):
    done = minato("detect", file(scan(1)), *words)
    assert done.returncode == 3 and said in done.stderr


def test_a_missing_file_and_a_folder(minato, tmp_path):
    assert "No such file" in minato("detect", tmp_path / "none", "--host", HOST).stderr
    done = minato("detect", tmp_path, "--host", HOST)
    assert done.returncode == 1 and "Is a directory" in done.stderr
