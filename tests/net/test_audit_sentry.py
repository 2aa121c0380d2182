"""The scan defence of the host that audits: neither its own questions nor the answers are a scan, and it sees others all the while."""
import json
import os
import subprocess

import pytest

from sentry_world import SentryWorld, incidents, looking, named
from world import MINATO, run

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
PORTS = "1-3000,8080,40000"
NEIGHBOUR, NEIGHBOUR6 = SentryWorld.FRIEND, SentryWorld.FRIEND6
STRANGER = "198.51.100.7"


@pytest.fixture
def world(tmp_path):
    made = SentryWorld(tmp_path)
    for port in (22, 80, 8080, 40000):
        made.listen(port)
        made.listen(port, namespace=made.outside)
    made.listen(53, "udp", "0.0.0.0", namespace=made.outside)
    yield made
    made.remove()


@pytest.fixture(params=[("auto", "tap"), ("packets", "packets")], ids=["tap", "packets"])
def daemon(world, request):
    way, expected = request.param
    made = world.watching(way=way)
    try:
        made.start()
        looking(made, expected)
        yield made
    finally:
        made.remove()


def audit(world, daemon, *words):
    done = subprocess.run(["ip", "netns", "exec", world.host, MINATO, "audit", "--json", "--no-services", "--authorized", "--rate", "max", "--ports", PORTS,
                           *words],
                          capture_output=True, text=True, timeout=100, check=False, env=world.environment_of(daemon))
    assert done.returncode in (0, 2), done.stderr + done.stdout
    return json.loads(done.stdout)["audits"]


def nobody_but_a_stranger(world, daemon):
    """What came is looked at in its order: when the stranger is named, all before was looked at."""
    world.scan("syn", range(2001, 2041), STRANGER)
    named(daemon, STRANGER)
    assert [each["source"] for each in incidents(daemon)] == [STRANGER]


@pytest.mark.parametrize("way", [(), ("--connect",)], ids=["raw", "connect"])
@pytest.mark.parametrize("firewall", ["answers", "drops", "refuses"])
def test_a_neighbour_that_is_audited_is_no_scanner(world, daemon, way, firewall):
    if firewall != "answers":
        verdict = "drop" if firewall == "drops" else "reject with icmpx type admin-prohibited"
        run("ip", "netns", "exec", world.outside, "nft", "table inet t { chain c { type filter hook input priority 0; "
            f"meta l4proto ipv6-icmp accept; udp dport 53 accept; tcp dport {{ 22, 80 }} accept; {verdict}; }}; }}")
    found = audit(world, daemon, *way, *(["--udp", "53,54"] if firewall == "answers" else []), NEIGHBOUR, NEIGHBOUR6)
    assert all({22, 80} <= {row["port"] for row in each["ports"] if row["state"] == "open"} for each in found)
    nobody_but_a_stranger(world, daemon)


@pytest.mark.parametrize("way", [(), ("--connect",)], ids=["raw", "connect"])
def test_this_host_that_is_audited_is_no_scanner(world, daemon, way):
    found = audit(world, daemon, *way, "--udp", "53,54", "self")
    assert all({22, 80, 8080, 40000} <= {row["port"] for row in each["ports"]} for each in found)
    nobody_but_a_stranger(world, daemon)
