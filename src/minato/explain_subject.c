/* What a word on the command line means. */
#include <string.h>
#include <strings.h>

#include "base/parse.h"
#include "explain.h"
#include "words.h"

enum {
	NUMBER_MAX_BYTES = 64,
	COMM_BYTES = 15,
	SEARCHED_MIN_BYTES = 3, /* shorter parts of words occur nearly everywhere */
};

/* "443", "8000-8100", either with "/tcp" behind it. @return whether it was one. */
static bool parse_number(struct subject *out, const char *word)
{
	char number[NUMBER_MAX_BYTES];
	const char *slash = strchr(word, '/');
	size_t length = slash != NULL ? (size_t)(slash - word) : strlen(word);
	enum protocol protocol = PROTOCOL_NONE;
	if (length >= sizeof(number) ||
	    (slash != NULL && protocol_parse(&protocol, slash + 1) < 0)) {
		return false;
	}
	memcpy(number, word, length);
	number[length] = '\0';
	uint16_t first;
	uint16_t last;
	if (parse_port_range(&first, &last, number) < 0) {
		return false;
	}
	out->protocol = protocol;
	out->first = first;
	out->last = last;
	return true;
}

const char *explain_number_fault(const char *word)
{
	size_t first = strspn(word, "0123456789");
	size_t dash = word[first] == '-' ? 1 : 0;
	size_t second = dash > 0 ? strspn(word + first + 1, "0123456789") : 0;
	const char *rest = word + first + dash + second;
	enum protocol protocol;
	uint16_t port;
	char number[NUMBER_MAX_BYTES];
	if (first == 0 || (dash > 0 && second == 0) || (*rest != '\0' && *rest != '/')) {
		return NULL;
	}
	if (*rest == '/' && protocol_parse(&protocol, rest + 1) < 0) {
		return _("the protocols are tcp, udp, sctp, dccp, udplite and mptcp");
	}
	const char *last = dash > 0 ? word + first + 1 : word;
	size_t digits = dash > 0 ? second : first;
	bool fits = digits < sizeof(number);
	if (fits) {
		memcpy(number, last, digits);
		number[digits] = '\0';
	}
	return !fits || parse_port(&port, number) < 0
		       ? _("port numbers end at 65535")
		       : _("the range runs backwards: the smaller number comes first");
}

/* "dns/udp": the name alone goes to `out->name`. @return whether it was one. */
static bool parse_protocol(struct subject *out, const char *word)
{
	const char *slash = strrchr(word, '/');
	size_t length = slash == NULL ? 0 : (size_t)(slash - word);
	if (length == 0 || length >= sizeof(out->name) ||
	    protocol_parse(&out->protocol, slash + 1) < 0) {
		out->protocol = PROTOCOL_NONE;
		return false;
	}
	memcpy(out->name, word, length);
	out->name[length] = '\0';
	return true;
}

/* "firefox" is also "firefox-esr"; the kernel keeps 15 bytes of a name. */
static bool called(const char *name, const char *word)
{
	if (name == NULL) {
		return false;
	}
	size_t length = strlen(word);
	if (strncasecmp(name, word, length) == 0 && (name[length] == '\0' || name[length] == '-')) {
		return true;
	}
	return strlen(name) == COMM_BYTES && strncasecmp(name, word, COMM_BYTES) == 0;
}

bool explain_is_program(const struct process *process, const char *word)
{
	const char *slash = process->executable != NULL ? strrchr(process->executable, '/') : NULL;
	return called(process->name, word) || (slash != NULL && called(slash + 1, word)) ||
	       (process->unit != NULL && strcasecmp(process->unit, word) == 0) ||
	       (process->container_name != NULL && strcasecmp(process->container_name, word) == 0);
}

/* Whether a program of that name holds a listener or a connection. */
static bool runs(const struct explain *explain, const char *word)
{
	const struct inventory *inventory = explain->inventory;
	for (size_t i = 0; inventory != NULL && i < inventory->processes.count; i++) {
		if (explain_is_program(&inventory->processes.items[i], word)) {
			return true;
		}
	}
	return false;
}

static void set_from_match(struct subject *out, const struct catalog_match *match)
{
	out->kind = SUBJECT_PORTS;
	if (match->knowledge != NULL) {
		out->knowledge = match->knowledge;
		out->first = out->last = match->knowledge->ports[0].first;
		return;
	}
	out->first = out->last = match->service->port;
}

/* Names of the registry for one number in several protocols are one answer. */
static bool one_number(const struct subject *subject)
{
	for (size_t i = 0; i < subject->match_count && i < EXPLAIN_MATCHES_MAX; i++) {
		const struct catalog_match *match = &subject->matches[i];
		if (match->knowledge != NULL
			    ? subject->match_count > 1
			    : match->service->port != subject->matches[0].service->port) {
			return false;
		}
	}
	return subject->match_count > 0;
}

bool explain_same_word(const char *a, const char *b)
{
	struct str folded_a = STR_INIT(1024);
	struct str folded_b = STR_INIT(1024);
	bool same = text_fold(&folded_a, a, strlen(a)) == 0 &&
		    text_fold(&folded_b, b, strlen(b)) == 0 &&
		    strcmp(str_text(&folded_a), str_text(&folded_b)) == 0;
	str_deinit(&folded_a);
	str_deinit(&folded_b);
	return same;
}

/* A mistyped number ("9-8", "443/icmp") is a mistake, no search. */
static bool is_searched(const char *word)
{
	return strlen(word) >= SEARCHED_MIN_BYTES && !(word[0] >= '0' && word[0] <= '9');
}

void explain_resolve(struct subject *out, const struct explain *explain, const char *word)
{
	*out = (struct subject){ .word = word };
	if (parse_number(out, word)) {
		out->kind = SUBJECT_PORTS;
		return;
	}
	if (addr_parse(&out->address, word) == 0) {
		out->kind = SUBJECT_ADDRESS;
		return;
	}
	if (parse_protocol(out, word)) {
		word = out->word = out->name;
	}
	out->term = catalog_term(word);
	out->match_count = catalog_by_word(out->matches, EXPLAIN_MATCHES_MAX, word);
	const struct port_knowledge *best = out->matches[0].knowledge;
	if (best != NULL && explain_same_word(best->name, word)) {
		set_from_match(out, &out->matches[0]);
	} else if (runs(explain, word)) {
		out->kind = SUBJECT_PROGRAM;
	} else if (one_number(out)) {
		set_from_match(out, &out->matches[0]);
	} else if (out->match_count == 0 && out->term != NULL) {
		out->kind = SUBJECT_TERM;
	} else if (out->match_count == 0 && is_searched(word)) {
		out->match_count = catalog_search(out->matches, EXPLAIN_MATCHES_MAX, word);
	}
	if (out->kind == SUBJECT_UNKNOWN && out->match_count > 0) {
		out->kind = SUBJECT_MATCHES;
	}
}

const char *explain_nearest(const char *word)
{
	const char *names[4096];
	size_t count = 0;
	size_t entries;
	const struct port_knowledge *all = catalog_ports(&entries);
	for (size_t i = 0; i < entries; i++) {
		const char *const *words = all[i].words.en;
		names[count++] = all[i].name;
		for (; *words != NULL && count < sizeof(names) / sizeof(names[0]) - 1; words++) {
			names[count++] = *words;
		}
		if (count >= sizeof(names) / sizeof(names[0]) - 1) {
			break;
		}
	}
	const char *term = explain_nearest_term(word);
	if (term != NULL && count < sizeof(names) / sizeof(names[0])) {
		names[count++] = term;
	}
	return text_nearest(word, names, count);
}

bool explain_same_protocol(enum protocol wanted, enum protocol protocol)
{
	return wanted == PROTOCOL_NONE || protocol_registry(wanted) == protocol_registry(protocol);
}

const struct process *explain_holder(const struct explain *explain, enum protocol protocol,
				     uint16_t port)
{
	const struct inventory *inventory = explain->inventory;
	for (size_t i = 0; inventory != NULL && i < inventory->listeners.count; i++) {
		const struct listener *listener = &inventory->listeners.items[i];
		if (listener->port == port && explain_same_protocol(protocol, listener->protocol)) {
			const struct process *process =
				inventory_listener_process(inventory, listener);
			if (process != NULL) {
				return process;
			}
		}
	}
	return NULL;
}

static void screen(struct str *out, const struct explain *explain, const struct subject *subject)
{
	switch (subject->kind) {
	case SUBJECT_PORTS:
		if (subject->first == subject->last) {
			explain_port(out, explain, subject);
		} else {
			explain_range(out, explain, subject);
		}
		break;
	case SUBJECT_MATCHES:
		explain_matches(out, explain, subject);
		break;
	case SUBJECT_PROGRAM:
		explain_program(out, explain, subject);
		break;
	case SUBJECT_ADDRESS:
		explain_address(out, explain, subject);
		break;
	case SUBJECT_TERM:
		explain_term(out, explain, subject->term, subject->word);
		break;
	case SUBJECT_UNKNOWN:
		break;
	}
}

/* Whether the word is above all a service or a program: then what it means comes second. */
static bool names_one(const struct subject *subject)
{
	return subject->kind == SUBJECT_PROGRAM ||
	       (subject->knowledge != NULL &&
		explain_same_word(subject->knowledge->name, subject->word));
}

void explain_subject(struct str *out, const struct explain *explain, const struct subject *subject)
{
	const bool both = subject->term != NULL && subject->kind != SUBJECT_TERM;
	if (both && !names_one(subject)) {
		explain_term(out, explain, subject->term, subject->word);
		str_add_char(out, '\n');
	}
	screen(out, explain, subject);
	if (both && names_one(subject)) {
		str_add_char(out, '\n');
		explain_term(out, explain, subject->term, subject->word);
	}
}
