/* minato devices: who is near, whether it is declared, and what it offers. */
#include <errno.h>
#include <string.h>

#include "devices_show.h"
#include "judge.h"
#include "view/view.h"
#include "words.h"

struct config {
	bool discover, authorized, json;
};

#define FIELD(name) offsetof(struct config, name)

static const struct option options[] = {
	{ "discover", 'd', OPTION_FLAG, FIELD(discover), NULL,
	  N_("ask for each address of the networks that have a device of hosts:, up to a /22, and "
	     "by mDNS and SSDP for names; 100 packets a second") },
	{ "authorized", 'a', OPTION_FLAG, FIELD(authorized), NULL,
	  N_("I may do so on every network that this host is connected to") },
	{ "json", 'j', OPTION_FLAG, FIELD(json), NULL, N_("everything, for machines") },
};

static int exit_code(const struct devices_view *view, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		if (devices_is_undeclared(view, &view->devices.list.items[i]) ||
		    devices_undeclared_ports(view, i) > 0) {
			return EXIT_DIFFERS;
		}
	}
	return EXIT_IN_ORDER;
}

static bool is_called(const struct device *device, const char *word)
{
	char mac[DEVICES_MAC_TEXT_BYTES];
	struct addr address;
	return strcmp(device->name, word) == 0 ||
	       (addr_parse(&address, word) == 0 && device_has(device, &address)) ||
	       (device->has_mac && strcasecmp(devices_mac_format(mac, device->mac), word) == 0);
}

/* @return its place; the count when there is none. */
static size_t find(const struct devices_view *view, const char *word)
{
	size_t at = 0;
	while (at < view->devices.list.count && !is_called(&view->devices.list.items[at], word)) {
		at++;
	}
	return at;
}

static int show(const struct devices_view *view, size_t first, size_t end, bool one, bool json)
{
	struct str out = STR_INIT(1 << 26);
	if (json) {
		json_t *document = view_document(view->context->now);
		json_t *list = json_array();
		for (size_t i = first; i < end; i++) {
			json_array_append_new(list, devices_json(view, i));
		}
		json_object_set_new(document, "compared", json_boolean(view->compared));
		json_object_set_new(document, "devices", list);
		(void)view_print(&out, document,
				 view->context->out_terminal); /* kept in out.error */
	} else if (one) {
		devices_add_one(&out, view, first);
	} else {
		devices_add_list(&out, view);
	}
	const int code = print_text(&out);
	str_deinit(&out);
	return code != EXIT_IN_ORDER ? code : exit_code(view, first, end);
}

static int show_one(const struct devices_view *view, const char *word, bool json)
{
	struct err e = ERR_INIT;
	const size_t at = find(view, word);
	if (at == view->devices.list.count) {
		(void)err_set(&e, -ENOENT,
			      _("%.64s: neither a neighbour nor a name under hosts: of the policy"),
			      word);
		complain(view->context, err_text(&e), "minato devices");
		return EXIT_USAGE;
	}
	return show(view, at, at + 1, true, json);
}

static int run(const struct context *context, const void *given, const char *const *arguments,
	       unsigned count)
{
	const struct config *config = given;
	struct judgement judgement = { 0 };
	struct devices_view view = { 0 };
	struct devices_found found = { 0 };
	if (config->authorized && !config->discover) {
		complain(context, _("--authorized belongs to --discover"), "minato help devices");
		return EXIT_USAGE;
	}
	int code = judge_policy(&judgement, context);
	if (code == EXIT_IN_ORDER && config->discover) {
		code = devices_discover(&found, context, judgement_policy(&judgement),
					config->authorized);
	}
	if (code == EXIT_IN_ORDER) {
		code = devices_look(&view, context, judgement_policy(&judgement), &found);
	}
	if (code == EXIT_IN_ORDER) {
		code = count > 0 ? show_one(&view, arguments[0], config->json)
				 : show(&view, 0, view.devices.list.count, false, config->json);
	}
	devices_view_deinit(&view);
	devices_found_deinit(&found);
	judgement_deinit(&judgement);
	return code;
}

static const char *const examples[] = {
	"minato devices",
	N_("who is near, whether the policy declares it, what it offered when it was audited last"),
	"minato devices camera",
	N_("one of them in full: by name, address or hardware address"),
	"minato devices --discover",
	N_("asks for everybody on the own networks first"),
	NULL,
};

const struct command command_devices = {
	.name = "devices",
	.arguments = "[NAME]",
	.summary = N_("neighbours of this host, declared or not, and what they offer"),
	.description = N_(
		"Lists the machines that this host has talked to on its links (ARP, ND), and those "
		"under hosts: of the policy: their addresses, of both families in one row, "
		"hardware "
		"address, whether they answer, and the ports that were open when minato audit "
		"asked "
		"them last. Names come from the policy, /etc/hosts and leases of dnsmasq; without "
		"--discover nobody is asked for anything, and no packet is sent. As root it tells "
		"which of their ports are in use now. Exit code 2: a device is there that hosts: "
		"does not have, or a port that is not declared."),
	.examples = examples,
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.config_bytes = sizeof(struct config),
	.max_arguments = 1,
	.run = run,
};
