"""Devices that are audited every so often: minato audit --due, with the rights that minato-audit.service leaves."""
import json
import os
import re
import socket
import subprocess
import time

import pytest

from daemon import Daemon, until
from world import BUILD, MINATO, World, inside

POLICY = """minato: 1
defaults: {{owner: me}}
hosts:
  camera: {{address: {box}, every: 15m, ports: {{web: {{port: 80/tcp, for: pictures}}}}}}
  printer: {{address: {other}, every: 1h}}
  shelf: {{address: 192.0.2.200}}
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def world():
    made = World()
    made.declare(POLICY.format(box=made.HOST, other=made.HOST6))
    yield made
    made.remove()


def unit():
    text = (BUILD / "packaging/systemd/minato-audit.service").read_text()
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and line[0] != "#")


def due(world, *words, **more):
    rights = ",".join("+" + word.removeprefix("CAP_").lower() for word in unit()["CapabilityBoundingSet"].split())
    _, *ordered = unit()["ExecStart"].split()
    return subprocess.run(["nsenter", f"--net=/run/netns/{world.outside}", "setpriv", f"--bounding-set=-all,{rights}", "--inh-caps=-all",
                           "--no-new-privs", MINATO, "--policy", world.policy, *ordered, "--rate", "max", *words],
                          capture_output=True, text=True, env=world.environment(**more), timeout=120)


def audited(done):
    return [each["host"] for each in json.loads(done.stdout)["audits"]]


def past(world, name, minutes):
    """As if it had been asked so long ago."""
    then = time.time() - minutes * 60
    os.utime(world.folder / "rules" / "audits-due" / name, (then, then))


def listen(world, port):
    with inside(world.host) as call:
        return call(lambda: socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True))


def test_what_is_due_is_asked_and_nothing_else(world):
    with listen(world, 80):
        first = due(world, "--json")
        assert audited(first) == ["camera", "printer"], first.stderr
        (camera, printer) = json.loads(first.stdout)["audits"]
        assert camera["sweeps"][0]["mode"] == "raw" and [row["verdict"] for row in camera["ports"]] == ["in_order"]
        again = due(world)
        assert again.returncode == 0 and re.match(r"nothing is due; next is camera, in 1[45]\.?\d* ?m", again.stdout), again.stdout + again.stderr
        assert json.loads(due(world, "--json").stdout)["audits"] == []
        past(world, "camera", 16)
        past(world, "printer", 16)
        assert audited(due(world, "--json")) == ["camera"]
        past(world, "printer", 61)
        assert audited(due(world, "--json")) == ["printer"]


def test_a_port_that_opened_is_an_event(world):
    with Running(world) as daemon:
        runtime = {"MINATO_RUNTIME_DIRECTORY": str(daemon.runtime)}
        due(world, "--json", **runtime)
        past(world, "camera", 16)
        with listen(world, 23):
            found = due(world, **runtime)
        assert found.returncode == 2 and "23/tcp opened" in found.stdout, found.stdout + found.stderr
        (told,) = until(lambda: daemon.ask("/v1/events?kind=port_opened")["events"], "the event")
        assert (told["address"], told["port"]) == (world.HOST, 23)


class Running:
    """A daemon outside of the host: one that only remembers."""

    def __init__(self, world):
        self.daemon = Daemon()

    def __enter__(self):
        self.daemon.start()
        return self.daemon

    def __exit__(self, *_):
        self.daemon.remove()


def test_a_device_that_is_off_is_not_asked_all_the_time(world):
    world.declare("minato: 1\nhosts:\n  camera: {address: 198.51.100.250, every: 15m}\n")
    first = due(world, "--json", "--ports", "80")
    assert audited(first) == ["camera"]
    assert "next is camera" in due(world).stdout


def test_what_cannot_be_meant_is_said(world):
    done = due(world, "camera")
    assert done.returncode == 3
    assert "--due takes no hosts" in done.stderr
    world.declare("minato: 1\nhosts:\n  camera: {address: 198.51.100.250}\n")
    done = due(world)
    assert (done.returncode, done.stdout) == (0, "nothing is due: no entry of hosts: in the policy has every:\n")
    assert due(world, LANGUAGE="ja", LC_ALL="C.UTF-8", LANG="ja_JP.UTF-8").returncode == 0
