/* Which measures are done at the services of this host, and the words for it. */
#pragma once

#include <jansson.h>

#include "base/portset.h"
#include "command.h"
#include "measure/measure.h"
#include "model/inventory.h"
#include "reach.h"

/* One service: a port on which somebody listens, or that is published. */
struct measured {
	enum protocol protocol;
	uint16_t port;
	uint32_t netns;         /* index into the inventory's */
	const struct netns *ns; /* the same; NULL = the inventory has none */
	bool doubted;           /* by its number alone, and another program holds it */
	bool activated;         /* systemd holds it for a service that starts when somebody comes */
	bool listens;           /* a socket of the inventory; else it is published */
	bool reachable;         /* on an address that others reach, as far as it is known */
	const struct port_knowledge *service;
	const char *program; /* the inventory's; NULL = not known */
	const struct process *process;
	enum measure_reach reach;
	const char *reach_names;
	struct addr address;           /* where it is asked; ADDR_NONE = nowhere */
	struct measure_answer *answer; /* NULL = nobody asked it */
	struct measure_result results[MEASURES];
	size_t count; /* of those that count for the service */
};

struct measures {
	VEC(struct measured) list; /* services for which some measure counts */
};

/* Services that are to be asked, too: of the host, over its own addresses. */
struct measures_asking {
	struct portset ports;
	bool remember;    /* the pages of web servers are right as they are now */
	struct err fault; /* why somebody could not be asked; code 0 = nothing was in the way */
};

/*
 * Judges by what needs no connection: files as the caller may read them, inventory and reach.
 * @param reach   NULL = it was not asked for.
 * @param asking  NULL = no connection is made.
 * @return 0, -ENOMEM. `out` needs measures_deinit in every case.
 */
int measures_find(struct measures *out, const struct inventory *inventory,
		  const struct reach *reach, struct measures_asking *asking);
void measures_deinit(struct measures *measures);

/* ---- asking (measures_ask.c) ---- */

struct identity;

/* Where a service is. */
struct measure_place {
	enum protocol protocol;
	uint16_t port;
	struct addr address;
	const char *host; /* for HTTP and TLS; NULL = the address */
};

/*
 * Asks one service what only it can tell.
 * @param identity  what is known of it; NULL = that is asked first.
 * @return 0, also when it said nothing, or there is nothing to ask it; negative errno.
 */
int measure_service_ask(struct measure_answer *out, const struct measure_place *place,
			const struct identity *identity, struct err *e);
/* Whether there is anything to ask such a service. */
bool measure_service_speaks(const struct port_knowledge *service);

/* ---- pages (measures_page.c) ---- */

/* What is remembered of the page at a port of this host. @return 0; -ENOENT nothing is; -EBADMSG;
 * others of reading it. */
int measures_page_recall(char out[MEASURE_DIGEST_BYTES], uint16_t port);
/* @return 0 or negative errno. */
int measures_page_remember(uint16_t port, const char *digest, struct err *e);

/* ---- words (measures_text.c) ---- */

/* "done", "not done", "cannot tell". */
const char *measure_state_words(enum measure_state state);
enum ink measure_state_ink(enum measure_state state);
/* What a verdict rests on, one line. Appends. */
void measure_add_reason(struct str *out, const struct measure_result *result);
/* How many are not done at ports that others reach, and the worst: one line; nothing when none. */
void measures_status_words(struct str *out, const struct measures *measures,
			   const struct context *context);
/* One verdict. @param program  NULL = not known which. @return a new reference. */
json_t *measure_result_json(const struct measure_result *result,
			    const struct port_knowledge *service, const char *program,
			    enum language language);
/* A row for each service and measure. @return a new reference. */
json_t *measures_json(const struct measures *measures, enum language language);
