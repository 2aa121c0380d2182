"""Debian's sshd in a namespace of the test. Where it is not installed its package is unpacked, not installed: installing
would start a server on the machine."""
import os
import pathlib
import shutil
import subprocess
import time

import pytest

from world import BUILD, MINATO, checked, run


PACKAGES = ("openssh-server", "libwrap0")
UNPACKED = BUILD / "tests" / "openssh"
LIBRARIES = UNPACKED / "root/usr/lib" / f"{os.uname().machine}-linux-gnu"


def fetch():
    """@return why not, or an empty string."""
    UNPACKED.mkdir(parents=True, exist_ok=True)
    download = ["apt-get", "-q", "download", *PACKAGES]
    for words in (download, ["apt-get", "-q", "update"], download):
        done = subprocess.run(words, cwd=UNPACKED, capture_output=True, text=True)
        packages = list(UNPACKED.glob("*.deb"))
        if len(packages) >= len(PACKAGES):
            for package in packages:
                checked("dpkg-deb", "-x", package, UNPACKED / "root")
            return ""
    return done.stderr.strip()[-200:]


def server():
    """Words that start an sshd, or a skip."""
    installed = shutil.which("sshd", path="/usr/sbin:/sbin:" + os.environ["PATH"])
    if installed:
        return installed
    unpacked = UNPACKED / "root/usr/sbin/sshd"
    reason = "" if unpacked.exists() else fetch()
    if reason:
        pytest.skip(f"no sshd here, and its package cannot be fetched: {reason}")
    return f"env LD_LIBRARY_PATH={LIBRARIES} {unpacked}"


class Sshd:
    """sshd on port 22 of the world's host; clients come from its outside."""

    def __init__(self, world):
        self.prepare(world)
        (self.folder / "config").write_text(self.settings())
        self.start(f"mount --bind {self.folder}/passwd /etc/passwd && mount -t tmpfs none /run/lock 2>/dev/null; "
                   f"mkdir -p /run/sshd && exec {server()} -D -e -f {self.folder}/config")

    def prepare(self, world):
        self.world, self.folder = world, world.folder / "ssh"
        self.folder.mkdir()
        for name in ("host", "client"):
            checked("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name)
        passwd = pathlib.Path("/etc/passwd").read_text()
        if "\nsshd:" not in passwd:
            passwd += "sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin\n"
        (self.folder / "passwd").write_text(passwd)

    def settings(self):
        return f"""HostKey {self.folder}/host
AuthorizedKeysFile {self.folder}/client.pub
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PidFile none
"""

    def start(self, script):
        """Runs it in the host, with mounts of its own, until port 22 answers."""
        log = open(self.folder / "log", "w")
        self.process = subprocess.Popen(["ip", "netns", "exec", self.world.host, "unshare", "-m", "sh", "-c", script],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.world.processes.append(self.process)
        deadline = time.monotonic() + 20
        while not self.world.connect(22, self.world.FRIEND):
            assert self.process.poll() is None and time.monotonic() < deadline, (self.folder / "log").read_text()

    def words(self, *options, source=None):
        return ["ip", "netns", "exec", self.world.outside, "ssh", "-F", "none", "-i", self.folder / "client", "-b",
                source or self.world.FRIEND, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
                "LogLevel=ERROR", "-o", "ConnectTimeout=2", "-o", "BatchMode=yes", *options, f"root@{self.world.HOST}"]

    def minato(self, *words, options=(), wrap=""):
        """The command typed into a login over SSH, its own connection unless `options` share one."""
        text = " ".join(str(word) for word in words)
        return run(*self.words(*options), f"MINATO_RULES_DIRECTORY={self.world.folder}/rules LANG=C.UTF-8 "
                   f"MINATO_RUNTIME_DIRECTORY=/nonexistent {wrap}{MINATO} --policy {self.world.policy} {text}")

    def gets_in(self, source=None, port=22):
        return run(*self.words("-p", port, source=source), "true").returncode == 0
