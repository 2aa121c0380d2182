/* How ports encrypt: which are asked, and what is declared of them. */
#include "audit_tls.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/io/clock.h"
#include "judge.h"
#include "view/view.h"
#include "words.h"

static const usec_t CONNECT_TIME = 3 * USEC_PER_SEC;
static const usec_t ANSWER_TIME = 3 * USEC_PER_SEC;
static const usec_t PORT_TIME = 30 * USEC_PER_SEC;
/* Of --quick: silence is told as "unknown", which does no harm. */
static const usec_t QUICK_TIME = USEC_PER_SEC / 2;

void audit_tls_deinit(struct audit_tls_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].ports);
	}
	list->count = 0;
}

static struct audit_tls *address_of(struct audit_tls_list *list, const char *name,
				    const struct addr *address)
{
	for (size_t i = 0; i < list->count; i++) {
		if (addr_compare(&list->items[i].address, address) == 0) {
			return &list->items[i];
		}
	}
	if (list->count == AUDIT_TLS_ADDRESSES_MAX) {
		return NULL;
	}
	struct audit_tls *audit = &list->items[list->count++];
	*audit = (struct audit_tls){ .name = name, .address = *address };
	return audit;
}

int audit_tls_add_port(struct audit_tls_list *list, const char *name, const struct addr *address,
		       uint16_t port)
{
	struct audit_tls *audit = address_of(list, name, address);
	if (audit == NULL) {
		return -E2BIG;
	}
	if (audit->ports == NULL) {
		audit->ports = calloc(TLS_PORTS_MAX, sizeof(*audit->ports));
		if (audit->ports == NULL) {
			return -ENOMEM;
		}
	}
	size_t i = 0;
	while (i < audit->count && audit->ports[i].port != port) {
		i++;
	}
	if (i < audit->count) {
		return 0;
	}
	if (audit->count == TLS_PORTS_MAX) {
		audit->left_out++;
		return 0;
	}
	audit->ports[audit->count++].port = port;
	return 0;
}

/* ---- what is declared ---- */

enum tls_declared audit_tls_declared(const struct policy_declaration *declaration)
{
	switch (declaration == NULL ? POLICY_ENCRYPTION_UNSAID : declaration->encryption) {
	case POLICY_ENCRYPTION_OWN:
	case POLICY_ENCRYPTION_GATEWAY:
		return TLS_DECLARED_ENCRYPTED;
	case POLICY_ENCRYPTION_NONE:
		return TLS_DECLARED_PLAIN;
	default:
		return TLS_DECLARED_NOTHING;
	}
}

static const struct policy_declaration *declaration_among(const struct policy_declaration *items,
							  size_t count, uint16_t port)
{
	for (size_t i = 0; i < count; i++) {
		if (policy_names_port(&items[i], PROTOCOL_TCP, port)) {
			return &items[i];
		}
	}
	return NULL;
}

static void declare(struct audit_tls *audit, const struct policy_declaration *items, size_t count)
{
	for (size_t i = 0; i < audit->count; i++) {
		audit->ports[i].declaration = declaration_among(items, count, audit->ports[i].port);
	}
}

/* ---- asking ---- */

struct asking {
	struct audit_tls *audit;
	const struct context *context;
	size_t told;
};

/* tls_tell_function. */
static int take(void *data, const struct tls_record *record)
{
	struct asking *asking = data;
	struct audit_tls *audit = asking->audit;
	for (size_t i = 0; i < audit->count; i++) {
		struct audit_tls_port *port = &audit->ports[i];
		if (port->port != record->port || port->known) {
			continue;
		}
		port->known = true;
		port->record = *record;
		port->grade = tls_grade(&port->reasons, record, asking->context->now);
		port->verdict =
			tls_compare(record, port->grade, audit_tls_declared(port->declaration));
		break;
	}
	asking->told++;
	if (asking->context->err_terminal) {
		(void)fprintf(stderr, "\r");
		(void)fprintf(stderr, _("ports asked: %zu of %zu"), asking->told, audit->count);
		(void)fflush(stderr);
	}
	return 0;
}

static void ask(struct audit_tls *audit, const struct context *context,
		const struct audit_tls_options *options)
{
	_cleanup_(freep) struct tls_order *order = calloc(1, sizeof(*order));
	struct asking asking = { audit, context, 0 };
	if (order == NULL) {
		(void)err_set(&audit->fault, -ENOMEM, _("not enough memory"));
		return;
	}
	order->address = audit->address;
	order->quick = options->quick;
	order->connect_time = options->quick ? USEC_PER_SEC : CONNECT_TIME;
	order->answer_time = options->quick ? QUICK_TIME : ANSWER_TIME;
	order->port_time = PORT_TIME;
	(void)str_copy(order->host, sizeof(order->host), audit->host);
	order->unnamed = order->host[0] == '\0';
	order->count = (uint32_t)audit->count;
	for (size_t i = 0; i < audit->count; i++) {
		order->ports[i] = audit->ports[i].port;
	}
	const usec_t begin = clock_monotonic();
	(void)tls_ask(order, take, &asking, &audit->fault); /* told by the fault */
	audit->took = clock_monotonic() - begin;
	if (context->err_terminal) {
		(void)fprintf(stderr, "\r%*s\r", 60, "");
	}
}

/* ---- the end ---- */

static int exit_code(const struct audit_tls_list *list)
{
	int code = EXIT_IN_ORDER;
	for (size_t i = 0; i < list->count; i++) {
		const struct audit_tls *audit = &list->items[i];
		if (audit->fault.code != 0) {
			return EXIT_ERROR;
		}
		for (size_t k = 0; k < audit->count; k++) {
			code = tls_differs(audit->ports[k].verdict) ? EXIT_DIFFERS : code;
		}
	}
	return code;
}

static int show(const struct audit_tls_list *list, const struct context *context, bool json)
{
	struct str text = STR_INIT(1 << 26);
	json_t *audits = json ? json_array() : NULL;
	for (size_t i = 0; i < list->count; i++) {
		if (json) {
			json_array_append_new(audits, audit_tls_json(&list->items[i], context));
		} else {
			audit_tls_add(&text, &list->items[i], context);
		}
	}
	if (json) {
		json_t *document = view_document(context->now);
		json_object_set_new(document, "encryption", audits);
		(void)view_print(&text, document, context->out_terminal); /* kept in text.error */
	} else if (list->count == 0) {
		str_add(&text, _("no TCP port listens here, and none is declared\n"));
	}
	const int code = print_text(&text);
	str_deinit(&text);
	return code;
}

static int ask_all(struct audit_tls_list *list, const struct context *context,
		   const struct audit_tls_options *options)
{
	(void)signal(SIGINT, SIG_DFL); /* a sweep has taken it; cannot fail with a valid signal */
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].count > 0) {
			ask(&list->items[i], context, options);
		}
	}
	const int code = show(list, context, options->json);
	return code != EXIT_IN_ORDER ? code : exit_code(list);
}

/* ---- ports of this host ---- */

/* "443,8000-8100": what begins with a digit and is no address. */
static bool is_ports(const char *word)
{
	return strspn(word, "0123456789,-") == strlen(word) && word[0] >= '0' && word[0] <= '9';
}

bool audit_tls_is_own(const char *const *words, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (strcmp(words[i], "self") != 0 && !is_ports(words[i])) {
			return false;
		}
	}
	return true;
}

static int read_ports(struct portset *out, bool *any, const struct context *context,
		      const char *const *words, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct err e = ERR_INIT;
		if (is_ports(words[i]) && audit_parse_ports(out, words[i]) < 0) {
			(void)err_set(&e, -EINVAL,
				      _("%.64s: no list of ports; write 22,80,8000-8100"),
				      words[i]);
			complain(context, err_text(&e), "minato help audit");
			return EXIT_USAGE;
		}
		*any |= is_ports(words[i]);
	}
	return EXIT_IN_ORDER;
}

int audit_tls_own(const struct context *context, const struct audit_tls_options *options,
		  const char *const *words, unsigned count)
{
	struct judgement judgement = { 0 };
	struct portset wanted = { 0 };
	bool any = false;
	_cleanup_(freep) struct audit_tls_list *list = calloc(1, sizeof(*list));
	int code = list == NULL ? EXIT_ERROR : read_ports(&wanted, &any, context, words, count);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	code = judge_policy(&judgement, context);
	const struct policy *policy = judgement_policy(&judgement);
	if (code == EXIT_IN_ORDER) {
		code = audit_tls_find_own(list, context, policy, any ? &wanted : NULL);
	}
	for (size_t i = 0; i < list->count && code == EXIT_IN_ORDER; i++) {
		list->items[i].own = true;
		(void)str_copy(list->items[i].host, sizeof(list->items[i].host),
			       options->name == NULL ? "" : options->name);
		if (policy != NULL) {
			declare(&list->items[i], policy->declarations.items,
				policy->declarations.count);
		}
	}
	code = code != EXIT_IN_ORDER ? code : ask_all(list, context, options);
	audit_tls_deinit(list);
	judgement_deinit(&judgement);
	return code;
}

/* ---- what a sweep found ---- */

/* A name that clients use: no address, and no word of the policy. */
static const char *name_of(const struct audit_target *target)
{
	struct addr address;
	const bool is_name =
		!target->own && strcmp(target->name, "self") != 0 &&
		addr_parse(&address, target->name) < 0 &&
		(target->host == NULL || strcmp(target->host->entry.name, target->name) != 0);
	return is_name ? target->name : "";
}

static int take_part(struct audit_tls_list *list, const struct audit_part *part,
		     const struct audit_tls_options *options)
{
	const struct audit_target *target = part->target;
	for (uint32_t port = 1; part->job != NULL && port <= UINT16_MAX; port++) {
		if (part->job->states[port] != SWEEP_OPEN) {
			continue;
		}
		int r = audit_tls_add_port(list, target->name, &target->address, (uint16_t)port);
		if (r < 0) {
			return r;
		}
	}
	struct audit_tls *audit = address_of(list, target->name, &target->address);
	if (audit == NULL) {
		return -E2BIG;
	}
	audit->own = target->own;
	audit->authorized = target->authorized;
	audit->fault = part->fault;
	(void)str_copy(audit->host, sizeof(audit->host),
		       options->name != NULL ? options->name : name_of(target));
	declare(audit, target->declared.items, target->declared.count);
	return 0;
}

int audit_tls_swept(const struct audit_parts *parts, const struct context *context,
		    const struct audit_tls_options *options)
{
	_cleanup_(freep) struct audit_tls_list *list = calloc(1, sizeof(*list));
	int r = list == NULL ? -ENOMEM : 0;
	for (size_t i = 0; i < parts->count && r == 0; i++) {
		if (parts->items[i].protocol == PROTOCOL_TCP) {
			r = take_part(list, &parts->items[i], options);
		}
	}
	if (r < 0) {
		complain(context, _("not enough memory"), NULL);
		return EXIT_ERROR;
	}
	const int code = ask_all(list, context, options);
	audit_tls_deinit(list);
	return code;
}
