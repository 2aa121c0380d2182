/* What `open` and `close` share: words that mean ports, the policy file, and the way to the rules.
 */
#pragma once

#include "base/vec.h"
#include "command.h"
#include "policy/policy.h"

struct port_list {
	VEC(struct policy_ports) list;
};

/* "25565/tcp", "8000-8010/udp", "443" (TCP, and UDP where the catalogue says so).
 * @return 1 it was one; 0 it is a word; -EINVAL a number that is none; -ENOMEM. */
int edit_ports_number(struct port_list *out, const char *word);

/* Every port that the catalogue knows under exactly that word: "smb" is 445, 139, 137 and 138.
 * @return 0 (also without any) or -ENOMEM. */
int edit_ports_word(struct port_list *out, const char *word);

/* The policy file, its bytes and what it is judged against. */
struct edit_file {
	const struct context *context;
	char *bytes;
	size_t length;
	struct policy_reading *reading; /* of those bytes */
	struct portset reserved;
	struct policy_environment environment;
};

/* Reads it. @return EXIT_IN_ORDER, or an exit code after having complained, also of faults in it.
 * edit_file_close always. */
int edit_file_open(struct edit_file *out, const struct context *context);
void edit_file_close(struct edit_file *file);
const struct policy *edit_policy(const struct edit_file *file);
struct policy_text edit_text(const struct edit_file *file);

/* How a change goes on after the edit. */
struct edit_way {
	bool dry_run;    /* shows it and writes nothing */
	bool even_if;    /* as minato apply */
	bool keep_names; /* likewise */
	unsigned seconds;
	const char *command; /* for the record */
};

/*
 * What became of an edit: shows the change, writes the file and applies it. Rules that are refused
 * leave the file as it was. @param outcome of the policy_edit function. @return an exit code.
 */
int edit_carry_out(struct edit_file *file, struct policy_edit *edit, int outcome,
		   const struct edit_way *way);
