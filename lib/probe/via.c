/* Asking from another host: what is typed, the script that runs there, and the lines it writes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "base/str.h"
#include "probe/probe.h"

/* Letters, digits, and these; a word with a dash in front would be an option of something. */
static bool is_plain(const char *text, size_t length, const char *others)
{
	for (size_t i = 0; i < length; i++) {
		const char c = text[i];
		const bool letter =
			(c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (c == '\0' || (!letter && strchr(others, c) == NULL)) {
			return false;
		}
	}
	return length > 0 && text[0] != '-';
}

static int take(char *out, size_t room, const char *text, size_t length, const char *others)
{
	if (length >= room || !is_plain(text, length, others)) {
		return -EINVAL;
	}
	memcpy(out, text, length);
	out[length] = '\0';
	return 0;
}

/* "host", "host:22", "[2001:db8::1]:22". */
static int take_host(struct probe_via *out, const char *text)
{
	const char *end = text + strcspn(text, ":");
	int r = 0;
	if (text[0] == '[') {
		struct addr address;
		const size_t length = strcspn(++text, "]");
		r = take(out->host, sizeof(out->host), text, length, ":.");
		const bool whole = r == 0 && text[length] == ']';
		r = whole && addr_parse(&address, out->host) == 0 ? 0 : -EINVAL;
		end = text + length + (whole ? 1 : 0);
	} else {
		r = take(out->host, sizeof(out->host), text, (size_t)(end - text), "._-");
	}
	if (r == 0 && *end == ':') {
		r = parse_port(&out->port, end + 1) < 0 || out->port == 0 ? -EINVAL : 0;
	} else if (r == 0 && *end != '\0') {
		r = -EINVAL;
	}
	return r;
}

int probe_via_parse(struct probe_via *out, const char *text)
{
	static const char scheme[] = "ssh:";
	struct probe_via via = { .port = 0 };
	if (strncmp(text, scheme, strlen(scheme)) != 0) {
		return -EINVAL;
	}
	text += strlen(scheme);
	text += strncmp(text, "//", 2) == 0 ? 2 : 0;
	const char *at = strchr(text, '@');
	int r = 0;
	if (at != NULL) {
		r = take(via.user, sizeof(via.user), text, (size_t)(at - text), "._-");
		text = at + 1;
	}
	r = r < 0 ? r : take_host(&via, text);
	if (r == 0) {
		*out = via;
	}
	return r;
}

void probe_via_words(const char **words, char *port, const struct probe_via *via)
{
	static const char *const fixed[] = {
		"-T",                  /* no terminal */
		"-o", "BatchMode=yes", /* asks nobody for anything */
		"-o", "ConnectTimeout=10",       "-o", "ConnectionAttempts=1",
		"-o", "ServerAliveInterval=5",   "-o", "ServerAliveCountMax=2",
		"-o", "ClearAllForwardings=yes", "-o", "LogLevel=ERROR", /* no banner */
	};
	size_t count = 0;
	for (; count < sizeof(fixed) / sizeof(fixed[0]); count++) {
		words[count] = fixed[count];
	}
	if (via->port != 0) {
		(void)snprintf(port, PROBE_VIA_PORT_BYTES, "%u", via->port);
		words[count++] = "-p";
		words[count++] = port;
	}
	if (via->user[0] != '\0') {
		words[count++] = "-l";
		words[count++] = via->user;
	}
	words[count++] = "--";
	words[count++] = via->host;
	words[count++] = "exec sh -s"; /* the same for every login shell */
	words[count] = NULL;
}

/* ---- the script ---- */

/* $1 number, $2 host or a dot, $3 port, $4 protocol; "l" limits the time where timeout(1) is there.
 * Codes are those of `minato check`. */
static const char script[] =
	"LC_ALL=C; export LC_ALL\n"
	"have() { command -v \"$1\" >/dev/null 2>&1; }\n"
	"l() { if have timeout; then timeout \"$@\"; else shift; \"$@\"; fi; }\n"
	"code() { case $1 in *refused*) echo 15;; *nreachable*|*o\\ route*) echo 13;; "
	"*) echo 14;; esac; }\n"
	"ask() {\n"
	"  h=$2; [ \"$h\" = . ] && h=${SSH_CONNECTION%% *}\n"
	"  if [ -z \"$h\" ]; then t=none; r=25\n"
	"  elif have minato; then\n"
	"    case $h in *:*) u=\"$4://[$h]:$3\";; *) u=\"$4://$h:$3\";; esac\n"
	"    l $((T * 3)) minato check --timeout \"$T\" \"$u\" >/dev/null 2>&1; r=$?; t=minato\n"
	"    [ $r -eq 0 ] || [ $r -ge 10 ] || r=25\n"
	"  elif [ \"$4\" = tcp ] && have bash; then\n"
	"    e=$(l \"$T\" bash -c 'exec 3<>\"/dev/tcp/$0/$1\"' \"$h\" \"$3\" 2>&1) && r=0 || "
	"r=$(code \"$e\"); t=bash\n"
	"  elif [ \"$4\" = tcp ] && have nc; then\n"
	"    e=$(l \"$T\" nc -v -z -w \"$T\" \"$h\" \"$3\" 2>&1) && r=0 || r=$(code \"$e\"); t=nc\n"
	"  else t=none; r=25; fi\n"
	"  echo \"minato-via $1 $t $r $h\"\n"
	"}\n";

int probe_via_script(char *out, size_t room, const struct probe_via_question *questions,
		     size_t count, unsigned seconds)
{
	struct str text = STR_INIT(room - 1);
	int r = 0;
	str_printf(&text, "T=%u\n%s", seconds, script);
	for (size_t i = 0; r == 0 && i < count; i++) {
		const struct probe_via_question *q = &questions[i];
		const char *host = q->host[0] == '\0' ? "." : q->host;
		r = is_plain(host, strlen(host), ".:_-") ? 0 : -EINVAL;
		str_printf(&text, "ask %zu '%s' %u %s </dev/null &\n", i, host, q->port,
			   q->udp ? "udp" : "tcp");
	}
	str_add(&text, "wait\n");
	r = r < 0 ? r : text.error;
	if (r == 0) {
		memcpy(out, str_text(&text), text.length + 1);
	}
	str_deinit(&text);
	return r;
}

/* ---- the lines ---- */

int probe_via_line(struct probe_via_answer *out, const char *line, size_t count)
{
	static const char *const tools[] = { "none", "minato", "bash", "nc" };
	char copy[512];
	char *rest = NULL;
	uint64_t number = 0;
	uint64_t code = 0;
	struct probe_via_answer answer = { .given = 1, .tool = PROBE_VIA_TOOLS };
	if (str_copy(copy, sizeof(copy), line) != strlen(line)) {
		return -EBADMSG;
	}
	const char *key = strtok_r(copy, " ", &rest);
	const char *which = strtok_r(NULL, " ", &rest);
	const char *tool = strtok_r(NULL, " ", &rest);
	const char *result = strtok_r(NULL, " ", &rest);
	const char *host = strtok_r(NULL, " ", &rest);
	if (result == NULL || strcmp(key, "minato-via") != 0 || count == 0 ||
	    parse_u64(&number, which, 0, count - 1) < 0 || parse_u64(&code, result, 0, 63) < 0) {
		return -EBADMSG;
	}
	for (uint32_t i = 0; i < PROBE_VIA_TOOLS; i++) {
		answer.tool = strcmp(tool, tools[i]) == 0 ? i : answer.tool;
	}
	if (answer.tool == PROBE_VIA_TOOLS) {
		return -EBADMSG;
	}
	answer.code = (uint32_t)code;
	if (host == NULL || addr_parse(&answer.host, host) < 0) {
		answer.host = (struct addr){ .family = ADDR_NONE };
	}
	*out = answer;
	return (int)number;
}
