"""The sandbox of `minato demo`: what is in it, who may have it, and that nothing of it stays."""
import os
import signal

import pytest

from daemon import until
from demo_world import quay  # noqa: F401, a fixture

ALONE = "counts processes, namespaces and mounts before and after"
PORTS = {22: "sshd", 23: "telnetd", 80: "httpd", 443: "httpd", 1883: "mosquitto", 6379: "redis-server", 25565: "gameserver"}
MACHINES = 8


@pytest.mark.parametrize("language, anyone", [("en", "anyone"), ("ja", "誰でも")])
def test_the_host_has_its_services_and_no_others(quay, language, anyone):
    rows = quay.host("minato ports", language=language).splitlines()[1:]
    assert [row.split("/")[0].strip() for row in rows] == [str(port) for port in PORTS]
    for row, program in zip(rows, PORTS.values(), strict=True):
        assert f" {program} " in row and anyone in row


def test_the_end_of_the_command_is_the_end(quay):
    for command, code in (("exit 7", 7), ("kill -9 $$", 128 + 9), ("exit 0", 0)):
        quay.demo("--", "sh", "-c", command, code=code)
    quay.demo("--", "there-is-no-such-program", code=127)


def test_nothing_outside_can_be_written(quay):
    done = quay.demo("--", "sh", "-c", "for f in /usr /etc/.machine /var/lib/.machine; do touch $f/x; done; echo own > /etc/minato/own;"
                                       "cat /etc/minato/own; touch /tmp/x /run/x /root/x; hostname; ls -A /tmp", code=0)
    assert done.stdout.split() == ["own", "harbour", "x"]
    assert done.stderr.count("Read-only file system") == 3


def test_machines_reach_each_other(quay):
    text = quay.host("minato check 203.0.113.10:80; minato check --json lamp:22; ip -br link")
    assert "HTTP/1.1 200" in text
    assert "refused" in text  # the lamp is there, and has no such port
    assert [line.split("@")[0].split()[0] for line in text.splitlines()[-3:]] == ["lo", "eth0", "eth1"]


def test_a_device_behind_the_router_has_its_address(quay):
    text = quay.host("for i in 1 2 3 4 5 6; do ss -Htn state established '( sport = :25565 )'; sleep 0.2; done")
    peers = {line.split()[3].rsplit(":", 1)[0] for line in text.splitlines()}
    assert peers == {"203.0.113.50", "203.0.113.20"}  # the friend; the router for the console


def test_rules_and_incidents_are_real(quay):
    text = quay.host("minato init >/dev/null && minato apply </dev/null && nft list tables && minato incidents")
    assert "table inet minato" in text and "no scan of this host is remembered" in text


def ours(quay):
    return {pid: row for pid, row in quay.processes().items() if pid not in quay.before["processes"]}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_nothing_stays_however_it_ends(quay, number):
    running = quay.start()
    until(lambda: "Ctrl-C" in running.stdout.readline(), "the world stands")
    assert len(quay.namespaces() - quay.before["namespaces"]) > MACHINES * 5
    processes = ours(quay)
    assert len(processes) > 2 * MACHINES
    first = min(pid for pid, row in processes.items() if " demo" in row[2])
    group = processes[first][1]
    # Ctrl-C of a terminal is for everybody in front; other signals are for minato alone.
    meant = [pid for pid, row in processes.items() if row[1] == group] if number == signal.SIGINT else [first]
    quay.inside("kill", f"-{int(number)}", *map(str, meant))
    assert running.wait(20) != 0 or number == signal.SIGINT


def test_a_machine_that_ends_is_the_end_of_all(quay):
    running = quay.start("--", "sleep", "60")
    machines = until(lambda: {pid for pid, row in ours(quay).items() if "minatod" in row[2]}, "the daemon runs")
    host = quay.processes()[min(machines)][0]
    quay.inside("kill", "-9", str(host))
    assert running.wait(20) in (1, 128 + signal.SIGKILL)  # the world sees the machine end, or the command on it first
    assert not os.path.exists(f"/proc/{running.pid}/exe")
