/* minato policy import: the rules of another firewall as a policy. */
#include "policy_import.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "import/import.h"
#include "import_sources.h"
#include "policy/policy.h"
#include "policy_file_new.h"
#include "view/view.h"
#include "words.h"

enum { OUTPUT_BYTES_MAX = 64 * 1024 * 1024 };

static const char command_words[] = "minato policy import auto";

static bool to_file(const struct policy_config *config)
{
	return config->output != NULL && strcmp(config->output, "-") != 0;
}

/* ---- the report ---- */

static void add_note(struct str *out, const struct context *context, const struct import_note *note)
{
	static const enum ink inks[] = {
		[IMPORT_CARRIED] = INK_GOOD,
		[IMPORT_CHANGED] = INK_NOTE,
		[IMPORT_LEFT] = INK_WARN,
	};
	if (note->file != NULL) {
		text_escape(out, note->file);
		str_add(out, ":");
		if (note->line > 0) {
			str_printf(out, "%u:", note->line);
		}
		str_add_char(out, ' ');
	}
	str_printf(out, "%s%s%s: ", style_ink(&context->err_style, inks[note->outcome]),
		   import_outcome_title(note->outcome, context->language),
		   style_ink(&context->err_style, INK_PLAIN));
	import_note_sentence(out, note, context->language);
	str_add_char(out, '\n');
	if (note->rule != NULL) {
		str_add(out, "    ");
		text_escape(out, note->rule);
		str_add_char(out, '\n');
	}
}

/* What was carried as it is needs no line for a person; --json has one for each rule. */
static void show_report(const struct context *context, const struct import_report *report)
{
	struct str out = STR_INIT(OUTPUT_BYTES_MAX);
	for (size_t i = 0; i < report->notes.count; i++) {
		if (report->notes.items[i].outcome != IMPORT_CARRIED) {
			add_note(&out, context, &report->notes.items[i]);
		}
	}
	str_printf(&out, "%s: ", import_kind_name(report->kind));
	add_counted(&out, report->declarations, _("%u declaration"), _("%u declarations"));
	str_printf(&out, _("; rules carried %u, changed %u, not carried %u\n"),
		   report->counts[IMPORT_CARRIED], report->counts[IMPORT_CHANGED],
		   report->counts[IMPORT_LEFT]);
	(void)fflush(stdout);
	(void)fputs(str_text(&out), stderr);
	str_deinit(&out);
}

static json_t *note_json(const struct context *context, const struct import_note *note)
{
	struct str sentence = STR_INIT(1 << 16);
	import_note_sentence(&sentence, note, context->language);
	json_t *json = json_pack(
		"{s:s, s:s, s:o, s:o, s:o, s:o}", "outcome", import_outcome_name(note->outcome),
		"reason", note->reason, "file", view_string(note->file), "line",
		note->line == 0 ? json_null() : json_integer(note->line), "rule",
		view_string(note->rule), "sentence", view_string(str_text(&sentence)));
	str_deinit(&sentence);
	return json;
}

static int print_json(const struct context *context, const struct import_report *report,
		      const struct str *text, bool written)
{
	struct str out = STR_INIT(OUTPUT_BYTES_MAX);
	json_t *notes = json_array();
	for (size_t i = 0; i < report->notes.count; i++) {
		(void)json_array_append_new(notes, note_json(context, &report->notes.items[i]));
	}
	json_t *document = view_document(context->now);
	json_t *body = json_pack(
		"{s:s, s:i, s:i, s:i, s:i, s:o, s:o}", "kind", import_kind_name(report->kind),
		"declarations", (int)report->declarations, "carried",
		(int)report->counts[IMPORT_CARRIED], "changed", (int)report->counts[IMPORT_CHANGED],
		"not_carried", (int)report->counts[IMPORT_LEFT], "notes", notes, "policy",
		written ? json_null() : view_string(str_text(text)));
	if (document == NULL || body == NULL || json_object_update(document, body) < 0) {
		json_decref(document);
		document = NULL;
	}
	json_decref(body);
	out.error = document == NULL ? -ENOMEM : view_print(&out, document, true);
	int code = print_text(&out);
	str_deinit(&out);
	return code;
}

/* ---- all ---- */

static int deliver(const struct context *context, const struct policy_config *config,
		   const struct import_report *report, const struct str *text)
{
	int code = to_file(config) ? policy_file_new(context, config->output, text, command_words)
				   : EXIT_IN_ORDER;
	if (code == EXIT_IN_ORDER && config->json) {
		code = print_json(context, report, text, to_file(config));
	} else if (code == EXIT_IN_ORDER) {
		code = to_file(config) ? EXIT_IN_ORDER : print_text(text);
		show_report(context, report);
	}
	if (code == EXIT_IN_ORDER && to_file(config) && !config->json) {
		code = policy_file_tell(config->output);
	}
	return code != EXIT_IN_ORDER             ? code
	       : report->counts[IMPORT_LEFT] > 0 ? EXIT_DIFFERS
						 : EXIT_IN_ORDER;
}

/* The library's sentences are English; the reasons that happen have words in both languages. */
static void complain_of(const struct context *context, int code, const struct err *e)
{
	const char *sentence = code == -EFBIG
				       ? _("more rules than can be read or than a policy can hold")
			       : code == -E2BIG ? _("the rules take too long to follow")
						: err_text(e);
	complain(context, sentence, "minato help policy");
}

int policy_import(const struct context *context, const struct policy_config *config,
		  const char *const *files, unsigned count)
{
	struct import_sources sources = { 0 };
	struct import_report report = { 0 };
	struct str text = STR_INIT(POLICY_FILE_BYTES_MAX);
	struct err e = ERR_INIT;
	if (to_file(config) && !policy_file_absent(context, config->output, command_words)) {
		return EXIT_ERROR;
	}
	int r = import_sources_read(&sources, files, count, &e);
	int code = r == -EACCES || r == -EPERM ? EXIT_RIGHTS : EXIT_ERROR;
	if (r == 0) {
		const struct import_host host = { sources.interfaces, sources.interface_count };
		r = import_policy(&text, &report, sources.list.items, sources.list.count, &host,
				  context->language, &e);
	}
	if (r < 0) {
		complain_of(context, r, &e);
	} else {
		code = deliver(context, config, &report, &text);
	}
	str_deinit(&text);
	import_report_deinit(&report);
	import_sources_deinit(&sources);
	return code;
}
