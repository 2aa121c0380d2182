/* Rules that look at what a twin does not have. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
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

static int suspect_rule(struct legend *legend, size_t chain, size_t place, const char *rule)
{
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (!has(rule, signs[i].words) || only_logs(rule)) {
			continue;
		}
		for (size_t before = legend->suspects.count; before > 0; before--) {
			const struct suspect *s = &legend->suspects.items[before - 1];
			if (s->chain == chain && s->kind == signs[i].kind) {
				return 0; /* one of a kind is enough for a chain */
			}
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
	const struct ruleset *rules = &legend->twin;
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
