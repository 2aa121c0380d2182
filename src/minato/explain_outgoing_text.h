/* How it is told whether a program of this host may connect somewhere. */
#pragma once

#include "enforce/enforce.h"
#include "explain_way_text.h"

/* Why the kernel was not asked. */
enum outgoing_unasked {
	OUTGOING_RIGHTS,   /* it takes root */
	OUTGOING_FAILED,   /* the reason was told on stderr */
	OUTGOING_TO_ITSELF /* no rule for what goes out decides about that */
};

struct outgoing_told {
	const struct policy *policy; /* NULL = there are no rules of minato */
	bool confirmed;              /* it is the one that holds; else that of the file */
	const struct enforce_outgoing *packet;
	struct enforce_environment environment;
	const char *user, *unit; /* as typed; NULL = not said */
	enum enforce_verdict verdict;
	const struct policy_declaration *by; /* NULL = none decides */
	bool kept_lost; /* what the policy says of programs does not hold in the kernel */
	const struct way_told *way; /* of the kernel; NULL = it was not asked */
	enum outgoing_unasked unasked;
};

/* Whether it goes, by all that is known. */
bool outgoing_goes(const struct outgoing_told *told);
/* Appends the answer, each declaration of the port, then the kernel's way. */
void outgoing_text(struct str *out, const struct explain *explain,
		   const struct outgoing_told *told);
/* @return a new reference, NULL when out of memory. */
json_t *outgoing_json(const struct outgoing_told *told);
