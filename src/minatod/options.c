/* The words after `minatod`. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "config.h"
#include "daemon.h"

enum {
	SWEEP_SECONDS = 60,
	KEEP_DAYS = 90,
};

static const char help[] =
	"minatod: watches the ports of this host and answers questions about them\n"
	"\n"
	"  --runtime-directory DIR  sockets and pins; default " MINATO_RUNTIME_DIRECTORY "\n"
	"  --state-directory DIR    what is remembered; default " MINATO_STATE_DIRECTORY "\n"
	"  --policy FILE            declared ports; default " MINATO_POLICY_PATH "\n"
	"  --group GROUP            who may read: name or number; default minato, if it exists\n"
	"  --user-engine USER       name or number; default _minato, else an unused number\n"
	"  --user-face USER         name or number; default _minato-face, else an unused number\n"
	"  --user-sentry USER       name or number; default _minato-sentry, else an unused number\n"
	"  --sentry WAY             how port scans are seen: auto, packets (a socket alone), off\n"
	"  --sweep-seconds N        shortest time between two full looks, 1-86400; default 60\n"
	"  --keep-days N            how long events are remembered, 1-36500; default 90\n"
	"  --rules-directory DIR    record of the rules; default " MINATO_RULES_DIRECTORY "\n"
	"  --observe                only look, change nothing: lost rules are not put back\n"
	"  --version, --help\n"
	"\n"
	"Runs in the foreground until SIGTERM or Ctrl-C; SIGHUP reads the policy again. Needs "
	"root.\n";

enum {
	OPTION_RUNTIME = 256,
	OPTION_STATE,
	OPTION_POLICY,
	OPTION_GROUP,
	OPTION_ENGINE,
	OPTION_FACE,
	OPTION_USER_SENTRY,
	OPTION_SENTRY,
	OPTION_SWEEP,
	OPTION_KEEP,
	OPTION_RULES,
	OPTION_OBSERVE,
	OPTION_VERSION,
	OPTION_HELP,
};

static const struct option names[] = {
	{ "runtime-directory", required_argument, NULL, OPTION_RUNTIME },
	{ "state-directory", required_argument, NULL, OPTION_STATE },
	{ "policy", required_argument, NULL, OPTION_POLICY },
	{ "group", required_argument, NULL, OPTION_GROUP },
	{ "user-engine", required_argument, NULL, OPTION_ENGINE },
	{ "user-face", required_argument, NULL, OPTION_FACE },
	{ "user-sentry", required_argument, NULL, OPTION_USER_SENTRY },
	{ "sentry", required_argument, NULL, OPTION_SENTRY },
	{ "sweep-seconds", required_argument, NULL, OPTION_SWEEP },
	{ "keep-days", required_argument, NULL, OPTION_KEEP },
	{ "rules-directory", required_argument, NULL, OPTION_RULES },
	{ "observe", no_argument, NULL, OPTION_OBSERVE },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ 0 },
};

static int path_option(const char **out, const char *name, const char *value, struct err *e)
{
	if (value[0] == '\0' || strlen(value) >= WIRE_TEXT_BYTES - 32) {
		return err_set(e, EINVAL, "--%s: a path of 1 to %d bytes is needed", name,
			       WIRE_TEXT_BYTES - 33);
	}
	*out = value;
	return 0;
}

static int sentry_option(enum sentry_choice *out, const char *value, struct err *e)
{
	static const char *const words[] = {
		[SENTRY_AUTO] = "auto",
		[SENTRY_PACKETS] = "packets",
		[SENTRY_OFF] = "off",
	};
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i], value) == 0) {
			*out = (enum sentry_choice)i;
			return 0;
		}
	}
	return err_set(e, EINVAL, "--sentry: auto, packets or off, not \"%s\"", value);
}

static int take(struct options *out, int option, const char *value, struct err *e)
{
	uint64_t number = 0;
	switch (option) {
	case OPTION_RUNTIME:
		return path_option(&out->runtime_directory, "runtime-directory", value, e);
	case OPTION_STATE:
		return path_option(&out->state_directory, "state-directory", value, e);
	case OPTION_POLICY:
		out->policy_given = true;
		return path_option(&out->policy, "policy", value, e);
	case OPTION_GROUP:
		out->group = value;
		return 0;
	case OPTION_ENGINE:
		out->user_engine = value;
		return 0;
	case OPTION_FACE:
		out->user_face = value;
		return 0;
	case OPTION_USER_SENTRY:
		out->user_sentry = value;
		return 0;
	case OPTION_SENTRY:
		return sentry_option(&out->sentry, value, e);
	case OPTION_SWEEP:
		if (parse_u64(&number, value, 1, 86400) < 0) {
			return err_set(e, EINVAL, "--sweep-seconds: 1 to 86400, not \"%s\"", value);
		}
		out->sweep_seconds = (uint32_t)number;
		return 0;
	case OPTION_KEEP:
		if (parse_u64(&number, value, 1, 36500) < 0) {
			return err_set(e, EINVAL, "--keep-days: 1 to 36500, not \"%s\"", value);
		}
		out->keep_days = (uint32_t)number;
		return 0;
	case OPTION_RULES:
		return path_option(&out->rules_directory, "rules-directory", value, e);
	case OPTION_OBSERVE:
		out->observe = true;
		return 0;
	case OPTION_VERSION:
		(void)printf("minatod %s\n", MINATO_VERSION);
		return 1;
	case OPTION_HELP:
		(void)fputs(help, stdout);
		return 1;
	default:
		return err_set(e, EINVAL, "unknown option or missing value; minatod --help");
	}
}

int options_read(struct options *out, int argc, char **argv, struct err *e)
{
	*out = (struct options){
		.runtime_directory = MINATO_RUNTIME_DIRECTORY,
		.state_directory = MINATO_STATE_DIRECTORY,
		.policy = MINATO_POLICY_PATH,
		.rules_directory = MINATO_RULES_DIRECTORY,
		.sweep_seconds = SWEEP_SECONDS,
		.keep_days = KEEP_DAYS,
	};
	opterr = 0;
	for (;;) {
		int option = getopt_long(argc, argv, "", names, NULL);
		if (option == -1) {
			break;
		}
		int r = take(out, option, optarg, e);
		if (r != 0) {
			return r;
		}
	}
	if (optind < argc) {
		return err_set(e, EINVAL, "too many words: \"%s\"; minatod --help", argv[optind]);
	}
	return 0;
}
