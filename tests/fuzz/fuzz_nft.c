/* Rules of a packet filter: what nft prints when it begins with a brace, else iptables-save. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "fuzz.h"
#include "observe/nft.h"
#include "observe/observe.h"

enum { PUBLISHED_MAX = 16 * 1024 };

static json_t *document_of(const uint8_t *bytes, size_t length)
{
	if (length > 0 && bytes[0] == '{') {
		return json_loadb((const char *)bytes, length, 0, NULL);
	}
	_cleanup_(freep) char *text = malloc(length + 1);
	assert(text != NULL);
	memcpy(text, bytes, length);
	text[length] = '\0';
	json_t *document = nft_from_iptables(length % 2 == 0 ? "ip" : "ip6", text);
	assert(document != NULL);
	return document;
}

static void look_at(const struct published *published)
{
	char text[ADDR_TEXT_BYTES];
	assert(protocol_name(published->protocol) != NULL);
	assert(published->first_port <= published->last_port);
	assert(strlen(addr_format(&published->address, text)) > 0);
	assert(strlen(addr_format(&published->target, text)) < sizeof(text));
	assert(strchr(published->table, ' ') != NULL && published->chain != NULL);
	assert(published->netns == 7);
}

static void read_foreign(const uint8_t *bytes, size_t length)
{
	struct foreign_rules rules;
	foreign_rules_init(&rules);
	(void)observe_foreign_rules(&rules, (const char *)bytes, length); /* what is there holds */
	assert(rules.list.count <= FOREIGN_RULES_MAX);
	for (size_t i = 0; i < rules.list.count; i++) {
		const struct foreign_rule *rule = &rules.list.items[i];
		assert(rule->first_port <= rule->last_port && rule->rule >= FOREIGN_POLICY);
		assert(rule->protocol == PROTOCOL_NONE || protocol_name(rule->protocol) != NULL);
	}
	foreign_rules_deinit(&rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct inventory inventory;
	struct nft_notes notes = { 0 };
	inventory_init(&inventory, 0);
	json_auto_t *document = document_of(bytes, length);
	int r = nft_published(&inventory, 7, document, &notes);
	assert(r == 0 || (r == -EINVAL && inventory.published.count == 0));
	assert(inventory.published.count <= PUBLISHED_MAX);
	for (size_t i = 0; i < inventory.published.count; i++) {
		look_at(&inventory.published.items[i]);
	}
	nft_unify(&inventory);
	const size_t different = inventory.published.count;
	nft_unify(&inventory);
	assert(inventory.published.count == different);
	inventory_deinit(&inventory);
	read_foreign(bytes, length);
	return 0;
}
