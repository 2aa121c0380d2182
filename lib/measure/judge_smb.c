/* What Samba's settings let in. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "measure/judge.h"

static void say(struct measure_result *out, enum measure_state state,
		const struct measure_setting *value, const char *setting)
{
	char detail[MEASURE_DETAIL_BYTES];
	if (value->said) {
		(void)snprintf(detail, sizeof(detail), "%s, %s:%u", setting, value->path,
			       value->line);
	} else {
		(void)str_copy(detail, sizeof(detail), setting);
	}
	measure_say(out, state, value->said ? MEASURE_SETTING : MEASURE_DEFAULT, detail);
}

void measure_judge_smb_encryption(struct measure_result *out,
				  const struct measure_evidence *evidence)
{
	char setting[MEASURE_VALUE_BYTES + 64];
	const struct measure_smb *smb = evidence->smb;
	if (!measure_has_settings(out, smb, evidence)) {
		return;
	}
	/* A file that is included later may say otherwise, both ways. */
	if (smb->unreadable[0] != '\0') {
		measure_say(out, MEASURE_CANNOT_TELL, MEASURE_UNREADABLE, smb->unreadable);
		return;
	}
	const char *text = smb->encryption.text;
	const bool required =
		strcasecmp(text, "required") == 0 || strcasecmp(text, "mandatory") == 0;
	(void)snprintf(setting, sizeof(setting), "server smb encrypt = %s", text);
	say(out, required ? MEASURE_DONE : MEASURE_NOT_DONE, &smb->encryption, setting);
}

void measure_judge_smb_guest(struct measure_result *out, const struct measure_evidence *evidence)
{
	char setting[2 * MEASURE_VALUE_BYTES + 64];
	const struct measure_smb *smb = evidence->smb;
	if (!measure_has_settings(out, smb, evidence)) {
		return;
	}
	if (smb->guest.said) {
		(void)snprintf(setting, sizeof(setting), "[%s] guest ok = %s", smb->share,
			       smb->guest.text);
		say(out, MEASURE_NOT_DONE, &smb->guest, setting);
	} else if (smb->unreadable[0] != '\0') {
		measure_say(out, MEASURE_CANNOT_TELL, MEASURE_UNREADABLE, smb->unreadable);
	} else {
		say(out, MEASURE_DONE, &smb->guest, "guest ok = no");
	}
}
