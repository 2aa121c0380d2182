"""cut: connections that lose their permission end, on the real kernel; the others go on."""
import json
import socket
import time

import pytest

from world import World, alive, container, ended, inside

LOCK_OUT = "--even-if-it-cuts-me"  # this test serves the connections, and so is a login to minato


@pytest.fixture
def world():
    made = World()
    yield made
    made.remove()


def policy(source, more="", defaults=""):
    return (f"minato: 1\nports:\n  ssh: {{port: 22/tcp, for: administration, owner: o, from: {source}{more}}}\n"
            f"{defaults}")


def pair(world, server, port, source):
    client = world.connect(port, source, timeout=5)  # a new link takes a moment to find its neighbours
    assert client, source
    accepted, _ = server.accept()
    world.sockets.append(accepted)
    return client, accepted


@pytest.mark.parametrize("friend, other", [(World.FRIEND, World.OTHER), (World.FRIEND6, World.OTHER6)])
def test_who_is_permitted_goes_on_and_the_other_is_reset(world, friend, other):
    server = world.listen(22)
    world.hold(policy("any"))
    stays, goes = pair(world, server, 22, friend), pair(world, server, 22, other)
    world.hold(policy(f"\"{friend}\"", ", cut: yes"), LOCK_OUT)
    assert alive(*stays)
    assert ended(*goes)
    assert alive(*stays)
    assert not world.connect(22, other)


def test_without_it_nobody_is_cut(world):
    server = world.listen(22)
    world.hold(policy("any"))
    stays, goes = pair(world, server, 22, world.FRIEND), pair(world, server, 22, world.OTHER)
    world.hold(policy(world.FRIEND), LOCK_OUT)
    assert alive(*stays) and alive(*goes)


def test_what_is_tried_cuts_and_does_not_give_back(world):
    server = world.listen(22)
    world.hold(policy("any"))
    goes = pair(world, server, 22, world.OTHER)
    world.apply(policy(world.FRIEND, ", cut: yes"), "--unproven", LOCK_OUT)
    assert world.candidate() == 2
    assert ended(*goes)
    assert world.minato("rollback").returncode == 0
    assert world.connect(22, world.OTHER)


def test_it_ends_with_its_last_day_and_for_others_at_once(world):
    server = world.listen(22)
    year = time.localtime().tm_year + 1
    world.hold(policy("any"))
    stays, goes = pair(world, server, 22, world.FRIEND), pair(world, server, 22, world.OTHER)
    world.hold(policy(world.FRIEND, f", until: {year}-01-01, cut: yes"), LOCK_OUT)
    assert alive(*stays)
    assert ended(*goes)
    # The kernel takes these elements out by itself at the end of that day.
    world.nft("delete element inet minato g2-until-ssh { ipv4, ipv6 }")
    assert ended(*stays)


def test_a_declaration_that_is_gone_ends_by_the_defaults(world):
    """Neither the connections that this host makes nor loopback are touched."""
    server = world.listen(22)
    world.hold(policy("any"))
    goes = pair(world, server, 22, world.OTHER)
    far = world.listen(7000, namespace=world.outside)
    with inside(world.host) as call:
        out = call(lambda: socket.create_connection((world.FRIEND, 7000), 1))
        inner = call(lambda: socket.create_connection(("127.0.0.1", 22), 1))
    taken, kept = far.accept()[0], server.accept()[0]
    world.sockets += [out, taken, inner, kept]
    world.hold("minato: 1\ndefaults: {cut: no}\n", LOCK_OUT)
    assert alive(*goes)
    world.hold("minato: 1\ndefaults: {cut: yes}\n", LOCK_OUT)
    assert ended(*goes)
    assert alive(taken, out), "a connection of this host"
    assert alive(inner, kept), "loopback"


def test_a_declared_port_is_kept_out_of_the_defaults(world):
    server = world.listen(22)
    world.hold(policy("any"))
    stays = pair(world, server, 22, world.OTHER)
    world.hold(policy(world.FRIEND, ", cut: no", "defaults: {cut: yes}\n"), LOCK_OUT)
    assert alive(*stays)


def test_what_only_observes_cuts_nothing(world):
    server = world.listen(22)
    world.hold(policy("any"))
    stays = pair(world, server, 22, world.OTHER)
    world.hold(policy(world.FRIEND, ", cut: yes, mode: observe"), LOCK_OUT)
    assert alive(*stays)


def test_datagrams_of_an_exchange_end_too(world):
    world.listen(53, "udp")
    text = "minato: 1\nports:\n  dns: {port: 53/udp, for: names, owner: o, from: %s}\n"
    world.hold(text % "any")

    def make():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.settimeout(0.5)
        client.bind((World.OTHER, 0))
        client.connect((World.HOST, 53))
        return client

    with inside(world.outside) as call:
        client = call(make)
    world.sockets.append(client)

    def answered():
        client.send(b"x")
        try:
            return client.recv(16) == b"x"
        except TimeoutError:
            return False

    assert answered() and answered()
    world.hold(text % world.FRIEND)
    assert answered(), "the exchange goes on"
    world.hold(text % f"{world.FRIEND}, cut: yes")
    assert not answered()


def test_published_ports_of_containers_are_cut_too(world):
    text = "minato: 1\nports:\n  redis: {port: 6379/tcp, for: cache, owner: o, from: %s}\n"
    with container(world, 6379) as inner:
        server = world.listen(6379, address="0.0.0.0", namespace=inner)
        world.hold(text % "any")
        stays, goes = pair(world, server, 6379, world.FRIEND), pair(world, server, 6379, world.OTHER)
        world.declare(text % f"{world.FRIEND}, cut: yes")
        told = json.loads(world.minato("plan", "--json").stdout)["connections_not_let_in_again"]
        assert [(each["service"], each["remote_address"], each["cut"]) for each in told] == \
            [("redis", world.OTHER, True)], "it has no socket of this host, and is named all the same"
        world.hold(text % f"{world.FRIEND}, cut: yes")
        assert alive(*stays)
        assert ended(*goes)


def test_the_plan_names_who_stays_and_who_is_cut(world):
    servers = {port: world.listen(port) for port in (22, 80)}
    both = "minato: 1\nports:\n  ssh: {port: 22/tcp, for: x, owner: o, from: %s}\n" \
           "  web: {port: 80/tcp, for: y, owner: o, from: %s}\n"
    world.hold(both % ("any", "any"))
    for port, server in servers.items():
        pair(world, server, port, world.OTHER)
    world.declare(both % (f"{world.FRIEND}, cut: yes", world.FRIEND))
    told = world.minato("plan").stdout
    assert "1 live connection is cut for good as soon as these rules are tried:\n" \
           f"    22/tcp ssh from {world.OTHER}" in told
    assert f"1 live connection stays until it ends, but could not come in again:\n    80/tcp web from {world.OTHER}" in told
    assert "live connections of others are cut" in told
    plan = json.loads(world.minato("plan", "--json").stdout)
    assert {each["service"]: each["cut"] for each in plan["connections_not_let_in_again"]} == {"ssh": True, "web": False}
    assert {each["declaration"]: each["cut_after"] for each in plan["changes"]} == {"ssh": True, "web": False}
    assert "切断され、元には戻りません" in world.minato("plan", LANGUAGE="ja").stdout
    done = world.apply(code=1)
    assert "the login that you type this in would be cut" in done.stderr
    world.declare(both % (world.FRIEND, world.FRIEND))
    done = world.apply(code=1)
    assert "the login that you type this in could not come in again" in done.stderr


def test_turning_it_on_is_a_change_that_wants_to_be_confirmed(world):
    world.listen(22)
    world.hold(policy(world.FRIEND))
    done = world.minato("plan")
    assert done.returncode == 0
    world.apply(policy(world.FRIEND, ", cut: yes"), "--unproven")
    assert world.candidate() == 2 and world.confirmed() == 1
    assert world.minato("rollback").returncode == 0
    world.hold(policy(world.FRIEND, ", cut: yes"))
    world.apply(policy(world.FRIEND), "--unproven")  # off again: nobody loses anything
    assert world.candidate() is None


def test_the_first_rules_know_who_began(world):
    """Conntrack slept until now: what this host asked for is not taken for something that came in."""
    server, far = world.listen(22), world.listen(7000, namespace=world.outside)
    goes = pair(world, server, 22, world.OTHER)
    with inside(world.host) as call:
        out = call(lambda: socket.create_connection((world.FRIEND, 7000), 1))
    taken, _ = far.accept()
    world.sockets += [out, taken]
    world.hold("minato: 1\ndefaults: {cut: yes}\n", LOCK_OUT)
    assert alive(taken, out)
    assert ended(*goes)
