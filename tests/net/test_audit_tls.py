"""minato audit --tls against servers that are weak on purpose: every weakness is told, and nothing is told of those that have none."""
import json
import os
import subprocess
import time

import pytest

from weak_servers import Keys, Played, alert, hello12, openssl_server, wait_for
from world import MINATO, World, checked

HOST = World.HOST


@pytest.fixture(scope="module")
def world():
    made = World()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return Keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def serve(world):
    """Servers of one test, ended with it."""
    begun = []

    def openssl(port, key, *words):
        begun.append(openssl_server(world.host, port, key, *words))
        wait_for(world.host, port)
        return port

    def play(port, function):
        begun.append(Played(world.host, port, function))
        return port

    openssl.play = play
    yield openssl
    for each in begun:
        each.end()


def run_audit(world, *words, policy=None, before=(), namespace=None):
    chosen = ["--policy", policy] if policy else []
    return subprocess.run(["ip", "netns", "exec", namespace or world.outside, *before, MINATO, *map(str, chosen), "audit", "--tls",
                           *map(str, words)], capture_output=True, text=True, timeout=120, env=world.environment(), check=False)


def audit(world, *ports, more=()):
    """@return what is said of each port, asked from outside."""
    done = run_audit(world, "--json", "--authorized", "--rate", "max", "--ports", ",".join(map(str, ports)), *more, HOST)
    assert done.stdout, done.stderr
    (found,) = json.loads(done.stdout)["encryption"]
    return {row["port"]: row for row in found["ports"]}


def one(world, port, *more):
    return audit(world, port, more=more)[port]


def reasons(row):
    return {reason["id"] for reason in row["reasons"]}


def versions(row):
    return [each["version"] for each in row["versions"]]


# ---- certificates and versions, by OpenSSL ----

GOOD = ["-cipher", "ECDHE+AESGCM"]
LEGACY = ["-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]


@pytest.mark.parametrize("kind,words,wanted,unwanted", [
    ("good", GOOD, {"tls-untrusted"}, {"tls-expired", "tls-wrong-name", "tls-short-key", "tls-weak-signature", "tls-self-signed", "tls-old-version"}),
    ("expired", GOOD, {"tls-expired"}, {"tls-wrong-name", "tls-not-yet-valid"}),
    ("future", GOOD, {"tls-not-yet-valid"}, {"tls-expired"}),
    ("self", GOOD, {"tls-self-signed"}, {"tls-untrusted", "tls-expired"}),
    ("other", GOOD, {"tls-wrong-name"}, {"tls-expired"}),
    ("soon", GOOD, {"tls-expires-soon"}, {"tls-expired"}),
    ("short", ["-cipher", "ECDHE+AESGCM:@SECLEVEL=0"], {"tls-short-key"}, {"tls-weak-signature"}),
    ("sha1", ["-cipher", "ECDHE+AESGCM:@SECLEVEL=0"], {"tls-weak-signature"}, {"tls-short-key"}),
    ("early", GOOD, {"tls-incomplete-chain"}, {"tls-untrusted", "tls-self-signed"}),
    ("good", [*LEGACY, "-min_protocol", "TLSv1", "-max_protocol", "TLSv1"], {"tls-old-version", "tls-no-modern-version"}, set()),
    ("good", ["-cipher", "aNULL:!eNULL:ECDHE+AESGCM:@SECLEVEL=0"], {"tls-anonymous-cipher"}, {"tls-null-cipher"}),
    ("good", ["-cipher", "eNULL:ECDHE+AESGCM:@SECLEVEL=0"], {"tls-null-cipher"}, {"tls-rc4"}),
    ("good", ["-cipher", "AES128-SHA", "-tls1_2"], {"tls-no-forward-secrecy", "tls-no-13"}, {"tls-old-version"}),
], ids=lambda value: value if isinstance(value, str) else None)
def test_each_weakness_is_told(world, keys, serve, kind, words, wanted, unwanted):
    serve(4433, keys[kind], *words)
    row = one(world, 4433, "--name", "good.example")
    assert row["encryption"] == "tls" and row["whole"]
    assert wanted <= reasons(row) and not unwanted & reasons(row), row["reasons"]


def test_a_server_of_a_trusted_root_with_hsts_has_no_fault(world, keys, serve):
    """All that is left is that this host does not know the root: what is said of the rest is in the unit tests."""
    serve(4433, keys["good"], "-cipher", "ECDHE+AESGCM", "-www")
    row = one(world, 4433, "--name", "good.example")
    assert reasons(row) == {"tls-untrusted", "tls-no-hsts"} and row["grade"] == "D"
    certificate = row["certificate"]
    assert certificate["name_matches"] and certificate["key"] == "RSA" and certificate["key_bits"] == 2048
    assert certificate["crl"] and not certificate["ocsp"] and certificate["chain"] == 2


@pytest.mark.parametrize("more", [[], ["-tls1_2"]], ids=["1.3 too", "1.2 alone"])
def test_both_certificates_of_a_server_that_has_two(world, keys, serve, more):
    """Clients that know curves see a good one, and others one that has expired."""
    serve(4433, keys["curve"], "-dcert", str(keys["expired"]), "-dkey", str(keys["expired"]), "-cipher", "ECDHE+AESGCM", *more)
    row = one(world, 4433, "--name", "good.example")
    found = {row[name]["key"]: row[name] for name in ("certificate", "other_certificate")}
    assert found["EC"]["key_bits"] == 256 and found["RSA"]["key_bits"] == 2048
    assert found["RSA"]["not_after"] < found["EC"]["not_before"]
    assert "tls-expired" in reasons(row) and row["grade"] == "F"
    text = run_audit(world, "--authorized", "--ports", "4433", "--name", "good.example", HOST).stdout
    assert "EC 256" in text and "RSA 2048" in text, text


def test_one_certificate_is_not_told_twice(world, keys, serve):
    serve(4433, keys["good"], *GOOD)
    assert one(world, 4433)["other_certificate"] is None


@pytest.mark.parametrize("words", [
    ["-cipher", "ECDHE+AESGCM"], ["-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0", "-tls1"],
    ["-cipher", "DHE+AES:AES128-SHA256", "-tls1_2"], ["-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256", "-tls1_3"],
    ["-cipher", "CAMELLIA:ARIA:AESCCM:@SECLEVEL=0", "-serverpref", "-tls1_2"]], ids=["usual", "all of 1.0", "dhe", "one of 1.3", "rare"])
def test_ciphers_are_those_that_openssl_agrees_to_one_by_one(world, keys, serve, words):
    """The long way round is the reference: a handshake of OpenSSL's own client for every suite that it knows."""
    serve(4433, keys["good"], *words)
    row = one(world, 4433)
    found = {(each["version"], name) for each in row["versions"] for name in each["ciphers"]}
    assert found == by_openssl(world, 4433, {version for version, _ in found})


def by_openssl(world, port, spoken):
    flags = {"TLSv1.0": "-tls1", "TLSv1.1": "-tls1_1", "TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}
    listed = checked("openssl", "ciphers", "-V", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    agreed = set()
    for version, flag in flags.items():
        for line in listed.splitlines():
            _, _, standard, _, name, protocol, *_ = line.split()
            if any(word in standard for word in ("PSK", "SRP")) or (protocol == "TLSv1.3") != (version == "TLSv1.3"):
                continue
            if version == "TLSv1.0" and protocol == "TLSv1.2":
                continue
            if version not in spoken and name not in ("AES128-SHA", "AES256-SHA", "ECDHE-RSA-AES256-GCM-SHA384", "TLS_AES_128_GCM_SHA256"):
                continue  # a version that is not spoken refuses all, and a few are enough to see it
            choice = ["-ciphersuites", name] if version == "TLSv1.3" else ["-cipher", f"{name}:@SECLEVEL=0"]
            done = subprocess.run(["ip", "netns", "exec", world.outside, "openssl", "s_client", "-connect", f"{HOST}:{port}", flag, *choice],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
            if f"Cipher is {name}" in done.stdout:
                agreed.add((version, standard))
    return agreed


# ---- what OpenSSL does not speak any more, played ----

@pytest.mark.parametrize("version,suite,wanted", [
    (0x0300, 0x0005, {"tls-ssl3", "tls-rc4", "tls-no-forward-secrecy"}),
    (0x0301, 0x0004, {"tls-rc4", "tls-old-version"}),
    (0x0302, 0x000A, {"tls-3des", "tls-old-version"}),
    (0x0301, 0x0003, {"tls-export-cipher", "tls-rc4"}),
    (0x0303, 0x0009, {"tls-short-cipher"}),
    (0x0303, 0x0018, {"tls-anonymous-cipher", "tls-rc4"}),
], ids=["ssl3", "rc4", "3des", "export", "des", "anonymous rc4"])
def test_what_openssl_forgot_is_seen(world, keys, serve, version, suite, wanted):
    serve.play(4433, hello12(keys["good"], {(version, suite)}))
    row = one(world, 4433)
    assert row["encryption"] == "tls" and wanted <= reasons(row), row
    assert row["certificate"]["subject"] == "good.example"


def test_a_server_that_breaks_off_is_asked_in_an_order_that_it_bears(world, keys, serve):
    """As Dovecot without ssl_dh: it follows the client, chooses DHE without parameters, and ends the connection without a word. So it does
    when TLS 1.3 is offered without a suite of it."""
    accepted = [(0x0303, suite) for suite in (0xC02F, 0xC030, 0x009C, 0x009D, 0x0033, 0x009E)]
    serve.play(4433, hello12(keys["good"], accepted, follows=True, chokes={0x0033, 0x009E}))
    row = one(world, 4433)
    assert row["encryption"] == "tls" and versions(row) == ["TLSv1.2"]
    assert set(row["versions"][0]["ciphers"]) == {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                                                  "TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_256_GCM_SHA384"}


def test_ssl2_is_seen(world, serve):
    def answer(connection, first):
        if first[:1] == b"\x80" and first[2:5] == b"\x01\x00\x02":
            connection.sendall(b"\x80\x0b\x04\x00\x01\x00\x02\x00\x00\x00\x00\x00\x00")
        else:
            connection.sendall(alert(70))

    serve.play(4433, answer)
    row = one(world, 4433)
    assert versions(row) == ["SSLv2"] and row["grade"] == "F" and "tls-ssl2" in reasons(row)


# ---- plaintext, STARTTLS, silence ----

def test_plaintext_is_told_by_its_words(world, serve):
    serve.play(4433, lambda connection, first: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    serve.play(4434, lambda connection, first: connection.sendall(b"-ERR wrong number of arguments\r\n") if first[:3] == b"GET" else None)
    found = audit(world, 4433, 4434)
    assert [found[port]["encryption"] for port in (4433, 4434)] == ["plaintext", "plaintext"]
    assert found[4433]["grade"] is None


def test_silence_is_unknown(world, serve):
    serve.play(4433, lambda connection, first: time.sleep(20))
    serve.play(4434, lambda connection, first: connection.close())
    found = audit(world, 4433, 4434, more=["--quick"])
    assert [found[port]["encryption"] for port in (4433, 4434)] == ["unknown", "unknown"]


@pytest.mark.parametrize("talk", ["smtp", "imap", "pop3", "ftp", "nntp", "sieve", "irc", "xmpp", "ldap", "postgres", "mysql"])
def test_starttls_of_a_real_server_of_tls(world, keys, serve, talk):
    """The plaintext part is played, then openssl speaks TLS behind it."""
    serve(4499, keys["good"], "-cipher", "ECDHE+AESGCM")
    port = {"irc": 6667, "xmpp": 5222, "ldap": 389, "postgres": 5432}.get(talk, 4433)
    serve.play(port, Played.starttls(talk, world.host, 4499))
    row = one(world, port, "--name", "good.example")
    assert row["encryption"] == "starttls_offered", row
    assert row["talk"] == {"postgres": "postgresql"}.get(talk, talk)
    assert versions(row) == ["TLSv1.2", "TLSv1.3"] and row["certificate"]["subject"] == "good.example"
    assert "tls-only-offered" in reasons(row) and row["whole"]


@pytest.mark.parametrize("talk", ["smtp", "imap", "pop3", "ftp", "nntp", "sieve", "irc", "xmpp", "ldap", "postgres", "mysql"])
def test_without_starttls_it_is_plaintext(world, serve, talk):
    port = {"irc": 6667, "xmpp": 5222, "ldap": 389, "postgres": 5432}.get(talk, 4433)
    serve.play(port, Played.starttls(talk, world.host, None))
    assert one(world, port)["encryption"] == "plaintext"


def test_starttls_that_is_required(world, keys, serve):
    serve(4499, keys["good"])
    serve.play(2525, Played.starttls("smtp", world.host, 4499, required=True))
    assert one(world, 2525)["encryption"] == "starttls_required"


# ---- bad servers ----

def test_bad_servers_hold_nobody_up(world, keys, serve):
    def drip(connection, first):
        connection.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x10\x00\x03\x03")
        for _ in range(100):
            connection.sendall(b"\x00")
            time.sleep(0.5)

    def flood(connection, first):
        connection.settimeout(10)
        record = b"\x16\x03\x03\x40\x00" + b"\x02\xff\xff\xff" + bytes(16380)
        while True:
            connection.sendall(record)

    def garbage(connection, first):
        connection.sendall(b"\x16\x03\x03" + os.urandom(3000))

    serve.play(4433, drip)
    serve.play(4434, flood)
    serve.play(4435, garbage)
    serve.play(4436, lambda connection, first: connection.sendall(b"\x1b[2J\x1b]0;x\x07 \xff\xfe\r\n"))
    serve(4437, keys["good"])
    begin = time.monotonic()
    found = audit(world, *range(4433, 4438))
    assert time.monotonic() - begin < 40
    assert found[4437]["encryption"] == "tls" and found[4437]["whole"]
    assert not any(found[port]["versions"] for port in (4433, 4434, 4435, 4436))
    assert found[4433]["encryption"] == "tls" and not found[4433]["whole"]
    assert found[4436]["encryption"] == "plaintext"


def test_hostile_certificates_do_no_harm(world, keys, serve):
    serve(4433, keys["names"])
    serve(4434, keys["control"])
    serve(4435, keys["long"])
    done = run_audit(world, "--authorized", "--ports", "4433-4435", "--rate", "max", HOST)
    assert "\x1b" not in done.stdout and "\x00" not in done.stdout and done.returncode == 0
    found = audit(world, 4433, 4434, 4435, more=["--name", "good.example"])
    assert found[4433]["certificate"]["name_count"] == 1000
    # "good.example\0.evil.example" is not good.example.
    assert not found[4434]["certificate"]["name_matches"]
    assert found[4435]["certificate"]["chain"] >= 30


# ---- this host, the policy, rights ----

def test_ports_of_this_host_are_held_against_the_policy(world, keys, serve, tmp_path):
    serve(4433, keys["good"], "-cipher", "ECDHE+AESGCM")
    serve.play(4434, lambda connection, first: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    serve.play(4435, lambda connection, first: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    policy = tmp_path / "policy.yaml"
    policy.write_text("minato: 1\nports:\n"
                      "  web: {port: 4433/tcp, for: web, owner: me, from: any, encryption: own}\n"
                      "  bare: {port: 4434/tcp, for: x, owner: me, from: any, encryption: own}\n"
                      "  open: {port: 4435/tcp, for: x, owner: me, from: any, encryption: none, because: public}\n")
    done = run_audit(world, "--json", "--name", "good.example", policy=policy, namespace=world.host)
    assert done.returncode == 2, done.stderr
    found = {row["port"]: row for audited in json.loads(done.stdout)["encryption"] for row in audited["ports"]}
    assert [found[port]["verdict"] for port in (4433, 4434, 4435)] == ["in_order", "plaintext_though_declared", "in_order"]
    assert found[4434]["finding"] == "encryption-plaintext-though-declared"
    assert run_audit(world, "4433,4435", "--name", "good.example", policy=policy, namespace=world.host).returncode == 0
    lines = run_audit(world, "--name", "good.example", policy=policy, namespace=world.host).stdout.splitlines()
    told, = [at for at, line in enumerate(lines) if line.startswith("  4434/tcp  bare declares")]
    assert lines[told + 1].startswith("     -> "), "what to do stands right below"


def test_it_works_without_rights_and_in_japanese(world, keys, serve):
    serve(4433, keys["self"], "-cipher", "ECDHE+AESGCM")
    environment = {**world.environment(), "LANG": "ja_JP.UTF-8", "LANGUAGE": "ja"}
    done = subprocess.run(["ip", "netns", "exec", world.host, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", MINATO, "audit",
                           "--tls", "4433"], capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert done.returncode == 0 and "自己署名" in done.stdout and "証明書" in done.stdout, done.stderr


def test_connections_are_told_apart_without_asking(world, keys, serve, tmp_path):
    """Nobody connects but the clients of this test, and what they begin with tells all."""
    serve(4433, keys["good"])
    asked = []

    def answer(connection, first):
        asked.append(first)
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")

    serve.play(4434, answer)
    policy = tmp_path / "policy.yaml"
    policy.write_text("minato: 1\nports:\n  bare: {port: 4433-4434/tcp, for: x, owner: me, from: any, encryption: own}\n")
    watching = subprocess.Popen(["ip", "netns", "exec", world.host, MINATO, "--policy", str(policy), "audit", "--tls", "--passive", "4", "--json"],
                                stdout=subprocess.PIPE, text=True, env=world.environment())
    while watching.poll() is None:  # from the moment at which the socket is there
        for target in (f"https://{HOST}:4433", f"http://{HOST}:4434", f"http://[{World.HOST6}]:4434"):
            subprocess.run(["ip", "netns", "exec", world.outside, "openssl", "s_client", "-connect", f"{HOST}:4433"] if "4433" in target else
                           ["ip", "netns", "exec", world.outside, "python3", "-c", f"import urllib.request as u; u.urlopen('{target}').read()"],
                           stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)
    found = {row["port"]: row for row in json.loads(watching.stdout.read())["seen"]}
    assert watching.returncode == 2
    assert [found[port]["encryption"] for port in (4433, 4434)] == ["tls", "plaintext"]
    assert [found[port]["verdict"] for port in (4433, 4434)] == ["in_order", "plaintext_though_declared"]
    assert found[4434]["connections"] <= len(asked)


def test_watching_needs_rights(world):
    done = run_audit(world, "--passive", "1", before=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"], namespace=world.host)
    assert done.returncode == 4 and "sudo" in done.stderr


@pytest.mark.parametrize("words", [["--passive", "5"], ["--tls", "--passive", "5", "443"], ["--quick", "self"], ["--tls", "--name", "a" * 300, "443"], ["--tls", "70000"], []])
def test_wrong_words_say_what_to_type(world, words):
    done = subprocess.run(["ip", "netns", "exec", world.host, MINATO, "audit", *words], capture_output=True, text=True, timeout=60,
                          env=world.environment(), check=False)
    assert done.returncode == 3 and "minato help audit" in done.stderr


def test_others_hosts_need_a_word(world):
    done = run_audit(world, HOST)
    assert done.returncode == 3 and "--authorized" in done.stderr
