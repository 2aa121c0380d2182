/* minato audit --due: devices whose every: has gone by since they were asked last. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit.h"
#include "base/cleanup.h"
#include "devices/devices.h"
#include "words.h"

/*
 * When a device was asked last is the time of an empty file with its name: a device that is off, or
 * that drops everything, leaves no port in the record of audits, and is not to be asked again at
 * once all the same.
 */
static usec_t asked_at(int folder, const char *name)
{
	struct stat status;
	return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(status.st_mode)
		       ? 0
		       : (usec_t)status.st_mtim.tv_sec * USEC_PER_SEC +
				 status.st_mtim.tv_nsec / 1000;
}

/* Before it is asked: an audit that dies is not begun again each minute. */
static int mark(int folder, const char *name, usec_t now)
{
	const struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{ .tv_sec = now / USEC_PER_SEC, .tv_nsec = now % USEC_PER_SEC * 1000 },
	};
	_cleanup_(close_fdp) int file = openat(
		folder, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	return file < 0 || futimens(file, times) < 0 ? -errno : 0;
}

static void say_next(struct audit_due *out, const struct policy_host *host, usec_t at)
{
	if (out->next == NULL || at < out->next_at) {
		out->next = host->entry.name;
		out->next_at = at;
	}
}

int audit_find_due(struct audit_due *out, const struct context *context,
		   const struct policy *policy, struct err *e)
{
	char path[PATH_MAX];
	size_t addresses = 0;
	int r = audit_folder_path(path, "audits-due", e);
	_cleanup_(close_fdp) int folder = r < 0 ? r : audit_records_open(path, e);
	r = folder < 0 ? folder : 0;
	*out = (struct audit_due){ 0 };
	for (size_t i = 0; policy != NULL && i < policy->hosts.count && r == 0; i++) {
		const struct policy_host *host = &policy->hosts.items[i];
		if (host->every == 0) {
			continue;
		}
		const usec_t at =
			devices_due_at(host, asked_at(folder, host->entry.name), context->now);
		if (at > context->now) {
			say_next(out, host, at);
		} else if (addresses > 0 && addresses + host->addresses.count > AUDIT_TARGETS_MAX) {
			say_next(out, host, context->now); /* those that were asked are not due */
		} else {
			addresses += host->addresses.count;
			out->names[out->count++] = host->entry.name;
			r = mark(folder, host->entry.name, context->now);
		}
	}
	return r < 0 && e->code == 0 ? err_system(e, r, "%s", path) : r;
}

int audit_say_nothing_due(const struct audit_due *due, const struct context *context)
{
	struct str text = STR_INIT(4096);
	char span[SPAN_TEXT_BYTES];
	if (due->next == NULL) {
		str_add(&text, _("nothing is due: no entry of hosts: in the policy has every:\n"));
	} else {
		str_printf(&text, _("nothing is due; next is %s, in %s\n"), due->next,
			   span_format(due->next_at - context->now, span));
	}
	const int code = print_text(&text);
	str_deinit(&text);
	return code;
}
