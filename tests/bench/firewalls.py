"""ufw and firewalld inside a network namespace, with their settings and runtime files apart from the machine's."""
import contextlib
import os
import signal
import subprocess
import time

from apart import Apart


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
