"""A minatod of the test's own: started in directories of its own, asked over its socket, ended."""
import http.client
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MINATO_BUILD", ROOT / "build"))
WAIT_SECONDS = 20
numbers = itertools.count()


def until(condition, what, seconds=WAIT_SECONDS):
    """Waits for something of another process; @return what the condition gave."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


def alive(pid):
    """Whether the process runs; a zombie that nobody has waited for does not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def status_of(pid):
    """/proc/PID/status as a dictionary."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=WAIT_SECONDS):
        super().__init__("minato", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Stream:
    """Frames of /v1/events/stream: (name, id or None, data)."""

    def __init__(self, path, query="", headers=None):
        self.connection = UnixConnection(path)
        self.connection.request("GET", "/v1/events/stream" + query, headers=headers or {})
        self.response = self.connection.getresponse()
        assert self.response.status == 200
        assert self.response.getheader("Content-Type") == "text/event-stream"

    def frame(self):
        name, number, data = None, None, None
        while True:
            line = self.response.fp_line()
            if line == "" and data is not None:
                return name, number, data
            key, _, value = line.partition(": ")
            if key == "event":
                name = value
            elif key == "id":
                number = int(value)
            elif key == "data":
                data = json.loads(value)

    def until(self, wanted):
        """Frames up to the first for which wanted(name, data) holds; @return that one's data."""
        while True:
            name, _, data = self.frame()
            if wanted(name, data):
                return data

    def close(self):
        self.connection.close()


def fp_line(response):
    line = response.readline()
    if line == b"":
        raise EOFError("the stream ended")
    return line.decode().rstrip("\n")


http.client.HTTPResponse.fp_line = fp_line


class Daemon:
    def __init__(self, *options, runtime=None, state=None, environment=None, observe=True, before=(), sentry="off"):
        """observe = without a keeper of the rules; before = words in front of the command, e.g. nsenter; sentry = how it sees scans."""
        name = f"{os.getpid()}-{next(numbers)}"
        self.runtime = runtime or f"/run/minato-test-{name}"
        self.own_runtime, self.own_state = runtime is None, state is None
        self.state = state or tempfile.mkdtemp(prefix="minato-test-state-")
        self.options = options
        self.observe, self.before, self.sentry = observe, before, sentry
        self.environment = {**os.environ, "MINATO_GUARD_DIRECTORY": "/nonexistent", "MINATO_TAP_DIRECTORY": "/nonexistent",
                            **(environment or {})}
        self.log = tempfile.TemporaryFile("w+")
        self.process = None
        self.seen = set()  # every pid that was ours, to end what is left

    @property
    def socket(self):
        return self.runtime + "/minatod.sock"

    def start(self, ready=True):
        words = [*self.before, BUILD / "minatod", "--runtime-directory", self.runtime, "--state-directory", self.state]
        words += ["--observe"] if self.observe else []
        words += ["--sentry", self.sentry]
        words += [] if "--policy" in self.options else ["--policy", self.state + ".policy/none.yaml"]
        words += self.options
        self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, env=self.environment, start_new_session=True)
        if ready:
            until(self.is_ready, "the daemon answers")
        return self

    def is_ready(self):
        assert self.process.poll() is None, self.said()
        try:
            expected = {"parent", "engine", "face"} | (set() if self.observe else {"keeper"})
            expected |= set() if self.sentry == "off" else {"sentry"}
            return self.pids().keys() == expected and self.status()["sweep"]["count"] > 0
        except (OSError, http.client.HTTPException, KeyError):
            return False

    def get(self, target, method="GET", headers=None, body=None):
        """@return (HTTP status, JSON)."""
        connection = UnixConnection(self.socket)
        try:
            connection.request(method, target, headers=headers or {}, body=body)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def ask(self, target):
        """Asks, and comes again while the engine is being started, as the API tells its clients to."""
        def answer():
            status, document = self.get(target)
            again = status == 503 and document["error"]["code"] == "engine_restarting"
            assert again or status == 200, document
            return None if again else document

        return until(answer, f"an answer to {target}")

    def status(self):
        return self.ask("/v1/status")

    def stream(self, query="", headers=None):
        return Stream(self.socket, query, headers)

    def pids(self):
        """{"parent": pid, "engine": pid, "face": pid}, and the keeper where there is one"""
        pids = {p["name"]: p["pid"] for p in self.status()["processes"]}
        self.seen.update(pids.values())
        return pids

    def helper(self):
        """The fourth process: asked for by nobody, so found as the parent's child."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as f:
            for pid in map(int, f.read().split()):
                if status_of(pid)["Name"] == "minato-helper":
                    self.seen.add(pid)
                    return pid
        raise AssertionError("no helper")

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        """Ends it as systemd would. @return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_SECONDS)

    def kill(self):
        self.process.kill()
        self.process.wait(WAIT_SECONDS)

    def remove(self):
        """Whatever the test did: nothing of it is left."""
        if self.process is not None and self.process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill()
        if self.own_runtime and os.path.isdir(self.runtime):
            until(lambda: not os.path.exists(self.runtime + "/minatod.lock"), "the helper has cleaned up")
            shutil.rmtree(self.runtime, ignore_errors=True)
        if self.own_state:
            shutil.rmtree(self.state, ignore_errors=True)
        self.log.close()


def fixed_port():
    """A free number below the range from which the kernel chooses."""
    for port in range(20000 + os.getpid() % 5000, 32000):
        with socket.socket() as attempt:
            try:
                attempt.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port")


def listen(port=0, address="127.0.0.1"):
    """@return (socket, port) listening on loopback."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind((address, port))
    listener.listen(16)
    return listener, listener.getsockname()[1]
