/* Schemes and what they stand for, and targets as they are typed. */
#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "base/str.h"
#include "probe/probe.h"

/* Ports: IANA's registry. The first of several at one port is the one that is tried. */
static const struct probe_service services[] = {
	{ "tcp", PROTOCOL_TCP, 0, PROBE_TLS_NONE, PROBE_TALK_NONE },
	{ "udp", PROTOCOL_UDP, 0, PROBE_TLS_NONE, PROBE_TALK_NONE },
	{ "tls", PROTOCOL_TCP, 0, PROBE_TLS_DIRECT, PROBE_TALK_NONE },
	{ "http", PROTOCOL_TCP, 80, PROBE_TLS_NONE, PROBE_TALK_HTTP },
	{ "https", PROTOCOL_TCP, 443, PROBE_TLS_DIRECT, PROBE_TALK_HTTP },
	{ "ssh", PROTOCOL_TCP, 22, PROBE_TLS_NONE, PROBE_TALK_SSH },
	{ "smtp", PROTOCOL_TCP, 25, PROBE_TLS_ASKED, PROBE_TALK_SMTP },
	{ "submission", PROTOCOL_TCP, 587, PROBE_TLS_ASKED, PROBE_TALK_SMTP },
	{ "smtps", PROTOCOL_TCP, 465, PROBE_TLS_DIRECT, PROBE_TALK_SMTP },
	{ "imap", PROTOCOL_TCP, 143, PROBE_TLS_ASKED, PROBE_TALK_IMAP },
	{ "imaps", PROTOCOL_TCP, 993, PROBE_TLS_DIRECT, PROBE_TALK_IMAP },
	{ "pop3", PROTOCOL_TCP, 110, PROBE_TLS_ASKED, PROBE_TALK_POP3 },
	{ "pop3s", PROTOCOL_TCP, 995, PROBE_TLS_DIRECT, PROBE_TALK_POP3 },
	{ "ftp", PROTOCOL_TCP, 21, PROBE_TLS_ASKED, PROBE_TALK_FTP },
	{ "ftps", PROTOCOL_TCP, 990, PROBE_TLS_DIRECT, PROBE_TALK_FTP },
	{ "postgresql", PROTOCOL_TCP, 5432, PROBE_TLS_ASKED, PROBE_TALK_POSTGRESQL },
	{ "redis", PROTOCOL_TCP, 6379, PROBE_TLS_NONE, PROBE_TALK_REDIS },
	{ "mysql", PROTOCOL_TCP, 3306, PROBE_TLS_ASKED, PROBE_TALK_MYSQL },
	{ "ldap", PROTOCOL_TCP, 389, PROBE_TLS_ASKED, PROBE_TALK_LDAP },
	{ "ldaps", PROTOCOL_TCP, 636, PROBE_TLS_DIRECT, PROBE_TALK_NONE },
	{ "xmpp", PROTOCOL_TCP, 5222, PROBE_TLS_ASKED, PROBE_TALK_XMPP },
	{ "xmpps", PROTOCOL_TCP, 5223, PROBE_TLS_DIRECT, PROBE_TALK_NONE },
	{ "irc", PROTOCOL_TCP, 6667, PROBE_TLS_ASKED, PROBE_TALK_IRC },
	{ "ircs", PROTOCOL_TCP, 6697, PROBE_TLS_DIRECT, PROBE_TALK_NONE },
	{ "nntp", PROTOCOL_TCP, 119, PROBE_TLS_ASKED, PROBE_TALK_NNTP },
	{ "nntps", PROTOCOL_TCP, 563, PROBE_TLS_DIRECT, PROBE_TALK_NNTP },
	{ "sieve", PROTOCOL_TCP, 4190, PROBE_TLS_ASKED, PROBE_TALK_SIEVE },
	{ "dns", PROTOCOL_UDP, 53, PROBE_TLS_NONE, PROBE_TALK_DNS },
	{ "ntp", PROTOCOL_UDP, 123, PROBE_TLS_NONE, PROBE_TALK_NTP },
	{ "http", PROTOCOL_TCP, 8080, PROBE_TLS_NONE, PROBE_TALK_HTTP },
	{ "https", PROTOCOL_TCP, 8443, PROBE_TLS_DIRECT, PROBE_TALK_HTTP },
};

enum { SERVICES = sizeof(services) / sizeof(services[0]) };

const struct probe_service *probe_service_named(const char *name)
{
	for (size_t i = 0; i < SERVICES; i++) {
		if (strcmp(services[i].name, name) == 0) {
			return &services[i];
		}
	}
	return NULL;
}

void probe_service_names(struct str *out)
{
	for (size_t i = 0; i < SERVICES; i++) {
		if (probe_service_named(services[i].name) == &services[i]) { /* once each */
			str_printf(out, "%s%s", i > 0 ? ", " : "", services[i].name);
		}
	}
}

const struct probe_service *probe_service_at(enum protocol protocol, uint16_t port)
{
	for (size_t i = 0; i < SERVICES; i++) {
		if (services[i].protocol == protocol && services[i].port == port) {
			return &services[i];
		}
	}
	return &services[protocol == PROTOCOL_UDP];
}

/* ---- targets ---- */

/* The words of one target, cut out of its text. */
struct parts {
	char scheme[16], host[PROBE_HOST_BYTES], port[16], path[PROBE_PATH_BYTES];
	bool has_scheme, has_port;
};

static int copy(char *out, size_t room, const char *from, size_t length)
{
	if (length >= room) {
		return -ENAMETOOLONG;
	}
	memcpy(out, from, length);
	out[length] = '\0';
	return 0;
}

/* A host name or an address: nothing that a terminal, HTTP or TLS reads otherwise. */
static bool is_host(const char *text)
{
	bool fine = text[0] != '\0' && text[0] != '-';
	for (; *text != '\0' && fine; text++) {
		const char c = *text;
		fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		       c == '.' || c == '-' || c == '_' || c == ':';
	}
	return fine;
}

static bool is_path(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text <= ' ' || *text > '~') {
			return false;
		}
	}
	return true;
}

/* "host", "host:port", "[address]:port", an address of IPv6 without brackets. */
static int cut_authority(struct parts *out, const char *text, size_t length)
{
	const char *end = text + length;
	const char *colon = memchr(text, ':', length);
	if (length > 0 && text[0] == '[') {
		const char *closing = memchr(text, ']', length);
		if (closing == NULL || (closing + 1 < end && closing[1] != ':')) {
			return -EINVAL;
		}
		out->has_port = closing + 1 < end;
		int r = copy(out->host, sizeof(out->host), text + 1, (size_t)(closing - text) - 1);
		return r == 0 && out->has_port ? copy(out->port, sizeof(out->port), closing + 2,
						      (size_t)(end - closing) - 2)
					       : r;
	}
	if (colon == NULL || memchr(colon + 1, ':', (size_t)(end - colon) - 1) != NULL) {
		return copy(out->host, sizeof(out->host), text, length);
	}
	out->has_port = true;
	int r = copy(out->host, sizeof(out->host), text, (size_t)(colon - text));
	return r == 0 ? copy(out->port, sizeof(out->port), colon + 1, (size_t)(end - colon) - 1)
		      : r;
}

static int cut(struct parts *out, const char *text)
{
	const char *rest = strstr(text, "://");
	*out = (struct parts){ .path = "/" };
	out->has_scheme = rest != NULL;
	if (rest != NULL) {
		int r = copy(out->scheme, sizeof(out->scheme), text, (size_t)(rest - text));
		if (r < 0) {
			return -ENOENT; /* none is as long */
		}
		rest += strlen("://");
	} else {
		rest = text;
	}
	const size_t length = strcspn(rest, "/");
	int r = cut_authority(out, rest, length);
	if (r == 0 && rest[length] == '/') {
		r = out->has_scheme ? copy(out->path, sizeof(out->path), rest + length,
					   strlen(rest + length))
				    : -EINVAL;
	}
	return r;
}

/* A port of this host: "25565", "53/udp", "443/tcp". @return 1 it is none. */
static int parse_own(struct probe_target *out, const char *text)
{
	const size_t digits = strspn(text, "0123456789");
	enum protocol protocol = PROTOCOL_TCP;
	uint64_t port = 0;
	if (digits == 0 || (text[digits] != '\0' && text[digits] != '/')) {
		return 1;
	}
	if (text[digits] == '/') {
		if (strcmp(text + digits, "/udp") == 0) {
			protocol = PROTOCOL_UDP;
		} else if (strcmp(text + digits, "/tcp") != 0) {
			return -EINVAL;
		}
	}
	int r = parse_u64_bytes(&port, text, digits, 1, UINT16_MAX);
	if (r < 0) {
		return -ERANGE;
	}
	*out = (struct probe_target){ .service = probe_service_at(protocol, (uint16_t)port),
				      .port = (uint16_t)port,
				      .path = "/" };
	return 0;
}

int probe_target_parse(struct probe_target *out, const char *text)
{
	struct parts parts;
	int r = parse_own(out, text);
	if (r <= 0) {
		return r;
	}
	r = cut(&parts, text);
	if (r < 0) {
		return r;
	}
	*out = (struct probe_target){ 0 };
	out->service = parts.has_scheme ? probe_service_named(parts.scheme) : NULL;
	if (parts.has_scheme && out->service == NULL) {
		return -ENOENT;
	}
	if (!is_host(parts.host) || !is_path(parts.path)) {
		return -EINVAL;
	}
	if (parts.has_port && parse_port(&out->port, parts.port) < 0) {
		return -ERANGE;
	}
	out->port = parts.has_port ? out->port : out->service == NULL ? 0 : out->service->port;
	if (out->port == 0) {
		return parts.has_port ? -ERANGE : -EDESTADDRREQ;
	}
	out->service =
		out->service == NULL ? probe_service_at(PROTOCOL_TCP, out->port) : out->service;
	(void)str_copy(out->host, sizeof(out->host), parts.host);
	(void)str_copy(out->path, sizeof(out->path), parts.path);
	out->literal = addr_parse(&out->address, out->host) == 0;
	return 0;
}
