/* The objects of nft's JSON by their places: rules by chain, elements by set. Pure. */
#include <errno.h>
#include <stdio.h>

#include "observe/nft_walk.h"

/* @return 0 or -ENOMEM. */
static int file_under(json_t *index, const json_t *object, const char *name, const json_t *item)
{
	char key[512];
	(void)snprintf(key, sizeof(key), "%s %s %s", nft_walk_word(object, "family"),
		       nft_walk_word(object, "table"), name);
	json_t *list = json_object_get(index, key);
	if (list == NULL) {
		list = json_array();
		if (json_object_set_new(index, key, list) < 0) {
			return -ENOMEM;
		}
	}
	return item != NULL && json_array_append(list, (json_t *)item) < 0 ? -ENOMEM : 0;
}

static int file_elements(json_t *sets, const json_t *set)
{
	size_t index = 0;
	const json_t *element = NULL;
	int r = file_under(sets, set, nft_walk_word(set, "name"), NULL);
	json_array_foreach(json_object_get(set, "elem"), index, element)
	{
		if (r == 0) {
			r = file_under(sets, set, nft_walk_word(set, "name"), element);
		}
	}
	return r;
}

static int file_object(struct nft_walk *walk, const json_t *object)
{
	const json_t *rule = json_object_get(object, "rule");
	const json_t *set = json_object_get(object, "set");
	set = set == NULL ? json_object_get(object, "map") : set;
	if (rule != NULL) {
		return file_under(walk->chains, rule, nft_walk_word(rule, "chain"), rule);
	}
	return set == NULL ? 0 : file_elements(walk->sets, set);
}

int nft_walk_init(struct nft_walk *walk, const json_t *document)
{
	const json_t *objects = json_object_get(document, "nftables");
	size_t index = 0;
	const json_t *object = NULL;
	walk->chains = json_object();
	walk->sets = json_object();
	int r = walk->chains == NULL || walk->sets == NULL ? -ENOMEM : 0;
	r = r == 0 && !json_is_array(objects) ? -EINVAL : r;
	json_array_foreach(objects, index, object)
	{
		r = r == 0 ? file_object(walk, object) : r;
	}
	return r;
}

void nft_walk_deinit(struct nft_walk *walk)
{
	json_decref(walk->chains);
	json_decref(walk->sets);
	walk->chains = walk->sets = NULL;
}
