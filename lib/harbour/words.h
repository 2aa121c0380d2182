/* Marking of the words that gettext translates. Private to harbour. */
#pragma once

#include <libintl.h>

#define _(text) gettext(text)
