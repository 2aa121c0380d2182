"""Measures of a real sshd, done and not done as its files say, and of small servers that are asked."""
import contextlib
import hashlib
import http.server
import json
import socket
import subprocess
import threading

import pytest

from openssh import Sshd, server
from world import MINATO, World, checked, inside


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


# ---- what only the service can tell: small servers ----


class Replies:
    """A server that greets, then answers each line by its first word; what it was told is kept."""

    def __init__(self, world, port, greeting, answers):
        self.answers, self.greeting, self.told = answers, greeting, []
        with inside(world.host) as call:
            self.socket = call(lambda: socket.create_server(("0.0.0.0", port)))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.sendall(self.greeting)
            for line in connection.makefile("rb"):
                self.told.append(line.decode(errors="replace").strip())
                connection.sendall(self.answers.get(line.split()[0].upper() if line.split() else b"", b"502 what?\r\n"))

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Pages(http.server.BaseHTTPRequestHandler):
    """Answers from a table of the server: path -> (status, headers, body)."""

    def do_GET(self):
        self.server.told.append(self.path)
        status, headers, body = self.server.pages.get(self.path, (404, {}, b"nothing"))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def web(world, port, pages):
    with inside(world.host) as call:
        server = call(lambda: http.server.ThreadingHTTPServer(("0.0.0.0", port), Pages))
    server.pages, server.told = pages, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@contextlib.contextmanager
def replies(world, port, greeting, answers):
    server = Replies(world, port, greeting, answers)
    yield server
    server.close()


def asked(world, port):
    explained, = json.loads(minato(world, "explain", "--json", "--measures", str(port)))["explanations"]
    return {row["measure"]: row for row in explained["measures"] if row["host"]}


RELAY = {b"EHLO": b"250-x\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n", b"MAIL": b"250 Ok\r\n", b"RCPT": b"250 Ok\r\n", b"RSET": b"250 Ok\r\n",
         b"QUIT": b"221 Bye\r\n"}
STRICT = {**RELAY, b"EHLO": b"250-x\r\n250 STARTTLS\r\n", b"RCPT": b"554 5.7.1 Relay access denied\r\n"}


def test_without_being_asked_for_nobody_connects(world):
    with web(world, 80, {"/": (200, {}, b"hello")}) as server:
        found = measures(world, 80)
        minato(world, "status")
        assert server.told == []
        assert found["http-listing"]["state"] == "cannot_tell" and found["http-listing"]["reason"] == "not_asked"


def test_a_careful_web_server(world):
    with web(world, 80, {"/": (301, {"Location": "https://host/"}, b"")}) as server:
        found = asked(world, 80)
        assert found["http-redirect"]["state"] == "done" and found["http-redirect"]["evidence"] == "301 https://host/"
        assert found["http-traversal"]["state"] == "done"
        assert [path for path in server.told if ".." in path] == ["/../../../../../../../../../../etc/os-release"]


def test_a_careless_web_server(world):
    with web(world, 80, {"/": (200, {}, b"<html><title>Index of /</title>"),
                         "/../../../../../../../../../../etc/os-release": (200, {}, b'PRETTY_NAME="x"\n')}):
        found = asked(world, 80)
        assert {found[name]["state"] for name in ("http-redirect", "http-listing", "http-traversal")} == {"not_done"}


def test_a_changed_page_is_found(world):
    with web(world, 80, {"/": (200, {}, b"welcome")}) as server:
        assert asked(world, 80)["http-page"]["reason"] == "page_new"
        minato(world, "explain", "80", "--measures", "--remember-page")
        found = asked(world, 80)["http-page"]
        assert (found["state"], found["evidence"]) == ("done", "sha256:" + hashlib.sha256(b"welcome").hexdigest())
        server.pages["/"] = (200, {}, b"defaced")
        found = asked(world, 80)["http-page"]
        assert (found["state"], found["reason"]) == ("not_done", "page_changed")
        server.pages["/"] = (503, {}, b"later")
        assert asked(world, 80)["http-page"]["state"] == "cannot_tell"


def test_a_server_that_never_answers_is_no_verdict(world):
    with replies(world, 80, b"", {}):
        found = asked(world, 80)
        assert found["http-listing"]["state"] == "cannot_tell" and found["http-listing"]["reason"] == "silent"


def test_mail_servers(world):
    with replies(world, 25, b"220 x\r\n", STRICT) as server:
        found = asked(world, 25)
        assert found["smtp-auth"]["state"] == "done" and found["smtp-relay"]["state"] == "done"
        assert "Relay access denied" in found["smtp-relay"]["evidence"]
        assert "RSET" in server.told and not any(line.startswith("DATA") for line in server.told)
    with replies(world, 25, b"220 x\r\n", RELAY) as server:
        found = asked(world, 25)
        assert found["smtp-auth"]["state"] == "not_done"
        # From the host itself that is no relay for strangers.
        assert (found["smtp-relay"]["state"], found["smtp-relay"]["reason"]) == ("cannot_tell", "own_network")
        assert "RSET" in server.told and not any(line.startswith("DATA") for line in server.told)


def test_ftp(world):
    for reply, state in ((b"234 go on\r\n", "done"), (b"530 Please login\r\n", "not_done")):
        with replies(world, 21, b"220 (vsFTPd 3.0.3)\r\n", {b"AUTH": reply, b"FEAT": b"211 End\r\n", b"QUIT": b"221 x\r\n"}):
            found = asked(world, 21)["ftp-tls"]
            assert (found["state"], found["evidence"]) == (state, "AUTH TLS: " + reply.decode().strip())


def test_a_database_without_login(world):
    for reply, state in ((b"+PONG\r\n", "not_done"), (b"-NOAUTH Authentication required.\r\n", "done")):
        with replies(world, 6379, b"", {b"PING": reply, b"*1": b"", b"$4": b"", b"INFO": b"$0\r\n\r\n"}):
            assert asked(world, 6379)["login"]["state"] == state


class Agent:
    """SNMP over UDP: answers version 3's discovery, and version 2c where the community is the right one."""

    def __init__(self, world, community):
        self.community = community
        with inside(world.host) as call:
            self.socket = call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.socket.bind(("0.0.0.0", 161))
        self.ended, self.thread = False, threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def close(self):
        self.ended = True
        self.thread.join()
        self.socket.close()

    def run(self):
        self.socket.settimeout(0.1)
        while not self.ended:
            with contextlib.suppress(TimeoutError):
                asked, peer = self.socket.recvfrom(2048)
                if b"\x02\x01\x03" in asked[:8]:
                    self.socket.sendto(asked, peer)
                elif self.community in asked:
                    name = b"\x06\x08\x2b\x06\x01\x02\x01\x01\x01\x00"
                    value = b"\x04\x05agent"
                    bind = b"\x30" + bytes([len(name + value)]) + name + value
                    pdu = b"\x02\x04mnia\x02\x01\x00\x02\x01\x00\x30" + bytes([len(bind)]) + bind
                    body = b"\x02\x01\x01\x04\x06public\xa2" + bytes([len(pdu)]) + pdu
                    self.socket.sendto(b"\x30" + bytes([len(body)]) + body, peer)


def test_snmp(world):
    for community, state in ((b"public", "not_done"), (b"another", "done")):
        agent = Agent(world, community)
        try:
            assert asked(world, 161)["snmp-community"]["state"] == state
        finally:
            agent.close()


def test_audit_asks_declared_hosts_alone(world):
    policy = world.folder / "hosts.yaml"
    policy.write_text(f"minato: 1\nhosts:\n  web: {{address: {World.HOST}}}\n")

    def audit(*words):
        done = subprocess.run(["ip", "netns", "exec", world.outside, MINATO, "--policy", policy, "audit", "--ports", "25,80,6379",
                               *words], capture_output=True, text=True, timeout=90, env=world.environment(), check=False)
        assert done.stdout, done.stderr
        return done.stdout

    with web(world, 80, {"/": (200, {}, b"<title>Index of /</title>")}) as pages, replies(world, 25, b"220 x\r\n", STRICT), \
            replies(world, 6379, b"", {b"PING": b"+PONG\r\n", b"INFO": b"$0\r\n\r\n"}):
        found, = json.loads(audit("--measures", "--json", "web"))["audits"]
        states = {(row["port"], row["measure"]): row["state"] for row in found["measures"]}
        assert states[80, "http-listing"] == "not_done" and states[80, "http-traversal"] == "done"
        redis, = [row["mend"] for row in found["measures"] if row["measure"] == "login"]
        assert "redis.conf" in redis
        assert states[25, "smtp-relay"] == "done" and states[6379, "login"] == "not_done"
        screen = audit("--measures", "web")
        assert "80/tcp  not done: no listing of folders (/)" in screen and "    -> " in screen
        pages.told.clear()
        assert json.loads(audit("--json", "web"))["audits"][0]["measures"] == []
        assert not any(".." in path for path in pages.told)
        other, = json.loads(audit("--measures", "--authorized", "--json", World.HOST6))["audits"]
        assert other["measures"] == [] and not any(".." in path for path in pages.told)
