/* Generations of rules in the kernel: brought in, tried, confirmed, taken back, swept. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/cleanup.h"
#include "enforce/enforce.h"
#include "enforce/io/nft.h"
#include "enforce/io/objects.h"
#include "enforce/layer.h"
#include "enforce/listing.h"

/* ---- what is ---- */

struct way {
	bool found;
	unsigned generation;
	usec_t left;
};

/* [key, verdict], the key in {"elem": {"val", "expires"}} where it times out. All lead the same
 * way.
 */
static int take_way(void *data, const json_t *element)
{
	struct way *way = data;
	const json_t *key = json_object_get(json_array_get(element, 0), "elem");
	const json_t *target =
		json_object_get(json_object_get(json_array_get(element, 1), "goto"), "target");
	if (!way->found) {
		*way = (struct way){
			.found = true,
			.generation = json_is_string(target)
					      ? listing_generation(json_string_value(target))
					      : 0,
			.left = json_integer_value(json_object_get(key, "expires")) * USEC_PER_SEC,
		};
	}
	return 0;
}

/* The generation that a map leads to, for both families; 0 = to none. */
static int read_map(unsigned *out, usec_t *left, const char *name, struct err *e)
{
	struct way way = { 0 };
	int r = nft_elements("map", name, take_way, &way, e);
	*out = r < 0 ? 0 : way.generation;
	if (left != NULL && r == 0 && way.found) {
		*left = way.left;
	}
	return r;
}

static int read_chain(bool *asks, const char *chain, const char *const maps[2], struct err *e)
{
	int r = objects_chain_asks(chain, maps[0], e);
	if (r == 1) {
		r = objects_chain_asks(chain, maps[1], e);
	}
	*asks = r == 1;
	return r < 0 ? r : 0;
}

/* What goes out needs its chain only where a generation has rules for it. */
static int read_frame(bool *framed, struct err *e)
{
	static const char *const in[2] = { "candidate", "confirmed" };
	static const char *const out[2] = { "candidate-out", "confirmed-out" };
	unsigned limiting[2] = { 0 };
	int r = read_chain(framed, "inbound", in, e);
	for (size_t i = 0; r == 0 && i < 2; i++) {
		r = read_map(&limiting[i], NULL, out[i], e);
	}
	if (r == 0 && *framed && (limiting[0] != 0 || limiting[1] != 0)) {
		r = read_chain(framed, "outbound", out, e);
	}
	if (r == 0 && *framed) {
		r = objects_table_sleeps(e);
		*framed = r == 0;
	}
	return r < 0 ? r : 0;
}

int enforce_status(struct enforce_status *out, struct err *e)
{
	struct enforce_status status = { 0 };
	struct err mine = ERR_INIT;
	int r = read_map(&status.confirmed, NULL, "confirmed", &mine);
	if (r == 0) {
		r = read_map(&status.candidate, &status.candidate_left, "candidate", &mine);
	}
	status.present = r == 0;
	if (r == 0) {
		r = read_frame(&status.framed, &mine);
	}
	if (r < 0 && r != -ENOENT) {
		return err_set(e, r, "%s", err_text(&mine));
	}
	*out = status;
	return 0;
}

/* ---- sweeping ---- */

struct names {
	struct str flush, maps, chains, sets; /* commands */
	struct layers layers;
	unsigned keep[2];
	bool outbound; /* a kept generation has a chain for outbound */
	bool has_outbound;
};

static bool is_kept(const struct names *names, unsigned number)
{
	return layers_need(&names->layers, names->keep[0], number) ||
	       layers_need(&names->layers, names->keep[1], number);
}

static int note_layer(enum object_kind kind, const char *name, void *data)
{
	if (kind == OBJECT_CHAIN) {
		layers_note(data, name);
	}
	return 0;
}

int enforce_layers(unsigned *out, unsigned generation, struct err *e)
{
	struct layers layers = { 0 };
	int r = objects_list(note_layer, &layers, e);
	*out = layers_beneath(&layers, generation);
	return r;
}

static int sort_object(enum object_kind kind, const char *name, void *data)
{
	struct names *names = data;
	const unsigned number = listing_generation(name);
	names->has_outbound = names->has_outbound || strcmp(name, "outbound") == 0;
	names->outbound = names->outbound || (number != 0 && is_kept(names, number) &&
					      strcmp(strchr(name, '-'), "-out") == 0);
	if (number == 0 || is_kept(names, number)) {
		return 0;
	}
	if (kind == OBJECT_CHAIN) {
		(void)str_printf(&names->flush, "flush chain inet minato %s\n", name);
		return str_printf(&names->chains, "delete chain inet minato %s\n", name);
	}
	return kind == OBJECT_MAP ? str_printf(&names->maps, "delete map inet minato %s\n", name)
				  : str_printf(&names->sets, "delete set inet minato %s\n", name);
}

static int delete_all(struct names *names, struct err *e)
{
	struct str commands = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	if (names->flush.length + names->maps.length + names->sets.length > 0 &&
	    names->keep[1] == 0) {
		/* What has timed out holds its chain until the kernel collects it, a second later.
		 */
		(void)str_add(&commands, "flush map inet minato candidate\n"
					 "flush map inet minato candidate-out\n");
	}
	if (names->has_outbound && !names->outbound) {
		(void)str_add(&commands, "flush chain inet minato outbound\n"
					 "delete chain inet minato outbound\n");
	}
	(void)str_add(&commands, str_text(&names->flush));
	(void)str_add(&commands, str_text(&names->maps));
	(void)str_add(&commands, str_text(&names->chains));
	(void)str_add(&commands, str_text(&names->sets));
	int r = commands.error;
	if (r == 0 && commands.length > 0) {
		r = nft_run(NULL, str_text(&commands), NFT_TEXT, e);
		r = r == 0 ? ENFORCE_SWEPT : r;
	}
	str_deinit(&commands);
	return r;
}

int enforce_off(struct err *e)
{
	/* Adding first makes deleting what is not there no error. */
	return nft_run(NULL, "add table inet minato\ndelete table inet minato\n", NFT_TEXT, e);
}

int enforce_sweep(const struct enforce_status *status, struct err *e)
{
	if (status->confirmed == 0 && status->candidate == 0) {
		int r = status->present ? enforce_off(e) : 0;
		return r < 0 || !status->present ? r : ENFORCE_SWEPT;
	}
	struct names names = { .flush = STR_INIT(ENFORCE_TEXT_BYTES_MAX),
			       .maps = STR_INIT(ENFORCE_TEXT_BYTES_MAX),
			       .chains = STR_INIT(ENFORCE_TEXT_BYTES_MAX),
			       .sets = STR_INIT(ENFORCE_TEXT_BYTES_MAX),
			       .keep = { status->confirmed, status->candidate } };
	struct objects objects = { 0 };
	int r = objects_read(&objects, e);
	if (r == 0) {
		/* Which layers there are decides about each object. */
		(void)objects_each(&objects, note_layer, &names.layers); /* never fails */
		r = objects_each(&objects, sort_object, &names);
	}
	objects_deinit(&objects);
	if (r == 0) {
		r = delete_all(&names, e);
	}
	str_deinit(&names.flush);
	str_deinit(&names.maps);
	str_deinit(&names.chains);
	str_deinit(&names.sets);
	return r == -ENOENT ? 0 : r;
}

/* ---- from one to the next ---- */

int enforce_reframe(bool outbound, struct err *e)
{
	struct str commands = STR_INIT(4096);
	enforce_frame(&commands, outbound);
	int r = nft_run(NULL, str_text(&commands), NFT_TEXT, e);
	str_deinit(&commands);
	return r;
}

static void add_way(struct str *out, const char *map, const char *timeout, const char *verdict)
{
	(void)str_printf(out, "add element inet minato %s { ipv4%s : %s, ipv6%s : %s }\n", map,
			 timeout, verdict, timeout, verdict);
}

static void add_ways(struct str *out, const char *map, const char *timeout, unsigned generation,
		     bool outbound)
{
	char verdict[32];
	char map_out[32];
	(void)snprintf(verdict, sizeof(verdict), "goto g%u-in", generation);
	(void)snprintf(map_out, sizeof(map_out), "%s-out", map);
	add_way(out, map, timeout, verdict);
	(void)snprintf(verdict, sizeof(verdict), outbound ? "goto g%u-out" : "accept", generation);
	add_way(out, map_out, timeout, verdict);
}

static void add_confirmation(struct str *out, unsigned generation, bool outbound, bool tried)
{
	/* Deleting what has timed out fails, and with it the whole transaction. */
	(void)str_add(out, tried ? "delete element inet minato candidate { ipv4, ipv6 }\n"
				   "delete element inet minato candidate-out { ipv4, ipv6 }\n"
				 : "flush map inet minato candidate\n"
				   "flush map inet minato candidate-out\n");
	(void)str_add(out, "flush map inet minato confirmed\n"
			   "flush map inet minato confirmed-out\n");
	add_ways(out, "confirmed", "", generation, outbound);
}

int enforce_load(const char *rules, unsigned generation, bool outbound,
		 const struct enforce_status *status, struct err *e)
{
	if (status->confirmed == generation || status->candidate == generation) {
		return err_set(e, EEXIST, "generation %u of the rules is in use", generation);
	}
	struct str commands = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	enforce_frame(&commands, outbound);
	(void)str_add(&commands, rules);
	int r = commands.error != 0 ? commands.error
				    : nft_run(NULL, str_text(&commands), NFT_TEXT, e);
	str_deinit(&commands);
	return r;
}

int enforce_reload(const char *rules, unsigned generation, bool outbound, struct err *e)
{
	struct str commands = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	/* Adding first makes deleting what is not there no error. */
	(void)str_add(&commands, "add table inet minato\ndelete table inet minato\n");
	enforce_frame(&commands, outbound);
	(void)str_add(&commands, rules);
	add_confirmation(&commands, generation, outbound, false);
	int r = commands.error != 0 ? commands.error
				    : nft_run(NULL, str_text(&commands), NFT_TEXT, e);
	str_deinit(&commands);
	return r;
}

void enforce_activation(struct str *out, unsigned generation, bool outbound)
{
	add_confirmation(out, generation, outbound, false);
}

int enforce_try(unsigned generation, bool outbound, unsigned seconds, struct err *e)
{
	struct str commands = STR_INIT(4096);
	char timeout[32];
	(void)snprintf(timeout, sizeof(timeout), " timeout %us", seconds);
	add_ways(&commands, "candidate", timeout, generation, outbound);
	int r = nft_run(NULL, str_text(&commands), NFT_TEXT, e);
	str_deinit(&commands);
	return r;
}

int enforce_confirm(unsigned generation, bool outbound, bool tried, struct err *e)
{
	struct str commands = STR_INIT(4096);
	struct err mine = ERR_INIT;
	add_confirmation(&commands, generation, outbound, tried);
	int r = nft_run(NULL, str_text(&commands), NFT_TEXT, &mine);
	str_deinit(&commands);
	if (r == -ENOENT && tried) {
		return ENFORCE_TOO_LATE;
	}
	return r < 0 ? err_set(e, r, "%s", err_text(&mine)) : 0;
}

int enforce_cancel(struct err *e)
{
	struct err mine = ERR_INIT;
	/* Deleting what has timed out fails, and with it the whole transaction. */
	int r = nft_run(NULL,
			"delete element inet minato candidate { ipv4, ipv6 }\n"
			"delete element inet minato candidate-out { ipv4, ipv6 }\n",
			NFT_TEXT, &mine);
	if (r == -ENOENT) {
		/* Somebody else may have taken one of them away. */
		r = nft_run(NULL,
			    "flush map inet minato candidate\n"
			    "flush map inet minato candidate-out\n",
			    NFT_TEXT, &mine);
		r = r == 0 || r == -ENOENT ? ENFORCE_TOO_LATE : r;
	}
	return r < 0 ? err_set(e, r, "%s", err_text(&mine)) : r;
}

int enforce_listing(struct str *out, unsigned generation, struct err *e)
{
	struct str text = STR_INIT(ENFORCE_TEXT_BYTES_MAX);
	int r = nft_run(&text, "list table inet minato", NFT_TEXT, e);
	if (r == 0) {
		listing_reduce(out, str_text(&text), generation);
		r = out->error;
	}
	str_deinit(&text);
	return r;
}
