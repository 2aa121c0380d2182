"""Real scanners against a host of their own, captured there: `minato detect` names each. Needs root."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

from world import MINATO, World, checked, inside, run

PORTS = "2001-2040"  # forty that are closed
OPEN = 2020          # but this one
END = b"the capture is complete"
QUICK = ["-n", "-Pn", "-T4", "--max-retries", "0", "--initial-rtt-timeout", "20ms", "--max-rtt-timeout", "20ms"]
# Word for nmap, what it is named, whether nmap's marks are in its packets.
NMAP = [("-sS", "syn", True), ("-sT", "connect", False), ("-sF", "fin", True), ("-sN", "null", True), ("-sX", "xmas", True),
        ("-sM", "maimon", True), ("-sA", "ack", True), ("-sW", "ack", True), ("-sU", "udp", False)]
DROP = f"table inet t {{ chain c {{ type filter hook input priority 0; meta l4proto icmpv6 accept; tcp dport {OPEN} accept; drop; }}; }}"

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
              pytest.mark.skipif(shutil.which("tcpdump", path="/usr/bin:/usr/sbin") is None, reason="tcpdump is not installed")]


def needs(program):
    return pytest.mark.skipif(shutil.which(program, path="/usr/bin:/usr/sbin") is None, reason=f"{program} is not installed")


@pytest.fixture
def world():
    made = World()
    made.listen(OPEN)
    yield made
    made.remove()


def source(number, six):
    return f"2001:db8:77::{number}" if six else f"10.77.0.{number}"


def add_sources(world, six, numbers):
    bits = 64 if six else 24
    for number in numbers:
        world.address(world.outside, "eth1", f"{source(number, six)}/{bits}")


@contextlib.contextmanager
def captured(world, path):
    """What the host's interface sees during the block, in that file; of each packet enough, so that none is lost."""
    tcpdump = subprocess.Popen(["ip", "netns", "exec", world.host, "tcpdump", "-i", "eth0", "-s", "200", "--immediate-mode", "-U", "-n",
                                "-Z", "root", "-w", path], stderr=subprocess.PIPE, start_new_session=True)
    world.processes.append(tcpdump)
    assert any(b"listening on" in line for line in iter(tcpdump.stderr.readline, b"")), "tcpdump does not start"
    yield
    with inside(world.host) as call:
        last = call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    deadline = time.monotonic() + 5
    while END not in path.read_bytes():  # a packet behind the others: then all are written
        assert time.monotonic() < deadline
        last.sendto(END, (world.FRIEND, 9))
        time.sleep(0.01)
    last.close()
    tcpdump.send_signal(signal.SIGINT)
    tcpdump.wait(timeout=5)
    tcpdump.stderr.close()


def outside(world, *words):
    return run("ip", "netns", "exec", world.outside, *words)


def detect(path, *words):
    """Exit code, incidents by their source."""
    done = run(MINATO, "detect", path, "--json", *words, env={**os.environ, "LANG": "C.UTF-8"})
    assert done.returncode in (0, 2), done.stderr
    return done.returncode, {each["source"]: each for each in json.loads(done.stdout)["incidents"]}


@pytest.mark.parametrize("firewall", ["accept", "drop"])
@pytest.mark.parametrize("six", [False, True], ids=["ipv4", "ipv6"])
def test_connections_without_a_tool(world, tmp_path, firewall, six):
    path = tmp_path / "x.pcap"
    target, friend = (world.HOST6, world.FRIEND6) if six else (world.HOST, world.FRIEND)
    if firewall == "drop":
        world.nft(DROP)
    family = socket.AF_INET6 if six else socket.AF_INET

    def scan():
        made = []
        for port in range(OPEN - 10, OPEN + 1):
            client = socket.socket(family, socket.SOCK_STREAM)
            client.setblocking(False)
            client.bind((friend, 0))
            client.connect_ex((target, port))
            made.append(client)
        return made

    with captured(world, path):
        with inside(world.outside) as call:
            clients = call(scan)
        world.connect(OPEN, source=friend).close()
    for client in clients:
        client.close()
    code, found = detect(path, "--host", target)
    assert code == 2 and list(found) == [friend]
    (incident,) = found.values()
    assert (incident["kind"], incident["probe"], incident["port_count"], incident["answer_count"]) == ("scan", "connect", 11, 1)


@needs("nmap")
@pytest.mark.parametrize("firewall", ["accept", "drop"])
@pytest.mark.parametrize("six", [False, True], ids=["ipv4", "ipv6"])
def test_every_scan_of_nmap_is_named(world, tmp_path, firewall, six):
    path, target = tmp_path / "x.pcap", world.HOST6 if six else world.HOST
    if firewall == "drop":
        world.nft(DROP)
    add_sources(world, six, range(101, 101 + len(NMAP)))
    with captured(world, path):
        for number, (word, _, _) in enumerate(NMAP, 101):
            done = outside(world, "nmap", *(["-6"] if six else []), word, *QUICK, "-p", PORTS, "-S", source(number, six),
                           "-e", "eth1", target)
            assert "1 host up" in done.stdout, done.stdout + done.stderr
    code, found = detect(path, "--host", target)
    assert code == 2
    for number, (word, probe, marked) in enumerate(NMAP, 101):
        if word == "-sT":  # the system chooses the address
            (incident,) = (each for each in found.values() if each["probe"] == "connect")
        else:
            incident = found[source(number, six)]
        print(f"MATRIX nmap {word} {'ipv6' if six else 'ipv4'} {firewall}: {incident['alarm_port_count']} ports, "
              f"{incident['alarm_us'] / 1000:.1f} ms")
        assert (incident["kind"], incident["probe"]) == ("scan", probe), word
        assert incident["tool"] == ("nmap" if marked else None), word
        assert incident["alarm_port_count"] <= 5
        assert incident["port_count"] >= 39  # the open one may have come before the alarm, when it is no evidence
    assert len(found) == len(NMAP)


@needs("nmap")
def test_fragments_decoys_and_patience(world, tmp_path):
    path = tmp_path / "x.pcap"
    add_sources(world, False, range(101, 105))
    with captured(world, path):
        for words in (["-sS", "-f", "-p", PORTS, "-S", source(101, False)], ["-sX", "-f", "-p", PORTS, "-S", source(102, False)],
                      ["-sF", "-T2", "-p", "2001-2008", "-S", source(103, False)],
                      ["-sN", "-p", PORTS, "-S", source(104, False), "-D", "10.77.0.201,10.77.0.202,10.77.0.203,ME"]):
            done = outside(world, "nmap", *QUICK, *words, "-e", "eth1", world.HOST)
            assert "1 host up" in done.stdout, done.stdout + done.stderr
    _, found = detect(path, "--host", world.HOST)
    for number, probe in ((101, "syn"), (102, "xmas"), (103, "fin")):
        incident = found[source(number, False)]
        assert (incident["kind"], incident["probe"], incident["tool"]) == ("scan", probe, "nmap")
    decoy = found[None]
    assert (decoy["kind"], decoy["probe"], decoy["source_count"]) == ("decoy", "null", 4)
    assert len(found) == 4


def mac(world):
    return json.loads(checked("ip", "-j", "-n", world.host, "link", "show", "eth0"))[0]["address"]


@needs("masscan")
@pytest.mark.parametrize("firewall", ["accept", "drop"])
def test_masscan_is_named(world, tmp_path, firewall):
    path = tmp_path / "x.pcap"
    if firewall == "drop":
        world.nft(DROP)
    with captured(world, path):
        done = outside(world, "masscan", world.HOST, "-p", PORTS, "--rate", "2000", "--wait", "0", "--adapter", "eth1", "--source-ip",
                       world.OTHER, "--router-mac", mac(world))
        assert done.returncode == 0, done.stderr
    _, found = detect(path, "--host", world.HOST)
    incident = found[world.OTHER]
    print(f"MATRIX masscan {firewall}: {incident['alarm_port_count']} ports, {incident['alarm_us'] / 1000:.1f} ms")
    assert (incident["kind"], incident["probe"], incident["tool"]) == ("scan", "syn", "masscan")
    assert incident["alarm_port_count"] <= 5


@needs("zmap")
def test_zmap_sweeping_a_network_behind_a_router_is_named(world, tmp_path):
    path = tmp_path / "x.pcap"
    with captured(world, path):
        done = outside(world, "zmap", "-p", "2222", "-i", "eth1", "-G", mac(world), "-S", world.OTHER, "-b", "/dev/null", "-r", "500",
                       "-c", "0", "-o", tmp_path / "found", "10.78.0.0/26")
        assert done.returncode == 0, done.stderr
    _, found = detect(path, "--host", "10.78.0.0/26")
    incident = found[world.OTHER]
    print(f"MATRIX zmap sweep: {incident['alarm_port_count']} hosts, {incident['alarm_us'] / 1000:.1f} ms")
    assert (incident["kind"], incident["probe"], incident["tool"]) == ("sweep", "syn", "zmap")
    assert incident["target_count"] >= 62


def test_what_honest_clients_do_is_no_incident(world, tmp_path):
    path = tmp_path / "x.pcap"
    with captured(world, path):
        for _ in range(10):
            assert world.connect(OPEN)
            for port in (2001, 2002, 2003):
                assert world.connect(port) is False
    code, found = detect(path, "--host", world.HOST)
    assert (code, found) == (0, {})
