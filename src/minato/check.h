/* minato check: one target, from its name to what became of it. */
#pragma once

#include <jansson.h>
#include <signal.h>

#include "capture/capture.h"
#include "command.h"
#include "identify/identify.h"
#include "model/inventory.h"
#include "probe/probe.h"
#include "resolve/resolve.h"

/* What this host itself knows of one of its ports. */
enum check_inside {
	CHECK_INSIDE_UNKNOWN,   /* it is another host, or nobody looked */
	CHECK_INSIDE_NOBODY,    /* nothing listens there */
	CHECK_INSIDE_ELSEWHERE, /* something listens, on another address */
	CHECK_INSIDE_LISTENS,
	CHECK_INSIDE_FULL, /* as many connections wait for accept() as may */
};

/* The resolver that names are asked of. */
enum check_dns {
	CHECK_DNS_NOT_ASKED, /* no name was needed, or the answer came */
	CHECK_DNS_NONE,      /* /etc/resolv.conf names none */
	CHECK_DNS_ANSWERS,   /* asked by itself it does */
	CHECK_DNS_SILENT,
};

/* What this host's own rules do with a packet that goes out; asked of the twin. */
enum check_output {
	CHECK_OUTPUT_NOT_ASKED,
	CHECK_OUTPUT_RIGHTS, /* root may ask */
	CHECK_OUTPUT_GOES,
	CHECK_OUTPUT_ENDS, /* by `output_rule` */
	CHECK_OUTPUT_UNKNOWN,
};

enum { CHECK_RULE_BYTES = 256 };

/* ---- the way to an own port, from the program to the Internet ---- */

enum check_place {
	CHECK_LISTENER,
	CHECK_FIREWALL,
	CHECK_LAN,
	CHECK_ROUTER,
	CHECK_INTERNET,
	CHECK_PLACES,
};

enum check_state {
	CHECK_STATE_UNKNOWN, /* nobody here can say */
	CHECK_STATE_DONE,    /* it goes on here */
	CHECK_STATE_REFUSED, /* it ends here */
};

/* What a state rests on; `detail` and `more` fill its sentence, see check_way_text.c. */
enum check_basis {
	CHECK_LISTENS,        /* detail: program, more: addresses */
	CHECK_LISTENS_INSIDE, /* the same, all of loopback */
	CHECK_LISTENS_NOBODY,
	CHECK_LISTENS_FULL, /* the same as of the first */
	CHECK_LISTENS_UNSEEN,
	CHECK_RULES_LET_IN,  /* detail: from whom, more: interface */
	CHECK_RULES_SEND_ON, /* the same, to somewhere else: a container */
	CHECK_RULES_END,     /* detail: from whom, more: the rule */
	CHECK_RULES_DOUBT,   /* detail: from whom, more: why */
	CHECK_RULES_RIGHTS,  /* root may ask */
	CHECK_RULES_UNASKED, /* more: why */
	CHECK_LAN_REACHED,   /* detail: own address, more: interface */
	CHECK_LAN_IF,        /* the same, but the rules were not asked */
	CHECK_LAN_NO_ADDRESS,
	CHECK_LAN_NO_LINK, /* more: interface */
	CHECK_ROUTER_NONE,
	CHECK_ROUTER_SILENT,  /* more: router */
	CHECK_ROUTER_PUBLIC,  /* detail: own address, more: router */
	CHECK_ROUTER_PRIVATE, /* the same; NAT before it */
	CHECK_ROUTER_SHARED,  /* the same; NAT of the provider (RFC 6598) */
	CHECK_INTERNET_UNPROVEN,
	CHECK_INTERNET_SEEN,   /* detail: from where, more: how */
	CHECK_INTERNET_UNSEEN, /* the same */
	CHECK_INTERNET_UNTOLD, /* the same; it proves nothing */
	CHECK_BASES,
};

struct check_way_step {
	uint8_t state;              /* enum check_state */
	uint8_t basis;              /* enum check_basis */
	char detail[64], more[192]; /* harmless text */
};

/* The queue of an own port, and what its network namespace lost to full ones. */
struct check_queue {
	uint32_t waiting, room;  /* connections; room 0 = not known */
	bool counted;            /* what follows is known */
	uint64_t lost, lost_now; /* ever, and while the check went on */
};

struct check {
	struct probe_target target;
	struct resolve_answer names;
	usec_t resolved; /* time it took; 0 = nothing was asked */
	struct probe_order order;
	struct probe_record records[PROBE_RECORDS_MAX];
	size_t count;
	enum probe_cause cause;
	const struct probe_record *evidence; /* one of records; NULL = none */
	struct probe_local local;
	bool own; /* the address that was asked, or would be, is this host's */
	enum check_inside inside;
	char program[64]; /* that listens there; "" = none, or not known */
	struct check_queue queue;
	enum check_dns dns;
	struct addr resolver; /* ADDR_NONE = none was asked */
	enum check_output output;
	char output_rule[CHECK_RULE_BYTES]; /* harmless text */
	struct identity identity;           /* what speaks there; port 0 = it was not asked */
	usec_t began, took;
	const char *via; /* from where it was asked too, as typed; NULL = from nowhere */
	struct probe_via_answer seen; /* from there */
	bool has_way;                 /* what follows was looked at */
	struct check_way_step way[CHECK_PLACES];
	bool captured; /* the packets below are what was seen of the connection */
	size_t packet_count;
	uint64_t packets_more; /* that there was no room for, or that were lost */
	struct capture_packet packets[CAPTURE_PACKETS_MAX];
};

struct check_limits {
	usec_t connect_time, answer_time;
	bool capture; /* packets, where the kernel allows it */
	bool way;     /* of an own port: the whole way to it */
};

/*
 * Asks. @param inventory  listeners of this host, for its own ports; or NULL.
 * @return EXIT_IN_ORDER when it could be asked, whatever the cause; or an exit code after a
 * complaint.
 */
int check_run(struct check *out, const struct context *context, const struct probe_target *target,
	      const struct check_limits *limits, const struct inventory *inventory);

/* What this host knows of its own port; see struct check. */
void check_look_inside(struct check *check, const struct inventory *inventory);

/*
 * Asks what speaks at a TCP port that lets connect, when nobody said what should (tcp://, a port
 * without a usual service). Without an answer check->identity stays as it is.
 */
void check_identify(struct check *check);

/* ---- this host's own side (check_side.c) ---- */

/* After something went wrong: the resolver, and as root what the own rules do on the way out, which
 * may change the cause. */
void check_side(struct check *check);
/* Before and after the connection: what was lost to full queues meanwhile. */
void check_queue_begin(struct check_queue *queue);
void check_queue_end(struct check_queue *queue);

/* ---- the way (check_way.c, check_way_text.c) ---- */

/* From the program to the Internet. @param inventory  NULL = it could not be looked at. */
void check_way(struct check *check, const struct inventory *inventory);
/* Appends a line for each place. */
void check_add_way(struct str *out, const struct check *check, const struct context *context);
/* [{"place", "state", "basis", "detail", "more"}]; null = nobody looked. @return a new reference.
 */
json_t *check_way_json(const struct check *check);

/* What the view from outside says of the last place. */
void check_way_internet(struct check *check);

/* ---- asked from another host (check_via.c) ---- */

struct check_via {
	const char *name; /* as typed; NULL = nobody is asked */
	struct probe_via from;
	struct probe_via_answer answers[PROBE_VIA_MAX];
};

/* Asks for all targets over one login. @return an exit code; after a complaint when nobody could be
 * asked, which leaves the answers empty. */
int check_via_ask(struct check_via *via, const struct context *context,
		  const struct probe_target *targets, size_t count, unsigned seconds);
/* Takes one answer over. */
void check_via_take(struct check *check, const struct check_via *via, size_t index);
/* The cause that the other host found; PROBE_UNKNOWN when it cannot tell. */
enum probe_cause check_via_cause(const struct check *check);
/* What asked there, and what that proves. Appends. */
void check_add_via(struct str *out, const struct check *check);
void check_add_via_proof(struct str *out, const struct check *check);
json_t *check_via_json(const struct check *check);
/* The exit code of both views: what this side found; where that is an answer, what the other did.
 */
int check_exit(const struct check *check);

/* ---- packets of the connection (check_capture.c) ---- */

struct check_capture {
	int socket; /* -1 = nothing is captured */
	int held;   /* keeps the port from others; -1 = none */
	struct capture_connection connection;
};

/* Why packets cannot be captured here. @return 0 they can; negative errno with the sentence. */
int check_may_capture(struct err *e);
/* Chooses the port that the order is sent from, and begins. Without the right to it nothing is
 * captured. */
void check_capture_begin(struct check_capture *capture, struct check *check);
/* Waits a moment for the last ones, and takes them into `check`. @return 0, or negative with the
 * sentence. */
int check_capture_end(struct check_capture *capture, struct check *check, struct err *e);

/* ---- several at once (check_crew.c) ---- */

/* Carried out by a process of its own. @return an exit code; then `out` holds with
 * EXIT_IN_ORDER. */
typedef int check_ask_function(struct check *out, const struct probe_target *target,
			       const void *data);
/* Told of each target in the order in which they were given. @return whether to go on. */
typedef bool check_tell_function(const struct check *check, int code, void *data);

struct check_crew {
	check_ask_function *ask;
	check_tell_function *tell;
	void *data;                           /* of both */
	const volatile sig_atomic_t *stopped; /* once it is not 0 nobody is told any more */
};

/* Asks up to 16 targets at a time. @return 0; negative errno when nobody could be asked. */
int check_crew(const struct check_crew *crew, const struct probe_target *targets, size_t count);

/* Says why nobody could be asked. @return EXIT_ERROR. */
int check_complain_of_crew(const struct context *context, int error);

/* ---- again and again (check_watch.c) ---- */

struct check_watch {
	const struct context *context;
	check_ask_function *ask;
	const void *data;
	const volatile sig_atomic_t *stopped;
	uint64_t every; /* seconds */
};

/* Until it is stopped. @return the exit code of the last round's cause, or after a complaint. */
int check_watch(const struct check_watch *watch, const struct probe_target *target);
/* So many seconds, or until a signal comes. */
void check_pause(uint64_t seconds);

/* ---- words (check_text.c) ---- */

/* "Check your own connection first": link, address, router, resolver, rules, in that order
 * (check_side_text.c). Appends. */
void check_add_side(struct str *out, const struct check *check);
/* Who listens at an own port, and its queue. Appends. */
void check_add_inside(struct str *out, const struct check *check);
/* A label in its column. Appends. */
void check_add_label(struct str *out, const char *label);

/* The cause in a sentence, with what it rests on (check_cause.c). Appends one line without its end.
 */
void check_add_cause(struct str *out, const struct check *check, const struct context *context);
/* Every step, the cause, and what to do. Appends. */
void check_add(struct str *out, const struct check *check, const struct context *context);
/* "https://host:443". Appends. */
void check_add_target(struct str *out, const struct probe_target *target);

/* The ladder of the connection: of its packets, else of its steps (check_figure.c). Appends.
 * @return 0 or negative errno of `out`. */
int check_figure(struct str *out, const struct check *check, const struct context *context,
		 bool svg);
/* The same as an SVG file (check_svg.c). @return an exit code, after a complaint when it is not
 * EXIT_IN_ORDER. */
int check_write_svg(const char *path, const struct check *check, const struct context *context);
/* "SYN, ACK", "517 bytes: ClientHello". Appends. */
void check_add_packet(struct str *out, const struct capture_packet *packet);
/* Each packet's bytes over the fields that they are (check_packets.c). Appends. */
void check_add_packets(struct str *out, const struct check *check);

json_t *check_json(const struct check *check, const struct context *context);
