/*
 * What is known of port numbers: their classes, IANA's registry, our own overlay (what really runs
 * there, how dangerous it is, what to do), ready-made profiles, and the use of client connections.
 * All of it is generated from data/ into static memory: nothing is allocated unless said.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/inventory.h"
#include "model/protocol.h"
#include "model/severity.h"
#include "text/text.h"

/* ---- classes ---- */

/* RFC 6335 section 6. */
enum port_class {
	PORT_CLASS_SYSTEM,  /* 0-1023, also called well-known */
	PORT_CLASS_USER,    /* 1024-49151, also called registered */
	PORT_CLASS_DYNAMIC, /* 49152-65535, also called private or ephemeral */
};

enum {
	PORT_CLASS_COUNT = 3,
	PORT_USER_FIRST = 1024,
	PORT_DYNAMIC_FIRST = 49152,
};

enum port_class port_class(uint16_t port);
/* "system", "user", "dynamic": the stable words of the JSON vocabulary. */
const char *port_class_name(enum port_class class);
/* The reverse. @return 0 or -EINVAL. */
int port_class_parse(enum port_class *out, const char *name);
/* "well-known", "registered", "dynamic" as people say it, in both languages. */
struct text port_class_title(enum port_class class);
/* First and last number of a class. */
uint16_t port_class_first(enum port_class class);
uint16_t port_class_last(enum port_class class);

/* ---- the registry: IANA's names ---- */

/* One name of the registry for one protocol and number. */
struct service {
	uint16_t port;
	uint8_t protocol;     /* enum protocol: TCP, UDP, DCCP, SCTP */
	char name[16];        /* RFC 6335 section 5.1: at most 15 characters */
	uint32_t description; /* offset: see service_description */
};

/* IANA's words for it; may be "", never NULL. */
const char *service_description(const struct service *service);

/*
 * The registered name of a number; MPTCP has TCP's and UDP-Lite has UDP's.
 * @return NULL when the number has none. O(log n), below a microsecond.
 */
const struct service *catalog_registry(enum protocol protocol, uint16_t port);

/* All of them, sorted by protocol, then number. */
const struct service *catalog_registry_all(size_t *count);

/*
 * The entries of a registered name (ASCII case does not matter), by protocol and number: one name
 * may have many.
 * @param out receives at most `room`. @return how many there are, may be more than `room`.
 */
size_t catalog_registry_named(const struct service **out, size_t room, const char *name);

/* ---- the overlay: what really runs there ---- */

enum tristate {
	TRISTATE_NO,
	TRISTATE_YES,
	TRISTATE_OPTIONAL, /* can be switched on */
};

/* "no", "yes", "optional". */
const char *tristate_name(enum tristate value);

/* Kinds of traffic, as the `uses` of data/ports.yaml; a bit mask in struct port_knowledge. */
enum port_use {
	PORT_USE_CLIENT_SERVER = 1 << 0,
	PORT_USE_P2P = 1 << 1,
	PORT_USE_VPN = 1 << 2,
	PORT_USE_GAME = 1 << 3,
	PORT_USE_REMOTE_ACCESS = 1 << 4,
	PORT_USE_IOT = 1 << 5,
	PORT_USE_STREAMING = 1 << 6,
};

enum { PORT_USE_COUNT = 7 };

/* "client-server", "p2p", ... of one bit; "" for anything else. */
const char *port_use_name(enum port_use use);
/* The same for people. */
struct text port_use_title(enum port_use use);

/* A group of ports.yaml: "database", with its title for people. */
struct port_group {
	const char *name;
	struct text title;
};

/* Neighbouring numbers of one protocol. */
struct port_span {
	uint8_t protocol; /* enum protocol */
	uint16_t first, last;
};

/* Plain words of one entry, NULL-terminated lists, never NULL. */
struct port_words {
	const char *const *en;
	const char *const *ja;
};

/* One entry of data/ports.yaml. No text is NULL. */
struct port_knowledge {
	const char *name; /* short id, unique over the overlay */
	struct text title;
	struct port_words words;        /* aliases people search for */
	const struct port_span *ports;  /* its numbers, the main one first */
	size_t port_count;              /* at least 1 */
	const struct port_group *group; /* never NULL */
	unsigned uses;                  /* mask of enum port_use */
	struct text use;                /* use case, one short line */
	enum severity risk;             /* when reachable from the Internet; LOW..CRITICAL */
	struct text reason;             /* why it is that dangerous */
	struct text measure;            /* what to do about it */
	enum tristate plaintext;        /* OPTIONAL: encryption can be switched on */
	enum tristate login;            /* whether a login is required by default */
	bool uploads;                   /* accepts uploads: a favourite target */
	bool movable;                   /* free to move; otherwise clients expect this number */
	bool everyday;                  /* one of the everyday ports */
	const char *const *programs;    /* usual executables, NULL-terminated, never NULL */
	const char *source;             /* where the facts are from */
};

/* A range of more numbers than this tells nothing about any one of them. */
enum { CATALOG_WIDE_PORTS = 1024 };

/*
 * The overlay's entry for a number: the most common where several share it (an entry whose main
 * number it is before one that has it on the side, a long range last). Ranges wider than
 * CATALOG_WIDE_PORTS do not count. MPTCP has TCP's and UDP-Lite has UDP's.
 * @return NULL when there is none. Below a microsecond.
 */
const struct port_knowledge *catalog_port(enum protocol protocol, uint16_t port);

/*
 * All entries that share the number, one after the other, those with wide ranges last.
 * @param after  the last answer, or NULL for the first. @return NULL at the end.
 */
const struct port_knowledge *catalog_port_next(enum protocol protocol, uint16_t port,
					       const struct port_knowledge *after);

/*
 * What to expect behind a number that this process holds: the program tells more than the number.
 * redis-server on 16379 is Redis; what python3 has on 9200 may be anything.
 * @param doubted   set when the number alone speaks for the answer and a program that is not known
 *                  for it holds the port; may be NULL.
 * @param process   NULL = none or not visible: the number decides.
 * @param ephemeral the kernel may have chosen the number by itself (inventory_is_ephemeral), so it
 *                  tells nothing without the program.
 * @return NULL when nothing is known.
 */
const struct port_knowledge *catalog_port_held(bool *doubted, enum protocol protocol, uint16_t port,
					       const struct process *process, bool ephemeral);

/* The same for a socket of an inventory. */
const struct port_knowledge *catalog_listener(bool *doubted, const struct inventory *inventory,
					      const struct listener *listener);

/* The same for a published port: the number behind the rule tells more than the one in front. */
const struct port_knowledge *catalog_published(const struct published *published);

/* Whether the number is one of the entry's. MPTCP has TCP's and UDP-Lite has UDP's. */
bool port_knowledge_has_port(const struct port_knowledge *entry, enum protocol protocol,
			     uint16_t port);

/* Whether the entry names this program; the kernel's 15 bytes of a longer name count. */
bool port_knowledge_has_program(const struct port_knowledge *knowledge, const char *program);

/* By its id; NULL when there is none. */
const struct port_knowledge *catalog_port_named(const char *name);

/* All entries, by their first number. */
const struct port_knowledge *catalog_ports(size_t *count);

/* All groups, by name. */
const struct port_group *catalog_groups(size_t *count);

/* ---- finding by words ---- */

/* Exactly one of the two is set. */
struct catalog_match {
	const struct port_knowledge *knowledge;
	const struct service *service;
};

/*
 * What a word names: an overlay id; else titles, plain words and programs of the overlay in both
 * languages, else names of the registry. Case, width (ＳＳＨ, ｻｰﾊﾞ), hiragana and katakana, the
 * long-vowel mark and hyphens do not matter (text_fold).
 * @param out receives at most `room`, the best first. @return how many there are.
 */
size_t catalog_by_word(struct catalog_match *out, size_t room, const char *word);

/*
 * Entries in which every one of the words (separated by spaces) occurs somewhere: the overlay in
 * both languages, then the registry. @return how many there are, may be more than `room`.
 */
size_t catalog_search(struct catalog_match *out, size_t room, const char *words);

/* The tables that people ask for whole. */
enum catalog_list {
	CATALOG_LIST_COMMON,     /* the everyday ports */
	CATALOG_LIST_RISKY,      /* high and critical, the worst first */
	CATALOG_LIST_WELL_KNOWN, /* overlay entries whose main number is below 1024 */
	CATALOG_LIST_REGISTERED, /* those from 1024 to 49151 */
};

/* @param out receives at most `room`. @return how many there are; catalog_ports' count suffices. */
size_t catalog_list(const struct port_knowledge **out, size_t room, enum catalog_list list);

/* ---- profiles: ready-made uses ---- */

/* How the traffic of a profile is encrypted. */
enum profile_encryption {
	PROFILE_ENCRYPTION_NONE,     /* its protocol has none */
	PROFILE_ENCRYPTION_OWN,      /* the service encrypts by itself */
	PROFILE_ENCRYPTION_GATEWAY,  /* put TLS in front of it */
	PROFILE_ENCRYPTION_OPTIONAL, /* it can be switched on in the service */
};

/* "none", "own", "gateway", "optional". */
const char *profile_encryption_name(enum profile_encryption encryption);

/* From where a profile should be reachable. */
enum profile_from {
	PROFILE_FROM_ANY,
	PROFILE_FROM_LAN,  /* own networks */
	PROFILE_FROM_HOST, /* this machine only */
};

/* "any", "lan", "host". */
const char *profile_from_name(enum profile_from from);

/* One entry of data/profiles.yaml. No text is NULL. */
struct profile {
	const char *name; /* "https" */
	struct text title;
	const struct port_span *ports; /* what has to be open */
	size_t port_count;             /* at least 1 */
	const struct port_group *group;
	struct text use; /* use case, one short line */
	enum profile_encryption encryption;
	enum profile_from from; /* recommended */
	struct text advice;     /* what to mind when it is opened */
};

/* By name, exactly; NULL when there is none. */
const struct profile *catalog_profile(const char *name);
/* All, by name. */
const struct profile *catalog_profiles(size_t *count);

/* ---- client connections ---- */

/* What this host's own connections are for: a row of data/uses.yaml. */
struct client_use {
	const char
		*name; /* "web", "p2p", "vpn", "game", "remote-access", "iot", "streaming", ... */
	struct text title;
};

/*
 * The use of a connection that this host made: by the program where it is a known one, otherwise by
 * what runs on the remote port, otherwise "other".
 * @param program  process name or base name of the executable; may be NULL. @return never NULL.
 */
const struct client_use *catalog_use(enum protocol protocol, uint16_t remote_port,
				     const char *program);

/* By name; NULL when there is none. */
const struct client_use *catalog_use_named(const char *name);
/* All, in the order of the data file; the last one is "other". */
const struct client_use *catalog_uses(size_t *count);

/* ---- the glossary: what the words around ports mean ---- */

/* What is drawn beside an explanation. */
enum glossary_figure {
	GLOSSARY_FIGURE_NONE,
	GLOSSARY_FIGURE_PORT,   /* a number among all, and its bits in the header */
	GLOSSARY_FIGURE_RANGES, /* the three ranges with what listens */
	GLOSSARY_FIGURE_NAT,
	GLOSSARY_FIGURE_DOORS,  /* one address, a door for each port */
	GLOSSARY_FIGURE_TAKEN,  /* a door that one program has, and another one wants */
	GLOSSARY_FIGURE_LADDER, /* packets: see struct glossary_ladder */
};

/* Which way a packet of a ladder goes. */
enum glossary_way {
	GLOSSARY_TO_SERVER,
	GLOSSARY_TO_CLIENT,
	GLOSSARY_FROM_BETWEEN, /* to the client, from a router or firewall */
	GLOSSARY_NOTHING,      /* what is waited for in vain */
};

struct glossary_step {
	enum glossary_way way;
	struct text label;
};

/* Packets in the order in which they always pass. */
struct glossary_ladder {
	const char *name;
	uint8_t protocol; /* enum protocol */
	uint16_t port;    /* of the server, where no real connection lends its numbers */
	bool live;        /* a connection of this host went like this: its numbers may be shown */
	const struct glossary_step *steps;
	size_t count;
};

struct glossary_group {
	const char *name;
	struct text title;
};

/* One entry of data/glossary.yaml. No text is NULL. */
struct glossary_term {
	const char *name; /* "port-forward": unique over the glossary */
	struct text title;
	const char *const *also; /* other words for it in both languages, NULL-terminated */
	const struct glossary_group *group;
	struct text text;       /* two to five sentences */
	const char *const *see; /* names of other terms, NULL-terminated */
	const char *command;    /* of minato, to try: "minato ports", "sudo minato bans" */
	enum glossary_figure figure;
	const struct glossary_ladder *ladder; /* of GLOSSARY_FIGURE_LADDER, else NULL */
};

/* The term that a word calls by name, title or another word for it, in either language; case and
 * the like do not matter, as in catalog_by_word(). @return NULL when there is none. */
const struct glossary_term *catalog_term(const char *word);

/* All terms, those of one group together. */
const struct glossary_term *catalog_terms(size_t *count);
