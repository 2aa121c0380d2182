/* One conversation, for minato-probe. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "measure/measure.h"

struct heard {
	size_t length;
	uint8_t bytes[MEASURE_HEARD_MAX];
};

static void digest(char out[MEASURE_DIGEST_BYTES], const void *bytes, size_t length)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	out[0] = '\0';
	if (EVP_Digest(bytes, length, hash, &size, EVP_sha256(), NULL) == 1) {
		for (unsigned i = 0; i < size && 2 * i + 2 < MEASURE_DIGEST_BYTES; i++) {
			(void)snprintf(out + (size_t)2 * i, 3, "%02x", hash[i]);
		}
	}
}

static void hear(struct measure_talking *talking, struct probe_line *line, struct heard *heard)
{
	const usec_t until = probe_line_now(line) + talking->order->to.answer_time;
	heard->length = 0;
	while (heard->length < MEASURE_HEARD_MAX &&
	       !measure_talk_whole(talking, heard->bytes, heard->length)) {
		const long r = probe_line_read(line, heard->bytes + heard->length,
					       MEASURE_HEARD_MAX - heard->length, until);
		if (r <= 0) {
			break;
		}
		heard->length += (size_t)r;
	}
	measure_talk_heard(talking, heard->bytes, heard->length);
}

static struct probe_line *connect_anew(struct measure_talking *talking, struct probe_line *line,
				       struct probe_tls_context *tls)
{
	struct probe_line *made = NULL;
	probe_line_close(line);
	(void)probe_line_open(&made, &talking->order->to, tls); /* made stays NULL */
	if (made != NULL) {
		probe_line_ends(made, &talking->answer.from, &talking->answer.to);
	}
	measure_talk_connected(talking, made != NULL);
	return made;
}

void measure_run(struct measure_answer *out, const struct measure_order *order,
		 struct probe_tls_context *tls)
{
	struct measure_talking talking;
	struct probe_line *line = NULL;
	_cleanup_(freep) struct heard *heard = malloc(sizeof(*heard));
	measure_talk_begin(&talking, order, digest);
	while (talking.action != MEASURE_END && heard != NULL) {
		if (talking.action == MEASURE_CONNECT) {
			line = connect_anew(&talking, line, tls);
			continue;
		}
		if (talking.action == MEASURE_SAY &&
		    probe_line_write(line, talking.bytes, talking.length,
				     probe_line_now(line) + order->to.answer_time) < 0) {
			break;
		}
		hear(&talking, line, heard);
	}
	probe_line_close(line);
	*out = talking.answer;
}
