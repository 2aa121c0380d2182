/* The commands that mend a finding, as facts: the same in every language. */
#include <stdio.h>
#include <string.h>

#include "review/rules.h"

/* Names come from cgroup paths and runtimes, which users can choose: only names that a shell takes
 * as one plain word are put into a command that somebody will paste. */
static bool is_plain_word(const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@._:-";
	return name != NULL && name[0] != '\0' && name[0] != '-' &&
	       name[strspn(name, plain)] == '\0';
}

/* A service, not a login session whose end would throw its user out. */
static bool is_service_unit(const char *unit)
{
	size_t length = unit == NULL ? 0 : strlen(unit);
	size_t suffix = strlen(".service");
	return length > suffix && strcmp(unit + length - suffix, ".service") == 0 &&
	       strncmp(unit, "user@", 5) != 0 && is_plain_word(unit);
}

static void command(struct review *review, struct finding *finding, const struct process *process,
		    const char *container_verb, const char *unit_verb)
{
	if (process == NULL) {
		return;
	}
	bool podman = process->container_runtime != NULL &&
		      strcmp(process->container_runtime, "podman") == 0;
	bool docker = process->container_runtime != NULL &&
		      strcmp(process->container_runtime, "docker") == 0;
	if ((podman || docker) && is_plain_word(process->container_name)) {
		review_fact_printf(review, finding, "command", "%s %s %s",
				   podman ? "podman" : "docker", container_verb,
				   process->container_name);
	} else if (is_service_unit(process->unit)) {
		review_fact_printf(review, finding, "command", "systemctl %s %s", unit_verb,
				   process->unit);
	} else {
		review_fact_printf(review, finding, "command", "kill %d", process->pid);
	}
}

void review_stop_command(struct review *review, struct finding *finding,
			 const struct process *process)
{
	command(review, finding, process, "stop", "stop");
}

void review_restart_command(struct review *review, struct finding *finding,
			    const struct process *process)
{
	command(review, finding, process, "restart", "restart");
}

/* The kernel's list form: setting it replaces all of it, so the old ones are in it too. */
static void format_ports(struct str *out, const struct portset *set)
{
	for (int32_t first = portset_next(set, 0); first >= 0;) {
		const int32_t last = portset_run_end(set, first);
		str_printf(out, out->length == 0 ? "%d" : ",%d", first);
		if (last > first) {
			str_printf(out, "-%d", last);
		}
		first = portset_next(set, (uint32_t)last + 1);
	}
}

void review_reserve_command(struct review *review, struct finding *finding, uint16_t first,
			    uint16_t last)
{
	struct portset reserved = review->in->inventory->reserved;
	struct str text = STR_INIT(1 << 20); /* every second port: 6 bytes each */
	portset_add_range(&reserved, first, last);
	str_add(&text, "sysctl -w net.ipv4.ip_local_reserved_ports=");
	struct str list = STR_INIT(1 << 20);
	format_ports(&list, &reserved);
	str_add(&text, str_text(&list));
	review_fact(review, finding, "command", str_text(&text));
	review_fact_printf(review, finding, "range", "%u-%u",
			   review->in->inventory->ephemeral.first,
			   review->in->inventory->ephemeral.last);
	str_deinit(&list);
	str_deinit(&text);
}
