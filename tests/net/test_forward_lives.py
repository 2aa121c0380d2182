"""forward: connections that a router passes on and that lose their permission while they live, on the real kernel."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from daemon import until
from world import World, alive, checked, container, ended, inside, run, wait_until_up

INNER, INNER6 = "10.78.0.2", "2001:db8:78::2"
YEAR = time.localtime().tm_year + 1


class Router(World):
    """outside (10.77.0.2 ...) -- host eth0, lan0 (10.78.0.1) -- inner (10.78.0.2); nothing in it tracks connections."""

    def __init__(self):
        super().__init__()
        self.inner = self.host + "i"
        checked("ip", "netns", "add", self.inner)
        checked("ip", "-n", self.inner, "link", "set", "lo", "up")
        checked("ip", "link", "add", "lan0", "netns", self.host, "type", "veth", "peer", "name", "eth0", "netns", self.inner)
        self.address(self.host, "lan0", "10.78.0.1/24", "2001:db8:78::1/64")
        self.address(self.inner, "eth0", f"{INNER}/24", f"{INNER6}/64")
        wait_until_up((self.host, "lan0"), (self.inner, "eth0"))
        for setting in ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"):
            checked("ip", "netns", "exec", self.host, "sysctl", "-qw", setting)
        checked("ip", "-n", self.inner, "route", "add", "default", "via", "10.78.0.1")
        checked("ip", "-n", self.inner, "-6", "route", "add", "default", "via", "2001:db8:78::1")
        checked("ip", "-n", self.outside, "route", "add", "10.78.0.0/24", "via", self.HOST)
        checked("ip", "-n", self.outside, "-6", "route", "add", "2001:db8:78::/64", "via", self.HOST6)

    def remove(self):
        super().remove()
        run("ip", "netns", "del", self.inner)

    def pair(self, server, port, source=World.FRIEND):
        """A connection from the outside to the inner side, and its end there."""
        client = self.through(port, source)
        assert client, source
        accepted, _ = server.accept()
        self.sockets.append(accepted)
        return client, accepted

    def through(self, port, source):
        """A connection from the outside to the inner side, or None."""
        if ":" in source:
            for namespace in (self.host, self.outside, self.inner):  # a new link takes a moment
                until(lambda where=namespace: not checked("ip", "-n", where, "-6", "addr", "show", "tentative"), "IPv6")
        return self.connect(port, source, INNER6 if ":" in source else INNER, 0.5)

    def datagrams(self, source, port):
        def make():
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            client.settimeout(0.5)
            client.bind((source, 0))
            client.connect((INNER, port))
            return client

        with inside(self.outside) as call:
            client = call(make)
        self.sockets.append(client)
        return client

    def tracked(self):
        """How many connections the kernel knows."""
        return int(checked("ip", "netns", "exec", self.host, "sysctl", "-n", "net.netfilter.nf_conntrack_count"))


@pytest.fixture
def router():
    made = Router()
    yield made
    made.remove()


def policy(*ways, defaults="forward: drop"):
    return "minato: 1\nforward:\n" + "".join(f"  {way}\n" for way in ways) + f"defaults: {{{defaults}}}\n"


def way(name, port, source, more=""):
    return f"{name}: {{port: {port}, for: x, owner: o, from: {source}{more}}}"


def answered(client):
    client.send(b"x")
    try:
        return client.recv(16) == b"x"
    except TimeoutError:
        return False


# ---- cut ----

@pytest.mark.parametrize("friend, other", [(World.FRIEND, World.OTHER), (World.FRIEND6, World.OTHER6)])
def test_who_is_permitted_goes_on_and_the_other_is_reset(router, friend, other):
    server = router.listen(7000, namespace=router.inner)
    router.hold(policy(way("site", "7000/tcp", "any")))
    stays, goes = router.pair(server, 7000, friend), router.pair(server, 7000, other)
    router.hold(policy(way("site", "7000/tcp", f"\"{friend}\"")))
    assert alive(*stays) and alive(*goes), "without cut: nobody is cut"
    router.hold(policy(way("site", "7000/tcp", f"\"{friend}\"", ", cut: yes")))
    assert alive(*stays)
    assert ended(*goes)
    assert alive(*stays)


def test_where_it_goes_is_asked_too(router):
    router.address(router.inner, "eth0", "10.78.0.3/24")
    server = router.listen(7000, namespace=router.inner)
    router.hold(policy(way("site", "7000/tcp", "any")))
    stays = router.pair(server, 7000)
    goes = router.connect(7000, World.FRIEND, "10.78.0.3"), server.accept()[0]
    router.sockets.append(goes[1])
    router.hold(policy(way("site", "7000/tcp", "any", f", to: {INNER}, cut: yes")))
    assert alive(*stays)
    assert ended(*goes)


def test_another_way_out_ends_it(router):
    server = router.listen(7000, namespace=router.inner)
    router.hold(policy(way("site", "7000/tcp", "any", ", out: lan0, cut: yes")))
    pair = router.pair(server, 7000)
    router.hold(policy(way("site", "7000/tcp", "any", ", interface: eth0, out: lan0, cut: yes")))
    assert alive(*pair)
    router.hold(policy(way("site", "7000/tcp", "any", ", out: eth0, cut: yes")))
    assert ended(*pair)


def test_a_declaration_that_is_gone_ends_by_the_defaults(router):
    """Neither this host's own connections, in both directions, nor others that are declared are touched."""
    server, own = router.listen(7000, namespace=router.inner), router.listen(22)
    second = router.listen(7001, namespace=router.inner)
    far = router.listen(7000, namespace=router.outside)
    ssh = "ports:\n  ssh: {port: 22/tcp, for: x, owner: o, from: any}\n"
    both = way("site", "7000/tcp", "any"), way("more", "7001/tcp", "any")
    router.hold(policy(*both) + ssh)
    goes, stays = router.pair(server, 7000), router.pair(second, 7001)
    came = router.connect(22), own.accept()[0]
    with inside(router.host) as call:
        out = call(lambda: socket.create_connection((World.FRIEND, 7000), 1))
    taken = far.accept()[0]
    router.sockets += [came[1], out, taken]
    router.hold(policy(both[1]) + ssh)
    assert alive(*goes)
    router.hold(policy(both[1], defaults="forward: drop, cut: yes") + ssh, "--even-if-it-cuts-me")
    assert ended(*goes)
    assert alive(*stays) and alive(*came) and alive(taken, out)


def test_the_same_port_of_this_host_is_another_matter(router):
    inner, own = router.listen(7000, namespace=router.inner), router.listen(7000)
    ports = "ports:\n  own: {port: 7000/tcp, for: x, owner: o, from: %s, cut: yes}\n"
    router.hold(policy(way("site", "7000/tcp", "any", ", cut: yes")) + ports % "any")
    through = router.pair(inner, 7000)
    came = router.connect(7000), own.accept()[0]
    router.sockets.append(came[1])
    router.hold(policy(way("site", "7000/tcp", "any", ", cut: yes")) + ports % World.OTHER, "--even-if-it-cuts-me")
    assert alive(*through)
    assert ended(*came)
    router.hold(policy(way("site", "7000/tcp", World.OTHER, ", cut: yes")) + ports % "any")
    came = router.connect(7000), own.accept()[0]
    router.sockets.append(came[1])
    assert alive(*came)
    assert ended(*through)


def test_datagrams_of_an_exchange_end_too(router):
    router.listen(53, "udp", "0.0.0.0", router.inner)
    router.hold(policy(way("dns", "53/udp", "any")))
    client = router.datagrams(World.OTHER, 53)
    assert answered(client) and answered(client)
    router.hold(policy(way("dns", "53/udp", World.FRIEND)))
    assert answered(client), "the exchange goes on"
    router.hold(policy(way("dns", "53/udp", World.FRIEND, ", cut: yes")))
    assert not answered(client)


def test_what_only_observes_cuts_nothing(router):
    server = router.listen(7000, namespace=router.inner)
    router.hold(policy(way("site", "7000/tcp", "any")))
    pair = router.pair(server, 7000)
    router.hold(policy(way("site", "7000/tcp", World.OTHER, ", cut: yes, mode: observe")))
    assert alive(*pair)


def test_the_plan_names_who_is_cut_and_who_stays(router):
    servers = {port: router.listen(port, namespace=router.inner) for port in (7000, 7001, 7002)}
    router.hold(policy(*(way(name, f"{port}/tcp", "any") for name, port in (("a", 7000), ("b", 7001), ("c", 7002)))))
    for port, server in servers.items():
        for source in (World.FRIEND, World.OTHER):
            router.pair(server, port, source)
    router.declare(policy(way("a", "7000/tcp", World.FRIEND, ", cut: yes"), way("b", "7001/tcp", "any", f", to: {World.HOST}"),
                          way("c", "7002/tcp", "any", ", interface: eth0, out: lan0, cut: yes")))
    done = router.minato("plan")
    assert "1 live connection is cut for good as soon as these rules are tried:\n" \
           f"    7000/tcp a from {World.OTHER} to {INNER}, passed on\n" in done.stdout, done.stdout + done.stderr
    assert "2 live connections stay until they end, but could not come in again:\n" in done.stdout
    assert f"    7001/tcp b from {World.FRIEND} to {INNER}, passed on\n" in done.stdout
    assert f"a (接続元 {World.OTHER}) ({INNER} への中継)" in router.minato("plan", LANGUAGE="ja").stdout
    told = json.loads(router.minato("plan", "--json").stdout)["connections_not_let_in_again"]
    assert {(each["direction"], each["port"], each["remote_address"], each["target_address"], each["cut"]) for each in told} == {
        ("forward", 7000, World.OTHER, INNER, True), ("forward", 7001, World.OTHER, INNER, False),
        ("forward", 7001, World.FRIEND, INNER, False)}


def test_the_plan_asks_the_routes_which_interfaces_it_uses(router):
    server = router.listen(7000, namespace=router.inner)
    router.hold(policy(way("a", "7000/tcp", "any")))
    router.pair(server, 7000)
    for more, named in ((", interface: lan0", 1), (", out: eth0", 1), (", interface: eth0, out: lan0", 0)):
        router.declare(policy(way("a", "7000/tcp", "any", more)))
        assert len(json.loads(router.minato("plan", "--json").stdout)["connections_not_let_in_again"]) == named, more


def test_whom_never_cut_names_keeps_what_passes_through(router):
    server = router.listen(7000, namespace=router.inner)
    never = f"never_cut: [{World.OTHER}]\n"
    router.hold(policy(way("a", "7000/tcp", "any")) + never)
    pair = router.pair(server, 7000, World.OTHER)
    done = router.apply(policy(way("a", "7000/tcp", World.FRIEND, ", cut: yes")) + never, "--unproven", code=1)
    assert "somebody whom never_cut: names would be cut" in done.stderr
    router.hold(policy(way("a", "7000/tcp", World.FRIEND)) + never)
    assert alive(*pair)


# ---- until ----

def test_its_last_day_ends_what_lives_on_it(router):
    server = router.listen(7000, namespace=router.inner)
    router.listen(53, "udp", "0.0.0.0", router.inner)
    router.hold(policy(way("guest", "[7000/tcp, 53/udp]", "any", f", until: {YEAR}-01-01")))
    pair, client = router.pair(server, 7000), router.datagrams(World.FRIEND, 53)
    assert answered(client) and answered(client) and alive(*pair)
    # The kernel takes these elements out by itself at the end of that day.
    router.nft("delete element inet minato g1-fwd-until-guest { ipv4, ipv6 }")
    assert ended(*pair)
    assert not answered(client)


def test_what_lives_by_another_declaration_stays_behind_a_last_day(router):
    server = router.listen(7000, namespace=router.inner)
    router.hold(policy(way("site", "7000/tcp", World.FRIEND), way("guest", "7000/tcp", World.OTHER, f", until: {YEAR}-01-01"),
                       way("way", "7000/tcp", World.OTHER6, f", to: \"{INNER6}\", until: {YEAR}-01-01")))
    stays = router.pair(server, 7000, World.FRIEND)
    goes = router.pair(server, 7000, World.OTHER), router.pair(server, 7000, World.OTHER6)
    for name in ("guest", "way"):
        router.nft(f"delete element inet minato g1-fwd-until-{name} {{ ipv4, ipv6 }}")
    for each in goes:
        assert ended(*each)
    assert alive(*stays)


def test_the_same_holds_for_ports_of_this_host(router):
    server = router.listen(22)
    router.hold("minato: 1\nports:\n"
                f"  ssh: {{port: 22/tcp, for: x, owner: o, from: {World.FRIEND}}}\n"
                f"  guest: {{port: 22/tcp, for: x, owner: o, from: {World.OTHER}, until: {YEAR}-01-01}}\n")
    pairs = []
    for source in (World.FRIEND, World.OTHER):
        pairs.append((router.connect(22, source), server.accept()[0]))
        router.sockets.append(pairs[-1][1])
    router.nft("delete element inet minato g1-until-guest { ipv4, ipv6 }")
    assert ended(*pairs[1])
    assert alive(*pairs[0])


# ---- counting ----

def counted(router, *words):
    rows = json.loads(router.minato(*words, "--json").stdout)["refused"]
    return {(r["direction"], r["source"], r["protocol"], r["port"]): r["packet_count"] for r in rows}


def test_who_is_not_passed_on_is_counted_apart(router):
    server = router.listen(7000, namespace=router.inner)
    router.hold(policy(way("site", "7000/tcp", World.FRIEND)))
    assert router.minato("refused").stdout == "nobody was refused\n"
    assert router.pair(server, 7000)
    assert not router.through(7000, World.OTHER) and not router.through(7001, World.OTHER6)
    assert not router.connect(7000, World.OTHER)
    router.pings(INNER)  # has no port, and so does not fill the sets
    assert counted(router, "refused") == {("forward", World.OTHER, "tcp", 7000): 1, ("forward", World.OTHER6, "tcp", 7001): 1,
                                          ("inbound", World.OTHER, "tcp", 7000): 1}
    assert f"7000/tcp  of others, from {World.OTHER}" in router.minato("refused").stdout
    assert f"(中継) {World.OTHER} から" in router.minato("refused", LANGUAGE="ja").stdout
    elements = json.loads(router.nft("-j", "list", "map", "inet", "minato", "g1-fwd-tcp"))["nftables"][-1]["map"]["elem"]
    assert elements[0][0]["elem"]["counter"]["packets"] == 2, "who asked for it, also in vain"


def test_observing_passes_on_and_tells_what_enforcing_would_refuse(router):
    servers = {port: router.listen(port, namespace=router.inner) for port in (7000, 7001)}
    text = policy(way("site", "7000/tcp", World.FRIEND), defaults="forward: drop, mode: observe")
    router.apply(text, "--unproven")
    assert router.confirmed() == 1, "nobody can be cut off by looking"
    for port, source in ((7000, World.FRIEND), (7000, World.OTHER), (7001, World.OTHER6)):
        router.pair(servers[port], port, source)
    expected = {("forward", World.OTHER, "tcp", 7000): 1, ("forward", World.OTHER6, "tcp", 7001): 1}
    assert counted(router, "refused", "--would") == counted(router, "plan", "--would-block", "7d") == expected
    assert counted(router, "refused") == {}


def test_one_way_may_be_observed_alone(router):
    server = router.listen(7000, namespace=router.inner)
    router.hold(policy(way("site", "7000/tcp", World.FRIEND, ", mode: observe")))
    assert router.pair(server, 7000, World.OTHER) and not router.through(7001, World.FRIEND)
    assert counted(router, "plan", "--would-block", "7d") == {("forward", World.OTHER, "tcp", 7000): 1}
    assert counted(router, "refused") == {("forward", World.FRIEND, "tcp", 7001): 1}


def test_the_store_knows_what_was_not_passed_on(router):
    server = router.listen(7000, namespace=router.inner)
    router.hold(policy(way("site", "7000/tcp", World.FRIEND)))
    daemon = router.daemon(environment={**os.environ, "MINATO_COUNT_SECONDS": "1"})

    def told(kind):
        return {(e["address"], e["port"], e["protocol"], e["count"]) for e in daemon.ask(f"/v1/events?kind={kind}")["events"]}

    try:
        daemon.start()
        until(lambda: daemon.status()["rules"]["confirmed"] == 1, "the keeper")
        begun = time.monotonic()
        until(lambda: time.monotonic() > begun + 1.5, "its first reading, which counts as told")
        lives = router.pair(server, 7000)
        assert not router.through(7000, World.OTHER) and not router.connect(7000, World.OTHER)
        until(lambda: told("forward_refused") == {(World.OTHER, 7000, "tcp", 1)}, "what was refused")
        until(lambda: told("forward_passed") == {(None, 7000, "tcp", 1)}, "what passed")
        until(lambda: told("refused") == {(World.OTHER, 7000, "tcp", 1)}, "what was refused at this host")
        assert not told("let_in")
        router.nft("flush", "ruleset")
        until(lambda: daemon.status()["rules"]["restored"] == 1, "the rules are back")
        assert alive(*lives), "the kernel still knows it"
        assert counted(router, "refused", "--state-directory", daemon.state) == {
            ("forward", World.OTHER, "tcp", 7000): 1, ("inbound", World.OTHER, "tcp", 7000): 1}
    finally:
        daemon.remove()


# ---- what lives before the first rules; nothing tracked it ----

@contextlib.contextmanager
def talking(*pairs):
    """Bytes go from the second to the first of each pair all the time: the one who did not begin speaks."""
    stop = threading.Event()

    def talk():
        while not stop.wait(0.05):
            for listens, speaks in pairs:
                with contextlib.suppress(OSError):  # it may be cut
                    speaks.send(b".")
                    listens.settimeout(1.5)
                    listens.recv(16)

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def first(router, text, *words, seconds=1):
    """The first rules, after having watched that long."""
    assert router.tracked() == 0, "nothing may track yet"
    router.declare(text)
    done = router.minato("apply", "--unproven", *words, MINATO_WATCH_SECONDS=str(seconds))
    assert done.returncode == 0, done.stderr
    return done.stdout


def speaks_first(listens, speaks):
    """Whether what is sent by the one who did not begin arrives, without a word of the other."""
    speaks.sendall(b"news")
    listens.settimeout(1.5)
    try:
        return listens.recv(4) == b"news"
    except TimeoutError:
        return False


@pytest.mark.parametrize("source", [World.FRIEND, World.FRIEND6])
def test_what_moves_before_the_first_rules_goes_on(router, source):
    server = router.listen(7000, namespace=router.inner)
    pair = router.pair(server, 7000, source)
    with talking(pair):
        told = first(router, policy(way("more", "7001/tcp", "any")))
        assert "For 1 s the kernel watches what passes through this host" in told
        assert router.candidate() == 1
    router.nft("delete element inet minato g1-fwd-grace { ipv4, ipv6 }")
    assert alive(*pair) and speaks_first(*pair)
    assert router.through(7000, source) is None, "a new one is not declared"


def test_an_exchange_of_datagrams_goes_on(router):
    router.listen(53, "udp", "0.0.0.0", router.inner)
    known, silent = router.datagrams(World.FRIEND, 53), router.datagrams(World.OTHER, 53)
    assert answered(known) and answered(silent)
    stop = threading.Event()
    thread = threading.Thread(target=lambda: [answered(known) for _ in iter(lambda: stop.wait(0.1), True)])
    thread.start()
    try:
        first(router, policy(way("more", "7001/tcp", "any")))
    finally:
        stop.set()
        thread.join()
    assert answered(known)
    assert not answered(silent), "it looks like a new one"


def test_what_is_silent_is_borne_with_for_a_while(router):
    server = router.listen(7000, namespace=router.inner)
    pairs = [router.pair(server, 7000, source) for source in (World.FRIEND, World.FRIEND6, World.OTHER)]
    first(router, policy(way("more", "7001/tcp", "any")), seconds=0)
    assert speaks_first(*pairs[0]) and speaks_first(*pairs[1])
    assert all(alive(*pair) for pair in pairs[:2])
    assert router.through(7000, World.OTHER) is None and router.through(7000, World.FRIEND6) is None
    router.nft("delete element inet minato g1-fwd-grace { ipv4, ipv6 }")
    assert not speaks_first(*pairs[2]), "later it is asked as a new one"
    assert all(alive(*pair) for pair in pairs[:2])


def test_the_next_rules_bear_with_it_for_the_rest_of_the_time(router):
    server = router.listen(7000, namespace=router.inner)
    pair = router.pair(server, 7000)
    router.hold(policy(way("more", "7001/tcp", "any")))
    router.hold(policy(way("more", "7002/tcp", "any")))
    elements = json.loads(router.nft("-j", "list", "set", "inet", "minato", "g2-fwd-grace"))["nftables"][-1]["set"]["elem"]
    assert all(7200 < each["elem"]["timeout"] < 7350 for each in elements) and len(elements) == 2
    assert speaks_first(*pair)


def test_the_first_rules_know_who_began_and_cut_only_what_is_not_declared(router):
    servers = {port: router.listen(port, namespace=router.inner) for port in (7000, 7001)}
    stays, goes = router.pair(servers[7000], 7000), router.pair(servers[7001], 7001)
    router.listen(53, "udp", "0.0.0.0", router.inner)
    with talking(stays, goes):
        first(router, policy(way("site", "7000/tcp", World.FRIEND), defaults="forward: drop, cut: yes"))
        assert "fwd-grace" not in router.nft("list", "table", "inet", "minato"), "whoever speaks first would be taken for a new one"
    assert alive(*stays) and speaks_first(*stays)
    assert ended(*goes)


def test_whoever_is_killed_while_watching_has_changed_nothing(router):
    server = router.listen(7000, namespace=router.inner)
    router.declare(policy(way("more", "7001/tcp", "any")))
    process = subprocess.Popen(router.words("apply", "--unproven"), env=router.environment(MINATO_WATCH_SECONDS="60"),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
    router.processes.append(process)
    until(lambda: "g1-fwd" in router.nft("list", "ruleset"), "the rules are loaded")
    assert router.candidate() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert router.candidate() is None and router.confirmed() is None
    router.pair(server, 7000)
    done = router.apply(None, "--unproven")
    assert router.candidate() == 2, done.stdout
    assert "g1-" not in router.nft("list", "ruleset")


def test_where_nothing_is_passed_on_nobody_waits(router):
    for setting in ("net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0"):
        checked("ip", "netns", "exec", router.host, "sysctl", "-qw", setting)
    assert "watches" not in first(router, policy(way("more", "7001/tcp", "any")), seconds=60)


def test_what_began_outside_is_not_taken_for_what_the_inner_side_may_ask_for(router):
    server = router.listen(22, namespace=router.inner)
    far = router.listen(443, namespace=router.outside)
    goes = router.pair(server, 22)
    with inside(router.inner) as call:
        asked = call(lambda: socket.create_connection((World.FRIEND, 443), 1))
    stays = asked, far.accept()[0]
    router.sockets += stays
    with talking(goes, stays):
        first(router, policy("surf: {for: x, owner: o, from: any, interface: lan0, out: eth0}", defaults="forward: drop, cut: yes"))
    assert alive(*stays) and speaks_first(*stays)
    assert ended(*goes)


# ---- published ports of containers ----

def test_the_last_day_of_a_published_port_ends_what_lives_on_it(router):
    with container(router, 6379) as inner:
        server = router.listen(6379, address="0.0.0.0", namespace=inner)
        router.hold(f"minato: 1\nports:\n  redis: {{port: 6379/tcp, for: x, owner: o, from: any, until: {YEAR}-01-01}}\n"
                    "defaults: {forward: drop, cut: yes}\n")
        pair = router.connect(6379), server.accept()[0]
        router.sockets.append(pair[1])
        assert alive(*pair), "it is one of this host, and not one that is passed on"
        router.nft("delete element inet minato g1-until-redis { ipv4, ipv6 }")
        assert ended(*pair)


# ---- what a helper of conntrack expects ----

def test_what_is_expected_has_to_be_declared(router):
    """As active FTP does: a connection to 21 announces one back to 7000. An expectation of nft stands for the helper."""
    control, data = router.listen(21, namespace=router.inner), router.listen(7000, namespace=router.outside)
    router.nft("table ip helper { ct expectation data { protocol tcp; dport 7000; timeout 1m; size 8; l3proto ip; }; chain f { "
               "type filter hook prerouting priority -105; tcp dport 21 ct state new ct expectation set data; }; "
               "chain met { type filter hook prerouting priority -150; ct state related ct status expected counter; }; }")

    def back():
        def make():
            try:
                return socket.create_connection((World.FRIEND, 7000), 0.5)
            except TimeoutError:
                return None

        with inside(router.inner) as call:
            made = call(make)
        if made:
            router.sockets += [made, data.accept()[0]]
        return made is not None

    def expected():
        rules = json.loads(router.nft("-j", "list", "chain", "ip", "helper", "met"))["nftables"]
        return rules[-1]["rule"]["expr"][-1]["counter"]["packets"]

    ftp, other = way("ftp", "21/tcp", "any"), way("data", "7000/tcp", "any")
    for text, passes in (("minato: 1\ndefaults: {inbound: accept}\n", True), (policy(ftp), False), (policy(ftp, other), True),
                         ("minato: 1\nports:\n  a: {port: 80/tcp, for: x, owner: o, from: any}\n", True)):
        router.hold(text)
        before = expected()
        router.pair(control, 21)
        assert back() == passes, text
        assert expected() == before + 1, "it was expected"
