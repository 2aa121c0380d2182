/* Names become numbers: the table `word` of one open file, remembered. */
#pragma once

#include <sqlite3.h>
#include <stdint.h>

struct intern_word;

struct intern {
	sqlite3_stmt *find;
	sqlite3_stmt *add;
	struct intern_word *words; /* at most INTERN_WORDS_MAX, then it begins anew */
};

enum { INTERN_WORDS_MAX = 2048 };

/* @return SQLite's result. */
int intern_init(struct intern *intern, sqlite3 *db);
void intern_deinit(struct intern *intern);

/* Forgets all numbers: after a rollback they are not true any more. */
void intern_forget(struct intern *intern);

/* The number of a text, added when it is new. @return SQLite's result. */
int intern_word(int64_t *out, struct intern *intern, const char *text);
