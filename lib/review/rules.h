/* The rules of a review, and what they share. */
#pragma once

#include "review/offering.h"
#include "review/review.h"

/* One review on its way. */
struct review {
	const struct review_input *in;
	struct findings *out;
	struct offerings offerings;
	int error; /* first negative errno; then nothing more is added */
};

/* Adds a finding. Its severity may not be above critical. @return it, or NULL after an error: all
 * functions below take that. It dies with the next finding. */
struct finding *review_add(struct review *review, const char *id, enum severity severity);
/* Adds one about a socket, with its endpoint, program and service. */
struct finding *review_add_offering(struct review *review, const char *id, enum severity severity,
				    const struct offering *offering);
/* Adds one about a declaration, with its place. `ports` may be NULL. */
struct finding *review_add_declaration(struct review *review, const char *id,
				       enum severity severity,
				       const struct policy_declaration *declaration,
				       const struct policy_ports *ports);

/* Adds a fact; NULL and "" are left out. */
void review_fact(struct review *review, struct finding *finding, const char *name,
		 const char *value);
void review_fact_printf(struct review *review, struct finding *finding, const char *name,
			const char *format, ...) __attribute__((format(printf, 4, 5)));

const struct listener *review_listener(const struct review *review,
				       const struct offering *offering);
/* One step less, not below low. */
enum severity severity_down(enum severity severity);

/*
 * How dangerous it is that a service can be reached: NONE below high risk. A login that does not
 * travel in plaintext makes it one step less, and so does an address of a private network.
 */
enum severity danger_of(const struct port_knowledge *knowledge, enum exposure exposure);

/* Whether the packet filter keeps everybody out of the port, as far as the kernel was asked. */
bool review_is_closed(const struct review *review, enum protocol protocol, uint16_t port);

/* Whether the port is declared open to everybody. */
bool declared_for_any(const struct policy_declaration *declaration);

/* Fact "command": what ends the program, or starts it anew. */
void review_stop_command(struct review *review, struct finding *finding,
			 const struct process *process);
void review_restart_command(struct review *review, struct finding *finding,
			    const struct process *process);

/* Facts "command" (sets the whole new list of reserved ports) and "range" of an ephemeral clash. */
void review_reserve_command(struct review *review, struct finding *finding, uint16_t first,
			    uint16_t last);

void rules_of_sockets(struct review *review);
void rules_of_declarations(struct review *review);
void rules_of_host(struct review *review);
void rules_of_binds(struct review *review);
void rules_of_firewall(struct review *review);
