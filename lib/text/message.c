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
		text_escape(out, value);
		template += length + 2;
	}
}
