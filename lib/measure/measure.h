/*
 * Countermeasures that can be checked: whether each is done, not done, or cannot be told, and what
 * that rests on. What counts for which service is data (data/measures.yaml); here evidence becomes
 * a verdict. Evidence is what files of this host say, the rules, and what a process without rights
 * (minato-probe, role "measure") heard.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"
#include "catalog/catalog.h"
#include "model/process.h"
#include "model/severity.h"
#include "probe/probe.h"
#include "text/text.h"

/* ---- the table ---- */

enum measure_id {
	MEASURE_SSH_ROOT_LOGIN,
	MEASURE_SSH_PASSWORD,
	MEASURE_SSH_HOST_KEYS,
	MEASURE_FTP_TLS,
	MEASURE_SMTP_AUTH,
	MEASURE_SMTP_RELAY,
	MEASURE_HTTP_REDIRECT,
	MEASURE_HTTP_LISTING,
	MEASURE_HTTP_TRAVERSAL,
	MEASURE_HTTP_PAGE,
	MEASURE_SMB_GUEST,
	MEASURE_SMB_ENCRYPTION,
	MEASURE_LOGIN,
	MEASURE_DOCKER_TLS,
	MEASURE_SMB1,
	MEASURE_SMB_SIGNING,
	MEASURE_RDP_NLA,
	MEASURE_SNMP_COMMUNITY,
	MEASURE_ADDRESS_LIMIT,
	MEASURES,
};

/* How it is done with these programs. */
struct measure_mend {
	const char *const *programs; /* names of executables, NULL-terminated; none = all others */
	struct text text;
};

/* One measure. Static memory. */
struct measure {
	const char *name; /* "ssh-root-login": the stable word of JSON */
	struct text title;
	enum severity severity;           /* when it is not done */
	bool asks;                        /* only who connects can know */
	const char *const *services;      /* ids of the catalogue, NULL-terminated */
	const struct measure_mend *mends; /* the last one is for all programs */
};

const struct measure *measure_at(enum measure_id id);
/* Whether it counts for an entry of the catalogue; NULL = nothing does. */
bool measure_is_for(enum measure_id id, const struct port_knowledge *service);
/* How to do it with this program ("sshd"); NULL = not known which. */
struct text measure_mend_for(enum measure_id id, const char *program);

/* ---- sshd_config(5) ---- */

enum { MEASURE_VALUE_BYTES = 256, MEASURE_PATH_BYTES = 256, MEASURE_KEYS_MAX = 16 };

/* Keywords that are read. */
enum measure_sshd_keyword {
	MEASURE_SSHD_ROOT_LOGIN,          /* PermitRootLogin */
	MEASURE_SSHD_PASSWORD,            /* PasswordAuthentication */
	MEASURE_SSHD_KEYBOARD,            /* KbdInteractiveAuthentication, and its older names */
	MEASURE_SSHD_PAM,                 /* UsePAM */
	MEASURE_SSHD_METHODS,             /* AuthenticationMethods */
	MEASURE_SSHD_HOST_KEY_ALGORITHMS, /* HostKeyAlgorithms */
	MEASURE_SSHD_KEYWORDS,
};

/* What a file says of one keyword, and where. */
struct measure_setting {
	bool said;   /* else `text` is sshd's own default */
	bool unsure; /* a file that could not be read stands before it */
	unsigned line;
	char text[MEASURE_VALUE_BYTES]; /* words with one space between; printable ASCII */
	char path[MEASURE_PATH_BYTES];
};

/* A Match block that lets more in than what holds for all. */
struct measure_sshd_match {
	bool there;
	struct measure_setting value;
	char criteria[MEASURE_VALUE_BYTES]; /* "Address 192.0.2.0/24" */
};

struct measure_sshd_key {
	char path[MEASURE_PATH_BYTES]; /* of the private key, as it is written */
};

struct measure_sshd {
	struct measure_setting values[MEASURE_SSHD_KEYWORDS];
	/* The first block that allows root, or anybody, a password. */
	struct measure_sshd_match root_match, password_match;
	struct measure_sshd_key keys[MEASURE_KEYS_MAX]; /* HostKey lines; none = sshd's own three */
	size_t key_count;
	char unreadable[MEASURE_PATH_BYTES]; /* the first file that could not be read; "" = none */
	unsigned faults;                     /* lines that sshd would not take */
	/* Where reading stands. */
	unsigned depth;
	uint8_t scope;       /* enum of the reader */
	uint32_t overridden; /* keywords that a "Match all" has said */
	char criteria[MEASURE_VALUE_BYTES];
};

/*
 * Called for each pattern of an Include: hands every file that it finds to measure_sshd_read, in
 * the order of their names, and calls measure_sshd_skip for one that it may not read.
 * @return 0, or a negative errno that ends it.
 */
typedef int measure_include_function(struct measure_sshd *sshd, const char *pattern, void *data);

/* Nothing is said yet: sshd's own defaults (OpenSSH 9, sshd_config(5)). */
void measure_sshd_init(struct measure_sshd *sshd);
/* An option of the command line, "PasswordAuthentication=no": it comes before any file. */
void measure_sshd_option(struct measure_sshd *sshd, const char *text);
/*
 * Takes one file as sshd does: of a keyword the first value counts; a Match block ends with its
 * file; an Include stands for what it includes.
 * @param text     any bytes up to NUL.
 * @param include  NULL = Includes are left out.
 * @return 0; -ELOOP beyond 16 files within each other; what `include` returned.
 */
int measure_sshd_read(struct measure_sshd *sshd, const char *path, const char *text,
		      measure_include_function *include, void *data);
/* A file that could not be read: what comes behind it is not sure. */
void measure_sshd_skip(struct measure_sshd *sshd, const char *path);

/* A public key in one line of text, "ssh-ed25519 AAAA...". */
struct measure_public_key {
	char type[48];
	unsigned bits; /* of RSA; 0 = of other types */
};
/* @return 0; -EBADMSG it is none. */
int measure_public_key_parse(struct measure_public_key *out, const char *line);

/* ---- smb.conf(5) ---- */

struct measure_smb {
	struct measure_setting encryption;   /* server smb encrypt, of [global] */
	struct measure_setting guest;        /* the first "guest ok = yes"; else "no" */
	char share[MEASURE_VALUE_BYTES];     /* its section */
	char unreadable[MEASURE_PATH_BYTES]; /* the first include that could not be read; "" = none
					      */
	/* Where reading stands. */
	unsigned depth;
	char section[MEASURE_VALUE_BYTES];
};

/* Called for each include: as measure_include_function. */
typedef int measure_smb_include_function(struct measure_smb *smb, const char *path, void *data);

/* Nothing is said yet: Samba's own defaults. */
void measure_smb_init(struct measure_smb *smb);
/*
 * Takes one file. @param text  any bytes up to NUL. @param include  NULL = they are left out.
 * @return 0; -ELOOP beyond 8 files within each other; what `include` returned.
 */
int measure_smb_read(struct measure_smb *smb, const char *path, const char *text,
		     measure_smb_include_function *include, void *data);
/* A file that could not be read. */
void measure_smb_skip(struct measure_smb *smb, const char *path);

/* ---- what a service answers ---- */

/* Questions that a service answers by what it does. Add at the end: they cross processes. */
enum measure_question {
	MEASURE_ASK_FTP_TLS,    /* AUTH TLS is accepted (RFC 4217) */
	MEASURE_ASK_PLAIN_AUTH, /* SMTP: a login is offered outside of TLS */
	MEASURE_ASK_RELAY,      /* SMTP: mail for a stranger is accepted; nothing is sent */
	MEASURE_ASK_REDIRECT,   /* HTTP: it sends everybody to https: */
	MEASURE_ASK_LISTING,    /* HTTP: it lists a folder */
	MEASURE_ASK_TRAVERSAL,  /* HTTP: ".." leaves the folder that is served */
	/* What lib/identify finds out: */
	MEASURE_ASK_NO_LOGIN,  /* it serves who has not logged in */
	MEASURE_ASK_ENCRYPTED, /* it speaks within TLS alone */
	MEASURE_ASK_SMB1,      /* the old dialect is spoken */
	MEASURE_ASK_SIGNING,   /* SMB: signing is required */
	MEASURE_ASK_NLA,       /* RDP: Network Level Authentication is required */
	MEASURE_ASK_PUBLIC,    /* SNMP: it answers to the community "public" */
	MEASURE_QUESTIONS,
};

enum measure_told {
	MEASURE_TOLD_NOTHING,
	MEASURE_TOLD_NO,
	MEASURE_TOLD_YES,
};

enum { MEASURE_TEXT_BYTES = 160, MEASURE_DIGEST_BYTES = 65 };

/* All that one service answered. A flat value; text is printable ASCII. */
struct measure_answer {
	uint8_t heard;                   /* 0 or 1: it said something that belongs here */
	uint8_t told[MEASURE_QUESTIONS]; /* enum measure_told */
	struct addr from, to;            /* of the connection; ADDR_NONE = there was none */
	char text[MEASURE_QUESTIONS][MEASURE_TEXT_BYTES]; /* what that rests on */
	char page[MEASURE_DIGEST_BYTES]; /* HTTP: SHA-256 of the page, in hexadecimal; "" = none */
};

enum measure_talk {
	MEASURE_TALK_HTTP,
	MEASURE_TALK_SMTP,
	MEASURE_TALK_FTP,
	MEASURE_TALKS,
};

/* What minato-probe is told, role "measure". A flat value. */
struct measure_order {
	uint32_t talk;         /* enum measure_talk */
	struct probe_order to; /* address, port, TLS, host, path, times */
};

bool measure_order_valid(const struct measure_order *order);
bool measure_answer_valid(const struct measure_answer *answer);

/* ---- one conversation, pure ---- */

/* SHA-256 in hexadecimal; "" where it cannot be had. */
typedef void measure_digest_function(char out[MEASURE_DIGEST_BYTES], const void *bytes,
				     size_t length);

enum measure_action {
	MEASURE_CONNECT, /* anew, ending what there was; then hear or say */
	MEASURE_SAY,     /* `bytes`, then hear */
	MEASURE_HEAR,
	MEASURE_END, /* `answer` is complete */
};

struct measure_talking {
	const struct measure_order *order;
	measure_digest_function *digest; /* NULL = pages are not told apart */
	struct measure_answer answer;
	enum measure_action action; /* what is to be done next */
	char bytes[1024];
	size_t length;
	unsigned stage;
};

/* Both stay the caller's. */
void measure_talk_begin(struct measure_talking *talking, const struct measure_order *order,
			measure_digest_function *digest);
/* It is connected, or could not be. */
void measure_talk_connected(struct measure_talking *talking, bool connected);
/* Whether so many bytes are all that has to be waited for. */
bool measure_talk_whole(const struct measure_talking *talking, const uint8_t *bytes, size_t length);
/* What was heard until it was whole, the time was over, or the other side ended: may be nothing. */
void measure_talk_heard(struct measure_talking *talking, const uint8_t *bytes, size_t length);

/* ---- carrying an order out: for minato-probe ---- */

enum { MEASURE_HEARD_MAX = 256 * 1024 };

/* Two connections at most: no login, nothing changed, nothing sent on. */
void measure_run(struct measure_answer *out, const struct measure_order *order,
		 struct probe_tls_context *tls);

/* ---- asking ---- */

/*
 * Has minato-probe carry an order out.
 * @return 0, whatever became of it; -ENOENT minato-probe is not installed; -EIO, -EBADMSG,
 * -ETIMEDOUT when it failed or misbehaved; other negative errno.
 */
int measure_ask(struct measure_answer *out, const struct measure_order *order, struct err *e);

/* ---- evidence ---- */

/* Who gets in by the rules and the addresses that it listens on. */
enum measure_reach {
	MEASURE_REACH_UNKNOWN,
	MEASURE_REACH_LOOPBACK, /* it listens for this host alone */
	MEASURE_REACH_NOBODY,
	MEASURE_REACH_SOME, /* `reach_names` */
	MEASURE_REACH_ANYONE,
};

struct measure_key_seen {
	char path[MEASURE_PATH_BYTES];
	struct measure_public_key key;
};

/* What is known of one service. All text is the caller's and printable. */
struct measure_evidence {
	bool unseen; /* who holds the port, so nobody knows whose settings count */
	const struct measure_sshd *sshd;     /* NULL = its settings are not known */
	const struct measure_smb *smb;       /* NULL = its settings are not known */
	const struct measure_key_seen *keys; /* host keys whose public half could be read */
	size_t key_count;
	const struct measure_answer *answer; /* NULL = nobody asked it */
	const char *page; /* digest of the page as it is to be; NULL = none is remembered */
	bool own;         /* it is of this host */
	enum measure_reach reach;
	const char *reach_names;
	/* Why settings, or who gets in, are not known; NULL = nobody says. */
	const char *why, *reach_why;
};

/* ---- verdicts ---- */

enum measure_state {
	MEASURE_CANNOT_TELL,
	MEASURE_NOT_DONE,
	MEASURE_DONE,
};

/* "cannot_tell", "not_done", "done". */
const char *measure_state_name(enum measure_state state);

/* What a verdict rests on. Add at the end. */
enum measure_reason {
	MEASURE_NO_EVIDENCE, /* nobody looked, or nothing was found; `detail`: why, or "" */
	MEASURE_SETTING,     /* `detail`: the setting and where it stands */
	MEASURE_DEFAULT,     /* `detail`: the setting; nobody says otherwise */
	MEASURE_EXCEPTION,   /* `detail`: a Match block that says otherwise */
	MEASURE_UNREADABLE,  /* `detail`: a file that may not be read */
	MEASURE_KEYS,        /* `detail`: types of keys */
	MEASURE_WEAK_KEY,    /* `detail`: the key */
	MEASURE_LOOPBACK,
	MEASURE_NOBODY,
	MEASURE_SOME, /* `detail`: who */
	MEASURE_ANYONE,
	MEASURE_UNSEEN, /* which program holds it, and with which settings */
	MEASURE_NOT_ASKED,
	MEASURE_SILENT,       /* it was asked, and what came does not tell */
	MEASURE_ANSWERED,     /* `detail`: what it answered */
	MEASURE_OWN_NETWORK,  /* `detail`: what it answered to this host, or its own network */
	MEASURE_PAGE_SAME,    /* `detail`: the digest */
	MEASURE_PAGE_CHANGED, /* `detail`: the digest of now */
	MEASURE_PAGE_NEW,     /* the same; none is remembered */
	MEASURE_REASONS,
};

/* "setting", "default", ...: the stable words of JSON. */
const char *measure_reason_name(enum measure_reason reason);

enum { MEASURE_DETAIL_BYTES = 640 };

struct measure_result {
	enum measure_id id;
	enum measure_state state;
	enum measure_reason reason;
	char detail[MEASURE_DETAIL_BYTES]; /* printable; no word of a language but those of settings
					    */
};

/* Judges one measure. Pure. */
void measure_judge(struct measure_result *out, enum measure_id id,
		   const struct measure_evidence *evidence);

/* The worst that is not done: by severity, then order; NULL = none. */
const struct measure_result *measure_worst(const struct measure_result *results, size_t count);

/* ---- what this host's files say (io) ---- */

/* Settings of the sshd that a process is, and its host keys. */
struct measure_sshd_files {
	struct measure_sshd sshd;
	struct measure_key_seen keys[MEASURE_KEYS_MAX];
	size_t key_count;
};

/*
 * Reads, as the caller may, the files of a running sshd: those that its command line names (-f, -o,
 * -h), else `folder`/sshd_config.
 * @param process  with its arguments.
 * @param folder   "/etc/ssh".
 * @return 0, also when an included file may not be read; -EXDEV it lives in a container, whose
 *         files are others; -ENOENT, -EACCES and the like of the first file.
 */
int measure_sshd_files_read(struct measure_sshd_files *out, const struct process *process,
			    const char *folder, struct err *e);

/*
 * Likewise of a running smbd: the file that -s names, else `folder`/smb.conf, and what it includes.
 * @param folder  "/etc/samba". @return as measure_sshd_files_read.
 */
int measure_smb_files_read(struct measure_smb *out, const struct process *process,
			   const char *folder, struct err *e);
