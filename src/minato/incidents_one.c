/* One incident, with all its evidence. */
#include <string.h>

#include "detect_show.h"
#include "incident_text.h"
#include "incidents_show.h"
#include "log_rows.h"
#include "words.h"

enum { LABEL_COLUMNS = 10, LINE_BYTES = 4096 };

static void row(struct str *out, const struct context *context, const char *label, const char *text)
{
	struct str line = STR_INIT(LINE_BYTES);
	const size_t width = text_width(label);
	str_add(&line, label);
	for (size_t i = width; i < LABEL_COLUMNS; i++) {
		str_add_char(&line, ' ');
	}
	str_add(&line, "  ");
	str_add(&line, text);
	text_wrap(out, str_text(&line), context->columns, LABEL_COLUMNS + 2);
	str_add_char(out, '\n');
	str_deinit(&line);
}

static void add_when(struct str *out, const struct context *context, const struct incident *i,
		     bool going_on)
{
	char first[LOG_TIME_BYTES];
	char last[LOG_TIME_BYTES];
	char span[SPAN_TEXT_BYTES];
	struct str text = STR_INIT(LINE_BYTES);
	str_printf(&text, _("from %s to %s, %s"), log_local_time(i->first, first),
		   log_local_time(i->last, last), span_format(i->lasted, span));
	str_add(&text, going_on ? _("; it goes on") : "");
	row(out, context, _("When"), str_text(&text));
	str_deinit(&text);
}

static void add_sources(struct str *out, const struct context *context, const struct incident *i)
{
	char address[PREFIX_TEXT_BYTES];
	char number[DETECT_NUMBER_BYTES];
	struct str text = STR_INIT(LINE_BYTES);
	if (i->source_count <= 1) {
		str_add(&text, prefix_format(&i->source, address));
	} else {
		str_printf(&text, _("%s addresses: "), detect_grouped(i->source_count, number));
	}
	uint32_t shown = 0;
	for (uint32_t n = 0; i->source_count > 1 && n < INCIDENT_SHOWN; n++) {
		if (i->sources[n].family != ADDR_NONE) {
			str_printf(&text, "%s%s", shown++ > 0 ? ", " : "",
				   addr_format(&i->sources[n], address));
		}
	}
	str_add(&text, i->source_count > 1 && shown < i->source_count ? ", ..." : "");
	row(out, context, _("Who"), str_text(&text));
	str_deinit(&text);
}

static void add_ports(struct str *out, const struct context *context, const struct incident *i)
{
	char ports[DETECT_NUMBER_BYTES];
	char packets[DETECT_NUMBER_BYTES];
	struct str text = STR_INIT(LINE_BYTES);
	str_printf(&text, _("ports: %s, packets: %s; first "), detect_grouped(i->port_count, ports),
		   detect_grouped(i->packet_count, packets));
	for (uint32_t n = 0; n < INCIDENT_SHOWN && n < i->port_count; n++) {
		str_printf(&text, "%s%u", n > 0 ? ", " : "", i->ports[n]);
	}
	str_add(&text, i->port_count > INCIDENT_SHOWN ? ", ..." : "");
	row(out, context, _("Asked"), str_text(&text));
	str_deinit(&text);
}

/* Every kind of packet that was among them. */
static void add_probes(struct str *out, const struct context *context, const struct incident *i)
{
	struct str text = STR_INIT(LINE_BYTES);
	char copy[INCIDENT_WORDS_BYTES];
	(void)str_copy(copy, sizeof(copy), i->probes);
	char *rest = copy;
	for (char *word = strsep(&rest, ","); word != NULL; word = strsep(&rest, ",")) {
		for (unsigned n = 0; n < DETECT_PROBES; n++) {
			const enum detect_probe probe = (enum detect_probe)n;
			if (strcmp(detect_probe_name(probe), word) == 0) {
				str_printf(&text, "%s%s", text.length > 0 ? ", " : "",
					   detect_probe_words(probe));
			}
		}
	}
	if (i->tool[0] != '\0') {
		str_printf(&text, _("; marks of %s"), i->tool);
	}
	row(out, context, _("How"), str_text(&text));
	str_deinit(&text);
}

/* With what to type about the first of them. */
static void add_undeclared(struct str *out, const struct context *context, const struct incident *i)
{
	struct str ports = STR_INIT(LINE_BYTES);
	struct str text = STR_INIT(LINE_BYTES);
	uint32_t first = 0;
	while (first + 1 < i->answered_count && i->answered[first].declared) {
		first++;
	}
	incident_add_answered(&ports, i, true);
	str_printf(&text, _("not declared: %s; see: minato explain %u"), str_text(&ports),
		   i->answered[first].port);
	row(out, context, _("Policy"), str_text(&text));
	str_deinit(&text);
	str_deinit(&ports);
}

static void add_answers(struct str *out, const struct context *context, const struct incident *i)
{
	char number[DETECT_NUMBER_BYTES];
	struct str text = STR_INIT(LINE_BYTES);
	if (i->answer_count == 0) {
		str_add(&text, _("nothing"));
	} else {
		str_printf(&text, "%s: ", detect_grouped(i->answer_count, number));
		incident_add_answered(&text, i, false);
		str_add(&text, i->answer_count > i->answered_count ? ", ..." : "");
	}
	row(out, context, _("Answered"), str_text(&text));
	str_clear(&text);
	if (i->through) {
		row(out, context, _("Policy"), _("says nothing of machines behind this host"));
	} else if (i->answer_count > 0 && !i->policy) {
		row(out, context, _("Policy"), _("none was declared"));
	} else if (i->answer_count > 0 && i->undeclared_count == 0) {
		row(out, context, _("Policy"), _("all of these are declared"));
	} else if (i->answer_count > 0) {
		add_undeclared(out, context, i);
	}
	str_deinit(&text);
}

static void add_noticed(struct str *out, const struct context *context, const struct incident *i)
{
	char span[SPAN_TEXT_BYTES];
	char number[DETECT_NUMBER_BYTES];
	struct str text = STR_INIT(LINE_BYTES);
	str_printf(&text, _("after %s closed ports and %s"), detect_grouped(i->alarm_ports, number),
		   i->alarm_usec < 1000 ? _("less than 1 ms") : span_format(i->alarm_usec, span));
	row(out, context, _("Noticed"), str_text(&text));
	str_deinit(&text);
}

int incidents_print_one(const struct context *context, const struct incidents_found *found)
{
	const struct incident *i = &found->list.items[0];
	char address[ADDR_TEXT_BYTES];
	struct str out = STR_INIT(1 << 16);
	str_printf(&out, "%s#%llu%s  ", style_ink(&context->out_style, INK_BOLD),
		   (unsigned long long)i->id, style_ink(&context->out_style, INK_PLAIN));
	incident_add_sentence(&out, i);
	str_add(&out, "\n\n");
	add_when(&out, context, i, found->live && !i->ended);
	add_sources(&out, context, i);
	row(&out, context, _("Target"), addr_format(&i->victim, address));
	add_ports(&out, context, i);
	add_probes(&out, context, i);
	add_answers(&out, context, i);
	add_noticed(&out, context, i);
	const int code = print_text(&out);
	str_deinit(&out);
	return code;
}
