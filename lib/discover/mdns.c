/* Multicast DNS (RFC 6762) and DNS-SD (RFC 6763): names of devices, services that they offer. */
#include <arpa/nameser.h>
#include <resolv.h>
#include <string.h>

#include "discover/discover.h"

/* The kinds of services first, then some that tell what a device is. */
static const char *const asked[] = {
	"_services._dns-sd._udp.local",
	"_ipp._tcp.local",
	"_smb._tcp.local",
	"_http._tcp.local",
	"_ssh._tcp.local",
	"_airplay._tcp.local",
	"_googlecast._tcp.local",
	"_hap._tcp.local",
	"_rtsp._tcp.local",
	"_workstation._tcp.local",
};

static size_t put_name(uint8_t *out, const char *name)
{
	size_t length = 0;
	while (*name != '\0') {
		const size_t label = strcspn(name, ".");
		out[length++] = (uint8_t)label;
		memcpy(out + length, name, label);
		length += label;
		name += label + (name[label] == '.');
	}
	out[length++] = 0;
	return length;
}

size_t discover_mdns_question(uint8_t out[DISCOVER_QUESTION_BYTES])
{
	/* From another port than 5353 it is a simple question, answered to us alone (6.7). */
	static const uint8_t header[] = { 0, 0, 0, 0, 0, sizeof(asked) / sizeof(asked[0]),
					  0, 0, 0, 0, 0, 0 };
	static const uint8_t ptr_in[] = { 0, ns_t_ptr, 0, ns_c_in };
	size_t length = sizeof(header);
	memcpy(out, header, sizeof(header));
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		length += put_name(out + length, asked[i]);
		memcpy(out + length, ptr_in, sizeof(ptr_in));
		length += sizeof(ptr_in);
	}
	return length;
}

/* ---- answers ---- */

struct hearing {
	const struct addr *from;
	discover_tell *tell;
	void *data;
};

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.';
}

/* @return whether it is of host names' letters and fits. */
static bool take(struct discover_record *out, enum discover_kind kind, const struct addr *from,
		 const char *text, size_t length)
{
	*out = (struct discover_record){ .kind = kind, .from = *from };
	if (length == 0 || length >= sizeof(out->text)) {
		return false;
	}
	for (size_t i = 0; i < length; i++) {
		if (!is_letter(text[i])) {
			return false;
		}
	}
	memcpy(out->text, text, length);
	return true;
}

/* "printer.local" is "printer". */
static int tell_name(const struct hearing *h, const char *name)
{
	static const char local[] = ".local";
	struct discover_record record;
	const size_t length = strlen(name);
	const size_t end = length > sizeof(local) - 1 ? length - (sizeof(local) - 1) : 0;
	return end > 0 && strcasecmp(name + end, local) == 0 &&
			       take(&record, DISCOVER_NAME, h->from, name, end)
		       ? h->tell(&record, h->data)
		       : 0;
}

/* "_ipp._tcp.local" is "ipp/tcp". */
static int tell_service(const struct hearing *h, const char *name)
{
	struct discover_record record;
	if (name[0] != '_') {
		return 0;
	}
	const size_t length = strcspn(name + 1, ".");
	const char *rest = name + 1 + length;
	const bool tcp = strcasecmp(rest, "._tcp.local") == 0;
	if ((!tcp && strcasecmp(rest, "._udp.local") != 0) || length + 5 > sizeof(record.text) ||
	    !take(&record, DISCOVER_SERVICE, h->from, name + 1, length)) {
		return 0;
	}
	memcpy(record.text + length, tcp ? "/tcp" : "/udp", 5);
	return h->tell(&record, h->data);
}

static int take_record(const struct hearing *h, const ns_msg *message, const ns_rr *rr)
{
	char name[NS_MAXDNAME];
	const int type = ns_rr_type(*rr);
	if (type == ns_t_a || type == ns_t_aaaa) {
		return tell_name(h, ns_rr_name(*rr));
	}
	if (type != ns_t_ptr) {
		return 0;
	}
	if (strcasecmp(ns_rr_name(*rr), asked[0]) != 0) {
		return tell_service(h, ns_rr_name(*rr));
	}
	return dn_expand(ns_msg_base(*message), ns_msg_end(*message), ns_rr_rdata(*rr), name,
			 sizeof(name)) < 0
		       ? 0
		       : tell_service(h, name);
}

int discover_read_mdns(const uint8_t *bytes, size_t length, const struct addr *from,
		       discover_tell *tell, void *data)
{
	const struct hearing h = { from, tell, data };
	static const ns_sect sections[] = { ns_s_an, ns_s_ar };
	ns_msg message;
	int r = 0;
	if (length > DISCOVER_PACKET_BYTES || ns_initparse(bytes, (int)length, &message) < 0 ||
	    ns_msg_getflag(message, ns_f_qr) == 0) {
		return 0;
	}
	for (size_t s = 0; s < sizeof(sections) / sizeof(sections[0]) && r == 0; s++) {
		for (int i = 0; i < ns_msg_count(message, sections[s]) && r == 0; i++) {
			ns_rr rr;
			if (ns_parserr(&message, sections[s], i, &rr) < 0) {
				break;
			}
			r = take_record(&h, &message, &rr);
		}
	}
	return r;
}
