/* What tools/make-services compiled from data/services.yaml. Private to lib/identify. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What an entry of the catalogue speaks. */
struct spoken {
	const char *service; /* id */
	uint8_t talk;        /* enum identify_talk */
	bool tls;
};

/* Sorted by id. */
const struct spoken *identify_spoken(size_t *count);

/* A text that tells services apart that all speak HTTP. No text is NULL. */
struct http_mark {
	const char *text; /* ASCII case does not matter */
	bool in_body;     /* else in the header */
	const char *service, *product;
	const char *version; /* what stands before the version; "" = it is not told */
	bool tells_login;    /* 2xx serves without login, 401 and 403 do not */
};

/* The first that is found counts. */
const struct http_mark *identify_http_marks(size_t *count);

/* What is asked for at a port: "/" unless something else tells more. */
const char *identify_http_path(uint16_t port);
