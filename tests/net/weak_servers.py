"""Servers of TLS that are weak on purpose: OpenSSL where it still can, played byte by byte where it cannot."""
import contextlib
import os
import socket
import subprocess
import threading
import time

from world import checked, inside

DATES = {"expired": ("20200101000000Z", "20200201000000Z"), "future": ("20900101000000Z", "20900201000000Z")}
CA = """
[ca]
default_ca = c
[c]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
default_md = {digest}
policy = p
unique_subject = no
copy_extensions = copy
x509_extensions = x
[p]
commonName = supplied
[x]
{extensions}
[req]
distinguished_name = n
[n]
"""


class Keys:
    """Key and certificate in one file for each kind, the rest of the chain beside it; made when it is asked for."""

    def __init__(self, folder):
        self.folder, self.made = folder, {}
        (folder / "index").write_text("")
        self.root = self.issue("root", None, "/CN=minato test root", "basicConstraints=critical,CA:TRUE")
        self.middle = self.issue("middle", self.root, "/CN=minato test intermediate", "basicConstraints=critical,CA:TRUE")

    def __getitem__(self, kind):
        if kind not in self.made:
            self.made[kind] = self.make(kind)
        return self.made[kind]

    def issue(self, name, issuer, subject, extensions, bits=2048, digest="sha256", days=400, dates=None):
        """@return the files of key and certificate."""
        key, request, out, config = (self.folder / f"{name}.{end}" for end in ("key", "req", "crt", "cnf"))
        config.write_text(CA.format(folder=self.folder, digest=digest, extensions=extensions))
        checked("openssl", "genrsa", "-out", key, str(bits))
        checked("openssl", "req", "-new", "-key", key, "-subj", subject, "-out", request, "-config", config)
        signed = ["-selfsign", "-keyfile", key] if issuer is None else ["-keyfile", issuer[0], "-cert", issuer[1]]
        when = ["-startdate", dates[0], "-enddate", dates[1]] if dates else ["-days", str(days)]
        checked("openssl", "ca", "-batch", "-notext", "-config", config, *signed, "-in", request, "-out", out, *when)
        return key, out

    def curve(self):
        """A certificate for a key of an elliptic curve, signed by the intermediate one."""
        key, request, out = (self.folder / f"curve.{end}" for end in ("key", "req", "crt"))
        checked("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        checked("openssl", "req", "-new", "-key", key, "-subj", "/CN=good.example", "-out", request)
        (self.folder / "curve.ext").write_text("subjectAltName=DNS:good.example\ncrlDistributionPoints=URI:http://crl.example/c")
        checked("openssl", "x509", "-req", "-in", request, "-CA", self.middle[1], "-CAkey", self.middle[0], "-CAcreateserial",
                "-days", "400", "-extfile", self.folder / "curve.ext", "-out", out)
        path = self.folder / "curve.pem"
        path.write_text(key.read_text() + out.read_text())
        path.with_suffix(".chain").write_text(self.middle[1].read_text())
        return path

    def make(self, kind):
        if kind == "curve":
            return self.curve()
        names = {"other": "DNS:other.example", "names": ",".join(f"DNS:host{i}.example" for i in range(1000)),
                 "control": "DNS:good.example\\00.evil.example"}.get(kind, "DNS:good.example")
        extensions = f"subjectAltName={names}\ncrlDistributionPoints=URI:http://crl.example/c"
        if kind == "early":
            extensions += "\nauthorityInfoAccess=caIssuers;URI:http://ca.example/i.crt"
        if kind == "control":
            extensions = ("subjectAltName=@alt\n[alt]\notherName=1.2.3.4;UTF8:x\n")
        subject = {"other": "/CN=other.example", "control": "/CN=\x1b[2Jgood.example"}.get(kind, "/CN=good.example")
        more = {"bits": 1024 if kind == "short" else 2048, "digest": "sha1" if kind == "sha1" else "sha256",
                "dates": DATES.get(kind), "days": 5 if kind == "soon" else 400}
        issuer = None if kind == "self" else self.middle
        key, certificate = self.issue(kind, issuer, subject, extensions, **more)
        if kind == "control":
            self.put_nul(certificate, key)
        chain = [] if kind in ("self", "early") else [self.middle[1]] * (40 if kind == "long" else 1)
        path = self.folder / f"{kind}.pem"
        path.write_text(key.read_text() + certificate.read_text())
        if chain:
            path.with_suffix(".chain").write_text("".join(each.read_text() for each in chain))
        return path

    def put_nul(self, certificate, key):
        """A common name with NUL, which openssl does not write: bytes are exchanged, and it is signed by nobody."""
        der = self.folder / "control.der"
        checked("openssl", "x509", "-in", certificate, "-outform", "DER", "-out", der)
        data = der.read_bytes()
        assert b"\x1b[2Jgood.example" in data
        der.write_bytes(data.replace(b"\x1b[2Jgood.example", b"good.example\x00.ev"))
        checked("openssl", "x509", "-inform", "DER", "-in", der, "-out", certificate)


class Process:
    def __init__(self, process):
        self.process = process

    def end(self):
        self.process.kill()
        self.process.wait()


def openssl_server(namespace, port, key, *words):
    chain = key.with_suffix(".chain")
    return Process(subprocess.Popen(
        ["ip", "netns", "exec", namespace, "openssl", "s_server", "-quiet", "-accept", str(port), "-cert", str(key), "-key", str(key),
         *(["-cert_chain", str(chain)] if chain.exists() else []), *words], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))


def connect(namespace, port):
    with inside(namespace) as call:
        made = call(lambda: socket.socket(socket.AF_INET))
    made.settimeout(10)
    made.connect(("127.0.0.1", port))
    return made


def wait_for(namespace, port):
    for _ in range(200):
        with contextlib.suppress(OSError):
            connect(namespace, port).close()
            return
        time.sleep(0.05)
    raise AssertionError(f"nobody listens on {port}")


class Played:
    """Connections given to a function with the first bytes, each in a thread, until it is ended."""

    def __init__(self, namespace, port, function):
        def make():
            made = socket.socket(socket.AF_INET6)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("::", port))
            made.listen(64)
            return made

        with inside(namespace) as call:
            self.socket = call(make)
        self.function = function
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.settimeout(20)
            self.function(connection, b"" if getattr(self.function, "greets", False) else connection.recv(4096))

    def end(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    @staticmethod
    def starttls(talk, namespace, behind, required=False):
        """Speaks a protocol, and leads to a port of TLS; behind = None: it does not know STARTTLS."""
        offered = behind is not None
        lines = TALKS[talk]

        def serve(connection, _):
            connection.sendall(lines[0] if offered else lines[0].replace(b"\xff\xff", b"\xff\xf7"))
            heard = b""
            while True:
                more = connection.recv(4096)
                if not more:
                    return
                heard += more
                for wanted, with_tls, without in lines[1:]:
                    if wanted in heard:
                        break
                else:
                    continue
                rest = heard[36:] if talk == "mysql" else b""  # the question of TLS may come with the one that leads there
                heard = b""
                connection.sendall(b"530 5.7.0 Must issue a STARTTLS command first\r\n" if required and wanted == b"MAIL" else
                                   with_tls if offered else without)
                if offered and wanted == lines[-1][0]:
                    break
            behind_it = connect(namespace, behind)
            behind_it.sendall(rest)
            relay(connection, behind_it)

        serve.greets = bool(lines[0]) or talk in ("irc", "xmpp", "ldap", "postgres")
        return serve


MYSQL = b"\x4a\0\0\0\x0a8.0.36\0" + b"\1\0\0\0" + b"12345678\0" + b"\xff\xff" + bytes(51)
TALKS = {
    "smtp": [b"220 mx ESMTP\r\n", (b"EHLO", b"250-mx\r\n250-STARTTLS\r\n250 HELP\r\n", b"250 mx\r\n"), (b"MAIL", b"250 OK\r\n", b""),
             (b"RSET", b"250 OK\r\n", b""), (b"STARTTLS", b"220 go\r\n", b"")],
    "imap": [b"* OK hi\r\n", (b"CAPABILITY", b"* CAPABILITY IMAP4rev1 STARTTLS\r\na OK\r\n", b"* CAPABILITY IMAP4rev1\r\na OK\r\n"),
             (b"STARTTLS", b"b OK go\r\n", b"")],
    "pop3": [b"+OK hi\r\n", (b"CAPA", b"+OK\r\nSTLS\r\nUSER\r\n.\r\n", b"+OK\r\nUSER\r\n.\r\n"), (b"STLS", b"+OK go\r\n", b"")],
    "ftp": [b"220 FTP\r\n", (b"AUTH TLS", b"234 go\r\n", b"500 what\r\n")],
    "nntp": [b"200 hi\r\n", (b"CAPABILITIES", b"101 x\r\nSTARTTLS\r\n.\r\n", b"101 x\r\nREADER\r\n.\r\n"), (b"STARTTLS", b"382 go\r\n", b"")],
    "sieve": [b'"IMPLEMENTATION" "x"\r\n"SASL" "PLAIN"\r\n"STARTTLS"\r\nOK "hi"\r\n', (b"STARTTLS", b'OK "go"\r\n', b'NO\r\n')],
    "irc": [b"", (b"STARTTLS", b":irc 670 * :go\r\n", b":irc 421 * STARTTLS :what\r\n")],
    "xmpp": [b"", (b"version='1.0'>", b"<stream:stream><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>",
                   b"<stream:stream><stream:features></stream:features>"), (b"<starttls", b"<proceed/>", b"")],
    "ldap": [b"", (b"20037", bytes([0x30, 12, 2, 1, 1, 0x78, 7, 0x0a, 1, 0, 4, 0, 4, 0]), bytes([0x30, 12, 2, 1, 1, 0x78, 7, 0x0a, 1, 2, 4, 0, 4, 0]))],
    "postgres": [b"", (b"\x04\xd2\x16\x2f", b"S", b"N")],
    "mysql": [MYSQL, (b"\0\0\x01\0\x8a", b"", b"")],
}


def relay(one, other):
    def carry(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        # openssl serves one after the other: who is reset by the client must not keep it.
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    with other:
        back = threading.Thread(target=carry, args=(other, one), daemon=True)
        back.start()
        carry(one, other)
        back.join()


# ---- TLS byte by byte ----

def record(kind, data):
    return bytes([kind]) + b"\x03\x01" + len(data).to_bytes(2, "big") + data


def message(kind, data):
    return bytes([kind]) + len(data).to_bytes(3, "big") + data


def alert(description):
    return record(21, bytes([2, description]))


def hello12(key, accepted, follows=False, chokes=()):
    """A server of (version, suite)s without any key exchange, which answers with the chain of a key file.

    follows = it takes what stands first at the client's; chokes = suites at which it ends the connection without a word.
    """
    der = subprocess.run(["openssl", "x509", "-in", str(key), "-outform", "DER"], capture_output=True, check=True).stdout
    chain = len(der).to_bytes(3, "big") + der

    def answer(connection, first):
        if first[:1] != b"\x16":
            return
        version = int.from_bytes(first[9:11], "big")
        session = first[43]
        at = 44 + session
        count = int.from_bytes(first[at:at + 2], "big")
        offered = [int.from_bytes(first[i:i + 2], "big") for i in range(at + 2, at + 2 + count, 2)]
        modern = b"\x00\x2b\x00\x03\x02\x03\x04" in first  # supported_versions with 1.3 alone
        if b"\x03\x04" in first[at + 2 + count:] and not any(suite >> 8 == 0x13 for suite in offered):
            return
        for wanted, suite in sorted(accepted, key=lambda each: offered.index(each[1]) if follows and each[1] in offered else each[1]):
            if suite in offered and suite in chokes and wanted <= version:
                return
            if suite in offered and wanted <= version and not modern:
                hello = wanted.to_bytes(2, "big") + os.urandom(32) + b"\0" + suite.to_bytes(2, "big") + b"\0"
                connection.sendall(record(22, message(2, hello) + message(11, len(chain).to_bytes(3, "big") + chain) + message(14, b"")))
                return
        connection.sendall(alert(40))

    return answer
