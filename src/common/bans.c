/* Bans between the record and the kernel. */
#include "common/bans.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "config.h"
#include "observe/observe.h"

struct tap_place bans_tap_place(void)
{
	const unsigned without = observe_without_parse(getenv("MINATO_WITHOUT"));
	const char *directory = getenv("MINATO_TAP_DIRECTORY");
	return (struct tap_place){
		.directory =
			directory != NULL && directory[0] == '/' ? directory : MINATO_TAP_DIRECTORY,
		.without_bpf = (without & (OBSERVE_WITHOUT_BPF | OBSERVE_WITHOUT_BTF)) != 0,
	};
}

static enum tap_verdict verdict_of(uint8_t verdict)
{
	return verdict == DEFEND_BAN ? TAP_DROP : verdict == DEFEND_SLOW ? TAP_SLOW : TAP_HIDE;
}

/* Whole packets a second, at least one; what comes at once is a second's, or the count itself. */
static void set_rate(struct tap_ban *out, const struct policy_rate *rate)
{
	const usec_t seconds = rate->per / USEC_PER_SEC > 0 ? rate->per / USEC_PER_SEC : 1;
	const uint64_t rate_pps = rate->count / (uint64_t)seconds;
	out->rate = rate_pps > 0 ? (uint32_t)rate_pps : 1;
	out->burst = rate->count > 0 ? rate->count : 1;
}

struct tap_ban bans_for_kernel(const struct defend_ban *ban)
{
	struct tap_ban out = { .prefix = ban->prefix,
			       .verdict = verdict_of(ban->verdict),
			       .until = ban->until };
	if (ban->verdict == DEFEND_SLOW) {
		set_rate(&out, &ban->rate);
	}
	return out;
}

int bans_read_facts(struct defend_facts *facts, usec_t now, struct err *e)
{
	defend_facts_begin(facts, now);
	int r = defend_network_read(facts, now, e);
	if (r == 0) {
		r = defend_resolvers_read(facts, "", now, e);
	}
	if (r == 0) {
		r = defend_logins_read(facts, "", now, e);
	}
	facts->complete = r >= 0;
	return r;
}

int bans_spare(struct tap *tap, const struct policy *policy, const struct defend_facts *facts,
	       struct err *e)
{
	_cleanup_(freep) struct prefix *list = calloc(TAP_NEVER_PREFIXES_MAX, sizeof(*list));
	if (list == NULL) {
		return err_system(e, ENOMEM, "cannot list who is never kept out");
	}
	const size_t count = defend_never(list, TAP_NEVER_PREFIXES_MAX, policy, facts);
	/* The kernel's list is for what the decision has missed: clients beyond it are in none. */
	return tap_never_set(tap, list,
			     count < TAP_NEVER_PREFIXES_MAX ? count : TAP_NEVER_PREFIXES_MAX, e);
}

/* ---- orders of people ---- */

enum { ORDER_FIELDS = 7 };

static const char word[] = "bans";

/* A tab would be the end of the field. */
static void copy(char *to, size_t room, const char *from)
{
	(void)str_copy(to, room, from);
	for (; *to != '\0'; to++) {
		*to = (unsigned char)*to < ' ' || *to == 0x7f ? ' ' : *to;
	}
}

int bans_order_write(char out[BANS_ORDER_BYTES], const struct bans_order *order)
{
	char prefix[PREFIX_TEXT_BYTES];
	char by[DEFEND_BY_BYTES];
	char purpose[DEFEND_REASON_BYTES];
	copy(by, sizeof(by), order->by);
	copy(purpose, sizeof(purpose), order->purpose);
	const int length =
		snprintf(out, BANS_ORDER_BYTES, "%s\t%s\t%s\t%lld\t%s\t%s\t%s", word,
			 order->remove ? "remove" : "add", prefix_format(&order->prefix, prefix),
			 (long long)order->span, defend_verdict_name(order->verdict), by, purpose);
	return length > 0 && length < BANS_ORDER_BYTES ? length : -EINVAL;
}

bool bans_is_order(const char *text)
{
	return strncmp(text, word, sizeof(word) - 1) == 0 && text[sizeof(word) - 1] == '\t';
}

int bans_order_read(struct bans_order *out, const char *text)
{
	char copied[BANS_ORDER_BYTES];
	char *fields[ORDER_FIELDS] = { NULL };
	unsigned count = 0;
	uint64_t span = 0;
	if (str_copy(copied, sizeof(copied), text) != strlen(text) || !bans_is_order(text)) {
		return -EINVAL;
	}
	char *rest = copied;
	for (char *field = strsep(&rest, "\t"); field != NULL; field = strsep(&rest, "\t")) {
		if (count == ORDER_FIELDS) {
			return -EINVAL;
		}
		fields[count++] = field;
	}
	*out = (struct bans_order){ .remove = count > 1 && strcmp(fields[1], "remove") == 0 };
	if (count != ORDER_FIELDS || (!out->remove && strcmp(fields[1], "add") != 0) ||
	    prefix_parse(&out->prefix, fields[2]) < 0 ||
	    parse_u64(&span, fields[3], 0, (uint64_t)BANS_SPAN_MAX) < 0 ||
	    (!out->remove && (span == 0 || defend_verdict_parse(&out->verdict, fields[4]) < 0))) {
		return -EINVAL;
	}
	out->prefix = prefix_unmap(&out->prefix);
	out->span = (usec_t)span;
	(void)str_copy(out->by, sizeof(out->by), fields[5]);
	(void)str_copy(out->purpose, sizeof(out->purpose), fields[6]);
	return 0;
}

int bans_order_do(struct defend_ban *out, struct defend_table *table,
		  const struct bans_order *order, const struct policy *policy,
		  const struct defend_facts *facts, const struct defend_stamp *now)
{
	if (order->remove) {
		return defend_table_remove(table, &order->prefix, now->wall, out);
	}
	const int why = defend_spared(&order->prefix, policy, facts);
	if (why != 0) {
		return why;
	}
	*out = (struct defend_ban){ .prefix = order->prefix,
				    .verdict = order->verdict,
				    .by_hand = true,
				    .rate = { 10, USEC_PER_SEC },
				    .since = now->since_boot,
				    .until = now->since_boot + order->span,
				    .times = 1 };
	if (policy->defend.rate.count > 0) {
		out->rate = policy->defend.rate;
	}
	(void)str_copy(out->reason, sizeof(out->reason), order->purpose);
	(void)snprintf(out->evidence, sizeof(out->evidence), "by %s", order->by);
	const int r = defend_table_put(table, out);
	return r == -ENOSPC ? DEFEND_WHY_FULL : r;
}

void bans_answer(char out[BANS_ANSWER_BYTES], int result, const struct err *e)
{
	if (result == 0) {
		(void)snprintf(out, BANS_ANSWER_BYTES, "done");
	} else if (result > 0) {
		(void)snprintf(out, BANS_ANSWER_BYTES, "why %d", result);
	} else if (result == -ENOENT && e->code == 0) {
		(void)snprintf(out, BANS_ANSWER_BYTES, "none");
	} else {
		(void)snprintf(out, BANS_ANSWER_BYTES, "fault %s",
			       e->code != 0 ? err_text(e) : strerror(-result));
	}
}
