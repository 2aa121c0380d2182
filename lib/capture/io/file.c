/* The child that reads a capture file, and the parent that reads the child. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io/file.h"
#include "base/str.h"
#include "capture/capture.h"
#include "sandbox/sandbox.h"

#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED true
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED false
#endif

enum {
	INPUT = 3, /* the child's descriptors: the file, the end of the pipe */
	OUTPUT = 4,
	BATCH = 256, /* records in one write or read */
	MEMORY_MAX = 512 << 20,
};

struct capture {
	int input;
	pid_t child;
	size_t at, filled; /* bytes of `buffer` that were read, that are there */
	struct capture_summary summary;
	uint8_t buffer[BATCH * CAPTURE_RECORD_BYTES];
};

/* Loaded when it is needed: libpcap brings D-Bus and others along, which no other command wants. */
struct pcap_library {
	pcap_t *(*fopen_offline)(FILE *, char *);
	int (*datalink)(pcap_t *);
	int (*next_ex)(pcap_t *, struct pcap_pkthdr **, const u_char **);
	char *(*geterr)(pcap_t *);
};

static bool load(struct pcap_library *library)
{
	void *handle = dlopen("libpcap.so.0.8", RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL) {
		return false;
	}
	const struct {
		const char *name;
		void *place;
	} symbols[] = {
		{ "pcap_fopen_offline", &library->fopen_offline },
		{ "pcap_datalink", &library->datalink },
		{ "pcap_next_ex", &library->next_ex },
		{ "pcap_geterr", &library->geterr },
	};
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *symbol = dlsym(handle, symbols[i].name);
		if (symbol == NULL) {
			return false;
		}
		memcpy(symbols[i].place, &symbol, sizeof(symbol));
	}
	return true;
}

/* ---- the child: without rights ---- */

/* A hostile pcapng can have libpcap remember as many interfaces as it likes. */
static int limit_memory(void)
{
	const struct rlimit memory = { MEMORY_MAX, MEMORY_MAX };
	/* The shadow of the address sanitizer is larger than any limit. */
	if (IS_SANITIZED) {
		return 0;
	}
	return setrlimit(RLIMIT_DATA, &memory) < 0 ? -errno : 0;
}

static int give_rights_away(void)
{
	int r = limit_memory();
	if (r == 0) {
		r = sandbox_nobody(NULL);
	}
	if (r == 0) {
		r = sandbox_no_files(NULL);
		r = r == -EOPNOTSUPP ? 0 : r;
	}
	return r == 0 ? sandbox_syscalls(SANDBOX_READER, NULL) : r;
}

/* ---- the child: reading ---- */

struct output {
	size_t count;
	uint8_t bytes[BATCH * CAPTURE_RECORD_BYTES];
};

static int flush(struct output *out)
{
	const size_t length = out->count * CAPTURE_RECORD_BYTES;
	out->count = 0;
	return length == 0 ? 0 : write_all(OUTPUT, out->bytes, length);
}

static uint8_t *next_record(struct output *out, int *error)
{
	if (out->count == BATCH) {
		*error = flush(out);
	}
	return out->bytes + out->count++ * CAPTURE_RECORD_BYTES;
}

static usec_t time_of(const struct pcap_pkthdr *header)
{
	/* Any 64 bits may stand in a hostile file: those beyond the year 9999 are 0. */
	const int64_t last_second = 253402300799;
	if (header->ts.tv_sec < 0 || header->ts.tv_sec > last_second || header->ts.tv_usec < 0 ||
	    header->ts.tv_usec >= USEC_PER_SEC) {
		return 0;
	}
	return header->ts.tv_sec * USEC_PER_SEC + header->ts.tv_usec;
}

static int read_packets(struct capture_summary *summary, struct output *out,
			const struct pcap_library *library, pcap_t *pcap)
{
	static struct capture_fragments fragments;
	struct pcap_pkthdr *header = NULL;
	const u_char *bytes = NULL;
	int error = 0;
	int r = 0;
	while (error == 0 && (r = library->next_ex(pcap, &header, &bytes)) == 1) {
		struct packet_note note;
		const int outcome = capture_decode(&note, &fragments, bytes, header->caplen,
						   summary->link, time_of(header));
		summary->packets++;
		summary->malformed += outcome == CAPTURE_MALFORMED;
		summary->other += outcome == CAPTURE_OTHER;
		if (outcome == CAPTURE_NOTE) {
			capture_write_note(next_record(out, &error), &note);
		}
	}
	summary->end = r == PCAP_ERROR_BREAK ? CAPTURE_END_WHOLE : CAPTURE_END_TRUNCATED;
	if (r == PCAP_ERROR) {
		(void)str_copy(summary->reason, sizeof(summary->reason), library->geterr(pcap));
	}
	return error;
}

static int read_file(struct capture_summary *summary, struct output *out,
		     const struct pcap_library *library)
{
	char reason[PCAP_ERRBUF_SIZE] = "";
	FILE *file = fdopen(INPUT, "rb");
	pcap_t *pcap = file == NULL ? NULL : library->fopen_offline(file, reason);
	if (pcap == NULL) {
		summary->end = CAPTURE_END_NO_CAPTURE;
		(void)str_copy(summary->reason, sizeof(summary->reason), reason);
		return 0;
	}
	summary->link = library->datalink(pcap);
	if (!capture_link_known(summary->link)) {
		summary->end = CAPTURE_END_LINK;
		return 0;
	}
	return read_packets(summary, out, library, pcap);
}

static _Noreturn void be_child(int input, int output)
{
	static struct output out;
	static struct capture_summary summary; /* both zeroed, and too large for a stack */
	struct pcap_library library;
	int kept[] = { input, output };
	const bool loaded = load(&library); /* while files can still be opened */
	int r = sandbox_keep_descriptors(kept, 2);
	summary.end = loaded ? CAPTURE_END_RIGHTS : CAPTURE_END_LIBRARY;
	if (r == 0 && loaded && give_rights_away() == 0) {
		r = read_file(&summary, &out, &library);
	}
	if (r == 0) {
		capture_write_end(next_record(&out, &r), &summary);
		r = r == 0 ? flush(&out) : r;
	}
	_exit(r == 0 ? 0 : 1);
}

/* ---- the parent ---- */

int capture_open(struct capture **out, int fd, struct err *e)
{
	int ends[2];
	struct capture *capture = calloc(1, sizeof(*capture));
	if (capture == NULL || pipe2(ends, O_CLOEXEC) < 0) {
		const int error = errno;
		free(capture);
		return err_system(e, error, "cannot start reading");
	}
	capture->child = fork();
	if (capture->child == 0) {
		be_child(fd, ends[1]);
	}
	const int error = errno;
	(void)close(ends[1]); /* the child has it */
	capture->input = ends[0];
	if (capture->child < 0) {
		(void)close(ends[0]); /* nothing was written */
		free(capture);
		return err_system(e, error, "cannot start reading");
	}
	*out = capture;
	return 0;
}

/* @return 1 a record is at `at`; 0 the other side is gone; negative errno. */
static int fill(struct capture *capture)
{
	while (capture->filled - capture->at < CAPTURE_RECORD_BYTES) {
		memmove(capture->buffer, capture->buffer + capture->at,
			capture->filled - capture->at);
		capture->filled -= capture->at;
		capture->at = 0;
		const ssize_t n = read(capture->input, capture->buffer + capture->filled,
				       sizeof(capture->buffer) - capture->filled);
		if (n < 0 && errno != EINTR) {
			return -errno;
		}
		if (n == 0) {
			return 0;
		}
		capture->filled += n > 0 ? (size_t)n : 0;
	}
	return 1;
}

int capture_next(struct capture *capture, struct packet_note *out)
{
	if (capture->summary.end != 0) {
		return 0;
	}
	int r = fill(capture);
	if (r == 0) {
		capture->summary.end = CAPTURE_END_DIED;
	}
	if (r <= 0) {
		return r;
	}
	r = capture_read_record(out, &capture->summary, capture->buffer + capture->at);
	capture->at += CAPTURE_RECORD_BYTES;
	return r;
}

const struct capture_summary *capture_summary(const struct capture *capture)
{
	return &capture->summary;
}

void capture_free(struct capture *capture)
{
	if (capture == NULL) {
		return;
	}
	(void)close(capture->input);         /* reading side: nothing left to lose */
	(void)kill(capture->child, SIGKILL); /* it may have ended by itself */
	while (waitpid(capture->child, NULL, 0) < 0 && errno == EINTR) {
	}
	free(capture);
}
