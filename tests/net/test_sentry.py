"""The daemon's sentry: every scan is one incident within a second, and nobody honest is one."""
import json
import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

import packets
from daemon import alive, status_of, until
from sentry_world import FLAGS, SentryWorld, events, incidents, looking, named
from world import checked, inside, run, wait_until_up

OPEN, PORTS = 2020, range(2001, 2041)
DROP = f"table inet t {{ chain c {{ type filter hook input priority 0; meta l4proto icmpv6 accept; tcp dport {OPEN} accept; drop; }}; }}"
POLICY = f"""minato: 1
ports:
  web: {{port: {OPEN}/tcp, for: site, owner: o, from: any}}
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def world(tmp_path):
    made = SentryWorld(tmp_path)
    made.listen(OPEN)
    yield made
    made.remove()


@pytest.fixture
def start(world):
    """Starts a daemon that looks; ended before its world goes."""
    made = []

    def begin(*options, way="auto", expected="tap", interfaces=1, **more):
        daemon = world.watching(*options, way=way, **more)
        made.append(daemon)
        daemon.start()
        looking(daemon, expected, interfaces)
        return daemon

    yield begin
    for daemon in made:
        daemon.remove()


# ---- scans ----

@pytest.mark.parametrize("firewall", ["accept", "drop"])
@pytest.mark.parametrize("way, expected", [("auto", "tap"), ("packets", "packets")])
def test_every_kind_of_scan_is_one_incident_within_a_second(world, start, way, expected, firewall):
    if firewall == "drop":
        world.nft(DROP)
    daemon = start(way=way, expected=expected)
    for number, kind in enumerate([*FLAGS, "udp"], 1):
        for source in (f"198.51.{number}.7", f"2001:db8:{number}::7"):
            begin = time.monotonic()
            world.scan(kind, PORTS, source)
            found = named(daemon, source, seconds=1)
            print(f"MATRIX live {way} {firewall} {kind} {'ipv6' if ':' in source else 'ipv4'}: {found['alarm_port_count']} ports, "
                  f"{found['alarm_us'] / 1000:.2f} ms, on the API after {1000 * (time.monotonic() - begin):.0f} ms")
            assert (found["kind"], found["probe"], found["going_on"]) == ("scan", kind, True)
            assert found["alarm_port_count"] <= 5 and found["alarm_us"] < 100000
            # What was just read of it may have grown since then.
            named(daemon, source, **({"port_count": len(PORTS)} if expected == "packets" or kind in ("syn", "udp") else {}))
    assert len(incidents(daemon)) == 2 * (len(FLAGS) + 1)
    assert [kind for kind, _ in events(daemon)] == ["scan_started"] * 2 * (len(FLAGS) + 1)


@pytest.mark.skipif(shutil.which("nmap") is None, reason="nmap is not installed")
def test_nmap_is_one_line_that_names_what_answered_and_is_not_declared(world, start):
    world.declare(POLICY)
    world.listen(2030)
    daemon = start()
    until(lambda: daemon.status()["policy"]["declared"], "the policy is read")
    done = run("ip", "netns", "exec", world.outside, "nmap", "-n", "-Pn", "-sS", "-p-", world.HOST)
    assert "1 host up" in done.stdout
    found = named(daemon, world.FRIEND, port_count=65535, seconds=20)
    assert (found["kind"], found["probe"], found["tool"], found["answer_count"]) == ("scan", "syn", "nmap", 2)
    assert sorted((each["port"], each["declared"]) for each in found["answered"]) == [(OPEN, True), (2030, False)]
    listed = world.asked(daemon, "incidents")
    assert f"{world.FRIEND} scanned 65,535 ports in " in listed
    assert ", 2 answered, not in policy: 2030/tcp (SYN scan, nmap), goes on" in listed
    assert len(listed.splitlines()) == 1
    assert f"#{found['id']} {world.FRIEND} begins to scan (SYN scan, nmap)" in world.asked(daemon, "log", "--kind", "scan_started")
    shown = world.asked(daemon, "incidents", "show", str(found["id"]))
    assert "not declared: 2030/tcp; see: minato explain 2030" in " ".join(shown.split())
    assert "Scans: on at 1 interface; 1 incident in 24 hours, 1 goes on; no record lost" in world.asked(daemon, "status", "--fail-on", "none")
    assert "ポートが応答(ポリシーにないもの: 2030/tcp)" in world.asked(daemon, "incidents", LANG="C.UTF-8", LANGUAGE="ja")


def test_the_tap_is_no_doubt_about_what_the_rules_do(world, start):
    daemon = start()
    world.declare("minato: 1\nports:\n  ssh: {port: 22/tcp, for: x, owner: o, from: 10.77.0.0/24}\n")
    world.listen(22)
    until(lambda: daemon.status()["sentry"]["interfaces"] == 1, "it is tapped")
    found = json.loads(run(*world.words("plan", "--json"), env=world.environment_of(daemon)).stdout)["proof"]
    assert found["packets_not_proven"] == 0 and found["packets_asked"] > 10


def test_whoever_watches_is_told_at_once(world, start):
    daemon = start()
    watch = subprocess.Popen(list(map(str, world.words("watch", "--kind", "scan_started", "--count", "1"))), env=world.environment_of(daemon),
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    world.processes.append(watch)
    for number, kind in enumerate(FLAGS, 1):  # until it has begun to listen
        world.scan(kind, PORTS, f"198.51.{number}.7")
        try:
            assert watch.wait(1) == 0
            break
        except subprocess.TimeoutExpired:
            continue
    assert " begins to scan (" in watch.stdout.read()


def test_json_since_and_the_digest_of_a_day(world, start):
    world.declare(POLICY)
    daemon = start()
    until(lambda: daemon.status()["policy"]["declared"], "the policy is read")
    for client in knock(world, world.FRIEND, world.HOST, PORTS):
        client.close()
    named(daemon, world.FRIEND, port_count=len(PORTS), answer_count=1)
    world.scan("fin", PORTS, "203.0.113.7")
    named(daemon, "203.0.113.7")
    both = json.loads(world.asked(daemon, "incidents", "--json"))["incidents"]
    assert both == incidents(daemon)
    assert [each["source"] for each in both] == ["203.0.113.7", world.FRIEND]
    assert json.loads(world.asked(daemon, "incidents", "--json", "--address", "10.77.0.0/24"))["incidents"] == both[1:]
    assert json.loads(world.asked(daemon, "incidents", "--json", "--until", "1h"))["incidents"] == []
    assert len(json.loads(world.asked(daemon, "incidents", "--json", "--since", "1h"))["incidents"]) == 2
    digest = world.asked(daemon, "incidents", "--digest", "0s")
    assert "2 scans by 2 addresses or networks, " in digest and "answered: 1 port, all in policy" in digest
    told = json.loads(world.asked(daemon, "incidents", "--digest", "0s", "--json"))["digest"]
    assert (told["scan_count"], told["source_count"], told["answer_count"], told["undeclared_count"]) == (2, 2, 1, 0)
    status, document = daemon.get("/v1/incidents/77")
    assert status == 404 and document["error"]["code"] == "not_found"
    done = run(*world.words("incidents", "77"), env=world.environment_of(daemon))
    assert done.returncode == 1 and "no incident 77 is remembered" in done.stderr


def test_without_the_daemon_its_files_are_read_and_nothing_goes_on(world, start):
    daemon = start()
    world.scan("syn", PORTS, "198.51.100.7")
    number = named(daemon, "198.51.100.7")["id"]
    daemon.stop()
    (left,) = json.loads(world.asked(daemon, "incidents", "--json"))["incidents"]
    assert (left["id"], left["going_on"], left["source"]) == (number, False, "198.51.100.7")
    assert "goes on" not in world.asked(daemon, "incidents")


# ---- who is no scanner ----

def connect(world, source, port, target=None, wait=0.2):
    """@return whether it is open."""
    def attempt():
        client = socket.socket()
        client.settimeout(wait)
        client.bind((source, 0))
        try:
            client.connect((target or world.HOST, port))
            return True
        except OSError:
            return False
        finally:
            client.close()

    with inside(world.outside) as call:
        return call(attempt)


@pytest.mark.parametrize("way, expected", [("auto", "tap"), ("packets", "packets")])
def test_honest_neighbours_are_no_incident(world, start, way, expected):
    """...and right after them a scanner is, so that somebody looked."""
    world.listen(9000, namespace=world.outside)
    world.listen(53, "udp", namespace=world.outside)
    stopped = world.listen(2050)
    daemon = start(way=way, expected=expected)
    # A client of what is open, and the health check of a service that has stopped.
    assert all(connect(world, world.FRIEND, OPEN) for _ in range(50))
    assert connect(world, world.OTHER, 2050)
    stopped.close()
    assert not any(connect(world, world.OTHER, 2050) for _ in range(20))
    # The host's own connections, half of them refused, and its questions, whose answers come late.
    with inside(world.host) as call:
        def own():
            made = [socket.socket() for _ in range(40)]
            for number, client in enumerate(made):
                client.settimeout(0.2)
                client.connect_ex((world.FRIEND, 9000 + number % 2))
            for client in made:
                client.close()
            asking = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(40)]
            for each in asking:
                each.sendto(b"x", (world.FRIEND, 53))
            for each in asking:
                each.close()
        call(own)
    # A new service is known before its first client; three closed ports are a client of three stopped ones.
    world.listen(2060)
    assert connect(world, "10.77.0.66", 2060)
    world.scan("syn", [2061, 2062], "198.51.200.7")
    # What is sent to others, or to everybody, is not for this host.
    world.scan("udp", PORTS, "198.51.201.7", target="224.0.0.251")
    world.scan("syn", PORTS, "198.51.202.7", target="203.0.113.99")
    world.scan("syn", PORTS, "198.51.100.7")
    named(daemon, "198.51.100.7")
    assert [each["source"] for each in incidents(daemon)] == ["198.51.100.7"]
    sentry = daemon.status()["sentry"]
    assert sentry["lost"] == 0 and sentry["limited"] == 0


def test_forged_packets_from_the_host_itself_open_no_port(world, start):
    """Else whoever forges them would be free to scan."""
    daemon = start(way="packets", expected="packets")
    mac = world.mac("eth0")
    for port in PORTS:
        world.send(packets.ipv4(packets.tcp(40000, packets.SYN | packets.ACK, source_port=port), source=world.HOST, destination=world.HOST),
                   mac)
    world.scan("syn", PORTS, "198.51.100.7")
    assert named(daemon, "198.51.100.7", port_count=len(PORTS))["answer_count"] <= 1


# ---- interfaces ----

def add_interface(world, number):
    checked("ip", "link", "add", f"eth{number}", "netns", world.host, "index", str(number + 40), "type", "veth", "peer", "name",
            f"far{number}", "netns", world.outside)
    world.address(world.host, f"eth{number}", f"10.78.{number}.1/24")
    checked("ip", "-n", world.outside, "link", "set", f"far{number}", "up")
    wait_until_up((world.host, f"eth{number}"), (world.outside, f"far{number}"))


def test_interfaces_that_come_are_renamed_and_go(world, start):
    daemon = start()
    add_interface(world, 5)
    looking(daemon, interfaces=2)
    world.scan("syn", PORTS, "198.51.100.7", target="10.78.5.1", through=("eth5", "far5"))
    named(daemon, "198.51.100.7", target="10.78.5.1")
    for words in (("down",), ("name", "wan0"), ("up",)):
        checked("ip", "-n", world.host, "link", "set", "wan0" if words == ("up",) else "eth5", *words)
    wait_until_up((world.host, "wan0"))
    world.scan("fin", PORTS, "203.0.113.7", target="10.78.5.1", through=("wan0", "far5"))
    named(daemon, "203.0.113.7", target="10.78.5.1")
    assert daemon.status()["sentry"]["interfaces"] == 2
    checked("ip", "-n", world.host, "link", "del", "wan0")
    looking(daemon, interfaces=1)
    world.scan("udp", PORTS, "192.0.2.7")
    named(daemon, "192.0.2.7")


def test_a_thousand_interfaces_are_tapped_as_they_come(world, start):
    daemon = start()
    batch = "".join(f"link add d{n} type veth peer name p{n}\n" for n in range(500))
    begin = time.monotonic()
    checked("ip", "-n", world.host, "-batch", "-", input=batch)
    looking(daemon, interfaces=1001)
    print(f"1,000 interfaces tapped after {1000 * (time.monotonic() - begin):.0f} ms")
    checked("ip", "-n", world.host, "-batch", "-", input="".join(f"link del d{n}\n" for n in range(500)))
    looking(daemon, interfaces=1)


def test_programs_of_others_stay_and_are_named(world, start):
    world.declare(POLICY)
    checked("tc", "-n", world.host, "qdisc", "add", "dev", "eth0", "clsact")
    checked("tc", "-n", world.host, "filter", "add", "dev", "eth0", "ingress", "pref", "1", "protocol", "ip", "u32", "match", "ip",
            "src", "203.0.113.200/32", "flowid", "1:1")
    daemon = start()
    until(lambda: daemon.status()["sentry"]["neighbour"] == "eth0", "it is told")
    assert "behind another program at eth0" in world.asked(daemon, "status", "--fail-on", "none")
    world.scan("syn", PORTS, "198.51.100.7")
    named(daemon, "198.51.100.7")
    daemon.stop()
    left = checked("tc", "-n", world.host, "filter", "show", "dev", "eth0", "ingress")
    assert "u32" in left and "minato_tap" not in left


def test_a_tap_that_was_taken_off_comes_again(world, start):
    daemon = start()
    checked("tc", "-n", world.host, "qdisc", "del", "dev", "eth0", "clsact")
    until(lambda: "minato_tap" in checked("tc", "-n", world.host, "filter", "show", "dev", "eth0", "ingress"), "it is back", seconds=15)
    world.scan("syn", PORTS, "198.51.100.7")
    named(daemon, "198.51.100.7")


# ---- processes ----

def test_a_sentry_that_was_killed_comes_again_and_goes_on(world, start):
    daemon = start()
    world.scan("syn", PORTS, "198.51.100.7")
    first = named(daemon, "198.51.100.7")["id"]
    old = daemon.pids()["sentry"]
    os.kill(old, signal.SIGKILL)
    until(lambda: daemon.is_ready() and daemon.pids()["sentry"] != old, "another sentry")
    until(lambda: events(daemon) == [("scan_started", first), ("scan_ended", first)], "the end of what it saw")
    looking(daemon)
    world.scan("fin", PORTS, "203.0.113.7")
    assert named(daemon, "203.0.113.7")["id"] == first + 1
    assert events(daemon)[2:] == [("scan_started", first + 1)]


def test_a_sentry_that_dies_again_and_again_takes_nobody_along(world, start):
    daemon = start()
    first = daemon.pids()
    for _ in range(7):  # one more than any other child may
        old = daemon.pids()["sentry"]
        os.kill(old, signal.SIGKILL)
        until(lambda old=old: daemon.pids().get("sentry", old) != old, "another sentry")
    until(daemon.is_ready, "all are there")
    assert {name: pid for name, pid in daemon.pids().items() if name != "sentry"} == {
        name: pid for name, pid in first.items() if name != "sentry"}
    world.scan("syn", PORTS, "198.51.100.7")
    named(daemon, "198.51.100.7", seconds=10)


def test_a_keeper_that_was_killed_goes_on_with_the_interfaces(world, start):
    daemon = start()
    old = daemon.pids()["keeper"]
    os.kill(old, signal.SIGKILL)
    until(lambda: daemon.is_ready() and daemon.pids()["keeper"] != old, "another keeper")
    add_interface(world, 5)
    looking(daemon, interfaces=2)
    world.scan("syn", PORTS, "198.51.100.7", target="10.78.5.1", through=("eth5", "far5"))
    named(daemon, "198.51.100.7")


def test_an_engine_that_was_killed_knows_what_goes_on(world, start):
    daemon = start()
    world.scan("syn", PORTS, "198.51.100.7")
    before = named(daemon, "198.51.100.7", port_count=len(PORTS))
    until(lambda: len(events(daemon)) == 1, "the beginning is stored")
    old = daemon.pids()["engine"]
    os.kill(old, signal.SIGKILL)
    until(lambda: daemon.is_ready() and daemon.pids()["engine"] != old, "another engine")
    after = named(daemon, "198.51.100.7", going_on=True)
    assert after["id"] == before["id"] and after["port_count"] == len(PORTS)
    assert events(daemon) == [("scan_started", before["id"])]
    world.scan("fin", PORTS, "203.0.113.7")
    assert named(daemon, "203.0.113.7")["id"] == before["id"] + 1


def test_numbers_go_on_after_a_restart_of_the_daemon(world, start):
    daemon = start()
    world.scan("syn", PORTS, "198.51.100.7")
    first = named(daemon, "198.51.100.7")["id"]
    until(lambda: len(events(daemon)) == 1, "the beginning is stored")
    daemon.stop()
    daemon.start()
    looking(daemon)
    world.scan("syn", PORTS, "203.0.113.7")
    assert named(daemon, "203.0.113.7")["id"] == first + 1
    assert named(daemon, "198.51.100.7", going_on=False)["id"] == first


def test_the_sentry_has_no_right_and_no_file(world, start):
    daemon = start()
    pids = daemon.pids()
    status = status_of(pids["sentry"])
    assert {status[key] for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    uids = {name: status_of(pids[name])["Uid"].split()[0] for name in ("engine", "face", "sentry")}
    assert len(set(uids.values())) == 3 and "0" not in uids.values()
    files = [os.readlink(f"/proc/{pids['sentry']}/fd/{fd}") for fd in os.listdir(f"/proc/{pids['sentry']}/fd")]
    assert not [each for each in files if each.startswith("/") and not each.startswith(("/dev/null", "/tmp/"))], files


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_at_the_end_nothing_is_left_at_the_interface(world, start, end):
    daemon = start()
    assert "minato_tap" in checked("tc", "-n", world.host, "filter", "show", "dev", "eth0", "ingress")
    helper = daemon.helper()
    getattr(daemon, end)()
    until(lambda: not alive(helper), "the helper has ended")
    assert "clsact" not in checked("tc", "-n", world.host, "qdisc", "show")
    assert not (world.bpf / "tap").exists()


def test_with_observe_nothing_is_attached(world, start):
    daemon = world.daemon(sentry="auto")
    daemon.observe = True
    try:
        daemon.start()
        sentry = looking(daemon, "packets")
        assert sentry["reason"] == "minatod runs with --observe"
        assert "clsact" not in checked("tc", "-n", world.host, "qdisc", "show")
        world.scan("syn", PORTS, "198.51.100.7")
        named(daemon, "198.51.100.7")
    finally:
        daemon.remove()


def test_without_a_sentry_it_is_said_why_none_is_seen(world):
    world.declare(POLICY)
    daemon = world.watching(way="off")
    try:
        daemon.start()
        sentry = daemon.status()["sentry"]
        assert (sentry["on"], sentry["way"], sentry["reason"]) == (False, "off", "minatod runs with --sentry off")
        assert "Scans: not seen (minatod runs with --sentry off)" in world.asked(daemon, "status", "--fail-on", "none")
        assert "sentry" not in daemon.pids()
    finally:
        daemon.remove()


def test_where_bpf_is_not_allowed_a_packet_socket_sees_them(world, start):
    world.declare(POLICY)
    daemon = start(expected="packets", environment={"MINATO_WITHOUT": "bpf"})
    world.scan("syn", PORTS, "198.51.100.7")
    named(daemon, "198.51.100.7")
    assert "Scans: on, by a packet socket (" in world.asked(daemon, "status", "--fail-on", "none")


# ---- floods ----

def flood(world, scanner, kind, first_port):
    """30,000 packets of forged sources to ports all over, and between them a scan. @return seconds that it took."""
    mac, ports = world.mac("eth0"), iter(range(first_port, first_port + 600))
    begin = time.monotonic()
    for number in range(30000):
        source = f"{11 + number % 90}.{number // 90 % 250}.{number * 7 % 250}.{number % 253 + 1}"
        forged = packets.tcp(number * 7919 % 60000 + 1, source_port=number % 60000 + 1)
        world.send(packets.ipv4(forged, source=source, destination=world.HOST), mac)
        if number % 50 == 0:
            world.scan(kind, [next(ports)], scanner, mac=mac)
    return time.monotonic() - begin


def test_a_scan_in_a_forged_flood_is_named_and_memory_is_bounded(world, start):
    daemon = start()
    sentry = daemon.pids()["sentry"]

    def kilobytes():
        return int(status_of(sentry)["VmRSS"].split()[0])

    def cpu_seconds():
        with open(f"/proc/{sentry}/stat", encoding="ascii") as f:
            return sum(map(int, f.read().rpartition(")")[2].split()[11:13])) / os.sysconf("SC_CLK_TCK")

    seconds = flood(world, "198.51.100.7", "syn", 3001)
    assert named(daemon, "198.51.100.7", kind="scan")["port_count"] >= 16
    before = kilobytes()
    seconds += flood(world, "203.0.113.7", "fin", 5001)
    named(daemon, "203.0.113.7", kind="scan")
    found = incidents(daemon)
    assert sorted(each["kind"] for each in found) == ["flood", "scan", "scan"], found
    grown = kilobytes() - before
    print(f"60,000 packets in {seconds:.1f} s, {cpu_seconds():.2f} s of CPU; the sentry has {kilobytes()} kB, {grown} kB more than after the "
          f"first half; {daemon.status()['sentry']}")
    assert grown < 4096 and kilobytes() < 65536


# ---- what answered ----

def knock(world, source, target, ports):
    """Connects to all of them at once. @return the sockets."""
    def ask():
        made = []
        for port in ports:
            client = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET)
            client.setblocking(False)
            client.bind((source, 0))
            client.connect_ex((target, port))
            made.append(client)
        return made

    with inside(world.outside) as call:
        return call(ask)


@pytest.mark.parametrize("way, expected", [("auto", "tap"), ("packets", "packets")])
@pytest.mark.parametrize("six", [False, True], ids=["ipv4", "ipv6"])
def test_what_the_packet_filter_drops_has_not_answered(world, start, way, expected, six):
    world.nft(DROP)
    world.listen(2030)
    daemon = start(way=way, expected=expected)
    target, source = (world.HOST6, world.FRIEND6) if six else (world.HOST, world.FRIEND)
    clients = knock(world, source, target, (OPEN, 2030, *range(2031, 2040)))
    found = named(daemon, source, answer_count=1)
    assert [(each["port"], each["protocol"]) for each in found["answered"]] == [(OPEN, "tcp")]
    assert found["probe"] == "connect"
    for client in clients:
        client.close()


@pytest.fixture
def container(world):
    """A namespace behind the host with a web server that the host publishes at 8080, by rules alone."""
    name = world.host + "c"
    checked("ip", "netns", "add", name)
    checked("ip", "link", "add", "br0", "netns", world.host, "type", "veth", "peer", "name", "eth0", "netns", name)
    world.address(world.host, "br0", "10.99.0.1/24")
    world.address(name, "eth0", "10.99.0.2/24")
    wait_until_up((world.host, "br0"), (name, "eth0"))
    checked("ip", "-n", name, "route", "add", "default", "via", "10.99.0.1")
    checked("ip", "netns", "exec", world.host, "sysctl", "-qw", "net.ipv4.ip_forward=1")
    world.nft("table ip t { chain c { type nat hook prerouting priority dstnat; tcp dport 8080 dnat to 10.99.0.2:80; }; }")
    world.listen(80, address="0.0.0.0", namespace=name)
    yield name
    run("ip", "netns", "del", name)


def test_a_port_published_by_rules_is_open_and_what_a_container_asks_for_is_no_scan(world, start, container):
    daemon = start(interfaces=2)
    assert all(connect(world, world.FRIEND, 8080) for _ in range(5))
    with inside(container) as call:
        def ask():
            made = []
            for port in range(3000, 3040):  # of others, through the host
                client = socket.socket()
                client.setblocking(False)
                client.connect_ex((world.FRIEND, port))
                made.append(client)
            return made
        clients = call(ask)
    for client in [*clients, *knock(world, world.OTHER, world.HOST, (8080, *range(2031, 2040)))]:
        client.close()
    found = named(daemon, world.OTHER, answer_count=1)
    assert [each["port"] for each in found["answered"]] == [8080]
    assert [each["source"] for each in incidents(daemon)] == [world.OTHER]
