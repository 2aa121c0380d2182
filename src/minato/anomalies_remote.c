/* What the daemon says is unusual. */
#include "anomalies_remote.h"

#include <string.h>

#include "client.h"
#include "words.h"

enum { BODY_BYTES_MAX = 8 << 20 };

int anomalies_fetch(json_t **out, const struct context *context)
{
	struct str body = STR_INIT(BODY_BYTES_MAX);
	struct err e = ERR_INIT;
	long status = 0;
	int r = client_get(&body, &status, "/v1/anomalies", &e);
	json_t *document = r == 0 ? json_loads(str_text(&body), 0, NULL) : NULL;
	str_deinit(&body);
	if (r < 0) {
		return complain_of_daemon(context, r, &e);
	}
	if (status != 200 || !json_is_array(json_object_get(document, "anomalies"))) {
		json_decref(document);
		complain(context, _("the daemon's answer is not understood"), "minato status");
		return EXIT_ERROR;
	}
	*out = document;
	return EXIT_IN_ORDER;
}

const json_t *anomalies_find(const json_t *document, const char *list, const char *id)
{
	const json_t *entries = json_object_get(document, list);
	for (size_t i = 0; i < json_array_size(entries); i++) {
		const json_t *entry = json_array_get(entries, i);
		const char *own = json_string_value(json_object_get(entry, "id"));
		if (own != NULL && strcmp(own, id) == 0) {
			return entry;
		}
	}
	return NULL;
}

static void add_fact(struct findings *out, struct finding *finding, const char *name,
		     const json_t *value)
{
	char number[24];
	const char *text = json_string_value(value);
	const char *own = arena_strdup(&out->arena, name);
	if (json_is_integer(value)) {
		(void)snprintf(number, sizeof(number), "%lld",
			       (long long)json_integer_value(value));
		text = number;
	}
	if (text != NULL && own != NULL) {
		(void)finding_add_fact(out, finding, own, text); /* cut evidence still reads */
	}
}

void anomalies_finding(struct findings *out, const json_t *entry)
{
	const json_t *told = json_object_get(entry, "finding");
	const char *id = json_string_value(json_object_get(told, "finding"));
	const struct message *message = id != NULL ? message_find(id) : NULL;
	struct finding *finding = message != NULL ? vec_push(&out->list) : NULL;
	if (finding == NULL) {
		return;
	}
	finding->id = message->id;
	(void)severity_parse(&finding->severity, message->severity);
	finding->listener = finding->published = FINDING_NO_INDEX;
	const char *name = NULL;
	json_t *value = NULL;
	json_object_foreach(json_object_get(told, "facts"), name, value)
	{
		add_fact(out, finding, name, value);
	}
}
