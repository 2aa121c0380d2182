/* What a fuzz target defines: libFuzzer's entry, and the replay program's. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Takes any bytes; a fault is a crash, an abort or a sanitizer's report. @return 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);
