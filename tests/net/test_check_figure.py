"""minato check --figure and --packets: what passed over this very connection, captured as root, else told from the steps."""
import contextlib
import json
import os
import socket
import struct
import subprocess
import threading

import pytest

from test_check import HOST, HOST6, Server, answer, check, say
from world import MINATO, NOBODY, World, checked, inside, os_setns

PAGE = answer(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\nhello")


@pytest.fixture(scope="module")
def world():
    made = World()
    yield made
    made.remove()


def shown(world, *words, namespace=None, before=(), **more):
    return subprocess.run(["ip", "netns", "exec", namespace or world.outside, *before, MINATO, "check", *words], capture_output=True,
                          text=True, timeout=60, env=world.environment(**more), check=False)


def rows(text):
    """The arrows of a ladder: which way, and what is written on them."""
    return [(line[12:15], line[15:].strip(" |-<>o")) for line in text.splitlines() if line[11:12] == "|" and " ms " in line[:12]]


def test_the_ladder_is_what_was_captured(world):
    with Server(world, 80, PAGE):
        text = shown(world, "--figure", f"http://{HOST}").stdout
    arrows = rows(text)
    assert arrows[:3] == [("---", "SYN"), ("<--", "SYN, ACK"), ("---", "ACK")]
    assert ("---", "87 bytes: GET / HTTP/1.1") in arrows
    assert ("<--", "35 bytes: HTTP/1.1 200 OK") in arrows
    assert any("FIN" in what or "RST" in what for _, what in arrows[4:])
    assert "Captured packets of this very connection" in text


def test_without_the_right_it_is_drawn_from_the_steps_and_says_so(world):
    with Server(world, 80, PAGE):
        done = shown(world, "--figure", f"http://{HOST}", before=NOBODY)
    assert [what for _, what in rows(done.stdout)] == ["SYN", "SYN, ACK", "ACK", "GET / HTTP/1.1", "HTTP/1.1 200 OK"]
    assert "Not captured: what must have passed" in done.stdout and done.returncode == 0


IN_A_NAMESPACE = """
import os, socket, subprocess, sys, threading
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
listens = socket.create_server(("127.0.0.1", 80))
def answer():
    with listens.accept()[0] as connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
threading.Thread(target=answer, daemon=True).start()
sys.exit(subprocess.run([sys.argv[1], "check", "--figure", "http://127.0.0.1"], check=False).returncode)
"""


def test_in_a_user_namespace_of_ones_own_packets_are_captured_without_rights(world):
    done = subprocess.run([*NOBODY, "unshare", "--map-root-user", "--net", "/usr/bin/python3", "-c", IN_A_NAMESPACE, MINATO],
                          capture_output=True, text=True, timeout=60, env=world.environment(), check=False)
    assert rows(done.stdout)[:3] == [("---", "SYN"), ("<--", "SYN, ACK"), ("---", "ACK")], done.stderr
    assert "Captured packets" in done.stdout and done.returncode == 0


def test_packets_without_the_right_say_what_to_type(world):
    done = shown(world, "--packets", f"http://{HOST}", before=NOBODY)
    assert done.returncode == 4 and "CAP_NET_RAW" in done.stderr and "sudo minato check --packets" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("host", [HOST, f"[{HOST6}]"])
def test_packets_lie_over_their_fields(world, host):
    with Server(world, 80, PAGE):
        text = shown(world, "--packets", f"http://{host}").stdout
        found = check(world, "--packets", f"http://{host}")
    syn = found["packets"][0]
    assert (syn["flags"], syn["sent"], syn["destination_port"]) == (["syn"], True, 80)
    header = 20 if "." in host else 40
    raw = bytes.fromhex(syn["bytes"])
    assert int.from_bytes(raw[header:header + 2], "big") == syn["source_port"]
    assert int.from_bytes(raw[header + 2:header + 4], "big") == 80
    assert int.from_bytes(raw[header + 4:header + 8], "big") == syn["sequence"]
    assert "00 50        destination port 80" in text and "IPv4" in text if header == 20 else "IPv6" in text
    assert "47 45 54 20 2f 20 48 54 54 50 2f 31 2e 31 0d 0a  GET / HTTP/1.1.." in text
    request, = [p for p in found["packets"] if p["text"] == "GET / HTTP/1.1"]
    assert request["sequence"] == (syn["sequence"] + 1) % 2**32 and b"GET / HTTP/1.1\r\n" in bytes.fromhex(request["bytes"])


def test_only_this_connection_is_captured(world):
    """While another client of this host talks to the same port of the same server all the time, from any of the few ports there
    are: one that only waits for the answer to be over would meet ours."""
    checked("ip", "netns", "exec", world.outside, "sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 40063")
    stop, talked = threading.Event(), []

    def talk():
        fd = os.open(f"/run/netns/{world.outside}", os.O_RDONLY)
        os_setns(fd)
        os.close(fd)
        while not stop.is_set():
            with socket.socket() as client, contextlib.suppress(OSError):
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # its port is free at once
                client.bind((World.FRIEND, 0))  # as minato chooses: connect(2) alone takes other numbers as long as it can
                client.connect((HOST, 80))
                client.sendall(b"SECRET")
                talked.append(client.getsockname()[1])

    try:
        with Server(world, 80, PAGE, backlog=64):
            thread = threading.Thread(target=talk)
            thread.start()
            try:
                found = [check(world, "--figure", f"http://{HOST}") for _ in range(5)]
            finally:
                stop.set()
                thread.join()
    finally:
        checked("ip", "netns", "exec", world.outside, "sysctl", "-qw", "net.ipv4.ip_local_port_range=32768 60999")
    assert len(set(talked)) > 20
    for each in found:
        ports = {p["source_port"] if p["sent"] else p["destination_port"] for p in each["packets"]}
        assert len(ports) == 1 and len(each["packets"]) > 5
        assert not any(b"SECRET" in bytes.fromhex(p["bytes"]) for p in each["packets"])


def test_a_packet_on_loopback_is_one(world):
    with Server(world, 80, PAGE):
        found = check(world, "--figure", "80", namespace=world.host)
    assert [p["flags"] for p in found["packets"][:3]] == [["syn"], ["syn", "ack"], ["ack"]]


def test_the_figure_of_a_firewall_shows_its_icmp_and_silence_its_repetitions(world):
    world.nft("table inet wall { chain i { type filter hook input priority 0; tcp dport 80 reject with icmpx admin-prohibited; "
              "tcp dport 81 drop; }; }")
    try:
        refused = rows(shown(world, "--figure", f"http://{HOST}").stdout)
        silent = rows(shown(world, "--figure", "--timeout", "2", f"http://{HOST}:81").stdout)
        deduced = rows(shown(world, "--figure", f"http://{HOST}", before=NOBODY).stdout)
    finally:
        world.nft("delete table inet wall")
    assert refused == deduced == [("---", "SYN"), ("<--", f"ICMP type 3 code 13 from {HOST}")]
    assert [what for _, what in silent] == ["SYN", "SYN (again)", "no reply"]


def test_udp(world):
    world.listen(5353, "udp")
    found = check(world, "--packets", f"udp://{HOST}:5353")
    assert [(p["ip_protocol"], p["sent"], p["data_bytes"]) for p in found["packets"]] == [(17, True, 1), (17, False, 1)]
    refused = rows(shown(world, "--figure", f"udp://{HOST}:5354").stdout)
    assert refused == [("---", "1 byte"), ("<--", f"ICMP type 3 code 3 from {HOST}")]


def test_hostile_bytes_stay_in_their_place(world):
    with Server(world, 22, say(b"SSH-2.0-\x1b[2J\x07\x9b31m\r\n")):
        done = shown(world, "--figure", "--packets", f"ssh://{HOST}")
    assert "\x1b" not in done.stdout and "\x07" not in done.stdout
    assert "53 53 48 2d 32 2e 30 2d 1b 5b 32 4a 07" in done.stdout


def test_an_endless_answer_is_cut_and_counted(world):
    def flood(connection):
        while True:
            connection.sendall(b"A" * 65536)

    with Server(world, 22, flood):
        found = check(world, "--figure", f"ssh://{HOST}")
    assert len(found["packets"]) <= 64 and len(json.dumps(found)) < 200_000


@pytest.mark.parametrize(("language", "word"), [("C.UTF-8", "What passed between"), ("ja_JP.UTF-8", "のやりとり")])
def test_svg(world, tmp_path, language, word):
    with Server(world, 80, PAGE):
        done = shown(world, "--svg", tmp_path / "a.svg", f"http://{HOST}", LANG=language)
    text = (tmp_path / "a.svg").read_text()
    assert done.returncode == 0 and text.startswith("<svg ") and word in text and "SYN, ACK" in text
    assert checked("python3", "-c", "import sys, xml.dom.minidom as m; m.parse(sys.argv[1])", tmp_path / "a.svg") == ""


def test_a_file_that_cannot_be_written_is_told(world):
    with Server(world, 80, PAGE):
        done = shown(world, "--svg", "/nonexistent/a.svg", f"http://{HOST}")
    assert done.returncode == 1 and "cannot write /nonexistent/a.svg" in done.stderr


def test_what_does_not_go_together(world):
    for words in (("--watch", "1", "--figure", "80"), ("--svg", "x", "80", "81"), ("--svg", "x")):
        assert shown(world, *words).returncode == 3


def test_nothing_sent_is_no_figure(world):
    done = shown(world, "--figure", "https://nosuch.invalid")
    assert "There is no figure: nothing was sent." in done.stdout


def test_a_port_that_is_taken_meanwhile_costs_the_capture_alone(world):
    """Every port but two is taken in turn: whatever minato-probe gets, the check itself works."""
    checked("ip", "netns", "exec", world.outside, "sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 40001")
    try:
        with Server(world, 80, PAGE), inside(world.outside) as call:
            with call(lambda: socket.create_server((World.FRIEND, 40000))):
                found = check(world, "--figure", f"http://{HOST}")
    finally:
        checked("ip", "netns", "exec", world.outside, "sysctl", "-qw", "net.ipv4.ip_local_port_range=32768 60999")
    assert found["cause"] == "answers"
