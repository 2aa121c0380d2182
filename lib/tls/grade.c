/* How good the encryption of a port is, and why it is no better. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "tls/table.h"

enum {
	EXPIRES_SOON_DAYS = 14,
	/* The values of OpenSSL's x509_vfy.h that are told apart. */
	VERIFY_OK = 0,
	VERIFY_NOT_YET = 9,
	VERIFY_EXPIRED = 10,
};

const char *tls_grade_name(enum tls_grade grade)
{
	static const char *const names[TLS_GRADES] = { "-", "A", "B", "C", "D", "E", "F" };
	return names[grade];
}

struct grading {
	struct tls_reasons *out;
	const struct tls_record *record;
	usec_t now;
	const char *of; /* kind of key of the other certificate, while that is judged; else "" */
};

/* What is said of the first certificate is not said of the other one again. */
static bool is_told(const struct grading *g, const char *id, const char *detail)
{
	for (size_t i = 0; g->of[0] != '\0' && i < g->out->count; i++) {
		if (strcmp(g->out->items[i].id, id) == 0 &&
		    strcmp(g->out->items[i].detail, detail) == 0) {
			return true;
		}
	}
	return false;
}

static void add(struct grading *g, const char *id, enum tls_grade grade, const char *detail)
{
	if (g->out->count == TLS_REASONS_MAX || is_told(g, id, detail)) {
		return;
	}
	struct tls_reason *reason = &g->out->items[g->out->count++];
	reason->id = id;
	reason->grade = grade;
	(void)str_copy(reason->detail, sizeof(reason->detail), detail);
	if (g->of[0] != '\0' && detail[0] != '\0' && strncmp(detail, g->of, strlen(g->of)) != 0) {
		const size_t used = strlen(reason->detail);
		(void)snprintf(reason->detail + used, sizeof(reason->detail) - used, " (%s)",
			       g->of);
	}
}

static void add_number(struct grading *g, const char *id, enum tls_grade grade, const char *before,
		       unsigned number)
{
	char text[TLS_DETAIL_BYTES];
	(void)snprintf(text, sizeof(text), "%s%u", before, number);
	add(g, id, grade, text);
}

static bool speaks(const struct tls_offer *offer, enum tls_version version)
{
	return (offer->versions >> version & 1) != 0;
}

/* ---- versions ---- */

static void judge_versions(struct grading *g)
{
	const struct tls_offer *offer = &g->record->offer;
	const bool modern = speaks(offer, TLS_VERSION_12) || speaks(offer, TLS_VERSION_13);
	if (speaks(offer, TLS_VERSION_SSL2)) {
		add(g, "tls-ssl2", TLS_GRADE_F, "");
	}
	if (speaks(offer, TLS_VERSION_SSL3)) {
		add(g, "tls-ssl3", TLS_GRADE_D, "");
	}
	if (speaks(offer, TLS_VERSION_10) || speaks(offer, TLS_VERSION_11)) {
		add(g, "tls-old-version", TLS_GRADE_C,
		    !speaks(offer, TLS_VERSION_11)   ? "TLS 1.0"
		    : !speaks(offer, TLS_VERSION_10) ? "TLS 1.1"
						     : "TLS 1.0, TLS 1.1");
	}
	if (offer->versions != 0 && !modern) {
		add(g, "tls-no-modern-version", TLS_GRADE_D, "");
	} else if (modern && !speaks(offer, TLS_VERSION_13)) {
		add(g, "tls-no-13", TLS_GRADE_A, "");
	}
}

/* ---- cipher suites ---- */

/* The first suite with one of these flags, in any version. @return how many there are. */
static unsigned count_suites(const struct tls_offer *offer, uint32_t flags, bool without,
			     const char **first)
{
	unsigned count = 0;
	for (size_t i = 0; i < tls_suite_count; i++) {
		bool accepted = false;
		for (unsigned version = 0; version < TLS_VERSIONS; version++) {
			accepted |= tls_set_has(&offer->suites[version], i);
		}
		if (accepted && ((tls_suites[i].flags & flags) != 0) != without) {
			*first = count == 0 ? tls_suites[i].name : *first;
			count++;
		}
	}
	return count;
}

static void judge_suites(struct grading *g)
{
	static const struct {
		uint32_t flags;
		const char *id;
		enum tls_grade grade;
	} kinds[] = {
		{ TLS_SUITE_NULL, "tls-null-cipher", TLS_GRADE_F },
		{ TLS_SUITE_ANONYMOUS, "tls-anonymous-cipher", TLS_GRADE_F },
		{ TLS_SUITE_EXPORT, "tls-export-cipher", TLS_GRADE_F },
		{ TLS_SUITE_SHORT, "tls-short-cipher", TLS_GRADE_E },
		{ TLS_SUITE_RC4, "tls-rc4", TLS_GRADE_D },
		{ TLS_SUITE_TRIPLE_DES, "tls-3des", TLS_GRADE_C },
	};
	const struct tls_offer *offer = &g->record->offer;
	const char *first = "";
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (count_suites(offer, kinds[i].flags, false, &first) > 0) {
			add(g, kinds[i].id, kinds[i].grade, first);
		}
	}
	const unsigned without = count_suites(offer, TLS_SUITE_FORWARD, true, &first);
	if (without > 0 && count_suites(offer, TLS_SUITE_FORWARD, false, &first) == 0) {
		add(g, "tls-no-forward-secrecy", TLS_GRADE_C, "");
	} else if (without > 0) {
		add_number(g, "tls-some-without-forward-secrecy", TLS_GRADE_B, "", without);
	}
}

/* ---- key exchange ---- */

static void judge_exchange(struct grading *g)
{
	const struct tls_offer *offer = &g->record->offer;
	if (offer->dh_bits != 0 && offer->dh_bits < 2048) {
		add_number(g, "tls-weak-dh", offer->dh_bits < 1024 ? TLS_GRADE_F : TLS_GRADE_C, "",
			   offer->dh_bits);
	}
	for (size_t i = 0; i < tls_group_count; i++) {
		if (tls_set_has(&offer->groups, i) && tls_groups[i].bits < 112) {
			add(g, "tls-weak-group", TLS_GRADE_D, tls_groups[i].name);
			break;
		}
	}
	if (offer->no_secure_renegotiation != 0) {
		add(g, "tls-renegotiation", TLS_GRADE_C, "");
	}
	if (offer->compression != 0) {
		add(g, "tls-compression", TLS_GRADE_C, "");
	}
}

/* ---- the certificate ---- */

static void add_date(struct grading *g, const char *id, enum tls_grade grade, usec_t time)
{
	char text[TIME_TEXT_BYTES];
	(void)time_format(time, text);
	text[strcspn(text, "T")] = '\0';
	add(g, id, grade, text);
}

static void judge_time(struct grading *g, const struct tls_certificate *c)
{
	if (c->not_after != 0 && c->not_after < g->now) {
		add_date(g, "tls-expired", TLS_GRADE_F, c->not_after);
	} else if (c->not_before > g->now) {
		add_date(g, "tls-not-yet-valid", TLS_GRADE_F, c->not_before);
	} else if (c->not_after != 0 && c->not_after < g->now + EXPIRES_SOON_DAYS * USEC_PER_DAY) {
		add_date(g, "tls-expires-soon", TLS_GRADE_B, c->not_after);
	}
}

static void judge_trust(struct grading *g, const struct tls_certificate *c)
{
	if (c->self_signed != 0) {
		add(g, "tls-self-signed", TLS_GRADE_D, "");
	} else if (c->incomplete != 0) {
		add(g, "tls-incomplete-chain", TLS_GRADE_C, c->top);
	} else if (c->verify != VERIFY_OK && c->verify != VERIFY_EXPIRED &&
		   c->verify != VERIFY_NOT_YET) {
		add(g, "tls-untrusted", TLS_GRADE_D, c->top);
	}
	if (c->name_matches == 0) {
		add(g, "tls-wrong-name", TLS_GRADE_F, c->names[0] == '\0' ? c->subject : c->names);
	}
}

/* NIST SP 800-57 part 1, table 2: 2048 bits, of a curve 224. */
static void judge_key(struct grading *g, const struct tls_certificate *c)
{
	char text[TLS_DETAIL_BYTES];
	const bool curve = strcmp(c->key, "EC") == 0;
	(void)snprintf(text, sizeof(text), "%s %u", c->key, c->key_bits);
	if (strncmp(c->key, "Ed", 2) != 0 && c->key_bits != 0 &&
	    c->key_bits < (curve ? 224U : 2048U)) {
		add(g, "tls-short-key",
		    c->key_bits < (curve ? 160U : 1024U) ? TLS_GRADE_F : TLS_GRADE_D, text);
	}
	if (c->hash != TLS_HASH_FINE) {
		add(g, "tls-weak-signature", c->hash == TLS_HASH_MD5 ? TLS_GRADE_F : TLS_GRADE_D,
		    c->signature);
	}
}

static void judge_certificate(struct grading *g, const struct tls_certificate *c)
{
	if (c->given == 0) {
		return;
	}
	judge_time(g, c);
	judge_trust(g, c);
	judge_key(g, c);
	if (c->ocsp == 0 && c->crl == 0 && c->self_signed == 0) {
		add(g, "tls-no-revocation", TLS_GRADE_A, "");
	}
}

static void judge_use(struct grading *g)
{
	const struct tls_record *r = g->record;
	if (r->kind == TLS_KIND_OFFERED) {
		add(g, "tls-only-offered", TLS_GRADE_B, tls_talk_name((enum tls_talk)r->talk));
	}
	if (r->http != 0 && r->hsts == 0) {
		add(g, "tls-no-hsts", TLS_GRADE_A, "");
	}
	if (r->whole == 0) {
		add(g, "tls-not-whole", TLS_GRADE_A, "");
	}
}

/* ---- all ---- */

/* Stable: reasons of one grade stay in the order in which they were found. */
static void sort(struct tls_reasons *reasons)
{
	for (size_t i = 1; i < reasons->count; i++) {
		const struct tls_reason moved = reasons->items[i];
		size_t k = i;
		for (; k > 0 && reasons->items[k - 1].grade < moved.grade; k--) {
			reasons->items[k] = reasons->items[k - 1];
		}
		reasons->items[k] = moved;
	}
}

enum tls_grade tls_grade(struct tls_reasons *out, const struct tls_record *record, usec_t now)
{
	struct grading g = { out, record, now, "" };
	out->count = 0;
	if (record->kind != TLS_KIND_TLS && record->kind != TLS_KIND_OFFERED &&
	    record->kind != TLS_KIND_REQUIRED) {
		return TLS_GRADE_NONE;
	}
	if (record->offer.versions == 0) {
		return TLS_GRADE_NONE; /* it was only asked whether there is TLS, or it ended */
	}
	judge_versions(&g);
	judge_suites(&g);
	judge_exchange(&g);
	judge_certificate(&g, &record->certificate);
	g.of = record->other.key;
	judge_certificate(&g, &record->other);
	g.of = "";
	judge_use(&g);
	sort(out);
	return out->count == 0 ? TLS_GRADE_A : out->items[0].grade;
}

/* ---- the policy ---- */

const char *tls_verdict_name(enum tls_verdict verdict)
{
	static const char *const names[TLS_VERDICTS] = {
		[TLS_NOT_COMPARED] = "not_compared",
		[TLS_IN_ORDER] = "in_order",
		[TLS_PLAIN_THOUGH_DECLARED] = "plaintext_though_declared",
		[TLS_ONLY_OFFERED] = "only_offered",
		[TLS_BROKEN] = "broken",
		[TLS_MORE_THAN_DECLARED] = "more_than_declared",
		[TLS_CANNOT_TELL] = "unknown",
	};
	return names[verdict];
}

bool tls_differs(enum tls_verdict verdict)
{
	return verdict == TLS_PLAIN_THOUGH_DECLARED || verdict == TLS_ONLY_OFFERED ||
	       verdict == TLS_BROKEN;
}

enum tls_verdict tls_compare(const struct tls_record *record, enum tls_grade grade,
			     enum tls_declared declared)
{
	const bool encrypts = record->kind == TLS_KIND_TLS || record->kind == TLS_KIND_REQUIRED ||
			      record->kind == TLS_KIND_SSH;
	if (declared == TLS_DECLARED_NOTHING || record->kind == TLS_KIND_CLOSED) {
		return TLS_NOT_COMPARED;
	}
	if (record->kind == TLS_KIND_UNKNOWN) {
		return TLS_CANNOT_TELL;
	}
	if (declared == TLS_DECLARED_PLAIN) {
		return encrypts ? TLS_MORE_THAN_DECLARED : TLS_IN_ORDER;
	}
	return record->kind == TLS_KIND_PLAIN     ? TLS_PLAIN_THOUGH_DECLARED
	       : record->kind == TLS_KIND_OFFERED ? TLS_ONLY_OFFERED
	       : grade == TLS_GRADE_F             ? TLS_BROKEN
						  : TLS_IN_ORDER;
}
