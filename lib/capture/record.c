/* The form in which notes leave the process that reads the file. */
#include <errno.h>
#include <string.h>

#include "capture/capture.h"

enum record_type { RECORD_NOTE = 1, RECORD_END = 2 };

/* Both sides are the same program on the same machine, so numbers are in its own order. */
struct writer {
	uint8_t *at;
};

struct reader {
	const uint8_t *at;
};

static void put(struct writer *w, const void *bytes, size_t length)
{
	memcpy(w->at, bytes, length);
	w->at += length;
}

static void get(struct reader *r, void *bytes, size_t length)
{
	memcpy(bytes, r->at, length);
	r->at += length;
}

static void put_addr(struct writer *w, const struct addr *address)
{
	put(w, &address->family, 1);
	put(w, address->bytes, sizeof(address->bytes));
}

static bool get_addr(struct reader *r, struct addr *address)
{
	static const uint8_t zero[12];
	get(r, &address->family, 1);
	get(r, address->bytes, sizeof(address->bytes));
	return address->family == ADDR_IPV6 ||
	       (address->family == ADDR_IPV4 && memcmp(address->bytes + 4, zero, 12) == 0);
}

void capture_write_note(uint8_t *out, const struct packet_note *note)
{
	memset(out, 0, CAPTURE_RECORD_BYTES);
	out[0] = RECORD_NOTE;
	struct writer w = { out + 1 };
	put_addr(&w, &note->source);
	put_addr(&w, &note->destination);
	put(&w, &note->time, sizeof(note->time));
	put(&w, &note->source_port, 2);
	put(&w, &note->destination_port, 2);
	put(&w, &note->protocol, 1);
	put(&w, &note->flags, 1);
	put(&w, &note->ttl, 1);
	put(&w, &note->marks, 1);
	put(&w, &note->option_bytes, 1);
	put(&w, &note->window, 2);
	put(&w, &note->ipv4_id, 2);
	put(&w, &note->tcp_sequence, 4);
}

void capture_write_end(uint8_t *out, const struct capture_summary *summary)
{
	memset(out, 0, CAPTURE_RECORD_BYTES);
	out[0] = RECORD_END;
	out[1] = (uint8_t)summary->end;
	struct writer w = { out + 2 };
	put(&w, &summary->link, sizeof(summary->link));
	put(&w, &summary->packets, 8);
	put(&w, &summary->malformed, 8);
	put(&w, &summary->other, 8);
	put(&w, summary->reason, strnlen(summary->reason, sizeof(summary->reason) - 1));
}

static int read_note(struct packet_note *out, const uint8_t *bytes)
{
	struct reader r = { bytes + 1 };
	struct packet_note note = { 0 };
	if (!get_addr(&r, &note.source) || !get_addr(&r, &note.destination)) {
		return -EBADMSG;
	}
	get(&r, &note.time, sizeof(note.time));
	get(&r, &note.source_port, 2);
	get(&r, &note.destination_port, 2);
	get(&r, &note.protocol, 1);
	get(&r, &note.flags, 1);
	get(&r, &note.ttl, 1);
	get(&r, &note.marks, 1);
	get(&r, &note.option_bytes, 1);
	get(&r, &note.window, 2);
	get(&r, &note.ipv4_id, 2);
	get(&r, &note.tcp_sequence, 4);
	if (note.flags > 0x3f || (note.marks & PACKET_DEVICE) != 0 || note.option_bytes > 40 ||
	    note.source.family != note.destination.family) {
		return -EBADMSG;
	}
	*out = note;
	return 1;
}

static int read_end(struct capture_summary *out, const uint8_t *bytes)
{
	struct capture_summary summary = { .end = bytes[1] };
	struct reader r = { bytes + 2 };
	get(&r, &summary.link, sizeof(summary.link));
	get(&r, &summary.packets, 8);
	get(&r, &summary.malformed, 8);
	get(&r, &summary.other, 8);
	get(&r, summary.reason, sizeof(summary.reason));
	if (summary.end < CAPTURE_END_WHOLE || summary.end >= CAPTURE_ENDS ||
	    summary.reason[sizeof(summary.reason) - 1] != '\0') {
		return -EBADMSG;
	}
	*out = summary;
	return 0;
}

int capture_read_record(struct packet_note *note, struct capture_summary *summary,
			const uint8_t *bytes)
{
	switch (bytes[0]) {
	case RECORD_NOTE:
		return read_note(note, bytes);
	case RECORD_END:
		return read_end(summary, bytes);
	default:
		return -EBADMSG;
	}
}
