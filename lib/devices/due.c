/* When a device is to be audited again. */
#include "devices/devices.h"

usec_t devices_due_at(const struct policy_host *host, usec_t asked, usec_t now)
{
	/* A clock that was set back would keep it waiting for ever. */
	return asked == 0 || asked > now ? now : asked + host->every;
}
