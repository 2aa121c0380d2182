/* The answers of the twin held against what the policy says. */
#include "proof.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- why something is not proven ---- */

static int add_reason(struct proof *proof, const struct proof_reason *reason)
{
	for (size_t i = 0; i < proof->reasons.count; i++) {
		struct proof_reason *known = &proof->reasons.items[i];
		if (known->by_cause == reason->by_cause && known->cause == reason->cause &&
		    known->doubt == reason->doubt && strcmp(known->detail, reason->detail) == 0) {
			known->packets += reason->packets;
			return 0;
		}
	}
	if (proof->reasons.count >= PROOF_REASONS_MAX) {
		return 0; /* the packets are counted all the same */
	}
	const char *detail = arena_strdup(&proof->arena, reason->detail);
	struct proof_reason *added = detail == NULL ? NULL : vec_push(&proof->reasons);
	if (added == NULL) {
		return -ENOMEM;
	}
	*added = *reason;
	added->detail = detail;
	return 0;
}

static int take_doubt(void *data, const struct twin_doubt *doubt)
{
	struct proof *proof = data;
	proof->blind = proof->blind || doubt->kind == TWIN_DOUBT_TABLE;
	const struct proof_reason reason = { .doubt = doubt->kind, .detail = doubt->detail };
	return add_reason(proof, &reason);
}

static int leave_open(struct proof *proof, const struct twin_asked *asked)
{
	const struct twin_answer *answer = asked->answer;
	const struct twin_doubt *doubt = twin_asked_doubt(answer);
	struct proof_reason reason = { .packets = 1 };
	proof->unproven++;
	if (doubt != NULL) {
		reason.doubt = doubt->kind;
		reason.detail = doubt->detail;
		return add_reason(proof, &reason);
	}
	reason.by_cause = true;
	reason.cause = answer->cause;
	reason.detail = answer->deciding == NULL ? "" : answer->deciding->rule;
	/* What is not in the twin was told already. */
	return proof->blind ? 0 : add_reason(proof, &reason);
}

/* ---- cases ---- */

static bool same_rule(const struct proof_case *a, const struct twin_step *b)
{
	if (!a->by_rule || b == NULL) {
		return !a->by_rule && b == NULL;
	}
	return a->step.handle == b->handle && a->step.place == b->place &&
	       strcmp(a->step.family, b->family) == 0 && strcmp(a->step.table, b->table) == 0 &&
	       strcmp(a->step.chain, b->chain) == 0 && a->step.policy == b->policy;
}

/* Texts of a step die with its answer. */
static int keep_step(struct proof_case *c, struct arena *arena, const struct twin_step *step)
{
	c->step = *step;
	c->by_rule = true;
	c->step.hook = arena_strdup(arena, step->hook);
	c->step.type = arena_strdup(arena, step->type);
	c->step.table = arena_strdup(arena, step->table);
	c->step.chain = arena_strdup(arena, step->chain);
	c->step.rule = arena_strdup(arena, step->rule);
	c->step.target = arena_strdup(arena, step->target);
	return c->step.hook == NULL || c->step.type == NULL || c->step.table == NULL ||
			       c->step.chain == NULL || c->step.rule == NULL ||
			       c->step.target == NULL
		       ? -ENOMEM
		       : 0;
}

static struct proof_case *find_case(struct proof *proof, const struct twin_asked *asked,
				    enum proof_kind kind)
{
	const struct twin_step *rule = twin_asked_rule(asked);
	for (size_t i = 0; i < proof->cases.count; i++) {
		struct proof_case *c = &proof->cases.items[i];
		if (c->kind == kind && c->port.protocol == asked->question->port.protocol &&
		    c->port.port == asked->question->port.port &&
		    c->outcome == asked->answer->outcome && same_rule(c, rule)) {
			return c;
		}
	}
	return NULL;
}

static int add_case(struct proof *proof, const struct twin_asked *asked, enum proof_kind kind)
{
	if (proof->cases.count >= PROOF_CASES_MAX && !asked->question->login) {
		proof->dropped++;
		return 0;
	}
	const struct twin_step *rule = twin_asked_rule(asked);
	struct proof_case *c = vec_push(&proof->cases);
	const char *entry = asked->source->entry == NULL
				    ? NULL
				    : arena_strdup(&proof->arena, asked->source->entry);
	if (c == NULL || (entry == NULL && asked->source->entry != NULL)) {
		return -ENOMEM;
	}
	*c = (struct proof_case){
		.kind = kind,
		.mine = asked->question->login,
		.port = asked->question->port,
		.last_port = asked->question->port.port,
		.packets = 1,
		.from = asked->source->from,
		.place = asked->source->place,
		.entry = entry,
		.outcome = asked->answer->outcome,
		.cause = asked->answer->cause,
		.to = asked->answer->to,
		.to_port = asked->answer->port,
	};
	return rule == NULL ? 0 : keep_step(c, &proof->arena, rule);
}

/* The places are in the order of what they tell: the login, anywhere, an entry, beside it. */
static int join_case(struct proof *proof, struct proof_case *c, const struct twin_asked *asked)
{
	const struct enforce_source *source = asked->source;
	c->packets++;
	c->mine = c->mine || asked->question->login;
	if (source->place >= c->place) {
		return 0;
	}
	const char *entry =
		source->entry == NULL ? NULL : arena_strdup(&proof->arena, source->entry);
	if (entry == NULL && source->entry != NULL) {
		return -ENOMEM;
	}
	c->place = source->place;
	c->from = source->from;
	c->entry = entry;
	return 0;
}

static int contradict(struct proof *proof, const struct twin_asked *asked, enum proof_kind kind)
{
	struct proof_case *known = find_case(proof, asked, kind);
	proof->disproved++;
	proof->mine = proof->mine || asked->question->login;
	return known == NULL ? add_case(proof, asked, kind) : join_case(proof, known, asked);
}

static int take(void *data, const struct twin_asked *asked)
{
	struct proof *proof = data;
	const struct twin_answer *answer = asked->answer;
	const enum enforce_verdict expected = asked->question->expected;
	const bool doubtful = twin_is_doubtful(answer);
	const bool in = twin_gets_in(answer);
	proof->asked++;
	/* For the own login a doubtful refusal is reason enough to stop. */
	if (expected == ENFORCE_OPEN && twin_is_kept_out(answer) &&
	    (!doubtful || asked->question->login)) {
		return contradict(proof, asked, PROOF_REFUSED);
	}
	if (doubtful || (in && proof->blind) || (expected == ENFORCE_OPEN && !in)) {
		return leave_open(proof, asked);
	}
	if (expected == ENFORCE_CLOSED && in) {
		return contradict(proof, asked, PROOF_LET_IN);
	}
	proof->agree++; /* where the policy asks for what a packet does not show, either does */
	return 0;
}

/* ---- all of it ---- */

static int compare_cases(const void *left, const void *right)
{
	const struct proof_case *a = left;
	const struct proof_case *b = right;
	int order = b->mine - a->mine;
	order = order != 0 ? order : (int)a->kind - (int)b->kind;
	order = order != 0 ? order : (int)a->port.protocol - (int)b->port.protocol;
	order = order != 0 ? order : (int)a->port.port - (int)b->port.port;
	return order != 0 ? order : addr_compare(&a->from, &b->from);
}

static bool continues(const struct proof_case *a, const struct proof_case *b)
{
	return a->kind == b->kind && a->mine == b->mine && a->outcome == b->outcome &&
	       a->port.protocol == b->port.protocol && a->last_port + 1 == b->port.port &&
	       addr_compare(&a->from, &b->from) == 0 && same_rule(a, b->by_rule ? &b->step : NULL);
}

/* Sorts them, and makes one of those for ports in a row. */
static void tidy(struct proof *proof)
{
	size_t kept = 0;
	if (proof->cases.count > 1) {
		qsort(proof->cases.items, proof->cases.count, sizeof(proof->cases.items[0]),
		      compare_cases);
	}
	for (size_t i = 0; i < proof->cases.count; i++) {
		const struct proof_case *c = &proof->cases.items[i];
		struct proof_case *last = kept == 0 ? NULL : &proof->cases.items[kept - 1];
		if (last != NULL && continues(last, c)) {
			last->last_port = c->last_port;
			last->packets += c->packets;
		} else {
			proof->cases.items[kept++] = *c;
		}
	}
	proof->cases.count = kept;
}

/* ---- asking ---- */

enum { LAYER_QUESTIONS = 512 };

/* What one asking is made of. */
struct asking {
	struct proof *out;
	const struct rules *rules;
	const struct context *context;
	const struct proof_rules *candidate;
	struct twin_asking twin;
	struct twin_ports ports;
	struct enforce_scope scope;
	struct enforce_part before, after;
	struct str text, tables, base;
	struct twin_stand_in instead;
};

/* Of both policies what they say of the ports that are asked for. */
static int make_parts(struct asking *a)
{
	struct enforce_asking *ask = &a->twin.ask;
	const struct login *login = &a->rules->login;
	struct enforce_asking whole = *ask;
	if (login->kind == LOGIN_NETWORK) {
		whole.login = &login->remote;
		whole.login_port = login->local_port;
	}
	int r = enforce_scope(&a->scope, &whole, &a->rules->changes);
	if (r == 0) {
		r = enforce_part(&a->after, ask->policy, a->scope.runs.items, a->scope.runs.count);
	}
	if (r == 0) {
		r = enforce_part(&a->before, rules_before(a->rules), a->scope.runs.items,
				 a->scope.runs.count);
	}
	ask->policy = &a->after.policy;
	ask->scope = &a->scope;
	ask->questions_max = LAYER_QUESTIONS;
	return r;
}

/* What stands in for our own table, which is as it was written. */
static int write_base(struct asking *a, struct err *e)
{
	const struct policy *before = rules_before(a->rules);
	const unsigned confirmed = a->rules->status.confirmed;
	const struct enforce_environment environment = rules_environment(a->context);
	const bool outbound = before != NULL && enforce_limits_outbound(before);
	enforce_frame(&a->base, outbound);
	if (!a->candidate->layer) {
		return a->base.error; /* nothing of the old generation is met any more */
	}
	int r = enforce_rules(&a->base, a->candidate->brief ? &a->before.policy : before, confirmed,
			      &environment, e);
	enforce_activation(&a->base, confirmed, outbound);
	return r < 0 ? r : a->base.error;
}

static int stand_in(struct asking *a, struct err *e)
{
	bool all = false;
	if (!rules_are_known(a->rules)) {
		return 0;
	}
	int r = enforce_tables(&a->tables, &all, e);
	if (r < 0 || !all) {
		return r;
	}
	r = write_base(a, e);
	a->instead = (struct twin_stand_in){ .tables = str_text(&a->tables),
					     .table = "inet minato",
					     .commands = str_text(&a->base) };
	a->twin.instead = &a->instead;
	return r;
}

static int write_candidate(struct asking *a)
{
	const bool outbound = enforce_limits_outbound(&a->rules->wanted.policy);
	enforce_frame(&a->text, outbound);
	(void)str_add(&a->text, a->candidate->text); /* kept in text.error */
	enforce_activation(&a->text, a->candidate->number, outbound);
	a->twin.candidate = str_text(&a->text);
	return a->text.error;
}

static void begin(struct asking *a)
{
	a->tables = STR_INIT(1 << 20);
	a->base = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	a->text = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	a->twin = (struct twin_asking){
		.ask = { .policy = &a->rules->wanted.policy,
			 .environment = rules_environment(a->context),
			 .listening = a->ports.list.items,
			 .listening_count = a->ports.list.count,
			 .seed = a->candidate->number,
			 .questions_max = ENFORCE_QUESTIONS_MAX },
		.login = &a->rules->login,
		.inventory = &a->rules->inventory,
		.take = take,
		.doubt = take_doubt,
		.data = a->out,
	};
}

static void end(struct asking *a)
{
	vec_free(&a->ports.list);
	enforce_scope_deinit(&a->scope);
	enforce_part_deinit(&a->before);
	enforce_part_deinit(&a->after);
	str_deinit(&a->text);
	str_deinit(&a->tables);
	str_deinit(&a->base);
}

int proof_make(struct proof *out, const struct rules *rules, const struct context *context,
	       const struct proof_rules *candidate, struct err *e)
{
	struct asking a = {
		.out = out, .rules = rules, .context = context, .candidate = candidate
	};
	struct err mine = ERR_INIT;
	*out = (struct proof){ 0 };
	arena_init(&out->arena, 0);
	int r = twin_ports_find(&a.ports, &rules->inventory);
	begin(&a);
	if (r == 0 && candidate->layer && candidate->brief) {
		r = make_parts(&a);
	}
	if (r == 0) {
		r = stand_in(&a, &mine);
	}
	if (r == 0) {
		r = write_candidate(&a);
	}
	if (r < 0) {
		r = mine.code < 0 ? err_set(e, r, "%s", err_text(&mine))
				  : err_system(e, r, "cannot make the twin");
	} else {
		r = twin_ask(&out->unasked, &a.twin, e);
	}
	end(&a);
	tidy(out);
	return r;
}

void proof_deinit(struct proof *proof)
{
	vec_free(&proof->cases);
	vec_free(&proof->reasons);
	arena_deinit(&proof->arena);
}
