"""plan, apply, confirm, rollback: the policy becomes rules of the real kernel, and comes off again."""
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from world import MINATO, World, alive, checked, container, inside, run, waiters

OPEN_22 = """minato: 1
ports:
  ssh: {port: 22/tcp, for: administration, owner: o, from: 10.77.0.2}
"""
POLICY = """minato: 1
who:
  friend: [10.77.0.2, "2001:db8:77::2"]
  link: {interface: eth0}
  elsewhere: {interface: wg0}
ports:
  ssh: {port: 22/tcp, for: administration, owner: o, from: friend}
  web: {port: [80/tcp, 443/tcp], for: site, owner: o, from: any}
  range: {port: 8000-8010/tcp, for: tests, owner: o, from: 10.77.0.0/26}
  dns: {port: 53/udp, for: names, owner: o, from: friend}
  near: {port: 90/tcp, for: the link, owner: o, from: link}
  far: {port: 91/tcp, for: the tunnel, owner: o, from: elsewhere}
  db: {port: 5432/tcp, for: data, owner: o, from: host}
"""


@pytest.fixture
def world():
    made = World()
    yield made
    made.remove()


def test_packets_meet_what_the_policy_says(world):
    for port in (22, 80, 8000, 8005, 8010, 8011, 90, 91, 5432, 6379):
        world.listen(port)
    world.listen(53, "udp")
    world.hold(POLICY)
    friend, other = (world.FRIEND, world.FRIEND6), (world.OTHER, world.OTHER6)
    expected = {
        22: friend, 80: friend + other, 8000: (world.FRIEND,), 8005: (world.FRIEND,), 8010: (world.FRIEND,), 8011: (),
        90: friend + other, 91: (), 5432: (), 6379: (),
    }
    for port, allowed in expected.items():
        for source in friend + other:
            connected = bool(world.connect(port, source))
            assert connected == (source in allowed), f"{port} from {source}"
    for source in friend + other:
        assert world.answers(53, source) == (source in friend), source
    assert world.pings(world.HOST) and world.pings(world.HOST6)
    world.hold("minato: 1\ndefaults: {ping: no}\n")
    assert not world.pings(world.HOST) and not world.pings(world.HOST6)


def test_reject_answers_and_drop_is_silent(world):
    world.hold("minato: 1\ndefaults: {inbound: reject}\n")
    assert world.connect(9999) is False
    world.hold("minato: 1\ndefaults: {inbound: drop}\n")
    assert world.connect(9999) is None


def test_plan_tells_and_changes_nothing(world):
    world.declare(OPEN_22)
    before = world.listing()
    done = world.minato("plan")
    assert done.returncode == 2
    assert "22/tcp" in done.stdout and "administration" in done.stdout
    assert world.listing() == before
    world.hold(OPEN_22)
    done = world.minato("plan", "--json")
    assert done.returncode == 0
    plan = json.loads(done.stdout)
    assert plan["verified"] and not plan["differs"] and plan["changes"] == []


def test_it_works_in_japanese_too(world):
    """libnftables tells what the kernel answered in the words of the reader's language."""
    world.declare(OPEN_22)
    done = world.minato("plan", LANGUAGE="ja")
    assert done.returncode == 2 and "ポリシーを反映すると" in done.stdout, done.stderr
    assert world.minato("apply", LANGUAGE="ja").returncode == 0
    assert world.candidate() == 1


def test_the_printed_rules_are_those_that_are_loaded(world):
    world.declare(POLICY)
    text = world.minato("plan", "-o", "nft").stdout
    other = World()
    try:
        checked("ip", "netns", "exec", other.host, "nft", "-f", "-", input=text)
        world.apply()
        own = world.nft("-s", "list", "table", "inet", "minato")
        assert [line for line in own.splitlines() if "timeout" not in line] == \
            [line for line in other.nft("-s", "list", "table", "inet", "minato").splitlines() if "timeout" not in line]
    finally:
        other.remove()


def test_unconfirmed_rules_leave_by_themselves_though_every_process_is_dead(world):
    world.listen(22)
    world.listen(8080)
    world.hold("minato: 1\nports:\n  a: {port: [22/tcp, 8080/tcp], for: x, owner: o, from: any}\n")
    before = world.listing()
    world.apply(OPEN_22, "--timeout", "10")
    for pid in waiters(world):
        os.kill(pid, signal.SIGKILL)
    assert world.candidate() == 2 and world.confirmed() == 1
    assert world.connect(8080) is None
    deadline = time.monotonic() + 11
    while time.monotonic() < deadline and not world.connect(8080):
        pass
    assert world.connect(8080), "the old rules did not come back"
    assert world.candidate() is None and world.confirmed() == 1
    assert world.minato("rollback", "--list").returncode == 0
    done = world.minato("restore")  # any command that changes rules tidies up
    assert done.returncode == 0, done.stderr
    assert world.listing() == before


def test_what_waits_tidies_up_when_nobody_confirms(world):
    before = world.listing()
    world.apply(OPEN_22, "--timeout", "10")
    assert waiters(world)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and waiters(world):
        time.sleep(0.1)
    assert world.listing() == before
    states = json.loads(world.minato("rollback", "--list", "--json").stdout)["states"]
    assert [(state["number"], state["state"]) for state in states] == [(1, "reverted")]


def test_what_only_lets_more_in_holds_at_once(world):
    world.hold("minato: 1\n")
    done = world.apply(OPEN_22)
    assert "nothing has to be confirmed" in done.stdout
    assert world.candidate() is None and world.confirmed() == 2
    world.listen(22)
    assert world.connect(22)


def test_rollback_ends_what_is_tried_and_goes_back_to_what_held(world):
    world.hold("minato: 1\n")
    world.apply(OPEN_22)
    assert world.confirmed() == 2
    world.apply("minato: 1\n")
    assert world.candidate() == 3
    assert world.minato("rollback").returncode == 0
    assert world.candidate() is None and world.confirmed() == 2
    done = world.minato("rollback")
    assert done.returncode == 0, done.stderr
    assert world.candidate() == 4  # state 1 again, to be confirmed like any change
    assert world.minato("rollback", "77").returncode == 1
    assert world.minato("rollback", "x").returncode == 3


def test_other_tables_stay_as_they_are(world):
    foreign = "table ip filter { chain input { type filter hook input priority 0; policy drop; tcp dport 22 accept; }; }"
    world.nft(foreign)
    before = world.listing()
    world.hold(POLICY)
    assert before in world.listing()
    assert world.minato("off").returncode == 0
    assert world.listing() == before
    assert world.minato("restore").returncode == 0
    assert world.listing() == before, "off means off, also for the next start of the host"


def test_flushed_rules_are_told_and_put_back(world):
    world.hold(OPEN_22)
    before = world.listing()
    world.nft("flush", "ruleset")
    done = world.minato("plan")
    assert done.returncode == 2 and "removed the rules" in done.stdout
    assert world.minato("restore").returncode == 0
    assert world.listing() == before
    assert world.minato("plan").returncode == 0


@pytest.mark.parametrize("change, line", [
    ("add rule inet minato g1-in counter", "counter"),
    ("insert rule inet minato g1-in accept", "accept"),
    ("add element inet minato g1-tcp { 23 : accept }", "23 counter : accept"),
    ("add chain inet minato mine", "chain mine"),
])
def test_what_another_tool_changes_is_told_and_put_right(world, change, line):
    world.hold(OPEN_22)
    world.nft(change)
    done = world.minato("plan")
    assert done.returncode == 2
    assert any(line in told for told in done.stdout.splitlines() if told.startswith("+")), done.stdout
    world.apply()
    assert world.minato("plan").returncode == 0 or "chain mine" in change


def test_the_way_to_the_rules_is_put_back(world):
    world.hold(OPEN_22)
    world.nft("flush", "chain", "inet", "minato", "inbound")
    assert world.minato("plan").returncode == 2
    assert world.minato("restore").returncode == 0
    assert world.minato("plan").returncode == 0


def test_two_at_once_do_not_meet(world):
    import fcntl
    world.hold(OPEN_22)
    world.declare("minato: 1\n")
    with open(world.folder / "rules" / "lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = world.minato("apply")
    assert done.returncode == 1 and "another minato" in done.stderr
    assert world.confirmed() == 1 and world.candidate() is None


def test_kill_9_at_any_moment_leaves_before_or_after(world):
    """Killed again and again, each time a little later, until it got through once."""
    world.hold("minato: 1\nports:\n  a: {port: 80/tcp, for: x, owner: o, from: any}\n")
    before = world.listing()
    world.declare(OPEN_22)
    finished = False
    for delay in range(0, 400, 4):
        process = subprocess.Popen([str(word) for word in world.words("apply")], env=world.environment(),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(delay / 1000)
            finished = True
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert world.confirmed() == 1
        if world.candidate() is not None:
            assert world.minato("rollback").returncode == 0
        else:
            assert world.minato("restore").returncode == 0
        assert world.listing() == before, f"killed after {delay} ms"
        if finished:
            break
    assert finished


def test_a_full_disk_changes_nothing(world):
    world.hold(OPEN_22)
    before = world.listing()
    rules = world.folder / "rules"
    world.declare("minato: 1\n")
    script = f"mount -t tmpfs -o size=16k none {rules}.full && cp -a {rules}/. {rules}.full && " \
             f"(dd if=/dev/zero of={rules}.full/fill bs=1k 2>/dev/null; true) && " \
             f"MINATO_RULES_DIRECTORY={rules}.full exec {MINATO} --policy {world.policy} apply"
    os.mkdir(f"{rules}.full")
    done = run("ip", "netns", "exec", world.host, "unshare", "-m", "sh", "-c", script, env=world.environment(),
               stdin=subprocess.DEVNULL)
    assert done.returncode == 1 and "No space left" in done.stderr, done.stderr + done.stdout
    assert world.listing() == before


def test_a_record_that_others_can_write_is_refused(world):
    world.hold(OPEN_22)
    os.chmod(world.folder / "rules", 0o777)
    world.declare("minato: 1\n")
    done = world.minato("apply")
    assert done.returncode != 0 and "may be written by others" in done.stderr


def test_without_root_the_record_is_compared_and_said_so(world):
    world.hold(OPEN_22)
    os.chmod(world.folder, 0o755)
    done = run("ip", "netns", "exec", world.host, "setpriv", "--reuid", "65534", "--clear-groups", "--regid", "65534",
               "--inh-caps=-all", MINATO, "--policy", world.policy, "plan", env=world.environment())
    assert done.returncode == 0, done.stderr
    assert "compared with the record alone" in done.stderr
    done = run("ip", "netns", "exec", world.host, "setpriv", "--reuid", "65534", "--clear-groups", "--regid", "65534",
               "--inh-caps=-all", MINATO, "--policy", world.policy, "apply", env=world.environment())
    assert done.returncode == 4 and "needs root" in done.stderr


def test_a_broken_policy_changes_nothing(world):
    world.hold(OPEN_22)
    before = world.listing()
    world.declare("minato: 1\nports:\n  x: {prt: 22/tcp}\n")
    done = world.minato("apply")
    assert done.returncode == 1 and "policy validate" in done.stderr
    assert world.listing() == before


def test_a_live_connection_goes_on_when_its_port_closes(world):
    server = world.listen(22)
    world.hold(OPEN_22)
    client = world.connect(22)
    accepted, _ = server.accept()
    world.sockets.append(accepted)
    done = world.apply("minato: 1\n", code=1)
    assert "could not come in again" in done.stderr  # this test is an ancestor that serves it
    world.hold("minato: 1\n", "--even-if-it-cuts-me")
    assert world.connect(22) is None
    assert alive(client, accepted)


def test_connections_older_than_the_first_rules_go_on(world):
    """Conntrack sleeps until the first rule that uses it, so it knows none of them."""
    inbound = world.listen(22)
    client = world.connect(22)
    accepted, _ = inbound.accept()
    server = world.listen(7000, namespace=world.outside)
    with inside(world.host) as call:
        out = call(lambda: socket.create_connection((world.FRIEND, 7000), 1))
    taken, _ = server.accept()
    world.sockets += [accepted, out, taken]
    world.hold("minato: 1\n", "--even-if-it-cuts-me")
    assert world.connect(22) is None
    assert alive(client, accepted), "inbound"
    assert alive(taken, out), "outbound"


def test_without_conntrack_nothing_is_changed(world):
    world.declare(OPEN_22)
    before = world.listing()
    done = world.minato("apply", MINATO_WITHOUT="conntrack")
    assert done.returncode == 1 and done.stderr
    assert world.listing() == before


def test_until_ends_the_port_and_what_lives_on_it(world):
    server = world.listen(25565)
    year = time.localtime().tm_year + 1
    world.hold("minato: 1\nports:\n"
               f"  game: {{port: 25565/tcp, for: a game, owner: o, from: any, until: {year}-01-01}}\n")
    client = world.connect(25565)
    accepted, _ = server.accept()
    world.sockets.append(accepted)
    assert alive(client, accepted)
    # The kernel takes these elements out by itself at the end of that day.
    world.nft("delete element inet minato g1-until-game { ipv4, ipv6 }")
    assert world.connect(25565) is None
    assert not alive(client, accepted)


def test_what_ended_meanwhile_stays_closed_when_the_rules_come_again(world):
    """As at a start of the host after the last day: the date in the record has passed."""
    world.listen(25565)
    world.listen(22)
    year = time.localtime().tm_year + 1
    world.hold("minato: 1\nports:\n"
               f"  game: {{port: 25565/tcp, for: a game, owner: o, from: any, until: {year}-01-01}}\n"
               "  ssh: {port: 22/tcp, for: administration, owner: o, from: any}\n")
    assert world.connect(25565)
    world.nft("flush", "ruleset")
    assert world.minato("restore").returncode == 0
    assert world.connect(25565), "its day has not ended yet"
    record = world.folder / "rules" / "1.yaml"
    record.write_text(record.read_text().replace(f"{year}-01-01", f"{year - 2}-01-01"))
    world.nft("flush", "ruleset")
    done = world.minato("restore")
    assert done.returncode == 0, done.stderr
    assert world.connect(25565) is None
    assert world.connect(22)
    assert "another tool" not in world.minato("plan").stdout, "our own doing is not told as another's"


def test_new_connections_of_one_source_are_limited(world):
    world.listen(22)
    world.hold("minato: 1\nports:\n"
               "  ssh: {port: 22/tcp, for: administration, owner: o, from: any, rate: 5/hour}\n")
    assert [bool(world.connect(22)) for _ in range(7)] == [True] * 5 + [False] * 2
    assert world.connect(22, world.OTHER)
    assert [bool(world.connect(22, world.FRIEND6)) for _ in range(6)] == [True] * 5 + [False]


def test_a_way_that_was_put_back_is_no_change_of_another_tool(world):
    world.hold("minato: 1\ndefaults: {outbound: drop}\nports:\n  ssh: {port: 22/tcp, for: administration, owner: o, from: any}\n")
    deadline = time.monotonic() + 5
    while not (world.folder / "rules" / "1.rules").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    world.nft("flush chain inet minato inbound; delete chain inet minato inbound")
    assert world.minato("restore").returncode == 0
    done = world.minato("plan")
    assert done.returncode == 0, done.stdout


def test_each_declaration_counts_for_itself(world):
    """Two with the same conditions are two all the same: who used up one still has the other."""
    for port in (80, 443):
        world.listen(port)
    world.hold("minato: 1\nports:\n" + "".join(
        f"  {name}: {{port: {port}/tcp, for: x, owner: o, from: any, rate: 3/hour}}\n" for name, port in (("a", 80), ("b", 443))))
    for port in (80, 443):
        assert [bool(world.connect(port)) for _ in range(4)] == [True] * 3 + [False], port


def test_published_ports_are_held_to_their_declaration(world):
    """As Docker does it: a bridge, destination NAT, and a forward rule that lets it through."""
    with container(world, 6379) as inner:
        world.nft("table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; "
                  "ct state established accept; oifname docker0 tcp dport 6379 accept; iifname docker0 accept; }; }")
        world.listen(6379, address="0.0.0.0", namespace=inner)
        assert world.connect(6379, world.OTHER), "published for everybody before"
        world.hold("minato: 1\nports:\n  redis: {port: 6379/tcp, for: cache, owner: o, from: 10.77.0.2}\n")
        assert world.connect(6379, world.FRIEND)
        assert world.connect(6379, world.OTHER) is None
        # What the container does by itself is not inbound.
        world.listen(7000, address="0.0.0.0", namespace=world.outside)
        done = run("ip", "netns", "exec", inner, "python3", "-c",
                   f"import socket; socket.create_connection(('{world.FRIEND}', 7000), 1)")
        assert done.returncode == 0, done.stderr


def test_outbound_can_be_closed(world):
    world.listen(7000, namespace=world.outside)
    world.listen(22)
    world.hold("minato: 1\nports:\n  ssh: {port: 22/tcp, for: x, owner: o, from: any}\n"
               "defaults: {outbound: drop}\n")

    def out():
        return run("ip", "netns", "exec", world.host, "python3", "-c",
                   f"import socket; socket.create_connection(('{world.FRIEND}', 7000), 0.5)").returncode == 0

    assert not out()
    assert world.connect(22)
    world.hold("minato: 1\nports:\n  ssh: {port: 22/tcp, for: x, owner: o, from: any}\n")
    assert out()
    assert "outbound" not in world.nft("list", "chains", "inet")


def test_no_packet_is_lost_or_let_in_while_all_rules_are_replaced(world):
    from traffic import Traffic

    def policy(extra):
        ports = "".join(f"  p{i}: {{port: {i}/tcp, for: x, owner: o, from: 10.{i % 200}.0.0/16}}\n"
                        for i in range(1000, 2000))
        more = "".join(f"  x{i}: {{port: {i}/tcp, for: x, owner: o, from: any}}\n" for i in range(2, 3 + extra))
        return f"minato: 1\nports:\n{ports}{more}  served: {{port: [6000/tcp, 6000/udp], for: x, owner: o, from: any}}\n"

    world.hold(policy(0))
    with Traffic(world, 6000, 6001) as seen:
        for i in range(1, 8):
            world.apply(policy(i))
    assert world.confirmed() == 8 and seen.sent > 100
    assert (seen.lost, seen.leaked, seen.stalled) == (0, 0, 0)


def test_every_port_and_many_addresses_are_taken(world):
    world.listen(22)
    world.hold("minato: 1\nports:\n  all: {port: [1-65535/tcp, 1-65535/udp], for: x, owner: o, from: any}\n")
    assert world.connect(22, world.OTHER) and world.connect(22, world.FRIEND6)
    addresses = ", ".join(f"10.77.{i // 250}.{i % 250 + 1}" for i in range(250, 20250))
    world.hold(f"minato: 1\nwho:\n  many: [10.77.0.2, {addresses}]\nports:\n"
               "  ssh: {port: 22/tcp, for: x, owner: o, from: many}\n")
    assert world.connect(22, world.FRIEND) and world.connect(22, world.OTHER) is None


def test_a_host_without_ipv6_has_rules_too(world):
    checked("ip", "netns", "exec", world.host, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
    world.listen(22, address="0.0.0.0")
    world.hold(OPEN_22)
    assert world.connect(22, world.FRIEND) and world.connect(22, world.OTHER) is None



def counted(world, *words):
    done = world.minato(*words, "--json")
    assert done.returncode == 0, done.stderr
    return {(row["source"], row["protocol"], row["port"]): row["packet_count"]
            for row in json.loads(done.stdout)["refused"]}


def test_who_is_refused_is_counted(world):
    world.listen(22)
    world.hold(OPEN_22)
    assert world.minato("refused").stdout == "nobody was refused\n"
    for _ in range(3):
        world.connect(23, world.OTHER, timeout=0.1)
    world.connect(22, world.FRIEND6, timeout=0.1)
    world.connect(22, world.FRIEND)
    assert counted(world, "refused") == {(world.OTHER, "tcp", 23): 3, (world.FRIEND6, "tcp", 22): 1}
    assert f"23/tcp  from {world.OTHER}" in world.minato("refused").stdout
    assert counted(world, "refused", "--would") == {}


def test_observing_lets_in_and_tells_what_enforcing_would_refuse(world):
    world.listen(22)
    world.listen(8080)
    done = world.apply(OPEN_22 + "defaults: {mode: observe}\n")
    assert "closed to others" not in done.stdout
    assert world.candidate() is None and world.confirmed() == 1, "nobody can be cut off by looking"
    assert world.connect(8080, world.OTHER) and world.connect(22, world.OTHER) and world.connect(22, world.FRIEND)
    expected = {(world.OTHER, "tcp", 8080): 1, (world.OTHER, "tcp", 22): 1}
    assert counted(world, "refused", "--would") == counted(world, "plan", "--would-block", "7d") == expected
    assert counted(world, "refused") == {}
    world.hold(OPEN_22)
    assert world.connect(8080, world.OTHER) is None


def test_one_port_may_be_observed_alone(world):
    world.listen(22)
    world.listen(80)
    world.hold("minato: 1\nports:\n  ssh: {port: 22/tcp, for: x, owner: o, from: 10.77.0.2}\n"
               "  web: {port: 80/tcp, for: x, owner: o, from: 10.77.0.2, mode: observe}\n")
    assert world.connect(80, world.OTHER) and world.connect(22, world.OTHER) is None
    assert counted(world, "refused", "--would") == {(world.OTHER, "tcp", 80): 1}
    assert (world.OTHER, "tcp", 22) in counted(world, "refused")


def test_other_rules_that_refuse_whom_the_policy_lets_in_are_named(world):
    """Proven by packets in a copy of the whole packet filter: our accept cannot override another table's drop."""
    world.nft("table ip filter { chain ufw-user-input { ip saddr 10.77.0.0/24 tcp dport 80 drop; }; "
              "chain input { type filter hook input priority 0; jump ufw-user-input; }; }")
    done = world.apply("minato: 1\nports:\n  web: {port: 80/tcp, for: x, owner: o, from: 10.77.0.0/24}\n"
                       "  ssh: {port: 22/tcp, for: x, owner: o, from: 10.77.0.0/24}\n", code=1)
    assert "80/tcp from 10.77.0.2, 10.77.0.0/24" in done.stdout
    assert "ufw: ip filter, chain ufw-user-input, rule" in done.stdout and "tcp dport 80" in done.stdout
    assert "22/tcp from 10.77" not in done.stdout and "would not hold" in done.stderr
    assert world.candidate() is None and world.confirmed() is None
    done = world.apply(None, "--unproven")
    assert "ufw" not in done.stdout
