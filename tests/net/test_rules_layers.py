"""Small changes are laid over the rules that hold: packets meet what the whole policy says, and nothing piles up."""
import re

import pytest

from daemon import until
from world import World, checked

WHO = f"who: {{friend: [{World.FRIEND}, \"{World.FRIEND6}\"], other: [{World.OTHER}, \"{World.OTHER6}\"]}}\n"
SOURCES = {"friend": (World.FRIEND, World.FRIEND6), "other": (World.OTHER, World.OTHER6)}
BRAVE = ("--even-if-it-cuts-me",)  # the test itself holds both ends of its connections
PORTS = (22, 80, 2222, 8000, 8001, 8002)


@pytest.fixture
def world():
    made = World()
    for port in PORTS:
        made.listen(port)
    yield made
    made.remove()


def policy(**ports):
    """name=(ports, from[, more])"""
    lines = [f"  {name}: {{port: {values[0]}, for: x, owner: o, from: {', '.join(values[1:])}}}" for name, values in ports.items()]
    return "minato: 1\n" + WHO + "ports:\n" + "\n".join(lines) + "\n"


def check(world, **expected):
    """port_N=(names that get in)"""
    for key, names in expected.items():
        for who, addresses in SOURCES.items():
            for source in addresses:
                connected = bool(world.connect(int(key[5:]), source))
                assert connected == (who in names), f"{key} from {source}"


def layers(world):
    return re.findall(r"chain (g\d+-over-\d+) ", world.nft("list", "table", "inet", "minato"))


BASE = {"ssh": ("22/tcp", "friend"), "web": ("80/tcp", "any"), "game": ("8000-8002/tcp", "any")}


def test_packets_meet_the_whole_policy(world):
    everybody, friends = ("friend", "other"), ("friend",)
    world.hold(policy(**BASE))
    assert not layers(world)
    steps = (
        ({"guest": ("2222/tcp", "other")}, {"port_2222": ("other",)}),
        ({"web": ("80/tcp", "friend")}, {"port_80": friends, "port_2222": ("other",)}),
        ({"game": ("[8000/tcp, 8002/tcp]", "friend")}, {"port_8000": friends, "port_8001": (), "port_8002": friends}),
        ({"web": ("80/tcp", "any"), "guest": ("2222/tcp", "any")}, {"port_80": everybody, "port_2222": everybody}),
        ({"game": ("8001/tcp", "any")}, {"port_8000": (), "port_8001": everybody, "port_8002": ()}),
        ({"guest": ("2222/tcp", "friend", "until: 2099-12-31")}, {"port_2222": friends}),
    )
    now = dict(BASE)
    for number, (change, expected) in enumerate(steps, 1):
        now.update(change)
        world.hold(policy(**now), *BRAVE)
        assert len(layers(world)) == number
        check(world, port_22=friends, **expected)
    # A day that ends is asked of live connections too: that takes whole rules.
    now["guest"] = ("2222/tcp", "friend")
    world.hold(policy(**now), *BRAVE)
    assert not layers(world)
    check(world, port_22=friends, port_80=everybody, port_8000=(), port_8001=everybody, port_2222=friends)


def test_layers_are_few_and_leave_nothing_behind(world):
    world.hold(policy(**BASE))
    now = dict(BASE)
    seen = []
    for number in range(12):
        now[f"more{number}"] = (f"{9000 + number}/tcp", "friend")
        world.hold(policy(**now))
        seen.append(len(layers(world)))
    assert seen == [1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3]
    generations = {int(n) for n in re.findall(r" g(\d+)-", world.nft("list", "table", "inet", "minato"))}
    assert len(generations) == 4 and max(generations) == world.confirmed()
    check(world, port_22=("friend",), port_80=("friend", "other"), port_2222=())


def test_a_layer_that_nobody_confirms_leaves_by_itself(world):
    server = world.listen(5000)
    world.hold(policy(**BASE, five=("5000/tcp", "any")))
    client = world.connect(5000, World.OTHER)
    live, _ = server.accept()
    before = world.listing()
    world.apply(policy(**BASE, five=("5000/tcp", "friend")), "--unproven", *BRAVE)
    assert layers(world) and world.connect(5000, World.OTHER) is None and world.connect(5000)
    client.sendall(b"x")
    assert live.recv(1) == b"x", "a live connection goes on"
    world.minato("rollback")
    assert world.connect(5000, World.OTHER) and not layers(world)
    assert world.listing() == before


def test_a_layer_does_not_give_a_rate_twice(world):
    world.hold(policy(**BASE, limited=("2222/tcp", "any", "rate: 3/hour")))
    world.hold(policy(**{**BASE, "web": ("82/tcp", "any")}, limited=("[2222/tcp, 80/tcp]", "any", "rate: 3/hour")), *BRAVE)
    assert [bool(world.connect(port)) for port in (80, 80, 2222, 2222, 80)] == [True, True, True, False, False]


def test_what_another_tool_does_beneath_a_layer_is_told(world):
    world.hold(policy(**BASE))
    base = world.confirmed()
    world.hold(policy(**BASE, guest=("2222/tcp", "any")))
    world.nft("insert", "rule", "inet", "minato", f"g{base}-in", "tcp", "dport", "8001", "drop")
    done = world.minato("plan")
    assert done.returncode == 2 and "tcp dport 8001 drop" in done.stdout
    world.apply(None, "--unproven")
    assert not layers(world), "what another tool touched is not built upon"


def test_nothing_is_laid_over_what_cannot_be_compared(world):
    """The process that lists the rules was ended, and another tool changes them."""
    world.hold(policy(**BASE))
    rules = world.folder / "rules"
    until(lambda: (rules / "1.rules").exists(), "the listing is kept")
    (rules / "1.rules").unlink()
    world.nft("insert", "rule", "inet", "minato", "g1-in", "tcp", "dport", "2222", "accept")
    world.hold(policy(**BASE, guest=("9000/tcp", "any")))
    assert not layers(world)
    check(world, port_2222=(), port_22=("friend",))


def test_a_layer_is_listed_although_another_tool_is_busy(world):
    """So many rules that listing them takes longer than the next change of the packet filter comes."""
    many = {f"p{n}": (f"{10000 + 2 * n}/tcp", f"10.{n % 200}.{n // 200}.0/24") for n in range(2000)}
    rules = world.folder / "rules"
    for defaults in ("", "defaults: {outbound: reject}\n"):
        world.hold(policy(**BASE, **many) + defaults, *BRAVE)
        base = world.confirmed()
        until(lambda: (rules / f"{base}.rules").exists(), "the listing is kept")
        world.apply(policy(**BASE, **many, guest=("2222/tcp", "any, rate: 9/hour")) + defaults, "--unproven")
        world.nft("add", "table", "inet", f"foreign{base}")
        layer = world.confirmed()
        assert layer == base + 1 and layers(world) == [f"g{layer}-over-{base}"]
        until(lambda: (rules / f"{layer}.rules").exists(), "the listing is kept")
        done = world.minato("plan")
        assert done.returncode == 0, done.stdout
    world.nft("insert", "rule", "inet", "minato", f"g{layer}-in", "tcp", "dport", "8001", "drop")
    done = world.minato("plan")
    assert done.returncode == 2 and "tcp dport 8001 drop" in done.stdout


def test_lost_layers_come_back_as_whole_rules(world):
    world.hold(policy(**BASE))
    world.hold(policy(**BASE, guest=("2222/tcp", "other")))
    checked("ip", "netns", "exec", world.host, "nft", "flush", "ruleset")
    assert world.minato("restore").returncode == 0
    assert not layers(world)
    check(world, port_22=("friend",), port_2222=("other",), port_80=("friend", "other"))
    assert world.minato("plan").returncode == 0


def test_rules_beneath_a_candidate_come_back_once(world):
    """Another tool takes the way to the confirmed rules away while a layer over them is tried."""
    world.hold(policy(**BASE))
    world.hold(policy(**BASE, guest=("[2222/tcp, 9000/tcp]", "friend")))
    world.apply(policy(**BASE, guest=("9000/tcp", "friend")), "--unproven", *BRAVE)
    assert layers(world) == ["g2-over-1", "g3-over-2"]
    world.nft("flush", "map", "inet", "minato", "confirmed")
    done = world.minato("restore")
    assert done.returncode == 0, done.stderr
    assert world.confirmed() == 2 and world.candidate() is None and not layers(world)
    text = world.nft("list", "chain", "inet", "minato", "g2-in")
    assert text.count('iif "lo" accept') == 1
    check(world, port_22=("friend",), port_2222=("friend",), port_8001=("friend", "other"))
