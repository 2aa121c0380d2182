/* From the declared programs to the table that the kernel's side looks into. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpf/guard.h"
#include "guard/program.h"
#include "guard/rule.h"

enum {
	RULE_PARTS_MAX = GUARD_PARTS_MAX - 1, /* the kernel's loop needs one more for the root */
	CONTAINER_PREFIX_BYTES = 12,          /* of an id, as the runtimes show it */
};

/* What one compilation works with. */
struct compiler {
	struct guard_table table;
	const struct policy *policy;
	const struct guard_options *options;
	const struct guard_environment *environment;
	struct portset free[GUARD_PROTOCOLS]; /* somebody says that anybody may */
	struct err *e;
};

/* Programs of root that hold ports for containers, outside of them. */
static const char *const helpers[GUARD_WORDS_MAX] = { "docker-proxy", "podman" };
/* Cgroups in which runtimes make one for each container where systemd is not asked. */
static const char *const folders[GUARD_WORDS_MAX] = { "docker", "libpod_parent", "crio" };

static int note(struct compiler *compiler, enum guard_note_kind kind,
		const struct policy_declaration *declaration)
{
	struct guard_note *added = vec_push(&compiler->table.notes);
	if (added == NULL) {
		return err_system(compiler->e, ENOMEM, "bind guard");
	}
	*added = (struct guard_note){ .kind = kind, .declaration = declaration };
	return 0;
}

/* A rule that cannot be told as it is meant refuses nobody. */
static int watch(struct compiler *compiler, struct guard_rule *rule, enum guard_note_kind kind,
		 const struct policy_declaration *declaration)
{
	rule->flags |= GUARD_RULE_WATCH;
	return note(compiler, kind, declaration);
}

/* ---- the parts of a rule ---- */

static int set_name(struct guard_rule *rule, const char *name)
{
	size_t length = strlen(name);
	if (length == 0 || length >= sizeof(rule->name)) {
		return -ENAMETOOLONG;
	}
	memcpy(rule->name, name, length);
	rule->name_bytes = (uint32_t)length;
	return 0;
}

/* "usr/sbin/sshd" -> sshd, sbin, usr, each at a whole word. */
static int set_path(struct guard_rule *rule, const char *path)
{
	size_t word = 0;
	size_t end = strlen(path);
	while (end > 0) {
		size_t start = end;
		while (start > 0 && path[start - 1] != '/') {
			start--;
		}
		size_t length = end - start;
		size_t words = (length + 7) / 8;
		if (length >= sizeof(rule->name) || rule->parts == RULE_PARTS_MAX ||
		    word + words > GUARD_PATH_WORDS) {
			return -ENAMETOOLONG;
		}
		if (length > 0) {
			rule->part_bytes[rule->parts] = (uint8_t)length;
			rule->part_start[rule->parts] = (uint8_t)word;
			memcpy(&rule->path[word], path + start, length);
			rule->parts++;
			word += words;
		}
		end = start == 0 ? 0 : start - 1;
	}
	return rule->parts > 0 ? 0 : -ENOENT;
}

static int add_user(struct compiler *compiler, struct guard_rule *rule,
		    const struct policy_declaration *declaration)
{
	const struct guard_environment *environment = compiler->environment;
	rule->flags |= GUARD_RULE_USER;
	rule->user = UINT32_MAX;
	int r = environment->user(environment->context, &rule->user, declaration->program.user);
	if (r == -ENOENT) {
		return watch(compiler, rule, GUARD_NOTE_NO_USER, declaration);
	}
	return r < 0 ? err_system(compiler->e, r, "user %s", declaration->program.user) : 0;
}

static int add_executable(struct compiler *compiler, struct guard_rule *rule,
			  const struct policy_declaration *declaration)
{
	const struct guard_environment *environment = compiler->environment;
	const struct policy_program *program = &declaration->program;
	struct guard_file file = { 0 };
	rule->flags |= GUARD_RULE_EXECUTABLE;
	int r = environment->executable(environment->context, &file, program->executable);
	if (r == 0) {
		rule->device = file.device;
		r = set_path(rule, file.path);
	}
	if (r == -ENOENT) {
		return watch(compiler, rule, GUARD_NOTE_NO_EXECUTABLE, declaration);
	}
	if (r == -ENAMETOOLONG) {
		return watch(compiler, rule, GUARD_NOTE_TOO_LONG, declaration);
	}
	if (r < 0) {
		return err_system(compiler->e, r, "%s", program->executable);
	}
	bool weak = program->unit == NULL && program->user == NULL;
	return weak ? note(compiler, GUARD_NOTE_WEAK, declaration) : 0;
}

static bool is_id(const char *name)
{
	size_t length = strspn(name, "0123456789abcdef");
	return name[length] == '\0' && length >= CONTAINER_PREFIX_BYTES &&
	       length <= GUARD_CONTAINER_ID_BYTES;
}

/* A container's user and executable are those inside of it: the host cannot name them. */
static int add_container(struct compiler *compiler, struct guard_rule *rule,
			 const struct policy_declaration *declaration)
{
	const struct guard_environment *environment = compiler->environment;
	const struct policy_program *program = &declaration->program;
	char id[GUARD_ID_BYTES] = "";
	int r = -ENOENT;
	rule->flags |= GUARD_RULE_CONTAINER;
	if (environment->container != NULL) {
		r = environment->container(environment->context, id, program->container);
	}
	if (r == -ENOENT && is_id(program->container)) {
		(void)str_copy(id, sizeof(id), program->container);
		r = 0;
	}
	if (r == 0) {
		r = set_name(rule, id);
	}
	if (r == -ENOENT || r == -ENAMETOOLONG) {
		return watch(compiler, rule, GUARD_NOTE_NO_CONTAINER, declaration);
	}
	if (r < 0) {
		return err_system(compiler->e, r, "container %s", program->container);
	}
	bool more = program->user != NULL || program->executable != NULL || program->unit != NULL;
	return more ? note(compiler, GUARD_NOTE_CONTAINER, declaration) : 0;
}

static int make_rule(struct compiler *compiler, struct guard_rule *rule,
		     const struct policy_declaration *declaration)
{
	const struct policy_program *program = &declaration->program;
	int r = 0;
	if (!compiler->options->even_never_cut && guard_is_spared(compiler->policy, declaration)) {
		r = watch(compiler, rule, GUARD_NOTE_SPARED, declaration);
	}
	if (r == 0 && program->container != NULL) {
		return add_container(compiler, rule, declaration);
	}
	if (r == 0 && program->unit != NULL) {
		rule->flags |= GUARD_RULE_UNIT;
		r = set_name(rule, program->unit) == 0
			    ? 0
			    : watch(compiler, rule, GUARD_NOTE_TOO_LONG, declaration);
	}
	if (r == 0 && program->executable != NULL) {
		r = add_executable(compiler, rule, declaration);
	}
	if (r == 0 && program->user != NULL) {
		r = add_user(compiler, rule, declaration);
	}
	return r;
}

int rule_make(struct guard_rule *rule, uint32_t *notes,
	      const struct policy_declaration *declaration,
	      const struct guard_environment *environment, struct err *e)
{
	/* Nobody is spared here: that is asked of ports that people come in by. */
	const struct guard_options options = { .mode = GUARD_ENFORCE, .even_never_cut = true };
	struct compiler compiler = { .options = &options, .environment = environment, .e = e };
	int r = make_rule(&compiler, rule, declaration);
	*notes = 0;
	for (size_t i = 0; i < compiler.table.notes.count; i++) {
		*notes |= 1U << compiler.table.notes.items[i].kind;
	}
	vec_free(&compiler.table.notes);
	return r;
}

/* ---- ports ---- */

static int protocol_index(enum protocol protocol)
{
	switch (protocol) {
	case PROTOCOL_TCP:
	case PROTOCOL_MPTCP:
		return GUARD_TCP;
	case PROTOCOL_UDP:
		return GUARD_UDP;
	default:
		return -1;
	}
}

/* @return false when the port has as many rules as fit. */
static bool add_to_port(struct guard_port *port, uint16_t number)
{
	for (unsigned i = 0; i < GUARD_PORT_RULES; i++) {
		if (port->rules[i] == number) {
			return true;
		}
		if (port->rules[i] == 0) {
			port->rules[i] = number;
			return true;
		}
	}
	return false;
}

/* Number 0 frees the ports. @return whether everything fitted. */
static bool add_ports(struct compiler *compiler, const struct policy_ports *ports, uint16_t number)
{
	bool fitted = true;
	int index = protocol_index(ports->protocol);
	for (uint32_t port = ports->first; index >= 0 && port <= ports->last; port++) {
		struct guard_port *row = &compiler->table.set->ports[(size_t)index << 16 | port];
		if (number != 0 && add_to_port(row, number)) {
			continue;
		}
		portset_add(&compiler->free[index], (uint16_t)port);
		fitted = false;
	}
	return fitted;
}

bool guard_is_wanted(const struct policy *policy)
{
	if (policy->defaults.guard == POLICY_GUARD_OFF) {
		return false;
	}
	for (size_t i = 0; i < policy->declarations.count; i++) {
		if (program_is_given(&policy->declarations.items[i].program)) {
			return true;
		}
	}
	return false;
}

struct guard_options guard_options_of(const struct policy *policy)
{
	return (struct guard_options){ .mode = policy->defaults.guard == POLICY_GUARD_ENFORCE
						       ? GUARD_ENFORCE
						       : GUARD_OBSERVE };
}

static int add_declaration(struct compiler *compiler, const struct policy_declaration *declaration)
{
	struct guard_set *set = compiler->table.set;
	uint16_t number = 0;
	bool known = true;
	bool fitted = true;
	bool wanted = program_is_given(&declaration->program);
	if (wanted && set->head.rule_count + 1 < GUARD_RULES_MAX) {
		number = (uint16_t)++set->head.rule_count;
		const struct guard_rule *rule = &set->rules[number];
		int r = make_rule(compiler, &set->rules[number], declaration);
		if (r < 0) {
			return r;
		}
		set->briefs[number] = (struct guard_brief){ .flags = rule->flags,
							    .user = rule->user,
							    .device = rule->device };
	}
	for (size_t i = 0; i < declaration->ports.count; i++) {
		const struct policy_ports *ports = &declaration->ports.items[i];
		known = known && protocol_index(ports->protocol) >= 0;
		fitted = add_ports(compiler, ports, number) && fitted;
	}
	int r = 0;
	if (wanted && !known) {
		r = note(compiler, GUARD_NOTE_PROTOCOL, declaration);
	}
	if (r == 0 && wanted && !fitted) {
		r = note(compiler, GUARD_NOTE_TOO_MANY, declaration);
	}
	return r;
}

static bool is_watched(const struct guard_set *set, const struct guard_port *port)
{
	for (unsigned i = 0; i < GUARD_PORT_RULES && port->rules[i] != 0; i++) {
		if ((set->rules[port->rules[i]].flags & GUARD_RULE_WATCH) != 0) {
			return true;
		}
	}
	return false;
}

static void free_and_count(struct compiler *compiler)
{
	struct guard_table *table = &compiler->table;
	for (uint32_t i = 0; i < GUARD_PROTOCOLS * 65536; i++) {
		struct guard_port *port = &table->set->ports[i];
		if (portset_has(&compiler->free[i >> 16], (uint16_t)i)) {
			*port = (struct guard_port){ 0 };
		}
		if (port->rules[0] != 0) {
			table->set->guarded[i / 64] |= 1ULL << (i % 64);
			table->ports++;
			table->enforced += !is_watched(table->set, port);
			portset_add(&table->owned, (uint16_t)i);
		}
	}
}

static void set_words(__u64 words[GUARD_WORDS_MAX][GUARD_WORD_BYTES / 8], const char *const *texts)
{
	for (unsigned i = 0; i < GUARD_WORDS_MAX && texts[i] != NULL; i++) {
		memcpy(words[i], texts[i], strlen(texts[i])); /* ours: shorter than a word's room */
	}
}

void rule_set_head(struct guard_head *head, const struct guard_environment *environment)
{
	head->netns_cookie = environment->netns_cookie;
	head->root = environment->root;
	head->made = (uint64_t)environment->now;
	head->pid_namespace = environment->pid_namespace;
	set_words(head->helpers, helpers);
	set_words(head->folders, folders);
}

int guard_compile(struct guard_table *out, const struct policy *policy,
		  const struct guard_options *options, const struct guard_environment *environment,
		  struct err *e)
{
	struct compiler compiler = {
		.policy = policy, .options = options, .environment = environment, .e = e
	};
	compiler.table.set = calloc(1, sizeof(*compiler.table.set));
	if (compiler.table.set == NULL) {
		return err_system(e, ENOMEM, "bind guard");
	}
	compiler.table.set->head.version = GUARD_VERSION;
	compiler.table.set->head.enforce = options->mode == GUARD_ENFORCE;
	rule_set_head(&compiler.table.set->head, environment);
	int r = 0;
	for (size_t i = 0; r == 0 && i < policy->declarations.count; i++) {
		r = add_declaration(&compiler, &policy->declarations.items[i]);
	}
	if (r < 0) {
		guard_table_deinit(&compiler.table);
		return r;
	}
	free_and_count(&compiler);
	*out = compiler.table;
	return 0;
}

void guard_table_deinit(struct guard_table *table)
{
	if (table != NULL) {
		freep(&table->set);
		vec_free(&table->notes);
		*table = (struct guard_table){ 0 };
	}
}

unsigned guard_table_rules(const struct guard_table *table, enum protocol protocol, uint16_t port,
			   bool *watched)
{
	int index = protocol_index(protocol);
	unsigned count = 0;
	if (index < 0) {
		return 0;
	}
	const struct guard_port *row = &table->set->ports[(size_t)index << 16 | port];
	while (count < GUARD_PORT_RULES && row->rules[count] != 0) {
		count++;
	}
	if (watched != NULL) {
		*watched = is_watched(table->set, row);
	}
	return count;
}

void guard_table_keep(struct guard_table *table, const struct portset *added)
{
	_Static_assert(sizeof(table->set->reserved) == sizeof(added->words), "the same bits");
	memcpy(table->set->reserved, added->words, sizeof(added->words));
}
