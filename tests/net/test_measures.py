"""Measures of a real sshd: done and not done as its files say, with the line that decides."""
import json
import subprocess

import pytest

from openssh import Sshd, server
from world import MINATO, World, checked


@pytest.fixture(scope="module")
def world():
    made = World()
    made.folder.chmod(0o755)
    yield made
    made.remove()


class Settings(Sshd):
    """sshd that includes a folder of settings; they change while it runs, as minato reads the files."""

    def settings(self):
        (self.folder / "more").mkdir()
        return f"Include {self.folder}/more/*.conf\n" + super().settings().replace("PermitRootLogin prohibit-password\n", "")

    def say(self, **files):
        for path in (self.folder / "more").iterdir():
            path.unlink()
        for name, text in files.items():
            (self.folder / "more" / f"{name}.conf").write_text(text)


@pytest.fixture(scope="module")
def sshd(world):
    return Settings(world)


def minato(world, *words, user=None):
    wrap = ["setpriv", f"--reuid={user}", "--clear-groups"] if user else []
    done = subprocess.run(["ip", "netns", "exec", world.host, *wrap, MINATO, *words], capture_output=True, text=True, timeout=60,
                          env=world.environment(), check=False)
    assert done.stdout, done.stderr
    return done.stdout


def measures(world, port, **options):
    explained, = json.loads(minato(world, "explain", "--json", str(port), **options))["explanations"]
    return {row["measure"]: row for row in explained["measures"] if row["host"]}


def test_by_default_root_has_no_password_and_others_have(world, sshd):
    sshd.say()
    found = measures(world, 22)
    assert found["ssh-root-login"]["state"] == "done" and found["ssh-root-login"]["reason"] == "default"
    assert found["ssh-password"]["state"] == "not_done" and found["ssh-password"]["evidence"] == "PasswordAuthentication yes"
    assert found["ssh-host-keys"]["state"] == "done" and found["ssh-host-keys"]["evidence"] == "ssh-ed25519"


@pytest.mark.parametrize("text, root, password", [
    ("PermitRootLogin yes\n", "not_done", "not_done"),
    ("PermitRootLogin yes\nPasswordAuthentication yes\n", "not_done", "not_done"),
    ("PermitRootLogin yes\nPasswordAuthentication no\n", "done", "done"),
    ("PermitRootLogin no\n", "done", "not_done"),
    ("PermitRootLogin no\nPasswordAuthentication no\n", "done", "done"),
    ("PasswordAuthentication no\nMatch Address 10.77.0.0/24\nPasswordAuthentication yes\n", "done", "not_done"),
    ("PermitRootLogin no\nMatch User root\nPermitRootLogin yes\n", "not_done", "not_done"),
])
def test_verdicts_agree_with_sshd(world, sshd, text, root, password):
    """What sshd itself says of a root that comes from there (sshd -T) is what the verdict must rest on."""
    sshd.say(own=text)
    found = measures(world, 22)
    assert (found["ssh-root-login"]["state"], found["ssh-password"]["state"]) == (root, password)
    told = dict(line.split(" ", 1) for line in checked(
        "ip", "netns", "exec", world.host, "unshare", "-m", "sh", "-c",
        f"mount --bind {sshd.folder}/passwd /etc/passwd && mkdir -p /run/sshd && exec "
        f"{server()} -T -f {sshd.folder}/config -C user=root,host=friend,addr=10.77.0.2").splitlines())
    lets_password = told["passwordauthentication"] == "yes"
    assert (password == "not_done") == lets_password
    assert (root == "not_done") == (lets_password and told["permitrootlogin"] == "yes")


def test_the_first_file_counts_and_is_named(world, sshd):
    sshd.say(a="PermitRootLogin yes\n", b="PermitRootLogin no\n")
    evidence = measures(world, 22)["ssh-root-login"]["evidence"]
    assert evidence == f"PermitRootLogin yes, {sshd.folder}/more/a.conf:1"


def test_without_rights_nobody_knows_whose_settings_count(world, sshd):
    sshd.say(a="PermitRootLogin no\nPasswordAuthentication no\n")
    (sshd.folder / "more/a.conf").chmod(0o600)
    assert measures(world, 22)["ssh-password"]["state"] == "done"
    found = measures(world, 22, user=65534)
    assert (found["ssh-password"]["state"], found["ssh-password"]["reason"]) == ("cannot_tell", "unseen")


def test_a_weak_host_key_is_named(world, sshd):
    checked("ssh-keygen", "-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", sshd.folder / "weak")
    sshd.say(a=f"HostKey {sshd.folder}/weak\n")
    found = measures(world, 22)["ssh-host-keys"]
    assert found["state"] == "not_done" and found["evidence"] == f"ssh-rsa 1024, {sshd.folder}/weak"


def test_status_names_the_worst(world, sshd):
    sshd.say(a="PermitRootLogin yes\n")
    screen = minato(world, "status")
    line = next(line for line in screen.splitlines() if line.startswith("Not done: "))
    assert line.startswith("Not done: no login of root by password at 22/tcp, and ") and line.endswith(": minato explain 22")
    rows = json.loads(minato(world, "status", "--json"))["measures"]
    assert {(row["port"], row["measure"]) for row in rows if row["host"] and row["state"] == "not_done"} >= {(22, "ssh-root-login"), (22, "ssh-password")}


def test_who_gets_in_is_what_the_rules_say(world, sshd):
    sshd.say()
    checked("ip", "-n", world.host, "route", "add", "default", "via", World.FRIEND)
    found = measures(world, 22)["address-limit"]
    assert (found["state"], found["reason"]) == ("not_done", "anyone")
    checked("ip", "netns", "exec", world.host, "nft", "add table inet own; add chain inet own in { type filter hook input priority 0; }; "
            "add rule inet own in tcp dport 22 ip saddr != 10.77.0.2 drop; add rule inet own in meta nfproto ipv6 tcp dport 22 drop")
    try:
        found = measures(world, 22)["address-limit"]
        assert found["state"] == "done" and found["evidence"] is not None
    finally:
        checked("ip", "netns", "exec", world.host, "nft", "delete table inet own")


def test_the_screen_says_what_to_type(world, sshd):
    sshd.say(a="PermitRootLogin yes\n")
    screen = " ".join(minato(world, "explain", "22/tcp").split())
    assert "Measures at 22/tcp" in screen and "-> Write PermitRootLogin no" in screen
    japanese = subprocess.run(["ip", "netns", "exec", world.host, MINATO, "explain", "22/tcp"], capture_output=True, text=True, timeout=60,
                              env=world.environment(LANG="ja_JP.UTF-8", LANGUAGE="ja"), check=True).stdout
    assert "22/tcp の対策" in japanese and "未実施" in japanese
