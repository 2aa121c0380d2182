"""What speaks at a port: servers recorded in tests/golden/identify are played back on real sockets, and bad ones are made."""
import contextlib
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time

import pytest

from openssh import Sshd
from world import BUILD, MINATO, ROOT, World, checked, inside

HOST = World.HOST
ESCAPE = re.compile(rb"\\(x[0-9a-f]{2}|.)")
PLAIN = {b"n": b"\n", b"r": b"\r"}


def unquoted(line):
    text = line[line.index('"') + 1:line.rindex('"')].encode("latin1")
    return ESCAPE.sub(lambda m: bytes([int(m[1][1:], 16)]) if len(m[1]) == 3 else PLAIN.get(m[1], m[1]), text)


class Recording:
    """One file: the port, its service, what has to be told, and the connections."""

    def __init__(self, path):
        self.name = path.stem
        head, *connections = path.read_text().split("connection\n")
        self.port, self.protocol, self.service = re.search(r"^port (\d+)/(\w+) (\S+)$", head, re.M).groups()
        self.port, self.expect = int(self.port), re.search(r"^expect (.*)$", head, re.M)[1]
        self.connections = [part.splitlines() for part in connections]
        self.said = []

    def play(self, connection, lines):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            for line in lines:
                if line.startswith("<"):
                    connection.sendall(unquoted(line))
                elif line.startswith(">"):
                    wanted, heard = unquoted(line), b""
                    while len(heard) < len(wanted) and (more := connection.recv(len(wanted) - len(heard))):
                        heard += more
                    self.said.append(heard == wanted)
                else:
                    return
            connection.recv(1 << 16)


def recordings():
    """Those that share a port with another one are played at another, except where the number matters."""
    taken, read = set(), [Recording(path) for path in sorted((ROOT / "tests/golden/identify").glob("*.talk"))]
    for number, each in enumerate(read):
        if (each.port, each.protocol) in taken:
            each.port = 20000 + number
        taken.add((each.port, each.protocol))
    return read


RECORDINGS = recordings()


def listening(world, port, serve, address=HOST):
    """A server of the host; serve(connection, number) is run for each connection, in a thread."""
    def make():
        made = socket.create_server((address, port), backlog=64)
        world.sockets.append(made)
        return made

    def accept():
        number = 0
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection, number), daemon=True).start()
                number += 1

    with inside(world.host) as call:
        listener = call(make)
    threading.Thread(target=accept, daemon=True).start()


def answering(world, recording):
    def make():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((HOST, recording.port))
        world.sockets.append(made)
        return made

    def serve():
        question, answer = (unquoted(line) for line in recording.connections[0][:2])
        with contextlib.suppress(OSError):
            while True:
                heard, who = bound.recvfrom(1 << 16)
                recording.said.append(heard == question)
                bound.sendto(answer, who)

    with inside(world.host) as call:
        bound = call(make)
    threading.Thread(target=serve, daemon=True).start()


def world_with_programs():
    made = World()
    for name in ("minato-probe", "tests/net/identify-probe"):
        shutil.copy(BUILD / name, made.folder)
    return made


@pytest.fixture(scope="module")
def world():
    made = world_with_programs()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def played(world):
    for each in RECORDINGS:
        if each.protocol == "udp":
            answering(world, each)
        else:
            listening(world, each.port, lambda connection, number, each=each:
                      each.play(connection, each.connections[min(number, len(each.connections) - 1)]))
    asked = identify(world, *(f"{each.port}/{each.protocol}={each.service}" for each in RECORDINGS))
    return dict(zip((each.name for each in RECORDINGS), asked))


def identify(world, *ports, before=(), **more):
    """@return a line for each port."""
    done = subprocess.run(["ip", "netns", "exec", world.outside, *before, world.folder / "identify-probe", HOST, *map(str, ports)],
                          capture_output=True, text=True, timeout=90, env=world.environment(**more), check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def only(world, port, serve, service=""):
    listening(world, port, serve)
    (line,) = identify(world, f"{port}={service}" if service else port)
    return line


def facts(line):
    return dict(word.split("=", 1) for word in line.split(" ") if "=" in word)


# ---- real conversations ----

@pytest.mark.parametrize("recording", [each for each in RECORDINGS if each.name != "snmp-public"], ids=lambda recording: recording.name)
def test_a_recorded_server(played, recording):
    told, wanted = facts(played[recording.name]), facts(recording.expect)
    outcome, service = recording.expect.split(" ")[:2]
    assert played[recording.name].split(" ")[1] == outcome
    assert told.get("service") == service
    for name in ("encrypted", "starttls", "without_login", "smb1", "signing", "nla", "dialect", "connections", "version"):
        assert told.get(name) == wanted.get(name), played[recording.name]
    assert recording.said and all(recording.said) if any(l.startswith(">") for l in recording.connections[0]) else True


@pytest.fixture
def other_world():
    made = world_with_programs()
    yield made
    made.remove()


def test_a_real_sshd_at_the_port_of_https(other_world):
    """The answer to a TLS handshake names it: one connection."""
    class At443(Sshd):
        def settings(self):
            return super().settings() + "Port 22\nPort 443\n"
    At443(other_world)
    https, ssh = map(facts, identify(other_world, "443=https", "22=ssh"))
    assert (https["service"], https["product"], https["connections"]) == ("ssh", "OpenSSH", "1")
    assert ssh["version"] == https["version"]


# ---- TLS ----

def certificate(world):
    folder = world.folder
    if not (folder / "cert").exists():
        checked("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key", "-out", folder / "cert",
                "-days", "2", "-subj", "/CN=\x1b[2Jharbour")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert", folder / "key")
    return context


def within_tls(world, greeting=b"", answer=b""):
    context = certificate(world)

    def serve(connection, _):
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
            secured.sendall(greeting) if greeting else None
            secured.recv(4096)
            secured.sendall(answer)
    return serve


def test_https_at_any_port_takes_a_second_connection(world):
    page = b"HTTP/1.0 200 OK\r\nServer: harbour/1.2\r\n\r\n"
    told = facts(only(world, 7001, within_tls(world, answer=page)))
    assert (told["service"], told["encrypted"], told["product"], told["version"]) == ("http", "yes", "harbour", "1.2")
    assert (told["connections"], told["certificate"]) == ("2", ".[2Jharbour")


def test_what_greets_within_tls(world):
    told = facts(only(world, 7002, within_tls(world, greeting=b"* OK ready\r\n", answer=b"m1 OK\r\n"), "imaps"))
    assert (told["service"], told["encrypted"], told["connections"]) == ("imap", "yes", "1")


def test_silence_within_tls_is_told_as_tls(world):
    told = facts(only(world, 7003, within_tls(world), "https"))
    assert (told["service"], told["encrypted"]) == ("tls", "yes")


# ---- bad servers ----

def test_one_that_never_answers(world):
    started = time.monotonic()
    line = only(world, 7010, lambda connection, _: time.sleep(30))
    assert line.split(" ")[1] == "silent"
    assert time.monotonic() - started < 15


def test_one_byte_per_second(world):
    def serve(connection, _):
        with contextlib.suppress(OSError):
            for byte in b"SSH-2.0-Slowly_1.0 and on and on":
                connection.sendall(bytes([byte]))
                time.sleep(1)
    started = time.monotonic()
    line = only(world, 7011, serve, "ssh")
    assert time.monotonic() - started < 25
    assert line.split(" ")[1] in ("named", "unknown")


def test_a_greeting_of_a_gigabyte(world):
    sent = []

    def serve(connection, _):
        total, block = 0, b"x" * 65536
        with contextlib.suppress(OSError):
            while total < 1 << 30:
                total += connection.send(block)
        sent.append(total)
    line = only(world, 7012, serve)
    assert line.split(" ")[1] == "unknown"
    until = time.monotonic() + 10
    while not sent and time.monotonic() < until:
        time.sleep(0.05)
    assert sent and max(sent) < 64 << 20  # what fits into the sockets, not what it would say


def test_one_that_changes_its_answers(world):
    answers = [b"\x15\x03\x01\x00\x02\x02\x28", b"SSH-2.0-Other_1\r\n", b"HTTP/1.0 200 OK\r\n\r\n"]

    def serve(connection, number):
        with connection, contextlib.suppress(OSError):
            connection.recv(4096)
            connection.sendall(answers[number % len(answers)])
            connection.recv(4096)
    told = facts(only(world, 7013, serve))
    assert told["service"] == "ssh" and int(told["connections"]) <= 3


def test_nothing_raw_is_shown(world):
    line = only(world, 7014, lambda connection, _: connection.sendall(b"\x1b]0;mine\x07\x1b[2J\x9b31m\xc2\x9b root#\r\n"))
    assert line.isascii() and line.isprintable()


def test_few_descriptors(world):
    for port in range(7100, 7120):
        listening(world, port, lambda connection, _: connection.sendall(b"SSH-2.0-Harbour_1.0\r\n"))
    lines = identify(world, *range(7100, 7120), before=["prlimit", "--nofile=16"])
    assert [facts(line)["service"] for line in lines] == ["ssh"] * 20


def test_a_printer_hears_nothing(world):
    heard = []

    def serve(connection, _):
        with contextlib.suppress(OSError):
            connection.settimeout(20)
            heard.append(connection.recv(4096))
    line = only(world, 9100, serve, "jetdirect")
    assert line.split(" ")[1] == "silent"
    until = time.monotonic() + 5
    while not heard and time.monotonic() < until:
        time.sleep(0.05)
    assert heard == [b""]


# ---- within an audit ----

def audit(world, *words, code=0, **more):
    done = subprocess.run(["ip", "netns", "exec", world.outside, MINATO, "audit", "--authorized", *words, HOST],
                          capture_output=True, text=True, timeout=90, env=world.environment(**more), check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


def test_an_audit_tells_what_speaks(other_world):
    listening(other_world, 2222, lambda connection, _: connection.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n"))
    listening(other_world, 9200, lambda connection, _: connection.recv(4096) and connection.sendall(
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n'
        b'{"cluster_name":"c","version":{"number":"7.10.2","lucene_version":"8.7.0"}}'))
    listening(other_world, 8443, lambda connection, _: connection.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n"))
    (found,) = json.loads(audit(other_world, "--json", "-p", "2222,8443,9200"))["audits"]
    rows = {row["port"]: row["identity"] for row in found["ports"]}
    assert (rows[9200]["service"], rows[9200]["version"], rows[9200]["without_login"]) == ("elasticsearch", "7.10.2", True)
    assert rows[9200]["findings"] == ["without_login"]
    assert (rows[8443]["service"], rows[8443]["findings"]) == ("ssh", ["other_service"])
    assert (rows[2222]["product"], rows[2222]["encrypted"], rows[2222]["findings"]) == ("OpenSSH", True, [])
    text = audit(other_world, "-p", "2222,8443,9200")
    assert "! 9200/tcp answers as Elasticsearch" in text and "without login" in text
    assert "! 8443/tcp answers as SSH, where" in text
    japanese = audit(other_world, "-p", "9200", LANG="ja_JP.UTF-8", LANGUAGE="ja")
    assert "9200/tcp は認証なしで応答しています" in japanese


def test_an_audit_may_leave_it(world):
    listening(world, 2223, lambda connection, _: connection.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n"))
    (found,) = json.loads(audit(world, "--json", "--no-services", "-p", "2223"))["audits"]
    assert [row["identity"] for row in found["ports"]] == [None]


def check(world, *words):
    done = subprocess.run(["ip", "netns", "exec", world.outside, MINATO, "check", *words], capture_output=True, text=True, timeout=60,
                          env=world.environment(), check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_check_tells_what_speaks_where_nobody_named_it(world):
    listening(world, 7300, lambda connection, _: connection.recv(4096) and connection.sendall(
        b"HTTP/1.0 200 OK\r\nServer: harbour/1.2\r\n\r\n"))
    target = f"tcp://{HOST}:7300"
    assert "speaks    harbour 1.2" in check(world, target)
    (found,) = json.loads(check(world, "--json", target))["checks"]
    assert (found["identity"]["service"], found["identity"]["product"], found["identity"]["encrypted"]) == ("http", "harbour", False)
    (found,) = json.loads(check(world, "--json", f"http://{HOST}:7300"))["checks"]
    assert found["identity"] is None


def test_a_declared_profile_says_what_to_ask(world):
    mqtt = next(each for each in RECORDINGS if each.name == "mqtt-mosquitto")
    listening(world, 7400, lambda connection, _: mqtt.play(connection, mqtt.connections[0]))
    world.declare(f"minato: 1\nhosts:\n  hub:\n    address: {HOST}\n    ports:\n"
                  "      broker: {port: 7400/tcp, profile: mqtt, for: sensors, owner: me, from: any, because: test}\n")
    done = subprocess.run(["ip", "netns", "exec", world.outside, MINATO, "--policy", world.policy, "audit", "--json", "-p", "7400", "hub"],
                          capture_output=True, text=True, timeout=60, env=world.environment(), check=False)
    (found,) = json.loads(done.stdout)["audits"]
    assert [row["identity"]["service"] for row in found["ports"]] == ["mqtt"], done.stderr


def test_snmp_is_asked_with_public_only_when_wanted(world):
    heard = []

    def make():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((World.OTHER, 161))
        world.sockets.append(made)
        return made

    def serve():
        report, answer = (unquoted(line) for line in snmp.connections[0] if line.startswith("<"))
        with contextlib.suppress(OSError):
            while True:
                question, who = bound.recvfrom(1 << 16)
                heard.append(b"public" in question)
                bound.sendto(answer if heard[-1] else report, who)

    snmp = next(each for each in RECORDINGS if each.name == "snmp-public")
    with inside(world.outside) as call:
        bound = call(make)
    threading.Thread(target=serve, daemon=True).start()
    for words, wanted in (((), None), (("--snmp-public",), True)):
        done = subprocess.run(["ip", "netns", "exec", world.host, MINATO, "audit", "--authorized", "--json", "-p", "none", "-u", "161", *words,
                               World.OTHER], capture_output=True, text=True, timeout=60, env=world.environment(), check=False)
        (found,) = json.loads(done.stdout)["audits"]
        (row,) = found["ports"]
        assert (row["identity"]["service"], row["identity"]["without_login"], any(heard)) == ("snmp", wanted, bool(wanted))
