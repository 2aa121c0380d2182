/*
 * A harbour to practise in: machines, networks and programs as a small YAML file describes them,
 * and the same as namespaces and processes that vanish with the one who made them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "text/text.h"

enum {
	HARBOUR_FILE_BYTES_MAX = 256 * 1024,
	HARBOUR_NETWORKS_MAX = 8,
	HARBOUR_MACHINES_MAX = 16,
	HARBOUR_PROGRAMS_MAX = 32, /* of a machine */
	HARBOUR_STEPS_MAX = 64,
	HARBOUR_SHOWN_MAX = 8,      /* words that a step has to show */
	HARBOUR_NAME_BYTES = 16,    /* of a process and of an interface, NUL included */
	HARBOUR_SECONDS_MAX = 3600, /* of any waiting */
};

/* What a program does; the words are those of the file, and of minato-actor. */
enum harbour_does {
	HARBOUR_LOGIN,   /* greets as SSH does; lets the reader in */
	HARBOUR_WEB,     /* HTTP, with tls: HTTPS */
	HARBOUR_TELNET,  /* asks for a name and a password, lets nobody in */
	HARBOUR_REDIS,   /* answers anybody */
	HARBOUR_GAME,    /* keeps players connected */
	HARBOUR_MQTT,    /* a broker */
	HARBOUR_VISIT,   /* asks a port again and again */
	HARBOUR_STAY,    /* connects to a port and remains */
	HARBOUR_PUBLISH, /* the same to a broker */
	HARBOUR_SCAN,    /* asks one port after the other */
};

/* The word of the file. Static memory. */
const char *harbour_does_word(enum harbour_does does);
/* Whether it listens; else it goes to `to`. */
bool harbour_does_listen(enum harbour_does does);

struct harbour_network {
	const char *name;
	struct prefix prefix; /* IPv4 */
};

struct harbour_program {
	const char *name; /* of the process */
	enum harbour_does does;
	uint16_t port;       /* it listens on or goes to; 0 = a scan: all of its own list */
	bool tls;            /* HARBOUR_WEB */
	uint32_t to;         /* index of a machine; of those that go */
	struct addr address; /* of that machine, as seen from this one */
	uint32_t after;      /* seconds from the start of the world */
	uint32_t every;      /* seconds between two questions; of those that go */
};

struct harbour_place {
	uint32_t network; /* index */
	struct addr address;
};

struct harbour_machine {
	const char *name;
	struct text about; /* both NULL = nothing said */
	struct harbour_place places[HARBOUR_NETWORKS_MAX];
	uint32_t place_count;
	struct addr via;      /* gateway of its default route; ADDR_NONE = none */
	uint32_t masquerades; /* 1 + index of the network towards which it hides the others; 0 = no
			       */
	struct harbour_program *programs;
	uint32_t program_count;
};

/* A step of the tour. */
struct harbour_step {
	struct text title, why, see; /* title: both NULL = goes on with the step before */
	const char *type;            /* a command line */
	uint32_t at;                 /* index of the machine where it is typed */
	uint32_t code;               /* exit code that it ends with */
	uint32_t within;             /* seconds: it is typed again until it shows; 0 = once */
	struct text shows[HARBOUR_SHOWN_MAX]; /* what its output has */
	uint32_t shown_count;
};

/* A whole world. Everything lies in its arena. */
struct harbour {
	struct text title;
	struct harbour_network networks[HARBOUR_NETWORKS_MAX];
	uint32_t network_count;
	struct harbour_machine machines[HARBOUR_MACHINES_MAX];
	uint32_t machine_count;
	uint32_t host; /* index of the machine with minato, its daemon and its rules */
	uint32_t desk; /* index of the one where the reader sits */
	struct harbour_step *steps;
	uint32_t step_count;
	struct arena arena;
};

/* The world that comes with minato: the text of data/harbour.yaml. Static memory. */
extern const char harbour_builtin[];

/*
 * Reads a world.
 * @param out     the caller gives it to harbour_free(); untouched on failure.
 * @param faults  gets every fault as "file:line:column: error: sentence", the line and a mark.
 * @param name    of the file, for the faults.
 * @return 0; -EINVAL with faults; -EFBIG longer than HARBOUR_FILE_BYTES_MAX; -ENOMEM.
 */
int harbour_read(struct harbour **out, struct str *faults, const char *name, const char *bytes,
		 size_t length);
/* NULL is allowed. @return NULL. */
struct harbour *harbour_free(struct harbour *harbour);

/* By name. @return its index, or machine_count when there is none. */
uint32_t harbour_find(const struct harbour *harbour, const char *name);

/* The address of `to` as `from` reaches it: in a network of both, else in one of its gateway's,
 * else the first one it has. */
struct addr harbour_address(const struct harbour *harbour, uint32_t from, uint32_t to);

/* Draws it: networks, their machines, addresses, what those run. Plain text that fits `columns`. */
void harbour_draw(struct str *out, const struct harbour *harbour, enum language language,
		  const struct style *style, size_t columns);

/* ---- the world as processes (io) ---- */

struct harbour_setup {
	const char *const *environment; /* NULL-terminated "NAME=value", for all programs inside */
};

struct harbour_world;

/*
 * What is done in a world that stands, in a process of its own whose namespaces are those of no
 * machine.
 * @return the exit code of the whole.
 */
typedef int harbour_inside(struct harbour_world *world, void *data);

/*
 * Makes the world, calls `inside` in it and takes everything down, whatever ends first: this
 * process (also by SIGKILL), `inside`, or a machine. Nothing is left, and no network, file or rule
 * of this machine is touched: namespaces of user (where the kernel allows them), mount, pid,
 * network, host name and System V IPC; the file systems of the machine cannot be written inside.
 * Ctrl-C is for `inside` meanwhile.
 * @param code  what inside returned; 128 + the signal that ended it.
 * @return 0; -EPERM, -ENOSYS, -EOPNOTSUPP, -ENOSPC: no such world can be made here, e says why;
 *         other negative errno: it failed.
 */
int harbour_run(int *code, const struct harbour *harbour, const struct harbour_setup *setup,
		harbour_inside *inside, void *data, struct err *e);

/* The world's description. */
const struct harbour *harbour_of(const struct harbour_world *world);

/*
 * Starts a program at a machine.
 * @param words  NULL-terminated; words[0] is found by the PATH of the machines.
 * @param fds    become its 0, 1 and 2.
 * @return the process to wait for, which ends with the program's code (128 + signal; 127 not
 *         found); negative errno of fork(2).
 */
pid_t harbour_start(struct harbour_world *world, uint32_t machine, const char *const *words,
		    const int fds[3]);

/*
 * This process, and those it starts from then on, stand at a machine: its network, files and names.
 * There is no way back. @return 0 or negative errno of setns(2).
 */
int harbour_enter(const struct harbour_world *world, uint32_t machine, struct err *e);
