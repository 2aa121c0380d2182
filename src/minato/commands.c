/* The list of commands. */
#include <string.h>

#include "command.h"

extern const struct command command_anomalies;
extern const struct command command_apply;
extern const struct command command_audit;
extern const struct command command_bans;
extern const struct command command_check;
extern const struct command command_close;
extern const struct command command_completion;
extern const struct command command_confirm;
extern const struct command command_demo;
extern const struct command command_detect;
extern const struct command command_devices;
extern const struct command command_explain;
extern const struct command command_findings;
extern const struct command command_fine;
extern const struct command command_guard;
extern const struct command command_help;
extern const struct command command_incidents;
extern const struct command command_init;
extern const struct command command_learn;
extern const struct command command_log;
extern const struct command command_manual;
extern const struct command command_off;
extern const struct command command_map;
extern const struct command command_move;
extern const struct command command_open;
extern const struct command command_plan;
extern const struct command command_policy;
extern const struct command command_ports;
extern const struct command command_refused;
extern const struct command command_report;
extern const struct command command_restore;
extern const struct command command_rollback;
extern const struct command command_status;
extern const struct command command_version;
extern const struct command command_watch;

/* In the order of help: looking first. One on a line, so that additions do not collide. */
/* clang-format off */
const struct command *const commands[] = {
	&command_ports,
	&command_explain,
	&command_check,
	&command_audit,
	&command_devices,
	&command_open,
	&command_close,
	&command_move,
	&command_plan,
	&command_apply,
	&command_confirm,
	&command_map,
	&command_report,
	&command_status,
	&command_findings,
	&command_log,
	&command_learn,
	&command_watch,
	&command_init,
	&command_policy,
	&command_refused,
	&command_detect,
	&command_anomalies,
	&command_fine,
	&command_incidents,
	&command_bans,
	&command_guard,
	&command_rollback,
	&command_restore,
	&command_off,
	&command_demo,
	&command_completion,
	&command_manual,
	&command_version,
	&command_help,
};
/* clang-format on */

const size_t command_count = sizeof(commands) / sizeof(commands[0]);

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < command_count; i++) {
		if (strcmp(commands[i]->name, name) == 0) {
			return commands[i];
		}
		const char *const *alias = commands[i]->aliases;
		for (; alias != NULL && *alias != NULL; alias++) {
			if (strcmp(*alias, name) == 0) {
				return commands[i];
			}
		}
	}
	return NULL;
}
