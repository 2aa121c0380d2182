"""The bind guard follows the policy: apply, confirm, rollback, restore and off, and what plan says of it."""
import json
import signal
import subprocess

import pytest

from guard_world import ID, OTHER, PROBE, RESERVED, WEB, guarded_host
from test_lockout import Terminal

host = pytest.fixture(guarded_host)

OPEN = "  web: {port: 18080/tcp, for: t, owner: o, from: any, program: {unit: web.service}}\n"
NOTHING_REFUSED = "inbound: accept"


def write(host, *ports, guard=None, defaults=NOTHING_REFUSED):
    words = [defaults, *([f"guard: {guard}"] if guard else [])]
    host.policy.write_text("minato: 1\nports:\n" + "".join(ports or (OPEN,)) +
                           f"defaults: {{{', '.join(words)}}}\n")


def apply(host, *ports, code=0, **more):
    write(host, *ports, **more)
    done = host.minato("--unproven", command="apply")
    assert done.returncode == code, done.stdout + done.stderr
    return done


def plan(host):
    done = host.minato("--json", command="plan")
    assert done.returncode in (0, 2), done.stderr
    return done.returncode, json.loads(done.stdout)["guard"]


def hold(host):
    """Makes the candidate the confirmed state as the kernel would have it, without a login; the record follows."""
    listing = host.inside("nft", "list", "map", "inet", "minato", "candidate")
    number = listing.split("goto g")[1].split("-")[0]
    host.inside("nft", "flush map inet minato candidate; flush map inet minato candidate-out; "
                "flush map inet minato confirmed; flush map inet minato confirmed-out; "
                f"add element inet minato confirmed {{ ipv4 : goto g{number}-in, ipv6 : goto g{number}-in }}; "
                "add element inet minato confirmed-out { ipv4 : accept, ipv6 : accept }")


# ---- with apply ----

def test_apply_watches_unless_the_policy_says_otherwise(host):
    done = apply(host)
    assert "bind guard: on, watches only" in done.stdout
    assert host.status()["mode"] == "observe"
    assert host.binds(18080, OTHER)
    assert [each["refused"] for each in host.attempts()] == [False]
    apply(host, guard="enforce")
    assert host.status()["mode"] == "enforce"
    assert not host.binds(18080, OTHER)
    assert host.binds(18080, WEB)
    assert host.inside("cat", RESERVED).strip() == "18080"


@pytest.mark.parametrize("then", [{"guard": "off"},
                                  {"ports": ["  web: {port: 18080/tcp, for: t, owner: o, from: any}\n"]}])
def test_a_policy_that_wants_none_ends_it(host, then):
    apply(host, guard="enforce")
    done = apply(host, *then.pop("ports", ()), **then)
    assert "the bind guard is off" in done.stdout
    assert not host.pins.exists()
    assert host.inside("cat", RESERVED).strip() == ""
    assert host.binds(18080, OTHER)
    assert plan(host)[0] == 0


def test_a_candidate_leaves_the_guard_as_it_was(host):
    apply(host, guard="enforce")
    done = apply(host, OPEN.replace("18080", "18090"), guard="enforce", defaults="inbound: drop")
    assert "minato confirm" in done.stdout
    assert not host.binds(18080, OTHER)
    assert host.binds(18090, OTHER)
    assert host.minato(command="rollback").returncode == 0
    assert not host.binds(18080, OTHER)
    assert host.binds(18090, OTHER)


def test_it_comes_with_the_confirmation(host):
    apply(host, guard="enforce", defaults="inbound: drop")
    assert not host.pins.exists()
    hold(host)
    assert host.minato(command="restore").returncode == 0
    assert not host.binds(18080, OTHER)


class OnTerminal:
    """The host as Terminal asks for it."""

    def __init__(self, host):
        self.host = host

    def words(self, verb):
        return self.host.command("--unproven", command=verb)[0]

    def environment(self, **more):
        return self.host.command(**more)[1]


def test_a_key_on_a_terminal_brings_it_or_leaves_it(host):
    write(host, guard="enforce", defaults="inbound: drop")
    terminal = Terminal(OnTerminal(host), "apply")
    terminal.until("Keep these rules?")
    assert not host.pins.exists()
    terminal.press(b"n")
    terminal.until("taken back")
    assert not host.pins.exists() and host.binds(18080, OTHER)
    terminal = Terminal(OnTerminal(host), "apply")
    terminal.until("Keep these rules?")
    terminal.press(b"y")
    terminal.until("bind guard: on, refuses")
    assert not host.binds(18080, OTHER)
    assert plan(host)[0] == 0


def test_rollback_takes_the_guard_of_the_state_too(host):
    apply(host, guard="enforce")
    apply(host, OPEN.replace("18080", "18090"), guard="enforce")
    assert host.binds(18080, OTHER) and not host.binds(18090, OTHER)
    done = host.minato("1", command="rollback")
    assert done.returncode == 0, done.stderr
    assert not host.binds(18080, OTHER) and host.binds(18090, OTHER)
    assert host.inside("cat", RESERVED).strip() == "18080"


def test_off_leaves_neither_pins_nor_reserved_ports(host):
    host.inside("sh", "-c", f"echo 3000,18080 > {RESERVED}")
    apply(host, OPEN, OPEN.replace("web", "more", 1).replace("18080", "18090"), guard="enforce")
    assert host.inside("cat", RESERVED).strip() == "3000,18080,18090"
    done = host.minato(command="off")
    assert done.returncode == 0 and "the bind guard is off" in done.stdout
    assert not host.pins.exists()
    assert host.inside("cat", RESERVED).strip() == "3000,18080"
    assert "minato" not in host.inside("nft", "list", "ruleset")


def test_rules_hold_where_there_can_be_no_guard(host):
    write(host, guard="enforce")
    done = host.minato("--unproven", command="apply", MINATO_WITHOUT="bpf")
    assert done.returncode == 0
    assert "MINATO_WITHOUT" in done.stderr and "are not kept for their programs" in done.stderr
    done = host.minato(command="plan", MINATO_WITHOUT="bpf")
    assert done.returncode == 0, done.stdout  # nothing that apply could do
    done = host.minato("--unproven", command="apply")
    assert "bind guard: on, refuses" in done.stdout


def test_the_guard_of_another_network_namespace_is_left_alone(host):
    apply(host, guard="enforce")
    first, host.namespace = host.namespace, host.make_namespace()
    (host.folder / "rules").rename(host.folder / "first")
    done = apply(host, OPEN.replace("18080", "18090"), guard="enforce")
    assert "another network namespace" in done.stderr
    assert not host.binds(18080, OTHER, namespace=first)
    write(host, OPEN.replace("18080", "18090"), guard="off")
    assert host.minato("--unproven", command="apply").returncode == 0
    host.namespace = first
    assert not host.binds(18080, OTHER)


# ---- at the start of the host ----

def start_anew(host):
    """Nothing of the kernel's side outlives the host: another network namespace, no pins, another cgroup."""
    host.minato("off")
    host.namespace = host.make_namespace()


def test_restore_brings_the_confirmed_guard_whatever_the_file_says(host):
    apply(host, guard="enforce")
    write(host, OPEN.replace("18080", "18090"), guard="off")
    start_anew(host)
    done = host.minato(command="restore")
    assert done.returncode == 0 and "bind guard: on, refuses" in done.stdout, done.stderr
    assert not host.binds(18080, OTHER) and host.binds(18080, WEB)
    assert host.inside("cat", RESERVED).strip() == "18080"
    again = host.minato(command="restore")
    assert again.returncode == 0 and again.stdout == ""


def test_restore_brings_nothing_back_after_off(host):
    apply(host, guard="enforce")
    host.minato(command="off")
    start_anew(host)
    assert host.minato(command="restore").returncode == 0
    assert not host.pins.exists()


def test_restore_needs_no_more_rights_than_its_service_has(host):
    apply(host, guard="enforce")
    start_anew(host)
    rights = "-all,+net_admin,+bpf,+perfmon,+sys_admin"
    done = host.minato(command="restore", before=("setpriv", f"--bounding-set={rights}", "--inh-caps=-all",
                                                  "--no-new-privs"))
    assert done.returncode == 0 and "bind guard: on, refuses" in done.stdout, done.stdout + done.stderr
    assert not host.binds(18080, OTHER)


def test_a_restarted_service_binds_what_apply_kept_for_it(host):
    apply(host, guard="enforce")
    service = host.binder(WEB)
    assert service.bind(18080)
    service.end()
    host.remove_group(WEB)
    assert not host.binds(18080, OTHER)
    assert host.binds(18080, WEB)


def test_apply_that_is_killed_leaves_a_whole_guard(host):
    first, second = OPEN, OPEN.replace("18080", "18090")
    apply(host, first, guard="enforce")
    for step in range(12):
        write(host, second if step % 2 == 0 else first, guard="enforce")
        process = host.start("--unproven", command="apply")
        try:
            process.wait(0.02 + 0.015 * step)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        free = [port for port in (18080, 18090) if host.binds(port, OTHER)]
        assert len(free) == 1  # the old one or the new one
    done = host.minato("--unproven", command="apply")
    assert done.returncode == 0, done.stderr
    assert plan(host)[0] == 0
    assert host.binds(18090, OTHER) and not host.binds(18080, OTHER)


def test_a_guard_of_another_version_is_replaced_and_its_reserved_ports_go_with_it(host):
    write(host, guard="enforce")
    host.inside(PROBE, "old", host.pins, host.cgroup, host.policy)
    assert host.inside("cat", RESERVED).strip() == "18080"
    assert host.status()["outdated"] is True and host.status()["this_namespace"] is True
    done = apply(host, OPEN.replace("18080", "18090"), guard="enforce")
    assert "bind guard: on, refuses" in done.stdout
    assert not host.binds(18090, OTHER) and host.binds(18080, OTHER)
    assert host.inside("cat", RESERVED).strip() == "18090"
    write(host, guard="enforce")
    host.minato("off")
    host.inside(PROBE, "old", host.pins, host.cgroup, host.policy)
    assert host.minato(command="off").returncode == 0
    assert host.inside("cat", RESERVED).strip() == ""
    assert not host.pins.exists()


# ---- plan ----

def test_plan_tells_what_the_guard_will_do(host):
    write(host, guard="enforce")
    code, guard = plan(host)
    assert code == 2 and guard["mode"] == "enforce" and guard["fault"] is None
    assert guard["changes"] == [{"change": "kept", "ports": "18080/tcp", "before": None,
                                 "after": {"programs": "unit: web.service", "refuses": True}}]
    assert not host.pins.exists()
    apply(host, guard="observe")
    assert plan(host)[0] == 0
    write(host, OPEN.replace("web.service", "web.service, user: nobody"), guard="enforce")
    done = host.minato(command="plan")
    assert ("~ keep     18080/tcp for unit: web.service, user: nobody; others are refused "
            "(was: unit: web.service; others are only told of)") in done.stdout
    write(host, guard="off")
    assert "- free     18080/tcp for every program (was: unit: web.service)" in host.minato(command="plan").stdout


def test_plan_sees_what_somebody_did_to_the_guard(host):
    apply(host, guard="enforce")
    assert plan(host) == (0, {"mode": "enforce", "changes": [], "differs": False, "fault": None})
    for words in (("on", "--mode", "observe"), ("off",)):
        done = host.minato(*words)
        assert done.returncode == 0, done.stderr
        code, guard = plan(host)
        assert code == 2 and guard["differs"] is True and guard["changes"] == []
        assert "the bind guard is not what the policy says" in host.minato(command="plan").stdout
        assert host.minato("--unproven", command="apply").returncode == 0
        assert plan(host)[0] == 0
        assert not host.binds(18080, OTHER)


def test_what_guard_on_says_against_the_policy_is_told(host):
    write(host)
    done = host.minato("on", "--mode", "enforce")
    assert done.returncode == 0 and "until the next minato apply" in done.stderr
    assert host.minato("on").stderr == ""
    assert host.status()["mode"] == "observe"


# ---- containers ----

def with_docker(*containers):
    """Words that run a command where Docker knows these containers, (id, name)."""
    made = "".join(f"mkdir -p /var/lib/docker/containers/{each}; "
                   f"echo '{{\"Name\": \"/{name}\"}}' > /var/lib/docker/containers/{each}/config.v2.json; "
                   for each, name in containers)
    return "unshare", "--mount", "sh", "-c", f'mount -t tmpfs none /var/lib; {made} exec "$0" "$@"'


def test_a_container_made_anew_is_found_by_its_name_again(host):
    box = "  box: {port: 18080/tcp, for: t, owner: o, from: any, program: {container: shop}}\n"
    other = ID[::-1]
    write(host, box, guard="enforce")
    done = host.minato("--unproven", command="apply", before=with_docker((ID, "shop"), (other, "more")))
    assert done.returncode == 0, done.stderr
    assert host.binds(18080, f"system.slice/docker-{ID}.scope")
    assert not host.binds(18080, f"system.slice/docker-{other}.scope")
    # The same name, another id: as `docker rm` and `docker run` leave it. minato-guard.path starts this.
    done = host.minato(command="restore", before=with_docker((other, "shop")))
    assert done.returncode == 0 and "bind guard: on" in done.stdout, done.stderr
    assert host.binds(18080, f"system.slice/docker-{other}.scope")
    assert not host.binds(18080, f"system.slice/docker-{ID}.scope")


def test_a_container_that_nobody_knows_is_watched_and_told(host):
    box = "  box: {port: 18080/tcp, for: t, owner: o, from: any, program: {container: shop}}\n"
    done = apply(host, box, guard="enforce")
    assert "no container of that name is known" in done.stdout
    assert host.binds(18080, OTHER)
