/* The steps that lead an empty or older file to today's schema; generated from data/migrations/. */
#pragma once

#include <stddef.h>

struct migration {
	int version;     /* user_version after the step; 1, 2, 3 ... */
	const char *sql; /* any number of statements */
};

extern const struct migration migrations[];
extern const size_t migration_count;
