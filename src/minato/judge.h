/* The policy, if there is one, and what differs from it. */
#pragma once

#include "command.h"
#include "model/finding.h"
#include "model/inventory.h"
#include "policy/policy.h"
#include "reach.h"

struct judgement {
	struct policy policy; /* zeroed when there is none */
	bool declared;        /* a policy was read */
	struct findings findings;
	struct reach reach; /* of judge() alone */
};

/* The policy to give to functions that take NULL for none. */
const struct policy *judgement_policy(const struct judgement *judgement);

/*
 * Reads the policy, its host names frozen as in the rules that were confirmed last: the one named
 * with --policy must be there, the default one may be missing.
 * @return EXIT_IN_ORDER, or the exit code after having complained. `out` needs judgement_deinit in
 * every case.
 */
int judge_policy(struct judgement *out, const struct context *context);

/*
 * Outside of a plan nobody is asked for host names: they stand for what they do in the rules that
 * were confirmed last. Where nothing is known of a name it is nobody.
 */
void judge_take_names(struct policy *policy);

/* Reads the policy, asks from where the ports are reached, and reviews all against the policy.
 * @return as judge_policy. */
int judge(struct judgement *out, const struct context *context, const struct inventory *inventory);

/* The exit code for --fail-on: EXIT_DIFFERS when a finding is at least that bad; SEVERITY_NONE
 * never. */
int judgement_exit(const struct judgement *judgement, enum severity fail_on);

void judgement_deinit(struct judgement *judgement);
