/* Rules that look at what a twin does not have. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/parse.h"
#include "base/str.h"
#include "twin/way.h"

/* Each as nft prints it, at the beginning of a word. */
static const struct {
	const char *words;
	enum twin_doubt_kind kind;
} signs[] = {
	{ "socket cgroupv2 ", TWIN_DOUBT_CGROUP },
	{ "meta cgroup ", TWIN_DOUBT_CGROUP },
	{ "xt match cgroup", TWIN_DOUBT_CGROUP },
	{ "socket ", TWIN_DOUBT_SOCKET },
	{ "xt match socket", TWIN_DOUBT_SOCKET },
	{ "meta skuid ", TWIN_DOUBT_OWNER },
	{ "meta skgid ", TWIN_DOUBT_OWNER },
	{ "skuid ", TWIN_DOUBT_OWNER },
	{ "xt match owner", TWIN_DOUBT_OWNER },
	{ "limit rate ", TWIN_DOUBT_RATE },
	{ "xt match limit", TWIN_DOUBT_RATE },
	{ "xt match hashlimit", TWIN_DOUBT_RATE },
	{ "xt match recent", TWIN_DOUBT_RATE },
	{ "xt match connlimit", TWIN_DOUBT_RATE },
	{ "xt match statistic", TWIN_DOUBT_RATE },
	{ "ct count ", TWIN_DOUBT_RATE },
	{ "quota ", TWIN_DOUBT_RATE },
	{ "numgen random ", TWIN_DOUBT_RATE },
	{ "update @", TWIN_DOUBT_LEARNED },
	{ "add @", TWIN_DOUBT_LEARNED },
	{ "queue ", TWIN_DOUBT_PROGRAM },
	{ "synproxy", TWIN_DOUBT_PROGRAM },
	{ "tproxy ", TWIN_DOUBT_PROGRAM },
	{ "xt target TPROXY", TWIN_DOUBT_PROGRAM },
	{ "xt match bpf", TWIN_DOUBT_PROGRAM },
	{ "flow add ", TWIN_DOUBT_OFFLOAD },
	{ "iiftype ", TWIN_DOUBT_DEVICE },
	{ "oiftype ", TWIN_DOUBT_DEVICE },
	{ "iifkind ", TWIN_DOUBT_DEVICE },
	{ "oifkind ", TWIN_DOUBT_DEVICE },
	{ "ipsec ", TWIN_DOUBT_IPSEC },
	{ "meta secpath ", TWIN_DOUBT_IPSEC },
	{ "xt match policy", TWIN_DOUBT_IPSEC },
};

/* What stands in a comment is no match. */
static bool has(const char *rule, const char *words)
{
	const char *comment = strstr(rule, " comment \"");
	for (const char *at = rule; (at = strstr(at, words)) != NULL; at++) {
		if ((at == rule || at[-1] == ' ') && (comment == NULL || at < comment)) {
			return true;
		}
	}
	return false;
}

/* A rule that only writes a log changes nothing, however often it may. */
static bool only_logs(const char *rule)
{
	static const char *const verdicts[] = { "accept", "drop ", "drop",      "reject",
						"jump ",  "goto ", "return",    "vmap ",
						"dnat ",  "queue", "masquerade" };
	if (!has(rule, "log")) {
		return false;
	}
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		if (has(rule, verdicts[i])) {
			return false;
		}
	}
	return true;
}

/* minato's own sets of who was refused: no rule asks them. */
static bool only_counts(const struct chain *chain, const char *rule)
{
	return strcmp(chain->table, "minato") == 0 &&
	       (str_starts(rule, "update @refused-") || str_starts(rule, "update @would-"));
}

/* ---- Whether it concerns a packet ---- */

/* "22" or "8000-8100" at the beginning of a text. @return its length, 0 = it is no such thing. */
static size_t read_range(const char *text, uint64_t *first, uint64_t *last)
{
	size_t digits = strspn(text, "0123456789");
	size_t more = text[digits] == '-' ? strspn(text + digits + 1, "0123456789") : 0;
	if (parse_u64_bytes(first, text, digits, 0, UINT16_MAX) < 0) {
		return 0;
	}
	*last = *first;
	if (more > 0 && parse_u64_bytes(last, text + digits + 1, more, 0, UINT16_MAX) < 0) {
		return 0;
	}
	return digits + (more > 0 ? more + 1 : 0);
}

/* Whether "22", "8000-8100" or "{ 22, 80 }" has one of two ports; what is anything else may. */
static bool may_have(const char *text, uint16_t port, uint16_t other)
{
	const bool many = text[0] == '{';
	text += many ? strspn(text, "{ ") : 0;
	for (;;) {
		uint64_t first = 0;
		uint64_t last = 0;
		size_t length = read_range(text, &first, &last);
		if (length == 0 || (port >= first && port <= last) ||
		    (other >= first && other <= last)) {
			return true;
		}
		text += length;
		if (!many || text[0] != ',') {
			return false;
		}
		text += strspn(text, ", ");
	}
}

bool suspect_concerns(const char *rule, uint8_t protocol, uint16_t port, uint16_t final_port)
{
	static const struct {
		const char *words;
		uint8_t protocol;
	} matches[] = { { "tcp dport ", IPPROTO_TCP }, { "udp dport ", IPPROTO_UDP } };
	const char *comment = strstr(rule, " comment \"");
	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
		const char *found = strstr(rule, matches[i].words);
		bool concatenated = found != NULL && strstr(rule, " . ") != NULL;
		if (found == NULL || concatenated || (comment != NULL && found > comment)) {
			continue;
		}
		/* "vmap" and "set" stand where a port would: they may be anything. */
		return protocol == matches[i].protocol &&
		       may_have(found + strlen(matches[i].words), port, final_port);
	}
	return true;
}

/* ---- Finding them ---- */

static int suspect_rule(struct legend *legend, size_t chain, size_t place, const char *rule)
{
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (!has(rule, signs[i].words) || only_logs(rule) ||
		    only_counts(&legend->twin.chains.items[chain], rule)) {
			continue;
		}
		struct suspect *suspect = vec_push(&legend->suspects);
		if (suspect == NULL) {
			return -ENOMEM;
		}
		*suspect = (struct suspect){
			.chain = chain, .place = place, .rule = rule, .kind = signs[i].kind
		};
		return 0;
	}
	return 0;
}

int legend_suspect(struct legend *legend)
{
	const struct twin_rules *rules = &legend->twin;
	for (size_t c = 0; c < rules->chains.count; c++) {
		const struct chain *chain = &rules->chains.items[c];
		for (size_t i = 0; i < chain->count; i++) {
			int r = suspect_rule(legend, c, i,
					     rules->rules.items[chain->first + i].text);
			if (r < 0) {
				return r;
			}
		}
	}
	return 0;
}
