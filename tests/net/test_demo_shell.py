"""`minato demo --shell`: a login on the host, and commands at the other machines."""
import pytest

from demo_world import quay, terminals  # noqa: F401, fixtures

ALONE = "counts processes, namespaces and mounts before and after"
CUT = "minato: 1\nports:\n  web: {port: 80/tcp, for: site, owner: o, from: any}\n"


def test_lines_without_a_terminal_are_typed_at_a_shell(quay):
    done = quay.demo("--shell", typed="hostname\nminato explain 6379\nexit 5\n", code=5)
    assert done.stdout.startswith("harbour\n6379/tcp  Redis")


def test_another_machine_does_what_it_is_told(quay):
    text = quay.host("echo typed | at scanner sh -c 'hostname; cat; exit 9'; echo $?; at friend minato check harbour:25565;"
                     "at nobody true; echo $?")
    assert text.startswith("scanner\ntyped\n9\n")
    assert "203.0.113.10:25565" in text and text.endswith("127\n")


def test_a_scan_finds_what_is_open_and_is_found(quay):
    text = quay.host("at scanner scan harbour; for i in 1 2 3 4 5 6 7 8 9; do sleep 0.2; minato incidents; done")
    assert "25565/tcp open\nharbour: 10000/tcp asked, 7 open" in text
    assert "203.0.113.66" in text


@pytest.mark.parametrize("language, greeting", [("en", "You are logged in on the host"), ("ja", "ホストにログインしました")])
def test_a_terminal_is_one_on_the_host(quay, terminals, language, greeting):
    terminal = terminals(quay.words("--shell"), language)
    terminal.until(greeting)
    terminal.until(":~# ")
    terminal.type("stty size; hostname\r")
    assert "40 100\r\nharbour\r\n" in terminal.until("harbour\x1b[0m:~# ")
    terminal.type("sh -c 'echo be\"\"gan; exec sleep 60'\r")
    terminal.until("began")
    terminal.type("\x03")
    terminal.until(":~# ")
    terminal.type("echo code $?\r")
    terminal.until("code 130")
    terminal.type("at scanner sh -c 'echo be\"\"gan; exec sleep 60'\r")
    terminal.until("began")
    terminal.type("\x03")
    terminal.until(":~# ")
    terminal.type("exit 4\r")
    assert terminal.end() == 4


def test_the_login_is_one_that_a_policy_can_cut(quay, terminals):
    terminal = terminals(quay.words("--shell"))
    terminal.until(":~# ")
    terminal.type(f"printf {CUT!r} > /etc/minato/policy.yaml; minato apply; echo code $?\r")
    refused = terminal.until("code 1")
    assert "192.168.50.10" in refused  # the desk, from where this login comes
    terminal.type("exit\r")
    terminal.until("exit")
    assert terminal.end() == 0
