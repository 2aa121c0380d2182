/* Whose a chain is, by the names that programs give theirs. */
#include <stdbool.h>
#include <string.h>

#include "base/str.h"
#include "twin/twin.h"

/* A name that ends in '*' is a beginning. Chains before tables: iptables shares its tables. */
struct sign {
	const char *name;
	const char *owner;
};

static const struct sign chains[] = {
	{ "ufw-*", "ufw" },
	{ "ufw6-*", "ufw" },
	{ "DOCKER*", "docker" },
	{ "f2b-*", "fail2ban" },
	{ "fail2ban-*", "fail2ban" },
	{ "LIBVIRT_*", "libvirt" },
	{ "NETAVARK*", "podman" },
	{ "CNI-*", "podman" },
	{ "KUBE-*", "kubernetes" },
	{ "cali-*", "kubernetes" },
	{ "CILIUM_*", "kubernetes" },
	{ "FLANNEL-*", "kubernetes" },
	{ "ts-*", "tailscale" },
	{ "nixos-fw*", "nixos" },
	{ "CROWDSEC*", "crowdsec" },
	{ "crowdsec-*", "crowdsec" },
	{ "SSHGUARD*", "sshguard" },
	{ "shorewall*", "shorewall" },
	{ "IN_public*", "firewalld" },
	{ "INPUT_ZONES*", "firewalld" },
};

static const struct sign tables[] = {
	{ "minato*", "minato" },
	{ "firewalld", "firewalld" },
	{ "docker-*", "docker" },
	{ "netavark", "podman" },
	{ "libvirt_network", "libvirt" },
	{ "f2b-table", "fail2ban" },
	{ "kube-proxy", "kubernetes" },
	{ "io.systemd.*", "systemd" },
	{ "crowdsec*", "crowdsec" },
	{ "sshguard", "sshguard" },
	{ "nixos-fw", "nixos" },
	{ "lxc", "lxc" },
	{ "lxd", "lxd" },
	{ "incus", "incus" },
	{ "wg-quick-*", "wireguard" },
};

static const char *find(const struct sign *signs, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(signs[i].name) - 1;
		bool begins = signs[i].name[length] == '*';
		if (begins ? strncmp(signs[i].name, name, length) == 0
			   : strcmp(signs[i].name, name) == 0) {
			return signs[i].owner;
		}
	}
	return NULL;
}

const char *twin_owner(const char *table, const char *chain)
{
	const char *owner = find(chains, sizeof(chains) / sizeof(chains[0]), chain);
	if (owner == NULL) {
		owner = find(tables, sizeof(tables) / sizeof(tables[0]), table);
	}
	return owner == NULL ? "unknown" : owner;
}
