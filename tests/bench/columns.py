"""Who is asked about each scan in the detection matrix: minato on the capture, minato as it happens, and its peers.

A column has: name, is_live, alarms, fresh() before each row, read(capture, hosts) after the last, used() = seconds of a
processor and megabytes, remove().
"""
import contextlib
import dataclasses
import datetime
import ipaddress
import json
import os
import subprocess
import threading
import time

import apart


def normal(address):
    return str(ipaddress.ip_address(address))


@dataclasses.dataclass
class Alarm:
    seconds: float               # by the clock of captures
    source: str | None           # None when several are blamed together; then `target` tells the row
    target: str | None = None
    name: tuple = ()             # kind, probe and tool, of minato
    ports: int = 0               # closed ones that minato had seen by then
    noticed_ms: float = 0        # from its first packet until minato knew; it is told a little later

    @property
    def says(self):
        return " ".join(filter(None, self.name)) + (f" after {self.ports}" if self.ports else "")

    def about(self, row):
        if "flood" in self.name:
            return False  # it is named as what it is
        if self.source is None:
            return self.target == normal(row.victim)
        return self.source in {normal(each) for each in row.attackers}


def alarm_of(incident, seconds=None):
    """From JSON of minato; `seconds` is when it was told, if it was."""
    first = datetime.datetime.fromisoformat(incident["first_time"]).timestamp()
    source = incident["source"]
    return Alarm(seconds or first + incident["alarm_us"] / 1e6, normal(source) if source and "/" not in source else None,
                 normal(incident["target"]), (incident["kind"], incident["probe"], incident["tool"]),
                 incident["alarm_port_count"], incident["alarm_us"] / 1000)


class Offline:
    """minato detect, on the capture of the round."""
    name, is_live = "minato detect", False

    def __init__(self, place, build):
        self.minato, self.alarms, self.cpu, self.memory = build / "minato", [], 0, 0

    def read(self, path, hosts):
        process = subprocess.Popen([self.minato, "detect", path, "--json", "--host", ",".join(hosts)], stdout=subprocess.PIPE,
                                   text=True, env={**os.environ, "LANG": "C.UTF-8"})
        watch = threading.Thread(target=self.watch, args=(process.pid,))
        watch.start()
        text = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        watch.join()
        assert process.returncode in (0, 2), process.returncode
        self.alarms = [alarm_of(each) for each in json.loads(text)["incidents"]]
        self.cpu = used.ru_utime + used.ru_stime

    def watch(self, pid):
        """The most that it and its reader have at once; what the kernel keeps (ru_maxrss) begins with what Python had."""
        with contextlib.suppress(OSError):
            while True:
                with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
                    children = [int(word) for word in f.read().split()]
                self.memory = max(self.memory, apart.memory_mb([pid, *children]))
                time.sleep(0.001)

    def fresh(self):
        """Nothing of it runs yet."""

    def used(self):
        return self.cpu, self.memory

    def remove(self):
        """Nothing of it runs any more."""


class Live:
    """The daemon: an alarm is when its event reaches who listens at the API. All its processes are counted."""
    name, is_live, asked, way = "minato live", True, "auto", "tap"

    def __init__(self, place, build):
        import sentry_world
        self.alarms, self.told = [], {}
        self.daemon = place.world.watching(way=self.asked)
        try:
            self.daemon.start()
            sentry_world.looking(self.daemon, self.way)
        except BaseException:
            self.daemon.remove()
            raise
        self.pids = [*self.daemon.pids().values(), self.daemon.helper()]
        self.stream = self.daemon.stream("?kind=scan_started")
        threading.Thread(target=self.listen, daemon=True).start()
        self.spent = apart.cpu_seconds(self.pids)

    def listen(self):
        try:
            while True:
                _, _, event = self.stream.frame()
                if isinstance(event, dict) and event.get("kind") == "scan_started":
                    self.told[int(event["detail"].split()[0].removeprefix("incident="))] = time.time()
        except (OSError, EOFError, ValueError, AttributeError):
            return  # the daemon has ended

    def read(self, path, hosts):
        found = self.daemon.ask("/v1/incidents?limit=1000")["incidents"]
        self.alarms = [alarm_of(each, self.told.get(each["id"])) for each in found]

    def fresh(self):
        """It goes on through all rows."""

    def used(self):
        return apart.cpu_seconds(self.pids) - self.spent, apart.memory_mb(self.pids)

    def remove(self):
        self.daemon.remove()
        self.stream.close()


class LivePackets(Live):
    """...where BPF is not allowed: by a packet socket."""
    name, asked, way = "live, no BPF", "packets", "packets"


class Peer:
    """One of the watchers."""
    is_live = True

    def __init__(self, place, kind, root):
        self.watcher = kind(place.mirrored if kind.opens_ports and place.mirrored else place.host, root)
        self.name, self.fresh, self.used, self.remove = kind.name, self.watcher.fresh, self.watcher.used, self.watcher.remove

    @property
    def alarms(self):
        return [Alarm(seconds, normal(source)) for seconds, source, _ in list(self.watcher.alarms)]

    def read(self, path, hosts):
        """It has seen the packets themselves."""


class Cell:
    """What one column says about one row, of which the packets are given."""

    def __init__(self, row, column, packets):
        mine = [each for each in column.alarms if each.about(row)]
        self.count = len({each.source for each in mine}) if mine and not mine[0].name else len(mine)
        self.first = min(mine, key=lambda each: each.seconds, default=None)
        self.seen = bool(mine)
        if self.seen:
            self.probes = sum(each[0] <= self.first.seconds + 1e-6 for each in packets)
            self.late_ms = (self.first.seconds - packets[0][0]) * 1000

    def text(self, row):
        if row.benign:
            return f"FALSE x{self.count}" if self.seen else "-"
        if not self.seen:
            return "x"
        late = f"{self.late_ms:.0f}" if self.late_ms >= 1 else f"{self.late_ms:.1f}"
        return f"{self.probes}/{late}" + (f" x{self.count}" if self.count > 1 else "")
