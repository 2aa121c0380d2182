"""Published ports that have no socket: DNAT rules in a namespace of the test's own."""
import subprocess

import pytest

from observed import ALL_NETNS, PUBLISHED, inventory

ALONE = "looks at the whole host"
# What Docker writes with its nftables backend, what Podman's netavark writes.
RULES = """
table ip docker-bridges {
	chain nat-prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		fib daddr type local counter jump published
	}
	chain published {
		iifname != "docker0" tcp dport 8080 counter dnat to 172.17.0.2:80
		ip daddr 127.0.0.1 udp dport 53 dnat to 172.17.0.3:5353
	}
}
table inet netavark {
	chain hostports {
		tcp dport 8888 dnat ip to 10.88.0.4:80
	}
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		jump hostports
	}
	chain nowhere {
		tcp dport 9999 dnat ip to 10.88.0.5:80
	}
}
"""


@pytest.fixture
def published(netns, netns_inode):
    """Reads the published ports of a new namespace that has these rules."""
    name = netns()

    def read(rules, **options):
        subprocess.run(["ip", "netns", "exec", name, "nft", "-f", "-"], input=rules, text=True, check=True)
        seen = inventory(PUBLISHED | ALL_NETNS, **options)
        return [row for row in seen["published"] if row["netns"] == netns_inode(name)], seen["coverage"]

    return read


def test_dnat_rules_are_published_ports(published):
    rows, coverage = published(RULES)
    facts = [(r["protocol"], r["address"], r["first"], r["target"], r["target_port"], r["owner"]) for r in rows]
    assert facts == [("udp", "127.0.0.1", 53, "172.17.0.3", 5353, "docker"),
                     ("tcp", "0.0.0.0", 8080, "172.17.0.2", 80, "docker"),
                     ("tcp", "0.0.0.0", 8888, "10.88.0.4", 80, "podman")]
    assert (rows[1]["table"], rows[1]["chain"]) == ("ip docker-bridges", "published")
    assert coverage["published_known"] is True


def test_without_nft_nothing_is_known(published):
    rows, coverage = published(RULES, without="nft")
    assert rows == []
    assert coverage["published_known"] is False


def test_without_rights_nothing_is_known():
    seen = inventory(PUBLISHED, before=["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"])
    assert seen["published"] == []
    assert seen["coverage"]["published_known"] is False
