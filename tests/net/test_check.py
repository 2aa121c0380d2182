"""minato check, from the outside to the host: each way in which a service does not answer has its own cause."""
import json
import os
import resource
import select
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

import weak_servers
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


@pytest.mark.parametrize("scheme", sorted(weak_servers.TALKS))
def test_starttls_of_every_protocol(world, keys, scheme):
    name = "postgresql" if scheme == "postgres" else scheme
    behind = weak_servers.openssl_server(world.host, 4499, keys["self"])
    weak_servers.wait_for(world.host, 4499)
    offers = weak_servers.Played(world.host, 9100, weak_servers.Played.starttls(scheme, world.host, 4499))
    plain = weak_servers.Played(world.host, 9101, weak_servers.Played.starttls(scheme, world.host, None))
    try:
        found = check(world, f"{name}://{HOST}:9100")
        without = check(world, f"{name}://{HOST}:9101")
    finally:
        for each in (behind, offers, plain):
            each.end()
    assert step(found, "answer")["starttls"] and step(found, "tls")["tls"]["certificate"]["subject"] == HOST
    assert found["cause"] == "certificate"  # nobody vouches for it
    assert without["cause"] == "answers" and step(without, "answer")["starttls"] is False
    told = {"mysql": "MySQL 8.0.36", "postgres": "SSLRequest: no", "ldap": "StartTLS: no"}
    assert step(without, "answer")["text"].startswith(told.get(scheme, ""))


def test_another_service_where_the_client_speaks_first(world):
    """Their questions are no words of it: it is told what speaks there."""
    for scheme in ("ldap", "xmpp", "irc", "mysql", "postgresql", "nntp"):
        with Server(world, 9102, lambda c: [c.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"), c.recv(99)]):
            found = check(world, f"{scheme}://{HOST}:9102")
        assert found["cause"] == "other_service", scheme


def test_a_mysql_that_refuses_this_host(world):
    refusal = b"not allowed to connect"
    packet = (len(refusal) + 3).to_bytes(3, "little") + b"\0\xff\x6a\x04" + refusal
    with Server(world, 9103, lambda c: c.sendall(packet)):
        found = check(world, f"mysql://{HOST}:9103")
    assert found["cause"] == "service_fault" and step(found, "answer")["status"] == 1130
    assert step(found, "answer")["text"] == refusal.decode()


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


def test_a_program_that_begins_to_listen_meanwhile_is_no_rule(world):
    """It is refused, and listens by the time this host looks at itself."""
    def prepare():
        heard = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        heard.bind(("lo", 0))
        heard.settimeout(10)
        late = socket.socket()
        late.bind((HOST, 7099))
        return heard, late

    with inside(world.host) as call:
        heard, late = call(prepare)

    def begin():
        while heard.recv(64)[22:24] != (7099).to_bytes(2):
            pass
        late.listen()

    thread = threading.Thread(target=begin)
    with heard, late:
        thread.start()
        found = check(world, f"tcp://{HOST}:7099", namespace=world.host)
        thread.join()
    assert found["cause"] != "refused", "there is no rule that could refuse it"


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


def test_declared_ports_are_asked_at_once_and_told_in_order(world):
    ports = range(9000, 9024)
    world.declare("minato: 1\nports:\n" + "".join(
        f"  p{port}: {{port: {port}/tcp, for: x, owner: o, from: any, encryption: none, because: test}}\n" for port in ports))
    servers = [Server(world, port, lambda connection: connection.recv(1)) for port in ports[1:]]
    begun = time.monotonic()
    done = world.minato("check", "--json")
    took = time.monotonic() - begun
    for server in servers:
        server.__exit__()
    found = json.loads(done.stdout)["checks"]
    assert [each["target"] for each in found] == [f"{port}/tcp" for port in ports]
    assert [each["cause"] for each in found] == ["refused"] + ["answers"] * len(servers) and done.returncode == 15
    assert all(each["duration_us"] > 900_000 for each in found[1:]) and took < 8  # each alone waits a second for a greeting


def test_a_port_that_is_declared_twice_is_asked_once(world):
    world.declare("minato: 1\nports:\n  a: {port: 22/tcp, for: x, owner: o, from: 10.0.0.1}\n"
                  "  b: {port: 22/tcp, for: x, owner: o, from: 10.0.0.2}\n")
    assert [each["target"] for each in json.loads(world.minato("check", "--json").stdout)["checks"]] == ["22/tcp"]


def test_nobody_named_an_own_port_so_its_certificate_may_have_any_name(world, keys):
    with Server(world, 443, tls(keys["other"], answer(b"HTTP/1.1 200 OK\r\n\r\n"))):
        found = check(world, "443", namespace=world.host)
    assert step(found, "tls")["tls"]["certificate"]["fault"] == "self_signed"


def test_a_name_of_this_host_is_looked_at_from_inside(world):
    assert check(world, "tcp://localhost:97", namespace=world.host)["inside"] == "nobody"


class Watching:
    def __init__(self, world, *words, namespace=None):
        self.process = subprocess.Popen(["ip", "netns", "exec", namespace or world.outside, MINATO, "check", *words],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=world.environment(),
                                        start_new_session=True)

    def line(self):
        ready, _, _ = select.select([self.process.stdout], [], [], 10)
        return self.process.stdout.readline() if ready else ""

    def end(self):
        """As Ctrl-C does: to all processes of the terminal."""
        os.killpg(self.process.pid, signal.SIGINT)
        return *self.process.communicate(timeout=10), self.process.returncode


def test_ctrl_c_ends_the_watching_also_while_asking(world):
    asked = threading.Event()
    with Server(world, 22, lambda connection: (asked.set(), connection.recv(1))):
        watching = Watching(world, "--watch", "1", "--timeout", "30", f"ssh://{HOST}")
        begun = asked.wait(10)
        out, err, code = watching.end()
    assert begun
    assert "0 of 0 answered" in out and err == "" and code == 0


def test_ctrl_c_ends_several_with_what_is_known(world):
    asked = threading.Event()
    with Server(world, 22, lambda connection: (asked.set(), connection.recv(1))):
        watching = Watching(world, "--timeout", "30", f"tcp://{HOST}:96", f"ssh://{HOST}")
        first, begun = watching.line(), asked.wait(10)
        out, err, code = watching.end()
    assert begun and first.startswith(f"tcp://{HOST}:96  does not answer")
    assert (f"ssh://{HOST}:22" not in out, err, code) == (True, "", 15)


def test_watching_an_own_port_sees_who_comes_to_listen(world):
    watching = Watching(world, "--watch", "1", "9099", namespace=world.host)
    before = watching.line()
    with inside(world.host) as call:
        server = call(lambda: socket.create_server((HOST, 9099)))
    with server:
        after = watching.line()
        watching.end()
    assert "nothing listens" in before and after.rstrip().endswith("answers")


def test_keys_are_always_there(world, keys):
    """What is not known is null (docs/design/json.md), and every time has its unit."""
    check_keys = {"target", "cause", "answers", "addresses", "steps", "duration_us", "route", "own", "inside", "program", "exit",
                  "packets", "packets_left_out", "names", "queue", "side", "way", "via", "identity"}
    step_keys = {"step", "outcome", "to", "begun_us", "duration_us", "error", "icmp", "tls", "text", "status", "starttls"}
    tls_keys = {"version", "cipher", "alpn", "certificate", "error"}
    with Server(world, 443, tls(keys["self"], answer(b"HTTP/1.1 200 OK\r\n\r\n"))), Server(world, 25, say(b"220 x\r\n")):
        found = [check(world, word) for word in (f"https://{HOST}", f"https://{HOST}:25", f"smtp://{HOST}", f"{HOST}:96",
                                                 f"[{HOST6}]:53", "https://nosuch.invalid")]
        found.append(check(world, "443", namespace=world.host))
    assert all(each.keys() == check_keys for each in found)
    steps = [each for one in found for each in one["steps"]]
    assert all(each.keys() == step_keys and isinstance(each["duration_us"], int) for each in steps)
    assert all(each["tls"].keys() == tls_keys for each in steps if each["step"] == "tls")
    assert step(found[3], "connect")["error"] == "ECONNREFUSED" and step(found[0], "connect")["error"] is None
    assert step(found[2], "answer")["starttls"] is False and step(found[0], "answer")["starttls"] is None
    assert found[-1]["program"].startswith("python") and found[0]["program"] is None


# ---- hostile servers ----

def test_a_handshake_without_end_ends_in_time(world):
    """HelloRequest is passed over by clients (RFC 5246 7.4.1.1), as often as it comes."""
    def flood(connection):
        connection.recv(4096)
        requests = bytes(4) * 4000
        record = b"\x16\x03\x03" + len(requests).to_bytes(2, "big") + requests
        while True:
            connection.sendall(record * 1000)

    with Server(world, 443, flood):
        found = check(world, "--timeout", "1", f"https://{HOST}")
    assert found["cause"] in ("silent", "tls_refused") and found["duration_us"] < 4_000_000


def test_tls_that_comes_byte_by_byte_is_tls(world, keys):
    def drip(connection):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(keys["self"])
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        wrapped = context.wrap_bio(incoming, outgoing, server_side=True)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        first = True
        while True:
            try:
                wrapped.do_handshake()
                break
            except ssl.SSLWantReadError:
                bytes_ = outgoing.read()
                if bytes_ and first:
                    connection.sendall(bytes_[:1])
                    threading.Event().wait(0.3)
                    bytes_, first = bytes_[1:], False
                connection.sendall(bytes_)
                incoming.write(connection.recv(4096))
        connection.sendall(outgoing.read())
        connection.recv(1)

    with Server(world, 443, drip):
        found = check(world, f"tls://{HOST}:443")
    assert (found["cause"], step(found, "tls")["tls"]["certificate"]["fault"]) == ("certificate", "self_signed")


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
        assert check(world, "--timeout", "2", f"ssh://{HOST}")["cause"] == "silent"


@pytest.mark.parametrize("change, limit, sentence", [
    ((b"libssl.so.3", b"libnon.so.3"), None, "a library that it needs is missing or too old"),
    ((b"", b""), (resource.RLIMIT_NOFILE, (8, 8)), "is the limit of open files (ulimit -n) too low?"),
])
def test_why_the_probe_does_not_start(world, tmp_path, change, limit, sentence):
    for program in (MINATO, MINATO.parent / "minato-probe"):
        copy = tmp_path / program.name
        copy.write_bytes(program.read_bytes().replace(*change) if program.name != "minato" else program.read_bytes())
        copy.chmod(0o755)
    done = subprocess.run([tmp_path / "minato", "check", "127.0.0.1:9"], capture_output=True, text=True, check=False,
                          env=world.environment(), preexec_fn=lambda: limit and resource.setrlimit(*limit))
    assert done.returncode == 1 and sentence in done.stderr


def test_bad_words(world):
    for word, sentence in (("gopher://x", "no such scheme"), ("x", "which port?"), ("1:99999", "from 1 to 65535")):
        done = world.minato("check", word)
        assert done.returncode == 3 and sentence in done.stderr
