/* Looking messages up and filling their arguments in. */
#include <stdlib.h>
#include <string.h>

#include "text/message-table.h"
#include "text/text.h"

static int compare_id(const void *key, const void *item)
{
	return strcmp(key, ((const struct message *)item)->id);
}

const struct message *message_find(const char *id)
{
	return bsearch(id, message_table, message_table_count, sizeof(message_table[0]),
		       compare_id);
}

const struct message *message_all(size_t *count)
{
	*count = message_table_count;
	return message_table;
}

static const char *argument(const struct message_argument *arguments, size_t count,
			    const char *name, size_t length)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(arguments[i].name) == length &&
		    memcmp(arguments[i].name, name, length) == 0) {
			return arguments[i].value;
		}
	}
	return NULL;
}

static bool is_wide_byte(char c)
{
	return ((unsigned char)c & 0x80) != 0;
}

/* In Japanese a space stands between it and Latin words alone: where a {name} turns out to be
 * Japanese, the template's space beside it goes. */
static void put_value(struct str *out, const char **rest, const char *value)
{
	size_t before = out->length;
	bool after_space =
		before >= 2 && out->text[before - 1] == ' ' && is_wide_byte(out->text[before - 2]);
	if (after_space && is_wide_byte(value[0])) {
		out->text[--out->length] = '\0';
	}
	text_escape(out, value);
	bool ends_wide = value[0] != '\0' && is_wide_byte(value[strlen(value) - 1]);
	if (ends_wide && (*rest)[0] == ' ' && is_wide_byte((*rest)[1])) {
		(*rest)++;
	}
}

void message_fill(struct str *out, const char *template, const struct message_argument *arguments,
		  size_t count)
{
	while (*template != '\0') {
		size_t plain = strcspn(template, "{");
		str_add_bytes(out, template, plain);
		template += plain;
		if (*template == '\0') {
			break;
		}
		size_t length = strcspn(template + 1, "}");
		const char *value = argument(arguments, count, template + 1, length);
		if (value == NULL || template[1 + length] != '}') {
			str_add_char(out, '{');
			template ++;
			continue;
		}
		template += length + 2;
		put_value(out, &template, value);
	}
}
