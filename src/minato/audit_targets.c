/* Whom minato audit may ask: this host, declared ones, and what is named with --authorized. */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

#include "audit.h"
#include "base/io/clock.h"
#include "base/sockaddr.h"
#include "probe/probe.h"
#include "resolve/resolve.h"
#include "words.h"

static const usec_t NAME_TIME = 5 * USEC_PER_SEC;

struct finding_targets {
	struct audit_targets *out;
	const struct context *context;
	const struct policy *policy;
	const char *word;
	bool authorized;
};

/* Link-local ones need a zone, which an address alone does not have. ADDR_NONE is not askable. */
static bool is_askable(const struct addr *a)
{
	const bool link =
		a->family == ADDR_IPV6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
	const bool many = a->family == ADDR_IPV6 ? a->bytes[0] == 0xff : a->bytes[0] >= 224;
	return !link && !many && !addr_is_any(a);
}

static const struct policy_host *host_with(const struct policy *policy, const struct addr *address)
{
	for (size_t i = 0; policy != NULL && i < policy->hosts.count; i++) {
		const struct policy_host *host = &policy->hosts.items[i];
		for (size_t k = 0; k < host->addresses.count; k++) {
			if (prefix_has(&host->addresses.items[k], address)) {
				return host;
			}
		}
	}
	return NULL;
}

/* ---- one address ---- */

static void take_declared(struct audit_target *target, const struct policy *policy,
			  const struct probe_local *local)
{
	target->declared = (struct audit_declared){
		.own = target->own,
		.from = local->source,
		.today = clock_local_day(clock_now()),
	};
	if (policy == NULL || (!target->own && target->host == NULL)) {
		return;
	}
	target->declared.policy = policy;
	target->declared.items =
		target->own ? policy->declarations.items : target->host->ports.items;
	target->declared.count =
		target->own ? policy->declarations.count : target->host->ports.count;
}

static int refuse(const struct finding_targets *f, const struct addr *address)
{
	struct err e = ERR_INIT;
	char text[ADDR_TEXT_BYTES];
	char next[128];
	(void)addr_format(address, text);
	(void)err_set(
		&e, -EPERM,
		_("%s is no address of this host, and none that hosts: of the policy declares: "
		  "only hosts of one's own are audited"),
		text);
	(void)snprintf(next, sizeof(next), "minato audit --authorized %s", text);
	complain(f->context, err_text(&e), next);
	return EXIT_USAGE;
}

static int add(struct finding_targets *f, const struct addr *address)
{
	struct err e = ERR_INIT;
	struct probe_local local = { 0 };
	if (!is_askable(address)) {
		(void)err_set(&e, -EINVAL, _("%s: no address of one host that can be asked"),
			      f->word);
		complain(f->context, err_text(&e), "minato help audit");
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < f->out->count; i++) {
		if (addr_compare(&f->out->items[i].address, address) == 0) {
			return EXIT_IN_ORDER;
		}
	}
	if (f->out->count == AUDIT_TARGETS_MAX) {
		(void)err_set(&e, -E2BIG, _("more than %d addresses at once"), AUDIT_TARGETS_MAX);
		complain(f->context, err_text(&e), "minato help audit");
		return EXIT_USAGE;
	}
	/* Without it nobody is taken for this host, which only asks for more words. */
	(void)probe_local(&local, address, NULL);
	struct audit_target target = { .address = *address, .own = local.to_itself };
	(void)str_copy(target.name, sizeof(target.name), f->word);
	(void)str_copy(target.interface, sizeof(target.interface), local.interface);
	target.host = target.own ? NULL : host_with(f->policy, address);
	target.authorized = !target.own && target.host == NULL;
	if (target.authorized && !f->authorized) {
		return refuse(f, address);
	}
	take_declared(&target, f->policy, &local);
	f->out->items[f->out->count++] = target;
	return EXIT_IN_ORDER;
}

/* ---- words ---- */

/* Those that others may come to; loopback where there is no other. */
static int add_own(struct finding_targets *f)
{
	struct ifaddrs *list = NULL;
	struct err e = ERR_INIT;
	int code = EXIT_IN_ORDER;
	if (getifaddrs(&list) < 0) {
		(void)err_system(&e, errno, "cannot read the addresses of this host");
		complain(f->context, err_text(&e), NULL);
		return EXIT_ERROR;
	}
	const size_t before = f->out->count;
	for (unsigned loopback = 0; loopback < 2 && f->out->count == before; loopback++) {
		for (const struct ifaddrs *i = list; i != NULL && code == EXIT_IN_ORDER;
		     i = i->ifa_next) {
			const struct addr address = addr_from_sockaddr(i->ifa_addr);
			if ((i->ifa_flags & IFF_UP) != 0 && is_askable(&address) &&
			    (addr_exposure(&address) == EXPOSURE_LOOPBACK) == (loopback == 1)) {
				code = add(f, &address);
			}
		}
	}
	freeifaddrs(list);
	return code;
}

static int add_declared(struct finding_targets *f, const struct policy_host *host)
{
	int code = EXIT_IN_ORDER;
	for (size_t i = 0; i < host->addresses.count && code == EXIT_IN_ORDER; i++) {
		code = add(f, &host->addresses.items[i].address);
	}
	return code;
}

static int add_name(struct finding_targets *f)
{
	struct err e = ERR_INIT;
	struct resolve_answer answer = { 0 };
	const char *const names[] = { f->word };
	if (strlen(f->word) >= AUDIT_NAME_BYTES || f->word[0] == '-' || f->word[0] == '\0') {
		(void)err_set(&e, -EINVAL, _("%.64s: no host"), f->word);
	} else if (resolve_names(&answer, names, 1, NAME_TIME, &e) == 0 &&
		   answer.outcome != RESOLVE_FOUND) {
		(void)err_set(&e, -ENOENT,
			      answer.outcome == RESOLVE_NO_REPLY
				      ? _("%s: nobody answers for names")
				      : _("%s: neither under hosts: of the policy nor a name that "
					  "has an address"),
			      f->word);
	}
	if (e.code < 0) {
		complain(f->context, err_text(&e), "minato help audit");
		return EXIT_USAGE;
	}
	int code = EXIT_IN_ORDER;
	for (unsigned i = 0; i < answer.count && code == EXIT_IN_ORDER; i++) {
		code = add(f, &answer.addresses[i]);
	}
	return code;
}

int audit_find_targets(struct audit_targets *out, const struct context *context,
		       const struct policy *policy, const char *const *words, unsigned count,
		       bool authorized)
{
	struct finding_targets f = { out, context, policy, NULL, authorized };
	int code = EXIT_IN_ORDER;
	for (unsigned i = 0; i < count && code == EXIT_IN_ORDER; i++) {
		struct addr address;
		const struct policy_host *host = NULL;
		f.word = words[i];
		for (size_t k = 0; policy != NULL && k < policy->hosts.count; k++) {
			if (strcmp(policy->hosts.items[k].entry.name, words[i]) == 0) {
				host = &policy->hosts.items[k];
			}
		}
		code = host != NULL                          ? add_declared(&f, host)
		       : strcmp(words[i], "self") == 0       ? add_own(&f)
		       : addr_parse(&address, words[i]) == 0 ? add(&f, &address)
							     : add_name(&f);
	}
	return code;
}
