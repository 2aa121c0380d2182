/* How ports encrypt, in words: a table, and each reason once with the ports that it is of. */
#include <stdio.h>
#include <string.h>

#include "audit_tls.h"
#include "words.h"

enum { CELL_BYTES = 512 };

/* ---- the table ---- */

static void add_kind(struct str *out, const struct tls_record *record)
{
	static const char *const words[TLS_KINDS] = {
		[TLS_KIND_UNKNOWN] = N_("unknown: it says nothing"),
		[TLS_KIND_PLAIN] = N_("plaintext"),
		[TLS_KIND_TLS] = N_("TLS"),
		[TLS_KIND_OFFERED] = N_("STARTTLS offered"),
		[TLS_KIND_REQUIRED] = N_("STARTTLS required"),
		[TLS_KIND_SSH] = N_("SSH"),
		[TLS_KIND_CLOSED] = N_("nobody answers"),
	};
	str_add(out, _(words[record->kind]));
	if (record->talk != TLS_TALK_NONE && record->kind != TLS_KIND_SSH) {
		str_printf(out, " (%s)", tls_talk_name((enum tls_talk)record->talk));
	}
}

static void add_versions(struct str *out, const struct tls_offer *offer)
{
	const char *separator = "";
	for (unsigned version = 0; version < TLS_VERSIONS; version++) {
		if ((offer->versions >> version & 1) == 0) {
			continue;
		}
		const char *name = tls_version_name((enum tls_version)version);
		str_printf(out, "%s%s", separator, version < TLS_VERSION_10 ? name : name + 4);
		separator = " ";
	}
}

static void add_certificate(struct str *out, const struct tls_certificate *c)
{
	char date[TIME_TEXT_BYTES];
	if (c->given == 0) {
		return;
	}
	text_escape(out, c->subject);
	str_printf(out, ", %s %u", c->key, c->key_bits);
	if (c->not_after != 0) {
		(void)time_format(c->not_after, date);
		date[strcspn(date, "T")] = '\0';
		str_printf(out, _(", until %s"), date);
	}
}

const char *audit_tls_verdict_words(enum tls_verdict verdict)
{
	static const char *const words[TLS_VERDICTS] = {
		[TLS_NOT_COMPARED] = "",
		[TLS_IN_ORDER] = N_("as declared"),
		[TLS_PLAIN_THOUGH_DECLARED] = N_("declared encrypted, and is plaintext"),
		[TLS_ONLY_OFFERED] = N_("declared encrypted, and plaintext goes too"),
		[TLS_BROKEN] = N_("declared encrypted, and it protects nobody"),
		[TLS_MORE_THAN_DECLARED] = N_("declared plaintext, and it encrypts"),
		[TLS_CANNOT_TELL] = N_("cannot be known from here"),
	};
	return words[verdict][0] == '\0' ? "" : _(words[verdict]);
}

static enum ink verdict_ink(enum tls_verdict verdict)
{
	return tls_differs(verdict) ? INK_BAD : verdict == TLS_IN_ORDER ? INK_GOOD : INK_DIM;
}

static enum ink grade_ink(enum tls_grade grade)
{
	return grade == TLS_GRADE_NONE ? INK_DIM
	       : grade <= TLS_GRADE_B  ? INK_GOOD
	       : grade <= TLS_GRADE_C  ? INK_WARN
				       : INK_BAD;
}

static void add_row(struct table *table, const struct audit_tls_port *port)
{
	char number[16];
	struct str kind = STR_INIT(CELL_BYTES), versions = STR_INIT(CELL_BYTES),
		   certificate = STR_INIT(CELL_BYTES), verdict = STR_INIT(CELL_BYTES);
	(void)snprintf(number, sizeof(number), "%u/tcp", port->port);
	add_kind(&kind, &port->record);
	add_versions(&versions, &port->record.offer);
	add_certificate(&certificate, &port->record.certificate);
	if (port->declaration != NULL) {
		text_escape(&verdict, port->declaration->entry.name);
		if (audit_tls_verdict_words(port->verdict)[0] != '\0') {
			str_printf(&verdict, ": %s", audit_tls_verdict_words(port->verdict));
		}
	}
	table_cell(table, INK_BOLD, number);
	table_cell(table, grade_ink(port->grade), tls_grade_name(port->grade));
	table_cell(table, INK_PLAIN, str_text(&kind));
	table_cell(table, INK_PLAIN, str_text(&versions));
	table_cell(table, INK_PLAIN, str_text(&certificate));
	table_cell(table, verdict_ink(port->verdict), str_text(&verdict));
	str_deinit(&kind);
	str_deinit(&versions);
	str_deinit(&certificate);
	str_deinit(&verdict);
}

/* A row of its own below the port's: what it shows to those who cannot use the first one. */
static void add_other(struct table *table, const struct tls_certificate *other)
{
	struct str certificate = STR_INIT(CELL_BYTES);
	if (other->given == 0) {
		return;
	}
	add_certificate(&certificate, other);
	for (unsigned empty = 0; empty < 4; empty++) {
		table_cell(table, INK_PLAIN, "");
	}
	table_cell(table, INK_PLAIN, str_text(&certificate));
	table_cell(table, INK_PLAIN, "");
	str_deinit(&certificate);
}

static void add_table(struct str *out, const struct audit_tls *audit, const struct context *context)
{
	const struct table_column columns[] = {
		{ _("PORT"), ALIGN_RIGHT, 0, 0 },        { _("GRADE"), ALIGN_LEFT, 0, 0 },
		{ _("ENCRYPTION"), ALIGN_LEFT, 8, 0 },   { _("VERSIONS"), ALIGN_LEFT, 0, 0 },
		{ _("CERTIFICATE"), ALIGN_LEFT, 8, 48 }, { _("POLICY"), ALIGN_LEFT, 8, 0 },
	};
	struct table table;
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < audit->count; i++) {
		if (audit->ports[i].known) {
			add_row(&table, &audit->ports[i]);
			add_other(&table, &audit->ports[i].record.other);
		}
	}
	(void)table_render(out, &table, context->columns, &context->out_style);
	table_deinit(&table);
}

/* ---- reasons ---- */

static bool is_same(const struct tls_reason *a, const struct tls_reason *b)
{
	return a->id == b->id && strcmp(a->detail, b->detail) == 0;
}

static bool has_reason(const struct audit_tls_port *port, const struct tls_reason *reason)
{
	for (size_t i = 0; port->known && i < port->reasons.count; i++) {
		if (is_same(&port->reasons.items[i], reason)) {
			return true;
		}
	}
	return false;
}

static void add_ports(struct str *out, const struct audit_tls *audit,
		      const struct tls_reason *reason)
{
	const char *separator = " ";
	unsigned left_out = 0;
	for (size_t i = 0, shown = 0; i < audit->count; i++) {
		if (!has_reason(&audit->ports[i], reason)) {
			continue;
		}
		if (shown++ < 8) {
			str_printf(out, "%s%u", separator, audit->ports[i].port);
			separator = ", ";
		} else {
			left_out++;
		}
	}
	if (left_out > 0) {
		str_printf(out, _(" and %u more"), left_out);
	}
}

/* On lines of its own, below what it belongs to. */
static void add_advice(struct str *out, const struct message *message,
		       const struct message_argument *arguments, size_t count,
		       const struct context *context)
{
	struct str line = STR_INIT(1 << 12);
	str_add(&line, "     -> ");
	message_fill(&line, text_in(message->advice, context->language), arguments, count);
	str_add_char(out, '\n');
	text_wrap(out, str_text(&line), context->columns, 8);
	str_add_char(out, '\n');
	str_deinit(&line);
}

static void add_reason(struct str *out, const struct audit_tls *audit,
		       const struct tls_reason *reason, const struct context *context)
{
	const struct message *message = message_find(reason->id);
	const struct message_argument detail = { "detail", reason->detail };
	struct str line = STR_INIT(1 << 12);
	if (message == NULL) {
		return;
	}
	str_printf(&line, "  %s  ", tls_grade_name(reason->grade));
	message_fill(&line, text_in(message->text, context->language), &detail, 1);
	str_add_char(&line, ':');
	add_ports(&line, audit, reason);
	text_wrap(out, str_text(&line), context->columns, 5);
	str_deinit(&line);
	add_advice(out, message, &detail, 1, context);
}

/* Whether an earlier port has the same one. */
static bool was_told(const struct audit_tls *audit, size_t before, const struct tls_reason *reason)
{
	for (size_t i = 0; i < before; i++) {
		if (has_reason(&audit->ports[i], reason)) {
			return true;
		}
	}
	return false;
}

static void add_reasons(struct str *out, const struct audit_tls *audit,
			const struct context *context)
{
	for (int grade = TLS_GRADE_F; grade >= TLS_GRADE_A; grade--) {
		for (size_t i = 0; i < audit->count; i++) {
			const struct audit_tls_port *port = &audit->ports[i];
			for (size_t k = 0; port->known && k < port->reasons.count; k++) {
				const struct tls_reason *reason = &port->reasons.items[k];
				if ((int)reason->grade == grade && !was_told(audit, i, reason)) {
					add_reason(out, audit, reason, context);
				}
			}
		}
	}
}

/* ---- the policy ---- */

const struct message *audit_tls_message(enum tls_verdict verdict)
{
	static const char *const ids[TLS_VERDICTS] = {
		[TLS_PLAIN_THOUGH_DECLARED] = "encryption-plaintext-though-declared",
		[TLS_ONLY_OFFERED] = "encryption-only-offered",
		[TLS_BROKEN] = "encryption-broken",
		[TLS_MORE_THAN_DECLARED] = "encryption-more-than-declared",
	};
	return ids[verdict] == NULL ? NULL : message_find(ids[verdict]);
}

static void add_finding(struct str *out, const struct audit_tls_port *port,
			const struct context *context)
{
	const struct message *message = audit_tls_message(port->verdict);
	if (message == NULL || port->declaration == NULL) {
		return;
	}
	const struct message_argument arguments[] = {
		{ "declaration", port->declaration->entry.name },
		{ "encryption", policy_encryption_name(port->declaration->encryption) },
	};
	struct str line = STR_INIT(1 << 12);
	str_printf(&line, "  %u/tcp  ", port->port);
	message_fill(&line, text_in(message->text, context->language), arguments, 2);
	text_wrap(out, str_text(&line), context->columns, 11);
	str_deinit(&line);
	add_advice(out, message, arguments, 2, context);
}

static void add_end(struct str *out, const struct audit_tls *audit)
{
	char span[SPAN_TEXT_BYTES];
	unsigned questions = 0;
	for (size_t i = 0; i < audit->count; i++) {
		questions += audit->ports[i].record.questions;
	}
	add_counted(out, audit->count, _("  %u port asked"), _("  %u ports asked"));
	add_counted(out, questions, _(" with %u connection"), _(" with %u connections"));
	str_printf(out, _(" in %s\n"), span_format(audit->took, span));
	if (audit->left_out > 0) {
		add_counted(out, audit->left_out, _("  %u port more was not asked: name it\n"),
			    _("  %u ports more were not asked: name them\n"));
	}
}

void audit_tls_add(struct str *out, const struct audit_tls *audit, const struct context *context)
{
	char address[ADDR_TEXT_BYTES];
	str_add(out, addr_format(&audit->address, address));
	if (audit->own) {
		str_add(out, _("  this host, asked from itself"));
	} else {
		str_add(out, "  ");
		text_escape(out, audit->name);
	}
	str_add_char(out, '\n');
	if (audit->count > 0) {
		add_table(out, audit, context);
		for (size_t i = 0; i < audit->count; i++) {
			add_finding(out, &audit->ports[i], context);
		}
		add_reasons(out, audit, context);
		add_end(out, audit);
	} else if (audit->fault.code == 0) {
		str_add(out, _("  no open TCP port was found\n"));
	}
	if (audit->fault.code != 0) {
		str_printf(out, "  %s\n", err_text(&audit->fault));
	}
}
