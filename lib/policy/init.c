/* A first policy from what is listening. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "catalog/catalog.h"
#include "policy/policy.h"
#include "policy/tree.h"

enum { PORTS_PER_SERVICE_MAX = 8, NAME_BYTES = 48, ADDRESSES_BYTES = 256 };

/* One declaration to be: one port number held by one program. */
struct found {
	uint16_t port, last;
	enum protocol protocols[PORTS_PER_SERVICE_MAX];
	uint32_t protocol_count;
	const struct process *process;     /* NULL = not known */
	const struct published *published; /* NULL = a socket */
	const struct port_knowledge *knowledge;
	bool doubted; /* `knowledge` is of the number alone; another program holds it */
	bool loopback_only;
	char name[NAME_BYTES];
	char addresses[ADDRESSES_BYTES];
};

struct draft_policy {
	const struct inventory *inventory;
	enum language language;
	VEC(struct found) found;
	VEC(uint32_t) chosen_by_kernel; /* indexes of listeners */
	struct arena arena;
};

/* Sockets of one service: the same program, whichever of its processes was seen. */
static bool same_program(const struct process *a, const struct process *b)
{
	const char *a_name = process_program(a);
	const char *b_name = process_program(b);
	return a == b || (a_name != NULL && b_name != NULL && strcmp(a_name, b_name) == 0);
}

static void add_protocol(struct found *f, enum protocol protocol)
{
	protocol = protocol_registry(protocol);
	for (uint32_t i = 0; i < f->protocol_count; i++) {
		if (f->protocols[i] == protocol) {
			return;
		}
	}
	if (f->protocol_count < PORTS_PER_SERVICE_MAX) {
		f->protocols[f->protocol_count++] = protocol;
	}
}

static void add_address(struct found *f, const struct addr *address)
{
	char text[ADDR_TEXT_BYTES];
	size_t used = strlen(f->addresses);
	addr_format(address, text);
	const char *there = strstr(f->addresses, text);
	size_t length = strlen(text);
	bool known = there != NULL && (there[length] == '\0' || there[length] == ',');
	if (!known && used + length + 3 < sizeof(f->addresses)) {
		(void)snprintf(f->addresses + used, sizeof(f->addresses) - used, "%s%s",
			       used == 0 ? "" : ", ", text);
	}
}

static struct found *found_get(struct draft_policy *draft, uint16_t port,
			       const struct process *process)
{
	for (size_t i = 0; i < draft->found.count; i++) {
		struct found *f = &draft->found.items[i];
		if (f->port == port && f->published == NULL && same_program(f->process, process)) {
			return f;
		}
	}
	struct found *f = vec_push(&draft->found);
	if (f != NULL) {
		f->port = f->last = port;
		f->process = process;
		f->loopback_only = true;
	}
	return f;
}

/* An unconnected UDP socket on a number out of the ephemeral range that nobody knows is a client's.
 */
static bool chosen_by_kernel(const struct inventory *inventory, const struct listener *l)
{
	return protocol_registry(l->protocol) == PROTOCOL_UDP &&
	       inventory_is_ephemeral(inventory, l->port) &&
	       catalog_port(l->protocol, l->port) == NULL;
}

static int add_listener(struct draft_policy *draft, uint32_t index)
{
	const struct listener *l = &draft->inventory->listeners.items[index];
	if (l->port == 0 || !inventory_is_host(draft->inventory, l->netns)) {
		return 0;
	}
	if (chosen_by_kernel(draft->inventory, l)) {
		uint32_t *slot = vec_push(&draft->chosen_by_kernel);
		if (slot == NULL) {
			return -ENOMEM;
		}
		*slot = index;
		return 0;
	}
	const struct process *process = inventory_listener_process(draft->inventory, l);
	struct found *f = found_get(draft, l->port, process);
	if (f == NULL) {
		return -ENOMEM;
	}
	add_protocol(f, l->protocol);
	add_address(f, &l->address);
	f->loopback_only = f->loopback_only && addr_exposure(&l->address) == EXPOSURE_LOOPBACK;
	if (f->knowledge == NULL) {
		f->knowledge = catalog_listener(&f->doubted, draft->inventory, l);
	}
	return 0;
}

static bool listened_on(const struct draft_policy *draft, const struct published *p)
{
	for (size_t i = 0; i < draft->found.count; i++) {
		if (draft->found.items[i].port == p->first_port && p->first_port == p->last_port) {
			return true;
		}
	}
	return false;
}

static int add_published(struct draft_policy *draft, const struct published *p)
{
	if (p->first_port == 0 || !inventory_is_host(draft->inventory, p->netns) ||
	    listened_on(draft, p)) {
		return 0;
	}
	struct found *f = vec_push(&draft->found);
	if (f == NULL) {
		return -ENOMEM;
	}
	f->port = p->first_port;
	f->last = p->last_port;
	f->published = p;
	f->loopback_only = addr_exposure(&p->address) == EXPOSURE_LOOPBACK;
	f->knowledge = catalog_published(p);
	add_protocol(f, p->protocol);
	add_address(f, &p->address);
	return 0;
}

/* ---- names ---- */

/* Letters and digits of a word, as the language wants a name; "" when it has no letter. */
static void name_from(char *out, size_t room, const char *word)
{
	size_t used = 0;
	bool letter = false;
	for (; word != NULL && *word != '\0' && used + 1 < room; word++) {
		bool plain = (*word & 0x80) == 0 && isalnum((unsigned char)*word);
		if (plain || (used > 0 && strchr("-_.", *word) != NULL)) {
			out[used++] = *word;
			letter = letter || isalpha((unsigned char)*word);
		}
	}
	out[letter ? used : 0] = '\0';
}

static bool name_taken(const struct draft_policy *draft, const struct found *f)
{
	for (const struct found *other = draft->found.items; other < f; other++) {
		if (strcmp(other->name, f->name) == 0) {
			return true;
		}
	}
	return false;
}

/* The name that a person knows the program by: what `ps` and `minato ports` show. */
static const char *called(const struct process *process)
{
	return process != NULL && process->name != NULL ? process->name : process_program(process);
}

static void choose_name(const struct draft_policy *draft, struct found *f)
{
	char base[NAME_BYTES / 2] = "";
	if (f->knowledge != NULL && !f->doubted) {
		name_from(base, sizeof(base), f->knowledge->name);
	} else {
		name_from(base, sizeof(base),
			  f->published != NULL ? f->published->container_name : called(f->process));
	}
	if (base[0] == '\0') {
		(void)snprintf(base, sizeof(base), "port-%u", f->port);
	}
	(void)snprintf(f->name, sizeof(f->name), "%s", base);
	if (name_taken(draft, f)) {
		(void)snprintf(f->name, sizeof(f->name), "%s-%u", base, f->port);
	}
	for (unsigned i = 2; name_taken(draft, f); i++) {
		(void)snprintf(f->name, sizeof(f->name), "%s-%u-%u", base, f->port, i);
	}
}

/* ---- text ---- */

/* Text of the catalogue or of a process that the language takes: one line, 1..max characters. */
static const char *one_line(struct arena *arena, const char *text)
{
	struct str safe = STR_INIT(4096);
	text_escape(&safe, text);
	char *copy = arena_strndup(arena, str_text(&safe), text_fit(str_text(&safe), 200));
	str_deinit(&safe);
	return copy == NULL ? "" : copy;
}

static const char *purpose(struct draft_policy *draft, const struct found *f)
{
	return f->knowledge != NULL && !f->doubted
		       ? one_line(&draft->arena, text_in(f->knowledge->use, draft->language))
		       : POLICY_UNCONFIRMED;
}

static bool is_service_unit(const char *unit)
{
	size_t length = unit == NULL ? 0 : strlen(unit);
	static const char suffix[] = ".service";
	return length > sizeof(suffix) && length < 256 && str_starts(unit, "user@") == 0 &&
	       strcmp(unit + length - (sizeof(suffix) - 1), suffix) == 0;
}

static bool put(struct arena *arena, struct node *mapping, const char *key, const char *text)
{
	return tree_put(arena, mapping, key, tree_text(arena, text)) != NULL;
}

/* Whether the policy can say it as it is: bytes that would have to be escaped would not match. */
static bool is_sayable(struct arena *arena, const char *text)
{
	return text != NULL && text[0] != '\0' && strcmp(one_line(arena, text), text) == 0;
}

/* The most telling thing that is known of the program; nothing when nothing is. */
static bool put_program(struct arena *arena, struct node *mapping, const struct found *f)
{
	const struct process *p = f->process;
	struct node *program = tree_mapping(arena);
	bool done = true;
	const char *container = f->published != NULL ? f->published->container_name
				: p != NULL          ? p->container_name
						     : NULL;
	if (is_sayable(arena, container)) {
		done = put(arena, program, "container", container);
	} else if (p != NULL && is_service_unit(p->unit) && is_sayable(arena, p->unit)) {
		done = put(arena, program, "unit", p->unit);
	} else if (p != NULL && is_sayable(arena, p->executable) && p->executable[0] == '/') {
		done = put(arena, program, "executable", p->executable);
	} else if (p != NULL && is_sayable(arena, p->user)) {
		done = put(arena, program, "user", p->user);
	}
	return program != NULL && done &&
	       (program->count == 0 || tree_put(arena, mapping, "program", program) != NULL);
}

static bool put_ports(struct arena *arena, struct node *mapping, const struct found *f)
{
	struct node *list = tree_list(arena);
	for (uint32_t i = 0; i < f->protocol_count; i++) {
		struct policy_ports ports = { f->protocols[i], f->port, f->last };
		struct str text = STR_INIT(64);
		policy_ports_format(&text, &ports);
		(void)tree_add(list, tree_text(arena, str_text(&text)));
		str_deinit(&text);
	}
	if (list == NULL || list->count != f->protocol_count) {
		return false;
	}
	return tree_put(arena, mapping, "port", list->count == 1 ? list->first : list) != NULL;
}

/* {name: {port: ..., for: ...}} */
static struct node *declaration(struct draft_policy *draft, const struct found *f)
{
	struct arena *arena = &draft->arena;
	struct node *root = tree_mapping(arena);
	struct node *m = tree_mapping(arena);
	bool done = put_ports(arena, m, f) && put(arena, m, "for", purpose(draft, f)) &&
		    put(arena, m, "owner", POLICY_UNCONFIRMED) &&
		    put(arena, m, "from", f->loopback_only ? "host" : "any") &&
		    put_program(arena, m, f) && tree_put(arena, root, f->name, m) != NULL;
	return done ? root : NULL;
}

/* Appends a text line by line, each with `before` in front. */
static void add_lines(struct str *out, const char *before, const char *text)
{
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");
		str_add(out, before);
		str_add_bytes(out, text, length);
		str_add_char(out, '\n');
		text += length + (text[length] == '\n');
	}
}

static void add_comment(struct str *out, const struct draft_policy *draft, const char *before,
			const char *id, const struct message_argument *arguments, size_t count)
{
	const struct message *message = message_find(id);
	struct str text = STR_INIT(8192);
	if (message != NULL) {
		message_fill(&text, text_in(message->text, draft->language), arguments, count);
	}
	add_lines(out, before, str_text(&text));
	str_deinit(&text);
}

static const char *words(const struct draft_policy *draft, const char *id)
{
	const struct message *message = message_find(id);
	return message == NULL ? "?" : text_in(message->text, draft->language);
}

static const char *risk_words(const struct draft_policy *draft, enum severity risk)
{
	static const char *const ids[] = {
		[SEVERITY_NONE] = "init-risk-low",          [SEVERITY_LOW] = "init-risk-low",
		[SEVERITY_MEDIUM] = "init-risk-medium",     [SEVERITY_HIGH] = "init-risk-high",
		[SEVERITY_CRITICAL] = "init-risk-critical",
	};
	return words(draft, ids[risk]);
}

/* Where a published port leads: the container or the address behind it. */
static const char *target_words(const struct found *f, char *out)
{
	const struct published *p = f->published;
	if (p == NULL) {
		return "";
	}
	return p->container_name != NULL ? p->container_name
					 : endpoint_format(&p->target, p->target_port, out);
}

/* The program's name for a comment, or words for one that was not seen. */
static const char *shown_program(const struct draft_policy *draft, const struct process *process)
{
	return called(process) != NULL ? called(process) : words(draft, "init-unseen");
}

static void add_found(struct str *out, struct draft_policy *draft, const struct found *f)
{
	struct str text = STR_INIT(16384);
	const struct port_knowledge *k = f->knowledge;
	char target[ENDPOINT_TEXT_BYTES];
	const struct message_argument arguments[] = {
		{ "process", shown_program(draft, f->process) },
		{ "addresses", f->addresses },
		{ "target", target_words(f, target) },
		{ "service", k == NULL ? "" : text_in(k->title, draft->language) },
		{ "risk", k == NULL ? "" : risk_words(draft, k->risk) },
	};
	const struct node *node = declaration(draft, f);
	int r = node == NULL ? -ENOMEM : tree_write(&text, node);
	add_comment(out, draft, "  # ", f->published != NULL ? "init-published" : "init-listens",
		    arguments, sizeof(arguments) / sizeof(arguments[0]));
	add_comment(out, draft, "  # ",
		    k == NULL    ? "init-unknown"
		    : f->doubted ? "init-doubted"
				 : "init-known",
		    arguments, sizeof(arguments) / sizeof(arguments[0]));
	add_lines(out, "  ", str_text(&text));
	if (r < 0 && out->error == 0) {
		out->error = r;
	}
	str_deinit(&text);
}

static void add_chosen_by_kernel(struct str *out, const struct draft_policy *draft)
{
	for (size_t i = 0; i < draft->chosen_by_kernel.count; i++) {
		const struct listener *l =
			&draft->inventory->listeners.items[draft->chosen_by_kernel.items[i]];
		const struct process *process = inventory_listener_process(draft->inventory, l);
		struct policy_ports ports = { l->protocol, l->port, l->port };
		struct str text = STR_INIT(64);
		policy_ports_format(&text, &ports);
		const struct message_argument arguments[] = {
			{ "ports", str_text(&text) },
			{ "process", shown_program(draft, process) },
		};
		add_comment(out, draft, "# ", "init-chosen-by-kernel", arguments, 2);
		str_deinit(&text);
	}
}

static void write_policy(struct str *out, struct draft_policy *draft)
{
	char time[TIME_TEXT_BYTES];
	const char *hostname = draft->inventory->hostname;
	time_format(draft->inventory->time, time);
	time[time[0] == '\0' ? 0 : 10] = '\0'; /* the date */
	const struct message_argument arguments[] = {
		{ "date", time },
		{ "host", hostname == NULL ? "?" : hostname },
		{ "mark", POLICY_UNCONFIRMED },
	};
	add_comment(out, draft, "# ", "init-header", arguments, 3);
	str_add(out,
		draft->found.count == 0 ? "minato: 1\n\nports: {}\n" : "minato: 1\n\nports:\n");
	for (size_t i = 0; i < draft->found.count; i++) {
		str_add(out, i == 0 ? "" : "\n");
		choose_name(draft, &draft->found.items[i]);
		add_found(out, draft, &draft->found.items[i]);
	}
	str_add(out, draft->chosen_by_kernel.count == 0 ? "" : "\n");
	add_chosen_by_kernel(out, draft);
}

int policy_init(struct str *out, const struct inventory *inventory, enum language language)
{
	struct draft_policy draft = { .inventory = inventory, .language = language };
	int r = 0;
	for (size_t i = 0; i < inventory->listeners.count && r == 0; i++) {
		r = add_listener(&draft, (uint32_t)i);
	}
	for (size_t i = 0; i < inventory->published.count && r == 0; i++) {
		r = add_published(&draft, &inventory->published.items[i]);
	}
	if (r == 0) {
		write_policy(out, &draft);
		r = out->error;
	}
	vec_free(&draft.found);
	vec_free(&draft.chosen_by_kernel);
	arena_deinit(&draft.arena);
	return r;
}
