/* nft's listing of our table, read for what should stay as it was. */
#include "enforce/listing.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "enforce/enforce.h"
#include "enforce/layer.h"

unsigned listing_generation(const char *name)
{
	char digits[16];
	uint64_t number = 0;
	const char *end = name[0] == 'g' ? strchr(name, '-') : NULL;
	size_t length = end == NULL ? 0 : (size_t)(end - name) - 1;
	if (length == 0 || length >= sizeof(digits)) {
		return 0;
	}
	memcpy(digits, name + 1, length);
	digits[length] = '\0';
	return parse_u64(&number, digits, 1, ENFORCE_GENERATION_MAX) == 0 ? (unsigned)number : 0;
}

/* "\tset NAME {": the name, cut out into `out`. @return false for any other line. */
static bool block_name(char out[256], const char *line, size_t length)
{
	static const char *const kinds[] = { "\tset ", "\tmap ", "\tchain ", "\tcounter " };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t skip = strlen(kinds[i]);
		if (length > skip + 2 && strncmp(line, kinds[i], skip) == 0) {
			size_t name = strcspn(line + skip, " \n");
			name = name < 255 ? name : 255;
			memcpy(out, line + skip, name);
			out[name] = '\0';
			return true;
		}
	}
	return false;
}

static bool switches(const char *name)
{
	return strcmp(name, "candidate") == 0 || strcmp(name, "confirmed") == 0 ||
	       strcmp(name, "candidate-out") == 0 || strcmp(name, "confirmed-out") == 0;
}

static bool line_is(const char *line, const char *words)
{
	return strncmp(line, words, strlen(words)) == 0;
}

/* In which order blocks are told: chains that were put back stand behind all others. */
enum part { PART_FRAME, PART_OUTBOUND, PART_GENERATION, PARTS };

/* The chain that packets enter, and the sets that count. */
static bool is_outbound(const char *name)
{
	return strcmp(name, "outbound") == 0 || strncmp(name, "refused-out-", 12) == 0;
}

static enum part part_of(const char *name)
{
	return listing_generation(name) != 0 ? PART_GENERATION
	       : is_outbound(name)           ? PART_OUTBOUND
					     : PART_FRAME;
}

struct reading {
	struct str *out;
	struct layers layers;
	unsigned generation;
	bool outbound;  /* the generation has rules for what goes out */
	enum part part; /* that is read now */
	bool kept;      /* the present block */
	bool comes;     /* its elements come and go by themselves */
	bool elements;  /* inside of such elements */
};

/* The way out comes and goes with the generations that need it. */
static bool is_wanted(const struct reading *reading, const char *name)
{
	return part_of(name) == reading->part && !switches(name) &&
	       (reading->part != PART_OUTBOUND || reading->outbound) &&
	       (reading->part != PART_GENERATION ||
		layers_need(&reading->layers, reading->generation, listing_generation(name)));
}

static void read_line(struct reading *reading, const char *line, size_t length)
{
	char name[256];
	if (block_name(name, line, length)) {
		reading->kept = is_wanted(reading, name);
		reading->comes = reading->elements = false;
	}
	if (line_is(line, "\t\tflags ")) {
		char flags[64];
		size_t copied = length < sizeof(flags) - 1 ? length : sizeof(flags) - 1;
		memcpy(flags, line, copied);
		flags[copied] = '\0';
		reading->comes = strstr(flags, "timeout") != NULL;
	}
	if (reading->comes && line_is(line, "\t\telements = ")) {
		reading->elements = true;
	}
	if (reading->kept && !reading->elements && line[0] == '\t') {
		(void)str_add_bytes(reading->out, line, length); /* kept in out->error */
	}
	if (reading->elements && memchr(line, '}', length) != NULL) {
		reading->elements = false;
	}
}

static const char *next_line(const char *text, size_t *length)
{
	const char *newline = strchr(text, '\n');
	*length = newline == NULL ? strlen(text) : (size_t)(newline - text) + 1;
	return text + *length;
}

static void read_all(struct reading *reading, const char *text)
{
	size_t length = 0;
	reading->kept = reading->part == PART_FRAME; /* what the table says of itself */
	reading->comes = reading->elements = false;
	for (const char *line = text, *next; *line != '\0'; line = next) {
		next = next_line(line, &length);
		read_line(reading, line, length);
	}
}

void listing_reduce(struct str *out, const char *text, unsigned generation)
{
	struct reading reading = { .out = out, .generation = generation };
	size_t length = 0;
	char name[256];
	char way_out[32];
	(void)snprintf(way_out, sizeof(way_out), "g%u-out", generation);
	for (const char *line = text, *next; *line != '\0'; line = next) {
		next = next_line(line, &length);
		if (block_name(name, line, length)) {
			layers_note(&reading.layers, name);
			reading.outbound = reading.outbound || strcmp(name, way_out) == 0;
		}
	}
	for (reading.part = 0; reading.part < PARTS; reading.part++) {
		read_all(&reading, text);
	}
}

void listing_own(struct str *out, const char *text, unsigned generation)
{
	struct reading reading = { .out = out, .generation = generation, .part = PART_GENERATION };
	read_all(&reading, text);
}

/* Where the chains of generations begin: nft lists sets and maps before them. */
static size_t chains_at(const char *text)
{
	size_t length = 0;
	char name[256];
	const char *line = text;
	while (*line != '\0' &&
	       !(line_is(line, "\tchain ") && block_name(name, line, strcspn(line, "\n") + 1) &&
		 listing_generation(name) != 0)) {
		line = next_line(line, &length);
	}
	return (size_t)(line - text);
}

void listing_lay(struct str *out, const char *beneath, const char *layer)
{
	const size_t base = chains_at(beneath);
	const size_t upper = chains_at(layer);
	(void)str_add_bytes(out, beneath, base); /* kept in out->error */
	(void)str_add_bytes(out, layer, upper);
	(void)str_add(out, beneath + base);
	(void)str_add(out, layer + upper);
}
