/* Client connections grouped by what they are for. */
#include "ports_use.h"

#include <string.h>

#include "clients.h"
#include "look.h"
#include "view/view.h"
#include "words.h"

bool use_is_known(const char *use)
{
	return strcmp(use, "all") == 0 || catalog_use_named(use) != NULL;
}

void complain_of_use(const struct context *context, const char *use)
{
	size_t count = 0;
	const struct client_use *uses = catalog_uses(&count);
	struct str sentence = STR_INIT(2048);
	struct str safe = STR_INIT(512);
	text_escape(&safe, use);
	str_printf(&sentence, _("no use is called \"%s\"; there are: all"), str_text(&safe));
	for (size_t i = 0; i < count; i++) {
		str_printf(&sentence, ", %s", uses[i].name);
	}
	complain(context, str_text(&sentence), "minato ports --use all");
	str_deinit(&sentence);
	str_deinit(&safe);
}

static bool wanted(const struct client_group *group, const char *use)
{
	return strcmp(use, "all") == 0 || strcmp(group->use->name, use) == 0;
}

static json_t *remote_ports(const struct client_group *group)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < group->port_count; i++) {
		json_array_append_new(list, json_pack("{s:i, s:I}", "remote_port",
						      group->ports[i].port, "connection_count",
						      (json_int_t)group->ports[i].connections));
	}
	return list;
}

static void add_json(struct str *out, const struct inventory *inventory,
		     const struct clients *clients, const char *use)
{
	json_t *document = view_document(inventory->time);
	json_t *list = json_array();
	for (size_t i = 0; i < clients->groups.count; i++) {
		const struct client_group *group = &clients->groups.items[i];
		if (wanted(group, use)) {
			json_array_append_new(
				list, json_pack("{s:s, s:o, s:I, s:o}", "use", group->use->name,
						"process", view_string(group->program),
						"connection_count", (json_int_t)group->connections,
						"remote_ports", remote_ports(group)));
		}
	}
	json_object_set_new(document, "clients", list);
	json_object_set_new(document, "coverage", view_coverage(inventory));
	(void)view_print(out, document, false); /* kept in out->error */
}

static void group_row(struct table *table, const struct context *context,
		      const struct client_group *group)
{
	struct str ports = STR_INIT(256);
	for (uint32_t i = 0; i < group->port_count; i++) {
		str_printf(&ports, "%s%u", i == 0 ? "" : " ", group->ports[i].port);
	}
	table_cell(table, INK_PLAIN, text_in(group->use->title, context->language));
	table_cell(table, INK_PLAIN, group->program == NULL ? _("(not visible)") : group->program);
	table_printf(table, INK_BOLD, "%u", group->connections);
	table_cell(table, INK_PLAIN, str_text(&ports));
	str_deinit(&ports);
}

static void add_rows(struct str *out, const struct context *context, const struct clients *clients,
		     const char *use)
{
	const struct table_column columns[] = {
		{ _("USE"), ALIGN_LEFT, 0, 0 },
		{ _("PROGRAM"), ALIGN_LEFT, 0, 0 },
		{ _("CONNECTIONS"), ALIGN_RIGHT, 0, 0 },
		{ _("TO PORTS"), ALIGN_LEFT, 8, 0 },
	};
	struct table table;
	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < clients->groups.count; i++) {
		if (wanted(&clients->groups.items[i], use)) {
			group_row(&table, context, &clients->groups.items[i]);
		}
	}
	if (table.cells.count == 0) {
		str_add(out, _("no connection of this host has that use now\n"));
	} else {
		(void)table_render(out, &table, context->columns, &context->out_style); /* in out */
	}
	table_deinit(&table);
}

int print_use(const struct context *context, const struct inventory *inventory, const char *use,
	      bool json)
{
	struct clients clients;
	if (clients_gather(&clients, inventory) < 0) {
		complain(context, _("out of memory"), NULL);
		return EXIT_ERROR;
	}
	struct str out = STR_INIT(1 << 24);
	if (json) {
		add_json(&out, inventory, &clients, use);
	} else {
		add_rows(&out, context, &clients, use);
	}
	int code = print_text(&out);
	str_deinit(&out);
	vec_free(&clients.groups);
	if (!json) {
		complain_of_coverage(context, inventory);
	}
	return code;
}
