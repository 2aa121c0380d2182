/* What is done and why nothing is, in words. */
#include <errno.h>
#include <string.h>

#include "defend/defend.h"

const char *defend_why_text(int why)
{
	static const char *const texts[DEFEND_WHYS] = {
		[DEFEND_WHY_OFF] = "defend: is off",
		[DEFEND_WHY_RECORDED] = "the policy wants it recorded only",
		[DEFEND_WHY_FORGED] = "its sources are forged",
		[DEFEND_WHY_FLOOD] = "a flood from forged addresses is under way",
		[DEFEND_WHY_BLIND] = "this host's own people could not be read",
		[DEFEND_WHY_NOBODY] = "nobody has that address",
		[DEFEND_WHY_OWN] = "it is an address of this host",
		[DEFEND_WHY_GATEWAY] = "it is a gateway of this host",
		[DEFEND_WHY_DNS] = "it is a name server of this host",
		[DEFEND_WHY_ADMIN] = "somebody is logged in from there",
		[DEFEND_WHY_CLIENT] = "it was connected to a port whose from: names it",
		[DEFEND_WHY_NEVER] = "the policy says never",
		[DEFEND_WHY_STANDS] = "it is kept out already",
		[DEFEND_WHY_RATE] = "too many new ones within a minute",
		[DEFEND_WHY_FULL] = "too many at once",
	};
	return why > 0 && why < DEFEND_WHYS ? texts[why] : "";
}

static const char *const verdicts[] = {
	[DEFEND_HIDE] = "hide",
	[DEFEND_SLOW] = "slow",
	[DEFEND_BAN] = "ban",
};

const char *defend_verdict_name(unsigned verdict)
{
	return verdict >= DEFEND_HIDE && verdict <= DEFEND_BAN ? verdicts[verdict] : "";
}

int defend_verdict_parse(uint8_t *out, const char *name)
{
	for (unsigned i = DEFEND_HIDE; i <= DEFEND_BAN; i++) {
		if (strcmp(verdicts[i], name) == 0) {
			*out = (uint8_t)i;
			return 0;
		}
	}
	return -EINVAL;
}
