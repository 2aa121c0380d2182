/*
 * Asks what speaks at ports, by minato-probe, and prints a line for each: what tests read.
 * Usage: identify-probe ADDRESS PORT[/udp][=SERVICE]...   SERVICE: an id of the catalogue
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "identify/identify.h"

static void read_port(struct identify_port *out, const char *word)
{
	char text[64];
	bool tls = false;
	const size_t digits = strspn(word, "0123456789");
	const char *service = strchr(word, '=');
	(void)snprintf(text, sizeof(text), "%.*s", (int)digits, word);
	*out = (struct identify_port){ .protocol = PROTOCOL_TCP };
	if (parse_port(&out->port, text) < 0) {
		exit(64);
	}
	if (strncmp(word + digits, "/udp", 4) == 0) {
		out->protocol = PROTOCOL_UDP;
	}
	if (service != NULL) {
		out->talk = (uint8_t)identify_talk_of(service + 1, &tls);
		out->tls = tls;
	}
}

static const char *told_word(uint8_t told)
{
	static const char *const words[] = { "?", "no", "yes" };
	return words[told];
}

static void put_text(const char *name, const char *text)
{
	if (text[0] != '\0') {
		printf(" %s=%s", name, text);
	}
}

static void put_told(const char *name, uint8_t told)
{
	if (told != IDENTIFY_TOLD_NOTHING) {
		put_text(name, told_word(told));
	}
}

static void print(const struct identity *i)
{
	printf("%u/%s %s", i->port, protocol_name((enum protocol)i->protocol),
	       identify_outcome_name((enum identify_outcome)i->outcome));
	put_text("service", identity_service(i));
	put_told("encrypted", i->encrypted);
	put_told("starttls", i->starttls);
	put_told("without_login", i->without_login);
	put_told("smb1", i->smb1);
	put_told("signing", i->signing);
	put_told("nla", i->nla);
	printf(" connections=%u ms=%lld", i->connections, (long long)i->took / 1000);
	if (i->smb_dialect != 0) {
		printf(" dialect=%x", i->smb_dialect);
	}
	if (i->status != 0) {
		printf(" status=%u", i->status);
	}
	put_text("alpn", i->alpn);
	put_text("certificate", i->certificate);
	put_text("product", i->product);
	put_text("version", i->version);
	put_text("detail", i->detail);
	putchar('\n');
}

int main(int count, char **words)
{
	static struct identify_order order;
	static struct identity out[IDENTIFY_PORTS_MAX];
	struct addr address;
	struct err e = ERR_INIT;
	if (count < 3 || addr_parse(&address, words[1]) < 0) {
		return 64;
	}
	identify_order_init(&order, &address, getenv("HOST") == NULL ? "" : getenv("HOST"));
	order.snmp_public = getenv("SNMP_PUBLIC") != NULL;
	for (int i = 2; i < count && order.port_count < IDENTIFY_PORTS_MAX; i++) {
		read_port(&order.ports[order.port_count++], words[i]);
	}
	const int r = identify_ask(out, &order, NULL, &e);
	for (uint32_t i = 0; i < order.port_count; i++) {
		print(&out[i]);
	}
	if (r < 0) {
		(void)fprintf(stderr, "%s\n", err_text(&e));
	}
	return r < 0;
}
