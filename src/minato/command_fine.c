/* minato fine: an anomaly is what it should be. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "anomalies_remote.h"
#include "control.h"
#include "findings_rows.h"
#include "look.h"
#include "words.h"

struct config {
	bool undo;
};

#define FIELD(field) offsetof(struct config, field)

static const struct option options[] = {
	{ "undo", 'u', OPTION_FLAG, FIELD(undo), NULL, N_("it is not fine any more") },
};

enum {
	ANSWER_BYTES = 128,
	ANSWER_SECONDS = 5,
	LOOKS = 100, /* until the engine has heard of it, ... */
	LOOK_MS = 20 /* ... so far apart */
};

/* @return 0; -EACCES, -ENOENT and the like of connect(2). */
static int give_order(char answer[ANSWER_BYTES], const char *verb, const char *id)
{
	char order[64];
	const int length = snprintf(order, sizeof(order), "%s %s", verb, id);
	if (length < 0 || (size_t)length >= sizeof(order)) {
		return -EINVAL;
	}
	const ssize_t r = control_order(answer, ANSWER_BYTES, order, -1, ANSWER_SECONDS);
	return r > 0 ? 0 : r < 0 ? (int)r : -EACCES;
}

/* The order goes another way than the answer: it has been heard when the lists say so. */
static int wait_for_it(const struct context *context, const char *id, bool fine)
{
	for (unsigned i = 0; i < LOOKS; i++) {
		json_t *document = NULL;
		const int code = anomalies_fetch(&document, context);
		if (code != EXIT_IN_ORDER) {
			return code;
		}
		const bool is_fine = anomalies_find(document, "fine", id) != NULL;
		json_decref(document);
		if (is_fine == fine) {
			return EXIT_IN_ORDER;
		}
		(void)poll(NULL, 0, LOOK_MS);
	}
	complain(context, _("the daemon did not take it"), "minato anomalies");
	return EXIT_ERROR;
}

static int order(const struct context *context, const char *id, bool fine)
{
	char answer[ANSWER_BYTES] = "";
	const int r = give_order(answer, fine ? "fine" : "not-fine", id);
	if (r == -EACCES || r == -EPERM) {
		complain(context, _("only root may say what is fine"), "sudo minato fine ID");
		return EXIT_RIGHTS;
	}
	if (r < 0) {
		struct err e = ERR_INIT;
		(void)err_system(&e, -r, "%s", _("the daemon takes no orders"));
		complain(context, err_text(&e), "systemctl status minatod");
		return EXIT_ERROR;
	}
	if (strcmp(answer, "passed on") != 0) {
		complain(context, answer, "minato status");
		return EXIT_ERROR;
	}
	return wait_for_it(context, id, fine);
}

static int tell(const struct context *context, const json_t *entry, bool fine)
{
	struct str out = STR_INIT(1 << 16);
	struct findings findings;
	findings_init(&findings);
	anomalies_finding(&findings, entry);
	str_add(&out, fine ? _("fine from now on:\n") : _("not fine any more:\n"));
	rows_findings(&out, context, &findings, findings.list.count);
	findings_deinit(&findings);
	const int code = print_text(&out);
	str_deinit(&out);
	return code;
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	const struct config *config = given;
	json_t *document = NULL;
	(void)count; /* one: its row says so */
	int code = anomalies_fetch(&document, context);
	if (code != EXIT_IN_ORDER) {
		return code;
	}
	const json_t *entry =
		anomalies_find(document, config->undo ? "fine" : "anomalies", arguments[0]);
	if (entry == NULL) {
		complain(context,
			 config->undo ? _("nothing of this id was said to be fine")
				      : _("no anomaly has this id"),
			 config->undo ? "minato anomalies --fine" : "minato anomalies");
		json_decref(document);
		return EXIT_ERROR;
	}
	code = order(context, arguments[0], !config->undo);
	if (code == EXIT_IN_ORDER) {
		code = tell(context, entry, !config->undo);
	}
	json_decref(document);
	return code;
}

static const char *const examples[] = {
	"sudo minato fine 1f3a9c20",
	N_("it ends and is not told again; a number, until it is twice as great"),
	"sudo minato fine --undo 1f3a9c20",
	N_("the next time it is told"),
	NULL,
};

const struct command command_fine = {
	.name = "fine",
	.arguments = "ID",
	.summary = N_("say that an anomaly is as it should be"),
	.description = N_("The daemon remembers it. The ids are those of minato anomalies; what is "
			  "declared in the policy needs no such word."),
	.examples = examples,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};
