/* The roles of minato-actor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor.h"
#include "base/parse.h"

static const struct {
	const char *word;
	talk_function *talk;
} servers[] = {
	{ "web", talk_web },   { "telnet", talk_telnet }, { "redis", talk_redis },
	{ "game", talk_game }, { "mqtt", talk_mqtt },     { "login", talk_login },
};

static const struct {
	const char *word;
	void (*go)(const char *host, uint16_t port, unsigned seconds);
} clients[] = {
	{ "visit", visit },
	{ "stay", stay },
	{ "publish", publish },
};

static int usage(void)
{
	(void)fputs("usage: minato-actor ROLE PORT [tls] | ROLE HOST PORT SECONDS\n"
		    "       scan HOST [SECONDS] | ssh HOST [COMMAND...] | at MACHINE COMMAND...\n",
		    stderr);
	return 3;
}

static unsigned seconds_of(const char *text)
{
	uint64_t seconds = 0;
	return text != NULL && parse_u64(&seconds, text, 0, 3600) == 0 ? (unsigned)seconds : 0;
}

static int act(const char *role, const char *const *words, unsigned count)
{
	uint16_t port = 0;
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		if (strcmp(servers[i].word, role) == 0 && count >= 1 &&
		    parse_port(&port, words[0]) == 0) {
			return serve(port, servers[i].talk, count > 1);
		}
	}
	for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
		if (strcmp(clients[i].word, role) == 0 && count == 3 &&
		    parse_port(&port, words[1]) == 0) {
			clients[i].go(words[0], port, seconds_of(words[2]));
		}
	}
	return usage();
}

/* Programs that people type have their role as name. */
int main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash != NULL ? slash + 1 : argc > 0 ? argv[0] : "";
	const char *const *words = (const char *const *)argv + 1;
	const unsigned count = argc > 0 ? (unsigned)argc - 1 : 0;
	if (strcmp(name, "scan") == 0 && count >= 1) {
		return scan(words[0], seconds_of(words[1]));
	}
	if (strcmp(name, "ssh") == 0 && count >= 1) {
		return login(words[0], words + 1, count - 1);
	}
	if (strcmp(name, "at") == 0 && count >= 2) {
		return at(words[0], words + 1, count - 1);
	}
	if (count >= 2 && strcmp(words[0], "scan") == 0) {
		return scan(words[1], seconds_of(words[count - 1]));
	}
	return count >= 1 ? act(words[0], words + 1, count - 1) : usage();
}
