/* What the kernel tells of changes of rules, as packets of nfnetlink. */
#include <assert.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "enforce/enforce.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	/* The kernel's messages are aligned to four bytes and padded, and so are our buffers. */
	_cleanup_(freep) char *buffer = calloc(1, MNL_ALIGN(length) + MNL_ALIGNTO);
	struct enforce_news news = { 0 };
	assert(buffer != NULL);
	memcpy(buffer, bytes, length);
	enforce_news_read(&news, buffer, length);
	assert(memchr(news.name, '\0', sizeof(news.name)) != NULL);
	assert(news.pid >= 0 && !news.missed);
	assert(!news.foreign || news.touched);
	return 0;
}
