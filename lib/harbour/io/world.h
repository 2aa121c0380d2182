/* A world while it is made and while it stands. Private to harbour/io. */
#pragma once

#include "harbour/harbour.h"

enum {
	PATH_BYTES = 512,
	PORT_INDEX = 1000, /* of a bridge's port; the machines' own interfaces count from 1 */
	SWITCH_INDEX = 10, /* of the first bridge */
};

/* Where things lie inside. */
#define WORLD_FOLDER "/run/harbour"
#define WORLD_PROGRAMS WORLD_FOLDER "/bin"
/* The gate: here in the world's first process, below WORLD_FOLDER in the machines. */
#define GATE_FOLDER "/run/gate"
#define GATE_NAME "at"
enum { GATE_BYTES_MAX = 16384 };

struct harbour_world {
	const struct harbour *harbour;
	const struct harbour_setup *setup;
	bool user_namespace;
	char programs[PATH_BYTES]; /* folder of minato, as it is found inside */
	char minatod[PATH_BYTES];  /* the same of the daemon */
	int gate;                  /* listens; or -1 */
	int actor;                 /* minato-actor, for reading */
	pid_t machines[HARBOUR_MACHINES_MAX];
	int pidfds[HARBOUR_MACHINES_MAX];
	int links[HARBOUR_MACHINES_MAX]; /* sockets to the machines' first processes */
};

/* ---- files.c ---- */

/* Finds the programs from where this one lies. @return 0; -ENOENT one is not installed. */
int files_find(struct harbour_world *world, struct err *e);
/* Once, before any other: nothing outside can be written or sees our mounts. */
int files_close_world(struct harbour_world *world, struct err *e);
/* For each machine, in its own namespaces. */
int files_make_machine(struct harbour_world *world, uint32_t machine, struct err *e);

/* ---- network.c ---- */

/* Bridges, and a link from each to its machines, whose processes are there already. */
int network_connect(const struct harbour_world *world, struct err *e);
/* In a machine: addresses, routes, masquerading; waits until the links carry. */
int network_settle(const struct harbour *harbour, uint32_t machine, struct err *e);

/* ---- machine.c ---- */

/* A machine's first process. Tells over `link` that it wants its links, and that it is ready. */
_Noreturn void machine_main(struct harbour_world *world, uint32_t machine, int link);

/* For who becomes another program: signals are as that one expects them. */
void world_forget_signals(void);

/* ---- gate.c ---- */

/* Makes the socket. @return 0 or negative errno. */
int gate_open(struct harbour_world *world, struct err *e);
/* Takes one who asks, and serves him in a process of his own. */
void gate_serve(struct harbour_world *world);

/* ---- what crosses between them ---- */

struct word {
	struct err e; /* code 0: all is well */
};

/* @return 0 or negative errno. */
int word_say(int link, const struct err *e);
/* @return 0; what the other side said; -EIO it is gone. */
int word_hear(int link, struct err *e);
