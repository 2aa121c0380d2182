/* minato policy: the declared policy checked, printed, compared, and its language described. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/cleanup.h"
#include "command.h"
#include "policy/policy.h"
#include "policy_import.h"
#include "view/view.h"
#include "words.h"

enum { OUTPUT_BYTES_MAX = POLICY_TEXT_BYTES_MAX };

static const struct option options[] = {
	{ "json", 'j', OPTION_FLAG, offsetof(struct policy_config, json), NULL,
	  N_("validate, diff and import: for machines") },
	{ "output", 'o', OPTION_STRING, offsetof(struct policy_config, output), "FILE",
	  N_("import: where to write the policy; - is standard output") },
};

static int finish(struct str *out, int code)
{
	int printed = print_text(out);
	str_deinit(out);
	return printed != EXIT_IN_ORDER ? printed : code;
}

static int print_json(json_t *document, int code)
{
	struct str out = STR_INIT(OUTPUT_BYTES_MAX);
	out.error = document == NULL ? -ENOMEM : view_print(&out, document, true);
	return finish(&out, code);
}

static const char *path_of(const struct context *context, const char *const *files, unsigned count)
{
	return count > 0 ? files[0] : context->policy_path;
}

/* The two common reasons have words in the reader's language; the system's are often English. */
static int unreadable(const struct context *context, const char *path, int code,
		      const struct err *e)
{
	struct str sentence = STR_INIT(8192);
	if (code == -ENOENT) {
		str_printf(&sentence, _("there is no policy at %s"), path);
	} else if (code == -EACCES) {
		str_printf(&sentence, _("%s may not be read by this user"), path);
	} else if (code == -EINVAL || code == -EISDIR) {
		str_printf(&sentence, _("%s is not a regular file"), path);
	} else {
		str_add(&sentence, err_text(e));
	}
	complain(context, str_text(&sentence), code == -ENOENT ? "minato init" : NULL);
	str_deinit(&sentence);
	return code == -EACCES ? EXIT_RIGHTS : EXIT_ERROR;
}

/* ---- validate ---- */

static json_t *filled(void (*fill)(struct str *, const struct policy_diagnostic *, enum language),
		      const struct policy_diagnostic *d, enum language language)
{
	struct str text = STR_INIT(1 << 16);
	fill(&text, d, language);
	json_t *value = view_string(str_text(&text));
	str_deinit(&text);
	return value;
}

static json_t *diagnostic_json(const struct policy_diagnostic *d, enum language language)
{
	return json_pack("{s:s, s:s, s:o, s:i, s:i, s:o, s:o, s:o, s:o}", "id", d->id, "level",
			 policy_level_name(d->level), "file", view_string(d->place.file), "line",
			 (int)d->place.line, "column", (int)d->place.column, "sentence",
			 filled(policy_diagnostic_sentence, d, language), "advice",
			 filled(policy_diagnostic_advice, d, language), "source",
			 view_string(d->excerpt), "suggestion", view_string(d->near));
}

static int validate_json(const struct context *context, const char *path,
			 const struct policy_diagnostics *diagnostics)
{
	json_t *list = json_array();
	for (size_t i = 0; i < diagnostics->list.count; i++) {
		(void)json_array_append_new(
			list, diagnostic_json(&diagnostics->list.items[i], context->language));
	}
	json_t *document = view_document(context->now);
	json_t *body = json_pack("{s:o, s:b, s:i, s:i, s:o}", "file", view_string(path), "valid",
				 diagnostics->errors == 0, "errors", (int)diagnostics->errors,
				 "warnings", (int)diagnostics->warnings, "diagnostics", list);
	if (document == NULL || body == NULL || json_object_update(document, body) < 0) {
		json_decref(document);
		document = NULL;
	}
	json_decref(body);
	return print_json(document, diagnostics->errors > 0 ? EXIT_ERROR : EXIT_IN_ORDER);
}

static int validate_text(const struct context *context, const char *path,
			 const struct policy_diagnostics *diagnostics, const struct policy *policy)
{
	struct str out = STR_INIT(OUTPUT_BYTES_MAX);
	policy_diagnostics_render(&out, diagnostics, context->language, &context->out_style);
	text_escape(&out, path);
	if (diagnostics->errors > 0) {
		str_add(&out, _(": refused: "));
		add_counted(&out, diagnostics->errors, _("%u error"), _("%u errors"));
	} else {
		str_add(&out, _(": valid: "));
		add_counted(&out, policy->declarations.count, _("%u declaration"),
			    _("%u declarations"));
		add_counted(&out, policy->hosts.count, _(", %u other device"),
			    _(", %u other devices"));
	}
	add_counted(&out, diagnostics->warnings, _(", %u warning\n"), _(", %u warnings\n"));
	return finish(&out, diagnostics->errors > 0 ? EXIT_ERROR : EXIT_IN_ORDER);
}

static int validate(const struct context *context, const struct policy_config *config,
		    const char *const *files, unsigned count)
{
	struct policy policy = { 0 };
	struct policy_diagnostics diagnostics;
	struct err e = ERR_INIT;
	const char *path = path_of(context, files, count);
	int r = policy_load(&policy, &diagnostics, path, context->now, &e);
	if (r < 0) {
		return unreadable(context, path, r, &e);
	}
	int code = config->json ? validate_json(context, path, &diagnostics)
				: validate_text(context, path, &diagnostics, &policy);
	policy_diagnostics_deinit(&diagnostics);
	policy_deinit(&policy);
	return code;
}

/* ---- print, schema ---- */

static void show_faults(const struct context *context, const struct policy_diagnostics *diagnostics)
{
	struct str text = STR_INIT(OUTPUT_BYTES_MAX);
	policy_diagnostics_render(&text, diagnostics, context->language, &context->err_style);
	(void)fflush(stdout);
	(void)fputs(str_text(&text), stderr);
	str_deinit(&text);
}

/* A policy without errors. @return 0, or an exit code above 0 after the complaint. */
static int need(struct policy *out, const struct context *context, const char *path)
{
	struct policy_diagnostics diagnostics;
	struct err e = ERR_INIT;
	int r = policy_load(out, &diagnostics, path, context->now, &e);
	if (r < 0) {
		return unreadable(context, path, r, &e);
	}
	if (r == POLICY_INVALID) {
		show_faults(context, &diagnostics);
	}
	policy_diagnostics_deinit(&diagnostics);
	return r == POLICY_INVALID ? EXIT_ERROR : 0;
}

static int print(const struct context *context, const struct policy_config *config,
		 const char *const *files, unsigned count)
{
	struct policy policy = { 0 };
	struct str out = STR_INIT(OUTPUT_BYTES_MAX);
	if (config->json) {
		complain(context, _("a policy is printed as YAML alone"), "minato policy print");
		return EXIT_USAGE;
	}
	int code = need(&policy, context, path_of(context, files, count));
	if (code != 0) {
		return code;
	}
	(void)policy_print(&out, &policy); /* kept in out.error */
	policy_deinit(&policy);
	return finish(&out, EXIT_IN_ORDER);
}

static int schema(const struct context *context, const struct policy_config *config,
		  const char *const *files, unsigned count)
{
	struct str out = STR_INIT(OUTPUT_BYTES_MAX);
	(void)config, (void)files, (void)count; /* the language is one */
	str_add(&out, policy_schema(context->language));
	return finish(&out, EXIT_IN_ORDER);
}

/* ---- diff ---- */

static json_t *change_json(const struct policy_change *change)
{
	return json_pack("{s:s, s:s, s:s?, s:s?}", "change", policy_change_name(change->kind),
			 "path", change->path, "before", change->before, "after", change->after);
}

static int diff_json(const struct context *context, const struct policy_changes *changes)
{
	json_t *list = json_array();
	for (size_t i = 0; i < changes->list.count; i++) {
		(void)json_array_append_new(list, change_json(&changes->list.items[i]));
	}
	json_t *document = view_document(context->now);
	if (document == NULL || json_object_set_new(document, "changes", list) < 0) {
		json_decref(document);
		document = NULL;
	}
	return print_json(document, changes->list.count > 0 ? EXIT_DIFFERS : EXIT_IN_ORDER);
}

static void add_change(struct str *out, const struct context *context,
		       const struct policy_change *change)
{
	static const struct {
		char mark;
		enum ink ink;
	} marks[] = {
		[POLICY_ADDED] = { '+', INK_GOOD },
		[POLICY_REMOVED] = { '-', INK_BAD },
		[POLICY_CHANGED] = { '~', INK_WARN },
	};
	str_printf(out, "%s%c %s: ", style_ink(&context->out_style, marks[change->kind].ink),
		   marks[change->kind].mark, change->path);
	if (change->before != NULL) {
		str_add(out, change->before);
	}
	if (change->kind == POLICY_CHANGED) {
		str_add(out, " -> ");
	}
	if (change->after != NULL) {
		str_add(out, change->after);
	}
	str_printf(out, "%s\n", style_ink(&context->out_style, INK_PLAIN));
}

static int diff_text(const struct context *context, const struct policy_changes *changes)
{
	struct str out = STR_INIT(OUTPUT_BYTES_MAX);
	for (size_t i = 0; i < changes->list.count; i++) {
		add_change(&out, context, &changes->list.items[i]);
	}
	return finish(&out, changes->list.count > 0 ? EXIT_DIFFERS : EXIT_IN_ORDER);
}

static int diff(const struct context *context, const struct policy_config *config,
		const char *const *files, unsigned count)
{
	struct policy before = { 0 };
	struct policy after = { 0 };
	struct policy_changes changes = { 0 };
	(void)count; /* two: the verb's row says so */
	int first = need(&before, context, files[0]);
	int second = need(&after, context, files[1]);
	int code = first != 0 ? first : second;
	if (code == 0 && policy_diff(&changes, &before, &after) < 0) {
		complain(context, strerror(ENOMEM), NULL);
		code = EXIT_ERROR;
	} else if (code == 0) {
		code = config->json ? diff_json(context, &changes) : diff_text(context, &changes);
	}
	policy_changes_deinit(&changes);
	policy_deinit(&before);
	policy_deinit(&after);
	return code;
}

/* ---- verbs ---- */

static const struct verb {
	const char *name;
	unsigned min_files, max_files;
	int (*run)(const struct context *, const struct policy_config *, const char *const *files,
		   unsigned count);
} verbs[] = {
	{ "validate", 0, 1, validate },
	{ "print", 0, 1, print },
	{ "schema", 0, 0, schema },
	{ "diff", 2, 2, diff },
	{ "import", 1, POLICY_IMPORT_FILES_MAX, policy_import },
};

static int unknown_verb(const struct context *context, const char *word)
{
	const char *names[sizeof(verbs) / sizeof(verbs[0])];
	char next[64] = "minato help policy";
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		names[i] = verbs[i].name;
	}
	const char *near = text_nearest(word, names, sizeof(verbs) / sizeof(verbs[0]));
	if (near != NULL) {
		(void)snprintf(next, sizeof(next), "minato policy %s", near);
	}
	complain(context, _("policy knows validate, print, schema, diff and import"), next);
	return EXIT_USAGE;
}

static int wrong_count(const struct context *context, const struct verb *verb)
{
	static const char *const sentences[] = {
		N_("policy %s takes no file"),
		N_("policy %s takes one file at most"),
		N_("policy %s takes two files: the old and the new one"),
		N_("policy %s takes files, or one of ufw, firewalld, iptables, nft and auto"),
	};
	struct str sentence = STR_INIT(1024);
	str_printf(&sentence, _(sentences[verb->max_files > 2 ? 3 : verb->max_files]), verb->name);
	complain(context, str_text(&sentence), "minato help policy");
	str_deinit(&sentence);
	return EXIT_USAGE;
}

static int run(const struct context *context, const void *config, const char *const *arguments,
	       unsigned count)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		const struct verb *verb = &verbs[i];
		if (strcmp(verb->name, arguments[0]) != 0) {
			continue;
		}
		if (count - 1 < verb->min_files || count - 1 > verb->max_files) {
			return wrong_count(context, verb);
		}
		if (((const struct policy_config *)config)->output != NULL &&
		    verb->run != policy_import) {
			complain(context, _("--output is for policy import alone"),
				 "minato help policy");
			return EXIT_USAGE;
		}
		return verb->run(context, config, arguments + 1, count - 1);
	}
	return unknown_verb(context, arguments[0]);
}

static const char *const examples[] = {
	"minato policy validate",
	N_("all faults of the policy, with line and advice"),
	"minato policy diff old.yaml new.yaml",
	N_("what differs; exit code 2 when something does"),
	"minato policy schema > policy.schema.json",
	N_("for editors that know JSON Schema"),
	"minato policy import auto --output policy.yaml",
	N_("what ufw, firewalld, iptables or nftables accept here, as a policy"),
	NULL,
};

const struct command command_policy = {
	.name = "policy",
	.arguments =
		"validate [FILE] | print [FILE] | schema | diff FILE FILE | import FILE...|WORD",
	.summary = N_("check, print, compare and import the declared policy"),
	.description =
		N_("validate shows all faults in one run; exit code 1 when there are errors. "
		   "print writes the policy in its normal form: includes joined, profiles and "
		   "defaults filled in. schema writes the JSON Schema of the language, "
		   "which minato-policy(5) explains. "
		   "import reads the rules of another firewall: files (- is standard input), or "
		   "with a word the rules of this host: ufw, firewalld, iptables, nft, or auto for "
		   "the one that is in charge. What the rules accept from outside is declared; "
		   "standard error tells what changed and what could not be carried (exit code 2). "
		   "A file that exists is never overwritten."),
	.examples = examples,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct policy_config),
	.min_arguments = 1,
	.max_arguments = 1 + POLICY_IMPORT_FILES_MAX,
	.run = run,
};
