/* Findings in words: their message with the facts filled in. */
#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "review/review.h"

/* The arguments of a message: all facts, and words of the reader's language made from them. */
struct arguments {
	struct message_argument list[FINDING_FACTS_MAX + 5];
	size_t count;
};

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

/* Earlier arguments win, so those in the reader's language come before the facts. */
static void collect(struct arguments *arguments, const struct finding *finding,
		    enum language language)
{
	const char *service = finding_fact(finding, "service");
	const struct port_knowledge *knowledge =
		service == NULL ? NULL : catalog_port_named(service);
	if (knowledge != NULL) {
		add(arguments, "service", text_in(knowledge->title, language));
		add(arguments, "reason", text_in(knowledge->reason, language));
		add(arguments, "measure", text_in(knowledge->measure, language));
	}
	add_reach(arguments, finding, language);
	for (uint32_t i = 0; i < finding->fact_count; i++) {
		add(arguments, finding->facts[i].name, finding->facts[i].value);
	}
	if (finding_fact(finding, "process") == NULL) {
		bool none = finding_fact(finding, "ownership") != NULL;
		add_phrase(arguments, "process", none ? "process-none" : "process-unknown",
			   language);
	}
}

int review_text(struct str *out, const struct finding *finding, enum language language)
{
	struct arguments arguments = { 0 };
	const struct message *message = message_find(finding->id);
	if (message != NULL) {
		collect(&arguments, finding, language);
		message_fill(out, text_in(message->text, language), arguments.list,
			     arguments.count);
	}
	return out->error;
}

int review_advice(struct str *out, const struct finding *finding, enum language language)
{
	struct arguments arguments = { 0 };
	const struct message *message = message_find(finding->id);
	if (message != NULL) {
		collect(&arguments, finding, language);
		message_fill(out, text_in(message->advice, language), arguments.list,
			     arguments.count);
	}
	return out->error;
}
