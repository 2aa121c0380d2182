/* SSDP (UPnP Device Architecture 1.3): what kind of device answers. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "discover/discover.h"

size_t discover_ssdp_question(uint8_t out[DISCOVER_QUESTION_BYTES])
{
	static const char question[] = "M-SEARCH * HTTP/1.1\r\n"
				       "HOST: 239.255.255.250:1900\r\n"
				       "MAN: \"ssdp:discover\"\r\n"
				       "MX: 1\r\n"
				       "ST: ssdp:all\r\n\r\n";
	memcpy(out, question, sizeof(question) - 1);
	return sizeof(question) - 1;
}

/* The value of a header; 0 bytes = it is not there. */
static const char *header(size_t *length, const char *text, size_t bytes, const char *name)
{
	const size_t name_length = strlen(name);
	while (bytes > 0) {
		const char *end = memchr(text, '\n', bytes);
		size_t line = end == NULL ? bytes : (size_t)(end - text);
		const size_t all = line + (end != NULL);
		if (line > name_length && text[name_length] == ':' &&
		    strncasecmp(text, name, name_length) == 0) {
			const char *value = text + name_length + 1;
			line -= name_length + 1;
			while (line > 0 && (*value == ' ' || *value == '\t')) {
				value++;
				line--;
			}
			while (line > 0 && (value[line - 1] == '\r' || value[line - 1] == ' ')) {
				line--;
			}
			*length = line;
			return value;
		}
		text += all;
		bytes -= all;
	}
	*length = 0;
	return NULL;
}

static bool is_word(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		const char c = text[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '-' || c == '_')) {
			return false;
		}
	}
	return length > 0;
}

/* "urn:schemas-upnp-org:device:MediaServer:1": the fourth word. */
static const char *kind_of(size_t *length, const char *value, size_t bytes)
{
	for (unsigned colon = 0; colon < 3; colon++) {
		const char *at = memchr(value, ':', bytes);
		if (at == NULL) {
			return NULL;
		}
		bytes -= (size_t)(at + 1 - value);
		value = at + 1;
	}
	const char *end = memchr(value, ':', bytes);
	*length = end == NULL ? bytes : (size_t)(end - value);
	return is_word(value, *length) ? value : NULL;
}

int discover_read_ssdp(const uint8_t *bytes, size_t length, const struct addr *from,
		       discover_tell *tell, void *data)
{
	static const char begins[] = "HTTP/1.1 200";
	const char *text = (const char *)bytes;
	struct discover_record record = { .kind = DISCOVER_SERVICE, .from = *from };
	size_t value_length = 0, kind_length = 0;
	if (length < sizeof(begins) - 1 || memcmp(text, begins, sizeof(begins) - 1) != 0) {
		return 0;
	}
	const char *value = header(&value_length, text, length, "ST");
	if (value == NULL || value_length < 4 || strncasecmp(value, "urn:", 4) != 0) {
		return 0; /* "upnp:rootdevice" and the like come beside those that say more */
	}
	const char *kind = kind_of(&kind_length, value, value_length);
	if (kind == NULL || kind_length + sizeof("upnp ") > sizeof(record.text)) {
		return 0;
	}
	(void)snprintf(record.text, sizeof(record.text), "upnp %.*s", (int)kind_length, kind);
	return tell(&record, data);
}
