/* observe: published ports out of rules of nftables and iptables. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "observe/nft.h"

#define PREROUTING                                                                                 \
	"{\"chain\":{\"family\":\"ip\",\"table\":\"nat\",\"name\":\"PRE\",\"type\":\"nat\","       \
	"\"hook\":\"prerouting\"}},"
#define RULE(chain, statements)                                                                    \
	"{\"rule\":{\"family\":\"ip\",\"table\":\"nat\",\"chain\":\"" chain                        \
	"\",\"expr\":[" statements "]}}"
#define DPORT(protocol) "{\"payload\":{\"protocol\":\"" protocol "\",\"field\":\"dport\"}}"
#define MATCH(op, left, right)                                                                     \
	"{\"match\":{\"op\":\"" op "\",\"left\":" left ",\"right\":" right "}}"
#define DADDR "{\"payload\":{\"protocol\":\"ip\",\"field\":\"daddr\"}}"
#define DNAT(target) "{\"dnat\":" target "}"
#define DOCUMENT(objects) "{\"nftables\":[" objects "]}"

/* One line per published port: "tcp 0.0.0.0:80-80>172.17.0.2:8080 owner;". */
static void say(char *out, size_t room, const struct inventory *inventory)
{
	size_t used = 0;
	out[0] = '\0';
	for (size_t i = 0; i < inventory->published.count; i++) {
		const struct published *one = &inventory->published.items[i];
		char address[ADDR_TEXT_BYTES];
		char target[ADDR_TEXT_BYTES];
		int n = snprintf(out + used, room - used, "%s %s:%u-%u>%s:%u%s%s;",
				 protocol_name(one->protocol), addr_format(&one->address, address),
				 one->first_port, one->last_port, addr_format(&one->target, target),
				 one->target_port, one->owner == NULL ? "" : " ",
				 one->owner == NULL ? "" : one->owner);
		used += (size_t)n;
	}
}

static void expect(json_t *document, const char *expected, struct nft_notes *notes)
{
	struct inventory inventory;
	char said[2048];
	inventory_init(&inventory, 0);
	assert_non_null(document);
	assert_int_equal(nft_published(&inventory, 0, document, notes), 0);
	nft_unify(&inventory);
	say(said, sizeof(said), &inventory);
	assert_string_equal(said, expected);
	inventory_deinit(&inventory);
	json_decref(document);
}

static void rules_of_nft_become_published_ports(void **state)
{
	(void)state;
	static const struct {
		const char *rules, *said;
	} cases[] = {
		{ PREROUTING RULE("PRE", MATCH("==", DPORT("tcp"), "8080") "," DNAT(
						 "{\"addr\":\"172.17.0.2\",\"port\":80}")),
		  "tcp 0.0.0.0:8080-8080>172.17.0.2:80;" },
		/* A chain that no prerouting hook leads to is never met. */
		{ PREROUTING RULE("OTHER", MATCH("==", DPORT("tcp"), "8080") "," DNAT(
						   "{\"addr\":\"172.17.0.2\",\"port\":80}")),
		  "" },
		/* The jump's conditions hold for what it leads to. */
		{ PREROUTING RULE("PRE", MATCH("==", DADDR, "\"192.0.2.1\"") "," MATCH(
						 "==", DPORT("udp"),
						 "53") ","
						       "{\"jump\":{\"target\":\"DOCKER\"}"
						       "}") "," RULE("DOCKER", DNAT("{\"addr\":"
										    "\"10.0.0."
										    "1\"}")),
		  "udp 192.0.2.1:53-53>10.0.0.1:53 docker;" },
		{ PREROUTING RULE(
			  "PRE",
			  MATCH("==", DPORT("tcp"), "{\"set\":[81,{\"range\":[90,95]}]}") "," DNAT(
				  "{\"addr\":\"10.0.0.6\"}")),
		  "tcp 0.0.0.0:81-81>10.0.0.6:81;tcp 0.0.0.0:90-95>10.0.0.6:90;" },
		{ PREROUTING RULE("PRE",
				  MATCH("==", DPORT("tcp"), "2222") ","
								    "{\"redirect\":{\"port\":22}}"),
		  "tcp 0.0.0.0:2222-2222>:22;" },
		{ PREROUTING RULE("PRE", MATCH("==", DPORT("tcp"), "55") ",{\"redirect\":null}"),
		  "tcp 0.0.0.0:55-55>:55;" },
		/* Maps: port to address, port to address and port, protocol and port to a chain. */
		{ PREROUTING RULE("PRE",
				  DNAT("{\"addr\":{\"map\":{\"key\":" DPORT(
					  "tcp") ",\"data\":{\"set\":[[7000,\"10.1.1.1\"]]}}}}")),
		  "tcp 0.0.0.0:7000-7000>10.1.1.1:7000;" },
		{ PREROUTING
		  "{\"map\":{\"family\":\"ip\",\"table\":\"nat\",\"name\":\"m\",\"elem\":"
		  "[[{\"elem\":{\"val\":7300,\"comment\":\"x\"}},{\"concat\":[\"10.9.9.9\",81]}]]}}"
		  "," RULE("PRE",
			   DNAT("{\"addr\":{\"map\":{\"key\":" DPORT("tcp") ",\"data\":\"@m\"}}}")),
		  "tcp 0.0.0.0:7300-7300>10.9.9.9:81;" },
		{ PREROUTING RULE(
			  "PRE",
			  "{\"vmap\":{\"key\":{\"concat\":[{\"meta\":{\"key\":"
			  "\"l4proto\"}}," DPORT(
				  "th") "]},\"data\":{\"set\":["
					"[{\"concat\":[\"udp\",99]},{\"goto\":{\"target\":\"c\"}}]"
					"]}}}") "," RULE("c", DNAT("{\"addr\":\"10.0.0.9\"}")),
		  "udp 0.0.0.0:99-99>10.0.0.9:99;" },
		/* Exceptions leave the rest, of the same transport. */
		{ PREROUTING RULE("PRE", MATCH("!=", DPORT("tcp"), "60") "," DNAT(
						 "{\"addr\":\"10.0.0.9\",\"port\":54}")),
		  "tcp 0.0.0.0:1-65535>10.0.0.9:54;" },
		{ PREROUTING RULE("PRE", MATCH("==", "{\"meta\":{\"key\":\"l4proto\"}}",
					       "\"icmp\"") "," DNAT("{\"addr\":\"10.0.0.9\"}")),
		  "" },
		/* A loop ends. */
		{ PREROUTING RULE("PRE", "{\"jump\":{\"target\":\"PRE\"}}"), "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nft_notes notes = { 0 };
		char text[4096];
		(void)snprintf(text, sizeof(text), DOCUMENT("%s"), cases[i].rules);
		expect(json_loads(text, 0, NULL), cases[i].said, &notes);
		assert_false(notes.compat);
	}
}

static void rules_that_nft_cannot_print_are_noted(void **state)
{
	(void)state;
	struct nft_notes notes = { 0 };
	expect(json_loads(DOCUMENT(PREROUTING RULE("PRE", "{\"xt\":null}")), 0, NULL), "", &notes);
	assert_true(notes.compat);
}

static void foreign_documents_are_refused(void **state)
{
	(void)state;
	static const char *const texts[] = { "{}", "[]", "{\"nftables\":7}" };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct inventory inventory;
		struct nft_notes notes = { 0 };
		inventory_init(&inventory, 0);
		json_t *document = json_loads(texts[i], 0, NULL);
		assert_true(nft_published(&inventory, 0, document, &notes) < 0);
		json_decref(document);
		inventory_deinit(&inventory);
	}
}

/* Twenty chains that jump twice to the next would be walked a million times. */
static void multiplying_jumps_are_bounded(void **state)
{
	(void)state;
	json_t *objects = json_array();
	json_array_append_new(objects,
			      json_pack("{s{ssssssssss}}", "chain", "family", "ip", "table", "nat",
					"name", "c0", "type", "nat", "hook", "prerouting"));
	for (int i = 0; i < 20; i++) {
		char own[8];
		char next[8];
		(void)snprintf(own, sizeof(own), "c%d", i);
		(void)snprintf(next, sizeof(next), "c%d", i + 1);
		for (int twice = 0; twice < 4; twice++) {
			json_array_append_new(objects,
					      json_pack("{s{sssssss[{s{ss}}]}}", "rule", "family",
							"ip", "table", "nat", "chain", own, "expr",
							"jump", "target", next));
		}
	}
	struct nft_notes notes = { 0 };
	expect(json_pack("{so}", "nftables", objects), "", &notes);
	assert_true(notes.cut);
}

/* Chains that jump to themselves, whose rules and sets are long: each alone is within bounds. */
static void long_rules_count_when_jumps_multiply(void **state)
{
	(void)state;
	json_t *elements = json_array();
	json_t *statements = json_array();
	for (int i = 0; i < 2000; i++) {
		json_array_append_new(elements, json_integer(80));
	}
	for (int i = 0; i < 500; i++) {
		json_array_append_new(statements,
				      json_pack("{s{sssss{s{ssss}}}}", "match", "op", "==", "right",
						"@ports", "left", "payload", "protocol", "tcp",
						"field", "dport"));
	}
	for (int i = 0; i < 2; i++) {
		json_array_append_new(statements, json_pack("{s{ss}}", "jump", "target", "c"));
	}
	struct nft_notes notes = { 0 };
	expect(json_pack("{s[{s{ssssssssss}}{s{ssssssso}}{s{ssssssso}}]}", "nftables", "chain",
			 "family", "ip", "table", "nat", "name", "c", "type", "nat", "hook",
			 "prerouting", "rule", "family", "ip", "table", "nat", "chain", "c", "expr",
			 statements, "set", "family", "ip", "table", "nat", "name", "ports", "elem",
			 elements),
	       "", &notes);
	assert_true(notes.cut);
}

static void rules_of_iptables_become_published_ports(void **state)
{
	(void)state;
	static const struct {
		const char *family, *rules, *said;
	} cases[] = {
		{ "ip",
		  ":PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:DOCKER - [0:0]\n"
		  "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n"
		  "-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER\n"
		  "-A DOCKER -i docker0 -j RETURN\n"
		  "-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination "
		  "172.17.0.2:80\n"
		  "-A DOCKER -d 127.0.0.1/32 ! -i docker0 -p udp -m udp --dport 53 -j DNAT "
		  "--to-destination 172.17.0.3:5353\nCOMMIT\n",
		  "udp 127.0.0.1:53-53>172.17.0.3:5353 docker;"
		  "tcp 0.0.0.0:8080-8080>172.17.0.2:80 docker;" },
		{ "ip6",
		  ":PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 443 -j DNAT "
		  "--to-destination [fd00::2]:8443\n",
		  "tcp :::443-443>fd00::2:8443;" },
		{ "ip",
		  ":PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m multiport --dports "
		  "25,8000:8010 "
		  "-m comment --comment \"say \\\"hi\\\" -p udp\" -j REDIRECT --to-ports 9000\n",
		  "tcp 0.0.0.0:25-25>:9000;tcp 0.0.0.0:8000-8010>:9000;" },
		{ "ip",
		  ":PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp ! --dport 60 -j DNAT "
		  "--to-destination 10.0.0.1\n",
		  "tcp 0.0.0.0:1-65535>10.0.0.1:1;" },
		{ "ip", "-A PREROUTING -p tcp --dport 1 -j DNAT --to-destination 10.0.0.1\n", "" },
		{ "ip", ":PREROUTING ACCEPT\n-A\n-A PREROUTING -p\n\n:\n", "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nft_notes notes = { 0 };
		char text[1024];
		(void)snprintf(text, sizeof(text), "%s", cases[i].rules);
		expect(nft_from_iptables(cases[i].family, text), cases[i].said, &notes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_of_nft_become_published_ports),
		cmocka_unit_test(rules_that_nft_cannot_print_are_noted),
		cmocka_unit_test(foreign_documents_are_refused),
		cmocka_unit_test(multiplying_jumps_are_bounded),
		cmocka_unit_test(long_rules_count_when_jumps_multiply),
		cmocka_unit_test(rules_of_iptables_become_published_ports),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
