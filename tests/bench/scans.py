"""What the detection matrix plays: scanners and honest clients, each row with addresses of its own.

Row R goes to 10.77.R.1 (2001:db8:77:R::1) and comes from 10.78.R.n (2001:db8:78:R::n), so one run holds many rows.
"""
import contextlib
import dataclasses
import errno
import socket
import subprocess
import time
import typing

OPEN = [80, 443, *range(8000, 8020)]
FLOODED = 9  # closed; not followed by conntrack, so that a flood fills no table of the machine
NMAP = ["nmap", "-n", "-Pn", "-T4", "--max-retries", "0", "--initial-rtt-timeout", "20ms", "--max-rtt-timeout", "20ms", "-e", "eth1"]
FIRST_APART = 128  # 10.128.0.0/9 is for sources of which each is in another network
SWEPT = "10.79.0.0/26"


@dataclasses.dataclass
class Row:
    name: str
    play: typing.Callable
    sources: int = 1
    kind: str = "scan"           # what minato is to call it; "" = no alarm at all
    probe: str = ""              # likewise
    tool: str | None = None
    paced: bool = False          # by its nature slower than the milliseconds that are promised
    gap: int = 0                 # closed ports that it may take instead of five, by design
    six: bool = False
    apart: bool = False          # each of its sources is in another network
    sweep: bool = False
    both: bool = True            # played behind DROP, too
    quick: bool = True
    number: int = 0

    @property
    def benign(self):
        return self.kind == ""

    def attacker(self, n=2):
        if self.apart:
            return f"10.{FIRST_APART + n}.{self.number}.2"
        return f"2001:db8:78:{self.number:x}::{n:x}" if self.six else f"10.78.{self.number}.{n}"

    @property
    def attackers(self):
        return {self.attacker(n) for n in range(2, 2 + self.sources)}

    @property
    def victim(self):
        return f"2001:db8:77:{self.number:x}::1" if self.six else f"10.77.{self.number}.1"


# ---- tools ----

def outside(place, *words, codes=(0,)):
    done = subprocess.run(["ip", "netns", "exec", place.outside, *map(str, words)], capture_output=True, text=True, timeout=120,
                          check=False)
    assert done.returncode in codes, f"{' '.join(map(str, words))}: {done.stderr or done.stdout}"
    return done.stdout


def nmap(*words, ports):
    def play(place, row):
        said = outside(place, *NMAP, *(["-6"] if row.six else []), "-S", row.attacker(), *words, *ports, row.victim)
        assert "1 host up" in said, said
    return play


def nmap_connect(place, row):
    """The kernel chooses the address: by its route."""
    outside(place, "ip", "route", "replace", row.victim, "dev", "eth1", "src", row.attacker())
    outside(place, *NMAP[:-2], "-sT", "-p", "1-200", row.victim)


def decoys(place, row):
    others = ",".join(sorted(row.attackers - {row.attacker()}))
    outside(place, *NMAP, "-sS", "-S", row.attacker(), "-D", f"{others},ME", "-p", "101-200", row.victim)


def masscan(place, row):
    outside(place, "masscan", row.victim, "-p1-1000", "--rate", "10000", "--wait", "0", "--adapter", "eth1", "--adapter-ip",
            row.attacker(), "--router-mac", place.mac, "--adapter-mac", place.outside_mac)


def zmap(place, port, source, target):
    outside(place, "zmap", "-p", port, "-i", "eth1", "-G", place.mac, "-S", source, "-b", "/dev/null", "-r", "500", "-c", "0", "-o",
            "/dev/null", target)


def zmap_ports(place, row):
    for port in range(3001, 3009):
        zmap(place, port, row.attacker(), f"{row.victim}/32")


def zmap_sweep(place, row):
    zmap(place, 2222, row.attacker(), SWEPT)


def hping(place, row):
    outside(place, "hping3", "-q", "-S", "-a", row.attacker(), "-I", "eth1", "-i", "u1000", "-c", "60", "-p", "++1000", row.victim,
            codes=(0, 1))


# ---- sockets ----

def ask(place, source, victim, port, kind=socket.SOCK_STREAM, data=b"x", wait=0.0):
    """One connection, or one datagram. @return it was answered (with `wait`, in seconds)."""
    def make():
        with socket.socket(socket.AF_INET, kind) as client:
            client.bind((source, 0))
            client.settimeout(wait) if wait else client.setblocking(False)
            code = client.connect_ex((victim, port))
            if kind == socket.SOCK_DGRAM:
                with contextlib.suppress(OSError):
                    client.send(data)
            return code
    return place.enter_outside(make) in (0, errno.EINPROGRESS)


def slow(place, row):
    for n in range(20):
        ask(place, row.attacker(), row.victim, 50000 + 37 * n)
        time.sleep(1)


def distributed(place, row):
    for turn in range(4):
        for n, source in enumerate(sorted(row.attackers)):
            ask(place, source, row.victim, 20000 + 4 * n + turn)
            time.sleep(0.002)


def stopped_services(place, row):
    for _ in range(10):
        for port in (701, 702, 703):
            ask(place, row.attacker(), row.victim, port)
        time.sleep(0.05)


def open_ports(place, row):
    for _ in range(2):
        for port in OPEN:
            assert ask(place, row.attacker(), row.victim, port, wait=1), port


def passive_ftp(place, row):
    """Each data port is closed again before the client comes back to it."""
    for port in range(60001, 60013):
        def serve(number=port):
            server = socket.create_server((row.victim, number))
            place.open_port(number, True)
            return server
        with place.enter_host(serve):
            assert ask(place, row.attacker(), row.victim, port, wait=1)
        time.sleep(0.05)
    for port in range(60001, 60013):
        place.open_port(port, False)
        ask(place, row.attacker(), row.victim, port)
        time.sleep(0.02)


def late_answers(place, row):
    """A DNS server answers when nobody waits any more, and the firewall has forgotten the question (after 1 s here, not 30)."""
    server = place.enter_outside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    server.bind((row.attacker(), 53))
    clients = []
    for _ in range(30):
        client = place.enter_host(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        client.bind((row.victim, 0))
        client.sendto(b"question", (row.attacker(), 53))
        clients.append(client)
    asked = [server.recvfrom(64)[1] for _ in clients]
    for client in clients:
        client.close()
    time.sleep(2.5)
    for address in asked:
        server.sendto(b"answer", address)
        time.sleep(0.01)
    server.close()


def traceroute(place, row):
    with place.enter_outside(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client:
        client.bind((row.attacker(), 0))
        for n in range(90):
            client.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, n // 3 + 1)
            client.sendto(b"traceroute", (row.victim, 33434 + n))
            time.sleep(0.005)


def peers(place, row):
    """A program for file sharing was here: its peers still call."""
    with place.enter_host(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as program:
        program.bind((row.victim, 6881))
        for n in range(2, 10):
            program.sendto(b"hello", (row.attacker(n), 6881))
    for source in sorted(row.attackers):
        ask(place, source, row.victim, 6881, socket.SOCK_DGRAM)
        ask(place, source, row.victim, 6881)
        ask(place, source, row.victim, 6882, socket.SOCK_DGRAM)
        time.sleep(0.005)


WIDE, SOME, FEW = ["-p", "1-200"], ["-p", "1-20"], ["-p", "501-508"]
ROWS = [
    Row("nmap -sS, 1000 ports", nmap("-sS", ports=[]), probe="syn", tool="nmap"),
    Row("nmap -sT, 200 ports", nmap_connect, probe="connect"),
    Row("nmap -sF, 200 ports", nmap("-sF", ports=WIDE), probe="fin", tool="nmap"),
    Row("nmap -sX, 200 ports", nmap("-sX", ports=WIDE), probe="xmas", tool="nmap"),
    Row("nmap -sN, 200 ports", nmap("-sN", ports=WIDE), probe="null", tool="nmap"),
    Row("nmap -sM, 200 ports", nmap("-sM", ports=WIDE), probe="maimon", tool="nmap"),
    Row("nmap -sA, 200 ports", nmap("-sA", ports=WIDE), probe="ack", tool="nmap"),
    Row("nmap -sW, 200 ports", nmap("-sW", ports=WIDE), probe="ack", tool="nmap"),
    Row("nmap -sU, 20 ports", nmap("-sU", ports=SOME), probe="udp"),
    Row("nmap -sS -T2, 8 ports", nmap("-sS", "-T2", ports=FEW), probe="syn", tool="nmap", paced=True, quick=False),
    Row("nmap -sS -T3, 200 ports", nmap("-sS", "-T3", ports=WIDE), probe="syn", tool="nmap"),
    Row("nmap -sS -T5, 200 ports", nmap("-sS", "-T5", ports=WIDE), probe="syn", tool="nmap"),
    Row("nmap -sS -D, 4 sources", decoys, sources=4, kind="decoy", probe="syn", tool="nmap"),
    Row("nmap -sS -f, fragments", nmap("-sS", "-f", ports=WIDE), probe="syn", tool="nmap"),
    Row("nmap -6 -sS, 1000 ports", nmap("-sS", ports=[]), probe="syn", tool="nmap", six=True),
    Row("masscan, 1000 ports", masscan, probe="syn", tool="masscan"),
    Row("zmap, 8 ports one by one", zmap_ports, probe="syn", tool="zmap", paced=True),
    Row("zmap, 62 hosts behind it", zmap_sweep, kind="sweep", probe="syn", tool="zmap", sweep=True, both=False),
    Row("hping3 -S, 60 ports", hping, probe="syn"),
    Row("connect, 20 ports, 1/s", slow, probe="connect", paced=True, gap=9, quick=False),
    Row("50 of one network x 4 ports", distributed, sources=50, kind="distributed", probe="connect", gap=10),
    Row("50 from everywhere x 4 ports", distributed, sources=50, kind="distributed", probe="connect", gap=64, apart=True, paced=True),
    Row("3 stopped services x 10", stopped_services, kind=""),
    Row("client of 22 open ports", open_ports, kind=""),
    Row("stale FTP data ports", passive_ftp, kind=""),
    Row("late DNS answers", late_answers, kind=""),
    Row("traceroute", traceroute, kind=""),
    Row("100 peers of P2P", peers, sources=100, kind=""),
]


class Place:
    """The two namespaces of a World, with what the rows need in them."""

    def __init__(self, world, verdict, group):
        import world as module
        self.module, self.world, self.host, self.outside = module, world, world.host, world.outside
        self.verdict, self.group, self.mirrored = verdict, group, None
        self.mac = self.mac_of(self.host, "eth0")
        self.outside_mac = self.mac_of(self.outside, "eth1")
        self.receive_all(self.host)
        module.checked("ip", "netns", "exec", self.host, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        for namespace, interface, network in ((self.host, "eth0", "78"), (self.outside, "eth1", "77")):
            module.checked("ip", "-n", namespace, "route", "add", f"10.{network}.0.0/16", "dev", interface)
            module.checked("ip", "-n", namespace, "route", "add", f"2001:db8:{network}::/48", "dev", interface)
        module.checked("ip", "-n", self.host, "route", "add", "10.128.0.0/9", "dev", "eth0")
        module.checked("ip", "-n", self.outside, "route", "add", SWEPT, "via", world.HOST)
        self.filter(self.host)
        for port in OPEN:
            world.listen(port)

    def receive_all(self, namespace):
        """Also from addresses to which there is no way."""
        for name in ("ipv4.conf.all.rp_filter=0", "ipv4.conf.eth0.rp_filter=0", "netfilter.nf_conntrack_udp_timeout=1"):
            self.module.checked("ip", "netns", "exec", namespace, "sysctl", "-qw", "net." + name)

    def filter(self, namespace):
        """What is not wanted is logged for psad, and accepted or dropped."""
        ports = ", ".join(map(str, OPEN))
        self.module.checked(
            "ip", "netns", "exec", namespace, "nft",
            "table inet bench { set open { type inet_service; elements = { " + ports + " }; }; "
            f"chain raw {{ type filter hook prerouting priority raw; tcp dport {FLOODED} notrack; }}; "
            "chain input { type filter hook input priority 0; iifname != eth0 accept; "
            "ct state established,related accept; meta l4proto { icmp, icmpv6 } accept; tcp dport @open accept; "
            f"log prefix \"kernel: DROP \" group {self.group}; {self.verdict}; }}; }}")

    def mirror(self):
        """
        A second host that is sent all that the first one is, and never answers: for a watcher that opens the ports it is asked
        about, which on the same host would make them open for whoever knows the listeners.
        """
        checked, namespace = self.module.checked, self.host + "m"
        checked("ip", "netns", "add", namespace)
        self.mirrored = namespace
        checked("ip", "-n", namespace, "link", "set", "lo", "up")
        checked("ip", "link", "add", "eth0", "netns", namespace, "address", self.mac, "type", "veth", "peer", "name", "mirror", "netns",
                self.outside)
        checked("ip", "-n", namespace, "link", "set", "eth0", "up")
        checked("ip", "-n", self.outside, "link", "set", "mirror", "up")
        checked("ip", "netns", "exec", self.outside, "nft", "table netdev bench { chain egress { type filter hook egress device eth1 "
                "priority 0; ip daddr 10.77.0.0/16 dup to mirror; }; }")
        self.receive_all(namespace)
        self.filter(namespace)
        for port in OPEN:
            self.world.listen(port, namespace=namespace)
        return namespace

    def remove(self):
        if self.mirrored:
            self.module.run("ip", "netns", "del", self.mirrored)

    @staticmethod
    def mac_of(namespace, interface):
        return subprocess.run(
            ["ip", "netns", "exec", namespace, "cat", f"/sys/class/net/{interface}/address"], capture_output=True, text=True,
            check=True).stdout.strip()

    def address(self, row):
        """Gives the row its addresses."""
        bits = 128 if row.six else 32
        places = [(self.host, "eth0", [row.victim]), (self.outside, "eth1", sorted(row.attackers))]
        for namespace, interface, addresses in places + ([(self.mirrored, "eth0", [row.victim])] if self.mirrored else []):
            lines = "".join(f"addr add {each}/{bits} dev {interface}{' nodad' if row.six else ''}\n" for each in addresses)
            subprocess.run(["ip", "-n", namespace, "-batch", "-"], input=lines, text=True, check=True, capture_output=True)

    def received(self):
        """Packets that have come."""
        return int(subprocess.run(["ip", "netns", "exec", self.host, "cat", "/sys/class/net/eth0/statistics/rx_packets"],
                                  capture_output=True, text=True, check=True).stdout)

    def enter_outside(self, function):
        with self.module.inside(self.outside) as call:
            return call(function)

    def enter_host(self, function):
        with self.module.inside(self.host) as call:
            return call(function)

    def open_port(self, port, is_open):
        """The firewall knows of servers, too."""
        self.world.nft("add" if is_open else "delete", "element", "inet", "bench", "open", f"{{ {port} }}")
