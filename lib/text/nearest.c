/* The nearest known word for a mistyped one. */
#include <string.h>

#include "text/text.h"

enum { WORD_MAX = 48 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment distance of words up to WORD_MAX bytes. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	static const size_t rows = 3;
	size_t d[3][WORD_MAX + 1];
	for (size_t j = 0; j <= b_length; j++) {
		d[0][j] = j;
	}
	for (size_t i = 1; i <= a_length; i++) {
		size_t *now = d[i % rows];
		const size_t *before = d[(i - 1) % rows];
		now[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t change = before[j - 1] + (a[i - 1] != b[j - 1]);
			now[j] = least(change, least(before[j], now[j - 1]) + 1);
			bool swapped =
				i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
			if (swapped) {
				now[j] = least(now[j], d[(i - 2) % rows][j - 2] + 1);
			}
		}
	}
	return d[a_length % rows][b_length];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count)
{
	size_t length = strlen(word);
	size_t best_distance = length / 3 > 1 ? length / 3 : 1;
	const char *best = NULL;
	if (length == 0 || length > WORD_MAX) {
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		size_t candidate_length = strlen(candidates[i]);
		if (candidate_length > WORD_MAX) {
			continue;
		}
		size_t d = distance(word, length, candidates[i], candidate_length);
		bool better_tie =
			best == NULL || (candidate_length == length && strlen(best) != length);
		if (d < best_distance || (d == best_distance && better_tie)) {
			best = candidates[i];
			best_distance = d;
		}
	}
	return best;
}
