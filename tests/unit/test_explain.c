/* minato explain: what a word means, and the screens for a fixed host, in both languages. */
#include <libintl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "bans.h"
#include "base/cleanup.h"
#include "check.h"
#include "explain.h"
#include "golden.h"
#include "nat_live.h"
#include "parsed_policy.h"

/* 2026-11-22T03:00:00Z */
static const usec_t now = (usec_t)1795316400 * USEC_PER_SEC;

static struct addr address(const char *text)
{
	struct addr out;
	assert_int_equal(addr_parse(&out, text), 0);
	return out;
}

static uint32_t add_process(struct inventory *inventory, struct process process)
{
	struct process *added = vec_push(&inventory->processes);
	assert_non_null(added);
	*added = process;
	return (uint32_t)inventory->processes.count - 1;
}

/* A listener held by a process (UINT32_MAX = by nobody that can be seen). */
static void add_listener(struct inventory *inventory, struct listener listener, uint32_t process)
{
	listener.ownership = process == UINT32_MAX ? OWNERSHIP_HIDDEN : OWNERSHIP_OWNED;
	listener.first_owner = (uint32_t)inventory->owners.count;
	listener.owner_count = process == UINT32_MAX ? 0 : 1;
	listener.siblings = 1;
	if (process != UINT32_MAX) {
		struct owner *owner = vec_push(&inventory->owners);
		assert_non_null(owner);
		*owner = (struct owner){ (uint32_t)inventory->listeners.count, process, 3 };
	}
	struct listener *added = vec_push(&inventory->listeners);
	assert_non_null(added);
	*added = listener;
}

static void add_connection(struct inventory *inventory, uint16_t local, uint16_t remote,
			   uint32_t process)
{
	struct connection *c = vec_push(&inventory->connections);
	assert_non_null(c);
	*c = (struct connection){ .protocol = PROTOCOL_TCP,
				  .state = 1,
				  .direction = DIRECTION_OUTBOUND,
				  .local = address("192.0.2.10"),
				  .remote = address("198.51.100.7"),
				  .local_port = local,
				  .remote_port = remote,
				  .process = process };
}

static void add_published(struct inventory *inventory)
{
	struct published *p = vec_push(&inventory->published);
	assert_non_null(p);
	*p = (struct published){ .protocol = PROTOCOL_TCP,
				 .address = address("0.0.0.0"),
				 .first_port = 6379,
				 .last_port = 6379,
				 .target = address("172.17.0.2"),
				 .target_port = 6379,
				 .table = "ip nat",
				 .chain = "DOCKER",
				 .owner = "docker",
				 .container_name = "cache" };
}

/* sshd on 22, node on 8080, somebody unseen on 40000, firefox as a client, 6379 published. */
static void make_host(struct inventory *inventory)
{
	inventory_init(inventory, 0);
	inventory->time = now;
	inventory->ephemeral = (struct port_range){ 32768, 60999 };
	portset_add(&inventory->reserved, 50000);
	struct netns *netns = vec_push(&inventory->netns);
	assert_non_null(netns);
	*netns = (struct netns){ .inode = 4026531840, .kind = NETNS_HOST, .name = "host" };
	uint32_t sshd = add_process(
		inventory,
		(struct process){ .pid = 712,
				  .name = "sshd",
				  .executable = "/usr/sbin/sshd",
				  .arguments = "sshd: /usr/sbin/sshd -D [listener] \033[31m",
				  .user = "root",
				  .started = now - 3 * USEC_PER_HOUR,
				  .unit = "ssh.service",
				  .package = "openssh-server",
				  .detailed = true });
	uint32_t node =
		add_process(inventory, (struct process){ .pid = 900,
							 .uid = 1000,
							 .name = "node",
							 .executable = "/usr/bin/node",
							 .executable_deleted = true,
							 .container_name = "web",
							 .detailed = true,
							 .parent_count = 1,
							 .parents = { { 1, "containerd-shim" } } });
	uint32_t firefox = add_process(
		inventory,
		(struct process){ .pid = 4242, .name = "firefox-esr", .user = "hanako" });
	struct listener ssh = { .protocol = PROTOCOL_TCP,
				.address = address("0.0.0.0"),
				.port = 22,
				.counted = true,
				.connections = 3,
				.peer_count = 1,
				.peers = { { address("192.0.2.77"), 3 } } };
	add_listener(inventory, ssh, sshd);
	ssh.address = address("::");
	ssh.v6_only = true;
	ssh.connections = 1;
	ssh.peers[0] = (struct listener_peer){ address("2001:db8::5"), 1 };
	add_listener(inventory, ssh, sshd);
	add_listener(inventory,
		     (struct listener){ .protocol = PROTOCOL_TCP,
					.address = address("127.0.0.1"),
					.port = 8080 },
		     node);
	add_listener(inventory,
		     (struct listener){ .protocol = PROTOCOL_UDP,
					.address = address("192.0.2.10"),
					.port = 40000 },
		     UINT32_MAX);
	add_connection(inventory, 41000, 443, firefox);
	add_connection(inventory, 41001, 443, firefox);
	add_connection(inventory, 52000, 22, UINT32_MAX);
	add_published(inventory);
}

static struct context plain_context(enum language language)
{
	return (struct context){ .language = language, .columns = 80, .now = now };
}

static void speak(enum language language)
{
	assert_int_equal(setenv("LANGUAGE", language == LANGUAGE_JA ? "ja" : "en", 1), 0);
	/* gettext looks at LANGUAGE again only when the locale was set again. */
	assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
	assert_non_null(bindtextdomain("minato", getenv("LOCALE_DIRECTORY")));
	assert_non_null(bind_textdomain_codeset("minato", "UTF-8"));
	assert_non_null(textdomain("minato"));
}

static void check_width(const struct str *text)
{
	_cleanup_(freep) char *copy = strdup(str_text(text));
	char *rest = copy;
	for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
		if (text_width(line) > 80) {
			fail_msg("wider than 80 columns: %s", line);
		}
	}
}

static void screens_are_as_they_were(void **state)
{
	(void)state;
	static const char *const words[] = { "22",    "https",        "8080/tcp",  "40000",
					     "6379",  "50000",        "8000-8010", "firefox",
					     "49153", "ファイル共有", "wap-wsp",   "9200" };
	struct inventory inventory;
	make_host(&inventory);
	for (int language = LANGUAGE_EN; language <= LANGUAGE_JA; language++) {
		struct context context = plain_context((enum language)language);
		struct explain explain = { .context = &context, .inventory = &inventory };
		struct str out = STR_INIT(1 << 20);
		speak(context.language);
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			struct subject subject;
			explain_resolve(&subject, &explain, words[i]);
			assert_int_not_equal(subject.kind, SUBJECT_UNKNOWN);
			str_printf(&out, "$ minato explain %s\n", words[i]);
			explain_subject(&out, &explain, &subject);
			str_add(&out, "\n");
		}
		assert_int_equal(out.error, 0);
		check_width(&out);
		golden_check(language == LANGUAGE_JA ? "explain/screens-ja.txt"
						     : "explain/screens-en.txt",
			     &out);
		str_deinit(&out);
	}
	inventory_deinit(&inventory);
}

static void terms_are_as_they_were(void **state)
{
	(void)state;
	static const char *const words[] = { "port", "port-number", "待ち受け",
					     "bind", "handshake",   "connection refused",
					     "nat",  "listen",      "dns",
					     "cidr" };
	struct inventory inventory;
	make_host(&inventory);
	for (int language = LANGUAGE_EN; language <= LANGUAGE_JA; language++) {
		struct context context = plain_context((enum language)language);
		struct explain explain = { .context = &context, .inventory = &inventory };
		struct str out = STR_INIT(1 << 20);
		speak(context.language);
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			struct subject subject;
			explain_resolve(&subject, &explain, words[i]);
			str_printf(&out, "$ minato explain %s\n", words[i]);
			explain_subject(&out, &explain, &subject);
			str_add(&out, "\n");
		}
		str_add(&out, "$ minato explain --terms\n");
		explain_terms(&out, &explain);
		assert_int_equal(out.error, 0);
		check_width(&out);
		golden_check(language == LANGUAGE_JA ? "explain/terms-ja.txt"
						     : "explain/terms-en.txt",
			     &out);
		str_deinit(&out);
	}
	inventory_deinit(&inventory);
}

static void every_term_has_its_figure_with_and_without_a_host(void **state)
{
	(void)state;
	struct inventory inventory;
	size_t count;
	const struct glossary_term *terms = catalog_terms(&count);
	make_host(&inventory);
	for (int variant = 0; variant < 4; variant++) {
		struct context context =
			plain_context(variant % 2 == 0 ? LANGUAGE_EN : LANGUAGE_JA);
		struct explain explain = { .context = &context,
					   .inventory = variant < 2 ? NULL : &inventory };
		speak(context.language);
		for (size_t i = 0; i < count; i++) {
			const bool drawn = terms[i].figure != GLOSSARY_FIGURE_NONE;
			struct str out = STR_INIT(1 << 20);
			assert_int_equal(explain_term_figure(&out, &explain, &terms[i], false), 0);
			assert_int_equal(drawn, out.length > 0);
			check_width(&out);
			str_clear(&out);
			assert_int_equal(explain_term_figure(&out, &explain, &terms[i], true), 0);
			assert_int_equal(drawn, str_starts(str_text(&out), "<svg "));
			str_deinit(&out);
		}
	}
	inventory_deinit(&inventory);
}

static struct conntrack_flow flow(const char *inside, uint16_t port, const char *outside,
				  uint16_t outside_port)
{
	return (struct conntrack_flow){
		.protocol = PROTOCOL_TCP,
		.status = CONNTRACK_SNAT | CONNTRACK_SEEN_REPLY,
		.original = { .source = address(inside),
			      .source_port = port,
			      .destination = address("203.0.113.80"),
			      .destination_port = 443 },
		.reply = { .source = address("203.0.113.80"),
			   .source_port = 443,
			   .destination = address(outside),
			   .destination_port = outside_port },
	};
}

static void real_translations_are_drawn_and_the_rest_counted(void **state)
{
	struct nat_live live = { 0 };
	struct conntrack_flow flows[] = {
		flow("10.0.0.1", 51000, "192.0.2.10", 51000),
		flow("10.0.0.2", 51000, "192.0.2.10", 40001),
		flow("10.0.0.1", 51001, "192.0.2.10", 51001),
		flow("10.0.0.1", 51002, "192.0.2.10", 51002),   /* the third of one device */
		flow("10.0.0.3", 51003, "198.51.100.1", 51003), /* under another address */
		flow("10.0.0.4", 1, "192.0.2.10", 1),           /* not translated */
		flow("10.0.0.5", 2, "192.0.2.10", 2),           /* forwarded inwards */
		flow("10.0.0.6", 3, "192.0.2.10", 3),           /* has no ports */
	};
	(void)state;
	flows[5].status = CONNTRACK_SEEN_REPLY;
	flows[6].status |= CONNTRACK_DNAT;
	flows[7].protocol = 1;
	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
		nat_live_take(&live, &flows[i]);
	}
	assert_int_equal(live.count, 3);
	assert_int_equal(live.more, 2);
	struct context context = plain_context(LANGUAGE_EN);
	struct explain explain = { .context = &context, .nat = &live };
	struct str out = STR_INIT(1 << 16);
	speak(LANGUAGE_EN);
	assert_int_equal(explain_term_figure(&out, &explain, catalog_term("nat"), false), 0);
	assert_non_null(
		strstr(str_text(&out), "10.0.0.2:51000 |---| :40001 |---> 203.0.113.80:443"));
	assert_non_null(strstr(str_text(&out), "own table of connections. 2 more"));
	assert_null(strstr(str_text(&out), "example"));
	str_deinit(&out);
}

/* A service or a program comes first, a plain word of a service second; a search not at all. */
static void a_service_of_that_name_keeps_its_place(void **state)
{
	static const struct {
		const char *word;
		enum subject_kind kind;
		const char *first, *second;
	} cases[] = {
		{ "dns", SUBJECT_PORTS, "53/udp", "DNS turns names" },
		{ "router", SUBJECT_MATCHES, "A router", "520/udp" },
		{ "nat", SUBJECT_TERM, "NAT lets", "minato explain --search nat" },
	};
	struct inventory inventory;
	make_host(&inventory);
	struct context context = plain_context(LANGUAGE_EN);
	struct explain explain = { .context = &context, .inventory = &inventory };
	(void)state;
	speak(LANGUAGE_EN);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct subject subject;
		struct str out = STR_INIT(1 << 20);
		explain_resolve(&subject, &explain, cases[i].word);
		assert_int_equal(subject.kind, cases[i].kind);
		assert_non_null(subject.term);
		explain_subject(&out, &explain, &subject);
		const char *first = strstr(str_text(&out), cases[i].first);
		assert_non_null(first);
		assert_non_null(strstr(first, cases[i].second));
		str_deinit(&out);
	}
	inventory_deinit(&inventory);
}

static const char guarded[] = "minato: 1\n"
			      "who: {office: 198.51.100.0/24, boss: 198.51.100.7}\n"
			      "ports:\n"
			      "  ssh: {port: 22/tcp, for: a, owner: b, from: office}\n"
			      "  web: {port: [80/tcp, 443/tcp], for: a, owner: b, from: any}\n"
			      "defend: {never: boss}\n";

/* One who is banned and held, and one whom nobody holds. */
static void make_bans(struct bans *bans)
{
	const struct defend_ban scanner = { .prefix = { address("203.0.113.9"), 32 },
					    .verdict = DEFEND_BAN,
					    .proved = true,
					    .since = 100 * USEC_PER_SEC,
					    .until = 4000 * USEC_PER_SEC,
					    .times = 3,
					    .reason = "scan of 12 ports",
					    .evidence = "syn by nmap, ports 21,22\033[31m" };
	struct defend_ban network = { .prefix = { address("203.0.112.0"), 24 },
				      .verdict = DEFEND_HIDE,
				      .by_hand = true,
				      .until = 9000 * USEC_PER_SEC,
				      .times = 1,
				      .reason = "guesses passwords",
				      .evidence = "by ops" };
	*bans = (struct bans){ .tap = true, .now = { .since_boot = 400 * USEC_PER_SEC } };
	assert_int_equal(defend_table_put(&bans->table, &scanner), 0);
	assert_int_equal(defend_table_put(&bans->table, &network), 0);
	struct tap_ban *held = vec_push(&bans->kernel);
	assert_non_null(held);
	*held = (struct tap_ban){ .prefix = scanner.prefix, .stopped = 77 };
}

static void an_address_is_explained_by_policy_and_bans(void **state)
{
	(void)state;
	static const char *const words[] = { "203.0.113.9", "203.0.112.66", "198.51.100.7",
					     "::ffff:198.51.100.8", "127.0.0.1" };
	struct policy policy = parsed_policy(guarded);
	struct bans bans;
	make_bans(&bans);
	for (int language = LANGUAGE_EN; language <= LANGUAGE_JA; language++) {
		struct context context = plain_context((enum language)language);
		struct explain explain = { .context = &context, .policy = &policy, .bans = &bans };
		struct str out = STR_INIT(1 << 20);
		speak(context.language);
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			struct subject subject;
			explain_resolve(&subject, &explain, words[i]);
			assert_int_equal(subject.kind, SUBJECT_ADDRESS);
			str_printf(&out, "$ minato explain %s\n", words[i]);
			explain_subject(&out, &explain, &subject);
			str_add(&out, "\n");
		}
		str_add(&out, "$ minato bans\n");
		context.out_terminal = true;
		bans_rows(&out, &bans, &context);
		check_width(&out);
		golden_check(language == LANGUAGE_JA ? "explain/addresses-ja.txt"
						     : "explain/addresses-en.txt",
			     &out);
		str_deinit(&out);
	}
	bans_deinit(&bans);
	policy_deinit(&policy);
}

static void words_mean_what_people_mean(void **state)
{
	(void)state;
	static const struct {
		const char *word;
		enum subject_kind kind;
		enum protocol protocol;
		uint16_t first, last;
	} cases[] = {
		{ "443", SUBJECT_PORTS, PROTOCOL_NONE, 443, 443 },
		{ "0", SUBJECT_PORTS, PROTOCOL_NONE, 0, 0 },
		{ "25565/udp", SUBJECT_PORTS, PROTOCOL_UDP, 25565, 25565 },
		{ "8000-8100", SUBJECT_PORTS, PROTOCOL_NONE, 8000, 8100 },
		{ "8000-8100/tcp", SUBJECT_PORTS, PROTOCOL_TCP, 8000, 8100 },
		{ "SSH", SUBJECT_PORTS, PROTOCOL_NONE, 22, 22 },
		{ "ＳＳＨ", SUBJECT_PORTS, PROTOCOL_NONE, 22, 22 },
		{ "メールさーば", SUBJECT_PORTS, PROTOCOL_NONE, 25, 25 },
		{ "elasticsea", SUBJECT_MATCHES, PROTOCOL_NONE, 0, 0 },
		{ "smb", SUBJECT_PORTS, PROTOCOL_NONE, 445, 445 },
		{ "192.0.2.1", SUBJECT_ADDRESS, PROTOCOL_NONE, 0, 0 },
		{ "2001:db8::1", SUBJECT_ADDRESS, PROTOCOL_NONE, 0, 0 },
		{ "192.0.2.256", SUBJECT_UNKNOWN, PROTOCOL_NONE, 0, 0 },
		{ "wap-wsp", SUBJECT_PORTS, PROTOCOL_NONE, 9200, 9200 },
		{ "file sharing", SUBJECT_MATCHES, PROTOCOL_NONE, 0, 0 },
		{ "firefox", SUBJECT_PROGRAM, PROTOCOL_NONE, 0, 0 },
		{ "ssh.service", SUBJECT_PROGRAM, PROTOCOL_NONE, 0, 0 },
		{ "web", SUBJECT_PROGRAM, PROTOCOL_NONE, 0, 0 },
		{ "dns/udp", SUBJECT_PORTS, PROTOCOL_UDP, 53, 53 },
		{ "ssh/icmp", SUBJECT_UNKNOWN, PROTOCOL_NONE, 0, 0 },
		{ "65536", SUBJECT_UNKNOWN, PROTOCOL_NONE, 0, 0 },
		{ "9-8", SUBJECT_UNKNOWN, PROTOCOL_NONE, 0, 0 },
		{ "443/icmp", SUBJECT_UNKNOWN, PROTOCOL_NONE, 0, 0 },
		{ "", SUBJECT_UNKNOWN, PROTOCOL_NONE, 0, 0 },
		{ "\xff\xfe", SUBJECT_UNKNOWN, PROTOCOL_NONE, 0, 0 },
	};
	struct inventory inventory;
	make_host(&inventory);
	struct context context = plain_context(LANGUAGE_EN);
	struct explain explain = { .context = &context, .inventory = &inventory };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct subject subject;
		explain_resolve(&subject, &explain, cases[i].word);
		if (subject.kind != cases[i].kind || subject.first != cases[i].first ||
		    subject.last != cases[i].last || subject.protocol != cases[i].protocol) {
			fail_msg("%s: kind %d, %u-%u", cases[i].word, subject.kind, subject.first,
				 subject.last);
		}
	}
	inventory_deinit(&inventory);
	assert_string_equal(explain_nearest("redsi"), "redis");
	assert_non_null(explain_number_fault("65536"));
	assert_non_null(explain_number_fault("1-99999999999999999999"));
	assert_non_null(explain_number_fault("9-8"));
	assert_non_null(explain_number_fault("443/icmp"));
	assert_null(explain_number_fault("3com"));
	assert_null(explain_number_fault("9-"));
}

static void without_a_host_the_catalogue_answers(void **state)
{
	(void)state;
	static const char *const words[] = { "22", "8000-8100", "file sharing" };
	struct context context = plain_context(LANGUAGE_EN);
	struct explain explain = { .context = &context };
	speak(LANGUAGE_EN);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct subject subject;
		struct str out = STR_INIT(1 << 20);
		explain_resolve(&subject, &explain, words[i]);
		explain_subject(&out, &explain, &subject);
		assert_true(out.length > 100);
		assert_null(strstr(str_text(&out), "On this host"));
		str_deinit(&out);
	}
}

static void every_entry_fits_the_terminal(void **state)
{
	(void)state;
	size_t count;
	const struct port_knowledge *all = catalog_ports(&count);
	for (int language = LANGUAGE_EN; language <= LANGUAGE_JA; language++) {
		struct context context = plain_context((enum language)language);
		struct explain explain = { .context = &context };
		speak(context.language);
		for (size_t i = 0; i < count; i++) {
			struct subject subject;
			struct str out = STR_INIT(1 << 20);
			explain_resolve(&subject, &explain, all[i].name);
			assert_ptr_equal(subject.knowledge, &all[i]);
			explain_subject(&out, &explain, &subject);
			check_width(&out);
			assert_int_equal(out.error, 0);
			str_deinit(&out);
		}
	}
}

static void whole_tables_have_every_measure(void **state)
{
	(void)state;
	struct context context = plain_context(LANGUAGE_EN);
	struct explain explain = { .context = &context };
	struct str out = STR_INIT(1 << 22);
	speak(LANGUAGE_EN);
	explain_list(&out, &explain, CATALOG_LIST_COMMON);
	check_width(&out);
	static const char *const titles[] = { "80/tcp", "443/tcp", "25/tcp", "110/tcp", "143/tcp",
					      "22/tcp", "21/tcp",  "53/udp", "3389/tcp" };
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
		assert_non_null(strstr(str_text(&out), titles[i]));
	}
	str_clear(&out);
	assert_in_range(explain_search(&out, &explain, "database"), 20, 2000);
	check_width(&out);
	assert_int_equal(explain_search(&out, &explain, "xyzzyplugh"), 0);
	str_deinit(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(screens_are_as_they_were),
		cmocka_unit_test(terms_are_as_they_were),
		cmocka_unit_test(every_term_has_its_figure_with_and_without_a_host),
		cmocka_unit_test(real_translations_are_drawn_and_the_rest_counted),
		cmocka_unit_test(a_service_of_that_name_keeps_its_place),
		cmocka_unit_test(an_address_is_explained_by_policy_and_bans),
		cmocka_unit_test(words_mean_what_people_mean),
		cmocka_unit_test(without_a_host_the_catalogue_answers),
		cmocka_unit_test(every_entry_fits_the_terminal),
		cmocka_unit_test(whole_tables_have_every_measure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
