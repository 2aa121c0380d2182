"""outbound: what this host may connect to, held in the real kernel against processes of several users."""
import json
import socket
import subprocess
import sys
import time

import pytest

from daemon import until
from world import World, alive, inside, run

NOBODY, OTHER_USER, ROOT = 65534, 4321, 0
# Words: protocol, address, port, how, seconds. Prints what became of it.
CLIENT = """
import errno, socket, struct, sys
protocol, address, port, how, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], float(sys.argv[5])
family = socket.AF_INET6 if ":" in address else socket.AF_INET
number = {"tcp": 0, "udp": 0, "mptcp": 262}[protocol]
kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
with socket.socket(family, kind, number) as client:
    client.settimeout(seconds)
    try:
        if how == "connect":
            client.connect((address, port))
            client.send(b"x")
        elif how == "fastopen":
            client.settimeout(None)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(seconds), int(seconds % 1 * 1e6)))
            client.sendto(b"x", socket.MSG_FASTOPEN, (address, port))
        else:
            client.sendto(b"x", (address, port))
        print("came" if protocol != "udp" or client.recv(16) == b"x" else "strange")
    except TimeoutError:
        print("silence")
    except OSError as e:
        print(errno.errorcode[e.errno])
"""


@pytest.fixture
def world():
    made = World()
    yield made
    made.remove()


def as_user(world, user, *words, code=CLIENT):
    done = run("ip", "netns", "exec", world.host, "setpriv", "--reuid", user, "--regid", 65534, "--clear-groups",
               sys.executable, "-I", "-S", "-c", code, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def comes(world, user, port, address=None, protocol="tcp", how="connect", wait=3):
    """What became of it. The usual wait is for a neighbour that is asked again, on a busy machine."""
    return as_user(world, user, protocol, address or world.FRIEND, port, how, wait)


def serve(world, *ports, protocol="tcp"):
    """One server for each address: an answer comes from where the question went."""
    for port in ports:
        for address in (world.FRIEND, world.OTHER, world.FRIEND6, world.OTHER6):
            world.listen(port, protocol, address, world.outside)


def outbound(text, defaults="accept"):
    """SSH for everybody, as in a real policy, and what is declared of outbound."""
    return ("minato: 1\nports:\n  ssh: {port: 22/tcp, for: administration, owner: o, from: any}\n"
            f"outbound:\n{text}\ndefaults: {{outbound: {defaults}}}\n")


MAIL = "  mail: {port: [25/tcp, 25/udp], for: mail, owner: o, program: {user: nobody}}"


def all_ways(world):
    """Every way to send to the friend: address, protocol, how."""
    for address in (world.FRIEND, world.FRIEND6, f"::ffff:{world.FRIEND}"):
        yield address, "tcp", "connect"
        yield address, "tcp", "fastopen"
        yield address, "udp", "connect"
        yield address, "udp", "sendto"


def test_a_declared_port_is_its_users_alone_by_every_way(world):
    serve(world, 25, 26)
    serve(world, 25, 26, protocol="udp")
    for address, protocol, how in all_ways(world):
        assert comes(world, OTHER_USER, 25, address, protocol, how) == "came", "before"
    world.hold(outbound(MAIL))
    for address, protocol, how in all_ways(world):
        what = (address, protocol, how)
        assert comes(world, NOBODY, 25, address, protocol, how) == "came", what
        for user in (OTHER_USER, ROOT):
            refused = comes(world, user, 25, address, protocol, how)
            assert refused not in ("came", "silence"), (what, user)
            assert comes(world, user, 26, address, protocol, how) == "came", "nobody declared it"
    assert comes(world, OTHER_USER, 25) == "ECONNREFUSED", "a program learns of it at once"


def test_the_user_is_told_by_number_too_and_mptcp_is_tcp(world):
    serve(world, 25)
    world.hold(outbound(MAIL.replace("nobody", f'"{OTHER_USER}"')))
    assert comes(world, OTHER_USER, 25) == "came"
    assert comes(world, NOBODY, 25) == "ECONNREFUSED"
    if comes(world, OTHER_USER, 25, protocol="mptcp") != "EPROTONOSUPPORT":
        assert comes(world, OTHER_USER, 25, protocol="mptcp") == "came"
        assert comes(world, NOBODY, 25, protocol="mptcp") == "ECONNREFUSED"


@pytest.mark.parametrize("verdict", ["drop", "reject"])
def test_with_such_a_default_nothing_else_goes_out(world, verdict):
    serve(world, 25, 26)
    serve(world, 25, 26, protocol="udp")
    world.hold(outbound(MAIL, verdict))
    for address, protocol, how in all_ways(world):
        assert comes(world, NOBODY, 25, address, protocol, how) == "came", (address, protocol, how)
        for user, port in ((OTHER_USER, 25), (NOBODY, 26), (ROOT, 26)):
            assert comes(world, user, port, address, protocol, how, wait=0.5) != "came"
    assert comes(world, ROOT, 26) == ("ECONNREFUSED" if verdict == "reject" else "silence")


def test_the_destination_counts_and_so_does_the_one_declaration_that_fits(world):
    serve(world, 53)
    serve(world, 53, protocol="udp")
    world.hold(outbound(
        f"  names: {{port: [53/udp, 53/tcp], for: names, owner: o, to: [{world.FRIEND}, '2001:db8:77::/124']}}\n"
        f"  special: {{port: 53/udp, for: names, owner: o, to: {world.OTHER}, program: {{user: nobody}}}}\n"
        "  tunnel: {port: 53/tcp, for: names, owner: o, to: wg}\n"
        "  link: {port: 54/tcp, for: names, owner: o, to: link}").replace(
            "outbound:\n", "who:\n  wg: {interface: wg0}\n  link: {interface: eth0}\noutbound:\n"))
    serve(world, 54)
    for how in ("connect", "sendto"):
        assert comes(world, OTHER_USER, 53, protocol="udp", how=how) == "came"
        assert comes(world, OTHER_USER, 53, world.FRIEND6, "udp", how) == "came"
        assert comes(world, OTHER_USER, 53, world.OTHER, "udp", how) != "came"
        assert comes(world, NOBODY, 53, world.OTHER, "udp", how) == "came"
    assert comes(world, OTHER_USER, 53) == "came"
    assert comes(world, NOBODY, 53, world.OTHER) == "ECONNREFUSED", "special: is of UDP alone"
    assert comes(world, OTHER_USER, 53, world.OTHER6) == "ECONNREFUSED"
    assert comes(world, OTHER_USER, 54, world.OTHER) == "came", "by the interface"


def test_loopback_and_the_hosts_own_addresses_always_pass(world):
    world.listen(25)
    world.hold(outbound(MAIL, "drop"))
    for address in ("127.0.0.1", "::1", world.HOST, world.HOST6):
        assert comes(world, OTHER_USER, 25, address) == "came", address


def test_what_a_host_needs_goes_out_though_the_default_drops(world):
    """ICMP, neighbours, and leases: those are asked from port 68 by root, also where 67 is declared."""
    world.hold(outbound("  lease: {port: 67/udp, for: x, owner: o, program: {user: nobody}}", "drop"))
    for address in (world.FRIEND, world.FRIEND6):
        run("ip", "-n", world.host, "neigh", "flush", "all")
        until(lambda: world.pings(address, world.host), "an answer")
    server = world.listen(67, "udp", namespace=world.outside)
    with inside(world.host) as call:
        client = call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    world.sockets.append(client)
    client.bind(("0.0.0.0", 68))
    client.settimeout(1)
    client.sendto(b"x", (world.FRIEND, 67))
    assert client.recv(16) == b"x", server


def test_replies_and_what_lives_go_on_however_narrow_it_is(world):
    """Conntrack sleeps before; every port is declared, so that each reply is to a declared one."""
    listener = world.listen(22)
    login = world.connect(22)
    accepted, _ = listener.accept()
    server = world.listen(7000, namespace=world.outside)
    with inside(world.host) as call:
        out = call(lambda: socket.create_connection((world.FRIEND, 7000), 1))
    taken, _ = server.accept()
    world.sockets += [accepted, out, taken]
    world.hold(outbound("  all: {port: [1-65535/tcp, 1-65535/udp], for: x, owner: o, program: {user: nobody}}",
                        "drop"), "--even-if-it-cuts-me")
    assert comes(world, ROOT, 7000) != "came"
    assert alive(login, accepted), "the login's replies"
    assert alive(taken, out), "a connection that this host made"
    again = world.connect(22)
    assert again, "a new login"
    newer, _ = listener.accept()
    world.sockets.append(newer)
    assert alive(again, newer)


def test_unconfirmed_limits_leave_by_themselves(world):
    serve(world, 25, 26)
    world.hold(outbound(MAIL))
    world.apply(outbound(MAIL.replace("nobody", f'"{OTHER_USER}"'), "reject"), "--unproven", "--timeout", "10")
    assert comes(world, OTHER_USER, 25) == "came"
    assert comes(world, NOBODY, 25) == "ECONNREFUSED" == comes(world, ROOT, 26)
    deadline = time.monotonic() + 12
    while time.monotonic() < deadline and comes(world, NOBODY, 25) != "came":
        pass
    assert comes(world, NOBODY, 25) == "came", "the old limits did not come back"
    assert comes(world, OTHER_USER, 25) == "ECONNREFUSED"
    assert comes(world, ROOT, 26) == "came"


def test_a_candidate_without_limits_lifts_those_that_hold_while_it_is_tried(world):
    serve(world, 25)
    world.hold(outbound(MAIL))
    # Another port closes, so that the candidate has to be confirmed.
    world.apply("minato: 1\n", "--unproven", "--timeout", "60")
    assert world.candidate() == 2
    assert comes(world, OTHER_USER, 25) == "came"
    assert world.minato("rollback").returncode == 0
    assert comes(world, OTHER_USER, 25) == "ECONNREFUSED"


def test_freeing_needs_no_confirmation_and_off_leaves_nothing(world):
    serve(world, 25)
    before = world.listing()
    world.hold(outbound(MAIL))
    world.apply(outbound("  mail: {port: 25/tcp, for: mail, owner: o}"))
    assert world.confirmed() == 2 and world.candidate() is None
    assert comes(world, OTHER_USER, 25) == "came"
    world.hold(outbound(MAIL))
    done = world.minato("off", "--yes") if "--yes" in world.minato("help", "off").stdout else world.minato("off")
    assert done.returncode == 0, done.stderr
    assert comes(world, OTHER_USER, 25) == "came"
    assert world.listing() == before


def test_a_small_change_that_is_laid_over_keeps_the_limits(world):
    serve(world, 25)
    world.listen(80)
    world.hold(outbound(MAIL))
    more = "  web: {port: 80/tcp, for: site, owner: o, from: any}\noutbound:"
    world.apply(outbound(MAIL).replace("outbound:", more, 1))
    assert world.confirmed() == 2 and "g2-over-1" in world.nft("list", "chains", "inet")
    assert world.connect(80)
    assert comes(world, NOBODY, 25) == "came" and comes(world, OTHER_USER, 25) == "ECONNREFUSED"
    # What goes out is never laid over.
    world.apply(outbound("  mail: {port: 25/tcp, for: mail, owner: o}").replace("outbound:", more, 1))
    assert world.confirmed() == 3 and "-over-" not in world.nft("list", "chains", "inet")
    assert comes(world, OTHER_USER, 25) == "came"


def test_the_limits_hold_again_after_a_start_of_the_host(world):
    serve(world, 25)
    world.hold(outbound(MAIL))
    world.nft("flush", "ruleset")
    assert comes(world, OTHER_USER, 25) == "came"
    assert world.minato("restore").returncode == 0
    assert comes(world, OTHER_USER, 25) == "ECONNREFUSED"
    assert comes(world, NOBODY, 25) == "came"
    assert "another tool" not in world.minato("plan").stdout


def test_the_daemons_guard_puts_them_back_and_knows_the_user(world):
    """It finds the account within the few system calls that it keeps."""
    serve(world, 25)
    world.hold(outbound(MAIL))
    before = world.listing()
    daemon = world.daemon()
    try:
        daemon.start()
        until(lambda: daemon.status()["rules"]["confirmed"] == 1, "the guard looks")
        world.nft("flush", "ruleset")
        until(lambda: world.confirmed() == 1, "the rules are back")
        assert world.listing() == before
        assert comes(world, NOBODY, 25) == "came"
        assert comes(world, OTHER_USER, 25) == "ECONNREFUSED"
        world.nft("flush", "chain", "inet", "minato", "outbound")
        until(lambda: daemon.status()["rules"]["restored"] == 2, "the way to them is back")
        assert world.listing() == before
    finally:
        daemon.remove()


def test_until_ends_what_may_be_used(world):
    serve(world, 25)
    year = time.localtime().tm_year + 60
    world.hold(outbound(f"  mail: {{port: 25/tcp, for: mail, owner: o, until: {year}-01-01}}"))
    assert comes(world, OTHER_USER, 25) == "came"
    # The kernel takes these elements out by itself at the end of that day.
    world.nft("delete element inet minato g1-out-until-mail { ipv4, ipv6 }")
    assert comes(world, OTHER_USER, 25) == "ECONNREFUSED"


def test_plan_says_who_may_still_connect_and_who_is_not_known(world):
    world.declare(outbound(MAIL + "\n  ghost: {port: 26/tcp, for: ghosts, owner: o, program: {user: no-such-user}}"))
    done = world.minato("plan")
    assert done.returncode == 2
    assert "narrow   connections to 25/tcp, 25/udp: any -> any (user nobody) (mail: mail)" in done.stdout
    assert "ghost: there is no user no-such-user here" in done.stdout
    assert "25/tcp, 25/udp への接続" in world.minato("plan", LANGUAGE="ja").stdout
    plan = json.loads(world.minato("plan", "--json").stdout)
    told = {change["declaration"]: change for change in plan["changes"] if change["direction"] == "outbound"}
    assert told["mail"]["change"] == "narrowed" and told["mail"]["after"] == "any (user nobody)"
    assert plan["outbound_users_unknown"] == [{"declaration": "ghost", "user": "no-such-user"}]
    serve(world, 26)
    world.hold(outbound("  ghost: {port: 26/tcp, for: ghosts, owner: o, program: {user: no-such-user}}"))
    for user in (ROOT, NOBODY):
        assert comes(world, user, 26) == "ECONNREFUSED", "nobody is that user"


def test_one_who_only_observes_refuses_nothing(world):
    serve(world, 25)
    world.hold(outbound(MAIL, "drop").replace("drop}", "drop, mode: observe}"))
    assert comes(world, OTHER_USER, 25) == "came"


def test_the_way_out_is_no_change_of_another_tool(world):
    """It is there as long as a candidate or the confirmed rules need it."""
    narrow = "minato: 1\nports:\n  ssh: {port: 22/tcp, for: administration, owner: o, from: 10.77.0.0/24}\n"
    wide = narrow.replace("10.77.0.0/24", "any")
    world.hold(wide + "defaults: {outbound: drop}\n")
    world.hold(narrow, "--even-if-it-cuts-me")
    until(lambda: (world.folder / "rules" / "2.rules").exists(), "the listing is kept")
    world.nft("add", "table", "inet", "foreign")
    assert world.minato("plan").returncode == 0
    world.apply(narrow + "defaults: {outbound: drop}\n", "--unproven")
    world.nft("add", "table", "inet", "foreign2")
    world.declare(narrow)
    assert world.minato("plan").returncode == 0, "while a candidate waits"


def counted(world, *words):
    done = world.minato("refused", "--json", *words)
    assert done.returncode == 0, done.stderr
    return {(row["destination"], row["protocol"], row["port"]): row["packet_count"]
            for row in json.loads(done.stdout)["outbound"]}


@pytest.mark.parametrize("verdict", ["accept", "drop"])
def test_where_this_host_was_kept_from_is_counted_by_destination_and_port(world, verdict):
    serve(world, 25)
    world.hold(outbound(MAIL, verdict))
    assert counted(world) == {} and world.minato("refused").stdout == "nobody was refused\n"
    for address in (world.FRIEND, world.FRIEND, world.FRIEND6):
        assert comes(world, OTHER_USER, 25, address, wait=0.4) != "came"
    assert comes(world, OTHER_USER, 25, world.OTHER, "udp", "sendto", wait=0.4) != "came"
    assert comes(world, NOBODY, 25) == "came"
    assert counted(world) == {(world.FRIEND, "tcp", 25): 2, (world.FRIEND6, "tcp", 25): 1, (world.OTHER, "udp", 25): 1}
    assert counted(world, "--would") == {}
    assert f"25/tcp  to {world.FRIEND}" in world.minato("refused").stdout
    assert f"25/tcp  {world.FRIEND} へ" in world.minato("refused", LANGUAGE="ja", LANG="ja_JP.UTF-8").stdout
    assert json.loads(world.minato("refused", "--json").stdout)["refused"] == [], "nobody knocked"
    assert world.minato("plan").returncode == 0, "the sets are no change of another tool"


def test_where_this_host_was_kept_from_reaches_the_store(world):
    daemon = world.daemon(environment={"MINATO_COUNT_SECONDS": "1"})
    world.hold(outbound(MAIL))
    try:
        daemon.start()
        until(lambda: daemon.status()["rules"]["confirmed"] == 1, "the guard looks")

        def told():
            return daemon.ask("/v1/events?kind=connect_refused")["events"]

        def knock():
            comes(world, OTHER_USER, 25)
            return told()
        until(knock, "it is told")  # what came before the first reading stays in the kernel alone
        (event,) = {(e["address"], e["port"], e["protocol"], e["process"]) for e in told()}
        assert event == (world.FRIEND, 25, "tcp", None)
        until(lambda: sum(e["count"] for e in told()) <= sum(counted(world).values()), "all of it")
        world.nft("flush", "ruleset")
        until(lambda: daemon.status()["rules"]["restored"] == 1, "the rules are back")
        assert counted(world, "--state-directory", daemon.state)[world.FRIEND, "tcp", 25] >= 1, "the store knows it still"
        assert "connect-refused" not in [f["finding"] for f in daemon.ask("/v1/findings")["findings"]], "nobody is named"
    finally:
        daemon.remove()


# ---- explain --to ----

def explain(world, port, to, *words, code=None):
    done = world.minato("explain", port, "--to", to, *words)
    assert done.returncode in ((0, 2) if code is None else (code,)), done.stderr + done.stdout
    return done.stdout if "--json" in words else " ".join(done.stdout.split())


ALLOWED = ("  mail: {port: 25/tcp, for: mail, owner: ops, program: {user: nobody}}\n"
           "  relay: {port: 25/tcp, for: the relay, owner: ops, to: 10.77.0.66}\n"
           "  over: {port: 26/tcp, for: x, owner: ops, until: 2020-01-01}")


def test_explain_says_which_declaration_decides_and_proves_it(world):
    serve(world, 25)
    world.hold(outbound(ALLOWED))
    text = explain(world, 25, world.FRIEND, "--as", "nobody", code=0)
    assert f"25/tcp to {world.FRIEND} as user nobody: may go" in text
    assert "mail: fits (for user: nobody; \"mail\", owner ops)" in text
    assert "relay: not to that address" in text
    assert "the packet filter lets it leave through eth0" in text and "chain g1-out-to-" in text
    assert "a rule asks for the user" not in text, "it is proven for that user"
    text = explain(world, 25, world.FRIEND, "--as", OTHER_USER, code=2)
    assert ": refused" in text and "mail: for another user" in text and "rejected by minato" in text
    assert explain(world, 25, world.OTHER, "--as", OTHER_USER, code=0).count("decided by") >= 1
    text = explain(world, 25, world.FRIEND, code=2)
    assert "depends on who it is" in text and "say --as USER" in text
    assert "a rule asks for the user of a socket" in text, "without a user the twin is not sure"
    assert "its last day is over" in explain(world, 26, world.FRIEND, code=2)
    text = explain(world, 443, world.FRIEND6, "--as", OTHER_USER, code=0)
    assert "nobody declared the port; defaults: {outbound: accept}" in text


def test_explain_says_why_the_kernel_was_not_asked(world):
    world.hold(outbound(ALLOWED))
    text = explain(world, 25, world.HOST, "--as", OTHER_USER, code=0)
    assert "what this host sends to itself is not held back" in text and "takes root" not in text
    text = explain(world, 25, "198.51.100.7", "--as", "nobody", code=0)
    assert "could not be asked about other rules: see above" in text and "takes root" not in text


@pytest.mark.parametrize("user", [NOBODY, OTHER_USER])
def test_explain_agrees_with_what_becomes_of_a_packet(world, user):
    serve(world, 25, 26)
    world.hold(outbound(ALLOWED))
    for port in (25, 26, 27):
        for address in (world.FRIEND, world.OTHER, world.FRIEND6):
            document = json.loads(explain(world, port, address, "--as", user, "--json"))["outgoing"]
            came = comes(world, user, port, address)
            refused = came == "ECONNREFUSED" and port != 27
            assert document["goes"] == (not refused), (port, address, came, document)
            assert document["way"]["outcome"] == ("rejected" if refused else "forwarded"), document


def test_explain_names_whose_rule_refuses_what_the_policy_lets_go(world):
    world.hold(outbound(ALLOWED))
    world.nft("add table ip filter; add chain ip filter OUTPUT { type filter hook output priority 0; }; "
              "add chain ip filter ufw-user-output; add rule ip filter OUTPUT jump ufw-user-output; "
              "add rule ip filter ufw-user-output tcp dport 25 meta skuid 65534 drop")
    text = explain(world, 25, world.OTHER, "--as", "nobody", code=2)
    assert "dropped by ufw" in text and "tcp dport 25 meta skuid 65534 drop" in text
    assert explain(world, 25, world.OTHER, "--as", OTHER_USER, code=0)
    document = json.loads(explain(world, 25, world.OTHER, "--as", "nobody", "--json"))["outgoing"]
    assert document["verdict"] == "open" and not document["goes"]
    assert document["way"]["deciding"]["owner"] == "ufw" and document["declaration"] in ("mail", "relay")


def test_explain_of_what_goes_out_works_without_rules_and_says_what_is_wrong(world):
    text = explain(world, 25, world.FRIEND, code=0)
    assert "no rules of minato hold here" in text
    for words, what in ((("--as", "no-such-user"), "there is no user"), (("--from", world.FRIEND, "--as", "nobody"), "no --from")):
        done = world.minato("explain", 25, "--to", world.FRIEND, *words)
        assert done.returncode == 3 and what in done.stderr, done.stderr
    done = world.minato("explain", 25, "--as", "nobody")
    assert done.returncode == 3 and "--to ADDRESS" in done.stderr
    done = world.minato("explain", "25/sctp", "--to", world.FRIEND)
    assert done.returncode == 3, done.stderr


# ---- users whose number is another one by now ----

class Accounts:
    """minato with an /etc/passwd of its own, in a mount namespace for each command."""

    def __init__(self, world):
        self.world, self.passwd = world, world.folder / "passwd"
        self.lines = open("/etc/passwd", encoding="utf-8").read()
        self.set()

    def set(self, **users):
        lines = "".join(f"{name}:x:{uid}:65534::/:/bin/false\n" for name, uid in users.items())
        self.passwd.write_text(self.lines + lines)

    def minato(self, *words, **more):
        inner = f"mount --bind {self.passwd} /etc/passwd && exec \"$@\""
        return run("unshare", "--mount", "sh", "-c", inner, "sh", *self.world.words(*words),
                   env=self.world.environment(**more), stdin=subprocess.DEVNULL)


def test_a_user_whose_name_or_number_went_elsewhere_is_told_and_put_right(world):
    serve(world, 25)
    accounts = Accounts(world)
    accounts.set(mno_mail=OTHER_USER)
    world.declare(outbound("  mail: {port: 25/tcp, for: mail, owner: o, program: {user: mno_mail}}"))
    assert accounts.minato("apply", "--unproven").returncode == 0
    number = world.candidate()
    if number is not None:
        world.nft("flush map inet minato candidate; flush map inet minato candidate-out; "
                  f"add element inet minato confirmed {{ ipv4 : goto g{number}-in, ipv6 : goto g{number}-in }}; "
                  f"add element inet minato confirmed-out {{ ipv4 : goto g{number}-out, ipv6 : goto g{number}-out }}")
        assert accounts.minato("restore").returncode == 0
    until(lambda: (world.folder / "rules" / f"{world.confirmed()}.rules").exists(), "the listing is kept")
    assert comes(world, OTHER_USER, 25) == "came"
    assert accounts.minato("plan").returncode == 0
    assert "other numbers" not in accounts.minato("status").stdout
    # The user is gone, and somebody else has the number.
    accounts.set(mno_other=OTHER_USER)
    done = accounts.minato("plan")
    assert done.returncode == 2
    assert (f"mail: there is no user mno_mail any more, and the rules let number {OTHER_USER} go; "
            "that number is user mno_other now") in done.stdout
    assert "ユーザー mno_mail はもう存在せず" in accounts.minato("plan", LANGUAGE="ja", LANG="ja_JP.UTF-8").stdout
    plan = json.loads(accounts.minato("plan", "--json").stdout)
    assert plan["outbound_users_stale"] == [
        {"declaration": "mail", "user": "mno_mail", "before": OTHER_USER, "after": None}] and plan["differs"]
    assert "users of outbound: have other numbers by now" in " ".join(accounts.minato("status").stdout.split())
    assert json.loads(accounts.minato("status", "--json").stdout)["rules"]["stale_users"]
    # He comes again with another number: then that one is let go, and the old one no more.
    accounts.set(mno_other=OTHER_USER, mno_mail=OTHER_USER + 1)
    assert f"user mno_mail was number {OTHER_USER} and is {OTHER_USER + 1} now" in accounts.minato("plan").stdout
    done = accounts.minato("apply", "--unproven")
    assert done.returncode == 0, done.stderr
    assert world.candidate() is None, "nobody can be cut off by it"
    assert comes(world, OTHER_USER, 25) == "ECONNREFUSED" and comes(world, OTHER_USER + 1, 25) == "came"
    until(lambda: accounts.minato("plan").returncode == 0, "the listing is kept")
