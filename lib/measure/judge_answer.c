/* What services answered, to verdicts. */
#include "measure/judge.h"

#include <stdio.h>
#include <string.h>

/* Which question decides a measure, and which answer is the good one. */
static const struct {
	enum measure_question question;
	enum measure_told good;
} decides[MEASURES] = {
	[MEASURE_FTP_TLS] = { MEASURE_ASK_FTP_TLS, MEASURE_TOLD_YES },
	[MEASURE_SMTP_AUTH] = { MEASURE_ASK_PLAIN_AUTH, MEASURE_TOLD_NO },
	[MEASURE_SMTP_RELAY] = { MEASURE_ASK_RELAY, MEASURE_TOLD_NO },
	[MEASURE_HTTP_REDIRECT] = { MEASURE_ASK_REDIRECT, MEASURE_TOLD_YES },
	[MEASURE_HTTP_LISTING] = { MEASURE_ASK_LISTING, MEASURE_TOLD_NO },
	[MEASURE_HTTP_TRAVERSAL] = { MEASURE_ASK_TRAVERSAL, MEASURE_TOLD_NO },
	[MEASURE_LOGIN] = { MEASURE_ASK_NO_LOGIN, MEASURE_TOLD_NO },
	[MEASURE_DOCKER_TLS] = { MEASURE_ASK_ENCRYPTED, MEASURE_TOLD_YES },
	[MEASURE_SMB1] = { MEASURE_ASK_SMB1, MEASURE_TOLD_NO },
	[MEASURE_SMB_SIGNING] = { MEASURE_ASK_SIGNING, MEASURE_TOLD_YES },
	[MEASURE_RDP_NLA] = { MEASURE_ASK_NLA, MEASURE_TOLD_YES },
	[MEASURE_SNMP_COMMUNITY] = { MEASURE_ASK_PUBLIC, MEASURE_TOLD_NO },
};

void measure_judge_answer(struct measure_result *out, const struct measure_evidence *evidence)
{
	const struct measure_answer *answer = evidence->answer;
	if (answer == NULL) {
		measure_say(out, MEASURE_CANNOT_TELL, MEASURE_NOT_ASKED, "");
		return;
	}
	const enum measure_question question = decides[out->id].question;
	const uint8_t told = answer->told[question];
	if (told == MEASURE_TOLD_NOTHING) {
		measure_say(out, MEASURE_CANNOT_TELL, MEASURE_SILENT, answer->text[question]);
		return;
	}
	measure_say(out, told == decides[out->id].good ? MEASURE_DONE : MEASURE_NOT_DONE,
		    MEASURE_ANSWERED, answer->text[question]);
}

/* A mail server passes on what its own host and networks send; from elsewhere it must not. */
void measure_judge_relay(struct measure_result *out, const struct measure_evidence *evidence)
{
	const struct measure_answer *answer = evidence->answer;
	measure_judge_answer(out, evidence);
	if (out->state == MEASURE_NOT_DONE &&
	    (evidence->own || addr_exposure(&answer->from) != EXPOSURE_PUBLIC)) {
		out->state = MEASURE_CANNOT_TELL;
		out->reason = MEASURE_OWN_NETWORK;
	}
}

void measure_judge_page(struct measure_result *out, const struct measure_evidence *evidence)
{
	char detail[MEASURE_DIGEST_BYTES + 16];
	const struct measure_answer *answer = evidence->answer;
	if (answer == NULL) {
		measure_say(out, MEASURE_CANNOT_TELL, MEASURE_NOT_ASKED, "");
		return;
	}
	if (answer->page[0] == '\0') {
		measure_say(out, MEASURE_CANNOT_TELL, MEASURE_SILENT,
			    answer->text[MEASURE_ASK_REDIRECT]);
		return;
	}
	(void)snprintf(detail, sizeof(detail), "sha256:%s", answer->page);
	if (evidence->page == NULL) {
		measure_say(out, MEASURE_CANNOT_TELL, MEASURE_PAGE_NEW, detail);
	} else if (strcmp(evidence->page, answer->page) == 0) {
		measure_say(out, MEASURE_DONE, MEASURE_PAGE_SAME, detail);
	} else {
		measure_say(out, MEASURE_NOT_DONE, MEASURE_PAGE_CHANGED, detail);
	}
}
