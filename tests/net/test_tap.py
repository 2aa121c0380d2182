"""The tap on a real interface: who is noted, who is not, who is stopped."""
import contextlib
import fcntl
import os
import shutil
import socket
import struct
import time

import pytest

import packets
from world import checked, os_setns, run
from tap_world import DATA, OPEN, SACK, SENT, World


@pytest.fixture
def world(netns, tmp_path):
    made = World(netns, tmp_path)
    yield made
    made.close()


@contextlib.contextmanager
def inside(namespace):
    """This process's sockets are made there."""
    before = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    os_setns(there)
    try:
        yield
    finally:
        os_setns(before)
        os.close(before)
        os.close(there)


def listener(world, port, kind=socket.SOCK_STREAM, address="0.0.0.0"):
    with inside(world.host):
        made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    if kind == socket.SOCK_STREAM:
        made.listen()
    return made


def client(world, kind=socket.SOCK_STREAM, family=socket.AF_INET, namespace=None):
    with inside(namespace or world.beyond):
        made = socket.socket(family, kind)
    made.settimeout(5)
    return made


def knock(world, port, host=World.HOST):
    """Asks for a port over TCP. @return errno, 0 = it is open."""
    with client(world, family=socket.AF_INET6 if ":" in host else socket.AF_INET) as asking:
        asking.settimeout(0.3)
        try:
            return asking.connect_ex((host, port))
        except TimeoutError:
            return socket.errno.EAGAIN


def converse(world, port):
    """A connection on which much is said, and that ends in good order."""
    with listener(world, port) as serving, client(world) as asking:
        asking.connect((World.HOST, port))
        served, _ = serving.accept()
        for _ in range(20):
            asking.sendall(b"x" * 1000)
            assert served.recv(1000) and served.send(b"y") == 1 and asking.recv(1)
        served.close()


def test_a_question_for_a_closed_port_is_a_note(world):
    tap = world.tapped()
    assert knock(world, 4444) == socket.errno.ECONNREFUSED
    [note] = tap.notes()
    assert (note["source"], note["destination"], note["port"], note["protocol"], note["flags"]) == (
        World.BEYOND, World.HOST, 4444, 6, 2)
    assert note["marks"] == SACK and note["option_bytes"] == 20 and note["ttl"] == 64
    assert -1000 < note["age_ms"] < 5000


def test_an_open_port_is_told_to_be_open_once(world):
    tap = world.tapped()
    with listener(world, 8080):
        for _ in range(5):
            assert knock(world, 8080) == 0
    knock(world, 8081)
    assert [(note["port"], note["marks"] & OPEN) for note in tap.questions(3)] == [(8080, OPEN), (8081, 0)]
    assert tap.notes(1, 0) == []
    assert tap.tell("counters")["noted"] == 3


@pytest.mark.parametrize("host, beyond, address", [(World.HOST, World.BEYOND, "0.0.0.0"), (World.HOST6, World.BEYOND6, "::")])
def test_an_answer_is_told_once_and_none_that_the_firewall_keeps_from_being(world, host, beyond, address):
    tap = world.tapped()
    checked("ip", "netns", "exec", world.host, "nft",
            "table inet t { chain c { type filter hook input priority 0; tcp dport 8081 drop; }; }")
    with listener(world, 8080, address=address), listener(world, 8081, address=address):
        for _ in range(3):
            assert knock(world, 8080, host) == 0
        knock(world, 8081, host)
    notes = tap.notes(3)
    assert sorted((note["port"], note["marks"] & OPEN) for note in notes if not note["marks"] & SENT) == [(8080, OPEN), (8081, OPEN)]
    [answer] = [note for note in notes if note["marks"] & SENT]
    assert (answer["source"], answer["destination"], answer["flags"]) == (host, beyond, packets.SYN | packets.ACK)
    assert tap.notes(1, 100) == []


def test_a_connection_with_data_makes_no_further_note(world):
    tap = world.tapped()
    converse(world, 8080)
    knock(world, 4444)
    assert [note["port"] for note in tap.questions(3)] == [8080, 4444]


def test_ipv6_is_noted_alike(world):
    tap = world.tapped()
    with listener(world, 8080, address="::"):
        knock(world, 8080, World.HOST6)
        knock(world, 8080)
    knock(world, 4444, World.HOST6)
    assert [(note["source"], note["port"], note["marks"] & OPEN) for note in tap.questions(5)] == [
        (World.BEYOND6, 8080, OPEN), (World.BEYOND, 8080, OPEN), (World.BEYOND6, 4444, 0)]


def test_datagrams_are_noted_and_answers_to_the_hosts_own_are_not(world):
    tap = world.tapped()
    with client(world, socket.SOCK_DGRAM) as asking, client(world, socket.SOCK_DGRAM) as name_server:
        name_server.bind((World.BEYOND, 53))
        with client(world, socket.SOCK_DGRAM, namespace=world.host) as resolver:
            resolver.connect((World.BEYOND, 53))
            resolver.send(b"question")
            _, where = name_server.recvfrom(100)
            name_server.sendto(b"answer", where)
            assert resolver.recv(100) == b"answer"
        with listener(world, 5353, socket.SOCK_DGRAM):
            asking.sendto(b"x", (World.HOST, 5353))
            asking.sendto(b"", (World.HOST, 5354))
            notes = tap.notes(2)
    assert [(note["port"], note["protocol"], note["marks"]) for note in notes] == [(5353, 17, OPEN | DATA), (5354, 17, 0)]


def test_a_banned_source_gets_nothing_through_and_is_free_again_afterwards(world):
    tap = world.tapped()
    with listener(world, 8080):
        assert knock(world, 8080) == 0
        tap.done("ban", World.BEYOND, "drop", 600000)
        assert knock(world, 8080) == socket.errno.EAGAIN
        assert knock(world, 8080, World.HOST6) == socket.errno.ECONNREFUSED
        [ban] = tap.tell("bans")
        assert (ban["prefix"], ban["verdict"]) == (World.BEYOND, "drop") and ban["stopped"] > 0
        tap.done("unban", World.BEYOND)
        assert knock(world, 8080) == 0


# ---- what goes through the host ----

@pytest.fixture
def router(world, netns):
    """Behind the host is somebody inside, whose packets go out as the host's own or with their own address."""
    world.inner = netns()
    checked("ip", "-n", world.host, "link", "add", "eth1", "type", "veth", "peer", "name", "eth0", "netns", world.inner)
    for namespace, interface, address in ((world.host, "eth1", "10.9.0.1/24"), (world.inner, "eth0", "10.9.0.2/24")):
        checked("ip", "-n", namespace, "address", "add", address, "dev", interface)
        checked("ip", "-n", namespace, "link", "set", interface, "up")
    checked("ip", "-n", world.inner, "route", "add", "default", "via", "10.9.0.1")
    checked("ip", "-n", world.host, "route", "add", "default", "via", World.BEYOND)
    checked("ip", "-n", world.beyond, "route", "add", "10.9.0.0/24", "via", World.HOST)
    checked("ip", "netns", "exec", world.host, "sysctl", "-qw", "net.ipv4.ip_forward=1")
    return world


@pytest.mark.parametrize("translated", [False, True])
def test_answers_to_what_goes_through_the_host_are_no_questions(router, translated):
    if translated:
        checked("ip", "netns", "exec", router.host, "nft",
                "table ip n { chain c { type nat hook postrouting priority 100; oifname eth0 masquerade; }; }")
    tap = router.tapped()
    tap.done("ban", World.BEYOND, "hide", 600000)
    with inside(router.beyond):
        serving, datagrams = socket.create_server((World.BEYOND, 6379)), socket.socket(type=socket.SOCK_DGRAM)
    datagrams.bind((World.BEYOND, 5353))
    with serving, datagrams, client(router, namespace=router.inner) as asking, \
            client(router, socket.SOCK_DGRAM, namespace=router.inner) as resolver:
        asking.connect((World.BEYOND, 6379))
        served, _ = serving.accept()
        for _ in range(5):
            asking.sendall(b"x")
            assert served.recv(1) and served.send(b"y") == 1 and asking.recv(1)
        served.close()
        assert asking.recv(1) == b""
        resolver.sendto(b"question", (World.BEYOND, 5353))
        _, where = datagrams.recvfrom(100)
        datagrams.sendto(b"answer", where)
        assert resolver.recv(100) == b"answer"
        datagrams.sendto(b"x", (World.HOST, 5355))
    assert [note["port"] for note in tap.notes(1)] == [5355]
    assert tap.tell("counters")["hidden"] == 1


# ---- interfaces ----

def filters(world, side="ingress"):
    return checked("tc", "-n", world.host, "filter", "show", "dev", "eth0", side)


def qdiscs(world):
    return checked("tc", "-n", world.host, "qdisc", "show", "dev", "eth0")


def test_nothing_is_left_behind(world):
    tap = world.tapped()
    assert "minato_tap" in filters(world) and "minato_tap" in filters(world, "egress")
    assert tap.tell("attachment", "eth0") == {"tc": True, "tc_egress": True, "xdp": False, "xdp_other": False,
                                              "others": 0, "earlier": 0}
    tap.done("attach", "eth0", "tc")
    assert filters(world).count("minato_tap") == 1
    tap.done("detach", "eth0", "tc")
    tap.done("detach", "eth0", "tc")
    assert "clsact" not in qdiscs(world)
    tap.done("unload")
    tap.done("unload")
    assert not world.pins.exists()


def test_programs_of_others_stay_and_see_what_ours_lets_through(world):
    other = world.probe()
    other.place(world.bpf / "other")
    other.done("load", 0, 0, 0, 0)
    other.done("listen")
    checked("tc", "-n", world.host, "qdisc", "add", "dev", "eth0", "clsact")
    for priority, program in ((1, "egress"), (50, "ingress")):
        checked("tc", "-n", world.host, "filter", "add", "dev", "eth0", "ingress", "prio", priority, "bpf", "da", "pinned",
                world.bpf / "other" / program)
    tap = world.tapped()
    knock(world, 4444)
    assert [note["port"] for note in tap.notes()] == [4444]
    assert [note["port"] for note in other.notes()] == [4444]
    tap.done("ban", World.BEYOND, "drop", 600000)
    knock(world, 4445)
    tap.done("unban", World.BEYOND)
    knock(world, 4446)
    assert [note["port"] for note in other.notes()] == [4446]
    found = tap.tell("attachment", "eth0")
    assert (found["tc"], found["others"], found["earlier"]) == (True, 2, 1)
    tap.done("detach", "eth0", "tc")
    assert "minato_tap" not in filters(world) and filters(world).count("direct-action") == 2
    assert "clsact" in qdiscs(world)


def test_with_the_older_qdisc_it_comes_in_alone(world):
    checked("tc", "-n", world.host, "qdisc", "add", "dev", "eth0", "ingress")
    tap = world.tapped()
    knock(world, 4444)
    assert [note["port"] for note in tap.notes()] == [4444]
    assert tap.tell("attachment", "eth0")["tc_egress"] is False
    tap.done("detach", "eth0", "tc")
    assert "ingress" in qdiscs(world) and "minato_tap" not in filters(world)


@pytest.mark.parametrize("way", ["generic", "native"])
def test_xdp_drops_before_the_kernel_sees_a_packet(world, way):
    tap = world.tapped()
    tap.done("attach", "eth0", way)
    tap.done("attach", "eth0", way)
    assert tap.tell("attachment", "eth0")["xdp"] is True
    with listener(world, 8080):
        assert knock(world, 8080) == 0
        tap.done("ban", World.BEYOND, "drop", 600000)
        tap.done("detach", "eth0", "tc")
        assert knock(world, 8080) == socket.errno.EAGAIN
        tap.done("detach", "eth0", way)
        tap.done("detach", "eth0", way)
        assert tap.tell("attachment", "eth0")["xdp"] is False
        assert knock(world, 8080) == 0


def test_an_xdp_program_of_somebody_else_stays(world):
    tap, other = world.tapped(), world.probe()
    other.place(world.bpf / "other")
    other.done("load", 0, 0, 0, 0)
    other.done("attach", "eth0", "generic")
    assert tap.done("attach", "eth0", "generic")["result"] == 1
    assert tap.tell("attachment", "eth0")["xdp_other"] is True
    tap.done("detach", "eth0", "generic")
    assert other.tell("attachment", "eth0")["xdp"] is True


def test_an_interface_that_is_renamed_stays_tapped_and_one_that_goes_is_no_fault(world):
    tap = world.tapped()
    checked("ip", "-n", world.host, "link", "set", "eth0", "name", "lan0")
    assert knock(world, 4444) == socket.errno.ECONNREFUSED
    assert [note["port"] for note in tap.notes()] == [4444]
    checked("ip", "-n", world.host, "link", "del", "lan0")
    for command in ("attach", "detach"):
        assert tap.tell(command, "lan0", "tc")["result"] == -socket.errno.ENODEV
    assert tap.tell("counters")["noted"] == 1


def test_a_device_without_a_header_is_tapped_too(world):
    """Of a tunnel packets begin with IP."""
    made = run("ip", "-n", world.host, "tuntap", "add", "dev", "tun7", "mode", "tun")
    if made.returncode != 0:
        pytest.skip(f"this kernel has no tunnels: {made.stderr}")
    checked("ip", "-n", world.host, "address", "add", "10.8.0.1/24", "dev", "tun7")
    checked("ip", "-n", world.host, "link", "set", "tun7", "up")
    tap = world.tapped()
    tap.done("attach", "tun7", "tc")
    with inside(world.host):
        tunnel = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(tunnel, 0x400454ca, struct.pack("16sH22x", b"tun7", 0x1001))  # TUNSETIFF: IFF_TUN | IFF_NO_PI
    try:
        os.write(tunnel, packets.ipv4(packets.tcp(4444), source="10.8.0.2", destination="10.8.0.1"))
        os.write(tunnel, packets.ipv6(packets.udp(5353), 17, source="2001:db8::9", destination="2001:db8::1"))
    finally:
        os.close(tunnel)
    assert [(note["source"], note["port"]) for note in tap.notes(2)] == [("10.8.0.2", 4444), ("2001:db8::9", 5353)]


# ---- what outlives a process ----

def test_bans_outlive_who_made_them(world):
    tap = world.tapped()
    tap.done("never", "203.0.113.0/24")
    tap.done("ban", World.BEYOND, "slow", 600000, 5, 3)
    tap.done("ban", "2001:db8:7::/48", "hide", 600000)
    again = world.probe()
    again.done("load", 0, 0, 0, 0)
    found = {ban.pop("prefix"): ban for ban in again.tell("bans")}
    assert set(found) == {World.BEYOND, "2001:db8:7::/48"}
    assert (found[World.BEYOND]["verdict"], found[World.BEYOND]["rate"], found[World.BEYOND]["burst"]) == ("slow", 5, 3)
    assert 590000 < found[World.BEYOND]["left_ms"] <= 600000


@pytest.mark.parametrize("way", ["tc", "generic", "native"])
def test_another_versions_tap_is_replaced(world, way):
    tap = world.probe()
    tap.done("load", 0, 0, 0, 0)
    tap.done("attach", "eth0", way)
    tap.done("ban", World.BEYOND, "drop", 600000)
    tap.done("outdate")
    newer = world.probe()
    assert newer.tell("open")["result"] == -socket.errno.ENOENT
    newer.done("load", 0, 0, 0, 0)
    assert newer.tell("bans") == []
    assert knock(world, 4444) == socket.errno.EAGAIN  # the old one goes on until then
    newer.done("attach", "eth0", way)
    assert knock(world, 4444) == socket.errno.ECONNREFUSED
    found = newer.tell("attachment", "eth0")
    assert (found["tc"], found["xdp"], found["xdp_other"], found["others"]) == (way == "tc", way != "tc", False, 0)
    newer.done("detach", "eth0", way)
    newer.done("unload")
    assert not world.pins.exists() and "clsact" not in qdiscs(world)


def test_the_keepers_one_capability_is_enough_but_for_loading(world):
    world.tapped()
    keeper = world.probe(before=("setpriv", "--bounding-set=-all,+net_admin", "--inh-caps=-all,+net_admin"))
    keeper.done("open")
    keeper.done("never", "203.0.113.0/24")
    keeper.done("published", "8443", "-")
    keeper.done("watched", World.HOST, World.HOST6)
    for ban in (World.BEYOND, "192.0.2.0/24"):
        keeper.done("ban", ban, "drop", 600000)
    assert knock(world, 4444) == socket.errno.EAGAIN
    keeper.done("unban", World.BEYOND)
    assert [ban["prefix"] for ban in keeper.tell("bans")] == ["192.0.2.0/24"]
    for way in ("tc", "generic"):
        keeper.done("attach", "eth0", way)
    assert keeper.tell("attachment", "eth0")["xdp"] is True
    for way in ("tc", "generic"):
        keeper.done("detach", "eth0", way)
    assert "clsact" not in qdiscs(world)
    other = world.probe(before=("setpriv", "--bounding-set=-all,+net_admin", "--inh-caps=-all,+net_admin"))
    other.place(world.bpf / "other")
    assert other.tell("load", 0, 0, 0, 0)["result"] == -socket.errno.EPERM


def test_five_hundred_interfaces_are_attached_at_once(world):
    lines = "".join(f"link add v{n} type veth peer name w{n}\n" for n in range(250))
    checked("ip", "-n", world.host, "-batch", "-", input=lines)
    tap = world.probe()
    tap.done("load", 0, 0, 0, 0)
    names = [f"{side}{n}" for n in range(250) for side in "vw"]
    begin = time.monotonic()
    for name in names:
        tap.done("attach", name, "tc")
    print(f"{time.monotonic() - begin:.2f} s for {len(names)} interfaces")
    assert all(tap.tell("attachment", name)["tc"] for name in names[::50])
    assert time.monotonic() - begin < 20


def test_without_a_tap_it_says_so(world):
    answer = world.probe().tell("open")
    assert answer["result"] == -socket.errno.ENOENT and "no tap is loaded" in answer["error"]


def test_without_a_bpf_file_system_it_says_what_to_mount(world, tmp_path):
    probe = world.probe()
    probe.place(tmp_path / "pins")
    answer = probe.tell("load", 0, 0, 0, 0)
    assert answer["result"] == -socket.errno.ENOTTY and "mount -t bpf bpf /sys/fs/bpf" in answer["error"]
    assert not (tmp_path / "pins").exists()


def test_whoever_has_no_rights_is_refused(world):
    world.bpf.chmod(0o777)
    probe = world.probe(before=("setpriv", "--reuid", "65534", "--clear-groups"))
    assert probe.tell("load", 0, 0, 0, 0)["result"] in (-socket.errno.EPERM, -socket.errno.EACCES)


def test_a_full_table_says_so_and_keeps_what_it_has(world):
    tap = world.tapped()
    tap.done("ban_many", 65536)
    answer = tap.tell("ban", World.BEYOND, "drop", 1000)
    assert answer["result"] == -socket.errno.ENOSPC and "65536 addresses are banned" in answer["error"]
    assert len(tap.tell("bans")) == 65536


# ---- the tools themselves ----

SCANS = {"syn": ("-sS", 2), "fin": ("-sF", 1), "xmas": ("-sX", 41), "null": ("-sN", 0), "maimon": ("-sM", 17), "ack": ("-sA", 16),
         "connect": ("-sT", 2), "window": ("-sW", 16), "pieces": ("-sS -f", 2), "syn over IPv6": ("-sS -6", 2),
         "fin over IPv6": ("-sF -6", 1), "ack over IPv6": ("-sA -6", 16), "udp": ("-sU", None), "udp over IPv6": ("-sU -6", None)}


@pytest.mark.parametrize("way", ["ring", "socket"])
def test_every_port_that_nmap_asks_for_is_noted(world, way):
    if not shutil.which("nmap"):
        pytest.skip("nmap is not installed")
    tap = world.tapped() if way == "ring" else world.probe(MINATO_WITHOUT="bpf")
    if way == "socket":
        tap.done("listen", "socket")
    seen = {}
    for number, (name, (words, flags)) in enumerate(SCANS.items()):
        first = 5000 + 100 * number
        six = "-6" in words
        checked("ip", "netns", "exec", world.beyond, "nmap", "-n", "-Pn", "--send-ip", "--max-retries", "0", "-T5", *words.split(),
                f"-p{first}-{first + 9}", World.HOST6 if six else World.HOST)
        notes = [note for note in tap.notes(10, 2000) if note["source"] == (World.BEYOND6 if six else World.BEYOND)]
        seen[name] = (sorted(note["port"] - first for note in notes), {note["flags"] for note in notes})
    assert seen == {name: ([*range(10)], {flags or 0}) for name, (_, flags) in SCANS.items()}


# ---- without BPF ----

@pytest.fixture
def socket_tap(world):
    made = world.probe(MINATO_WITHOUT="bpf")
    made.done("listen", "socket")
    return made


def test_without_bpf_it_says_so(world):
    answer = world.probe(MINATO_WITHOUT="bpf").tell("load", 0, 0, 0, 0)
    assert answer["result"] == -socket.errno.EOPNOTSUPP and "MINATO_WITHOUT" in answer["error"]


def test_a_socket_makes_the_same_notes(world, socket_tap):
    assert knock(world, 4444) == socket.errno.ECONNREFUSED
    knock(world, 4444)
    assert knock(world, 4445, World.HOST6) == socket.errno.ECONNREFUSED
    notes = socket_tap.notes(2)
    assert [(note["source"], note["port"], note["flags"], note["marks"]) for note in notes] == [
        (World.BEYOND, 4444, 2, SACK), (World.BEYOND6, 4445, 2, SACK)]
    assert socket_tap.notes(1, 0) == []
    assert socket_tap.tell("counters")["suppressed"] == 1


def test_a_socket_tells_of_ports_in_use_and_not_of_what_flows(world, socket_tap):
    converse(world, 8080)
    seen = {(note["source"], note["flags"]) for note in socket_tap.notes(3)}
    assert seen >= {(World.BEYOND, 2), (World.HOST, 18)}
    assert all(flags in (2, 18, 16, 17) for _, flags in seen)
