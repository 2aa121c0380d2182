/* The table of words, with a bounded memory of it. */
#include "store/io/intern.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

struct intern_word {
	char *text;
	int64_t id;
	UT_hash_handle hh;
};

int intern_init(struct intern *intern, sqlite3 *db)
{
	*intern = (struct intern){ 0 };
	int result = sqlite3_prepare_v3(db, "SELECT id FROM word WHERE text = ?1", -1,
					SQLITE_PREPARE_PERSISTENT, &intern->find, NULL);
	if (result != SQLITE_OK) {
		return result;
	}
	return sqlite3_prepare_v3(db, "INSERT INTO word (text) VALUES (?1)", -1,
				  SQLITE_PREPARE_PERSISTENT, &intern->add, NULL);
}

void intern_forget(struct intern *intern)
{
	struct intern_word *word = NULL;
	struct intern_word *next = NULL;
	HASH_ITER (hh, intern->words, word, next) {
		HASH_DEL(intern->words, word);
		free(word->text);
		free(word);
	}
}

void intern_deinit(struct intern *intern)
{
	intern_forget(intern);
	(void)sqlite3_finalize(intern->find); /* failures were reported by the step */
	(void)sqlite3_finalize(intern->add);
	*intern = (struct intern){ 0 };
}

/* Without memory it works all the same, a little slower. */
static void remember(struct intern *intern, const char *text, int64_t id)
{
	if (HASH_COUNT(intern->words) >= INTERN_WORDS_MAX) {
		intern_forget(intern);
	}
	struct intern_word *word = calloc(1, sizeof(*word));
	if (word == NULL) {
		return;
	}
	word->id = id;
	word->text = strdup(text);
	if (word->text != NULL) {
		HASH_ADD_KEYPTR(hh, intern->words, word->text, strlen(word->text), word);
	}
	if (word->text == NULL || word->hh.tbl == NULL) {
		free(word->text);
		free(word);
	}
}

/* Runs a statement of one text argument. @return SQLITE_ROW with `*out`, SQLITE_DONE or a failure.
 */
static int run_with(int64_t *out, sqlite3_stmt *statement, const char *text)
{
	int result = sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
	if (result != SQLITE_OK) {
		return result;
	}
	result = sqlite3_step(statement);
	if (result == SQLITE_ROW) {
		*out = sqlite3_column_int64(statement, 0);
	}
	(void)sqlite3_reset(statement); /* repeats the step's failure */
	(void)sqlite3_clear_bindings(statement);
	return result;
}

int intern_word(int64_t *out, struct intern *intern, const char *text)
{
	struct intern_word *known = NULL;
	HASH_FIND(hh, intern->words, text, strlen(text), known);
	if (known != NULL) {
		*out = known->id;
		return SQLITE_OK;
	}
	int result = run_with(out, intern->find, text);
	if (result == SQLITE_DONE) {
		result = run_with(out, intern->add, text);
		*out = sqlite3_last_insert_rowid(sqlite3_db_handle(intern->add));
		result = result == SQLITE_DONE ? SQLITE_ROW : result;
	}
	if (result != SQLITE_ROW) {
		return result;
	}
	remember(intern, text, *out);
	return SQLITE_OK;
}
