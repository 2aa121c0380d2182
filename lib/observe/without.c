/* MINATO_WITHOUT: features to do without. */
#include <string.h>

#include "observe/observe.h"

static const struct {
	const char *word;
	unsigned bit;
} features[] = {
	{ "bpf", OBSERVE_WITHOUT_BPF },           { "btf", OBSERVE_WITHOUT_BTF },
	{ "iterator", OBSERVE_WITHOUT_ITERATOR }, { "pin", OBSERVE_WITHOUT_PIN },
	{ "netns", OBSERVE_WITHOUT_NETNS },       { "nft", OBSERVE_WITHOUT_NFT },
	{ "diag", OBSERVE_WITHOUT_DIAG },         { "proc", OBSERVE_WITHOUT_PROC },
};

static unsigned feature(const char *word, size_t length)
{
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		if (strlen(features[i].word) == length &&
		    memcmp(features[i].word, word, length) == 0) {
			return features[i].bit;
		}
	}
	return 0;
}

unsigned observe_without_parse(const char *list)
{
	unsigned mask = 0;
	while (list != NULL && *list != '\0') {
		size_t length = strcspn(list, ", ");
		mask |= feature(list, length);
		list += length;
		list += strspn(list, ", ");
	}
	return mask;
}
