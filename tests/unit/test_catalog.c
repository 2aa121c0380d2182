/* catalog: classes, registry, overlay, words, profiles, use of client connections. */
#include <errno.h>
#include <string.h>

#include "catalog/catalog.h"
#include "check.h"

static void classes_follow_rfc_6335(void **state)
{
	(void)state;
	static const struct {
		uint16_t port;
		enum port_class expected;
	} cases[] = {
		{ 0, PORT_CLASS_SYSTEM },      { 1023, PORT_CLASS_SYSTEM },
		{ 1024, PORT_CLASS_USER },     { 49151, PORT_CLASS_USER },
		{ 49152, PORT_CLASS_DYNAMIC }, { 65535, PORT_CLASS_DYNAMIC },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum port_class class = port_class(cases[i].port);
		assert_int_equal(class, cases[i].expected);
		assert_in_range(cases[i].port, port_class_first(class), port_class_last(class));
		enum port_class again;
		assert_int_equal(port_class_parse(&again, port_class_name(class)), 0);
		assert_int_equal(again, class);
	}
	enum port_class untouched = PORT_CLASS_USER;
	assert_int_equal(port_class_parse(&untouched, "ephemeral"), -EINVAL);
	assert_int_equal(untouched, PORT_CLASS_USER);
}

static const struct service *registry_scan(enum protocol protocol, uint16_t port)
{
	size_t count;
	const struct service *all = catalog_registry_all(&count);
	for (size_t i = 0; i < count; i++) {
		if (all[i].protocol == protocol && all[i].port == port) {
			return &all[i];
		}
	}
	return NULL;
}

static void registry_lookup_equals_a_scan(void **state)
{
	(void)state;
	static const enum protocol protocols[] = { PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP,
						   PROTOCOL_DCCP };
	size_t named = 0;
	for (size_t p = 0; p < 4; p++) {
		for (uint32_t port = 0; port <= UINT16_MAX; port += port < 2000 ? 1 : 7) {
			assert_ptr_equal(catalog_registry(protocols[p], (uint16_t)port),
					 registry_scan(protocols[p], (uint16_t)port));
		}
	}
	size_t count;
	const struct service *all = catalog_registry_all(&count);
	for (size_t i = 0; i < count; i++) {
		named += catalog_registry(all[i].protocol, all[i].port) == &all[i];
	}
	assert_int_equal(named, count);
	assert_in_range(count, 11000, 15000);
}

static void registry_knows_names_and_words(void **state)
{
	(void)state;
	const struct service *service = catalog_registry(PROTOCOL_TCP, 9200);
	assert_string_equal(service->name, "wap-wsp");
	assert_string_equal(service_description(service), "WAP connectionless session service");
	assert_ptr_equal(catalog_registry(PROTOCOL_MPTCP, 9200), service);
	assert_null(catalog_registry(PROTOCOL_TCP, 65535));
	assert_null(catalog_registry(PROTOCOL_NONE, 80));
	const struct service *found[8];
	assert_int_equal(catalog_registry_named(found, 8, "DOMAIN"), 2);
	assert_int_equal(found[0]->port, 53);
	assert_int_equal(found[0]->protocol, PROTOCOL_TCP);
	assert_int_equal(found[1]->protocol, PROTOCOL_UDP);
	assert_int_equal(catalog_registry_named(found, 0, "domain"), 2);
	assert_int_equal(catalog_registry_named(found, 8, "no-such-name"), 0);
}

static void every_registered_name_is_found(void **state)
{
	(void)state;
	size_t count;
	const struct service *all = catalog_registry_all(&count);
	for (size_t i = 0; i < count; i += 11) {
		const struct service *found[512];
		size_t named = catalog_registry_named(found, 512, all[i].name);
		bool seen = false;
		for (size_t j = 0; j < named && j < 512; j++) {
			seen |= found[j] == &all[i];
		}
		assert_true(seen);
	}
}

static void the_articles_facts_hold(void **state)
{
	(void)state;
	static const struct {
		uint16_t port;
		enum severity risk;
		bool everyday;
	} cases[] = {
		{ 21, SEVERITY_HIGH, true },   { 22, SEVERITY_HIGH, true },
		{ 23, SEVERITY_HIGH, false },  { 139, SEVERITY_HIGH, false },
		{ 445, SEVERITY_HIGH, false }, { 25, SEVERITY_MEDIUM, true },
		{ 80, SEVERITY_MEDIUM, true },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct port_knowledge *entry = catalog_port(PROTOCOL_TCP, cases[i].port);
		assert_non_null(entry);
		assert_int_equal(entry->risk, cases[i].risk);
		assert_true(entry->everyday || !cases[i].everyday);
	}
	assert_true(catalog_port(PROTOCOL_TCP, 21)->uploads);
	assert_true(catalog_port(PROTOCOL_TCP, 445)->uploads);
	assert_non_null(strstr(catalog_port(PROTOCOL_TCP, 80)->measure.en, "Harden the server"));
	static const uint16_t everyday[] = { 80, 443, 25, 110, 143, 22, 21, 53, 3389 };
	for (size_t i = 0; i < sizeof(everyday) / sizeof(everyday[0]); i++) {
		assert_true(catalog_port(PROTOCOL_TCP, everyday[i])->everyday);
	}
}

static bool among(const struct port_knowledge *wanted, enum protocol protocol, uint16_t port)
{
	const struct port_knowledge *entry = catalog_port_next(protocol, port, NULL);
	while (entry != NULL && entry != wanted) {
		entry = catalog_port_next(protocol, port, entry);
	}
	return entry != NULL;
}

static void every_entry_is_reachable(void **state)
{
	(void)state;
	size_t count;
	const struct port_knowledge *all = catalog_ports(&count);
	assert_in_range(count, 250, 1024);
	for (size_t i = 0; i < count; i++) {
		assert_ptr_equal(catalog_port_named(all[i].name), &all[i]);
		struct catalog_match match = { 0 };
		assert_true(catalog_by_word(&match, 1, all[i].name) >= 1);
		assert_ptr_equal(match.knowledge, &all[i]);
		for (size_t p = 0; p < all[i].port_count; p++) {
			const struct port_span *span = &all[i].ports[p];
			assert_true(among(&all[i], span->protocol, span->first));
			assert_true(among(&all[i], span->protocol, span->last));
		}
	}
	assert_null(catalog_port_named("no-such-entry"));
}

/* Whether an entry holds a number, looked up without the generated indexes. */
static bool holds(const struct port_knowledge *entry, enum protocol protocol, uint16_t port)
{
	for (size_t i = 0; i < entry->port_count; i++) {
		const struct port_span *span = &entry->ports[i];
		if (span->protocol == protocol && span->first <= port && port <= span->last) {
			return true;
		}
	}
	return false;
}

static void overlay_lookup_equals_a_scan(void **state)
{
	(void)state;
	size_t count;
	const struct port_knowledge *all = catalog_ports(&count);
	for (uint32_t port = 0; port <= UINT16_MAX; port += port < 10000 ? 1 : 5) {
		for (int udp = 0; udp <= 1; udp++) {
			enum protocol protocol = udp != 0 ? PROTOCOL_UDP : PROTOCOL_TCP;
			size_t expected = 0;
			for (size_t i = 0; i < count; i++) {
				expected += holds(&all[i], protocol, (uint16_t)port);
			}
			size_t found = 0;
			const struct port_knowledge *entry =
				catalog_port_next(protocol, (uint16_t)port, NULL);
			while (entry != NULL) {
				assert_true(holds(entry, protocol, (uint16_t)port));
				found++;
				entry = catalog_port_next(protocol, (uint16_t)port, entry);
			}
			assert_int_equal(found, expected);
		}
	}
}

/* What is expected of a program's port that nobody but the program can have chosen. */
static const struct port_knowledge *held(enum protocol protocol, uint16_t port, const char *program)
{
	const struct process process = { .pid = 1, .name = program };
	return catalog_port_held(NULL, protocol, port, program == NULL ? NULL : &process, false);
}

static void programs_that_do_not_fit_are_doubted(void **state)
{
	(void)state;
	static const struct {
		uint16_t port;
		const char *program;
		bool doubted;
	} cases[] = {
		{ 9200, "python3", true },       { 3000, "python3.11", true },
		{ 22, "sshd", false },           { 22, "systemd", false },
		{ 6379, "docker-proxy", false }, { 6380, "python3", false },
		{ 22, "nc.openbsd", true },      { 8123, "python3", false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct process process = { .pid = 1, .name = cases[i].program };
		bool doubted = !cases[i].doubted;
		(void)catalog_port_held(&doubted, PROTOCOL_TCP, cases[i].port, &process, false);
		assert_int_equal(doubted, cases[i].doubted);
	}
}

static void wide_ranges_name_no_number(void **state)
{
	(void)state;
	assert_null(catalog_port(PROTOCOL_UDP, 59999)); /* Discord may use it; who knows */
	const struct port_knowledge *entry = catalog_port_next(PROTOCOL_UDP, 59999, NULL);
	assert_non_null(entry);
	assert_ptr_equal(held(PROTOCOL_UDP, 59999, "Discord"), catalog_port_named("discord-voice"));
	assert_null(held(PROTOCOL_UDP, 59999, "something"));
}

static void the_most_common_service_comes_first(void **state)
{
	(void)state;
	static const struct {
		uint16_t port;
		const char *name;
	} cases[] = {
		{ 443, "https" },        { 5900, "vnc" },
		{ 5901, "vnc" },         { 8443, "https-alternative" },
		{ 9090, "prometheus" },  { 9200, "elasticsearch" },
		{ 6006, "tensorboard" }, { 6001, "x11" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(catalog_port(PROTOCOL_TCP, cases[i].port)->name, cases[i].name);
	}
}

static void the_holder_chooses_among_entries(void **state)
{
	(void)state;
	assert_string_equal(held(PROTOCOL_TCP, 443, NULL)->name, "https");
	assert_string_equal(held(PROTOCOL_TCP, 443, "no-such-program")->name, "https");
	assert_string_equal(held(PROTOCOL_TCP, 443, "ocserv")->name, "anyconnect");
	assert_string_equal(held(PROTOCOL_TCP, 65533, "sshd")->name, "ssh");
	assert_null(held(PROTOCOL_TCP, 65533, "no-such-program"));
	const struct port_knowledge *dns = catalog_port(PROTOCOL_UDP, 53);
	assert_true(port_knowledge_has_program(dns, "named"));
	assert_false(port_knowledge_has_program(dns, "name"));
	assert_true(port_knowledge_has_program(dns, "systemd-resolve")); /* comm, cut */
}

static void words_of_both_languages_name_ports(void **state)
{
	(void)state;
	static const struct {
		const char *word;
		uint16_t port;
	} cases[] = {
		{ "ssh", 22 },           { "SSH", 22 },           { "ＳＳＨ", 22 },
		{ "smb", 445 },          { "file sharing", 445 }, { "File-Sharing", 445 },
		{ "ファイル共有", 445 }, { "ﾌｧｲﾙ共有", 445 },     { "minecraft", 25565 },
		{ "redis", 6379 },       { "wap-wsp", 9200 },     { "elasticsearch", 9200 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct catalog_match matches[32];
		size_t count = catalog_by_word(matches, 32, cases[i].word);
		bool seen = false;
		for (size_t j = 0; j < count && j < 32; j++) {
			seen |= matches[j].service != NULL
					? matches[j].service->port == cases[i].port
					: matches[j].knowledge->ports[0].first == cases[i].port;
		}
		if (!seen) {
			fail_msg("%s does not name %u", cases[i].word, cases[i].port);
		}
	}
	assert_int_equal(catalog_by_word(NULL, 0, ""), 0);
	assert_int_equal(catalog_by_word(NULL, 0, "xyzzy-plugh"), 0);
}

static void search_finds_all_of_the_words(void **state)
{
	(void)state;
	struct catalog_match matches[256];
	size_t english = catalog_search(matches, 256, "database");
	assert_in_range(english, 20, 2000);
	assert_non_null(matches[0].knowledge);
	size_t japanese = catalog_search(matches, 256, "データベース");
	assert_in_range(japanese, 20, 2000);
	assert_int_equal(catalog_search(matches, 256, "でーたべーす"), japanese);
	size_t both = catalog_search(matches, 256, "database cache");
	assert_in_range(both, 1, english - 1);
	assert_int_equal(catalog_search(matches, 256, "database xyzzyplugh"), 0);
	assert_int_equal(catalog_search(matches, 256, " - "), 0);
}

static void lists_are_whole_and_ordered(void **state)
{
	(void)state;
	const struct port_knowledge *list[1024];
	size_t all;
	(void)catalog_ports(&all);
	size_t risky = catalog_list(list, 1024, CATALOG_LIST_RISKY);
	assert_in_range(risky, 50, all);
	for (size_t i = 0; i < risky; i++) {
		assert_true(list[i]->risk >= SEVERITY_HIGH);
		assert_true(i == 0 || list[i - 1]->risk >= list[i]->risk);
	}
	size_t common = catalog_list(list, 1024, CATALOG_LIST_COMMON);
	for (size_t i = 0; i < common; i++) {
		assert_true(list[i]->everyday);
	}
	assert_in_range(common, 9, 40);
	assert_in_range(catalog_list(list, 0, CATALOG_LIST_WELL_KNOWN), 50, all);
	assert_in_range(catalog_list(list, 1024, CATALOG_LIST_REGISTERED), 100, all);
	for (size_t i = 0; i < catalog_list(list, 1024, CATALOG_LIST_REGISTERED); i++) {
		assert_int_equal(port_class(list[i]->ports[0].first), PORT_CLASS_USER);
	}
}

static void profiles_are_found_by_name(void **state)
{
	(void)state;
	size_t count;
	const struct profile *all = catalog_profiles(&count);
	assert_in_range(count, 40, 1000);
	for (size_t i = 0; i < count; i++) {
		assert_ptr_equal(catalog_profile(all[i].name), &all[i]);
		assert_true(all[i].port_count > 0);
	}
	assert_int_equal(catalog_profile("wireguard")->ports[0].first, 51820);
	assert_int_equal(catalog_profile("wireguard")->ports[0].protocol, PROTOCOL_UDP);
	assert_int_equal(catalog_profile("https")->encryption, PROFILE_ENCRYPTION_OWN);
	assert_null(catalog_profile("HTTPS"));
}

static void client_connections_have_a_use(void **state)
{
	(void)state;
	static const struct {
		enum protocol protocol;
		uint16_t port;
		const char *program, *use;
	} cases[] = {
		{ PROTOCOL_TCP, 443, "firefox", "web" },
		{ PROTOCOL_TCP, 443, NULL, "web" },
		{ PROTOCOL_TCP, 22, "firefox", "web" },
		{ PROTOCOL_TCP, 22, "anything", "remote-access" },
		{ PROTOCOL_TCP, 3389, NULL, "remote-access" },
		{ PROTOCOL_UDP, 51820, NULL, "vpn" },
		{ PROTOCOL_TCP, 6881, NULL, "p2p" },
		{ PROTOCOL_TCP, 49999, "transmission-da", "p2p" },
		{ PROTOCOL_TCP, 25565, "java", "game" },
		{ PROTOCOL_TCP, 8883, "python3", "iot" },
		{ PROTOCOL_TCP, 1935, NULL, "streaming" },
		{ PROTOCOL_UDP, 53, "curl", "name-resolution" },
		{ PROTOCOL_TCP, 5432, "python3", "database" },
		{ PROTOCOL_TCP, 40001, "python3", "other" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct client_use *use =
			catalog_use(cases[i].protocol, cases[i].port, cases[i].program);
		if (strcmp(use->name, cases[i].use) != 0) {
			fail_msg("%u of %s: %s, not %s", cases[i].port,
				 cases[i].program != NULL ? cases[i].program : "-", use->name,
				 cases[i].use);
		}
		assert_ptr_equal(catalog_use_named(use->name), use);
	}
	assert_null(catalog_use_named("WEB"));
}

/* Whatever the index says, some entry must name the program, and none less dangerous than it unless
 * the program is named after the service. */
static void programs_are_found_by_any_of_their_names(void **state)
{
	(void)state;
	size_t count = 0;
	const struct port_knowledge *all = catalog_ports(&count);
	size_t found = 0;
	for (size_t i = 0; i < count; i++) {
		for (const char *const *program = all[i].programs; *program != NULL; program++) {
			char comm[16] = "";
			memcpy(comm, *program, strnlen(*program, 15)); /* as the kernel cuts it */
			const struct process process = { .pid = 2, .name = comm };
			bool doubted = true;
			const struct port_knowledge *held =
				catalog_port_held(&doubted, PROTOCOL_TCP, 0, &process, false);
			if (held == NULL) {
				continue; /* carriers, stand-ins, services without TCP */
			}
			found++;
			assert_true(port_knowledge_has_program(held, comm));
			assert_false(doubted);
			bool tcp = false;
			for (size_t k = 0; k < all[i].port_count; k++) {
				tcp |= all[i].ports[k].protocol == PROTOCOL_TCP;
			}
			bool namesake =
				strncmp(held->name, comm,
					strlen(held->name) < strlen(comm) ? strlen(held->name)
									  : strlen(comm)) == 0;
			assert_true(namesake || !tcp || held->risk <= all[i].risk);
		}
	}
	assert_true(found > 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_are_found_by_any_of_their_names),
		cmocka_unit_test(classes_follow_rfc_6335),
		cmocka_unit_test(registry_lookup_equals_a_scan),
		cmocka_unit_test(registry_knows_names_and_words),
		cmocka_unit_test(every_registered_name_is_found),
		cmocka_unit_test(the_articles_facts_hold),
		cmocka_unit_test(every_entry_is_reachable),
		cmocka_unit_test(overlay_lookup_equals_a_scan),
		cmocka_unit_test(programs_that_do_not_fit_are_doubted),
		cmocka_unit_test(wide_ranges_name_no_number),
		cmocka_unit_test(the_most_common_service_comes_first),
		cmocka_unit_test(the_holder_chooses_among_entries),
		cmocka_unit_test(words_of_both_languages_name_ports),
		cmocka_unit_test(search_finds_all_of_the_words),
		cmocka_unit_test(lists_are_whole_and_ordered),
		cmocka_unit_test(profiles_are_found_by_name),
		cmocka_unit_test(client_connections_have_a_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
