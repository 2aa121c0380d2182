/*
 * A service goes from one port number to another without anybody being locked out: first it listens
 * on both, then, when somebody has come in through the new one, on the new one alone.
 * Here are the parts that know neither clock nor kernel: the settings of sshd and of socket units,
 * and the record that every step can be gone back from. docs/design/move.md says why it is so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "base/when.h"
#include "model/protocol.h"

/* ---- sshd_config(5) (pure) ---- */

/* One file of those that sshd reads. */
struct move_text {
	const char *path;
	const char *bytes; /* terminated */
};

/* @return 0 = go on, or a negative errno that ends it. */
typedef int move_pattern_function(const char *pattern, void *data);

/*
 * Calls `function` for each pattern of each Include before the first Match, in the file's order.
 * @return 0, or what the function returned.
 */
int move_sshd_includes(const char *text, move_pattern_function *function, void *data);

/*
 * Appends the lines that let sshd listen on `to` wherever these files let it listen on `from`: Port
 * lines add up, the built-in 22 has to be said once another is said, and a ListenAddress with a
 * port of its own heeds no Port.
 * @return 0; -ENOENT the files do not name `from`, so that something else does; -ENOMEM, -EFBIG.
 */
int move_sshd_add(struct str *out, const struct move_text *texts, size_t count, uint16_t from,
		  uint16_t to);

/*
 * Appends the file with every line that names the port turned into a comment, or left out.
 * Includes are not followed, lines after Match stay. @return how many lines; -ENOMEM, -EFBIG.
 */
int move_sshd_without(struct str *out, const char *text, uint16_t port, bool leave_out);

/* ---- systemd.socket(5) (pure) ---- */

enum { MOVE_NAME_BYTES = 256, MOVE_LISTENS_MAX = 64 };

/* One address of a socket unit: ListenStream=0.0.0.0:22 is "Stream" and "0.0.0.0:22". */
struct move_listen {
	char type[24];
	char address[MOVE_NAME_BYTES];
};

struct move_socket {
	char unit[MOVE_NAME_BYTES];    /* "ssh.socket" */
	char service[MOVE_NAME_BYTES]; /* what it starts: "ssh.service"; "" when one for each
					  connection */
	struct move_listen listens[MOVE_LISTENS_MAX];
	size_t listen_count;
};

/*
 * Finds the active unit that listens on a port in what
 * `systemctl show --property=Id,Listen,Accept,Triggers,ActiveState "*.socket"` prints.
 * @return 0; -ENOENT; -E2BIG more than MOVE_LISTENS_MAX addresses. `out` untouched then.
 */
int move_socket_find(struct move_socket *out, const char *shown, enum protocol protocol,
		     uint16_t port);

/*
 * Appends a drop-in that says everything the unit listens on, with `to` in the place of `from` or,
 * with `both`, beside it. @return 0, -ENOMEM, -EFBIG.
 */
int move_socket_text(struct str *out, const struct move_socket *socket, enum protocol protocol,
		     uint16_t from, uint16_t to, bool both);

/* ---- the record ---- */

enum move_stage {
	MOVE_PREPARED,  /* nothing or a part of it is done: only the way back is left */
	MOVE_WAITING,   /* both ports are open */
	MOVE_FINISHING, /* the old port is being closed */
	MOVE_FINISHED,
	MOVE_UNDONE,
};

/* "prepared", "waiting", "finishing", "finished", "undone". */
const char *move_stage_name(enum move_stage stage);

/* Who tells the service its port. */
enum move_means {
	MOVE_SSHD,    /* sshd_config */
	MOVE_SOCKET,  /* a socket unit of systemd */
	MOVE_BY_HAND, /* whoever runs it */
};

/* "sshd", "socket", "by_hand". */
const char *move_means_name(enum move_means means);

/* What a file holds at the three points of the way. */
enum move_point {
	MOVE_BEFORE, /* the old port alone */
	MOVE_BOTH,
	MOVE_AFTER, /* the new port alone */
};

enum { MOVE_POINTS = 3, MOVE_FILES_MAX = 64, MOVE_FILE_BYTES_MAX = 1024 * 1024 };

struct move_content {
	char *bytes; /* terminated; NULL = there is no such file */
	size_t length;
};

/* Whose a file is: that decides when it is written. */
enum move_room {
	MOVE_ROOM_SYSCTL,
	MOVE_ROOM_POLICY,
	MOVE_ROOM_SERVICE,
};

struct move_file {
	enum move_room room;
	char *path;
	bool folder; /* its folder is made with it */
	struct move_content at[MOVE_POINTS];
};

struct move {
	enum move_stage stage;
	enum move_means means;
	char name[MOVE_NAME_BYTES];    /* of the declaration */
	char unit[MOVE_NAME_BYTES];    /* that is reloaded or restarted; "" = none */
	char service[MOVE_NAME_BYTES]; /* SOCKET: what the unit starts; "" = none */
	char config[1024];             /* SSHD: the file that sshd begins with */
	enum protocol protocol;
	uint16_t from, to;
	bool login;        /* only a login through the new port lets it finish */
	bool reserved;     /* `to` was added to the ports that the kernel does not choose */
	uint32_t seconds;  /* to wait for it, 0 = for ever */
	char boot[40];     /* the kernel's boot_id */
	usec_t begun;      /* wall time */
	usec_t both_since; /* CLOCK_BOOTTIME at which both were open; 0 = not yet */
	usec_t settled;    /* wall time of the end, 0 = not yet */
	char by[96], reason[400];
	VEC(struct move_file) files;
};

void move_deinit(struct move *move);

/* Adds a file whose three contents are given away to it, also on failure.
 * @return 0, -ENOMEM, -E2BIG beyond MOVE_FILES_MAX. */
int move_add_file(struct move *move, enum move_room room, const char *path,
		  struct move_content contents[MOVE_POINTS]);

/* The record without the contents, as JSON. @return 0, -ENOMEM. */
int move_print(struct str *out, const struct move *move);
/* The reverse. @return 0; -EBADMSG; -ENOMEM. Free with move_deinit; `out` untouched on failure. */
int move_parse(struct move *out, const char *text);

/* Whether it is to be undone: the time is up, the host was started anew meanwhile, or the command
 * that was at work has ended half-way. The last is only true for who has the lock.
 * @param now_boot CLOCK_BOOTTIME */
bool move_is_over(const struct move *move, const char *boot, usec_t now_boot);
/* Whether it is under way: neither finished nor undone. */
bool move_is_open(const struct move *move);

/* ---- on disk (io) ---- */

/*
 * The folder of the record, below that of the rules. It belongs to root and nobody else may write
 * there.
 * @param change  makes it and takes its lock.
 * @return descriptor, -ENOENT without `change`; -EBUSY; -EPERM it is not safe; others.
 */
int move_folder_open(const char *rules_directory, bool change, struct err *e);
/* Writes the contents, then the record: the way back is on disk before anything is touched. */
int move_record_begin(int folder, const struct move *move, struct err *e);
/* The record alone, as the stage changes. */
int move_record_update(int folder, const struct move *move, struct err *e);
/* @return 0; -ENOENT there was never one; -EBADMSG; others. */
int move_record_read(int folder, struct move *out, struct err *e);

/* Outcome of move_file_put. */
enum move_put {
	MOVE_PUT_STRANGE = 1, /* it holds none of the three: somebody else has changed it */
};

/*
 * Brings a file to what it holds at that point, whole or not at all; its owner, mode and attributes
 * stay. @return 0 (also when nothing was to be done); MOVE_PUT_STRANGE; negative errno.
 */
int move_file_put(const struct move_file *file, enum move_point point, struct err *e);

/* Removes what a command that was killed while writing left beside the file. */
void move_file_clean(const struct move_file *file);

/* Reads a file of settings. A missing one is NULL bytes. @return 0; -EFBIG; -EBADMSG it has NUL
 * bytes; other negative errno. */
int move_content_read(struct move_content *out, const char *path, struct err *e);

/*
 * Reads the file that sshd begins with and everything that it includes, in sshd's order; a pattern
 * without a slash in front lies in that folder (sshd: /etc/ssh).
 * @param place  receives a path that one of the patterns of the first file would find: for a file
 *               of ours; "" when there is none. Has 1024 bytes.
 */
struct move_sshd_files {
	VEC(struct move_file) list; /* path and at[MOVE_BEFORE] */
	char place[1024];
};
int move_sshd_read(struct move_sshd_files *out, const char *config, const char *folder,
		   const char *name, struct err *e);
void move_sshd_files_deinit(struct move_sshd_files *files);
