"""ufw and firewalld inside a network namespace, with their settings and runtime files in a mount namespace of their own."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time


class Apart:
    """A mount namespace in which some of the host's folders are copies, or empty; with the network of another."""

    def __init__(self, netns, copied, emptied):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="minato-bench-"))
        steps = [f"mount --bind {self.copy(path)} {path}" for path in copied]
        steps += [f"mount -t tmpfs none {path}" for path in emptied]
        self.holder = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-ec",
                                        "; ".join([*steps, "echo ready", "exec sleep 3600"])], stdout=subprocess.PIPE,
                                       start_new_session=True)
        assert self.holder.stdout.readline() == b"ready\n"
        self.enter = ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", f"--net=/run/netns/{netns}"]

    def copy(self, path):
        copy = self.folder / path.strip("/").replace("/", "-")
        shutil.copytree(path, copy, symlinks=True)
        return copy

    def run(self, *words, **more):
        return subprocess.run([*self.enter, *map(str, words)], check=True, capture_output=True, text=True, **more)

    def remove(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.holder.pid, signal.SIGKILL)
        self.holder.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Ufw:
    """`ports` are (number, protocol, source or None)."""
    name = "ufw"

    def __init__(self, netns, ports):
        self.apart = Apart(netns, ["/etc/ufw"], ["/run"])
        # The namespace's name goes with /run: it was entered before.
        rules = "".join(f"### tuple ### allow {protocol} {number} 0.0.0.0/0 any {source or '0.0.0.0/0'} in\n"
                        f"-A ufw-user-input -p {protocol} --dport {number}{f' -s {source}' if source else ''} -j ACCEPT\n\n"
                        for number, protocol, source in ports)
        path = self.apart.folder / "etc-ufw" / "user.rules"
        path.write_text(path.read_text().replace("### RULES ###\n", "### RULES ###\n\n" + rules))
        self.apart.run("ufw", "--force", "enable")

    def reload(self):
        self.apart.run("ufw", "reload")

    def add(self, port):
        self.apart.run("ufw", "allow", f"{port}/tcp")

    def remove(self):
        with contextlib.suppress(subprocess.CalledProcessError):
            self.apart.run("ufw", "--force", "disable")
        self.apart.remove()


class Firewalld:
    """As Ufw, without sources: a zone of plain ports is what costs it least."""
    name = "firewalld"

    def __init__(self, netns, ports):
        self.apart = Apart(netns, ["/etc/firewalld"], ["/run"])
        lines = "".join(f'  <port port="{number}" protocol="{protocol}"/>\n' for number, protocol, _ in ports)
        (self.apart.folder / "etc-firewalld" / "zones" / "public.xml").write_text(
            f'<?xml version="1.0" encoding="utf-8"?>\n<zone>\n  <short>Public</short>\n{lines}</zone>\n')
        socket = self.apart.folder / "bus"
        self.environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={socket}"}
        self.started = [self.start("dbus-daemon", "--config-file=/usr/share/dbus-1/system.conf", "--nofork", "--nopidfile",
                                   f"--address=unix:path={socket}")]
        while not socket.exists():
            time.sleep(0.02)
        self.started.append(self.start("firewalld", "--nofork", "--nopid"))
        self.wait_until_running()

    def start(self, *words):
        return subprocess.Popen([*self.apart.enter, *map(str, words)], env=self.environment, start_new_session=True,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait_until_running(self):
        end = time.monotonic() + 120
        while time.monotonic() < end:
            with contextlib.suppress(subprocess.CalledProcessError):
                self.client("--state")
                return
            time.sleep(0.1)
        raise AssertionError("firewalld does not start")

    def client(self, *words):
        return self.apart.run("firewall-cmd", *words, env=self.environment)

    def reload(self):
        self.client("--reload")

    def add(self, port):
        self.client(f"--add-port={port}/tcp")

    def remove(self):
        for process in reversed(self.started):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait()
        self.apart.remove()
