/* The clocks. Only programs and io parts ask; pure code gets the time as an argument. */
#pragma once

#include "base/when.h"

/* Wall clock (CLOCK_REALTIME). */
usec_t clock_now(void);
/* Never set back (CLOCK_MONOTONIC), for spans. */
usec_t clock_monotonic(void);
/* Since boot, time asleep included (CLOCK_BOOTTIME). */
usec_t clock_boot(void);
/* Wall clock minus CLOCK_BOOTTIME: add it to a kernel time since boot to get a wall time. */
usec_t clock_boot_offset(void);
/* The civil day of an instant in this host's time zone, as date_to_days() counts it; in UTC where
 * the zone cannot be told. */
int64_t clock_local_day(usec_t time);
