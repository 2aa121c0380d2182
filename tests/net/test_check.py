"""minato check, from the outside to the host: each way in which a service does not answer has its own cause."""
import json
import socket
import ssl
import subprocess
import threading

import pytest

from daemon import until
from world import MINATO, World, checked, inside

HOST, HOST6, ABSENT, FAR = World.HOST, World.HOST6, "10.77.0.99", "198.51.100.9"


@pytest.fixture(scope="module")
def world():
    made = World()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Keys with their certificates by kind; nobody vouches for any of them."""
    folder = tmp_path_factory.mktemp("keys")

    def make(name, days, subject):
        path = folder / f"{name}.pem"
        checked("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", path, "-out", folder / "c", "-days", days,
                "-subj", f"/CN={subject}", "-addext", f"subjectAltName=IP:{subject}" if subject[0].isdigit() else
                f"subjectAltName=DNS:{subject}")
        path.write_text(path.read_text() + (folder / "c").read_text())
        return path

    def make_old():
        good = make("old", "30", HOST)
        (folder / "index").write_text("")
        (folder / "ca.cnf").write_text(
            f"[ca]\ndefault_ca = c\n[c]\ndatabase = {folder}/index\nnew_certs_dir = {folder}\nrand_serial = yes\n"
            f"default_md = sha256\npolicy = p\nx509_extensions = x\n[p]\ncommonName = supplied\n"
            f"[x]\nsubjectAltName = IP:{HOST}\n")
        checked("openssl", "req", "-new", "-key", good, "-subj", f"/CN={HOST}", "-out", folder / "request")
        checked("openssl", "ca", "-batch", "-config", folder / "ca.cnf", "-selfsign", "-keyfile", good, "-in", folder / "request",
                "-startdate", "20200101000000Z", "-enddate", "20200201000000Z", "-out", folder / "past")
        key = good.read_text().split("-----BEGIN CERT")[0]
        good.write_text(key + (folder / "past").read_text())
        return good

    return {"self": make("self", "30", HOST), "other": make("other", "30", "other.example"), "old": make_old()}


def check(world, *words, namespace=None):
    done = subprocess.run(["ip", "netns", "exec", namespace or world.outside, MINATO, "check", "--json", *words],
                          capture_output=True, text=True, timeout=60, env=world.environment(), check=False)
    assert done.stdout, done.stderr
    found, = json.loads(done.stdout)["checks"]
    found["exit"] = done.returncode
    return found


def step(found, name):
    return [each for each in found["steps"] if each["step"] == name][-1]


class Server:
    """One connection after another, each given to a function, until it is closed."""

    def __init__(self, world, port, serve, backlog=8):
        def make():
            made = socket.socket(socket.AF_INET6)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("::", port))
            made.listen(backlog)
            return made

        with inside(world.host) as call:
            self.socket = call(make)
        self.serve, self.kept = serve, []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.kept.append(connection)
            try:
                self.serve(connection)
            except (OSError, ssl.SSLError):
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for each in self.kept:
            each.close()


def say(text, close=True):
    def serve(connection):
        connection.settimeout(5)
        connection.sendall(text)
        connection.recv(4096)
        if close:
            connection.close()
    return serve


def answer(text):
    def serve(connection):
        connection.settimeout(5)
        connection.recv(4096)
        connection.sendall(text)
        connection.close()
    return serve


def tls(path, then=None, before=None):
    def serve(connection):
        connection.settimeout(5)
        if before is not None:
            before(connection)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        wrapped = context.wrap_socket(connection, server_side=True)
        (then or (lambda _: None))(wrapped)
        wrapped.close()
    return serve


# ---- it answers ----

def test_http_and_its_status(world):
    with Server(world, 80, answer(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")):
        for address in (HOST, f"[{HOST6}]"):
            found = check(world, f"http://{address}")
            assert (found["cause"], found["exit"], step(found, "answer")["status"]) == ("answers", 0, 200)
            assert step(found, "answer")["text"] == "HTTP/1.1 200 OK"


def test_a_service_that_says_it_does_not_work(world):
    with Server(world, 80, answer(b"HTTP/1.1 503 Busy\r\n\r\n")):
        found = check(world, f"{HOST}:80")
        assert (found["cause"], found["exit"]) == ("service_fault", 23)


def test_a_greeting(world):
    with Server(world, 22, say(b"SSH-2.0-test\r\n")):
        assert check(world, f"{HOST}:22")["cause"] == "answers"
        assert check(world, f"smtp://{HOST}:22")["cause"] == "other_service"


# ---- it does not ----

def test_nobody_listens(world):
    found = check(world, f"{HOST}:9")
    assert (found["cause"], found["exit"]) == ("refused", 15)


@pytest.mark.parametrize(("verdict", "cause", "code", "icmp"), [
    ("drop", "filtered", 14, None),
    ("reject with tcp reset", "refused", 15, None),
    ("reject with icmpx admin-prohibited", "refused_by_firewall", 16, (3, 13)),
    ("reject with icmpx port-unreachable", "refused_by_firewall", 16, (3, 3)),
    ("reject with icmpx host-unreachable", "unreachable", 13, (3, 1)),
])
def test_a_firewall_in_the_way(world, verdict, cause, code, icmp):
    world.nft(f"table inet wall {{ chain input {{ type filter hook input priority 0; tcp dport 81 {verdict}; }}; }}")
    try:
        found = check(world, "--timeout", "1", f"tcp://{HOST}:81")
    finally:
        world.nft("delete table inet wall")
    assert (found["cause"], found["exit"]) == (cause, code)
    told = step(found, "connect")["icmp"]
    assert told == (icmp and {"type": icmp[0], "code": icmp[1], "from": HOST})


def test_nobody_has_the_address(world):
    found = check(world, f"tcp://{ABSENT}:80")
    assert (found["cause"], found["exit"]) == ("unreachable", 13)
    assert found["route"]["interface"] == "eth1" and found["route"]["gateway"] is None


def test_no_route_is_this_hosts_own_fault(world):
    found = check(world, f"tcp://{FAR}:80")
    assert (found["cause"], found["exit"], found["route"]) == ("local", 12, None)


def test_the_own_output_chain(world):
    checked("ip", "netns", "exec", world.outside, "nft",
            "table inet own { chain out { type filter hook output priority 0; tcp dport 82 drop; }; }")
    try:
        found = check(world, "--timeout", "1", f"tcp://{HOST}:82")
    finally:
        checked("ip", "netns", "exec", world.outside, "nft", "delete table inet own")
    # A drop of the own output is told to nobody: connect() waits like for any other drop.
    assert found["cause"] in ("filtered", "local")


def test_broken_off(world):
    with Server(world, 22, lambda connection: connection.close()):
        found = check(world, f"ssh://{HOST}")
        assert (found["cause"], found["exit"]) == ("broken_off", 17)


def test_silent(world):
    with Server(world, 22, lambda connection: None):
        found = check(world, "--timeout", "1", f"ssh://{HOST}")
        assert (found["cause"], found["exit"]) == ("silent", 18)


def test_no_such_name(world):
    # There is no resolver in a namespace without a way out.
    assert check(world, "http://nobody.invalid")["exit"] in (10, 11)


# ---- TLS ----

@pytest.mark.parametrize(("kind", "fault"), [("self", "self_signed"), ("other", "other_name"), ("old", "expired")])
def test_certificates(world, keys, kind, fault):
    with Server(world, 443, tls(keys[kind], answer(b"HTTP/1.1 200 OK\r\n\r\n"))):
        found = check(world, f"https://{HOST}")
    assert (found["cause"], found["exit"], found["answers"]) == ("certificate", 22, True)
    told = step(found, "tls")["tls"]
    assert told["certificate"]["fault"] == fault and told["certificate"]["key_bits"] == 2048
    assert told["version"].startswith("TLSv1.") and step(found, "answer")["status"] == 200


def test_plain_text_where_tls_is_asked_for(world):
    with Server(world, 443, answer(b"HTTP/1.1 400 Bad Request\r\n\r\n")):
        found = check(world, f"https://{HOST}")
    assert (found["cause"], found["exit"]) == ("is_plain", 20)


def test_tls_where_plain_text_is_asked_for(world, keys):
    with Server(world, 80, answer(b"\x15\x03\x01\x00\x02\x02\x46")):
        found = check(world, f"http://{HOST}")
    assert (found["cause"], found["exit"]) == ("wants_tls", 19)


def test_old_versions_are_spoken_so_that_they_can_be_told(world, keys):
    def old(connection):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(keys["self"])
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.wrap_socket(connection, server_side=True).close()

    with Server(world, 443, old):
        found = check(world, f"tls://{HOST}:443")
    assert step(found, "tls")["tls"]["version"] == "TLSv1.1"


def test_starttls(world, keys):
    def mail(connection):
        connection.sendall(b"220 mail ESMTP\r\n")
        assert connection.recv(4096).startswith(b"EHLO")
        connection.sendall(b"250-mail\r\n250 STARTTLS\r\n")
        assert connection.recv(4096) == b"STARTTLS\r\n"
        connection.sendall(b"220 go\r\n")

    with Server(world, 25, tls(keys["self"], before=mail)):
        found = check(world, f"smtp://{HOST}")
    assert step(found, "answer")["starttls"] and step(found, "tls")["tls"]["certificate"]["subject"] == HOST
    with Server(world, 25, lambda c: [c.sendall(b"220 mail\r\n"), c.recv(99), c.sendall(b"250 mail\r\n")]):
        found = check(world, f"smtp://{HOST}")
    assert found["cause"] == "answers" and not step(found, "answer")["starttls"]


# ---- UDP ----

def test_udp_answers_and_is_refused_and_is_not_known(world):
    def make():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((HOST, 53))
        return made

    assert check(world, f"dns://{HOST}")["cause"] == "refused"
    with inside(world.host) as call:
        server = call(make)
    with server:
        found = check(world, "--timeout", "1", f"dns://{HOST}")
        assert (found["cause"], found["exit"]) == ("unknown", 25)
        server.recv(512)

        def serve():
            question, client = server.recvfrom(512)
            server.sendto(question[:2] + b"\x81\x80" + question[4:], client)

        thread = threading.Thread(target=serve)
        thread.start()
        found = check(world, f"dns://{HOST}")
        thread.join()
    assert (found["cause"], step(found, "answer")["text"]) == ("answers", "DNS, code 0")


# ---- this host ----

def test_an_own_port_is_looked_at_from_inside(world):
    assert check(world, "9", namespace=world.host)["inside"] == "nobody"
    with Server(world, 22, say(b"SSH-2.0-test\r\n")):
        found = check(world, "22", namespace=world.host)
    assert (found["cause"], found["own"], found["inside"]) == ("answers", True, "listens")


def test_a_rule_of_this_host_is_told_from_a_port_that_nobody_has(world):
    world.nft("table inet wall { chain input { type filter hook input priority 0; tcp dport 22 drop; }; }")
    try:
        with Server(world, 22, say(b"SSH-2.0-test\r\n")):
            done = subprocess.run(["ip", "netns", "exec", world.host, MINATO, "check", "--timeout", "1", "22"],
                                  capture_output=True, text=True, env=world.environment(), check=False)
    finally:
        world.nft("delete table inet wall")
    assert "a rule of this host drops it" in done.stdout and done.returncode == 14


def test_a_full_queue_is_no_firewall(world):
    with Server(world, 99, lambda connection: threading.Event().wait(20), backlog=1) as server:
        with inside(world.host) as call:
            clients = [call(lambda: socket.socket(socket.AF_INET)) for _ in range(6)]
        clients[0].connect((HOST, 99))
        until(lambda: server.kept, "the first is accepted")
        for client in clients[1:]:  # two fill the queue, the others wait for a place
            client.setblocking(False)
            client.connect_ex((HOST, 99))
        done = subprocess.run(["ip", "netns", "exec", world.host, MINATO, "check", "--timeout", "2", f"tcp://{HOST}:99"],
                              capture_output=True, text=True, env=world.environment(), check=False)
        for client in clients:
            client.close()
    assert "its queue is full" in done.stdout, done.stdout


def test_without_a_target_every_declared_port_is_asked(world):
    world.declare("minato: 1\nports:\n  ssh: {port: 22/tcp, for: x, owner: o, from: any}\n"
                  "  web: {port: [80/tcp, 8000-8010/tcp], for: x, owner: o, from: any, encryption: none, because: test}\n")
    with Server(world, 22, say(b"SSH-2.0-test\r\n")):
        done = world.minato("check", "--json")
    assert [(each["target"], each["cause"]) for each in json.loads(done.stdout)["checks"]] == [
        ("22/tcp", "answers"), ("80/tcp", "refused"), ("8000/tcp", "refused")]
    assert done.returncode == 15


# ---- hostile servers ----

def test_an_endless_greeting_ends(world):
    def flood(connection):
        while True:
            connection.sendall(b"A" * 65536)

    with Server(world, 22, flood):
        found = check(world, f"ssh://{HOST}")
    assert found["cause"] == "other_service" and len(step(found, "answer")["text"]) < 256


def test_nothing_raw_reaches_the_terminal(world):
    with Server(world, 22, say(b"SSH-2.0-\x1b[2J\x07\x9b31m\xe2\x80\xae\r\n")):
        done = subprocess.run(["ip", "netns", "exec", world.outside, MINATO, "check", f"ssh://{HOST}"], capture_output=True,
                              env=world.environment(), check=False)
    assert b"SSH-2.0-.[2J..31m..." in done.stdout and b"\x1b" not in done.stdout


def test_one_byte_a_second_ends_in_time(world):
    def drip(connection):
        for _ in range(30):
            connection.sendall(b"S")
            threading.Event().wait(1)

    with Server(world, 22, drip):
        assert check(world, "--timeout", "2", f"ssh://{HOST}")["cause"] in ("silent", "other_service")


def test_bad_words(world):
    for word, sentence in (("gopher://x", "no such scheme"), ("x", "which port?"), ("1:99999", "from 1 to 65535")):
        done = world.minato("check", word)
        assert done.returncode == 3 and sentence in done.stderr
