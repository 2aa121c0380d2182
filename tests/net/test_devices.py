"""minato devices: who is near, whether it is declared, what it offers. Without rights, but for what is in use."""
import json
import os
import socket
import subprocess
import time

import pytest

from world import MINATO, NOBODY, World, checked, inside, run

MAC = "52:54:00:12:34:56"
POLICY = """minato: 1
defaults: {{owner: me}}
hosts:
  camera: {{address: [{four}, "{six}"], every: 15m, ports: {{web: {{port: 80/tcp, for: pictures}}}}}}
  shelf: {{address: 192.0.2.200}}
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def world():
    """The outside is where the command runs; the host is the device that it sees."""
    made = World()
    made.declare(POLICY.format(four=made.HOST, six=made.HOST6))
    made.folder.chmod(0o755)  # for those without rights
    for address in (made.HOST, made.HOST6):
        with inside(made.outside) as call:
            call(lambda: socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM).sendto(b"", (address, 9)))
    yield made
    made.remove()


def command(world, *words, before=(), **more):
    return subprocess.run(["ip", "netns", "exec", world.outside, *before, MINATO, "--policy", world.policy, *words], capture_output=True,
                          text=True, timeout=60, env=world.environment(**more), check=False)


def devices(world, *words, code=None, before=(), **more):
    done = command(world, "devices", "--json", *words, before=before, **more)
    assert code is None or done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)["devices"]


def called(found, name):
    (one,) = [each for each in found if each["name"] == name]
    return one


def met(world, **more):
    """Waits until the kernel knows the camera by both addresses."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        camera = called(devices(world, **more), "camera")
        if camera["state"] in ("answers", "stale") and camera["mac"]:
            return camera
        time.sleep(0.05)
    raise AssertionError(camera)


def stranger(world, address="10.77.0.99"):
    checked("ip", "netns", "exec", world.outside, "ip", "neigh", "add", address, "lladdr", MAC, "dev", "eth1", "nud", "stale")


def test_a_device_is_one_row_whoever_asks(world):
    for before in ((), NOBODY):
        camera = met(world, before=before)
        assert camera["addresses"][:2] == [world.HOST, world.HOST6]
        assert all(address.startswith("fe80:") for address in camera["addresses"][2:])  # its own, declared by nobody
        assert (camera["host"], camera["name_source"], camera["interface"], camera["every_us"]) == ("camera", "policy", "eth1", 900 * 10**6)
        assert [(port["first_port"], port["declaration"]) for port in camera["ports_declared"]] == [(80, "web")]
        assert camera["audit"] is None
        shelf = called(devices(world, before=before, code=0), "shelf")
        assert (shelf["state"], shelf["mac"], shelf["interface"]) == ("unknown", None, None)
    begun = time.monotonic()
    command(world, "devices", before=NOBODY)
    assert time.monotonic() - begun < 5


def test_who_is_not_declared_is_told(world):
    met(world)
    stranger(world)
    found = devices(world, code=2)
    (other,) = [each for each in found if each["host"] is None]
    assert (other["addresses"], other["mac"], other["mac_local"], other["state"]) == (["10.77.0.99"], MAC, True, "stale")
    said = command(world, "devices").stdout
    assert f"{MAC}*" in said and "not declared: 1;" in said
    one = command(world, "devices", MAC.upper())
    assert one.returncode == 2 and "no entry of hosts: has it" in one.stdout and "minato audit --authorized 10.77.0.99" in one.stdout
    assert command(world, "devices", "camera").returncode == 0


def test_an_address_that_nobody_has_is_no_device(world):
    checked("ip", "netns", "exec", world.outside, "ip", "neigh", "add", "10.77.0.98", "dev", "eth1", "nud", "failed")
    assert all("10.77.0.98" not in each["addresses"] for each in devices(world, code=0))


def test_what_the_last_audit_found_is_held_against_the_policy(world):
    world.listen(80)
    world.listen(23)
    assert command(world, "audit", "--ports", "20-100", "camera").returncode == 2
    camera = called(devices(world, code=2), "camera")
    assert [(each["port"], each["declared"]) for each in camera["audit"]["open"]] == [(23, False), (80, True)]
    said = command(world, "devices").stdout
    assert "not declared: 23/tcp; 80/tcp" in said
    assert called(devices(world, before=NOBODY, code=0, HOME="/nonexistent"), "camera")["audit"] is None  # root's record is root's
    assert "not audited by this user" in command(world, "devices", before=NOBODY).stdout


def test_what_is_in_use_now(world):
    world.listen(80)
    world.listen(23)
    run("ip", "netns", "exec", world.outside, "nft", "add table inet t; add chain inet t c { type filter hook output priority 0; }; "
        "add rule inet t c ct state new accept")
    with inside(world.outside) as call:
        talking = call(lambda: [socket.create_connection((world.HOST, port), 2) for port in (80, 23)])
    camera = called(devices(world, code=2), "camera")
    assert sorted((each["port"], each["count"], each["declared"]) for each in camera["connections"]) == [(23, 1, False), (80, 1, True)]
    assert "23/tcp by" in command(world, "devices", "camera").stdout
    assert called(devices(world, before=NOBODY, code=0), "camera")["connections"] is None
    for each in talking:
        each.close()


def test_without_a_policy_nothing_is_compared(world):
    stranger(world)
    done = subprocess.run(["ip", "netns", "exec", world.outside, MINATO, "devices"], capture_output=True, text=True, timeout=20,
                          env=world.environment(), check=False)
    assert done.returncode == 0 and "nothing is compared" in done.stdout and "10.77.0.99" in done.stdout


def test_who_is_not_there_is_an_error(world):
    done = command(world, "devices", "fridge")
    assert done.returncode == 3 and "fridge: neither a neighbour" in done.stderr


def test_in_japanese(world):
    stranger(world)
    said = command(world, "devices", LANGUAGE="ja", LC_ALL="C.UTF-8").stdout
    assert "未宣言" in said and "インターフェース" in said
