/* The tables that tools/make-tls-suites generates. */
#pragma once

#include "tls/tls.h"

extern const struct tls_suite tls_suites[];
extern const size_t tls_suite_count;
extern const struct tls_group tls_groups[];
extern const size_t tls_group_count;
