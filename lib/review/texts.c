/* Findings in words: their message with the facts filled in. */
#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "review/review.h"

/* The arguments of a message: all facts, and words of the reader's language made from them. */
struct arguments {
	struct message_argument list[FINDING_FACTS_MAX + 8];
	size_t count;
	struct str service, destination, who; /* phrases that are filled in themselves */
};

enum { PHRASE_MAX_BYTES = 4096 };

static void add(struct arguments *arguments, const char *name, const char *value)
{
	arguments->list[arguments->count++] = (struct message_argument){ name, value };
}

/* Adds a phrase of data/messages/findings.yaml as an argument. */
static void add_phrase(struct arguments *arguments, const char *name, const char *id,
		       enum language language)
{
	const struct message *phrase = message_find(id);
	if (phrase != NULL) {
		add(arguments, name, text_in(phrase->text, language));
	}
}

static void add_reach(struct arguments *arguments, const struct finding *finding,
		      enum language language)
{
	const char *exposure = finding_fact(finding, "exposure");
	char id[32];
	if (exposure != NULL) {
		(void)snprintf(id, sizeof(id), "reach-%s", exposure);
		add_phrase(arguments, "reach", id, language);
	}
}

/* Adds a phrase whose own {name}s are filled in first; `room` keeps it. */
static void add_filled(struct arguments *arguments, struct str *room, const char *name,
		       const char *id, const struct message_argument *parts, size_t part_count,
		       enum language language)
{
	const struct message *phrase = message_find(id);
	if (phrase != NULL) {
		message_fill(room, text_in(phrase->text, language), parts, part_count);
		add(arguments, name, str_text(room));
	}
}

static void add_service(struct arguments *arguments, const struct finding *finding,
			enum language language)
{
	const char *service = finding_fact(finding, "service");
	const struct port_knowledge *knowledge =
		service == NULL ? NULL : catalog_port_named(service);
	if (knowledge == NULL) {
		return;
	}
	add(arguments, "reason", text_in(knowledge->reason, language));
	add(arguments, "measure", text_in(knowledge->measure, language));
	const struct message_argument title = { "service", text_in(knowledge->title, language) };
	if (finding_fact(finding, "doubted") != NULL) {
		add_filled(arguments, &arguments->service, "service", "service-doubted", &title, 1,
			   language);
	} else {
		add(arguments, title.name, title.value);
	}
}

/* Where a published port leads: the container, if it is known, and the address. */
static void add_destination(struct arguments *arguments, const struct finding *finding,
			    enum language language)
{
	const char *target = finding_fact(finding, "target");
	const struct message_argument parts[] = {
		{ "container", finding_fact(finding, "container") },
		{ "target", target },
	};
	if (target != NULL && parts[0].value != NULL) {
		add_filled(arguments, &arguments->destination, "destination",
			   "destination-container", parts, 2, language);
	} else if (target != NULL) {
		add(arguments, "destination", target);
	}
}

/* From where a packet was asked, and whose rule decides about it. */
static void add_packet(struct arguments *arguments, const struct finding *finding,
		       enum language language)
{
	const char *source = finding_fact(finding, "source");
	const struct message_argument parts[] = {
		{ "entry", finding_fact(finding, "entry") },
		{ "source", source },
	};
	if (source == NULL) {
		return;
	}
	add_filled(arguments, &arguments->who, "who",
		   parts[0].value != NULL ? "who-entry" : "who-anybody", parts, 2, language);
	if (finding_fact(finding, "firewall") == NULL) {
		add_phrase(arguments, "firewall", "firewall-unknown", language);
	}
}

/* Earlier arguments win, so those in the reader's language come before the facts. */
static void collect(struct arguments *arguments, const struct finding *finding,
		    enum language language)
{
	add_service(arguments, finding, language);
	add_destination(arguments, finding, language);
	add_reach(arguments, finding, language);
	add_packet(arguments, finding, language);
	for (uint32_t i = 0; i < finding->fact_count; i++) {
		add(arguments, finding->facts[i].name, finding->facts[i].value);
	}
	if (finding_fact(finding, "process") == NULL) {
		bool none = finding_fact(finding, "ownership") != NULL;
		add_phrase(arguments, "process", none ? "process-none" : "process-unknown",
			   language);
	}
}

static int fill(struct str *out, const struct finding *finding, struct text template,
		enum language language)
{
	struct arguments arguments = { .service = STR_INIT(PHRASE_MAX_BYTES),
				       .destination = STR_INIT(PHRASE_MAX_BYTES),
				       .who = STR_INIT(PHRASE_MAX_BYTES) };
	collect(&arguments, finding, language);
	message_fill(out, text_in(template, language), arguments.list, arguments.count);
	str_deinit(&arguments.service);
	str_deinit(&arguments.destination);
	str_deinit(&arguments.who);
	return out->error;
}

int review_text(struct str *out, const struct finding *finding, enum language language)
{
	const struct message *message = message_find(finding->id);
	return message == NULL ? out->error : fill(out, finding, message->text, language);
}

int review_advice(struct str *out, const struct finding *finding, enum language language)
{
	const struct message *message = message_find(finding->id);
	return message == NULL ? out->error : fill(out, finding, message->advice, language);
}
