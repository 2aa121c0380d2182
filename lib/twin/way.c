/* From trace events of one packet to the answer: what became of it, and which rule decided. */
#include "twin/way.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MAX_BYTES = 4 << 20, RULE_MAX_BYTES = 1 << 16 };

void way_begin(struct way *way, struct twin_answer *answer, const struct legend *legend,
	       uint32_t cookie)
{
	*answer = (struct twin_answer){ .reject = "" };
	arena_init(&answer->arena, ANSWER_MAX_BYTES);
	*way = (struct way){ .answer = answer,
			     .legend = legend,
			     .cookie = cookie,
			     .hook = "ingress",
			     .type = "filter" };
}

void twin_answer_deinit(struct twin_answer *answer)
{
	if (answer != NULL) {
		vec_free(&answer->steps);
		vec_free(&answer->doubts);
		arena_deinit(&answer->arena);
	}
}

static int doubt_rule(struct twin_answer *answer, enum twin_doubt_kind kind, const char *detail,
		      const char *owner)
{
	for (size_t i = 0; i < answer->doubts.count; i++) {
		if (answer->doubts.items[i].kind == kind &&
		    strcmp(answer->doubts.items[i].detail, detail) == 0) {
			return 0;
		}
	}
	const char *kept = arena_strdup(&answer->arena, detail);
	struct twin_doubt *doubt = kept == NULL ? NULL : vec_push(&answer->doubts);
	if (doubt == NULL) {
		return -ENOMEM;
	}
	*doubt = (struct twin_doubt){ .kind = kind, .detail = kept, .owner = owner };
	return 0;
}

int way_doubt(struct twin_answer *answer, enum twin_doubt_kind kind, const char *detail)
{
	return doubt_rule(answer, kind, detail, "");
}

static enum twin_verdict verdict_of(const struct trace_event *event)
{
	switch (event->verdict) {
	case NFT_CONTINUE:
	case NFT_BREAK:
		return TWIN_VERDICT_CONTINUE;
	case NFT_JUMP:
		return TWIN_VERDICT_JUMP;
	case NFT_GOTO:
		return TWIN_VERDICT_GOTO;
	case NFT_RETURN:
		return TWIN_VERDICT_RETURN;
	default:
		break;
	}
	switch (event->verdict & NF_VERDICT_MASK) {
	case NF_ACCEPT:
		return TWIN_VERDICT_ACCEPT;
	case NF_STOLEN:
		return TWIN_VERDICT_STOLEN;
	case NF_QUEUE:
		return TWIN_VERDICT_QUEUE;
	default:
		return TWIN_VERDICT_DROP;
	}
}

/* The rule as its owner wrote it: iptables' words for what iptables loaded. @return in the answer's
 * arena; NULL when out of memory. */
static const char *rule_text(const struct way *way, const struct chain *chain, size_t place)
{
	const struct legend *legend = way->legend;
	struct str saved = STR_INIT(RULE_MAX_BYTES);
	const char *text = legend->twin.rules.items[chain->first + place].text;
	bool ipv6 = strcmp(chain->family, "ip6") == 0;
	if ((ipv6 || strcmp(chain->family, "ip") == 0) &&
	    rules_saved(&saved, legend->saved[ipv6], chain->table, chain->name, place) == 0) {
		text = str_text(&saved);
	}
	const char *kept = arena_strdup(&way->answer->arena, text);
	str_deinit(&saved);
	return kept;
}

/* Handle and text of the rule as the host has it: rules keep their place when a chain is copied. */
static int describe_rule(struct twin_step *step, struct way *way, const struct chain *chain,
			 uint64_t handle)
{
	const struct legend *legend = way->legend;
	size_t place = 0;
	if (!twin_rules_place(&place, &legend->twin, chain, handle)) {
		return 0;
	}
	const struct chain *own =
		twin_rules_chain(legend->host, step->family, step->table, step->chain);
	if (own != NULL && own->count == chain->count) {
		step->handle = legend->host->rules.items[own->first + place].handle;
	}
	step->place = place;
	step->rule = rule_text(way, chain, place);
	return step->rule == NULL ? -ENOMEM : 0;
}

/* A policy is set by whom the chain was filled by, or who has it jump to chains: ufw sets that of
 * INPUT. */
static const char *owner_of(const struct twin_answer *answer, const struct twin_step *step)
{
	const char *owner = twin_owner(step->table, step->chain);
	for (size_t i = answer->steps.count; step->policy && i > 0; i--) {
		const struct twin_step *before = &answer->steps.items[i - 1];
		bool same = strcmp(before->table, step->table) == 0 &&
			    strcmp(before->family, step->family) == 0 &&
			    strcmp(before->hook, step->hook) == 0;
		if (!same || strcmp(owner, "unknown") != 0) {
			break;
		}
		owner = before->owner;
		if (strcmp(owner, "unknown") == 0 && before->target[0] != '\0') {
			owner = twin_owner(before->table, before->target);
		}
	}
	return owner;
}

static int describe(struct twin_step *step, struct way *way, const struct trace_event *event)
{
	struct arena *arena = &way->answer->arena;
	*step = (struct twin_step){
		.hook = way->hook,
		.type = way->type,
		.family = event->family,
		.table = arena_strdup(arena, event->table),
		.chain = arena_strdup(arena, event->chain),
		.rule = "",
		.policy = event->type == TRACE_POLICY,
		.verdict = verdict_of(event),
		.target = arena_strdup(arena, event->target),
	};
	if (step->table == NULL || step->chain == NULL || step->target == NULL) {
		return -ENOMEM;
	}
	const struct chain *chain =
		twin_rules_chain(&way->legend->twin, step->family, step->table, step->chain);
	if (chain != NULL && chain->hook != NULL) {
		way->hook = step->hook = chain->hook; /* lives as long as the twin */
		way->type = step->type = chain->type;
	}
	int r = chain != NULL && event->handle != 0 ? describe_rule(step, way, chain, event->handle)
						    : 0;
	step->owner = owner_of(way->answer, step);
	return r;
}

static int reject_word(struct way *way, struct twin_step *step)
{
	struct str word = STR_INIT(RULE_MAX_BYTES);
	if (rules_rejects(&word, step->rule)) {
		step->verdict = TWIN_VERDICT_REJECT;
		way->answer->reject = arena_strdup(&way->answer->arena, str_text(&word));
	}
	str_deinit(&word);
	return way->answer->reject == NULL ? -ENOMEM : 0;
}

static bool stops(enum twin_verdict verdict)
{
	return verdict == TWIN_VERDICT_DROP || verdict == TWIN_VERDICT_REJECT ||
	       verdict == TWIN_VERDICT_QUEUE || verdict == TWIN_VERDICT_STOLEN;
}

/* In a chain of the twin itself: how far the packet came. */
static void take_mark(struct way *way, const struct trace_event *event)
{
	way->seen = true;
	way->stopped = false;
	const char *hook = str_starts(event->chain, WAY_END) ? event->chain + strlen(WAY_END) : "";
	if (strcmp(hook, "prerouting") == 0) {
		way->prerouting = true;
	} else if (strcmp(hook, "input") == 0) {
		way->input = true;
	} else if (strcmp(hook, "postrouting") == 0) {
		way->output = true;
		/* Only the first of a chain's events names the interfaces. */
		way->out_index = event->out_index != 0 ? event->out_index : way->out_index;
	}
}

static int add_step(struct way *way, const struct trace_event *event)
{
	struct twin_answer *answer = way->answer;
	if (answer->steps.count >= TWIN_STEPS_MAX) {
		return way_doubt(answer, TWIN_DOUBT_STEPS, "");
	}
	struct twin_step step;
	int r = describe(&step, way, event);
	if (r == 0 && step.verdict == TWIN_VERDICT_DROP && !step.policy) {
		r = reject_word(way, &step);
	}
	struct twin_step *kept = r < 0 ? NULL : vec_push(&answer->steps);
	if (kept == NULL) {
		return -ENOMEM;
	}
	*kept = step;
	way->stopped = stops(step.verdict);
	return 0;
}

int way_take(struct way *way, const struct trace_event *event)
{
	if (event->has_packet) {
		way->known = event->packet.cookie == way->cookie;
		way->id = event->id;
	}
	if (!way->known || event->id != way->id) {
		return 0;
	}
	/* Behind the last chain there is nothing more to translate. */
	if (event->has_packet) {
		if (way->protocol == 0) {
			way->protocol = event->packet.protocol;
			way->port = event->packet.port;
		}
		way->answer->to = event->packet.to;
		way->answer->port = event->packet.port;
	}
	if (strcmp(event->table, WAY_TABLE) == 0) {
		take_mark(way, event);
		return 0;
	}
	way->seen = true;
	/* That a chain of jumps came to its end is told as an event without a rule. */
	bool end = event->type != TRACE_POLICY && event->handle == 0;
	return end ? 0 : add_step(way, event);
}

/* ---- Deciding ---- */

/* The last rule that let the packet pass in a hook, else the last policy. */
static const struct twin_step *accepting(const struct way *way, const char *hook)
{
	/* A chain of type nat accepts what it has translated: that lets nothing in. */
	const struct twin_step *found = NULL;
	for (size_t i = 0; i < way->answer->steps.count; i++) {
		const struct twin_step *step = &way->answer->steps.items[i];
		if (strcmp(step->hook, hook) == 0 && step->verdict == TWIN_VERDICT_ACCEPT &&
		    strcmp(step->type, "nat") != 0 &&
		    (found == NULL || found->policy || !step->policy)) {
			found = step;
		}
	}
	return found;
}

static bool is_chain(const struct twin_step *step, const struct chain *chain)
{
	return strcmp(step->table, chain->table) == 0 && strcmp(step->family, chain->family) == 0;
}

/* How many rules of a chain the packet was held against, at most. */
static size_t seen_rules(const struct way *way, const struct chain *chain)
{
	size_t seen = 0;
	for (size_t i = 0; i < way->answer->steps.count; i++) {
		const struct twin_step *step = &way->answer->steps.items[i];
		if (!is_chain(step, chain)) {
			continue;
		}
		if (strcmp(step->target, chain->name) == 0) {
			seen = SIZE_MAX;
		}
		if (strcmp(step->chain, chain->name) == 0) {
			bool goes_on = step->policy || step->verdict == TWIN_VERDICT_CONTINUE ||
				       step->verdict == TWIN_VERDICT_JUMP;
			seen = goes_on ? SIZE_MAX : step->place + 1;
		}
	}
	return seen;
}

/* One of a kind is enough for a chain. */
static int add_doubts(struct way *way)
{
	const struct legend *legend = way->legend;
	size_t chain_index = SIZE_MAX;
	size_t seen = 0;
	unsigned told = 0;
	for (size_t i = 0; i < legend->suspects.count; i++) {
		const struct suspect *suspect = &legend->suspects.items[i];
		const struct chain *chain = &legend->twin.chains.items[suspect->chain];
		if (suspect->chain != chain_index) {
			chain_index = suspect->chain;
			seen = seen_rules(way, chain);
			told = 0;
		}
		if (suspect->kind == TWIN_DOUBT_OWNER && way->has_owner &&
		    strstr(suspect->rule, "skgid") == NULL &&
		    strstr(suspect->rule, "gid-owner") == NULL) {
			continue; /* the packet has the user that the rule asks for, or another */
		}
		if (suspect->place >= seen || (told >> suspect->kind & 1) != 0 ||
		    !suspect_concerns(suspect->rule, way->protocol, way->port, way->answer->port)) {
			continue;
		}
		const char *text = rule_text(way, chain, suspect->place);
		int r = text == NULL ? -ENOMEM
				     : doubt_rule(way->answer, suspect->kind, text,
						  twin_owner(chain->table, chain->name));
		if (r < 0) {
			return r;
		}
		told |= 1U << suspect->kind;
	}
	return 0;
}

static void decide_stopped(struct twin_answer *answer)
{
	answer->deciding = &answer->steps.items[answer->steps.count - 1];
	answer->cause = TWIN_CAUSE_RULE;
	switch (answer->deciding->verdict) {
	case TWIN_VERDICT_REJECT:
		answer->outcome = TWIN_REJECTED;
		break;
	case TWIN_VERDICT_DROP:
		answer->outcome = TWIN_DROPPED;
		break;
	default:
		answer->outcome = TWIN_UNKNOWN;
	}
}

int way_decide(struct way *way)
{
	struct twin_answer *answer = way->answer;
	const char *last =
		answer->steps.count == 0 ? "" : answer->steps.items[answer->steps.count - 1].hook;
	bool routed = strcmp(last, "input") == 0 || strcmp(last, "forward") == 0 ||
		      strcmp(last, "postrouting") == 0;
	if (way->stopped) {
		decide_stopped(answer);
	} else if (way->input || way->output) {
		answer->outcome = way->input ? TWIN_ACCEPTED : TWIN_FORWARDED;
		answer->deciding = accepting(way, way->input ? "input" : "forward");
		if (answer->deciding == NULL && !way->input) { /* sent by the host itself */
			answer->deciding = accepting(way, "output");
		}
		answer->cause = answer->deciding != NULL ? TWIN_CAUSE_RULE : TWIN_CAUSE_NONE;
	} else if (way->prerouting && !routed) {
		answer->outcome = TWIN_UNROUTED;
	} else {
		answer->outcome = way->seen ? TWIN_DROPPED : TWIN_UNKNOWN;
		answer->cause = TWIN_CAUSE_UNTRACED;
	}
	return add_doubts(way);
}
