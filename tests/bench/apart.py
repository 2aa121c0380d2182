"""Programs that believe to be alone on a machine: in a network namespace, some folders their own in a mount namespace."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

DEVICES = ["full", "null", "random", "urandom", "zero"]
TICKS = os.sysconf("SC_CLK_TCK")


class Apart:
    """A mount namespace in which some of the host's folders are copies, or empty; with the network of another."""

    def __init__(self, netns, copied, emptied, log=None):
        """`log`: what is called with each (seconds, line) for syslog, which then does not reach the machine's."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="minato-bench-"))
        steps = [f"mount --bind {self.copy(path)} {path}" for path in copied]
        steps += [f"mount -t tmpfs none {path}" for path in emptied]
        steps += self.own_devices(log) if log else []
        self.holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-ec",
                                        "; ".join([*steps, "echo ready", "exec sleep 3600"])], stdout=subprocess.PIPE,
                                       start_new_session=True)
        assert self.holder.stdout.readline() == b"ready\n"
        self.enter = ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", f"--net=/run/netns/{netns}"]

    def copy(self, path):
        copy = self.folder / path.strip("/").replace("/", "-")
        shutil.copytree(path, copy, symlinks=True)
        return copy

    def own_devices(self, log):
        """What mounts a /dev of its own, whose log is read here."""
        devices = self.folder / "dev"
        devices.mkdir()
        for name in DEVICES:
            (devices / name).touch()
        reader = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        reader.bind(str(devices / "log"))
        os.chmod(devices / "log", 0o666)

        def read():
            while line := reader.recv(8192):
                log(time.time(), line.decode(errors="replace"))
            reader.close()

        threading.Thread(target=read, daemon=True).start()
        return [*(f"mount --bind /dev/{name} {devices / name}" for name in DEVICES), f"mount --rbind {devices} /dev"]

    def run(self, *words, **more):
        return subprocess.run([*self.enter, *map(str, words)], check=True, capture_output=True, text=True, **more)

    def begin(self, *words):
        """A program that goes into the background by itself, and may keep what it writes to open."""
        with open(self.folder / "said", "ab") as said:
            done = subprocess.run([*self.enter, *map(str, words)], stdin=subprocess.DEVNULL, stdout=said, stderr=said, timeout=30,
                                  check=False)
        assert done.returncode == 0, (self.folder / "said").read_text(errors="replace")

    def members(self):
        """Pids of what runs in it; a daemon that has gone its own way is there, too."""
        space = os.readlink(f"/proc/{self.holder.pid}/ns/mnt")
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/ns/mnt") == space and int(pid) != self.holder.pid:
                    found.append(int(pid))
        return found

    def end_members(self):
        deadline = time.monotonic() + 10
        while (members := self.members()) and time.monotonic() < deadline:
            for pid in members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)

    def remove(self):
        self.end_members()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.holder.pid, signal.SIGKILL)
        self.holder.wait()
        if (self.folder / "dev" / "log").exists():
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
                last.sendto(b"", str(self.folder / "dev" / "log"))  # ends the reader
        shutil.rmtree(self.folder, ignore_errors=True)


def cpu_seconds(pids):
    """What these processes, and their children that have ended, have had of a processor."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))
    return total / TICKS


def memory_mb(pids):
    """Shared pages are counted once (proc(5): Pss)."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, ProcessLookupError):
            rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1000
