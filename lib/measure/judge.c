/* Evidence to verdicts. */
#include "measure/judge.h"

#include <stdio.h>
#include <string.h>

#include "measure/table.h"

/* ---- the table ---- */

const struct measure *measure_at(enum measure_id id)
{
	return &measure_table[id];
}

bool measure_is_for(enum measure_id id, const struct port_knowledge *service)
{
	for (const char *const *name = measure_table[id].services; service != NULL && *name != NULL;
	     name++) {
		if (strcmp(*name, service->name) == 0) {
			return true;
		}
	}
	return false;
}

struct text measure_mend_for(enum measure_id id, const char *program)
{
	const struct measure_mend *mend = measure_table[id].mends;
	for (; mend->programs[0] != NULL; mend++) {
		/* Of a program that is not known, the usual one is the best guess. */
		if (program == NULL) {
			return mend->text;
		}
		for (const char *const *name = mend->programs; *name != NULL; name++) {
			if (strcmp(*name, program) == 0) {
				return mend->text;
			}
		}
	}
	return mend->text;
}

const char *measure_state_name(enum measure_state state)
{
	static const char *const names[] = { "cannot_tell", "not_done", "done" };
	return names[state];
}

const char *measure_reason_name(enum measure_reason reason)
{
	static const char *const names[MEASURE_REASONS] = {
		[MEASURE_NO_EVIDENCE] = "no_evidence", [MEASURE_SETTING] = "setting",
		[MEASURE_DEFAULT] = "default",         [MEASURE_EXCEPTION] = "exception",
		[MEASURE_UNREADABLE] = "unreadable",   [MEASURE_KEYS] = "keys",
		[MEASURE_WEAK_KEY] = "weak_key",       [MEASURE_LOOPBACK] = "loopback",
		[MEASURE_NOBODY] = "nobody",           [MEASURE_SOME] = "some",
		[MEASURE_ANYONE] = "anyone",           [MEASURE_UNSEEN] = "unseen",
		[MEASURE_NOT_ASKED] = "not_asked",     [MEASURE_SILENT] = "silent",
		[MEASURE_ANSWERED] = "answered",       [MEASURE_OWN_NETWORK] = "own_network",
		[MEASURE_PAGE_SAME] = "page_same",     [MEASURE_PAGE_CHANGED] = "page_changed",
		[MEASURE_PAGE_NEW] = "page_new",
	};
	return names[reason];
}

/* ---- verdicts ---- */

void measure_say(struct measure_result *out, enum measure_state state, enum measure_reason reason,
		 const char *detail)
{
	out->state = state;
	out->reason = reason;
	(void)str_copy(out->detail, sizeof(out->detail), detail);
}

bool measure_has_settings(struct measure_result *out, const void *settings,
			  const struct measure_evidence *evidence)
{
	if (settings == NULL && evidence->unseen) {
		measure_say(out, MEASURE_CANNOT_TELL, MEASURE_UNSEEN, "");
	} else if (settings == NULL) {
		measure_say_nothing(out, evidence->why);
	}
	return settings != NULL;
}

void measure_say_nothing(struct measure_result *out, const char *why)
{
	measure_say(out, MEASURE_CANNOT_TELL, MEASURE_NO_EVIDENCE, why == NULL ? "" : why);
}

/* Who gets in. */
static void judge_address_limit(struct measure_result *out, const struct measure_evidence *evidence)
{
	switch (evidence->reach) {
	case MEASURE_REACH_LOOPBACK:
		measure_say(out, MEASURE_DONE, MEASURE_LOOPBACK, "");
		break;
	case MEASURE_REACH_NOBODY:
		measure_say(out, MEASURE_DONE, MEASURE_NOBODY, "");
		break;
	case MEASURE_REACH_SOME:
		measure_say(out, MEASURE_DONE, MEASURE_SOME, evidence->reach_names);
		break;
	case MEASURE_REACH_ANYONE:
		measure_say(out, MEASURE_NOT_DONE, MEASURE_ANYONE, "");
		break;
	case MEASURE_REACH_UNKNOWN:
		measure_say_nothing(out, evidence->reach_why);
		break;
	}
}

static void (*const judges[MEASURES])(struct measure_result *out,
				      const struct measure_evidence *evidence) = {
	[MEASURE_SSH_ROOT_LOGIN] = measure_judge_ssh_root,
	[MEASURE_SSH_PASSWORD] = measure_judge_ssh_password,
	[MEASURE_SSH_HOST_KEYS] = measure_judge_ssh_keys,
	[MEASURE_FTP_TLS] = measure_judge_answer,
	[MEASURE_SMTP_AUTH] = measure_judge_answer,
	[MEASURE_SMTP_RELAY] = measure_judge_relay,
	[MEASURE_HTTP_REDIRECT] = measure_judge_answer,
	[MEASURE_HTTP_LISTING] = measure_judge_answer,
	[MEASURE_HTTP_TRAVERSAL] = measure_judge_answer,
	[MEASURE_HTTP_PAGE] = measure_judge_page,
	[MEASURE_SMB_GUEST] = measure_judge_smb_guest,
	[MEASURE_SMB_ENCRYPTION] = measure_judge_smb_encryption,
	[MEASURE_LOGIN] = measure_judge_answer,
	[MEASURE_DOCKER_TLS] = measure_judge_answer,
	[MEASURE_SMB1] = measure_judge_answer,
	[MEASURE_SMB_SIGNING] = measure_judge_answer,
	[MEASURE_RDP_NLA] = measure_judge_answer,
	[MEASURE_SNMP_COMMUNITY] = measure_judge_answer,
	[MEASURE_ADDRESS_LIMIT] = judge_address_limit,
};

void measure_judge(struct measure_result *out, enum measure_id id,
		   const struct measure_evidence *evidence)
{
	*out = (struct measure_result){ .id = id };
	judges[id](out, evidence);
}

const struct measure_result *measure_worst(const struct measure_result *results, size_t count)
{
	const struct measure_result *worst = NULL;
	for (size_t i = 0; i < count; i++) {
		if (results[i].state == MEASURE_NOT_DONE &&
		    (worst == NULL ||
		     measure_table[results[i].id].severity > measure_table[worst->id].severity)) {
			worst = &results[i];
		}
	}
	return worst;
}
