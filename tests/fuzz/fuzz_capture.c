/*
 * Packets, and what the detector makes of them. The first byte chooses the link type, or records of
 * the reading process; then packets follow: two bytes of length, one of time, the packet.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "capture/capture.h"
#include "detect/detect.h"
#include "fuzz.h"

static void take_record(const uint8_t *bytes, size_t length)
{
	uint8_t record[CAPTURE_RECORD_BYTES] = { 0 };
	struct packet_note note;
	struct capture_summary summary;
	memcpy(record, bytes, length < sizeof(record) ? length : sizeof(record));
	const int r = capture_read_record(&note, &summary, record);
	assert(r == 0 || r == 1 || r == -EBADMSG);
	if (r == 1) {
		uint8_t again[CAPTURE_RECORD_BYTES];
		struct packet_note same;
		capture_write_note(again, &note);
		assert(capture_read_record(&same, &summary, again) == 1);
		assert(same.destination_port == note.destination_port && same.time == note.time);
	}
}

static struct detect *detector(void)
{
	struct detect *detect = NULL;
	struct detect_parameters parameters = detect_defaults();
	parameters.sources_max = 64;
	parameters.incidents_max = 4;
	parameters.hosts[0] = (struct prefix){ .address.family = ADDR_IPV4 };
	parameters.hosts[1] = (struct prefix){ .address.family = ADDR_IPV6 };
	parameters.host_count = 2;
	assert(detect_new(&detect, &parameters, NULL) == 0);
	return detect;
}

static void drain(struct detect *detect)
{
	struct detect_incident incident;
	while (detect_next(detect, &incident) != 0) {
		assert(incident.id != 0 && incident.shape < DETECT_SHAPES);
		assert(incident.probe < DETECT_PROBES && incident.tool < DETECT_TOOLS);
		assert(incident.port_count <= 65536 &&
		       incident.answer_count <= incident.port_count);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const int links[] = { 1, 101, 0, 108, 113, 276, 228, 229, 12, 105 };
	static struct detect *detect; /* one for all: taking its memory costs more than a packet */
	static usec_t time;
	if (length == 0) {
		return 0;
	}
	if (bytes[0] >= sizeof(links) / sizeof(links[0])) {
		take_record(bytes + 1, length - 1);
		return 0;
	}
	if (detect == NULL) {
		detect = detector();
	}
	const int link = links[bytes[0]];
	struct capture_fragments fragments = { 0 };
	for (size_t at = 1; at + 3 <= length;) {
		const size_t rest = length - at - 3;
		size_t size = (size_t)(bytes[at] << 8 | bytes[at + 1]);
		size = size < rest ? size : rest;
		time += (usec_t)1 << bytes[at + 2] % 40;
		struct packet_note note;
		const int r = capture_decode(&note, &fragments, bytes + at + 3, size, link,
					     bytes[at + 2] > 200 ? -time : time);
		assert(r >= CAPTURE_NOTE || r == -EPROTONOSUPPORT);
		if (r == CAPTURE_NOTE) {
			assert(note.option_bytes <= 40 && note.flags <= 0x3f);
			detect_note(detect, &note);
			drain(detect);
		}
		at += 3 + size;
	}
	return 0;
}
