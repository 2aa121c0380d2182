/* Evidence without a connection: the files of this host, its sockets and its rules. */
#include "measures.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "move.h"

enum { WHY_BYTES = 400 };

/* ---- services ---- */

static bool has_measures(const struct port_knowledge *service)
{
	for (int id = 0; id < MEASURES; id++) {
		if (measure_is_for((enum measure_id)id, service)) {
			return true;
		}
	}
	return false;
}

/* The service's entry; NULL when there is no memory. */
static struct measured *entry_for(struct measures *measures, const struct inventory *inventory,
				  uint32_t netns, enum protocol protocol, uint16_t port,
				  const struct port_knowledge *service)
{
	for (size_t i = measures->list.count; i > 0; i--) {
		struct measured *m = &measures->list.items[i - 1];
		if (m->netns == netns && m->protocol == protocol_registry(protocol) &&
		    m->port == port && m->service == service) {
			return m;
		}
	}
	struct measured *m = vec_push(&measures->list);
	if (m != NULL) {
		*m = (struct measured){ .protocol = protocol_registry(protocol),
					.port = port,
					.netns = netns,
					.ns = netns < inventory->netns.count
						      ? &inventory->netns.items[netns]
						      : NULL,
					.service = service,
					.reach = MEASURE_REACH_LOOPBACK };
	}
	return m;
}

static enum measure_reach reach_of(const struct reach_port *port)
{
	static const enum measure_reach kinds[] = {
		[REACH_UNKNOWN] = MEASURE_REACH_UNKNOWN, [REACH_NOBODY] = MEASURE_REACH_NOBODY,
		[REACH_DEPENDS] = MEASURE_REACH_UNKNOWN, [REACH_SOME] = MEASURE_REACH_SOME,
		[REACH_ANYWHERE] = MEASURE_REACH_ANYONE,
	};
	return port == NULL ? MEASURE_REACH_UNKNOWN : kinds[port->kind];
}

/* A socket, or a rule that publishes a port, on an address of these. */
static void take_address(struct measured *m, const struct inventory *inventory,
			 const struct reach *reach, const struct addr *address)
{
	const struct addr plain = addr_unmap(address);
	if (m->address.family == ADDR_NONE) {
		m->address = plain;
		/* Valid as they stand here. */
		if (addr_is_any(&plain)) {
			(void)addr_parse(&m->address,
					 plain.family == ADDR_IPV6 ? "::1" : "127.0.0.1");
		}
	}
	if (addr_exposure(address) == EXPOSURE_LOOPBACK) {
		return;
	}
	const struct reach_port *port = inventory_is_host(inventory, m->netns)
						? reach_port(reach, m->protocol, m->port)
						: NULL;
	m->reach = reach_of(port);
	m->reach_names = port == NULL ? NULL : str_text(&port->names);
	m->reachable = m->reach != MEASURE_REACH_NOBODY;
}

/* The name by which the service's program is known: Debian's redis-server is a link. */
static const char *program_of(const struct process *process, const struct port_knowledge *service)
{
	const char *program = process_program(process);
	return process != NULL && process->name != NULL && program != NULL &&
			       !port_knowledge_has_program(service, program) &&
			       port_knowledge_has_program(service, process->name)
		       ? process->name
		       : program;
}

/* Of a service that systemd starts, the program whose files are understood. */
static const char *activated_program(const struct port_knowledge *service)
{
	return port_knowledge_has_program(service, "sshd") ? "sshd" : NULL;
}

static int take_listeners(struct measures *out, const struct inventory *inventory,
			  const struct reach *reach)
{
	for (size_t i = 0; i < inventory->listeners.count; i++) {
		const struct listener *l = &inventory->listeners.items[i];
		bool doubted = false;
		const struct port_knowledge *service = catalog_listener(&doubted, inventory, l);
		if (!has_measures(service)) {
			continue;
		}
		struct measured *m =
			entry_for(out, inventory, l->netns, l->protocol, l->port, service);
		if (m == NULL) {
			return -ENOMEM;
		}
		take_address(m, inventory, reach, &l->address);
		m->doubted = doubted;
		m->listens = true;
		if (m->process == NULL) {
			m->process = inventory_listener_process(inventory, l);
			m->activated = l->socket_activated;
			m->program = m->activated ? activated_program(service)
						  : program_of(m->process, service);
		}
	}
	return 0;
}

static int take_published(struct measures *out, const struct inventory *inventory,
			  const struct reach *reach)
{
	for (size_t i = 0; i < inventory->published.count; i++) {
		const struct published *p = &inventory->published.items[i];
		const struct port_knowledge *service = catalog_published(p);
		if (!has_measures(service)) {
			continue;
		}
		struct measured *m =
			entry_for(out, inventory, p->netns, p->protocol, p->first_port, service);
		if (m == NULL) {
			return -ENOMEM;
		}
		take_address(m, inventory, reach, &p->address);
	}
	return 0;
}

/* ---- settings ---- */

static void read_sshd(struct measure_evidence *evidence, struct measure_sshd_files *files,
		      char why[WHY_BYTES], const struct measured *m)
{
	char folder[1024];
	struct err e = ERR_INIT;
	/* Whom systemd starts has the arguments of its unit, which as a rule are none. */
	const struct process started = { .arguments = "" };
	(void)snprintf(folder, sizeof(folder), "%.900s/ssh", moving_etc());
	if (measure_sshd_files_read(files, m->activated ? &started : m->process, folder, &e) < 0) {
		(void)str_copy(why, WHY_BYTES, err_text(&e));
		return;
	}
	evidence->sshd = &files->sshd;
	evidence->keys = files->keys;
	evidence->key_count = files->key_count;
}

static void read_smb(struct measure_evidence *evidence, struct measure_smb *smb,
		     char why[WHY_BYTES], const struct measured *m)
{
	char folder[1024];
	struct err e = ERR_INIT;
	(void)snprintf(folder, sizeof(folder), "%.900s/samba", moving_etc());
	if (measure_smb_files_read(smb, m->process, folder, &e) < 0) {
		(void)str_copy(why, WHY_BYTES, err_text(&e));
		return;
	}
	evidence->smb = smb;
}

struct settings {
	struct measure_sshd_files sshd;
	struct measure_smb smb;
};

/* Of programs whose files are understood. */
static void read_settings(struct measure_evidence *evidence, struct settings *settings,
			  char why[WHY_BYTES], const struct measured *m)
{
	if (strcmp(m->program, "sshd") == 0) {
		read_sshd(evidence, &settings->sshd, why, m);
	} else if (strcmp(m->program, "smbd") == 0) {
		read_smb(evidence, &settings->smb, why, m);
	}
}

/* Only the host's own sockets: in other network namespaces our connections do not end there. */
static void ask_service(struct measured *m, struct measures_asking *asking)
{
	const bool own = m->ns == NULL || m->ns->kind == NETNS_HOST;
	if (!portset_has(&asking->ports, m->port) || !own || !m->listens ||
	    !measure_service_speaks(m->service)) {
		return;
	}
	const struct measure_place place = { .protocol = m->protocol,
					     .port = m->port,
					     .address = m->address };
	m->answer = calloc(1, sizeof(*m->answer));
	if (m->answer != NULL && measure_service_ask(m->answer, &place, NULL, &asking->fault) < 0) {
		free(m->answer);
		m->answer = NULL;
	}
	if (m->answer != NULL && m->answer->page[0] != '\0' && asking->remember) {
		(void)measures_page_remember(m->port, m->answer->page, &asking->fault);
	}
}

static void judge_service(struct measured *m, const struct reach *reach)
{
	char why[WHY_BYTES] = "";
	char page[MEASURE_DIGEST_BYTES];
	struct measure_evidence evidence = { .reach = m->reach,
					     .reach_names = m->reach_names,
					     .why = why,
					     .answer = m->answer,
					     .own = true,
					     .reach_why = reach == NULL || reach->why.code == 0
								  ? NULL
								  : err_text(&reach->why) };
	struct settings *settings = calloc(1, sizeof(*settings));
	if (m->answer != NULL && measures_page_recall(page, m->port) == 0) {
		evidence.page = page;
	}
	evidence.unseen = m->program == NULL ||
			  (!m->activated && (m->process == NULL || m->process->arguments == NULL));
	if (settings != NULL && !evidence.unseen) {
		read_settings(&evidence, settings, why, m);
	}
	for (int id = 0; id < MEASURES; id++) {
		/* What another program does is not known by the settings of the usual one. */
		const bool by_settings =
			!measure_at((enum measure_id)id)->asks && id != MEASURE_ADDRESS_LIMIT;
		if (measure_is_for((enum measure_id)id, m->service) &&
		    !(m->doubted && by_settings)) {
			measure_judge(&m->results[m->count++], (enum measure_id)id, &evidence);
		}
	}
	free(settings);
}

int measures_find(struct measures *out, const struct inventory *inventory,
		  const struct reach *reach, struct measures_asking *asking)
{
	*out = (struct measures){ 0 };
	int r = take_listeners(out, inventory, reach);
	r = r < 0 ? r : take_published(out, inventory, reach);
	for (size_t i = 0; r == 0 && i < out->list.count; i++) {
		if (asking != NULL) {
			ask_service(&out->list.items[i], asking);
		}
		judge_service(&out->list.items[i], reach);
	}
	return r;
}

void measures_deinit(struct measures *measures)
{
	for (size_t i = 0; i < measures->list.count; i++) {
		free(measures->list.items[i].answer);
	}
	vec_free(&measures->list);
}
