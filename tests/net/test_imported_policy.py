"""minato policy import against the kernel: what connects through real rules is what the policy lets in."""
import ipaddress
import json
import shutil
import subprocess

import pytest
import yaml

from world import BUILD, checked, run

# Everything that is not accepted is reset, so that no test waits for what never comes.
RULES = """
table inet filter {
	set office { type ipv4_addr; flags interval; elements = { 192.0.2.0/28, 198.51.100.16-198.51.100.31 } }
	map services { type inet_service : verdict; elements = { 22 : jump ssh, 80 : accept, 443 : goto web } }
	set pairs { type ipv4_addr . inet_service; elements = { 192.0.2.9 . 9100 } }
	chain ssh {
		ip saddr 192.0.2.5 return
		ip saddr @office accept
		ip6 saddr 2001:db8:10::/64 accept
	}
	chain web {
		ip saddr != 203.0.113.0/24 accept
	}
	chain input {
		type filter hook input priority filter; policy accept;
		ct state vmap { established : accept, related : accept }
		iifname "lo" accept
		meta l4proto ipv6-icmp accept
		ip saddr 203.0.113.7 reject with tcp reset
		tcp dport vmap @services
		ip saddr . tcp dport @pairs accept
		iifname "inside" tcp dport 5000-5002 accept
		meta l4proto tcp reject with tcp reset
	}
}
"""
PORTS = [22, 80, 443, 5001, 5003, 9100]
SOURCES = ["192.0.2.5", "192.0.2.9", "192.0.2.20", "198.51.100.31", "203.0.113.7", "203.0.113.8",
           "2001:db8:10::9", "2001:db8:20::9"]
LISTEN = """
import socket, sys
held = []
for port in map(int, sys.argv[1:]):
    held.append(socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True))
print("ready", flush=True)
sys.stdin.read()
"""
CONNECT = """
import json, socket, sys
found = []
for source, target, port in json.loads(sys.argv[1]):
    try:
        socket.create_connection((target, port), timeout=20, source_address=(source, 0)).close()
        found.append(True)
    except ConnectionRefusedError:
        found.append(False)
print(json.dumps(found))
"""


def link(server, client, device, number):
    """A pair of devices with addresses from which every source has a way back."""
    for name in (server, client):  # addresses count from the first moment
        checked("ip", "netns", "exec", name, "/usr/bin/python3", "-c",
                "for w in ('all', 'default'): open(f'/proc/sys/net/ipv6/conf/{w}/accept_dad', 'w').write('0')")
    checked("ip", "link", "add", device, "netns", server, "type", "veth", "peer", "name", device, "netns", client)
    for name, last in ((server, 1), (client, 2)):
        checked("ip", "-n", name, "addr", "add", f"10.{number}.0.{last}/24", "dev", device)
        checked("ip", "-n", name, "addr", "add", f"2001:db8:{number}::{last}/64", "dev", device, "nodad")
        checked("ip", "-n", name, "link", "set", device, "up")
    # Neighbours are written down: what is asked here is what rules do, not how long discovery takes.
    for name, other, last in ((server, client, 2), (client, server, 1)):
        mac = json.loads(checked("ip", "-j", "-n", other, "link", "show", device))[0]["address"]
        for address in (f"10.{number}.0.{last}", f"2001:db8:{number}::{last}"):
            checked("ip", "-n", name, "neigh", "replace", address, "lladdr", mac, "dev", device)
    for source in SOURCES:
        bits = 128 if ":" in source else 32
        checked("ip", "-n", client, "addr", "replace", f"{source}/{bits}", "dev", "lo",
                *(["nodad"] if bits == 128 else []))
    for prefix in ("0.0.0.0/0", "::/0"):
        gateway = f"2001:db8:{number}::2" if ":" in prefix else f"10.{number}.0.2"
        checked("ip", "-n", server, "route", "add", prefix, "via", gateway)


def let_in(policy, source, port, interface):
    who = {"any": ["0.0.0.0/0", "::/0"], "host": [], **policy.get("who", {})}
    declared = False
    for declaration in policy["ports"].values():
        ports = declaration["port"] if isinstance(declaration["port"], list) else [declaration["port"]]
        ranges = [p.split("/")[0].split("-") for p in ports if p.endswith("/tcp")]
        if not any(int(r[0]) <= port <= int(r[-1]) for r in ranges):
            continue
        declared = True
        if declaration.get("interface", interface) != interface:
            continue
        people = declaration["from"]
        networks = people if isinstance(people, list) else who[people]
        if any(ipaddress.ip_address(source) in ipaddress.ip_network(n) for n in networks):
            return True
    return not declared and policy["defaults"]["inbound"] == "accept"


def imported(server, *words):
    done = run("ip", "netns", "exec", server, BUILD / "minato", "policy", "import", *words, "--json")
    assert done.returncode in (0, 2), done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("device, number", [("inside", 77), ("outside", 78)])
def test_the_policy_lets_in_what_the_kernel_lets_in(netns, device, number):
    server, client = netns(), netns()
    link(server, client, device, number)
    checked("ip", "netns", "exec", server, "nft", "-f", "-", input=RULES)
    found = imported(server, "nft")
    policy = yaml.safe_load(found["policy"])
    assert found["not_carried"] == 0
    tries = [(s, f"2001:db8:{number}::1" if ":" in s else f"10.{number}.0.1", p) for s in SOURCES for p in PORTS]
    listening = subprocess.Popen(["ip", "netns", "exec", server, "/usr/bin/python3", "-c", LISTEN, *map(str, PORTS)],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert listening.stdout.readline() == "ready\n"
        connected = json.loads(checked("ip", "netns", "exec", client, "/usr/bin/python3", "-c", CONNECT,
                                       json.dumps(tries)))
    finally:
        listening.stdin.close()
        listening.wait(timeout=60)
    assert dict(zip(tries, connected)) == {t: let_in(policy, t[0], t[2], device) for t in tries}
    assert True in connected and False in connected


def test_auto_takes_the_rules_that_are_there(netns):
    server = netns()
    checked("ip", "netns", "exec", server, "nft", "-f", "-", input=RULES)
    assert imported(server, "auto")["kind"] == "nft"


@pytest.mark.skipif(shutil.which("iptables-save") is None, reason="iptables is not installed")
def test_iptables_are_read_in_both_families(netns):
    server = netns()
    for program, source in (("iptables", "192.0.2.0/24"), ("ip6tables", "2001:db8::/32")):
        checked("ip", "netns", "exec", server, program, "-P", "INPUT", "DROP")
        checked("ip", "netns", "exec", server, program, "-A", "INPUT", "-s", source, "-p", "tcp", "--dport", "22",
                "-j", "ACCEPT")
    for word in ("iptables", "auto"):
        found = imported(server, word)
        assert found["kind"] == "iptables"
        assert yaml.safe_load(found["policy"])["ports"]["ssh"]["from"] == ["192.0.2.0/24", "2001:db8::/32"]
