/* Whether an event is one of those asked for. */
#include <string.h>

#include "store/store.h"

bool store_filter_matches(const struct store_filter *filter, const struct event *event)
{
	if (event->time < filter->from || (filter->to > 0 && event->time >= filter->to)) {
		return false;
	}
	if (event->id <= filter->after_id && filter->after_id > 0) {
		return false;
	}
	if (filter->has_ports && (event->port == 0 || event->port < filter->first_port ||
				  event->port > filter->last_port)) {
		return false;
	}
	if (filter->protocol != PROTOCOL_NONE && event->protocol != filter->protocol) {
		return false;
	}
	if (filter->address.address.family != ADDR_NONE &&
	    !prefix_has(&filter->address, &event->address)) {
		return false;
	}
	if (filter->process != NULL && strcmp(event->process, filter->process) != 0) {
		return false;
	}
	if (filter->kinds != 0 && (filter->kinds & EVENT_BIT(event->kind)) == 0) {
		return false;
	}
	return filter->netns == 0 || event->netns == filter->netns;
}
