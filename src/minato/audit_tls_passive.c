/* minato audit --tls --passive: what connections begin with, and no question asked. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "audit_tls.h"
#include "base/cleanup.h"
#include "judge.h"
#include "view/view.h"
#include "words.h"

struct watching {
	struct tls_seen seen[TLS_SEEN_MAX];
	size_t count;
};

/* tls_seen_function. */
static int take(void *data, const struct tls_seen *seen)
{
	struct watching *w = data;
	if (w->count == TLS_SEEN_MAX) {
		return -EBADMSG;
	}
	w->seen[w->count++] = *seen;
	return 0;
}

static int by_port(const void *a, const void *b)
{
	const struct tls_seen *one = a, *other = b;
	return (int)one->port - (int)other->port;
}

/* TLS only when nobody began otherwise. STARTTLS begins in plaintext, too. */
static enum tls_kind kind_of(const struct tls_seen *seen)
{
	const unsigned both = seen->client | seen->server;
	return (both & 1 << TLS_FIRST_PLAIN) != 0 ? TLS_KIND_PLAIN
	       : (both & 1 << TLS_FIRST_SSH) != 0 ? TLS_KIND_SSH
						  : TLS_KIND_TLS;
}

static bool both_ways(const struct tls_seen *seen)
{
	const unsigned both = seen->client | seen->server;
	return (both & 1 << TLS_FIRST_PLAIN) != 0 && (both & 1 << TLS_FIRST_TLS) != 0;
}

static const struct policy_declaration *declaration_of(const struct policy *policy, uint16_t port)
{
	return policy == NULL ? NULL
			      : policy_declaration_for(policy, PROTOCOL_TCP, port, NULL, NULL);
}

/* Where STARTTLS may follow, a beginning in plaintext says nothing. */
static enum tls_verdict verdict_of(const struct tls_seen *seen,
				   const struct policy_declaration *declaration)
{
	const struct tls_record record = { .port = seen->port, .kind = (uint8_t)kind_of(seen) };
	const enum tls_verdict verdict =
		tls_compare(&record, TLS_GRADE_NONE, audit_tls_declared(declaration));
	return verdict == TLS_PLAIN_THOUGH_DECLARED &&
			       tls_talk_has_starttls(tls_talk_at(seen->port))
		       ? TLS_CANNOT_TELL
		       : verdict;
}

static const char *kind_words(const struct tls_seen *seen)
{
	return both_ways(seen)                 ? _("TLS and plaintext")
	       : kind_of(seen) == TLS_KIND_TLS ? _("TLS")
	       : kind_of(seen) == TLS_KIND_SSH ? _("SSH")
	       : tls_talk_has_starttls(tls_talk_at(seen->port))
		       ? _("begins in plaintext, STARTTLS may follow")
		       : _("plaintext");
}

static void add_table(struct str *out, const struct watching *w, const struct policy *policy,
		      const struct context *context)
{
	const struct table_column columns[] = {
		{ _("PORT"), ALIGN_RIGHT, 0, 0 },
		{ _("CONNECTIONS"), ALIGN_RIGHT, 0, 0 },
		{ _("ENCRYPTION"), ALIGN_LEFT, 8, 0 },
		{ _("POLICY"), ALIGN_LEFT, 8, 0 },
	};
	struct table table;
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < w->count; i++) {
		char port[16], connections[16];
		const struct policy_declaration *d = declaration_of(policy, w->seen[i].port);
		const enum tls_verdict verdict = verdict_of(&w->seen[i], d);
		(void)snprintf(port, sizeof(port), "%u/tcp", w->seen[i].port);
		(void)snprintf(connections, sizeof(connections), "%u", w->seen[i].connections);
		table_cell(&table, INK_BOLD, port);
		table_cell(&table, INK_PLAIN, connections);
		table_cell(&table, INK_PLAIN, kind_words(&w->seen[i]));
		table_cell(&table, tls_differs(verdict) ? INK_BAD : INK_DIM,
			   audit_tls_verdict_words(verdict));
	}
	(void)table_render(out, &table, context->columns, &context->out_style);
	table_deinit(&table);
}

static json_t *watching_json(const struct watching *w, const struct policy *policy)
{
	json_t *list = json_array();
	for (size_t i = 0; i < w->count; i++) {
		const struct tls_seen *seen = &w->seen[i];
		const struct policy_declaration *d = declaration_of(policy, seen->port);
		json_array_append_new(
			list, json_pack("{s:s,s:i,s:s,s:b,s:I,s:o,s:s}", "protocol", "tcp", "port",
					(int)seen->port, "encryption", tls_kind_name(kind_of(seen)),
					"both", both_ways(seen), "connections",
					(json_int_t)seen->connections, "declaration",
					d == NULL ? json_null() : view_string(d->entry.name),
					"verdict", tls_verdict_name(verdict_of(seen, d))));
	}
	return list;
}

static int show(const struct watching *w, const struct policy *policy,
		const struct context *context, bool json)
{
	struct str text = STR_INIT(1 << 24);
	if (json) {
		json_t *document = view_document(context->now);
		json_object_set_new(document, "seen", watching_json(w, policy));
		(void)view_print(&text, document, context->out_terminal); /* kept in text.error */
	} else if (w->count == 0) {
		str_add(&text, _("no connection to this host began in that time\n"));
	} else {
		add_table(&text, w, policy, context);
	}
	int code = print_text(&text);
	str_deinit(&text);
	for (size_t i = 0; i < w->count && code == EXIT_IN_ORDER; i++) {
		const struct tls_seen *seen = &w->seen[i];
		code = tls_differs(verdict_of(seen, declaration_of(policy, seen->port)))
			       ? EXIT_DIFFERS
			       : code;
	}
	return code;
}

int audit_tls_passive(const struct context *context, uint64_t seconds, bool json)
{
	struct judgement judgement = { 0 };
	struct err e = ERR_INIT;
	_cleanup_(freep) struct watching *w = calloc(1, sizeof(*w));
	int code = w == NULL ? EXIT_ERROR : judge_policy(&judgement, context);
	if (code == EXIT_IN_ORDER && tls_watch_ask((uint32_t)seconds, take, w, &e) < 0) {
		complain(context, err_text(&e),
			 geteuid() == 0 ? NULL : "sudo minato audit --tls --passive 60");
		code = e.code == -EPERM ? EXIT_RIGHTS : EXIT_ERROR;
	}
	if (code == EXIT_IN_ORDER) {
		qsort(w->seen, w->count, sizeof(w->seen[0]), by_port);
		code = show(w, judgement_policy(&judgement), context, json);
	}
	judgement_deinit(&judgement);
	return code;
}
