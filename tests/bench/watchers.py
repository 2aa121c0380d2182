"""psad, portsentry and scanlogd in a network namespace, each with the feed that it needs and apart from the machine's files.

Their packages are unpacked, not installed: installed, they would begin to watch the machine.
"""
import pathlib
import re
import subprocess

import apart

PACKAGES = [line for line in (pathlib.Path(__file__).resolve().parents[2] / "packaging" / "bench-unpacked.txt").read_text().splitlines()
            if not line.startswith("#")]
FEED_GROUP = 7  # of NFLOG
ADDRESS = re.compile(r"\b(?:10\.(?:78|1\d\d)\.\d+\.\d+|2001:(?:0?db8):(?:00)?78:[0-9a-f:]+)")
ULOGD = "inppkt_NFLOG raw2packet_BASE filter_IFINDEX filter_IP2STR filter_PRINTPKT output_LOGEMU".split()
# The kernel's LOG has no sequence numbers by default, and writes IPv6 in full; psad understands no other form.
AS_THE_KERNEL = ("$| = 1; s/ SEQ=\\d+ ACK=\\d+//; "
                 "s/\\b(SRC|DST)=([0-9a-f]*:[0-9a-f:]+)/\"$1=\" . join(\":\", unpack(\"(H4)8\", inet_pton(AF_INET6, $2)))/ge")


def unpack(folder):
    """@return where the files of the packages are, as under /."""
    root = folder / "root"
    if all((root / path).exists() for path in ("usr/sbin/psad", "usr/sbin/portsentry", "usr/sbin/scanlogd", "usr/sbin/ulogd")):
        return root
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["apt-get", "download", "-q", *PACKAGES], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + "are Debian's lists of packages up to date? sudo apt-get update"
    for package in PACKAGES:
        (archive,) = folder.glob(f"{package}_*.deb")
        subprocess.run(["dpkg-deb", "-x", archive, root], check=True)
        archive.unlink()
    return root


class Watcher:
    """Alarms are (seconds, address of who is blamed, line)."""
    emptied = ["/run", "/var/log", "/var/lib"]
    opens_ports = False
    alarm = re.compile("")  # what its alarms have in them, and no other line has

    def __init__(self, netns, root):
        self.root, self.alarms = root, []
        self.apart = apart.Apart(netns, ["/etc"], self.emptied, self.log)
        self.etc = self.apart.folder / "etc"
        self.start()
        self.spent = self.cpu()

    def log(self, seconds, line):
        found = ADDRESS.search(line)
        if found and self.alarm.search(line):
            self.alarms.append((seconds, found.group(0), line))

    def install(self, *names):
        for name in names:
            subprocess.run(["cp", "-r", self.root / "etc" / name, self.etc], check=True)

    def cpu(self):
        return apart.cpu_seconds(self.apart.members())

    def used(self):
        """Seconds of a processor since it was ready, megabytes now."""
        return self.cpu() - self.spent, apart.memory_mb(self.apart.members())

    def fresh(self):
        """Before each row."""

    def remove(self):
        self.apart.remove()


class Scanlogd(Watcher):
    name = "scanlogd"

    def start(self):
        with open(self.etc / "passwd", "a", encoding="ascii") as users:
            users.write("scanlogd:x:64999:64999::/run/scanlogd:/usr/sbin/nologin\n")
        self.apart.run("mkdir", "-p", "/run/scanlogd/empty")
        self.before = 0
        self.fresh()

    def fresh(self):
        """A new one: it tells of five scans in 20 s at most, and rows follow each other more closely."""
        self.before += self.cpu()
        self.apart.end_members()
        self.apart.begin(self.root / "usr/sbin/scanlogd")

    def used(self):
        seconds, megabytes = super().used()
        return self.before + seconds, megabytes


class Portsentry(Watcher):
    """In the mode that sees most: all ports to 1024, without opening them. It only reports, as Debian sets it."""
    name, opens_ports = "portsentry", True

    def start(self):
        self.install("portsentry")
        (self.etc / "portsentry" / "portsentry.ignore").write_text("127.0.0.1\n0.0.0.0\n")
        self.apart.run("mkdir", "-p", "/var/lib/portsentry")
        for mode in ("-atcp", "-audp"):
            self.apart.begin(self.root / "usr/sbin/portsentry", mode)


class Psad(Watcher):
    """With ulogd, which writes what the kernel logs as syslog would; both are counted."""
    name = "psad"
    alarm = re.compile('scan detected|"SCAN ')  # not each single packet that has a port of some old malware
    changed = {"ALERTING_METHODS": "noemail", "HOSTNAME": "bench", "IPT_SYSLOG_FILE": "/run/feed", "ENABLE_WHOIS_LOOKUPS": "N",
               "ENABLE_DNS_LOOKUPS": "N", "ENABLE_FW_LOGGING_CHECK": "N"}

    def start(self):
        self.install("psad")
        path = self.etc / "psad" / "psad.conf"
        text = path.read_text()
        for key, value in self.changed.items():
            text, count = re.subn(rf"^{key}\s.*;", f"{key} {value};", text, flags=re.MULTILINE)
            assert count == 1, key
        path.write_text(text.replace("$INSTALL_ROOT/usr/sbin", str(self.root / "usr/sbin")).replace(
            "$INSTALL_ROOT/usr/bin/whois_psad", "/bin/true"))
        self.apart.run("mkdir", "-p", "/var/log/psad", "/var/lib/psad", "/run/psad")
        self.apart.run("touch", "/run/feed")
        self.feed()
        self.apart.begin("perl", self.root / "usr/sbin/psad", "-c", "/etc/psad/psad.conf", "--no-whois", "--no-rdns")

    def feed(self):
        plugins = self.root / "usr/lib/x86_64-linux-gnu/ulogd"
        (self.etc / "ulogd.conf").write_text(
            "[global]\nlogfile=\"/run/ulogd.log\"\n" + "".join(f'plugin="{plugins}/ulogd_{each}.so"\n' for each in ULOGD) +
            "stack=log1:NFLOG,base1:BASE,ifi1:IFINDEX,ip2str1:IP2STR,print1:PRINTPKT,emu1:LOGEMU\n"
            f"[log1]\ngroup={FEED_GROUP}\nnetlink_socket_buffer_size=4194304\nnetlink_socket_buffer_maxsize=16777216\n"
            "[emu1]\nfile=\"/run/ulogd\"\nsync=1\n")
        self.apart.run("mkfifo", "/run/ulogd")
        self.apart.begin("sh", "-c", f"perl -MSocket=inet_pton,AF_INET6 -pe '{AS_THE_KERNEL}' < /run/ulogd > /run/feed &")
        self.apart.begin(self.root / "usr/sbin/ulogd", "-d", "-c", "/etc/ulogd.conf")


WATCHERS = [Psad, Portsentry, Scanlogd]
