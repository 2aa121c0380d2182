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

static void a_moment_is_known_while_nobody_else_changes_rules(void **state)
{
	(void)state;
	static const struct {
		struct enforce_moment before;
		uint32_t id;
		bool known;
	} cases[] = {
		{ { true, 7 }, 8, true },
		{ { true, 7 }, 7, false },  /* nothing of ours came through */
		{ { true, 7 }, 9, false },  /* somebody else's did too */
		{ { false, 7 }, 8, false }, /* once lost, it does not come again */
		{ { true, UINT32_MAX }, 1, true },
		{ { true, UINT32_MAX }, 0, false }, /* the kernel leaves it out */
		{ { true, UINT32_MAX - 1 }, UINT32_MAX, true },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct enforce_moment after =
			enforce_moment_after(&cases[i].before, cases[i].id);
		assert_int_equal(after.known, cases[i].known);
		assert_int_equal(after.id, cases[i].id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_moment_is_known_while_nobody_else_changes_rules),
		cmocka_unit_test_setup_teardown(listings_of_two_states_do_not_meet, temporary_setup,
						temporary_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
