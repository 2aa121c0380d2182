"""minato check against who means harm, or is broken: it ends in time, takes little memory, and nothing raw reaches the terminal."""
import json
import os
import resource
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

from names import Names
from test_check import HOST, Server, Watching, answer, check, step, tls
from world import MINATO, World, checked

PAGE = answer(b"HTTP/1.1 200 OK\r\n\r\n")


@pytest.fixture(scope="module")
def world():
    made = World()
    yield made
    made.remove()


@pytest.fixture
def names(world):
    made = Names(world.outside)
    yield made
    made.remove()


def raw(world, *words, files=None):
    """@return what it wrote, as bytes, and how much memory the largest of its processes had, in KiB.
    @param files  descriptors that it may have."""
    before_it = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh"] if files else []
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    done = subprocess.run(["ip", "netns", "exec", world.outside, *before_it, MINATO, "check", *words], capture_output=True,
                          timeout=60, env=world.environment(), check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return done, after if after > before else 0


def harmless(done):
    text = done.stdout + done.stderr
    text.decode("utf-8")  # and so is every byte of it
    return not any(byte < 32 and byte != 10 or byte == 127 for byte in text)


# ---- time and size ----

@pytest.mark.parametrize("scheme", ["ssh", "http", "https", "smtp", "imap", "redis", "postgresql", "tls", "mysql", "ldap", "xmpp", "irc",
                                    "nntp", "sieve"])
def test_who_never_answers_does_not_hold_it_up(world, scheme):
    with Server(world, 9000, lambda connection: None):
        begin = time.monotonic()
        found = check(world, "--timeout", "1", f"{scheme}://{HOST}:9000")
    assert found["cause"] == "silent" and time.monotonic() - begin < 8


@pytest.mark.parametrize("scheme", ["http", "smtp", "https"])
def test_one_byte_a_second(world, scheme):
    def drip(connection):
        for _ in range(60):
            connection.sendall(b"2")
            threading.Event().wait(1)

    with Server(world, 9001, drip):
        begin = time.monotonic()
        found = check(world, "--timeout", "2", f"{scheme}://{HOST}:9001")
    assert found["cause"] == ("is_plain" if scheme == "https" else "silent") and time.monotonic() - begin < 12


@pytest.mark.parametrize("scheme", ["ssh", "http", "https", "smtp", "ftp"])
def test_a_greeting_of_a_gigabyte(world, scheme):
    sent = []

    def flood(connection):
        block = b"220-" + b"A" * 65532
        for _ in range((1 << 30) // len(block)):
            connection.sendall(block)
            sent.append(len(block))

    with Server(world, 9002, flood):
        begin = time.monotonic()
        done, memory = raw(world, "--timeout", "2", "--figure", f"{scheme}://{HOST}:9002")
    assert time.monotonic() - begin < 15 and len(done.stdout) < 20_000 and harmless(done)
    assert sum(sent) < 1 << 29 and memory < 100_000


def test_redirects_without_end_are_not_followed(world):
    asked = []

    def redirect(connection):
        asked.append(connection.recv(4096))
        connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: http://{HOST}:9003/again\r\nContent-Length: 0\r\n\r\n".encode())
        connection.close()

    with Server(world, 9003, redirect):
        done, _ = raw(world, f"http://{HOST}:9003")
        found = check(world, f"http://{HOST}:9003")
    assert len(asked) == 2 and (found["cause"], step(found, "answer")["status"]) == ("answers", 302)
    assert b"HTTP/1.1 302 Found (not followed)" in done.stdout


# ---- certificates ----

@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("certificates")


def certificate(folder, name, subject, *extensions, utf8=True):
    path = folder / f"{name}.pem"
    config = folder / f"{name}.cnf"
    config.write_bytes(b"[req]\ndistinguished_name = d\nprompt = no\nx509_extensions = x\nutf8 = yes\nstring_mask = utf8only\n"
                       b"[d]\nCN = " + subject + b"\n[x]\n" + b"\n".join(extensions) + b"\n")
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-config", config, "-keyout", path,
             "-out", folder / "c"]
    checked(*words, *(["-utf8"] if utf8 else []))
    path.write_text(path.read_text() + (folder / "c").read_text())
    return path


def test_a_certificate_for_a_thousand_names(world, folder):
    path = certificate(folder, "many", b"many", b"subjectAltName = @n\n[n]\n" + b"\n".join(
        f"DNS.{i} = name{i}.example".encode() for i in range(1000)) + f"\nIP.1 = {HOST}".encode())
    with Server(world, 443, tls(path)):
        found = check(world, f"tls://{HOST}:443")
    shown = step(found, "tls")["tls"]["certificate"]
    assert shown["name_matches"] and shown["fault"] == "self_signed" and len(json.dumps(found)) < 10_000


def test_control_characters_in_a_certificate(world, folder):
    path = certificate(folder, "control", "\x1b[31m\x07red\u202etxt\u0085".encode())
    with Server(world, 443, tls(path)):
        done, _ = raw(world, f"tls://{HOST}:443")
    assert b"red" in done.stdout and harmless(done) and "\u202e".encode() not in done.stdout


def test_a_nul_in_a_name_ends_no_comparison(world, folder, names):
    """CVE-2009-2408: "good.example\\0.evil.example" is no certificate for good.example."""
    names.hosts(f"{HOST} good.example")
    hidden = b"good.example\0.evil.example"
    der = bytes([0x30, len(hidden) + 2, 0x82, len(hidden)]) + hidden
    path = certificate(folder, "nul", b"other.example", b"subjectAltName = DER:" + der.hex(":").encode())
    with Server(world, 443, tls(path)):
        found = check(world, "tls://good.example:443")
        done, _ = raw(world, "tls://good.example:443")
    shown = step(found, "tls")["tls"]["certificate"]
    assert (shown["name_matches"], shown["fault"]) == (False, "other_name") and harmless(done)


@pytest.mark.parametrize("count", [20, 400])
def test_a_huge_chain(world, folder, count):
    """OpenSSL reads chains up to 100 KB and of some length; what is beyond is told, not believed."""
    first = certificate(folder, f"chain{count}", HOST.encode(), f"subjectAltName = IP:{HOST}".encode())
    other = certificate(folder, f"other{count}", b"filler").read_text().split("-----END PRIVATE KEY-----\n")[1]
    first.write_text(first.read_text() + other * count)
    with Server(world, 443, tls(first)):
        done, memory = raw(world, f"tls://{HOST}:443")
        found = check(world, f"tls://{HOST}:443")
    assert harmless(done) and found["cause"] in ("certificate", "tls_refused") and memory < 100_000
    assert count > 100 or step(found, "tls")["tls"]["certificate"]["chain"] == count + 1


def test_alerts_and_rubbish_in_the_handshake(world):
    for reply in (b"\x15\x03\x03\x00\x02\x02\x46", b"\x16\x03\x03\xff\xff" + b"\x1b[2J" * 2000, b"\x16\x03\x03\x00\x00" * 1000,
                  b"\x1b[2J\x07\r\n", b"\x80\x2e\x01\x00\x02"):
        with Server(world, 443, answer(reply)):
            done, _ = raw(world, "--timeout", "2", f"https://{HOST}")
        assert harmless(done) and done.returncode in (17, 18, 20, 21), (reply[:8], done.stdout)


def issued(folder, name, start, end):
    """For HOST, by an issuer that nobody here knows, who is not sent along. Times: YYYYMMDD."""
    issuer = certificate(folder, f"{name}-issuer", b"nobody's issuer", b"basicConstraints = critical,CA:true")
    key, request, path, index = (folder / f"{name}{suffix}" for suffix in (".key", ".csr", ".pem", ".index"))
    index.write_text("")
    config = folder / f"{name}.ca"
    config.write_text(f"[ca]\ndefault_ca = c\n[c]\ndatabase = {index}\nnew_certs_dir = {folder}\nrand_serial = yes\n"
                      f"default_md = sha256\npolicy = p\nx509_extensions = x\n[p]\ncommonName = supplied\n"
                      f"[x]\nsubjectAltName = IP:{HOST}\n")
    checked("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-subj", f"/CN={HOST}", "-out", request)
    checked("openssl", "ca", "-batch", "-config", config, "-cert", issuer, "-keyfile", issuer, "-in", request, "-startdate",
            f"{start}000000Z", "-enddate", f"{end}000000Z", "-out", path)
    path.write_text(key.read_text() + path.read_text())
    return path


@pytest.mark.parametrize(("start", "end", "fault", "sentence"), [
    ("20200101", "20980101", "untrusted", b"its issuer is not known, or the chain has a gap"),
    ("20970101", "20980101", "not_yet_valid", b"its certificate is not valid yet"),
])
def test_an_unknown_issuer_and_a_certificate_of_tomorrow(world, folder, start, end, fault, sentence):
    with Server(world, 443, tls(issued(folder, fault, start, end))):
        found = check(world, f"tls://{HOST}:443")
        done, _ = raw(world, f"tls://{HOST}:443")
    shown = step(found, "tls")["tls"]["certificate"]
    assert (found["exit"], shown["fault"]) == (22, fault) and sentence in done.stdout


def test_accepted_and_then_reset(world):
    def reset(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    for scheme in ("ssh", "http", "https", "tcp"):
        with Server(world, 9004, reset):
            found = check(world, "--figure", f"{scheme}://{HOST}:9004")
        assert (found["cause"], found["exit"]) == ("broken_off", 17), scheme
        assert any("rst" in each["flags"] and not each["sent"] for each in found["packets"])


# ---- who changes ----

def test_a_name_is_asked_once_and_what_it_said_is_what_is_asked(world, names):
    """A resolver that says another address the second time (DNS rebinding) leads nowhere else."""
    names.records["changes.example"] = [HOST]
    with Server(world, 80, lambda connection: (names.records.update({"changes.example": ["127.0.0.1"]}), PAGE(connection))):
        found = check(world, "http://changes.example")
        assert found["addresses"] == [HOST] and found["cause"] == "answers" and not found["own"]
        assert check(world, "http://changes.example")["addresses"] == ["127.0.0.1"]


def test_a_service_that_changes_its_answer_is_watched(world):
    turn = []

    def moody(connection):
        connection.recv(4096)
        turn.append(1)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" if len(turn) % 2 == 1 else b"HTTP/1.1 503 No\r\n\r\n")
        connection.close()

    with Server(world, 80, moody):
        watching = Watching(world, "--watch", "1", f"http://{HOST}")
        first, second, third = (watching.line() for _ in range(3))
        out, _, code = watching.end()
    assert first.rstrip().endswith("answers") and "does not work" in second and third.rstrip().endswith("answers")
    asked = len(turn)
    assert f"of {asked} answered" in out and code == (0 if asked % 2 == 1 else 23)


def test_retry_goes_on_until_it_answers_and_no_longer(world):
    turn = []

    def late(connection):
        turn.append(1)
        connection.recv(4096)
        if len(turn) >= 3:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        connection.close()

    with Server(world, 80, late):
        assert check(world, "--retry", "1", f"http://{HOST}")["cause"] == "broken_off" and len(turn) == 2
        assert check(world, "--retry", "9", f"http://{HOST}")["cause"] == "answers" and len(turn) == 3


def test_watching_ends_as_it_stood(world):
    """One round that failed long ago does not make the end a failure; one that fails at the end does."""
    with Server(world, 80, PAGE):
        watching = Watching(world, "--watch", "1", f"http://{HOST}")
        watching.line()
        _, _, code = watching.end()
    assert code == 0
    watching = Watching(world, "--watch", "1", f"http://{HOST}")
    watching.line()
    _, _, code = watching.end()
    assert code == 15


# ---- loopback in disguise ----

@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "127.1", "127.0.0.2", "[::ffff:127.0.0.1]", "[::1]", "2130706433", "0x7f.1"])
def test_loopback_in_disguise_is_this_host(world, host):
    with Server(world, 80, PAGE):
        found = check(world, f"http://{host}", namespace=world.host)
    assert found["cause"] == "answers" and found["own"] and found["inside"] == "listens"
    assert found["addresses"] in (["127.0.0.1"], ["127.0.0.2"], ["::1"])


def test_a_name_for_no_address_is_none(world):
    """What resolvers say of names that they block is not this host."""
    found = check(world, "http://0", namespace=world.host)
    assert (found["cause"], found["names"]["outcome"]) == ("no_name", "no_address")


def test_the_same_in_a_figure(world):
    with Server(world, 80, PAGE):
        for host in ("0.0.0.0", "[::]", "[::ffff:127.0.0.1]"):
            found = check(world, "--figure", f"http://{host}", namespace=world.host)
            assert [each["flags"] for each in found["packets"][:3]] == [["syn"], ["syn", "ack"], ["ack"]], host


# ---- what is missing ----

def test_few_file_descriptors_for_many_targets(world):
    with Server(world, 80, PAGE):
        done, _ = raw(world, "--timeout", "2", *[f"http://{HOST}"] * 40, files=12)
    assert harmless(done) and done.returncode in (0, 1, 12)
    text = done.stdout + done.stderr
    assert text.count(b"http://") == 40 or b"ulimit -n" in text or b"Too many open files" in text


@pytest.mark.parametrize("files", range(4, 14))
def test_however_few_descriptors_it_ends_with_a_sentence(world, files):
    with Server(world, 80, PAGE):
        done, _ = raw(world, "--timeout", "2", "--figure", f"http://{HOST}", files=files)
    assert harmless(done) and (done.stdout or done.stderr) and done.returncode >= 0
    if done.returncode == 1:
        assert b"minato:" in done.stderr


def test_no_process_to_be_had(world):
    copy = world.folder / "m"
    copy.mkdir(exist_ok=True)
    for program in ("minato", "minato-probe"):
        (copy / program).write_bytes((MINATO.parent / program).read_bytes())
        (copy / program).chmod(0o755)
    world.folder.chmod(0o755)
    done = subprocess.run(["ip", "netns", "exec", world.outside, "setpriv", "--reuid", "54321", "--clear-groups", copy / "minato",
                           "check", f"http://{HOST}"], capture_output=True, env=world.environment(), check=False, timeout=30,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NPROC, (0, 0)))
    assert done.returncode == 1 and b"cannot start" in done.stderr


def test_an_old_protocol_is_told(world, folder):
    path = certificate(folder, "old", HOST.encode(), f"subjectAltName = IP:{HOST}".encode())

    def old(connection):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.wrap_socket(connection, server_side=True).close()

    trusted = folder / "trusted"
    trusted.mkdir()
    pem = path.read_text().split("-----END PRIVATE KEY-----\n")[1]
    (trusted / "c.pem").write_text(pem)
    script = (f"mount -t tmpfs none /usr/lib/ssl/certs 2>/dev/null || mount -t tmpfs none /etc/ssl/certs; "
              f"cp {trusted}/c.pem /etc/ssl/certs/ && openssl rehash /etc/ssl/certs && exec {MINATO} check --json tls://{HOST}:443")
    with Server(world, 443, old):
        done = subprocess.run(["ip", "netns", "exec", world.outside, "unshare", "-m", "sh", "-c", script], capture_output=True,
                              text=True, env=world.environment(), check=False)
    found, = json.loads(done.stdout)["checks"]
    assert (found["cause"], done.returncode, found["answers"]) == ("old_protocol", 26, True), done.stderr
    assert os.path.exists("/etc/ssl/certs")
