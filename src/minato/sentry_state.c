/* How the daemon sees port scans, in one line. */
#include "sentry_state.h"

#include <string.h>

#include "words.h"

static size_t number_of(const json_t *sentry, const char *key)
{
	const json_int_t value = json_integer_value(json_object_get(sentry, key));
	return value > 0 ? (size_t)value : 0;
}

static const char *text_of(const json_t *sentry, const char *key)
{
	const char *text = json_string_value(json_object_get(sentry, key));
	return text == NULL ? "" : text;
}

static void add_reason(struct str *out, const json_t *sentry)
{
	const char *reason = text_of(sentry, "reason");
	if (reason[0] != '\0') {
		str_add(out, " (");
		text_escape(out, reason_words(reason));
		str_add(out, ")");
	}
}

static void add_place(struct str *out, const json_t *sentry)
{
	if (strcmp(text_of(sentry, "way"), "tap") != 0) {
		str_add(out, _("on, by a packet socket"));
		add_reason(out, sentry);
		return;
	}
	add_counted(out, number_of(sentry, "interfaces"), _("on at %u interface"),
		    _("on at %u interfaces"));
	if (number_of(sentry, "interfaces_failed") > 0) {
		str_add(out, _(", not at "));
		text_escape(out, text_of(sentry, "interface_fault"));
	}
	if (text_of(sentry, "neighbour")[0] != '\0') {
		str_add(out, _(", behind another program at "));
		text_escape(out, text_of(sentry, "neighbour"));
	}
}

static void add_counts(struct str *out, const json_t *sentry)
{
	const size_t lost = number_of(sentry, "lost");
	const size_t limited = number_of(sentry, "limited");
	str_add(out, _("; "));
	add_counted(out, number_of(sentry, "last_24_hours"), _("%u incident in 24 hours"),
		    _("%u incidents in 24 hours"));
	if (number_of(sentry, "going_on") > 0) {
		add_counted(out, number_of(sentry, "going_on"), _(", %u goes on"), _(", %u go on"));
	}
	if (number_of(sentry, "kept_out") > 0) {
		add_counted(out, number_of(sentry, "kept_out"),
			    _("; %u address or network kept out"),
			    _("; %u addresses or networks kept out"));
	}
	str_add(out, lost == 0 ? _("; no record lost") : "");
	if (lost > 0) {
		add_counted(out, lost, _("; %u record lost"), _("; %u records lost"));
	}
	if (limited > 0) {
		add_counted(out, limited, _("; %u packet too many to look at"),
			    _("; %u packets too many to look at"));
	}
}

void sentry_state_words(struct str *out, const json_t *sentry, const struct context *context)
{
	struct str line = STR_INIT(4096);
	if (sentry == NULL) {
		return;
	}
	str_add(&line, _("Scans: "));
	const size_t indent = text_width(str_text(&line));
	if (json_is_true(json_object_get(sentry, "on"))) {
		add_place(&line, sentry);
		add_counts(&line, sentry);
	} else {
		str_add(&line, _("not seen"));
		add_reason(&line, sentry);
	}
	text_wrap(out, str_text(&line), context->columns, indent);
	str_add_char(out, '\n');
	str_deinit(&line);
}
