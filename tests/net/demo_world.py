"""`minato demo` as root and as somebody without rights, and what of it is left."""
import fcntl
import os
import pathlib
import pty
import select
import struct
import subprocess
import sys
import termios
import time

import pytest

from daemon import until
from world import MINATO, checked, heed_signals

# Somebody who has no account, and no rights.
SOMEBODY = ("setpriv", "--reuid=64321", "--regid=64321", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
LANGUAGES = {"en": {"LANG": "C.UTF-8", "LANGUAGE": "en"}, "ja": {"LANG": "C.UTF-8", "LANGUAGE": "ja"}}
WHO = {"root": (), "somebody": SOMEBODY}
SECONDS = 120
KINDS = ("net", "mnt", "pid", "user", "uts", "ipc", "cgroup")
OWN_FOLDERS, SHARED_FOLDERS = ("/run", "/tmp", "/var/tmp"), ("/var/lib", "/etc")
# The first process of a namespace has to take the end of those whose parents have ended, as init does.
REAPER = """import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
print("ready", flush=True)
while signal.sigwait([signal.SIGCHLD]):
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass
"""


def environment(language="en", **more):
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "MINATO_"))}
    return {**kept, **LANGUAGES[language], **more}


def namespaces_allowed():
    return subprocess.run([*SOMEBODY, "unshare", "--user", "--net", "true"], capture_output=True).returncode == 0


class Quay:
    """Where a demo is run: mounts, processes and a network that nobody else on this machine changes meanwhile."""

    def __init__(self, who):
        self.who = who
        self.holder = subprocess.Popen(["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
                                        "--propagation", "private", "sh", "-c",
                                        "for d in /run /tmp /var/tmp; do mount -t tmpfs -o mode=1777 t $d; done;"
                                        f"exec {sys.executable} -c '{REAPER}'"],
                                       stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n"
        children = pathlib.Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().split()
        self.enter = ["nsenter", "--mount", "--net", "--pid", "-t", children[0]]
        self.before = self.census()
        self.running = []

    def words(self, *options):
        return [*self.enter, *WHO[self.who], str(MINATO), "demo", *map(str, options)]

    def demo(self, *options, language="en", code=None, typed=""):
        """`minato demo` without a terminal. @return it when it has ended."""
        done = subprocess.run(self.words(*options), capture_output=True, text=True, timeout=SECONDS, input=typed,
                              env=environment(language))
        assert code is None or done.returncode == code, done.stdout + done.stderr
        return done

    def host(self, command, **more):
        """A line of shell on the host of the world. @return what it wrote."""
        return self.demo("--", "sh", "-c", command, code=0, **more).stdout

    def start(self, *options, language="en"):
        self.running.append(subprocess.Popen(self.words(*options), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                             stderr=subprocess.STDOUT, text=True, env=environment(language),
                                             preexec_fn=heed_signals))
        return self.running[-1]

    def inside(self, *words):
        return checked(*self.enter, *words)

    def processes(self):
        """{pid: (parent, group, command)} as they are numbered here, without this look at them."""
        rows = [line.split(None, 3) for line in self.inside("ps", "-eo", "pid=,ppid=,pgid=,args=").splitlines()]
        return {int(pid): (int(parent), int(group), words) for pid, parent, group, words in rows if not words.startswith("ps -eo")}

    def namespaces(self):
        text = self.inside("sh", "-c", "ls -l /proc/[0-9]*/ns 2>/dev/null || true")
        return {line.rsplit(" ", 1)[1] for line in text.splitlines() if " -> " in line and line.rsplit(" ", 1)[1].startswith(KINDS)}

    def census(self):
        """What a world might leave behind."""
        return {
            "processes": self.processes(),
            "namespaces": self.namespaces(),
            # Other tests on this machine may take mounts away, by removing what they are mounted on.
            "mounts": set(self.inside("cat", "/proc/1/mountinfo").splitlines()),
            "files": self.inside("find", *OWN_FOLDERS) + self.inside("find", *SHARED_FOLDERS, "-name", "*minato*"),
            "links": self.inside("ip", "-br", "link"),
            "rules": self.inside("nft", "-s", "list", "ruleset"),
        }

    def until_gone(self):
        """Waits until all is as it was; says what is not."""
        left = {}

        def gone():
            now = self.census()
            left.clear()
            left.update({key: value for key, value in now.items() if value != self.before[key]})
            if "mounts" in left and not now["mounts"] - self.before["mounts"]:
                del left["mounts"]
            return not left

        try:
            until(gone, "nothing is left", seconds=10)
        except AssertionError as late:
            raise AssertionError(f"left behind: {left}") from late

    def remove(self):
        for each in self.running:
            each.kill()
            each.wait()
            each.stdout.close()
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()


class Terminal:
    """A program at a terminal of 100x40, typed at."""

    def __init__(self, words, language="en"):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(words[0], words, environment(language, TERM="xterm"))
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("4H", 40, 100, 0, 0))
        self.shown = ""

    def read(self, seconds):
        """@return whether something came; False too at the end."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            self.shown += os.read(self.fd, 65536).decode(errors="replace")
        except OSError:  # EIO: nobody has the other end any more
            return False
        return True

    def until(self, text, seconds=30):
        """Waits for a text that was not there before the last type(). @return what came since then."""
        begin = self.typed if hasattr(self, "typed") else 0
        deadline = time.monotonic() + seconds
        while text not in self.shown[begin:]:
            assert time.monotonic() < deadline, f"no {text!r} in: {self.shown[begin:]}"
            self.read(0.2)
        return self.shown[begin:]

    def type(self, text):
        self.typed = len(self.shown)
        os.write(self.fd, text.encode())

    def end(self):
        """Waits for its end. @return its exit code."""
        while self.read(30):
            pass
        os.close(self.fd)
        self.fd = -1
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def remove(self):
        if self.fd >= 0:
            os.kill(self.pid, 9)
            self.end()


@pytest.fixture(params=WHO)
def quay(request):
    """Whatever the test did: in the end nothing of it is left."""
    if request.param == "somebody" and not namespaces_allowed():
        pytest.skip("no user namespaces here")
    made = Quay(request.param)
    try:
        yield made
        made.until_gone()
    finally:
        made.remove()


@pytest.fixture
def terminals():
    made = []
    yield lambda words, language="en": made.append(Terminal(words, language)) or made[-1]
    for each in made:
        each.remove()
