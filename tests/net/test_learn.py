"""minato learn: every scene in both languages, from this very host, printed and at a terminal."""
import os
import pty
import re
import select
import socket
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

import pytest
import yaml

from world import MINATO, NOBODY, ROOT

ALONE = "counts processes and mounts before and after"
SCENES = yaml.safe_load((ROOT / "data/lessons.yaml").read_text(encoding="utf-8"))["scenes"]
JAPANESE = re.compile("[ぁ-んァ-ヶ一-龠]")
ENVIRONMENT = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "MINATO_RULES_DIRECTORY": "/nonexistent"}


@pytest.fixture
def minato():
    def run(*words, language="en", timeout=60):
        return subprocess.run([MINATO, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout, check=False,
                              env={**ENVIRONMENT, "LANGUAGE": language})

    return run


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("number", range(1, len(SCENES) + 1))
def test_every_scene_is_told_in_both_languages(minato, number, language):
    done = minato("learn", str(number), language=language)
    assert done.returncode == 0 and done.stderr == ""
    scene = SCENES[number - 1]
    assert done.stdout.startswith(f"{number}. {scene['title'][language]}\n")
    assert minato("learn", scene["id"], language=language).stdout.split("\n")[0] == done.stdout.split("\n")[0]
    flat = re.sub(r"\s", "", done.stdout)
    for answer in scene["quiz"]["answers"]:
        assert re.sub(r"\s", "", answer[language]) in flat and re.sub(r"\s", "", answer["why"][language]) in flat
    for each in scene["try"]:
        assert each["command"] in done.stdout
    assert "{" not in flat and "(null)" not in flat
    assert bool(JAPANESE.search(done.stdout)) == (language == "ja")


@pytest.mark.parametrize("command", sorted({each["command"] for scene in SCENES for each in scene["try"]}))
def test_what_is_to_be_tried_exists(minato, command):
    assert command.split()[0] == "minato"
    done = minato(*command.split()[1:], timeout=120)
    assert done.returncode in (0, 2) or "check" in command, done.stderr
    assert done.stdout and "minato help" not in done.stderr


@pytest.mark.parametrize("language", ["en", "ja"])
def test_all_of_it_fits_eighty_columns(minato, language):
    done = minato("learn", "--all", language=language)
    assert done.returncode == 0
    assert [line for line in done.stdout.splitlines() if re.match(r"\d+\. ", line)] == [
        f"{number}. {scene['title'][language]}" for number, scene in enumerate(SCENES, 1)]
    if language == "en":
        assert max(map(len, done.stdout.splitlines())) <= 80


# ---- it is this host that is shown ----

def test_two_programs_have_really_tried(minato):
    text = " ".join(minato("learn", "1").stdout.split())
    port = int(re.search(r"took port (\d+) at 127.0.0.1", text)[1])
    assert 1024 <= port <= 65535 and "(EADDRINUSE)" in text
    with socket.socket() as again:  # and both have let it go
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def test_the_ranges_are_those_of_this_kernel(minato):
    first, last = open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii").read().split()
    text = " ".join(minato("learn", "2").stdout.split())
    assert f"{first}-{last}, that is {int(last) - int(first) + 1} numbers" in text


def test_a_connection_that_lives_is_shown(minato):
    with socket.create_server(("127.0.0.1", 0)) as listens, socket.create_connection(listens.getsockname()):
        text = minato("learn", "3").stdout
    local, remote = map(int, re.search(r"port\s+(\d+)\s+with\s+\S+\s+port\s+(\d+)", text).groups())
    assert f"{local:016b}"[0] + " " in text
    assert " ".join(f"{remote:016b}") in text or " ".join(f"{local:016b}") in text
    assert "No connection was alive" not in text


@pytest.mark.parametrize("before", [[], NOBODY], ids=["caller", "nobody"])
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become nobody")
def test_the_packets_are_real(before):
    done = subprocess.run([*before, MINATO, "learn", "4"], capture_output=True, text=True, timeout=60, check=False,
                          env=ENVIRONMENT, stdin=subprocess.DEVNULL)
    arrows = [line[11:].strip(" |-<>") for line in done.stdout.splitlines() if " ms |" in line]
    assert done.returncode == 0
    assert arrows[:4] == ["SYN", "SYN, ACK", "ACK", "54 bytes: GET / HTTP/1.1"], done.stdout
    assert arrows[-2:] == ["54 bytes: GET / HTTP/1.1", "104 bytes: HTTP/1.1 200 OK"]
    assert done.stdout.count("Captured packets of this very connection") == 2


def test_an_open_dangerous_door_is_named(minato):
    with socket.socket() as listens:
        listens.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listens.bind(("0.0.0.0", 6379))
        except OSError:
            pytest.skip("somebody has 6379 already")
        listens.listen()
        text = " ".join(minato("learn", "5").stdout.split())
        assert re.search(r"6379/tcp Redis\S* .*critical waits for other machines", text)
        assert "6379 (Redis" in text
    assert "6379/tcp" not in minato("learn", "5").stdout


# ---- the sandbox ----

def learned(*words, before=(), language="en", wrap=None):
    command = [*before, MINATO, "learn", *words]
    return subprocess.run([*(wrap or []), *command], capture_output=True, text=True, timeout=100, check=False, stdin=subprocess.DEVNULL,
                          env={**ENVIRONMENT, "LANGUAGE": language})


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become nobody")
@pytest.mark.parametrize("before", [[], NOBODY], ids=["caller", "nobody"])
def test_the_router_of_the_sandbox_hides_two_devices(before):
    done = learned("nat", before=before)
    text = " ".join(done.stdout.split())
    assert done.returncode == 0 and done.stderr == ""
    assert "From outside they all look like 203.0.113.20." in text
    port = re.search(r"sent from port (\d+); outside that is port (\d+)", text)
    assert all(1024 <= int(each) <= 65535 for each in port.groups())
    assert {"10.20.0.5", "10.20.0.6"} <= set(re.findall(r"10\.20\.0\.\d+", text))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become nobody")
@pytest.mark.parametrize("before", [[], NOBODY], ids=["caller", "nobody"])
def test_a_scan_is_seen_and_the_door_is_closed(before):
    done = learned("being-scanned", before=before)
    text = " ".join(done.stdout.split())
    assert done.returncode == 0 and done.stderr == ""
    assert "has just asked 1028 ports" in text and "22, 23, 80, 443, 1883, 6379, 25565" in text
    assert re.search(r'"[^"]*203\.0\.113\.66[^"]*"', text), "minato's own line names the scanner"
    assert "SYN" in done.stdout and "no reply" in done.stdout
    assert "port 23 now says: does not answer" in text


LEFT = """
import ctypes, os, subprocess, sys, time
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: who loses its parent comes to us
def mounted():  # ip(8) of somebody else makes and removes names of namespaces meanwhile
    return [line for line in open("/proc/self/mounts") if "netns" not in line]
mounts, files = mounted(), sorted(os.listdir(sys.argv[1]))
learning = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL)
if os.environ.get("KILL_AFTER"):
    time.sleep(float(os.environ["KILL_AFTER"]))
    learning.kill()
learning.wait()
until = time.monotonic() + 10
def children():
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                break
        except ChildProcessError:
            break
    return open(f"/proc/self/task/{os.getpid()}/children").read().split()
while children() and time.monotonic() < until:
    time.sleep(0.05)
print(children(), mounts == mounted(), files == sorted(os.listdir(sys.argv[1])))
"""


@pytest.mark.parametrize("kill_after", ["", "0.5", "1.5"], ids=["ended", "killed early", "killed late"])
def test_the_sandbox_leaves_nothing(tmp_path, kill_after):
    done = subprocess.run([sys.executable, "-c", LEFT, tmp_path, MINATO, "learn", "7"], capture_output=True, text=True, timeout=60,
                          env={**ENVIRONMENT, "TMPDIR": str(tmp_path), "KILL_AFTER": kill_after}, check=False)
    assert done.stdout == "[] True True\n", done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become nobody")
def test_where_no_namespace_may_be_made_it_says_so_and_goes_on():
    forbidden = [*NOBODY, "unshare", "--map-root-user", "sh", "-c",
                 "echo 0 >/proc/sys/user/max_user_namespaces; echo 0 >/proc/sys/user/max_net_namespaces; exec \"$@\"", "sh"]
    done = learned("--all", wrap=forbidden)
    text = " ".join(done.stdout.split())
    assert done.returncode == 0
    assert "Not captured: what must have passed" in text and "Without rights I may not watch the packets" in text
    assert "Here no sandbox can be made" in text and "203.0.113" not in text


# ---- figures ----

@pytest.mark.parametrize("language", ["en", "ja"])
def test_figures_are_written(minato, tmp_path, language):
    done = minato("learn", "--svg", str(tmp_path / "figures"), language=language)
    assert done.returncode == 0, done.stderr
    files = sorted(path.name for path in (tmp_path / "figures").iterdir())
    wanted = sorted({f"learn-{line['figure']}.svg" for scene in SCENES for line in scene["lines"] if "figure" in line})
    assert files == wanted and str(tmp_path / "figures") in done.stdout
    for name in files:
        tree = ElementTree.parse(tmp_path / "figures" / name).getroot()
        assert tree.get("role") == "img" and tree.find("{*}title").text and tree.find("{*}desc").text
        assert bool(JAPANESE.search(tree.find("{*}desc").text)) == (language == "ja")


def test_a_directory_that_cannot_be_made_is_told(minato, tmp_path):
    (tmp_path / "file").write_text("")
    done = minato("learn", "--svg", str(tmp_path / "file" / "figures"))
    assert done.returncode == 1 and "cannot write" in done.stderr and done.stdout == ""


@pytest.mark.parametrize("word", ["0", "99", "x\x1b[31m", "-1"])
def test_a_scene_that_is_not_there_is_told(minato, word):
    done = minato("learn", "--", word)
    assert done.returncode == 3 and "minato learn --all" in done.stderr and "\x1b" not in done.stderr


# ---- at a terminal ----

class Terminal:
    def __init__(self, *words):
        self.process, self.text = None, ""
        pid, self.end = pty.fork()
        if pid == 0:
            os.environ.update(LANG="C.UTF-8", LANGUAGE="en", TERM="xterm")
            os.execv(MINATO, ["minato", "learn", *words])
        self.pid = pid

    def wait_for(self, text):
        until = time.monotonic() + 20
        start = len(self.text)
        while text not in self.text[start:] and time.monotonic() < until:
            if select.select([self.end], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.end, 65536).decode(errors="replace")
                except OSError:
                    break
        assert text in self.text[start:], self.text[start:]

    def key(self, key):
        time.sleep(0.05)  # what is typed before the question does not count
        os.write(self.end, key.encode())

    def code(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_keys_lead_through_the_dialogue():
    terminal = Terminal("1")
    terminal.wait_for("[q] quit")
    terminal.key("2")
    terminal.wait_for("does not look at names")
    terminal.wait_for("[q] quit") if "[q] quit" not in terminal.text.rsplit("names", 1)[1] else None
    terminal.key("\n")
    terminal.wait_for("Three ranges")
    terminal.wait_for("[q] quit") if "[q] quit" not in terminal.text.rsplit("Three ranges", 1)[1] else None
    terminal.key("b")
    terminal.wait_for("1. ")
    terminal.wait_for("[q] quit") if "[q] quit" not in terminal.text.rsplit("1. ", 1)[1] else None
    terminal.key("q")
    assert terminal.code() == 0
