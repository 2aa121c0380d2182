/* What `open` and `close` share. */
#include "edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/parse.h"
#include "catalog/catalog.h"
#include "rules_apply.h"
#include "words.h"

enum { NUMBER_BYTES = 64 };

/* ---- words that mean ports ---- */

static int add_ports(struct port_list *out, enum protocol protocol, uint16_t first, uint16_t last)
{
	struct policy_ports *ports = vec_push(&out->list);
	if (ports == NULL) {
		return -ENOMEM;
	}
	*ports = (struct policy_ports){ protocol, first, last };
	return 0;
}

int edit_ports_number(struct port_list *out, const char *word)
{
	char number[NUMBER_BYTES];
	const size_t length = strcspn(word, "/");
	enum protocol protocol = PROTOCOL_NONE;
	uint16_t first = 0;
	uint16_t last = 0;
	if (word[0] < '0' || word[0] > '9') {
		return 0;
	}
	if (length >= sizeof(number) ||
	    (word[length] == '/' && protocol_parse(&protocol, word + length + 1) < 0)) {
		return -EINVAL;
	}
	memcpy(number, word, length);
	number[length] = '\0';
	if (parse_port_range(&first, &last, number) < 0 || first == 0) {
		return -EINVAL;
	}
	if (protocol != PROTOCOL_NONE) {
		int r = add_ports(out, protocol_registry(protocol), first, last);
		return r < 0 ? r : 1;
	}
	const bool udp = first == last && catalog_port(PROTOCOL_UDP, first) != NULL;
	const bool tcp = !udp || catalog_port(PROTOCOL_TCP, first) != NULL;
	int r = tcp ? add_ports(out, PROTOCOL_TCP, first, last) : 0;
	if (r == 0 && udp) {
		r = add_ports(out, PROTOCOL_UDP, first, last);
	}
	return r < 0 ? r : 1;
}

static bool is_called(const struct port_knowledge *entry, const char *word)
{
	if (strcasecmp(entry->name, word) == 0) {
		return true;
	}
	const char *const *lists[] = { entry->words.en, entry->words.ja };
	for (size_t i = 0; i < 2; i++) {
		for (const char *const *known = lists[i]; *known != NULL; known++) {
			if (strcasecmp(*known, word) == 0) {
				return true;
			}
		}
	}
	return false;
}

static int add_spans(struct port_list *out, const struct port_span *spans, size_t count)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = add_ports(out, (enum protocol)spans[i].protocol, spans[i].first, spans[i].last);
	}
	return r;
}

int edit_ports_word(struct port_list *out, const char *word)
{
	const struct profile *profile = catalog_profile(word);
	int r = profile == NULL ? 0 : add_spans(out, profile->ports, profile->port_count);
	size_t count = 0;
	const struct port_knowledge *all = catalog_ports(&count);
	for (size_t i = 0; r == 0 && i < count; i++) {
		if (is_called(&all[i], word)) {
			r = add_spans(out, all[i].ports, all[i].port_count);
		}
	}
	return r;
}

/* ---- the file ---- */

static int complain_of_text(const struct context *context,
			    const struct policy_diagnostics *diagnostics, const char *sentence)
{
	struct str text = STR_INIT(1 << 20);
	policy_diagnostics_render(&text, diagnostics, context->language, &context->err_style);
	(void)fputs(str_text(&text), stderr); /* nowhere left to complain */
	str_deinit(&text);
	complain(context, sentence, "minato policy validate");
	return EXIT_ERROR;
}

int edit_file_open(struct edit_file *out, const struct context *context)
{
	*out = (struct edit_file){ .context = context };
	policy_environment_read(&out->environment, &out->reserved, context->now);
	struct err e = ERR_INIT;
	int r = file_read(&out->bytes, &out->length, context->policy_path, POLICY_FILE_BYTES_MAX,
			  &e);
	if (r < 0) {
		complain(context, r == -ENOENT ? _("there is no policy yet") : err_text(&e),
			 r == -ENOENT ? "minato init" : NULL);
		return r == -EACCES ? EXIT_RIGHTS : EXIT_ERROR;
	}
	const struct policy_text text = edit_text(out);
	struct policy_diagnostics diagnostics;
	int code = EXIT_IN_ORDER;
	r = policy_read(&out->reading, &diagnostics, &text, &out->environment);
	if (r == POLICY_INVALID) {
		code = complain_of_text(context, &diagnostics,
					_("the policy has faults, so it is not touched"));
	} else if (r < 0) {
		complain(context, strerror(-r), NULL);
		code = EXIT_ERROR;
	}
	policy_diagnostics_deinit(&diagnostics);
	return code;
}

void edit_file_close(struct edit_file *file)
{
	file->reading = policy_reading_free(file->reading);
	free(file->bytes);
	file->bytes = NULL;
}

const struct policy *edit_policy(const struct edit_file *file)
{
	return policy_reading_policy(file->reading);
}

struct policy_text edit_text(const struct edit_file *file)
{
	return (struct policy_text){ .name = file->context->policy_path,
				     .bytes = file->bytes,
				     .length = file->length,
				     .reading = file->reading };
}

/* ---- what became of it ---- */

int edit_complain(const struct edit_file *file, const struct policy_edit *edit, int outcome)
{
	const struct context *context = file->context;
	switch (outcome) {
	case POLICY_EDIT_INVALID:
		return complain_of_text(context, &edit->diagnostics,
					_("the policy has faults, so it is not touched"));
	case POLICY_EDIT_REFUSED:
		return complain_of_text(
			context, &edit->diagnostics,
			_("the policy would have faults then, so it is not touched"));
	case POLICY_EDIT_BY_HAND:
		complain(context,
			 _("the file is written in a way that cannot be changed with certainty; "
			   "please "
			   "edit it yourself"),
			 "minato plan");
		return EXIT_ERROR;
	default:
		complain(context, strerror(-outcome), NULL);
		return EXIT_ERROR;
	}
}

static void add_changes(struct str *out, const struct policy_changes *changes)
{
	for (size_t i = 0; i < changes->list.count; i++) {
		const struct policy_change *change = &changes->list.items[i];
		if (change->before != NULL) {
			str_printf(out, "- %s: %s\n", change->path, change->before);
		}
		if (change->after != NULL) {
			str_printf(out, "+ %s: %s\n", change->path, change->after);
		}
	}
}

static int show(const struct edit_file *file, const struct policy_edit *edit)
{
	struct str text = STR_INIT(1 << 20);
	text_escape(&text, file->context->policy_path);
	str_add(&text, ":\n");
	add_changes(&text, &edit->changes);
	int code = print_text(&text);
	str_deinit(&text);
	return code;
}

static int write_file(const struct edit_file *file, const char *old, size_t old_length,
		      const char *bytes, size_t length)
{
	struct err e = ERR_INIT;
	int r = policy_file_replace(file->context->policy_path, old, old_length, bytes, length, &e);
	if (r < 0) {
		complain(file->context, err_text(&e), NULL);
		return r == -EACCES || r == -EPERM ? EXIT_RIGHTS : EXIT_ERROR;
	}
	return EXIT_IN_ORDER;
}

static int apply(const struct edit_file *file, struct policy_edit *edit, const struct edit_way *way)
{
	const struct apply apply = { .seconds = way->seconds,
				     .brief = true,
				     .even_if = way->even_if,
				     .keep_names = way->keep_names,
				     .command = way->command };
	return rules_apply_policy(file->context, &apply, edit_policy(file), &edit->after);
}

int edit_carry_out(struct edit_file *file, struct policy_edit *edit, int outcome,
		   const struct edit_way *way)
{
	if (outcome != 0) {
		return edit_complain(file, edit, outcome);
	}
	int code = show(file, edit);
	if (code != EXIT_IN_ORDER || way->dry_run) {
		return code;
	}
	if (geteuid() != 0) {
		complain(file->context, _("changing the rules of the packet filter needs root"),
			 "sudo minato open, sudo minato close");
		return EXIT_RIGHTS;
	}
	code = write_file(file, file->bytes, file->length, edit->text, edit->length);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	code = apply(file, edit, way);
	if (code != EXIT_IN_ORDER) {
		/* The file says what holds; the reason was told. */
		(void)write_file(file, edit->text, edit->length, file->bytes, file->length);
	}
	return code;
}
