/*
 * Weeks of watching in a moment: writes the state of a daemon that has watched for so long.
 *
 * anomaly-probe FILE DAYS PORT/PROGRAM...    as learned in the daemon's own namespace
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "anomaly/anomaly.h"
#include "base/parse.h"

enum { STEP_MINUTES = 5 };

static void tell(struct anomaly_model *model, const char *word)
{
	char port[8] = "";
	const char *slash = strchr(word, '/');
	uint64_t number = 0;
	if (slash == NULL || (size_t)(slash - word) >= sizeof(port)) {
		exit(EXIT_FAILURE);
	}
	memcpy(port, word, (size_t)(slash - word));
	if (parse_u64(&number, port, 1, UINT16_MAX) < 0) {
		exit(EXIT_FAILURE);
	}
	const struct anomaly_listener listener = {
		.at = { .protocol = PROTOCOL_TCP, .port = (uint16_t)number },
		.address = { ADDR_IPV4, { 0 } },
		.program = slash + 1,
		.backlog = 128,
	};
	anomaly_listener(model, &listener);
}

static int save(const struct anomaly_model *model, const char *path)
{
	struct str bytes = STR_INIT(ANOMALY_FILE_BYTES_MAX);
	FILE *file = anomaly_save(model, &bytes) == 0 ? fopen(path, "wbe") : NULL;
	const bool written =
		file != NULL && fwrite(bytes.text, 1, bytes.length, file) == bytes.length;
	const bool closed = file != NULL && fclose(file) == 0;
	str_deinit(&bytes);
	return written && closed ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct anomaly_model *model = NULL;
	const uint64_t secret[2] = { 1, 2 };
	uint64_t days = 0;
	if (argc < 3 || parse_u64(&days, argv[2], 0, 1000) < 0 || anomaly_new(&model, secret) < 0) {
		return EXIT_FAILURE;
	}
	const usec_t now = (usec_t)time(NULL) * USEC_PER_SEC;
	for (int64_t minute = -(int64_t)days * 1440; minute <= 0; minute += STEP_MINUTES) {
		const struct anomaly_clock clock = {
			.wall = now + minute * USEC_PER_MIN,
			.monotonic = ((int64_t)days * 1440 + minute + 1) * USEC_PER_MIN,
		};
		for (int i = 3; i < argc; i++) {
			tell(model, argv[i]);
		}
		anomaly_tick(model, &clock, true);
	}
	const int code = save(model, argv[1]);
	(void)anomaly_free(model);
	return code;
}
