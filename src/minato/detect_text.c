/* Incidents of the detector in words. */
#include <stdio.h>

#include "command.h"
#include "detect_show.h"
#include "log_rows.h"
#include "words.h"

enum { NUMBER_BYTES = DETECT_NUMBER_BYTES, PHRASE_BYTES = DETECT_PHRASE_BYTES, WHO_BYTES = 512 };

/* "65,535": both languages group by three. @return out. */
const char *detect_grouped(uint64_t number, char *out)
{
	char digits[NUMBER_BYTES];
	const int count = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
	size_t at = 0;
	for (int i = 0; i < count; i++) {
		if (i > 0 && (count - i) % 3 == 0) {
			out[at++] = ',';
		}
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

/* "%s port", "%s ports" with the number. @return out, of PHRASE_BYTES. */
static const char *counted(uint64_t number, const char *one, const char *many, char *out)
{
	char text[NUMBER_BYTES];
	(void)snprintf(out, PHRASE_BYTES, number == 1 ? one : many, detect_grouped(number, text));
	return out;
}

const char *detect_ports(uint64_t count, char *out)
{
	return counted(count, _("%s port"), _("%s ports"), out);
}

const char *detect_probe_words(enum detect_probe probe)
{
	static const char *const words[] = {
		[DETECT_SYN] = N_("SYN scan"),           [DETECT_CONNECT] = N_("connect scan"),
		[DETECT_FIN] = N_("FIN scan"),           [DETECT_NULL] = N_("NULL scan"),
		[DETECT_XMAS] = N_("Xmas scan"),         [DETECT_MAIMON] = N_("Maimon scan"),
		[DETECT_ACK] = N_("ACK or window scan"), [DETECT_UDP] = N_("UDP scan"),
	};
	return _(words[probe]);
}

/* ---- who ---- */

static void add_addresses(struct str *out, const struct detect_incident *i)
{
	char address[ADDR_TEXT_BYTES];
	for (uint32_t n = 0; n < i->source_count && n < 3; n++) {
		str_printf(out, "%s%s", n == 0 ? "" : ", ", addr_format(&i->sources[n], address));
	}
	str_add(out, i->source_count > 3 ? ", ..." : "");
}

static void add_who(struct str *out, const struct detect_incident *i)
{
	char phrase[PHRASE_BYTES];
	char prefix[PREFIX_TEXT_BYTES];
	if (i->source_count <= 1) {
		str_add(out, prefix_format(&i->source, prefix));
		return;
	}
	if (i->shape == DETECT_FLOOD) {
		str_add(out,
			counted(i->source_count, _("%s address"), _("about %s addresses"), phrase));
		return;
	}
	str_add(out, counted(i->source_count, _("%s address"), _("%s addresses"), phrase));
	if (i->source.address.family != ADDR_NONE) {
		str_printf(out, _(" of %s"), prefix_format(&i->source, prefix));
	} else {
		str_add(out, " (");
		add_addresses(out, i);
		str_add(out, ")");
	}
}

/* ---- what ---- */

static const char *ports_of(const struct detect_incident *i, char *out)
{
	if (i->port_count == 1) {
		(void)snprintf(out, PHRASE_BYTES, _("port %u"), i->ports[0]);
		return out;
	}
	return detect_ports(i->port_count, out);
}

/* The sentence without its end. */
static void add_deed(struct str *out, const struct detect_incident *i, const char *who)
{
	char ports[PHRASE_BYTES];
	char more[PHRASE_BYTES];
	char span[SPAN_TEXT_BYTES];
	ports_of(i, ports);
	span_format(i->lasted, span);
	switch (i->shape) {
	case DETECT_SLOW:
		str_printf(out, _("%s slowly scanned %s in %s"), who, ports, span);
		break;
	case DETECT_SWEEP:
		counted(i->host_count, _("%s host"), _("%s hosts"), more);
		str_printf(out, _("%s asked %s for %s in %s"), who, more, ports, span);
		break;
	case DETECT_DISTRIBUTED:
		str_printf(out, _("%s together scanned %s in %s"), who, ports, span);
		break;
	case DETECT_DECOY:
		str_printf(out, _("%s scanned the same %s in %s, all but one probably forged"), who,
			   ports, span);
		break;
	case DETECT_FLOOD:
		counted(i->packet_count, _("%s packet"), _("%s packets"), more);
		str_printf(out, _("%s flooded %s with %s in %s: not a scan"), who, ports, more,
			   span);
		break;
	default:
		str_printf(out, _("%s scanned %s in %s"), who, ports, span);
		break;
	}
}

void detect_add_sentence(struct str *out, const struct detect_incident *incident,
			 const char *policy)
{
	char number[NUMBER_BYTES];
	struct str who = STR_INIT(WHO_BYTES);
	add_who(&who, incident);
	add_deed(out, incident, str_text(&who));
	if (incident->answer_count > 0) {
		str_printf(out, _(", %s answered"), detect_grouped(incident->answer_count, number));
	}
	str_add(out, policy);
	if (incident->shape != DETECT_FLOOD) {
		str_printf(out, incident->tool == DETECT_TOOL_NONE ? " (%s)" : " (%s, %s)",
			   detect_probe_words(incident->probe), detect_tool_name(incident->tool));
	}
	str_deinit(&who);
}

void detect_add_line(struct str *out, const struct detect_incident *incident, bool with_target)
{
	char time[LOG_TIME_BYTES];
	char target[ADDR_TEXT_BYTES];
	str_printf(out, "%s  ", log_local_time(incident->first, time));
	detect_add_sentence(out, incident, "");
	if (with_target && incident->host_count == 1) {
		str_printf(out, " -> %s", addr_format(&incident->victim, target));
	}
	str_add_char(out, '\n');
}
