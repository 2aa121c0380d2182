/* What a move would do, before anything is touched. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/parse.h"
#include "catalog/catalog.h"
#include "edit.h"
#include "look.h"
#include "move.h"
#include "observe/observe.h"
#include "words.h"

enum { VALUES_MAX = 256, VALUE_BYTES = 32 };

static int usage(const struct moving *moving, const char *sentence, const char *next)
{
	complain(moving->context, sentence, next);
	return EXIT_USAGE;
}

static int refuse(const struct moving *moving, const char *sentence, const char *next)
{
	complain(moving->context, sentence, next);
	return EXIT_ERROR;
}

/* ---- which port ---- */

/* "50022", "50022/tcp": the protocol is that of the old one. */
static int take_new_port(struct moving *moving, const char *word)
{
	struct move *move = &moving->move;
	char number[16];
	const size_t length = strcspn(word, "/");
	enum protocol protocol = move->protocol;
	if (length == 0 || length >= sizeof(number) ||
	    (word[length] == '/' && protocol_parse(&protocol, word + length + 1) < 0)) {
		return usage(moving, _("the new port is a number from 1 to 65535"),
			     "minato help move");
	}
	memcpy(number, word, length);
	number[length] = '\0';
	if (parse_port(&move->to, number) < 0 || move->to == 0) {
		return usage(moving, _("the new port is a number from 1 to 65535"),
			     "minato help move");
	}
	if (protocol_registry(protocol) != protocol_registry(move->protocol)) {
		return usage(moving, _("a move stays with its protocol"), "minato help move");
	}
	if (move->to == move->from) {
		return usage(moving, _("it is on that port already"), "minato ports");
	}
	return EXIT_IN_ORDER;
}

/* The first of these ports that is declared. */
static const struct policy_declaration *declared_of(const struct policy *policy,
						    const struct port_list *ports, struct move *out)
{
	for (size_t i = 0; i < ports->list.count; i++) {
		const struct policy_ports *p = &ports->list.items[i];
		const struct policy_declaration *d =
			p->first != p->last
				? NULL
				: policy_declaration_for(policy, p->protocol, p->first, NULL, NULL);
		if (d != NULL) {
			out->protocol = p->protocol;
			out->from = p->first;
			return d;
		}
	}
	return NULL;
}

static int take_single(struct moving *moving, const struct policy_declaration *d)
{
	const struct policy_ports *p = &d->ports.items[0];
	if (d->ports.count != 1 || p->first != p->last) {
		return usage(moving, _("that declaration has several ports: say which one moves"),
			     "minato move PORT NEWPORT");
	}
	moving->move.protocol = p->protocol;
	moving->move.from = p->first;
	return EXIT_IN_ORDER;
}

/* A number, else the name of a declaration, else what the catalogue knows under the word. */
static int take_old_port(const struct policy_declaration **out, struct moving *moving,
			 const struct policy *policy, const char *word)
{
	struct port_list ports = { 0 };
	int code = EXIT_IN_ORDER;
	int r = edit_ports_number(&ports, word);
	*out = r == 0 ? policy_declaration_named(policy, word) : NULL;
	if (*out != NULL) {
		code = take_single(moving, *out);
	} else {
		r = r == 0 ? edit_ports_word(&ports, word) : r;
		*out = r < 0 ? NULL : declared_of(policy, &ports, &moving->move);
	}
	vec_free(&ports.list);
	if (*out == NULL && code == EXIT_IN_ORDER) {
		return usage(moving, _("no declaration of the policy has that port or name"),
			     "minato policy print");
	}
	if (*out != NULL) {
		(void)str_copy(moving->move.name, MOVE_NAME_BYTES, (*out)->entry.name);
	}
	return code;
}

/* One number by itself, declared once: else it would not be clear what moves. */
static int check_declared(struct moving *moving, const struct policy *policy,
			  const struct policy_declaration *d)
{
	const struct move *move = &moving->move;
	bool alone = false;
	for (size_t i = 0; i < d->ports.count; i++) {
		const struct policy_ports *p = &d->ports.items[i];
		alone = alone || (p->protocol == move->protocol && p->first == move->from &&
				  p->last == move->from);
	}
	if (!alone) {
		return refuse(moving, _("that port is declared as part of a range"),
			      "minato close PORT, minato open PORT");
	}
	if (policy_declaration_for(policy, move->protocol, move->from, NULL, d) != NULL) {
		return refuse(moving, _("more than one declaration opens that port"),
			      "minato policy print");
	}
	const struct policy_declaration *other =
		policy_declaration_for(policy, move->protocol, move->to, NULL, NULL);
	if (other != NULL) {
		struct str text = STR_INIT(1024);
		str_printf(&text, _("the new port is declared already, as \"%s\""),
			   other->entry.name);
		int code = refuse(moving, str_text(&text), "minato ports");
		str_deinit(&text);
		return code;
	}
	return EXIT_IN_ORDER;
}

/* ---- the policy file ---- */

struct values {
	char texts[VALUES_MAX][VALUE_BYTES];
	const char *list[VALUES_MAX];
	size_t count;
};

static void add_value(struct values *values, const struct policy_ports *ports)
{
	struct str text = STR_INIT(VALUE_BYTES);
	policy_ports_format(&text, ports);
	(void)str_copy(values->texts[values->count], VALUE_BYTES, str_text(&text));
	values->list[values->count] = values->texts[values->count];
	values->count++;
	str_deinit(&text);
}

static int content_of(struct move_content *out, const char *bytes, size_t length)
{
	out->bytes = strndup(bytes, length);
	out->length = length;
	return out->bytes == NULL ? EXIT_ERROR : EXIT_IN_ORDER;
}

static int move_policy_text(struct move_content *out, struct moving *moving, struct edit_file *file,
			    const struct policy_declaration *d, bool both)
{
	struct values values = { 0 };
	const struct move *move = &moving->move;
	const struct policy_ports to = { move->protocol, move->to, move->to };
	for (size_t i = 0; i < d->ports.count; i++) {
		const struct policy_ports *p = &d->ports.items[i];
		const bool moves = p->protocol == move->protocol && p->first == move->from;
		add_value(&values, moves && !both ? &to : p);
	}
	if (both) {
		add_value(&values, &to);
	}
	const struct policy_setting setting = { "port", values.list, values.count };
	const struct policy_text text = edit_text(file);
	struct policy_edit edit;
	int outcome = policy_edit_set(&edit, &text, d->entry.name, &setting, 1, &file->environment);
	int code = EXIT_IN_ORDER;
	if (outcome == POLICY_EDIT_UNCHANGED) {
		code = moving_complain_of(moving, d->entry.place.file,
					  _("it is declared in an included file, which is left "
					    "alone"),
					  "minato move --policy FILE");
	} else if (outcome != 0) {
		code = edit_complain(file, &edit, outcome);
	} else {
		code = content_of(out, edit.text, edit.length);
	}
	policy_edit_deinit(&edit);
	return code;
}

static int plan_policy(struct moving *moving, const struct policy_declaration *d)
{
	struct edit_file file;
	struct move_content contents[MOVE_POINTS] = { 0 };
	_cleanup_(freep) char *path = NULL;
	int code = edit_file_open(&file, moving->context);
	if (code == EXIT_IN_ORDER && d->ports.count >= VALUES_MAX) {
		code = refuse(moving, _("that declaration has too many ports"), NULL);
	}
	if (code == EXIT_IN_ORDER) {
		code = content_of(&contents[MOVE_BEFORE], file.bytes, file.length);
	}
	if (code == EXIT_IN_ORDER) {
		code = move_policy_text(&contents[MOVE_BOTH], moving, &file, d, true);
	}
	if (code == EXIT_IN_ORDER) {
		code = move_policy_text(&contents[MOVE_AFTER], moving, &file, d, false);
	}
	if (code == EXIT_IN_ORDER) {
		path = realpath(moving->context->policy_path, NULL);
	}
	edit_file_close(&file);
	if (path == NULL || move_add_file(&moving->move, MOVE_ROOM_POLICY, path, contents) < 0) {
		for (size_t i = 0; path == NULL && i < MOVE_POINTS; i++) {
			free(contents[i].bytes);
		}
		return code == EXIT_IN_ORDER ? EXIT_ERROR : code;
	}
	return code;
}

/* ---- the host ---- */

static const struct listener *listener_on(const struct inventory *inventory, enum protocol protocol,
					  uint16_t port)
{
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		if (l->netns == 0 && l->port == port &&
		    protocol_registry(l->protocol) == protocol_registry(protocol)) {
			return l;
		}
	}
	return NULL;
}

static int refuse_busy(struct moving *moving, const struct inventory *inventory,
		       const struct listener *l)
{
	const struct process *process = inventory_listener_process(inventory, l);
	struct str text = STR_INIT(1024);
	str_printf(&text, _("port %u is taken: "), moving->move.to);
	text_escape(&text, process == NULL ? "?" : process->name ?: "?");
	str_add(&text, _(" listens there"));
	int code = refuse(moving, str_text(&text), "minato ports");
	str_deinit(&text);
	return code;
}

static bool is_published(const struct inventory *inventory, const struct move *move)
{
	for (size_t i = 0; i < inventory->published.count; i++) {
		const struct published *p = &inventory->published.items[i];
		if (p->netns == 0 && p->first_port <= move->to && move->to <= p->last_port &&
		    protocol_registry(p->protocol) == protocol_registry(move->protocol)) {
			return true;
		}
	}
	return false;
}

static void note_number(struct moving *moving)
{
	const struct move *move = &moving->move;
	const enum language language = moving->context->language;
	const struct port_knowledge *known = catalog_port(move->protocol, move->to);
	const struct service *registered = catalog_registry(move->protocol, move->to);
	if (known != NULL) {
		str_printf(&moving->notes, _("note: others take %u for %s: %s\n"), move->to,
			   text_in(known->title, language), text_in(known->reason, language));
	} else if (registered != NULL) {
		str_printf(&moving->notes,
			   _("note: the registry of IANA gives %u to \"%s\"; that binds nobody\n"),
			   move->to, registered->name);
	}
}

/* Whether only a login through the new port is a proof: it is what people log in with. */
static bool needs_login(const struct moving *moving, const struct inventory *inventory,
			const struct listener *holder)
{
	const struct port_knowledge *known = catalog_listener(NULL, inventory, holder);
	return (known != NULL && strcmp(known->name, "ssh") == 0) ||
	       moving->move.means == MOVE_SSHD ||
	       (moving->login.kind == LOGIN_NETWORK &&
		moving->login.local_port == moving->move.from);
}

static int plan_host(struct moving *moving, const struct inventory *inventory)
{
	struct move *move = &moving->move;
	const struct listener *holder = listener_on(inventory, move->protocol, move->from);
	const struct listener *busy = listener_on(inventory, move->protocol, move->to);
	if (holder == NULL) {
		return refuse(moving,
			      _("nothing listens on the old port, so there is nothing to "
				"move"),
			      "minato ports");
	}
	if (busy != NULL) {
		return refuse_busy(moving, inventory, busy);
	}
	if (is_published(inventory, move)) {
		return refuse(moving,
			      _("the new port is published for a container or another host"),
			      "minato ports");
	}
	note_number(moving);
	int code = moving_plan_reserved(moving, inventory);
	if (code == EXIT_IN_ORDER) {
		code = moving_plan_service(moving, inventory, holder);
	}
	move->login = code == EXIT_IN_ORDER && needs_login(moving, inventory, holder);
	return code;
}

static void sign(struct moving *moving, const struct moving_wish *wish)
{
	struct move *move = &moving->move;
	const bool by_hand = move->means == MOVE_BY_HAND;
	/* Whoever restarts it himself does that when it suits him. */
	move->seconds = wish->seconds != 0 ? wish->seconds : by_hand ? 0 : MOVING_SECONDS;
	move->begun = moving->context->now;
	(void)str_copy(move->by, sizeof(move->by), moving->login.who);
	moving_boot_id(move->boot);
}

static int plan_declared(struct moving *moving, const struct moving_wish *wish,
			 const struct policy *policy)
{
	const struct policy_declaration *d = NULL;
	int code = take_old_port(&d, moving, policy, wish->what);
	if (code == EXIT_IN_ORDER) {
		code = take_new_port(moving, wish->to);
	}
	if (code == EXIT_IN_ORDER) {
		code = check_declared(moving, policy, d);
	}
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	struct inventory inventory;
	code = look_or_complain(&inventory, moving->context,
				OBSERVE_OWNERS | OBSERVE_DETAILS | OBSERVE_CONNECTIONS |
					OBSERVE_PUBLISHED);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	login_find(&moving->login, &inventory);
	code = plan_host(moving, &inventory);
	inventory_deinit(&inventory);
	return code == EXIT_IN_ORDER ? plan_policy(moving, d) : code;
}

int moving_plan(struct moving *moving, const struct moving_wish *wish)
{
	struct judgement judgement;
	move_deinit(&moving->move);
	moving->move = (struct move){ .stage = MOVE_PREPARED };
	int code = judge_policy(&judgement, moving->context);
	if (code == EXIT_IN_ORDER && !judgement.declared) {
		code = refuse(moving, _("there is no policy yet"), "minato init");
	}
	if (code == EXIT_IN_ORDER) {
		code = plan_declared(moving, wish, &judgement.policy);
	}
	judgement_deinit(&judgement);
	if (code == EXIT_IN_ORDER) {
		sign(moving, wish);
		code = moving_rules_ready(moving);
	}
	return code;
}
