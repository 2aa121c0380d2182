/* Servers of TLS for tests: first flights in bytes, and servers that are nothing but sets. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "tls/tls.h"

/* ---- bytes ---- */

struct tls_server {
	enum tls_version version;
	uint16_t group;
	unsigned dh_bytes;
	unsigned certificates;
};

static inline size_t server_message(uint8_t *out, unsigned type, const uint8_t *body, size_t length)
{
	out[0] = (uint8_t)type;
	out[1] = 0;
	out[2] = (uint8_t)(length >> 8);
	out[3] = (uint8_t)length;
	memcpy(out + 4, body, length);
	return length + 4;
}

/* ServerHello with secure renegotiation, Certificate, ServerKeyExchange, Done: a record of its own
 * for each. @param out  4096 bytes. */
static inline size_t server_flight(uint8_t *out, const struct tls_server *server, uint16_t suite)
{
	uint8_t hello[45] = { 3, (uint8_t)(server->version - TLS_VERSION_SSL3) };
	uint8_t chain[256], keys[1024] = { 3 };
	uint8_t messages[4][1100];
	size_t lengths[4] = { 0 };
	hello[35] = (uint8_t)(suite >> 8);
	hello[36] = (uint8_t)suite;
	memcpy(hello + 38, "\0\5\xff\1\0\1\0", 7);
	lengths[0] = server_message(messages[0], 2, hello, sizeof(hello));
	size_t used = 3;
	for (unsigned i = 0; i < server->certificates; i++) {
		memcpy(chain + used,
		       "\0\0\x0c"
		       "certificate",
		       14);
		chain[used + 14] = (uint8_t)('0' + i);
		used += 15;
	}
	chain[0] = chain[1] = 0;
	chain[2] = (uint8_t)(used - 3);
	lengths[1] = server_message(messages[1], 11, chain, used);
	if (server->dh_bytes > 0) {
		keys[0] = (uint8_t)(server->dh_bytes >> 8);
		keys[1] = (uint8_t)server->dh_bytes;
		keys[2] = 0x80;
	} else {
		keys[1] = (uint8_t)(server->group >> 8);
		keys[2] = (uint8_t)server->group;
	}
	lengths[2] = server_message(messages[2], 12, keys, server->dh_bytes + 8);
	lengths[3] = server_message(messages[3], 14, keys, 0);
	size_t length = 0;
	for (unsigned i = 0; i < 4; i++) {
		const uint8_t header[5] = { 22, 3, 3, (uint8_t)(lengths[i] >> 8),
					    (uint8_t)lengths[i] };
		memcpy(out + length, header, sizeof(header));
		memcpy(out + length + 5, messages[i], lengths[i]);
		length += lengths[i] + 5;
	}
	return length;
}

/* ---- sets ---- */

struct tls_model {
	uint8_t versions;
	struct tls_set suites[TLS_VERSIONS];
	struct tls_set groups;
};

static inline void model_random(struct tls_model *model, unsigned seed)
{
	*model = (struct tls_model){ 0 };
	srandom(seed);
	model->versions = (uint8_t)(random() % (1 << TLS_VERSIONS));
	for (int version = TLS_VERSION_SSL3; version < TLS_VERSIONS; version++) {
		for (size_t i = 0; tls_suite_at(i) != NULL; i++) {
			if ((model->versions >> version & 1) != 0 && random() % 4 == 0 &&
			    tls_suite_fits(tls_suite_at(i), (enum tls_version)version)) {
				tls_set_add(&model->suites[version], i);
			}
		}
		/* Who has no suite does not speak it. */
		if (tls_set_count(&model->suites[version]) == 0) {
			model->versions &= (uint8_t) ~(1 << version);
		}
	}
	tls_set_add(&model->groups, (size_t)tls_group_find(0x1d));
	tls_set_add(&model->groups, (size_t)tls_group_find(0x17));
	if (random() % 2 == 0) {
		tls_set_add(&model->groups, (size_t)tls_group_find(0x13)); /* only before 1.3 */
		model->groups.words[0] &= (model->versions >> TLS_VERSION_12 & 1) != 0
						  ? UINT64_MAX
						  : ~(UINT64_C(1) << tls_group_find(0x13));
	}
	bool curves = false;
	for (size_t i = 0; tls_suite_at(i) != NULL; i++) {
		for (int version = TLS_VERSION_10; version <= TLS_VERSION_12; version++) {
			curves |= tls_set_has(&model->suites[version], i) &&
				  (tls_suite_at(i)->flags & TLS_SUITE_EC) != 0;
		}
	}
	if (!curves) {
		tls_set_remove(&model->groups, (size_t)tls_group_find(0x13));
	}
}

/* The first of both, in the server's order; -1 = none. */
static inline int model_choose(const struct tls_set *a, const struct tls_set *b)
{
	for (size_t i = 0; i < TLS_SUITES_MAX; i++) {
		if (tls_set_has(a, i) && tls_set_has(b, i)) {
			return (int)i;
		}
	}
	return -1;
}

static inline void model_answer(const struct tls_model *model, const struct tls_question *q,
				struct tls_flight *flight)
{
	*flight = (struct tls_flight){ .state = TLS_ANSWER_ALERT, .alert = 40 };
	flight->secure_renegotiation = true;
	if ((model->versions >> q->version & 1) == 0) {
		flight->alert = 70;
		return;
	}
	flight->version = (int)q->version;
	if (q->version == TLS_VERSION_SSL2) {
		flight->state = TLS_ANSWER_HELLO;
		return;
	}
	const int group = model_choose(&q->groups, &model->groups);
	struct tls_set suites = model->suites[q->version];
	for (size_t i = 0; tls_suite_at(i) != NULL && group < 0; i++) {
		if ((tls_suite_at(i)->flags & (TLS_SUITE_EC | TLS_SUITE_TLS13)) != 0 &&
		    q->version != TLS_VERSION_SSL3) {
			tls_set_remove(&suites, i);
		}
	}
	const int suite = model_choose(&q->suites, &suites);
	if (suite >= 0) {
		const uint32_t flags = tls_suite_at((size_t)suite)->flags;
		flight->state = TLS_ANSWER_HELLO;
		flight->suite = tls_suite_at((size_t)suite)->code;
		flight->group = group >= 0 && (flags & (TLS_SUITE_EC | TLS_SUITE_TLS13)) != 0
					? tls_group_at((size_t)group)->code
					: 0;
	}
}

/* Asks all. @return how many questions it took. */
static inline unsigned model_ask(const struct tls_model *model, struct tls_plan *plan)
{
	static struct tls_flight flight;
	struct tls_question q;
	unsigned questions = 0;
	tls_plan_begin(plan);
	while (tls_plan_next(plan, &q)) {
		assert_true(tls_set_count(&q.suites) <= TLS_ASKED_MAX);
		model_answer(model, &q, &flight);
		tls_plan_take(plan, &flight);
		questions++;
	}
	return questions;
}
