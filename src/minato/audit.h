/* minato audit: addresses, sweeps of them, and what came of it. */
#pragma once

#include <jansson.h>
#include <limits.h>

#include "audit/audit.h"
#include "command.h"
#include "policy/policy.h"
#include "sweep/sweep.h"

enum {
	AUDIT_TARGETS_MAX = 32, /* addresses of one call */
	AUDIT_AT_ONCE = 4,      /* sweeps; they share the rate */
	AUDIT_PARTS_MAX = 2 * AUDIT_TARGETS_MAX,
	AUDIT_NAME_BYTES = 254,
};

struct audit_measures;

/* One address. */
struct audit_target {
	char name[AUDIT_NAME_BYTES]; /* as it was asked for */
	struct addr address;
	bool own;                       /* of this host */
	bool authorized;                /* by --authorized alone */
	bool recorded;                  /* then: the daemon has an event of it */
	const struct policy_host *host; /* its entry under hosts:, or NULL */
	struct audit_declared declared;
	const char *next_hop_silent; /* interface on which nobody answers for it; NULL = not so */
	char interface[16];
	struct err
		services_fault; /* why nobody could ask what speaks there; code 0 = somebody did */
	bool kept;              /* what was found, for the next audit */
	char aside[AUDIT_RECORD_NAME_BYTES];   /* new name of a damaged record; "" = none */
	const struct audit_measures *measures; /* of all targets; NULL = nobody asked */
	struct err keeping;                    /* why it is not kept; code 0 = no reason */
};

struct audit_targets {
	struct audit_target items[AUDIT_TARGETS_MAX];
	size_t count;
};

/*
 * What words mean: "self", a name under hosts:, an address, a host name.
 * @param policy  NULL = none. @param authorized  for addresses that are not declared.
 * @return EXIT_IN_ORDER, or an exit code after a complaint.
 */
int audit_find_targets(struct audit_targets *out, const struct context *context,
		       const struct policy *policy, const char *const *words, unsigned count,
		       bool authorized);

/* Has the daemon remember that a host was audited by --authorized alone. @return whether it does:
 * without one, or without the right to give it orders, nobody does. */
bool audit_record(const struct audit_target *target);
/* Likewise what opened or closed of a declared host since an earlier audit. @param more  ports of
 * which it is told no more than their number. */
void audit_record_change(const struct audit_target *target, enum protocol protocol,
			 const struct audit_change *change, size_t more);

/* One sweep and its rows. */
struct audit_part {
	struct audit_target *target;
	enum protocol protocol;
	struct sweep_order order;
	struct sweep_job *job; /* NULL = not begun */
	struct err fault;      /* why it could not be done; code 0 = it was */
	/* What an audit that was ended before knew, when this goes on with it; NULL = it does not.
	 */
	struct audit_layer *before;
	bool before_compared; /* that one has been held against the ones before it */
	struct audit_row *rows;
	size_t row_count;
	struct audit_change *changes; /* since earlier audits */
	size_t change_count;
	usec_t since;                /* the latest of those; 0 = there is none to compare with */
	struct identity *identities; /* what speaks at its open ports; NULL = not asked */
	size_t identity_count;
};

struct audit_parts {
	struct audit_part items[AUDIT_PARTS_MAX];
	size_t count;
	uint32_t rate; /* packets per second, all together */
};

/* Asks all of them, with progress on stderr; until Ctrl-C. @return whether it was ended so. */
bool audit_run(struct audit_parts *parts, const struct context *context);
/* Becomes nonzero with Ctrl-C. */
const volatile int *audit_stopped(void);
void audit_parts_deinit(struct audit_parts *parts);

/* ---- measures (audit_measures.c) ---- */

/* What services at open ports of one's own hosts answered: of this host, and of those under
 * hosts: of the policy. */
/* Asks them, one after the other, until Ctrl-C. @return NULL without memory. */
struct audit_measures *audit_measures_ask(struct audit_targets *targets,
					  const struct audit_parts *parts);
void audit_measures_free(struct audit_measures *measures);
/* The section of one target; nothing for NULL. Appends. */
void audit_measures_add(struct str *out, const struct audit_target *target,
			const struct context *context);
/* @return an empty list when nobody asked. */
json_t *audit_measures_json(const struct audit_target *target, enum language language);

/* ---- what earlier audits found (audit_last.c) ---- */

/* A part has ended, or will not begin: compares with earlier audits, keeps what was found, and has
 * the daemon remember what opened or closed of declared hosts. */
void audit_last(struct audit_target *target, struct audit_part *part,
		const struct context *context);
/* Keeps what is known of parts that have not ended, so that being killed costs little. */
void audit_last_under_way(const struct audit_parts *parts, const struct context *context);
/* All parts have ended: nothing is under way. Complains of what could not be kept. */
void audit_last_over(const struct audit_targets *targets, const struct context *context);
/*
 * What the last audit of an address left. @param before  gets new memory, or NULL: nothing is left.
 * @return 0; negative errno with the sentence in `e`: what is kept cannot be read.
 */
int audit_last_left(struct audit_layer **before, bool *compared, const struct addr *address,
		    enum protocol protocol, struct err *e);
/* "since the audit of ...: 8080/tcp opened". Appends. */
void audit_last_add(struct str *out, const struct audit_target *target,
		    const struct audit_parts *parts, const struct context *context);
/* Of a target: "kept" and "changes". */
json_t *audit_last_kept_json(const struct audit_target *target);
json_t *audit_last_changes_json(const struct audit_target *target, const struct audit_parts *parts);

/* Where the caller keeps a folder of that name: root's is in the folder that is root's alone.
 * @return 0; -ENOENT neither HOME nor XDG_STATE_HOME says where. */
int audit_folder_path(char out[PATH_MAX], const char *name, struct err *e);

/* ---- what is due (audit_due.c) ---- */

struct audit_due {
	const char *names[AUDIT_TARGETS_MAX]; /* of hosts:, out of the policy */
	size_t count;
	const char *next; /* the next one that will be; NULL = none */
	usec_t next_at;
};

/* Hosts of the policy whose time has come, as many as one audit takes, and notes that they are
 * asked now. @return 0 or negative errno. */
int audit_find_due(struct audit_due *out, const struct context *context,
		   const struct policy *policy, struct err *e);
/* @return an exit code. */
int audit_say_nothing_due(const struct audit_due *due, const struct context *context);
/* ---- what speaks at open ports (audit_services.c, audit_services_words.c) ---- */

/* Has minato-probe ask them, an address after the other; until Ctrl-C. What could not be asked is
 * told by audit_services_add(). @param snmp_public  SNMP is asked with "public", too. */
void audit_services(struct audit_targets *targets, struct audit_parts *parts,
		    const struct context *context, bool snmp_public);
/* NULL = it was not asked. */
const struct identity *audit_identity(const struct audit_part *part, uint16_t port);
bool audit_services_asked(const struct audit_target *target, const struct audit_parts *parts);
/* A line for each finding, with the measure of the catalogue. Appends. */
void audit_services_add(struct str *out, const struct audit_target *target,
			const struct audit_parts *parts, const struct context *context);

/* ---- words (audit_text.c, audit_json.c) ---- */

/* Everything of one target. Appends. */
void audit_add(struct str *out, const struct audit_target *target, const struct audit_parts *parts,
	       const struct context *context);
json_t *audit_json(const struct audit_target *target, const struct audit_parts *parts,
		   const struct context *context);

/* Of one part: how many ports are in each state. */
struct audit_counts {
	unsigned states[SWEEP_STATES];
};
void audit_count(struct audit_counts *out, const struct audit_part *part);
/* Interrupted, failed or not begun: what is missing is not known to be closed. */
bool audit_is_whole(const struct audit_part *part);
