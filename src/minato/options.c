/* Command lines into typed configurations, driven by the rows of each command. */
#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "command.h"
#include "words.h"

/* What all words of one command line share. */
struct parser {
	const struct command *command;
	char *config;
	const char *const *words;
	unsigned count;
	unsigned at; /* next word */
	usec_t now;
	struct err *e;
};

static const struct option *by_letter(const struct command *command, char letter)
{
	for (size_t i = 0; i < command->option_count; i++) {
		if (command->options[i].letter == letter) {
			return &command->options[i];
		}
	}
	return NULL;
}

static const struct option *by_name(const struct command *command, const char *name, size_t length)
{
	for (size_t i = 0; i < command->option_count; i++) {
		const char *candidate = command->options[i].name;
		if (strlen(candidate) == length && strncmp(candidate, name, length) == 0) {
			return &command->options[i];
		}
	}
	return NULL;
}

static int bad_value(const struct parser *p, const struct option *option, const char *value,
		     const char *expected)
{
	return err_set(p->e, EINVAL, _("--%s: \"%s\" is not %s"), option->name, value, expected);
}

static int set_choice(const struct parser *p, const struct option *option, int *field,
		      const char *value)
{
	struct str list = STR_INIT(512);
	for (int i = 0; option->choices[i] != NULL; i++) {
		if (strcmp(option->choices[i], value) == 0) {
			*field = i;
			str_deinit(&list);
			return 0;
		}
		str_printf(&list, "%s%s", i == 0 ? "" : ", ", option->choices[i]);
	}
	int r = err_set(p->e, EINVAL, _("--%s: \"%s\" is not one of: %s"), option->name, value,
			str_text(&list));
	str_deinit(&list);
	return r;
}

static int set_number(const struct parser *p, const struct option *option, uint64_t *field,
		      const char *value)
{
	if (parse_u64(field, value, option->min, option->max) == 0) {
		return 0;
	}
	return err_set(p->e, EINVAL, _("--%s: \"%s\" is not a number from %llu to %llu"),
		       option->name, value, (unsigned long long)option->min,
		       (unsigned long long)option->max);
}

static int set_ports(const struct parser *p, const struct option *option,
		     struct option_ports *field, const char *value)
{
	if (parse_port_range(&field->first, &field->last, value) < 0) {
		return bad_value(p, option, value,
				 _("a port (0-65535) or a range such as 8000-8100"));
	}
	field->given = true;
	return 0;
}

static int set_time(const struct parser *p, const struct option *option, usec_t *field,
		    const char *value)
{
	usec_t span = 0;
	if (span_parse(&span, value) == 0) {
		*field = p->now - span;
		return 0;
	}
	if (time_parse(field, value) == 0) {
		return 0;
	}
	return bad_value(
		p, option, value,
		_("a time such as 2026-11-22, 2026-11-22T10:00:00Z or 2h (back from now)"));
}

static int set_value(const struct parser *p, const struct option *option, const char *value)
{
	void *field = p->config + option->offset;
	switch (option->type) {
	case OPTION_FLAG:
		*(bool *)field = true;
		return 0;
	case OPTION_STRING:
		*(const char **)field = value;
		return 0;
	case OPTION_PORTS:
		return set_ports(p, option, field, value);
	case OPTION_NUMBER:
		return set_number(p, option, field, value);
	case OPTION_CHOICE:
		return set_choice(p, option, field, value);
	case OPTION_SPAN:
		if (span_parse(field, value) < 0) {
			return bad_value(p, option, value, _("a span such as 90s, 10m, 2h or 7d"));
		}
		return 0;
	case OPTION_TIME:
		return set_time(p, option, field, value);
	}
	return -EINVAL;
}

static int apply(struct parser *p, const struct option *option, const char *attached)
{
	if (option->type == OPTION_FLAG) {
		if (attached != NULL) {
			return err_set(p->e, EINVAL, _("--%s takes no value"), option->name);
		}
		return set_value(p, option, NULL);
	}
	if (attached == NULL && p->at < p->count) {
		attached = p->words[p->at++];
	}
	if (attached == NULL) {
		return err_set(p->e, EINVAL, _("--%s needs a value: %s"), option->name,
			       option->argument);
	}
	return set_value(p, option, attached);
}

static int unknown(const struct parser *p, const char *word)
{
	const char *names[64];
	size_t count = 0;
	for (size_t i = 0; i < p->command->option_count && count < 64; i++) {
		names[count++] = p->command->options[i].name;
	}
	const char *near = str_starts(word, "--") ? text_nearest(word + 2, names, count) : NULL;
	if (near != NULL) {
		return err_set(p->e, EINVAL, _("%s: unknown option; did you mean --%s?"), word,
			       near);
	}
	return err_set(p->e, EINVAL, _("%s: unknown option"), word);
}

static int long_option(struct parser *p, const char *word)
{
	const char *name = word + 2;
	size_t length = strcspn(name, "=");
	const struct option *option = by_name(p->command, name, length);
	if (option == NULL) {
		return unknown(p, word);
	}
	return apply(p, option, name[length] == '=' ? name + length + 1 : NULL);
}

static int short_options(struct parser *p, const char *word)
{
	for (const char *letter = word + 1; *letter != '\0'; letter++) {
		const struct option *option = by_letter(p->command, *letter);
		if (option == NULL) {
			return unknown(p, word);
		}
		bool takes = option->type != OPTION_FLAG;
		int r = apply(p, option, takes && letter[1] != '\0' ? letter + 1 : NULL);
		if (r < 0 || takes) {
			return r;
		}
	}
	return 0;
}

int options_parse(const struct command *command, void *config, const char **positional,
		  const char *const *words, unsigned count, usec_t now, struct err *e)
{
	struct parser p = { command, config, words, count, 0, now, e };
	unsigned found = 0;
	bool ended = false;
	while (p.at < count) {
		const char *word = words[p.at++];
		int r = 0;
		if (ended || word[0] != '-' || word[1] == '\0') {
			positional[found++] = word;
		} else if (strcmp(word, "--") == 0) {
			ended = true;
		} else if (word[1] == '-') {
			r = long_option(&p, word);
		} else {
			r = short_options(&p, word);
		}
		if (r < 0) {
			return r;
		}
	}
	if (found < command->min_arguments) {
		return err_set(e, EINVAL, _("something is missing: minato %s %s"), command->name,
			       command->arguments);
	}
	if (found > command->max_arguments) {
		return err_set(e, EINVAL, _("too many words: \"%s\""),
			       positional[command->max_arguments]);
	}
	return (int)found;
}
