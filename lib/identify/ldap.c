/*
 * LDAP without a bind (RFC 4511 4.5.1): the root DSE (RFC 4512 5.1), then whether the first naming
 * context is shown to who has not logged in.
 */
#include <string.h>

#include "identify/parts.h"

enum {
	TAG_SEQUENCE = 0x30,
	TAG_ENTRY = 0x64,
	TAG_DONE = 0x65,
	CODE_SUCCESS = 0,
	CODE_STRONGER_AUTH = 8,
	CODE_NO_SUCH_OBJECT = 32,
	CODE_INAPPROPRIATE = 48,
	CODE_INSUFFICIENT = 50,
	CODE_OPERATIONS_ERROR = 1, /* Active Directory: "a successful bind must be completed" */
};

static size_t put_text(uint8_t *out, uint8_t tag, const char *text, size_t length)
{
	out[0] = tag;
	out[1] = (uint8_t)length;
	memcpy(out + 2, text, length);
	return length + 2;
}

/* A search of one object. @param base  at most 80 bytes, so that every length is one byte. */
static size_t put_search(uint8_t *out, uint8_t id, const char *base, size_t length,
			 const char *const *attributes)
{
	static const uint8_t options[] = { 0x0a, 1, 0, 0x0a, 1, 0, 2, 1, 1, 2, 1, 5, 1, 1, 0 };
	static const char filter[] = "objectClass";
	uint8_t list[120], body[200];
	size_t listed = 0, used = 0;
	for (; *attributes != NULL; attributes++) {
		listed += put_text(list + listed, 4, *attributes, strlen(*attributes));
	}
	used += put_text(body + used, 4, base, length);
	memcpy(body + used, options, sizeof(options));
	used += sizeof(options);
	used += put_text(body + used, 0x87, filter, sizeof(filter) - 1);
	used += put_text(body + used, TAG_SEQUENCE, (const char *)list, listed);
	const uint8_t head[] = { TAG_SEQUENCE, 0x81, (uint8_t)(used + 6), 2, 1, id,
				 0x63,         0x81, (uint8_t)used };
	memcpy(out, head, sizeof(head));
	memcpy(out + sizeof(head), body, used);
	return sizeof(head) + used;
}

size_t say_ldap(uint8_t *out, const struct asking *to)
{
	static const char *const root[] = { "namingContexts", "vendorName", "vendorVersion",
					    "supportedExtension", NULL };
	static const char *const nothing[] = { "1.1", NULL }; /* RFC 4511 4.5.1.8 */
	switch (to->stage) {
	case 0:
		return put_search(out, 1, "", 0, root);
	case 1:
		return to->note_length == 0
			       ? 0
			       : put_search(out, 2, to->note, to->note_length, nothing);
	default:
		return 0;
	}
}

/* One message: what it is, and its inside. @return its bytes; 0 = it is not complete, or none. */
static size_t message(const uint8_t *bytes, size_t length, uint8_t *tag, const uint8_t **inside,
		      size_t *inside_length)
{
	size_t at = 2, size = 0;
	if (length < 7 || bytes[0] != TAG_SEQUENCE) {
		return 0;
	}
	size = bytes[1];
	if (size > 0x80) {
		const size_t count = size - 0x80;
		if (count > 4 || length < 2 + count) {
			return 0;
		}
		for (size = 0; at < 2 + count; at++) {
			size = size << 8 | bytes[at];
		}
	}
	if (size > length - at || size < 5 || bytes[at] != 2 || bytes[at + 1] != 1) {
		return 0;
	}
	*tag = bytes[at + 3];
	*inside = bytes + at + 4;
	*inside_length = size - 4;
	return at + size;
}

/* The first value of an attribute: its name, then a set (0x31) of texts. */
static size_t value_of(const uint8_t **out, const struct hearing *heard, const char *name)
{
	const uint8_t *at = memmem(heard->bytes, heard->length, name, strlen(name));
	const uint8_t *end = heard->bytes + heard->length;
	if (at == NULL) {
		return 0;
	}
	at += strlen(name);
	for (unsigned level = 0; level < 2; level++) { /* the set, then the text */
		if (end - at < 2 || *at != (level == 0 ? 0x31 : 0x04)) {
			return 0;
		}
		const uint8_t size = at[1];
		at += 2;
		if (level == 1) {
			*out = at;
			return size < 0x80 && size <= end - at ? size : 0;
		}
		at += size > 0x80 && size <= 0x84 && end - at > size - 0x80 ? size - 0x80 : 0;
	}
	return 0;
}

static void take_root(struct identity *identity, const struct hearing *heard)
{
	const uint8_t *value = NULL;
	size_t length = value_of(&value, heard, "vendorName");
	if (length > 0) {
		take_product(identity, value, length);
	}
	length = value_of(&value, heard, "vendorVersion");
	if (length > 0) {
		take_version(identity, value, length);
	}
	/* RFC 4511 4.14. */
	identity->starttls = (uint8_t)told(has_text(heard, "1.3.6.1.4.1.1466.20037"));
	length = value_of(&value, heard, "namingContexts");
	if (length > 0 && length <= 80) {
		take_text(identity->detail, sizeof(identity->detail), value, length);
	}
}

static enum reading read_base(struct identity *identity, uint8_t tag, uint8_t code)
{
	if (tag == TAG_ENTRY) {
		identity->without_login = IDENTIFY_TOLD_YES;
	} else if (code == CODE_NO_SUCH_OBJECT || code == CODE_INSUFFICIENT ||
		   code == CODE_INAPPROPRIATE || code == CODE_STRONGER_AUTH ||
		   code == CODE_OPERATIONS_ERROR) {
		identity->without_login = IDENTIFY_TOLD_NO;
	}
	return READING_NAMED;
}

enum reading read_ldap(struct identity *identity, const struct hearing *heard)
{
	uint8_t tag = 0;
	const uint8_t *inside = NULL;
	size_t size = 0;
	if (heard->asked != IDENTIFY_TALK_LDAP || heard->length == 0 ||
	    heard->bytes[0] != TAG_SEQUENCE) {
		return READING_OTHER;
	}
	const size_t first = message(heard->bytes, heard->length, &tag, &inside, &size);
	if (first == 0) {
		return READING_MORE;
	}
	/* The code is an enumeration of one byte behind a length of one to three. */
	const uint8_t *code = tag == TAG_DONE ? memmem(inside, size, "\x0a\x01", 2) : NULL;
	const uint8_t result = code != NULL && code + 2 < inside + size ? code[2] : 0xff;
	if (tag != TAG_ENTRY && tag != TAG_DONE) {
		return READING_OTHER;
	}
	if (heard->stage > 0) {
		return read_base(identity, tag, result);
	}
	if (tag == TAG_DONE) {
		if (result == CODE_INAPPROPRIATE || result == CODE_STRONGER_AUTH) {
			identity->without_login = IDENTIFY_TOLD_NO;
		}
		return READING_NAMED;
	}
	if (memchr(heard->bytes + first, TAG_DONE, heard->length - first) == NULL &&
	    !heard->whole) {
		return READING_MORE;
	}
	take_root(identity, heard);
	return identity->detail[0] == '\0' ? READING_NAMED : READING_ASK;
}
