/* minato refused: who knocked at a closed door, from outside and from inside. */
#include <errno.h>
#include <string.h>

#include "enforce/enforce.h"
#include "refused.h"
#include "store_directory.h"
#include "view/view.h"
#include "words.h"

struct config {
	bool json, would;
	usec_t since;
	const char *state_directory;
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "would", 'w', OPTION_FLAG, FIELD(would), NULL,
	  N_("what mode: observe let in, and enforcing would refuse") },
	{ "since", 's', OPTION_SPAN, FIELD(since), "SPAN",
	  N_("seen within that time: 90s, 2h, 7d") },
	{ "state-directory", 0, OPTION_STRING, FIELD(state_directory), "DIRECTORY",
	  N_("where the daemon keeps its events") },
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL, N_("everything, for machines") },
};

/* One row, by where it came from or where it was to go. */
static void add_row(struct str *out, const struct context *context, const struct enforce_counted *c,
		    bool outbound)
{
	char address[ADDR_TEXT_BYTES];
	char span[SPAN_TEXT_BYTES];
	str_printf(out,
		   outbound ? _("%8llu  %5u/%-4s to %s, last %s ago\n")
		   : c->direction == ENFORCE_FORWARD
			   ? _("%8llu  %5u/%-4s of others, from %s, last %s ago\n")
			   : _("%8llu  %5u/%-4s from %s, last %s ago\n"),
		   (unsigned long long)c->packets, c->port, protocol_name(c->protocol),
		   addr_format(&c->from, address), span_format(context->now - c->last, span));
}

static json_t *rows_json(const struct enforce_counts *counts, const char *end)
{
	json_t *list = json_array();
	for (size_t i = 0; i < counts->count; i++) {
		const struct enforce_counted *c = &counts->items[i];
		char address[ADDR_TEXT_BYTES];
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:i, s:I, s:o}", end,
					addr_format(&c->from, address), "direction",
					enforce_direction_name(c->direction), "protocol",
					protocol_name(c->protocol), "port", c->port, "packet_count",
					(json_int_t)c->packets, "last_time", view_time(c->last)));
	}
	return list;
}

static void drop_older(struct enforce_counts *counts, usec_t since)
{
	size_t kept = 0;
	for (size_t i = 0; i < counts->count; i++) {
		if (counts->items[i].last >= since) {
			counts->items[kept++] = counts->items[i];
		}
	}
	counts->count = kept;
}

/* Both ways: who knocked, and where programs of this host were kept from. */
struct refusals {
	struct enforce_counts inbound, outbound;
};

/* Where the daemon did not run, or may not be asked, the kernel's word stands alone. */
static int find(struct enforce_counts *out, const struct context *context,
		enum enforce_counting which, usec_t since, const char *state_directory,
		struct err *e)
{
	int r = enforce_counted(out, which, context->now, e);
	if (r == 0) {
		drop_older(out, since);
		(void)refused_remember(out, state_directory, which, since, context->now);
	}
	return r;
}

static void add_rows(struct str *out, const struct context *context,
		     const struct refusals *refusals, bool observed)
{
	for (size_t i = 0; i < refusals->inbound.count; i++) {
		add_row(out, context, &refusals->inbound.items[i], false);
	}
	for (size_t i = 0; i < refusals->outbound.count; i++) {
		add_row(out, context, &refusals->outbound.items[i], true);
	}
	if (out->length == 0) {
		str_add(out, observed ? _("nothing would have been refused\n")
				      : _("nobody was refused\n"));
	}
}

static void add_json(struct str *out, const struct context *context,
		     const struct refusals *refusals, bool observed)
{
	json_t *document = view_document(context->now);
	json_object_set_new(document, "observed", json_boolean(observed));
	json_object_set_new(document, "refused", rows_json(&refusals->inbound, "source"));
	json_object_set_new(document, "outbound", rows_json(&refusals->outbound, "destination"));
	(void)view_print(out, document, context->out_terminal); /* kept in out->error */
}

int refused_print(const struct context *context, bool observed, usec_t since, bool json,
		  const char *state_directory)
{
	struct refusals refusals = { 0 };
	struct err e = ERR_INIT;
	int r = find(&refusals.inbound, context,
		     observed ? ENFORCE_COUNT_WOULD : ENFORCE_COUNT_REFUSED, since, state_directory,
		     &e);
	if (r == 0 && !observed) {
		r = find(&refusals.outbound, context, ENFORCE_COUNT_OUTBOUND, since,
			 state_directory, &e);
	}
	int code = r == -EPERM ? EXIT_RIGHTS : EXIT_ERROR;
	if (r < 0) {
		complain(context, err_text(&e), r == -EPERM ? "sudo minato refused" : NULL);
	} else {
		struct str text = STR_INIT(1 << 26);
		(json ? add_json : add_rows)(&text, context, &refusals, observed);
		code = print_text(&text);
		str_deinit(&text);
	}
	enforce_counts_deinit(&refusals.inbound);
	enforce_counts_deinit(&refusals.outbound);
	return code;
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	const struct config *config = given;
	(void)arguments, (void)count; /* none are taken */
	return refused_print(context, config->would,
			     config->since == 0 ? 0 : context->now - config->since, config->json,
			     store_directory(config->state_directory));
}

static const char *const examples[] = {
	"sudo minato refused --since 1h",
	N_("who knocked at closed ports, and where this host was kept from, how often, when last"),
	"sudo minato refused --would",
	N_("whom mode: observe would cut off once it is enforced"),
	NULL,
};

const struct command command_refused = {
	.name = "refused",
	.summary = N_("who was refused by the rules, at which port, how often"),
	.description = N_("Counted in the kernel by source and port, or by destination and port "
			  "where outbound: kept a program of this host from it, and remembered "
			  "for a week after the last packet; at most 16,384 of each family, and "
			  "as many of what this host passes on between others. What the daemon "
			  "remembers, also of rules that were flushed, is added. Whom BPF refused"
			  " for its unit, executable or container, minato log names."),
	.examples = examples,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.run = run,
};
