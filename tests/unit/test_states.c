/* The record of states: what several processes keep at the same time. */
#include "check.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "enforce/enforce.h"
#include "temporary.h"

enum { ROUNDS = 2000, LISTING_BYTES = 64 * 1024 };

static const char *listing_of(char out[LISTING_BYTES + 1], unsigned number)
{
	memset(out, number == 1 ? 'a' : 'b', LISTING_BYTES);
	out[LISTING_BYTES] = '\0';
	return out;
}

/* @return how often what was kept is not what was given. */
static unsigned keep_again_and_again(const char *path, unsigned number)
{
	static char wanted[LISTING_BYTES + 1];
	struct enforce_states states;
	unsigned wrong = 0;
	assert_int_equal(enforce_states_open(&states, path, false, NULL), 0);
	(void)listing_of(wanted, number);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct str kept = STR_INIT(1 << 20);
		wrong += enforce_states_keep_listing(&states, number, wanted, NULL) < 0 ||
			 enforce_states_listing(&kept, &states, number, NULL) < 0 ||
			 strcmp(str_text(&kept), wanted) != 0;
		str_deinit(&kept);
	}
	enforce_states_close(&states);
	return wrong;
}

static void listings_of_two_states_do_not_meet(void **state)
{
	const struct temporary *t = *state;
	int status = 0;
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		_exit(keep_again_and_again(t->path, 2) > 0);
	}
	assert_int_equal(keep_again_and_again(t->path, 1), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- connections that nothing tracked ---- */

static void only_the_first_rules_bear_with_what_lives(void **state)
{
	(void)state;
	static const enum enforce_state_kind kinds[] = { ['C'] = ENFORCE_CONFIRMED,
							 ['P'] = ENFORCE_PENDING,
							 ['R'] = ENFORCE_REVERTED,
							 ['O'] = ENFORCE_OFF };
	enum { WHOLE = ENFORCE_GRACE_SECONDS, NOW = 1000000 };
	static const struct {
		unsigned count;
		struct {
			char kind;
			int ago;
		} states[3];
		int left; /* seconds */
	} cases[] = {
		{ 0, { { 0 } }, WHOLE },
		{ 1, { { 'C', 100 } }, WHOLE - 100 },
		{ 1, { { 'P', 100 } }, WHOLE - 100 },
		{ 2, { { 'C', 300 }, { 'C', 100 } }, WHOLE - 300 },
		{ 1, { { 'R', 300 } }, WHOLE }, /* taken back: nothing tracks again */
		{ 2, { { 'R', 300 }, { 'C', 100 } }, WHOLE - 100 },
		{ 2, { { 'C', 90000 }, { 'C', 100 } }, 0 },
		{ 3, { { 'C', 90000 }, { 'O', 300 }, { 'C', 100 } }, WHOLE - 100 },
		{ 2, { { 'C', 90000 }, { 'O', 300 } }, WHOLE },
		{ 1, { { 'C', -500 } }, WHOLE }, /* the clock was set back */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct enforce_state items[3] = { 0 };
		for (unsigned k = 0; k < cases[i].count; k++) {
			items[k].kind = kinds[(unsigned char)cases[i].states[k].kind];
			items[k].applied = (NOW - cases[i].states[k].ago) * USEC_PER_SEC;
		}
		const struct enforce_states states = { .items = items, .count = cases[i].count };
		if (enforce_states_grace(&states, NOW * USEC_PER_SEC) !=
		    cases[i].left * USEC_PER_SEC) {
			fail_msg("case %zu", i);
		}
	}
	/* The oldest are dropped, so that it is not known when it began. */
	static struct enforce_state many[ENFORCE_STATES_KEPT];
	const struct enforce_states full = { .items = many, .count = ENFORCE_STATES_KEPT };
	for (size_t i = 0; i < ENFORCE_STATES_KEPT; i++) {
		many[i] = (struct enforce_state){ .kind = ENFORCE_CONFIRMED,
						  .applied = NOW * USEC_PER_SEC };
	}
	assert_int_equal(enforce_states_grace(&full, NOW * USEC_PER_SEC), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(listings_of_two_states_do_not_meet, temporary_setup,
						temporary_teardown),
		cmocka_unit_test(only_the_first_rules_bear_with_what_lives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
