"""The tap's programs run by the kernel on packets of every kind (BPF_PROG_TEST_RUN): no interface, no luck."""
import random
import socket

import pytest

from packets import (ACK, BEYOND, BEYOND6, FIN, HOST, HOST6, LINUX_OPTIONS, NMAP_OPTIONS, PSH, RST, SYN, URG, error4, error6,
                     ethernet, extension, fragment6, ipv4, ipv6, tcp, udp)
from tap_world import DATA, ERROR, FRAGMENT, OPEN, SACK, World
from test_tap import inside

GOES_ON, DROPPED = -1, 2


@pytest.fixture
def kernel(netns, tmp_path):
    """A tap that is attached to nothing."""
    world = World(netns, tmp_path)
    made = world.probe()
    made.done("load", 0, 0, 1, 0)  # what was asked is asked again at the next tick
    made.done("listen")
    made.world = world
    yield made
    world.close()


def run(kernel, packet, program="ingress"):
    answer = kernel.tell("run", program, packet.hex())
    assert "verdict" in answer, answer
    assert answer["same"], "the packet was changed"
    return answer["verdict"] if answer["verdict"] < 1 << 31 else answer["verdict"] - (1 << 32)


def note_of(kernel, *frames):
    """The one note that these packets make, or None."""
    for frame in frames:
        assert run(kernel, frame) == GOES_ON
    notes = kernel.notes(1, 0)
    assert len(notes) <= 1
    return notes[0] if notes else None


def test_a_note_says_what_stands_in_the_packet(kernel):
    note = note_of(kernel, ethernet(ipv4(tcp(80, options=NMAP_OPTIONS))))
    del note["age_ms"]
    assert note == {"source": BEYOND, "destination": HOST, "source_port": 40000, "port": 80, "protocol": 6, "flags": SYN,
                    "ttl": 57, "marks": 0, "option_bytes": 4, "window": 1024, "id": 54321, "sequence": 0x01020304}
    note = note_of(kernel, ethernet(ipv6(tcp(80, options=LINUX_OPTIONS, window=64240))))
    assert (note["source"], note["destination"], note["marks"], note["option_bytes"], note["window"], note["id"]) == (
        BEYOND6, HOST6, SACK, 20, 64240, 0)


KINDS = {
    "syn": (SYN, b"", True), "syn with data": (SYN, b"x", True), "syn and fin": (SYN | FIN, b"", True), "fin": (FIN, b"", True),
    "null": (0, b"", True), "xmas": (FIN | PSH | URG, b"", True), "push alone": (PSH, b"", True),
    "urgent alone": (URG, b"", True), "maimon": (FIN | ACK, b"", True), "ack": (ACK, b"", True),
    "ack with data": (ACK, b"x", False), "push and ack with data": (PSH | ACK, b"x", False),
    "rst": (RST, b"", False), "rst and ack": (RST | ACK, b"", False), "syn-ack": (SYN | ACK, b"", False),
    "ece and cwr with syn": (SYN | 0xc0, b"", True),
}


@pytest.mark.parametrize("wrap", [ipv4, ipv6])
def test_questions_are_noted_and_answers_are_not(kernel, wrap):
    made = {}
    for number, (kind, (flags, data, _)) in enumerate(KINDS.items()):
        note = note_of(kernel, ethernet(wrap(tcp(1000 + number, flags, data=data))))
        made[kind] = note and (note["flags"], note["marks"])
    assert made == {kind: (flags & 0x3f, DATA if data else 0) if noted else None
                    for kind, (flags, data, noted) in KINDS.items()}


NOTED = {
    "UDP": (ethernet(ipv4(udp(53, b"x"), 17)), 53, DATA),
    "UDP without data": (ethernet(ipv4(udp(53), 17)), 53, 0),
    "UDP over IPv6": (ethernet(ipv6(udp(53, b"x"), 17)), 53, DATA),
    "UDP of no length": (ethernet(ipv4(udp(53, length=0), 17)), 53, 0),
    "IPv4 with options": (ethernet(ipv4(tcp(81), options=bytes([7, 39] + [0] * 37 + [0]))), 81, 0),
    "IPv4 with router alert": (ethernet(ipv4(tcp(81), options=bytes([148, 4, 0, 0]))), 81, 0),
    "IPv4 with padding of Ethernet": (ethernet(ipv4(tcp(81, ACK)) + bytes(6)), 81, 0),
    "one tag": (ethernet(ipv4(tcp(81)), tags=[0x8100]), 81, 0),
    "two tags": (ethernet(ipv4(tcp(81)), tags=[0x88a8, 0x8100]), 81, 0),
    "four tags": (ethernet(ipv6(tcp(81)), tags=[0x88a8, 0x8100, 0x8100, 0x8100]), 81, 0),
    "hop-by-hop": (ethernet(ipv6(extension(6, tcp(81)), 0)), 81, 0),
    "routing": (ethernet(ipv6(extension(6, tcp(81), 24), 43)), 81, 0),
    "destination options": (ethernet(ipv6(extension(17, udp(81)), 60)), 81, 0),
    "three headers": (ethernet(ipv6(extension(43, extension(60, extension(6, tcp(81)))), 0)), 81, 0),
    "authentication": (ethernet(ipv6(bytes([6, 4]) + bytes(22) + tcp(81), 51)), 81, 0),
    "an atomic fragment": (ethernet(ipv6(fragment6(6, tcp(81)), 44)), 81, 0),
    "the first of fragments": (ethernet(ipv4(tcp(81), fragment=0x2000)), 81, FRAGMENT),
    "the first of fragments, IPv6": (ethernet(ipv6(fragment6(17, udp(81), more=True), 44)), 81, FRAGMENT),
    "options beyond the packet": (ethernet(ipv4(tcp(81, words=15))), 81, 0),
    "a jumbogram's length": (ethernet(ipv6(tcp(81), payload=0)), 81, DATA),
    "a length left to the card": (ethernet(ipv4(tcp(81), total=0)), 81, DATA),
    "an error that quotes ours": (ethernet(error4(ipv4(tcp(443), source=HOST, destination=BEYOND))), 443, ERROR),
    "an error that quotes eight bytes": (ethernet(error4(ipv4(udp(53), 17, HOST, BEYOND))), 53, ERROR),
    "time exceeded": (ethernet(error4(ipv4(udp(53), 17, HOST, BEYOND), 11, 0)), 53, ERROR),
    "an error of IPv6": (ethernet(error6(ipv6(udp(53), 17, HOST6, BEYOND6))), 53, ERROR),
}


def test_a_packet_is_read_however_it_is_wrapped(kernel):
    made = {}
    for name, (frame, _, _) in NOTED.items():
        note = note_of(kernel, frame)
        made[name] = note and (note["port"], note["marks"])
        kernel.tell("notes", 1, 20)  # a tick later it may be asked again
    assert made == {name: (port, marks) for name, (_, port, marks) in NOTED.items()}
    assert kernel.tell("counters")["malformed"] == 0


PASSED_OVER = {
    "ARP": ethernet(bytes(28), 0x0806), "five tags": ethernet(ipv4(tcp(80)), tags=[0x8100] * 5),
    "GRE": ethernet(ipv4(bytes(20), 47)), "SCTP": ethernet(ipv4(bytes(20), 132)), "ping": ethernet(ipv4(bytes([8, 0]) + bytes(30), 1)),
    "neighbour solicitation": ethernet(ipv6(bytes([135, 0]) + bytes(22), 58)),
    "a later fragment": ethernet(ipv4(tcp(80), fragment=0x2000 | 185)),
    "a later fragment of UDP": ethernet(ipv4(udp(80), 17, fragment=1)),
    "a later fragment of IPv6": ethernet(ipv6(fragment6(6, tcp(80), offset=1400), 44)),
    "no next header": ethernet(ipv6(b"", 59)),
    "an error about a ping": ethernet(error4(ipv4(bytes([8, 0, 0, 0]), 1, HOST, BEYOND))),
    "an error in fragments": ethernet(ipv4(bytes([3, 3]) + bytes(40), 1, fragment=0x2000)),
    "for another machine": b"\x02\x00\x00\x00\x00\x09" + ethernet(ipv4(tcp(80)))[6:],
    "for everybody": b"\xff" * 6 + ethernet(ipv4(udp(67), 17))[6:],
    "for a group": b"\x01\x00\x5e\x00\x00\xfb" + ethernet(ipv4(udp(5353), 17))[6:],
}


def test_what_asks_for_nothing_is_passed_over(kernel):
    assert {name: note_of(kernel, frame) for name, frame in PASSED_OVER.items()} == dict.fromkeys(PASSED_OVER)
    assert kernel.tell("counters")["malformed"] == 0


MALFORMED = {
    "another version": ethernet(ipv4(tcp(80), version=5), 0x0800), "IPv6 that says 4": ethernet(ipv6(tcp(80), version=4), 0x86dd),
    "a header of 16": ethernet(ipv4(tcp(80), words=4)), "a header beyond the packet": ethernet(ipv4(tcp(80), words=15, total=40)),
    "a total within the header": ethernet(ipv4(tcp(80), total=19)), "TCP of 15 bytes": ethernet(ipv4(tcp(80)[:15])),
    "a TCP header of 16": ethernet(ipv4(tcp(80, words=4))), "a TCP header of nothing": ethernet(ipv4(tcp(80, words=0))),
    "UDP of 7 bytes": ethernet(ipv4(udp(53)[:7], 17)), "UDP that says 7": ethernet(ipv4(udp(53, length=7), 17)),
    "cut off behind the IP header": ethernet(ipv4(tcp(80))[:20]),
    "an extension header beyond the packet": ethernet(ipv6(extension(6, b""), 0)[:44]),
    "an extension header longer than all": ethernet(ipv6(bytes([6, 255]) + bytes(6) + tcp(80), 0)),
    "nine extension headers": ethernet(ipv6(extension(0, b"") * 8 + extension(6, tcp(80)), 0)),
    "an error that quotes nothing": ethernet(error4(b"")), "an error that quotes half a header": ethernet(error4(bytes(12))),
    "an error without ports": ethernet(error4(ipv4(b"", 6, HOST, BEYOND))), "an error of four bytes": ethernet(ipv4(bytes([3, 3, 0, 0]), 1)),
    "a tag and nothing": ethernet(b"", 0x8100),
}


def test_what_contradicts_itself_is_counted_and_goes_on(kernel):
    counted = {}
    for name, frame in MALFORMED.items():
        before = kernel.tell("counters")["malformed"]
        assert note_of(kernel, frame) is None
        counted[name] = kernel.tell("counters")["malformed"] - before
    assert counted == dict.fromkeys(MALFORMED, 1)


def pieces(segment, size, ident=9):
    """As nmap -f sends it."""
    cut = [segment[i:i + size] for i in range(0, len(segment), size)]
    return [ethernet(ipv4(piece, ident=ident, fragment=(0x2000 if i + 1 < len(cut) else 0) | i * size // 8))
            for i, piece in enumerate(cut)]


def test_a_header_in_pieces_is_put_together(kernel):
    for port, (size, order) in enumerate(((8, 1), (8, -1), (16, 1), (16, -1), (24, 1), (24, -1)), 80):
        note = note_of(kernel, *pieces(tcp(port, FIN, options=NMAP_OPTIONS, data=b"data"), size, port)[::order])
        assert (note["port"], note["flags"], note["marks"], note["window"]) == (port, FIN, FRAGMENT, 1024)


def test_pieces_of_different_packets_are_no_packet(kernel):
    first, other = pieces(tcp(80), 8, 1), pieces(tcp(81, FIN), 8, 2)
    assert note_of(kernel, first[0], other[1]) is None
    assert note_of(kernel, first[1])["flags"] == SYN


def test_the_first_piece_counts(kernel):
    assert note_of(kernel, pieces(tcp(80), 8)[0], pieces(tcp(81), 8)[0]) is None
    assert note_of(kernel, pieces(tcp(80), 8)[1])["port"] == 80


def test_what_comes_twice_is_noted_once_until_its_time_is_over(kernel):
    kernel.done("load", 0, 0, 600000, 0)
    frame = ethernet(ipv4(tcp(80)))
    assert note_of(kernel, frame)
    assert note_of(kernel, frame) is None
    assert note_of(kernel, ethernet(ipv4(tcp(80, source_port=40001)))) is None
    for other in (tcp(81), tcp(80, FIN)):
        assert note_of(kernel, ethernet(ipv4(other)))
    assert note_of(kernel, ethernet(ipv4(tcp(80), source="198.51.100.8")))
    assert note_of(kernel, ethernet(ipv4(tcp(80), destination="198.51.100.2")))


def test_only_what_goes_to_the_watched_is_noted(kernel):
    kernel.done("watched", "198.51.100.0/25", HOST6)
    assert note_of(kernel, ethernet(ipv4(tcp(80))))
    assert note_of(kernel, ethernet(ipv6(tcp(80))))
    assert note_of(kernel, ethernet(ipv4(tcp(81), destination="198.51.100.128"))) is None
    assert note_of(kernel, ethernet(ipv6(tcp(81), destination="2001:db8:1::2"))) is None
    kernel.done("watched")
    assert note_of(kernel, ethernet(ipv4(tcp(82), destination="203.0.113.1")))


def test_a_published_port_is_open_without_a_socket(kernel):
    kernel.done("published", "80,8000-8001", "53")
    assert [note_of(kernel, ethernet(ipv4(tcp(port))))["marks"] for port in (80, 8001, 53)] == [OPEN, OPEN, 0]
    assert [note_of(kernel, ethernet(ipv4(udp(port), 17)))["marks"] for port in (80, 53)] == [0, OPEN]


# ---- more than can be told ----

@pytest.fixture
def slow_kernel(netns, tmp_path):
    """A tap that sends 100 notes at once and then next to none, on one CPU. In IPv4 and IPv6 alike."""
    world = World(netns, tmp_path)
    made = world.probe(before=("taskset", "-c", "0"))
    made.done("load", 1, 100, 0, 0)
    made.done("listen")
    made.world = world
    yield made
    world.close()


def forged(number, port=80):
    return ethernet(ipv4(tcp(port), source=f"203.0.{113 + number // 200}.{number % 200 + 1}"))


def test_forged_sources_do_not_push_out_one_who_scans(slow_kernel):
    for number in range(400):
        run(slow_kernel, forged(number))
    counters = slow_kernel.tell("counters")
    assert 48 <= counters["noted"] <= 52 and counters["noted"] + counters["suppressed"] == 400
    assert slow_kernel.tell("suppressed", 6, 80) == counters["suppressed"]
    assert slow_kernel.tell("suppressed", 6, 81) == slow_kernel.tell("suppressed", 17, 80) == 0
    slow_kernel.notes(400, 0)
    for port in range(1000, 1020):
        run(slow_kernel, ethernet(ipv4(tcp(port))))
    # The first packet of a source is like a forged one's.
    assert [note["port"] for note in slow_kernel.notes(20, 0)] == list(range(1001, 1020))


def test_a_source_of_ipv6_is_known_by_its_network(slow_kernel):
    for number in range(100):
        run(slow_kernel, forged(number))
    slow_kernel.notes(400, 0)
    for host in range(10):
        run(slow_kernel, ethernet(ipv6(tcp(2000 + host), source=f"2001:db8:1::{host + 1}")))
    assert [note["port"] for note in slow_kernel.notes(20, 0)] == list(range(2001, 2010))


def test_wanted_connections_do_not_push_out_closed_ports(slow_kernel):
    slow_kernel.done("published", "443", "-")
    for number in range(100):
        run(slow_kernel, forged(number, 443))
    assert 23 <= slow_kernel.tell("counters")["noted"] <= 27
    for number in range(100, 120):
        run(slow_kernel, forged(number))
    assert [note["port"] for note in slow_kernel.notes(100, 0)][-20:] == [80] * 20


def test_what_was_suppressed_is_told_when_there_is_room(slow_kernel):
    for number in range(60):
        run(slow_kernel, forged(number))
    slow_kernel.notes(400, 0)
    slow_kernel.done("load", 1000000, 100, 0, 0)
    slow_kernel.tell("notes", 1, 1)
    run(slow_kernel, forged(59))
    assert len(slow_kernel.notes(1, 0)) == 1


def test_a_full_ring_is_counted(netns, tmp_path):
    world = World(netns, tmp_path)
    try:
        tap = world.probe()
        tap.done("load", 0, 0, 0, 4096)
        tap.done("listen")
        for port in range(100):
            run(tap, ethernet(ipv4(tcp(1000 + port))))
        counters = tap.tell("counters")
        assert counters["noted"] + counters["lost"] == 100 and counters["lost"] > 0
        assert [note["port"] for note in tap.notes(100, 0)] == list(range(1000, 1000 + counters["noted"]))
        # With room again what was lost is told when it comes again.
        run(tap, ethernet(ipv4(tcp(1000))))
        run(tap, ethernet(ipv4(tcp(1099))))
        assert [note["port"] for note in tap.notes(1, 0)] == [1099]
    finally:
        world.close()


# ---- bans ----

def xdp(kernel, frame):
    return {1: "drop", 2: "pass"}[run(kernel, frame, "xdp")]


BANNED = [
    ("198.51.100.7", ethernet(ipv4(tcp(80)))), ("198.51.100.0/24", ethernet(ipv4(udp(80), 17))),
    ("0.0.0.0/1", ethernet(ipv4(tcp(80), source="1.2.3.4"))), (BEYOND6, ethernet(ipv6(tcp(80)))),
    ("2001:db8::/32", ethernet(ipv6(extension(6, tcp(80)), 0))), ("198.51.100.7", ethernet(ipv4(tcp(80)), tags=[0x8100])),
    ("198.51.100.7", ethernet(ipv4(tcp(80, ACK, data=b"x")))), ("198.51.100.7", ethernet(ipv4(tcp(80), fragment=100))),
    ("198.51.100.7", ethernet(ipv4(bytes(20), 47))), ("198.51.100.7", ethernet(ipv4(bytes([8, 0, 0, 0]), 1))),
]


def test_everything_of_a_banned_source_is_dropped(kernel):
    for prefix, frame in BANNED:
        assert (run(kernel, frame), xdp(kernel, frame)) == (GOES_ON, "pass")
        kernel.done("ban", prefix, "drop", 600000)
        assert (run(kernel, frame), xdp(kernel, frame)) == (DROPPED, "drop")
        [ban] = kernel.tell("bans")
        assert (ban["prefix"], ban["stopped"]) == (prefix, 2)
        kernel.done("unban", prefix)
        assert (run(kernel, frame), xdp(kernel, frame)) == (GOES_ON, "pass")


def test_that_a_source_was_free_holds_for_its_family_alone(kernel):
    """Who is not banned is remembered until the next ban; IPv6 can carry what looks like an address of IPv4 in our tables."""
    kernel.done("ban", "198.51.100.0/24", "drop", 600000)
    assert run(kernel, ethernet(ipv6(tcp(80), source=f"::ffff:{BEYOND}"))) == GOES_ON
    assert run(kernel, ethernet(ipv4(tcp(80)))) == DROPPED
    kernel.done("unban", "198.51.100.0/24")
    assert run(kernel, ethernet(ipv4(tcp(80)))) == GOES_ON
    kernel.done("ban", "198.51.100.0/25", "drop", 600000)
    assert run(kernel, ethernet(ipv4(tcp(80)))) == DROPPED


def test_others_are_not_dropped(kernel):
    # Of IPv6 also what begins as IPv4 does in our tables.
    for prefix in ("198.51.100.8", "198.51.100.8/29", "2001:db8:1::8", "::/3", "::ffff:0:0/96"):
        kernel.done("ban", prefix, "drop", 600000)
    for frame in (ethernet(ipv4(tcp(80))), ethernet(ipv6(tcp(80)))):
        assert (run(kernel, frame), xdp(kernel, frame)) == (GOES_ON, "pass")


def test_a_ban_ends_by_itself(kernel):
    kernel.done("ban", BEYOND, "drop", 0)
    kernel.tell("notes", 1, 20)  # a tick later
    assert run(kernel, ethernet(ipv4(tcp(80)))) == GOES_ON
    assert [ban["prefix"] for ban in kernel.tell("bans")] == [BEYOND]
    assert [ban["prefix"] for ban in kernel.tell("expire")] == [BEYOND]
    assert kernel.tell("bans") == [] and kernel.tell("expire") == []


@pytest.mark.parametrize("verdict", ["drop", "hide", "slow"])
def test_never_wins_over_every_ban(kernel, verdict):
    rate = (1, 1) if verdict == "slow" else ()
    four, six = ethernet(ipv4(tcp(80))), ethernet(ipv6(tcp(80)))
    for prefix in (BEYOND, "198.51.100.0/24", "0.0.0.0/0"):
        kernel.done("never", "198.51.100.7/32", "2001:db8::/32")
        kernel.done("ban", prefix, verdict, 600000, *rate)
        kernel.done("ban", BEYOND6, verdict, 600000, *rate)
        before = kernel.tell("counters")["spared"]
        for frame in (four, six, four, six):
            assert (run(kernel, frame), xdp(kernel, frame)) == (GOES_ON, "pass")
        assert kernel.tell("counters")["spared"] == before + 8
        kernel.done("never", "::/0")
        assert DROPPED in (run(kernel, four), run(kernel, four))
        kernel.done("unban", prefix)


def test_a_new_list_of_the_never_banned_holds_for_bans_that_dropped_before(kernel):
    frame = ethernet(ipv4(tcp(80)))
    kernel.done("ban", BEYOND, "drop", 600000)
    for listed, said in (((), DROPPED), (("198.51.100.0/24",), GOES_ON), (("203.0.113.1",), DROPPED), ((BEYOND,), GOES_ON)):
        kernel.done("never", *listed)
        assert [run(kernel, frame), run(kernel, frame)] == [said, said]
    kernel.done("ban", BEYOND, "drop", 600000)
    assert run(kernel, frame) == GOES_ON


def test_a_single_ban_goes_before_that_of_its_network(kernel):
    kernel.done("ban", "198.51.100.0/24", "drop", 600000)
    kernel.done("ban", BEYOND, "slow", 600000, 1, 100)
    assert run(kernel, ethernet(ipv4(tcp(80)))) == GOES_ON
    assert run(kernel, ethernet(ipv4(tcp(80), source="198.51.100.8"))) == DROPPED


def test_hide_drops_what_goes_to_closed_ports_alone(kernel):
    with inside(kernel.world.host), socket.socket() as tcp_open, socket.socket(type=socket.SOCK_DGRAM) as udp_open:
        tcp_open.bind(("0.0.0.0", 8080))
        tcp_open.listen()
        udp_open.bind(("0.0.0.0", 5353))
        kernel.done("published", "9090", "-")
        kernel.done("ban", BEYOND, "hide", 600000)
        for flags in (SYN, FIN, 0, ACK, RST, SYN | ACK):
            assert run(kernel, ethernet(ipv4(tcp(8081, flags)))) == DROPPED
            assert run(kernel, ethernet(ipv4(tcp(9090, flags)))) == GOES_ON
        assert run(kernel, ethernet(ipv4(tcp(8080)))) == GOES_ON
        assert run(kernel, ethernet(ipv4(udp(5353), 17))) == GOES_ON
        assert run(kernel, ethernet(ipv4(udp(5354), 17))) == DROPPED
        assert run(kernel, ethernet(ipv4(bytes([8, 0]) + bytes(20), 1))) == GOES_ON
        assert run(kernel, ethernet(ipv4(tcp(8081), source="198.51.100.8"))) == GOES_ON
        assert xdp(kernel, ethernet(ipv4(tcp(8081)))) == "pass"
    # The incident goes on: what was hidden is noted all the same.
    assert {note["port"] for note in kernel.notes(9, 0)} >= {8080, 8081, 9090, 5353, 5354}
    assert kernel.tell("counters")["hidden"] == 7


def test_slow_lets_through_what_its_rate_allows(kernel):
    kernel.done("ban", BEYOND, "slow", 600000, 1, 5)
    said = [run(kernel, ethernet(ipv4(tcp(80, ACK, data=b"x")))) for _ in range(20)]
    assert said[:5] == [GOES_ON] * 5 and said[5:].count(DROPPED) >= 14
    assert kernel.tell("bans")[0]["stopped"] == kernel.tell("counters")["slowed"] == said.count(DROPPED)
    assert xdp(kernel, ethernet(ipv4(tcp(80)))) == "pass"


# ---- bytes of no kind ----

SOUND = [*(frame for frame, _, _ in NOTED.values()), *PASSED_OVER.values(), *MALFORMED.values()]


def test_packets_with_any_faults_pass_unchanged(kernel):
    chance = random.Random(4)
    kernel.done("ban", "203.0.113.9", "drop", 600000)
    for _ in range(6000):
        frame = bytearray(chance.choice(SOUND))
        for _ in range(chance.randrange(4)):
            frame[chance.randrange(12, len(frame))] = chance.choice((0, 1, 4, 6, 17, 44, 58, 255, chance.randrange(256)))
        frame = frame[:max(14, chance.randrange(14, 2 * len(frame)))]
        answer = kernel.tell("run", "ingress", bytes(frame).hex())
        if "verdict" in answer:  # the kernel refuses to make some of them
            assert answer["same"] and answer["verdict"] in (GOES_ON, GOES_ON + (1 << 32))
    for note in kernel.notes(6000, 0):
        assert note["protocol"] in (6, 17) and note["marks"] <= 31


def test_every_prefix_of_a_packet_is_read(kernel):
    for whole in (ethernet(ipv4(tcp(80, options=LINUX_OPTIONS), options=bytes(8))),
                  ethernet(ipv6(extension(60, extension(6, tcp(80, options=LINUX_OPTIONS))), 0)),
                  ethernet(error4(ipv4(tcp(443), source=HOST, destination=BEYOND)), tags=[0x8100])):
        for length in range(14, len(whole)):
            for program in ("ingress", "egress", "xdp"):
                answer = kernel.tell("run", program, whole[:length].hex())
                assert answer.get("same", True)
