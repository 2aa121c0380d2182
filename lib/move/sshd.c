/* Ports in sshd_config(5). */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"
#include "move/move.h"

enum { WORD_BYTES = 512, WORDS_MAX = 32, SSH_PORT = 22 };

struct line {
	const char *begin, *end; /* without the line end */
	char keyword[WORD_BYTES];
	char words[WORDS_MAX][WORD_BYTES];
	size_t count;
	const char *tail; /* after the first word, to the end of the line */
};

/* ---- reading ---- */

/* The next word of a line, without its quotes. @return false at the end or at a comment. */
static bool take_word(char out[WORD_BYTES], const char **at, const char *end, const char *gap)
{
	const char *p = *at;
	while (p < end && strchr(gap, *p) != NULL) {
		p++;
	}
	if (p == end || *p == '#') {
		return false;
	}
	const bool quoted = *p == '"';
	p += quoted ? 1 : 0;
	size_t length = 0;
	while (p < end && (quoted ? *p != '"' : strchr(gap, *p) == NULL)) {
		if (length + 1 < WORD_BYTES) {
			out[length++] = *p;
		}
		p++;
	}
	out[length] = '\0';
	*at = quoted && p < end ? p + 1 : p;
	return true;
}

static bool read_line(struct line *out, const char *begin)
{
	out->begin = begin;
	out->end = begin + strcspn(begin, "\n");
	out->count = 0;
	const char *at = begin;
	if (!take_word(out->keyword, &at, out->end, " \t\r=")) {
		return false;
	}
	while (at < out->end && strchr(" \t=", *at) != NULL) {
		at++;
	}
	out->tail = at;
	while (out->count < WORDS_MAX &&
	       take_word(out->words[out->count], &at, out->end, " \t\r")) {
		out->tail = out->count++ == 0 ? at : out->tail;
	}
	return true;
}

static const char *next_line(const char *end)
{
	return *end == '\n' ? end + 1 : end;
}

static bool is(const struct line *line, const char *keyword)
{
	return strcasecmp(line->keyword, keyword) == 0;
}

/* A port as sshd reads it; of the names of /etc/services, the only one anybody would write. */
static bool is_number(const char *text, uint16_t port)
{
	uint16_t number = 0;
	if (strcmp(text, "ssh") == 0) {
		return port == SSH_PORT;
	}
	return parse_port(&number, text) == 0 && number == port;
}

/* The port of a ListenAddress: "host:22", "[::]:22"; NULL for "host", "::1", "[::1]". */
static const char *port_of_address(const char *word)
{
	const char *from = word[0] == '[' ? strchr(word, ']') : word;
	const char *colon = from == NULL ? NULL : strchr(from, ':');
	const bool bare = word[0] != '[' && colon != NULL && strchr(colon + 1, ':') != NULL;
	return colon == NULL || bare ? NULL : colon + 1;
}

static bool names_port(const struct line *line, uint16_t port)
{
	if (line->count == 0) {
		return false;
	}
	if (is(line, "Port")) {
		return is_number(line->words[0], port);
	}
	const char *own = is(line, "ListenAddress") ? port_of_address(line->words[0]) : NULL;
	return own != NULL && is_number(own, port);
}

int move_sshd_includes(const char *text, move_pattern_function *function, void *data)
{
	struct line line;
	for (const char *at = text; *at != '\0'; at = next_line(line.end)) {
		if (!read_line(&line, at)) {
			continue;
		}
		if (is(&line, "Match")) {
			return 0;
		}
		for (size_t i = 0; is(&line, "Include") && i < line.count; i++) {
			int r = function(line.words[i], data);
			if (r < 0) {
				return r;
			}
		}
	}
	return 0;
}

/* ---- adding ---- */

/* What all files say together. */
struct survey {
	uint16_t from, to;
	bool any;       /* a Port is said */
	bool from_said; /* the old one is */
	bool to_said;
	bool address; /* a ListenAddress is said */
	bool open;    /* one of them takes its port from Port */
	bool bound;   /* one of them has the old port itself */
	struct str lines;
};

static void take_address(struct survey *survey, const struct line *line)
{
	const char *word = line->words[0];
	const char *own = port_of_address(word);
	survey->address = true;
	survey->open = survey->open || own == NULL;
	if (own != NULL && is_number(own, survey->from)) {
		survey->bound = true;
		str_printf(&survey->lines, "ListenAddress %.*s%u%.*s\n", (int)(own - word), word,
			   survey->to, (int)(line->end - line->tail), line->tail);
	}
}

static void take_text(struct survey *survey, const char *text)
{
	struct line line;
	for (const char *at = text; *at != '\0'; at = next_line(line.end)) {
		if (!read_line(&line, at) || line.count == 0) {
			continue;
		}
		if (is(&line, "Match")) {
			return;
		}
		if (is(&line, "Port")) {
			survey->any = true;
			survey->from_said = survey->from_said || names_port(&line, survey->from);
			survey->to_said = survey->to_said || names_port(&line, survey->to);
		} else if (is(&line, "ListenAddress")) {
			take_address(survey, &line);
		}
	}
}

int move_sshd_add(struct str *out, const struct move_text *texts, size_t count, uint16_t from,
		  uint16_t to)
{
	struct survey s = { .from = from, .to = to, .lines = STR_INIT(MOVE_FILE_BYTES_MAX) };
	for (size_t i = 0; i < count; i++) {
		take_text(&s, texts[i].bytes);
	}
	const bool by_port = (s.open || !s.address) && (s.any ? s.from_said : from == SSH_PORT);
	if (by_port && !s.any) {
		str_printf(out, "Port %u\n", from);
	}
	if (by_port && !s.to_said) {
		str_printf(out, "Port %u\n", to);
	}
	str_add(out, str_text(&s.lines));
	int r = s.lines.error != 0 ? s.lines.error : out->error;
	str_deinit(&s.lines);
	return r == 0 && !by_port && !s.bound ? -ENOENT : r;
}

/* ---- taking away ---- */

int move_sshd_without(struct str *out, const char *text, uint16_t port, bool leave_out)
{
	struct line line;
	int found = 0;
	const char *at = text;
	while (*at != '\0') {
		const bool read = read_line(&line, at);
		if (read && is(&line, "Match")) {
			break;
		}
		const char *next = next_line(line.end);
		const bool names = read && names_port(&line, port);
		found += names;
		str_add(out, names && !leave_out ? "#" : "");
		if (!names || !leave_out) {
			str_add_bytes(out, at, (size_t)(next - at));
		}
		at = next;
	}
	str_add(out, at);
	return out->error != 0 ? out->error : found;
}
