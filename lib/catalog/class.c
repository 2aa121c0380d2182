/* Classes of port numbers and the small words of the catalogue. */
#include <errno.h>
#include <string.h>

#include "catalog/catalog.h"

static const struct {
	const char *name;
	uint16_t first, last;
	struct text title;
} classes[PORT_CLASS_COUNT] = {
	[PORT_CLASS_SYSTEM] = { "system",
				0,
				PORT_USER_FIRST - 1,
				{ "well-known", "ウェルノウン" } },
	[PORT_CLASS_USER] = { "user",
			      PORT_USER_FIRST,
			      PORT_DYNAMIC_FIRST - 1,
			      { "registered", "登録済み" } },
	[PORT_CLASS_DYNAMIC] = { "dynamic",
				 PORT_DYNAMIC_FIRST,
				 UINT16_MAX,
				 { "dynamic/private", "動的・プライベート" } },
};

static const struct {
	enum port_use use;
	const char *name;
	struct text title;
} port_uses[PORT_USE_COUNT] = {
	{ PORT_USE_CLIENT_SERVER, "client-server", { "client-server", "クライアント・サーバ" } },
	{ PORT_USE_P2P, "p2p", { "P2P", "P2P" } },
	{ PORT_USE_VPN, "vpn", { "VPN", "VPN" } },
	{ PORT_USE_GAME, "game", { "online games", "オンラインゲーム" } },
	{ PORT_USE_REMOTE_ACCESS, "remote-access", { "remote access", "リモート接続" } },
	{ PORT_USE_IOT, "iot", { "IoT", "IoT" } },
	{ PORT_USE_STREAMING, "streaming", { "streaming", "ストリーミング" } },
};

enum port_class port_class(uint16_t port)
{
	if (port < PORT_USER_FIRST) {
		return PORT_CLASS_SYSTEM;
	}
	return port < PORT_DYNAMIC_FIRST ? PORT_CLASS_USER : PORT_CLASS_DYNAMIC;
}

const char *port_class_name(enum port_class class)
{
	return classes[class].name;
}

int port_class_parse(enum port_class *out, const char *name)
{
	for (int class = 0; class < PORT_CLASS_COUNT; class ++) {
		if (strcmp(classes[class].name, name) == 0) {
			*out = (enum port_class) class;
			return 0;
		}
	}
	return -EINVAL;
}

struct text port_class_title(enum port_class class)
{
	return classes[class].title;
}

uint16_t port_class_first(enum port_class class)
{
	return classes[class].first;
}

uint16_t port_class_last(enum port_class class)
{
	return classes[class].last;
}

const char *tristate_name(enum tristate value)
{
	static const char *const names[] = {
		[TRISTATE_NO] = "no",
		[TRISTATE_YES] = "yes",
		[TRISTATE_OPTIONAL] = "optional",
	};
	return names[value];
}

const char *port_use_name(enum port_use use)
{
	for (size_t i = 0; i < PORT_USE_COUNT; i++) {
		if (port_uses[i].use == use) {
			return port_uses[i].name;
		}
	}
	return "";
}

struct text port_use_title(enum port_use use)
{
	for (size_t i = 0; i < PORT_USE_COUNT; i++) {
		if (port_uses[i].use == use) {
			return port_uses[i].title;
		}
	}
	return (struct text){ "", "" };
}
