/* What the keeper does about rules of other tools: they are looked at and told, never changed. */
#include <stdlib.h>
#include <string.h>

#include "base/io/clock.h"
#include "common/say.h"
#include "keeper.h"

/* A tool that loads its rules anew commits hundreds of times: looked at when it is silent, or when
 * it has gone on for so long. Looking takes a fifth of the time at most. */
static const usec_t SILENT_USEC = 100000;
static const usec_t GATHER_USEC = 400000;
static const usec_t SHARE = 4;
static const usec_t AGAIN_USEC = 5 * USEC_PER_SEC; /* after a failure */

static usec_t later_of(usec_t a, usec_t b)
{
	return a > b ? a : b;
}

void keeper_others_soon(struct keeper *keeper, bool at_once)
{
	struct keeper_others *others = &keeper->others;
	const usec_t now = clock_monotonic();
	others->first = others->first == 0 ? now : others->first;
	usec_t then = now + (at_once ? 0 : SILENT_USEC);
	then = then < others->first + GATHER_USEC ? then : others->first + GATHER_USEC;
	others->look_at = later_of(then, others->free_at);
}

static bool is_same(const struct contradiction *a, const struct contradiction *b)
{
	return a->kind == b->kind && a->protocol == b->protocol && a->first_port == b->first_port &&
	       a->last_port == b->last_port && a->through_port == b->through_port &&
	       strcmp(a->table, b->table) == 0 && strcmp(a->chain, b->chain) == 0 &&
	       strcmp(a->rule, b->rule) == 0;
}

static const struct contradiction *find(const struct contradictions *list,
					const struct contradiction *wanted)
{
	for (size_t i = 0; i < list->list.count; i++) {
		if (is_same(&list->list.items[i], wanted)) {
			return &list->list.items[i];
		}
	}
	return NULL;
}

/* Who committed those that are new; of the others it is known, or never was.
 * @return whether the list is another than before. */
static bool name_committers(struct keeper_others *others, struct contradictions *now)
{
	bool changed = now->list.count != others->found.list.count;
	for (size_t i = 0; i < now->list.count; i++) {
		struct contradiction *one = &now->list.items[i];
		const struct contradiction *before = find(&others->found, one);
		one->pid = before != NULL ? before->pid : others->pid;
		(void)str_copy(one->process, sizeof(one->process),
			       before != NULL ? before->process : others->process);
		changed = changed || before == NULL;
	}
	return changed;
}

/* @return 0; negative: it has to be told again. */
static int tell(const struct keeper *keeper)
{
	const struct contradictions *found = &keeper->others.found;
	struct wire_message message = { .type = WIRE_CONTRADICTION };
	message.contradiction.count = (uint32_t)found->list.count;
	int r = found->list.count == 0 ? wire_send(keeper->parent, &message, NULL, 0, NULL) : 0;
	for (size_t i = 0; r == 0 && i < found->list.count; i++) {
		message.contradiction.index = (uint32_t)i;
		message.contradiction.item = found->list.items[i];
		r = wire_send(keeper->parent, &message, NULL, 0, NULL);
	}
	return r;
}

static int find_all(const struct keeper *keeper, struct contradictions *out)
{
	struct err e = ERR_INIT;
	*out = (struct contradictions){ 0 };
	int r = keeper->policy.number == 0 ? 0 : contradictions_find(out, keeper->policy.ports, &e);
	if (r < 0) {
		say(SAY_WARNING, "rules of other tools cannot be read: %s", err_text(&e));
	}
	return r;
}

void keeper_others_look(struct keeper *keeper)
{
	struct keeper_others *others = &keeper->others;
	struct contradictions now;
	const usec_t begun = clock_monotonic();
	others->look_at = INT64_MAX;
	others->first = 0;
	int r = find_all(keeper, &now);
	if (r == 0 && name_committers(others, &now)) {
		const struct contradictions before = others->found;
		others->found = now;
		now = before;
		r = tell(keeper);
	}
	contradictions_deinit(&now);
	others->pid = 0;
	others->process[0] = '\0';
	const usec_t ended = clock_monotonic();
	others->free_at = ended + SHARE * (ended - begun);
	if (r < 0) {
		others->look_at = ended + AGAIN_USEC;
		vec_free(&others->found.list); /* then all of them are told */
	}
}

void keeper_tell_again(struct keeper *keeper)
{
	keeper->recorded = false;
	keeper->told.count = 0;
	keeper->policy.number = 0; /* tells what has ended */
	keeper->look_at = 0;
	if (tell(keeper) < 0) {
		vec_free(&keeper->others.found.list);
	}
	keeper_others_soon(keeper, true);
	keeper_taps_tell_again(keeper);
}
