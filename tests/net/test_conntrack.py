"""Live connections against the first ruleset that uses `ct`: seeded they flow, unseeded they stall."""
import ctypes
import json
import os
import resource
import select
import socket
import subprocess
import sys
import threading
import time

import pytest

from world import BUILD, checked, run, wait_until_up

CONNTRACK_PROBE = BUILD / "tests" / "net" / "conntrack-probe"
CLONE_NEWNET = 0x40000000
HOST = {4: "192.0.2.1", 6: "2001:db8::1"}
PEER = {4: "192.0.2.2", 6: "2001:db8::2"}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
PORT = 4000
LOOPBACK = 1
ESTABLISHED, CLOSE_WAIT, TIME_WAIT = 3, 5, 7
FIN_WAIT2 = 5  # of a socket (include/net/tcp_states.h); those above are of an entry
SEEN_REPLY, ASSURED, CONFIRMED = 2, 4, 8
SACK, CLOSE_INIT, LIBERAL = 2, 4, 8
EPERM, ENOENT, ENOSPC, EOPNOTSUPP = -1, -2, -28, -95
UNPRIVILEGED = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all"]
# Neighbour discovery is ICMPv6 and not tracked: it has to be let through by itself.
RULES = """
table inet filter {
    counter dropped { }
    chain in {
        type filter hook input priority 0; policy accept;
        meta l4proto ipv6-icmp accept
        ct state established,related accept
        MORE
        counter name dropped drop
    }
    chain out {
        type filter hook output priority 0; policy accept;
        meta l4proto ipv6-icmp accept
        ct state established,related accept
        counter name dropped drop
    }
}
"""
families = pytest.mark.parametrize("family", [4, 6])
directions = pytest.mark.parametrize("inbound", [True, False], ids=["inbound", "outbound"])
kinds = pytest.mark.parametrize("kind", ["tcp", "udp"])


def inside(netns, function):
    """Runs the function in a thread that entered the namespace; sockets stay where they were made."""
    outcome = []

    def work():
        with open(f"/run/netns/{netns}", "rb") as file:
            entered = ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET)
        assert entered == 0
        outcome.append(function())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return outcome[0]


class World:
    """A host and a peer, joined by a wire; conntrack of the host is idle."""

    def __init__(self, host, peer):
        self.host, self.peer = host, peer
        checked("ip", "-n", host, "link", "add", "wire", "index", "20", "type", "veth", "peer", "name", "wire", "netns", peer)
        for netns, addresses in ((host, HOST), (peer, PEER)):
            checked("ip", "-n", netns, "address", "add", f"{addresses[4]}/24", "dev", "wire")
            checked("ip", "-n", netns, "address", "add", f"{addresses[6]}/64", "dev", "wire", "nodad")
            checked("ip", "-n", netns, "link", "set", "wire", "up")
        wait_until_up((host, "wire"), (peer, "wire"))
        self.sockets = []

    def probe(self, *words, before=(), without=""):
        done = run("ip", "netns", "exec", self.host, *before, CONNTRACK_PROBE, *words,
                   env={**os.environ, "MINATO_WITHOUT": without})
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def enforce(self, more=""):
        """more = a rule of the input chain in front of the drop."""
        checked("ip", "netns", "exec", self.host, "nft", "-f", "-", input=RULES.replace("MORE", more))

    def dropped(self):
        seen = json.loads(checked("ip", "netns", "exec", self.host, "nft", "-j", "list", "counters"))
        return sum(row["counter"]["packets"] for row in seen["nftables"] if "counter" in row)

    def until_dropped(self, more_than):
        """Waits for the rule's own count, so that nothing is concluded from mere silence."""
        end = time.monotonic() + 30
        while self.dropped() <= more_than:
            assert time.monotonic() < end, "nothing was dropped"
            time.sleep(0.02)

    def keep(self, *sockets):
        self.sockets += sockets
        for one in sockets:
            one.settimeout(30)
        return sockets

    def tcp(self, family, inbound, port=PORT, dual=False):
        """@return the host's end and the peer's end."""
        called, caller = (self.host, self.peer) if inbound else (self.peer, self.host)
        address = (HOST if inbound else PEER)[family]

        def listen():
            if dual:
                return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
            return socket.create_server((address, port), family=FAMILY[family])

        with inside(called, listen) as listener:
            mine = inside(caller, lambda: socket.create_connection((address, port)))
            other, _ = listener.accept()
        return self.keep(other, mine) if inbound else self.keep(mine, other)

    def udp(self, family, inbound):
        """Both ends connected; who is called has the low port."""

        def bound(netns, address, port):
            def make():
                one = socket.socket(FAMILY[family], socket.SOCK_DGRAM)
                one.bind((address, port))
                return one
            return inside(netns, make)

        host = bound(self.host, HOST[family], PORT if inbound else 0)
        peer = bound(self.peer, PEER[family], 0 if inbound else PORT)
        host.connect(peer.getsockname()[:2])
        peer.connect(host.getsockname()[:2])
        return self.keep(host, peer)

    def pair(self, kind, family, inbound):
        host, peer = self.tcp(family, inbound) if kind == "tcp" else self.udp(family, inbound)
        passes(host, peer)
        passes(peer, host)
        return host, peer


@pytest.fixture
def world(netns):
    one = World(netns(), netns())
    yield one
    for each in one.sockets:
        each.close()


def passes(sender, receiver, text=b"hello"):
    sender.sendall(text)
    assert receiver.recv(1000) == text


def is_silent(receiver):
    return not select.select([receiver], [], [], 0)[0]


def streams(sender, receiver, length=8 << 20):
    """Enough for windows to open beyond what their unscaled numbers say."""
    thread = threading.Thread(target=sender.sendall, args=(bytes(length),))
    thread.start()
    taken = 0
    while taken < length:
        part = receiver.recv(1 << 20)
        assert part
        taken += len(part)
    thread.join()


@pytest.mark.parametrize("host_first", [True, False], ids=["host-first", "peer-first"])
@directions
@families
@kinds
def test_seeded_connection_flows_on(world, kind, family, inbound, host_first):
    host, peer = world.pair(kind, family, inbound)
    seeded = world.probe("seed", 0)
    assert (seeded["r"], seeded["created"], seeded["failed"]) == (0, 1, 0), seeded
    world.enforce()
    first, second = (host, peer) if host_first else (peer, host)
    passes(first, second)
    passes(second, first)
    if kind == "tcp":
        streams(first, second)
        streams(second, first)
    assert world.dropped() == 0


@pytest.mark.parametrize("host_first", [True, False], ids=["host-first", "peer-first"])
@directions
@families
@kinds
def test_unseeded_connection_stalls(world, kind, family, inbound, host_first):
    host, peer = world.pair(kind, family, inbound)
    world.enforce()
    first, second = (host, peer) if host_first else (peer, host)
    try:
        first.sendall(b"hello")
    except PermissionError:
        assert kind == "udp" and host_first  # what the output hook drops, send() tells
    world.until_dropped(0)
    assert is_silent(second)


@families
def test_entry_is_the_one_that_the_kernel_would_have(world, family):
    called, caller = world.tcp(family, True)
    mine, _ = world.tcp(family, False)
    world.probe("seed", 0)
    rows = world.probe("dump", family)
    assert world.probe("dump", 10 - family) == []
    ends = {}
    for row in rows:
        assert row["reply"] == row["original"][::-1]
        assert (row["protocol"], row["tcp_state"]) == (6, ESTABLISHED)
        assert row["status"] == SEEN_REPLY | ASSURED | CONFIRMED
        assert row["flags_original"] == row["flags_reply"] == SACK | LIBERAL
        assert 431000 < row["timeout"] <= 432000
        ends[row["original"][1]] = row["original"][0]

    def text(address):
        return f"{address[0]}:{address[1]}" if family == 4 else f"[{address[0]}]:{address[1]}"

    assert ends == {text(called.getsockname()): text(caller.getsockname()),
                    text(mine.getpeername()): text(mine.getsockname())}


def test_ipv4_connection_of_an_ipv6_socket_is_seeded_as_ipv4(world):
    host, peer = world.tcp(4, True, dual=True)
    assert host.family == socket.AF_INET6
    assert world.probe("seed", 0)["created"] == 1
    world.enforce()
    passes(peer, host)
    passes(host, peer)
    assert world.dropped() == 0


@families
def test_new_connection_is_dropped_when_others_are_seeded(world, family):
    world.pair("tcp", family, True)
    listener, = world.keep(inside(world.host, lambda: socket.create_server((HOST[family], PORT + 1), family=FAMILY[family])))
    world.probe("seed", 0)
    world.enforce()
    assert world.dropped() == 0

    def begin():
        one = socket.socket(FAMILY[family])
        one.setblocking(False)
        one.connect_ex((HOST[family], PORT + 1))
        return one

    stranger = inside(world.peer, begin)
    with stranger:
        world.until_dropped(0)
        assert is_silent(listener)
        assert not select.select([], [stranger], [], 0)[1]


def wait_for_state(connection, state):
    end = time.monotonic() + 5
    while connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != state:
        assert time.monotonic() < end, "the connection does not come to that state"
        time.sleep(0.001)


@pytest.mark.parametrize("host_closes", [True, False], ids=["host-closes", "peer-closes"])
@families
def test_half_closed_connection_is_finished_in_peace(world, family, host_closes):
    host, peer = world.tcp(family, True)
    closer, other = (host, peer) if host_closes else (peer, host)
    closer.shutdown(socket.SHUT_WR)
    assert other.recv(1) == b""
    wait_for_state(closer, FIN_WAIT2)  # the other's answer may take 40 ms
    assert world.probe("seed", 0)["created"] == 1
    (row,) = world.probe("dump", family)
    assert row["tcp_state"] == CLOSE_WAIT
    assert sorted([row["flags_original"], row["flags_reply"]]) == [SACK | LIBERAL, SACK | LIBERAL | CLOSE_INIT]
    world.enforce()
    streams(other, closer, 1 << 20)
    other.close()
    assert closer.recv(1) == b""
    assert world.dropped() == 0


@pytest.mark.parametrize("allowed", [True, False], ids=["allowed", "refused"])
def test_entry_of_a_closed_connection_is_no_way_in(world, allowed):
    """A caller that uses its port again meets an entry in TIME_WAIT, but is a new connection to the rules."""
    with inside(world.host, lambda: socket.create_server((HOST[4], PORT))) as listener:
        def call():
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((PEER[4], 2000))
            one.setblocking(False)
            one.connect_ex((HOST[4], PORT))
            return one

        first, = world.keep(inside(world.peer, call))
        accepted, _ = listener.accept()
        accepted.shutdown(socket.SHUT_WR)
        assert first.recv(1) == b""
        first.close()
        assert accepted.recv(1) == b""
        accepted.close()
        world.probe("seed", 0)
        (row,) = world.probe("dump", 0)
        assert row["tcp_state"] == TIME_WAIT
        world.enforce(f"tcp dport {PORT} ct state new accept" if allowed else "")
        again, = world.keep(inside(world.peer, call))
        if allowed:
            other, = world.keep(listener.accept()[0])
            passes(again, other)
            assert world.dropped() == 0
        else:
            world.until_dropped(0)
            assert is_silent(listener)


def test_entries_outlive_the_rules_that_made_the_kernel_track(world):
    """What the design rests on: nothing is tracked before a rule says `ct`, and entries stay when none does."""
    host, peer = world.pair("tcp", 4, True)
    assert world.probe("count") == 0
    world.probe("seed", 0)
    passes(host, peer)
    world.enforce()
    passes(host, peer)
    (tracked,) = world.probe("dump", 0)
    checked("ip", "netns", "exec", world.host, "nft", "flush", "ruleset")
    world.tcp(4, True, PORT + 1)
    (left,) = world.probe("dump", 0)
    assert left["id"] == tracked["id"]
    passes(peer, host)
    world.enforce()
    passes(peer, host)
    assert world.dropped() == 0


def test_seeding_again_leaves_entries_alone(world):
    world.pair("tcp", 4, True)
    world.pair("udp", 6, False)
    assert world.probe("seed", 0)["created"] == 2
    before = [(row["original"], row["id"], row["status"]) for row in world.probe("dump", 0)]
    again = world.probe("seed", 0)
    assert (again["r"], again["created"], again["existing"], again["failed"]) == (0, 0, 2, 0)
    after = [(row["original"], row["id"], row["status"]) for row in world.probe("dump", 0)]
    assert sorted(before) == sorted(after) and len(after) == 2


def test_loopback_is_left_out_unless_asked_for(world):
    def talk():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            mine = socket.create_connection(listener.getsockname())
            other, _ = listener.accept()
            return mine, other

    world.keep(*inside(world.host, talk))
    left = world.probe("seed", 0)
    assert (left["created"], left["loopback"]) == (0, 2)
    taken = world.probe("seed", LOOPBACK)
    assert (taken["created"], taken["existing"], taken["failed"]) == (1, 1, 0)


@families
def test_deleted_entry_is_no_longer_established(world, family):
    host, peer = world.pair("tcp", family, True)
    world.probe("seed", 0)
    world.enforce()
    passes(peer, host)
    assert world.probe("delete", PORT) == {"r": 0, "deleted": 1}
    assert world.probe("count") == 0
    peer.sendall(b"more")
    world.until_dropped(0)
    assert is_silent(host)


def test_entry_is_deleted_by_its_id_and_once(world):
    world.pair("tcp", 4, True)
    world.pair("udp", 4, False)
    world.probe("seed", 0)
    assert world.probe("delete-first", PORT) == {"r": 0, "other_id": ENOENT, "first": 0, "second": ENOENT}
    assert world.probe("count") == 1


def test_deleting_what_matches_leaves_the_rest(world):
    world.tcp(4, True, PORT)
    world.tcp(6, True, PORT)
    world.tcp(4, True, PORT + 1)
    world.probe("seed", 0)
    assert world.probe("delete", PORT) == {"r": 0, "deleted": 2}
    (row,) = world.probe("dump", 0)
    assert row["original"][1] == f"{HOST[4]}:{PORT + 1}"


def test_twenty_thousand_connections_are_seeded(world):
    """Real ones, held by two processes on either side, because a process has no more descriptors."""
    each = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 100, 10000)
    code = f"""
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({each} + 100, {each} + 100))
port = int(sys.argv[2])
if sys.argv[1] == "host":
    with socket.create_server(("{HOST[4]}", port), backlog=4096) as listener:
        print("ready", flush=True)
        held = [listener.accept()[0] for _ in range({each})]
else:
    held = [socket.create_connection(("{HOST[4]}", port)) for _ in range({each})]
print("ready", flush=True)
sys.stdin.read()
"""
    children = []

    def start(netns, side, port):
        child = subprocess.Popen(["ip", "netns", "exec", netns, sys.executable, "-c", code, side, str(port)],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        children.append(child)
        return child

    try:
        for port in (PORT, PORT + 1):
            host = start(world.host, "host", port)
            assert host.stdout.readline() == "ready\n"
            assert start(world.peer, "peer", port).stdout.readline() == "ready\n"
            assert host.stdout.readline() == "ready\n"
        seeded = world.probe("seed", 0)
        assert (seeded["r"], seeded["created"], seeded["failed"]) == (0, 2 * each, 0)
        assert world.probe("count") == 2 * each
        again = world.probe("seed", 0)
        assert (again["created"], again["existing"]) == (0, 2 * each)
        assert world.probe("delete", PORT)["deleted"] == each
    finally:
        for child in children:
            child.stdin.close()
            child.wait(timeout=60)


def test_answers_that_are_lost_are_asked_for_again(world):
    """The receive buffer is made as small as it gets behind the library's back."""
    seeded = world.probe("synthetic", 5000, 1)
    assert (seeded["r"], seeded["created"], seeded["failed"]) == (0, 5000, 0)
    assert world.probe("count") == 5000
    again = world.probe("synthetic", 5000, 1)
    assert (again["r"], again["created"] + again["existing"], again["failed"]) == (0, 5000, 0)
    assert world.probe("delete", 443) == {"r": 0, "deleted": 5000}


def test_full_table_is_said(world):
    most = world.probe("look")["max"]
    if not 0 < most < 350000:
        pytest.skip(f"filling a table of {most} entries would take too much memory")
    seeded = world.probe("synthetic", most + 5000, 0)
    assert seeded["r"] == ENOSPC and "nf_conntrack_max" in seeded["error"]
    assert abs(seeded["created"] - most) < 10 and 0 < seeded["failed"] <= 256
    full = world.probe("look")
    assert full["check"] == ENOSPC and "nf_conntrack_max" in full["error"]
    assert world.probe("delete", 0)["deleted"] == seeded["created"]


def test_kernel_without_conntrack_is_said(world):
    seen = world.probe("look", without="bpf,conntrack")
    assert (seen["available"], seen["check"]) == (False, EOPNOTSUPP)
    assert "cannot track connections" in seen["error"]
    assert world.probe("seed", 0, without="conntrack")["r"] == EOPNOTSUPP


def test_state_is_read_with_and_without_rights(world):
    world.pair("tcp", 4, True)
    world.probe("seed", 0)
    for before in ([], UNPRIVILEGED):
        seen = world.probe("look", before=before)
        assert (seen["available"], seen["count_known"], seen["count"], seen["check"]) == (True, True, 1, 0)
        assert seen["max"] > 0


def test_whether_something_tracks_is_told(world):
    seen = world.probe("look")
    if not seen["active_known"]:
        pytest.skip("this kernel does not tell its hooks (CONFIG_NETFILTER_NETLINK_HOOK)")
    assert not seen["active"]
    world.enforce()
    assert world.probe("look")["active"]


def test_missing_rights_are_said(world):
    for words in (["dump", 0], ["synthetic", 3, 0]):
        refused = world.probe(*words, before=UNPRIVILEGED)
        assert refused["r"] == EPERM and "CAP_NET_ADMIN" in refused["error"]
    assert world.probe("count") == 0


def test_dump_that_was_asked_for_is_read_without_rights(world):
    world.probe("synthetic", 3000, 0)
    assert world.probe("count-without-rights") == {"entries": 3000, "refused": EPERM}
