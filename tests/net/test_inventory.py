"""Who holds which port: the inventory against sockets that the test opens itself."""
import array
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys
import time

import pytest

from observed import ALL_NETNS, CONNECTIONS, COUNTS, DETAILS, OWNERS, PACKAGES, PROBE, inventory, listeners
from world import checked, run

ALONE = "looks at the whole host"
OWNED, NONE, HIDDEN = 1, 2, 3
PINNED, BPF, PROC = 1, 2, 3
NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65533", "--clear-groups", "--inh-caps=-all"]
STRANGER = ["setpriv", "--reuid", "65534", "--regid", "65532", "--clear-groups", "--inh-caps=-all"]
# "proc" because on a small host /proc is quicker than loading a program, and so comes first.
ways = pytest.mark.parametrize("without,source", [("proc", BPF), ("bpf", PROC), ("btf", PROC), ("iterator", PROC)])


@pytest.fixture
def tcp():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(7)
        yield s


@pytest.fixture
def port(tcp):
    return tcp.getsockname()[1]


def child_in(netns, code):
    """Runs Python inside a namespace; it prints one line when it is ready and waits for its input to end."""
    child = subprocess.Popen(["ip", "netns", "exec", netns, sys.executable, "-c",
                              "import socket, sys\n" + code + "\nprint('ready', flush=True)\nsys.stdin.read()"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "ready\n"
    return child


def end(child):
    child.stdin.close()
    child.wait(timeout=10)


@ways
def test_tcp_listener_has_its_owner(port, without, source):
    seen = inventory(OWNERS, without=without)
    (row,) = listeners(seen, port)
    assert (row["protocol"], row["address"], row["backlog"], row["queue"]) == ("tcp", "127.0.0.1", 7, 0)
    assert row["ownership"] == OWNED
    (owner,) = row["owners"]
    assert (owner["pid"], owner["uid"]) == (os.getpid(), os.geteuid())
    assert os.stat(f"/proc/self/fd/{owner['fd']}").st_ino == row["inode"]
    assert seen["coverage"]["source"] == source


@ways
def test_udp_listener_has_its_owner_and_connected_udp_is_none(without, source):
    with socket.socket(type=socket.SOCK_DGRAM) as bound, socket.socket(type=socket.SOCK_DGRAM) as connected:
        bound.bind(("127.0.0.1", 0))
        connected.connect(bound.getsockname())
        seen = inventory(OWNERS, without=without)
        (row,) = listeners(seen, bound.getsockname()[1])
        assert row["protocol"] == "udp"
        assert [owner["pid"] for owner in row["owners"]] == [os.getpid()]
        assert listeners(seen, connected.getsockname()[1]) == []


def test_without_sock_diag_proc_net_stands_in(tcp, port):
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as six, \
            socket.socket(type=socket.SOCK_DGRAM) as udp, socket.create_connection(("127.0.0.1", port)):
        udp.bind(("127.0.0.1", 0))
        seen = inventory(OWNERS | COUNTS, without="diag")
        (row,) = listeners(seen, port)
        assert (row["address"], row["queue"], row["connections"]) == ("127.0.0.1", 1, 1)
        assert [owner["pid"] for owner in row["owners"]] == [os.getpid()]
        assert [r["address"] for r in listeners(seen, six.getsockname()[1], protocol="tcp")] == ["::1"]
        assert len(listeners(seen, udp.getsockname()[1], protocol="udp")) == 1


def test_both_ways_see_the_same(port):
    def facts(seen):
        return [(r["protocol"], r["address"], r["port"], r["inode"], [(o["pid"], o["fd"]) for o in r["owners"]])
                for r in seen["listeners"]]
    assert facts(inventory(OWNERS | ALL_NETNS, without="proc")) == facts(inventory(OWNERS | ALL_NETNS, without="bpf"))


def test_without_any_way_owners_are_hidden(port):
    seen = inventory(OWNERS, without="proc,bpf")
    (row,) = listeners(seen, port)
    assert (row["owners"], row["ownership"]) == ([], HIDDEN)
    assert (seen["coverage"]["source"], seen["coverage"]["complete"]) == (0, False)


def test_v6_only_is_told():
    for only in (0, 1):
        with socket.socket(socket.AF_INET6) as s:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
            s.bind(("::", 0))
            s.listen()
            (row,) = listeners(inventory(0), s.getsockname()[1])
            assert row["v6_only"] is bool(only)


def test_waiting_connections_are_counted_in_the_queue(tcp, port):
    with socket.create_connection(("127.0.0.1", port)):
        (row,) = listeners(inventory(0), port)
        assert row["queue"] == 1


def test_reuseport_siblings_are_counted_together():
    sockets = []
    for _ in range(3):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(("127.0.0.1", sockets[0].getsockname()[1] if sockets else 0))
        s.listen()
        sockets.append(s)
    rows = listeners(inventory(OWNERS), sockets[0].getsockname()[1])
    assert [row["siblings"] for row in rows] == [3, 3, 3]
    assert len({row["inode"] for row in rows}) == 3
    for s in sockets:
        s.close()


def test_socket_bound_to_a_device_names_it():
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        s.bind(("127.0.0.1", 0))
        s.listen()
        (row,) = listeners(inventory(0), s.getsockname()[1])
        assert (row["interface"], row["interface_name"]) == (socket.if_nametoindex("lo"), "lo")


def test_mptcp_listener_is_one_row():
    try:
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    except OSError as error:
        pytest.skip(f"this kernel has no MPTCP: {error}")
    with s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        for without in ("proc", "bpf"):
            (row,) = listeners(inventory(OWNERS, without=without), s.getsockname()[1])
            assert row["protocol"] == "mptcp"
            assert [owner["pid"] for owner in row["owners"]] == [os.getpid()]


def test_process_with_very_many_listeners_owns_them_all(pins):
    many = [socket.create_server(("127.0.0.1", 0)) for _ in range(700)]
    ports = {s.getsockname()[1] for s in many}
    rows = [row for row in inventory(OWNERS)["listeners"] if row["port"] in ports]
    assert len(rows) == 700
    assert all([owner["pid"] for owner in row["owners"]] == [os.getpid()] for row in rows)
    # Without the right to look into /proc/PID/fd the thorough iterator tells the same.
    rows = [row for row in inventory(OWNERS, pins=pins, before=NOBODY)["listeners"] if row["port"] in ports]
    assert len(rows) == 700
    assert all([owner["pid"] for owner in row["owners"]] == [os.getpid()] for row in rows)
    for s in many:
        s.close()


def test_connections_are_counted_with_their_peers(tcp, port):
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
    for flags in (COUNTS, CONNECTIONS):
        (row,) = listeners(inventory(flags), port)
        assert (row["counted"], row["connections"], row["peers"]) == (True, 5, [["127.0.0.1", 5]])
    for s in held:
        s.close()


def test_connections_have_direction_and_owner(tcp, port):
    with socket.create_connection(("127.0.0.1", port)) as client:
        local = client.getsockname()[1]
        rows = inventory(OWNERS | CONNECTIONS)["connections"]
        (outbound,) = [row for row in rows if row["local"].endswith(f":{local}")]
        (inbound,) = [row for row in rows if row["remote"].endswith(f":{local}")]
        assert (outbound["direction"], outbound["state"], outbound["pid"]) == (2, 1, os.getpid())
        # Not accepted yet: nobody holds it.
        assert (inbound["direction"], inbound["pid"]) == (1, 0)


@pytest.mark.parametrize("without", ["proc", "bpf"])
def test_details_of_the_owner(port, without):
    before = time.time()
    (row,) = listeners(inventory(DETAILS, without=without), port)
    (owner,) = row["owners"]
    assert owner["executable"] == os.readlink("/proc/self/exe")
    assert owner["deleted"] is False
    assert owner["arguments"] == pathlib.Path("/proc/self/cmdline").read_text().rstrip("\0").replace("\0", " ").strip()
    assert owner["user"] == pwd.getpwuid(os.geteuid()).pw_name
    assert owner["parents"][0] == os.getppid()
    assert before - 3600 < owner["started"] / 1e6 <= before + 1
    started = pathlib.Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19]
    boot = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    assert abs(owner["started"] / 1e6 - boot - int(started) / os.sysconf("SC_CLK_TCK")) < 0.05


def test_replaced_executable_is_marked(tmp_path):
    copy = tmp_path / "waits"
    shutil.copy("/usr/bin/sleep", copy)
    with socket.create_server(("127.0.0.1", 0)) as s:
        child = subprocess.Popen([copy, "60"], pass_fds=[s.fileno()])
        try:
            copy.unlink()
            (row,) = listeners(inventory(DETAILS), s.getsockname()[1])
            (owner,) = [owner for owner in row["owners"] if owner["pid"] == child.pid]
            assert (owner["executable"], owner["deleted"]) == (str(copy), True)
        finally:
            child.kill()
            child.wait()


def test_inherited_socket_has_both_owners(port, tcp):
    child = subprocess.Popen(["sleep", "60"], pass_fds=[tcp.fileno()])
    try:
        (row,) = listeners(inventory(OWNERS), port)
        assert {owner["pid"] for owner in row["owners"]} == {os.getpid(), child.pid}
        assert {owner["name"] for owner in row["owners"]} >= {"sleep"}
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("without", ["proc", "bpf"])
def test_socket_in_flight_is_listed_as_ownerless(without):
    here, there = socket.socketpair(socket.AF_UNIX)
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen()
    port = s.getsockname()[1]
    here.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [s.fileno()]))])
    s.close()
    seen = inventory(OWNERS, without=without)
    (row,) = listeners(seen, port)
    assert row["owners"] == []
    assert row["ownership"] == (NONE if seen["coverage"]["complete"] else HIDDEN)
    here.close()
    there.close()


def test_other_namespace_is_listed_with_its_name(netns, netns_inode):
    name = netns()
    child = child_in(name, "s = socket.create_server(('127.0.0.1', 8080))")
    try:
        for without in ("proc", "bpf"):
            seen = inventory(OWNERS | ALL_NETNS, without=without)
            (row,) = listeners(seen, 8080, netns=netns_inode(name))
            assert [owner["pid"] for owner in row["owners"]] == [child.pid]
            assert [n["name"] for n in seen["netns"] if n["inode"] == row["netns"]] == [name]
        assert not listeners(inventory(OWNERS), 8080, netns=netns_inode(name))
    finally:
        end(child)


def test_namespace_without_a_process_is_found(netns, netns_inode):
    name = netns()
    seen = inventory(ALL_NETNS)
    assert [n["visible"] for n in seen["netns"] if n["inode"] == netns_inode(name)] == [True]


def test_the_reader_stays_in_its_namespace(netns):
    netns()
    assert inventory(ALL_NETNS)["netns"][0]["inode"] == os.stat("/proc/self/ns/net").st_ino


def test_namespace_that_may_not_be_entered_is_told(netns, netns_inode):
    name = netns()
    child = child_in(name, "s = socket.create_server(('127.0.0.1', 8081))")
    try:
        seen = inventory(OWNERS | ALL_NETNS, without="netns")
        assert seen["coverage"]["netns_hidden"] >= 1
        # The iterator has seen the socket in its owner's hand nevertheless.
        (row,) = listeners(seen, 8081, netns=netns_inode(name))
        assert [owner["pid"] for owner in row["owners"]] == [child.pid]
        assert not listeners(inventory(OWNERS | ALL_NETNS, without="netns,bpf"), 8081, netns=netns_inode(name))
    finally:
        end(child)


def test_group_reads_owners_through_the_pins(pins, port):
    seen = inventory(OWNERS, pins=pins, before=NOBODY)
    (row,) = listeners(seen, port)
    assert [owner["pid"] for owner in row["owners"]] == [os.getpid()]
    assert seen["coverage"]["source"] == PINNED


def test_pins_are_read_again_and_again(pins, port):
    for _ in range(3):
        assert listeners(inventory(OWNERS, pins=pins), port)[0]["ownership"] == OWNED


def test_strangers_do_not_read_the_pins(pins, port):
    seen = inventory(OWNERS, pins=pins, before=STRANGER)
    (row,) = listeners(seen, port)
    assert (row["owners"], row["ownership"]) == ([], HIDDEN)
    assert seen["coverage"]["source"] == PROC
    assert seen["coverage"]["complete"] is False
    assert seen["coverage"]["processes_hidden"] > 0
    assert seen["coverage"]["listeners_hidden"] >= 1


def test_unprivileged_user_sees_other_namespaces_through_the_pins(pins, netns, netns_inode):
    name = netns()
    child = child_in(name, "s = socket.create_server(('127.0.0.1', 8082))")
    try:
        seen = inventory(OWNERS | ALL_NETNS, pins=pins, before=NOBODY)
        (row,) = listeners(seen, 8082, netns=netns_inode(name))
        assert (row["address"], row["ownership"]) == ("127.0.0.1", OWNED)
        assert seen["coverage"]["netns_hidden"] >= 1
    finally:
        end(child)


def test_nothing_is_left_after_unpin(tmp_path):
    directory = tmp_path / "bpf"
    if run(PROBE, "pin", directory, 65533).returncode != 0:
        pytest.skip("this kernel takes no BPF iterators")
    assert {p.name for p in directory.iterdir()} >= {"listener_owners", "connection_owners", "process_details"}
    checked(PROBE, "unpin", directory)
    assert not os.path.ismount(directory) and not directory.exists()


def test_package_of_an_executable_is_named():
    if run("dpkg-query", "--version").returncode != 0:
        pytest.skip("packages are looked up in dpkg's lists, and this host has none")
    with socket.create_server(("127.0.0.1", 0)) as s:
        child = subprocess.Popen(["/usr/bin/sleep", "60"], pass_fds=[s.fileno()])
        try:
            (row,) = listeners(inventory(PACKAGES), s.getsockname()[1])
            packages = {owner["pid"]: owner["package"] for owner in row["owners"]}
            assert packages[child.pid] == "coreutils"
        finally:
            child.kill()
            child.wait()
