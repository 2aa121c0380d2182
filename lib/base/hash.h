/* uthash with our rules: running out of memory is an error the caller sees, never exit(). */
#pragma once

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
