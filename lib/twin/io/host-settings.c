/* The settings below /proc/sys/net that decide about packets. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/io/file.h"
#include "twin/io/host.h"

/* For "all", "default" and each interface. */
static const char *const of_interfaces[] = {
	"ipv4/conf/%s/forwarding",     "ipv4/conf/%s/rp_filter",
	"ipv4/conf/%s/accept_local",   "ipv4/conf/%s/route_localnet",
	"ipv4/conf/%s/src_valid_mark", "ipv4/conf/%s/accept_source_route",
	"ipv6/conf/%s/disable_ipv6",   "ipv6/conf/%s/forwarding",
};

static const char *const of_host[] = {
	"ipv4/icmp_echo_ignore_all",
	"ipv4/icmp_echo_ignore_broadcasts",
	"ipv6/bindv6only",
	"netfilter/nf_conntrack_checksum",
	"netfilter/nf_conntrack_tcp_loose",
	"bridge/bridge-nf-call-iptables",
	"bridge/bridge-nf-call-ip6tables",
};

/* What the kernel does not have is not there to be copied. */
static int take(struct twin_host *host, const char *path)
{
	char whole[HOST_SETTING_BYTES + 16];
	char value[HOST_VALUE_BYTES];
	(void)snprintf(whole, sizeof(whole), "/proc/sys/net/%s", path);
	if (file_read_into(value, sizeof(value), AT_FDCWD, whole) <= 0) {
		return 0;
	}
	value[strcspn(value, "\n")] = '\0';
	struct host_setting *setting = vec_push(&host->settings);
	if (setting == NULL) {
		return -ENOMEM;
	}
	(void)str_copy(setting->path, sizeof(setting->path), path);
	(void)str_copy(setting->value, sizeof(setting->value), value);
	return 0;
}

static int take_interface(struct twin_host *host, const char *name)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(of_interfaces) / sizeof(of_interfaces[0]); i++) {
		char path[HOST_SETTING_BYTES];
		(void)snprintf(path, sizeof(path), of_interfaces[i], name);
		r = take(host, path);
	}
	return r;
}

/* "all" first: writing it sets those of the interfaces too (net/ipv4/devinet.c). */
int host_read_settings(struct twin_host *host)
{
	int r = take_interface(host, "all");
	r = r < 0 ? r : take_interface(host, "default");
	for (size_t i = 0; r == 0 && i < host->links.count; i++) {
		r = take_interface(host, host->links.items[i].name);
	}
	for (size_t i = 0; r == 0 && i < sizeof(of_host) / sizeof(of_host[0]); i++) {
		r = take(host, of_host[i]);
	}
	return r;
}
