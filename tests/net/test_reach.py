"""status says from where ports are really reached, and findings name what contradicts the policy."""
import json
import os
import shutil

import pytest

from test_proof import WEB, docker, nft_file
from world import World, checked, run

OFFICE = "minato: 1\nwho:\n  office: 10.77.0.64/28\nports:\n"
OPEN = "minato: 1\nports: {}\ndefaults: {inbound: accept}\n"
ADMIN = OFFICE + "  admin: {port: 81/tcp, for: x, owner: o, from: office}\n"


@pytest.fixture
def world():
    made = World()
    checked("ip", "-n", made.host, "route", "add", "default", "via", made.FRIEND)
    checked("ip", "-n", made.host, "-6", "route", "add", "default", "via", made.FRIEND6)
    yield made
    made.remove()


def status(world, text=None):
    if text is not None:
        world.declare(text)
    elif not world.policy.exists():
        world.declare(OPEN)
    done = world.minato("status", "--json")
    assert done.returncode in (0, 2), done.stderr
    document = json.loads(done.stdout)
    document["own"] = os.stat(f"/run/netns/{world.host}").st_ino
    return document


def screen(world):
    """`minato status` where no other namespaces of the machine are in sight: a screen has few rows."""
    words = ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run/netns; exec unshare --pid --fork --mount-proc "$@"', "sh")
    before, command = world.words("status")[:4], world.words("status")[4:]
    done = run(*before, *words, *command, env=world.environment())
    assert done.returncode in (0, 2), done.stderr
    return done.stdout


def reached(document, port):
    found = {tuple([row["reached"]["from"], *row["reached"]["names"]]) for row in document["ports"]
             if row["port"] == port and row["netns"] == document["own"]}
    assert len(found) == 1, found
    return found.pop()


def contradictions(document):
    return {(f["finding"], f["facts"]["port"], f["facts"].get("firewall")) for f in document["findings"] if "against-policy" in f["finding"]}


def test_without_rules_all_reach_what_listens(world):
    world.listen(80)
    world.listen(81, address="127.0.0.1")
    document = status(world)
    assert reached(document, 80)[0] == "anywhere" and reached(document, 81) == ("this_machine",)
    assert document["reach"]["packets_asked"] > 0 and document["reach"]["error"] is None
    assert contradictions(document) == set()


def test_the_names_of_whom_the_rules_let_in(world):
    world.listen(80)
    world.listen(81)
    world.listen(82)
    both = ADMIN.replace("10.77.0.64/28", "[10.77.0.64/28, \"2001:db8:77::60/124\"]")
    world.hold(both + "  web: {port: 80/tcp, for: x, owner: o, from: any}\n")
    document = status(world)
    assert reached(document, 80)[0] == "anywhere"
    assert reached(document, 81) == ("some", "office"), "named once, though it has addresses of both families"
    assert reached(document, 82) == ("nobody",)
    assert contradictions(document) == set()
    shown = screen(world)
    rows = {line.split()[0]: line for line in shown.splitlines() if "/tcp " in line}
    assert "3 services, 2 reachable from outside" in shown
    assert "anyone" in rows["80/tcp"] and "office" in rows["81/tcp"] and "nobody" in rows["82/tcp"]
    elsewhere = [row for row in document["ports"] if row["reached"]["from"] not in ("nobody", "this_machine")]
    assert document["services_exposed"] == len({(row["netns"], row["protocol"], row["port"]) for row in elsewhere}) + len(
        [row for row in document["published"] if row["reached"]["from"] != "nobody"])


def test_an_own_network_is_asked_from(world):
    """Nobody named it; another table lets it alone in."""
    world.listen(80)
    world.nft("table inet other { chain c { type filter hook input priority 0; policy drop; ip saddr 10.77.0.0/24 accept; }; }")
    assert reached(status(world), 80) == ("some", "10.77.0.0/24")


def test_a_socket_of_one_address_is_asked_for_there(world):
    world.address(world.host, "eth0", "10.88.0.1/24")
    world.listen(80, address="10.88.0.1")
    world.listen(81, address="10.77.0.1")
    world.nft("table inet other { chain c { type filter hook input priority 0; ip daddr 10.88.0.1 drop; }; }")
    document = status(world)
    assert reached(document, 80) == ("nobody",) and reached(document, 81)[0] == "anywhere"


def test_what_counts_or_throws_dice_depends(world):
    world.listen(80)
    world.nft("table inet other { chain c { type filter hook input priority 0; limit rate 3/minute accept; drop; }; }")
    assert reached(status(world), 80)[0] == "depends"


def test_open_by_the_policy_and_dropped_by_ufw_is_a_finding(world):
    world.listen(80)
    world.hold(WEB)
    assert contradictions(status(world)) == set()
    world.nft("table ip filter { chain ufw-user-input { tcp dport 22 accept; }; "
              "chain INPUT { type filter hook input priority 0; policy drop; jump ufw-user-input; }; }")
    document = status(world)
    assert contradictions(document) == {("refused-against-policy", 80, "ufw")}
    assert "closed-by-another-tool" not in {f["finding"] for f in document["findings"]}, "it is told once"
    done = world.minato("findings")
    text = " ".join(done.stdout.split())
    assert "the policy lets anybody (as 198.51.100.77) in at 80/tcp (web), but a rule of ufw refuses it" in text
    assert "ip filter, chain INPUT, policy drop" in text and "ufw allow 80/tcp" in text
    text = "".join(world.minato("findings", LANG="ja_JP.UTF-8").stdout.split())
    assert "80/tcp（web）への任意の相手（例:198.51.100.77）からの接続を許可していますが、ufwのルールが拒否します" in text
    assert world.minato("findings", "--fail-on", "medium").returncode == 2


def test_closed_by_the_policy_and_let_in_by_docker_is_a_finding(world):
    """The policy is declared and not applied yet: the translation passes by the other firewall's no."""
    docker(world)
    world.nft("table ip filter { chain ufw-user-input { tcp dport 8080 drop; }; "
              "chain INPUT { type filter hook input priority 0; policy drop; jump ufw-user-input; }; }")
    document = status(world, WEB)
    assert ("let-in-against-policy", 8080, "docker") in contradictions(document)
    assert reached(document, 8080)[0] == "anywhere"
    assert "container-around-firewall" in {f["finding"] for f in document["findings"]}
    finding, = [f for f in document["findings"] if f["finding"] == "let-in-against-policy"]
    assert "tcp dport 8080 dnat to 172.30.99.2:80" in finding["facts"]["rule"]
    assert finding["facts"]["command"] == "nft -a list chain ip nat DOCKER"
    world.hold(WEB)
    document = status(world)
    assert contradictions(document) == {("refused-against-policy", 80, "ufw")}
    assert reached(document, 8080) == ("nobody",)
    assert "container-around-firewall" not in {f["finding"] for f in document["findings"]}, "it is closed now"


def test_what_passes_by_the_applied_rules_is_a_finding(world):
    world.listen(81)
    world.hold(WEB)
    world.nft("table ip early { chain pre { type filter hook prerouting priority -300; tcp dport 81 tcp dport set 80; }; }")
    assert contradictions(status(world)) == {("let-in-against-policy", 81, None)}
    assert "by a rule of something else: ip early, chain pre, rule" in " ".join(world.minato("findings").stdout.split())


def test_a_policy_that_waits_for_apply_is_no_contradiction(world):
    world.listen(80)
    world.listen(81)
    world.hold(WEB)
    assert contradictions(status(world, ADMIN)) == set()


def test_a_very_long_ruleset_is_not_asked_about(world):
    world.listen(80)
    rules = "\n".join(f"ip saddr 172.16.{i // 256}.{i % 256} tcp dport 22 drop" for i in range(10000))
    nft_file(world, f"table inet big {{ chain c {{ type filter hook input priority 5\n{rules}\n}}\n}}\n")
    document = status(world)
    assert reached(document, 80) == ("unknown",) and "too many rules" in document["reach"]["error"]
    assert "by the addresses alone" in world.minato("status").stdout


def test_without_root_the_addresses_say_it(world):
    world.listen(80)
    folder = world.folder / "copy"
    folder.mkdir()
    for path in (world.folder, folder):
        path.chmod(0o755)
    shutil.copy(world.words()[4], folder / "minato")
    world.declare(OPEN)
    world.policy.chmod(0o644)
    done = run("ip", "netns", "exec", world.host, "setpriv", "--reuid=65534", "--regid=65533", "--clear-groups", "--inh-caps=-all",
               folder / "minato", "--policy", world.policy, "status", env=world.environment())
    assert done.returncode in (0, 2), done.stderr
    assert "by the addresses alone, the rules were not asked: the firewall's rules may only be read as root" in " ".join(done.stdout.split())
