/* minato detect: who scanned a host, from a capture file. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/portset.h"
#include "capture/capture.h"
#include "command.h"
#include "detect/detect.h"
#include "detect_show.h"
#include "view/view.h"
#include "words.h"

struct config {
	const char *hosts;
	const char *open;
	bool json;
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "host", 'H', OPTION_STRING, FIELD(hosts), "ADDRESS[,...]",
	  N_("the captured host: its addresses, or networks behind a router") },
	{ "open", 'o', OPTION_STRING, FIELD(open), "PORTS",
	  N_("ports that are open besides those that answer: 22,80,8000-8010") },
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL, N_("everything, for machines") },
};

/* An answer is seen this long after its question; a host that takes longer is asked again anyway
 * (RFC 6298: the first retransmission comes after a second). */
static const usec_t LOOK_AHEAD = USEC_PER_SEC;

enum { FLUSH_BYTES = 64 * 1024 };

/* What is known while the file is read. */
struct reading {
	const struct context *context;
	const struct config *config;
	const char *path;
	struct detect_parameters parameters;
	struct detect *detect;
	struct view_writer writer;
	struct str text;
	uint64_t incidents;
	uint64_t of_host;  /* packets from or to it */
	struct addr first; /* where the first packet goes */
	int code;
};

/* ---- the words of the command ---- */

static int add_host(struct detect_parameters *parameters, const char *text, struct err *e)
{
	if (parameters->host_count == DETECT_HOSTS_MAX) {
		return err_set(e, EINVAL, _("--host: more than %d addresses"), DETECT_HOSTS_MAX);
	}
	struct prefix *prefix = &parameters->hosts[parameters->host_count];
	if (prefix_parse(prefix, text) < 0) {
		return err_set(e, EINVAL, _("--host: \"%s\" is no address or network"), text);
	}
	parameters->host_count++;
	return 0;
}

static int read_hosts(struct detect_parameters *parameters, const char *list, struct err *e)
{
	if (list == NULL) {
		return err_set(e, EINVAL, _("--host is missing: the address of the captured host"));
	}
	_cleanup_(freep) char *copy = strdup(list);
	if (copy == NULL) {
		return err_set(e, ENOMEM, "%s", strerror(ENOMEM));
	}
	char *rest = copy;
	int r = 0;
	for (char *word = strsep(&rest, ","); r == 0 && word != NULL; word = strsep(&rest, ",")) {
		r = add_host(parameters, word, e);
	}
	return r;
}

static int read_open(struct portset *open, const char *list, struct err *e)
{
	if (list != NULL && portset_parse(open, list) < 0) {
		return err_set(e, EINVAL,
			       _("--open: \"%s\" are no ports; write them like 22,80,8000-8010"),
			       list);
	}
	return 0;
}

static int make(struct reading *reading, struct err *e)
{
	struct portset open = { 0 };
	reading->parameters = detect_defaults();
	reading->parameters.look_ahead = LOOK_AHEAD;
	int r = read_hosts(&reading->parameters, reading->config->hosts, e);
	r = r < 0 ? r : read_open(&open, reading->config->open, e);
	r = r < 0 ? r : detect_new(&reading->detect, &reading->parameters, e);
	for (int32_t port = portset_next(&open, 0); r == 0 && port >= 0;
	     port = portset_next(&open, (uint32_t)port + 1)) {
		detect_opened(reading->detect, PROTOCOL_TCP, (uint16_t)port);
		detect_opened(reading->detect, PROTOCOL_UDP, (uint16_t)port);
	}
	return r;
}

static bool is_host(const struct reading *reading, const struct addr *address)
{
	for (size_t i = 0; i < reading->parameters.host_count; i++) {
		if (prefix_has(&reading->parameters.hosts[i], address)) {
			return true;
		}
	}
	return false;
}

/* ---- showing ---- */

static bool has_several_targets(const struct reading *reading)
{
	const struct prefix *first = &reading->parameters.hosts[0];
	return reading->parameters.host_count > 1 ||
	       first->bits != (first->address.family == ADDR_IPV4 ? 32 : 128);
}

static void flush(struct reading *reading, size_t at_least)
{
	if (reading->code == EXIT_IN_ORDER &&
	    (reading->text.error != 0 || reading->text.length >= at_least)) {
		reading->code = print_text(&reading->text);
		str_clear(&reading->text);
	}
}

/* Each incident is told once, when it has ended. */
static void show_ended(struct reading *reading)
{
	struct detect_incident incident;
	for (int changes; (changes = detect_next(reading->detect, &incident)) != 0;) {
		if ((changes & DETECT_ENDED) == 0) {
			continue;
		}
		reading->incidents++;
		if (reading->config->json) {
			view_row(&reading->writer, detect_json(&incident));
		} else {
			detect_add_line(&reading->text, &incident, has_several_targets(reading));
		}
		flush(reading, reading->config->json ? FLUSH_BYTES : 0);
	}
}

static void say_nothing_found(struct reading *reading, const struct capture_summary *summary)
{
	str_printf(&reading->text, _("no scan in %llu packets\n"),
		   (unsigned long long)summary->packets);
}

static void end_output(struct reading *reading, const struct capture_summary *summary)
{
	if (reading->config->json) {
		view_list_end(&reading->writer);
		view_member(&reading->writer, "packet_count",
			    json_integer((json_int_t)summary->packets));
		view_member(&reading->writer, "malformed_count",
			    json_integer((json_int_t)summary->malformed));
		view_member(&reading->writer, "complete",
			    json_boolean(summary->end == CAPTURE_END_WHOLE));
		view_end(&reading->writer);
	} else if (reading->incidents == 0 && summary->end == CAPTURE_END_WHOLE &&
		   reading->of_host > 0) {
		say_nothing_found(reading, summary);
	}
	flush(reading, 0);
}

/* ---- what went wrong ---- */

/* @return whether the file was read to its end; else `out` says why not. */
static bool was_whole(struct str *out, const struct reading *reading,
		      const struct capture_summary *summary)
{
	struct str reason = STR_INIT(1024);
	text_escape(&reason, summary->reason);
	switch (summary->end) {
	case CAPTURE_END_WHOLE:
		break;
	case CAPTURE_END_NO_CAPTURE:
		str_printf(out, _("%s is no capture file (pcap, pcapng): %s"), reading->path,
			   str_text(&reason));
		break;
	case CAPTURE_END_TRUNCATED:
		str_printf(out, _("%s breaks off after packet %llu; what is before counts: %s"),
			   reading->path, (unsigned long long)summary->packets, str_text(&reason));
		break;
	case CAPTURE_END_LINK:
		str_printf(out, _("%s: packets of link type %d cannot be read"), reading->path,
			   summary->link);
		break;
	case CAPTURE_END_LIBRARY:
		str_add(out, _("libpcap, which reads capture files, is not installed"));
		break;
	default:
		str_printf(out, _("%s: the process that reads it failed"), reading->path);
		break;
	}
	str_deinit(&reason);
	return summary->end == CAPTURE_END_WHOLE;
}

static int complain_of_file(const struct reading *reading, const struct capture_summary *summary)
{
	struct str sentence = STR_INIT(8192);
	if (was_whole(&sentence, reading, summary)) {
		str_deinit(&sentence);
		return EXIT_IN_ORDER;
	}
	complain(reading->context, str_text(&sentence),
		 summary->end == CAPTURE_END_LIBRARY ? "sudo apt-get install libpcap0.8" : NULL);
	str_deinit(&sentence);
	return EXIT_ERROR;
}

static int complain_of_hosts(const struct reading *reading)
{
	struct str sentence = STR_INIT(8192);
	struct str next = STR_INIT(8192);
	char address[ADDR_TEXT_BYTES];
	str_printf(&sentence, _("no packet in %s is from or to %s"), reading->path,
		   reading->config->hosts);
	if (reading->first.family != ADDR_NONE) {
		str_printf(&next, "minato detect %s --host %s", reading->path,
			   addr_format(&reading->first, address));
	}
	complain(reading->context, str_text(&sentence),
		 next.length > 0 ? str_text(&next) : "minato help detect");
	str_deinit(&sentence);
	str_deinit(&next);
	return EXIT_ERROR;
}

/* ---- reading ---- */

static void take(struct reading *reading, const struct packet_note *note)
{
	if (reading->first.family == ADDR_NONE) {
		reading->first = note->destination;
	}
	reading->of_host += is_host(reading, &note->source) || is_host(reading, &note->destination);
	detect_note(reading->detect, note);
	show_ended(reading);
}

static int finish(struct reading *reading, const struct capture_summary *summary)
{
	detect_finish(reading->detect);
	show_ended(reading);
	end_output(reading, summary);
	int code = complain_of_file(reading, summary);
	if (code == EXIT_IN_ORDER && reading->of_host == 0) {
		code = complain_of_hosts(reading);
	}
	if (reading->code != EXIT_IN_ORDER) {
		return reading->code;
	}
	return reading->incidents > 0 ? EXIT_DIFFERS : code;
}

static int read_capture(struct reading *reading, int fd)
{
	struct capture *capture = NULL;
	struct err e = ERR_INIT;
	struct packet_note note;
	int r = capture_open(&capture, fd, &e);
	if (reading->config->json) {
		view_begin(&reading->writer, &reading->text, reading->context->now,
			   reading->context->out_terminal);
		view_list_begin(&reading->writer, "incidents");
	}
	while (r >= 0 && reading->code == EXIT_IN_ORDER &&
	       (r = capture_next(capture, &note)) == 1) {
		take(reading, &note);
	}
	const struct capture_summary failed = { .end = CAPTURE_END_DIED };
	const int code = finish(reading, r < 0 ? &failed : capture_summary(capture));
	capture_free(capture);
	return code;
}

static void nothing(int signal)
{
	(void)signal; /* what we read from ends by it, and thereby we do */
}

/* Ctrl-C reaches the whole pipe: the first one is for the program that captures. */
static int read_pipe(struct reading *reading)
{
	const struct sigaction once = { .sa_handler = nothing,
					.sa_flags = (int)(SA_RESTART | SA_RESETHAND) };
	(void)sigaction(SIGINT, &once, NULL); /* else it ends us without the words */
	reading->path = _("standard input");
	return read_capture(reading, STDIN_FILENO);
}

static int open_and_read(struct reading *reading)
{
	if (strcmp(reading->path, "-") == 0) {
		if (isatty(STDIN_FILENO) == 1) {
			complain(reading->context, _("standard input is a terminal"),
				 "tcpdump -w - | minato detect - --host ADDRESS");
			return EXIT_USAGE;
		}
		return read_pipe(reading);
	}
	_cleanup_(close_fdp) int fd = open(reading->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		const int error = errno;
		struct str sentence = STR_INIT(8192);
		str_printf(&sentence, _("cannot read %s: %s"), reading->path, strerror(error));
		complain(reading->context, str_text(&sentence), NULL);
		str_deinit(&sentence);
		return error == EACCES ? EXIT_RIGHTS : EXIT_ERROR;
	}
	return read_capture(reading, fd);
}

static int run(const struct context *context, const void *config, const char *const *arguments,
	       unsigned count)
{
	struct reading reading = { .context = context,
				   .config = config,
				   .path = arguments[0],
				   .text = STR_INIT(1 << 26) };
	struct err e = ERR_INIT;
	int code = EXIT_USAGE;
	(void)count; /* exactly one */
	if (make(&reading, &e) < 0) {
		complain(context, err_text(&e), "minato help detect");
	} else {
		code = open_and_read(&reading);
	}
	detect_free(reading.detect);
	str_deinit(&reading.text);
	return code;
}

static const char *const examples[] = {
	"minato detect night.pcap --host 192.0.2.1",
	N_("who scanned that host; open ports are those that answer in the file"),
	"sudo tcpdump -w - | minato detect - --host 192.0.2.1,2001:db8::1 --open 22,443",
	N_("what tcpdump hears until Ctrl-C"),
	NULL,
};

const struct command command_detect = {
	.name = "detect",
	.arguments = "FILE",
	.summary = N_("who scanned a host, from a capture file"),
	.description =
		N_("Reads pcap and pcapng, and says of each scan who, how many ports, how and "
		   "with what. FILE is - for standard input. Exit code 0 means no incident, 2 "
		   "means that there were some."),
	.examples = examples,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};
