/* Verdicts by kind of service. Private to lib/measure. */
#pragma once

#include "base/str.h"
#include "measure/measure.h"

/* Fills a verdict in; `detail` is cut to fit. */
void measure_say(struct measure_result *out, enum measure_state state, enum measure_reason reason,
		 const char *detail);

/* Without evidence. @param why  NULL = nobody says. */
void measure_say_nothing(struct measure_result *out, const char *why);

/* Whether there are settings to judge by; says why not. */
bool measure_has_settings(struct measure_result *out, const void *settings,
			  const struct measure_evidence *evidence);

/* Of sshd (judge_ssh.c). */
void measure_judge_ssh_root(struct measure_result *out, const struct measure_evidence *evidence);
void measure_judge_ssh_password(struct measure_result *out,
				const struct measure_evidence *evidence);
void measure_judge_ssh_keys(struct measure_result *out, const struct measure_evidence *evidence);

/* By what the service answered (judge_answer.c); `out->id` says which measure. */
void measure_judge_answer(struct measure_result *out, const struct measure_evidence *evidence);
/* Whether mail of strangers is passed on: who asks from its own network may be meant to send. */
void measure_judge_relay(struct measure_result *out, const struct measure_evidence *evidence);
/* Whether the page is the one that was remembered. */
void measure_judge_page(struct measure_result *out, const struct measure_evidence *evidence);

/* Of Samba (judge_smb.c). */
void measure_judge_smb_guest(struct measure_result *out, const struct measure_evidence *evidence);
void measure_judge_smb_encryption(struct measure_result *out,
				  const struct measure_evidence *evidence);
