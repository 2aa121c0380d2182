/* Files and desktops of Windows, and of who speaks like it. */
#include <stdio.h>
#include <string.h>

#include "identify/parts.h"

/* ---- SMB ---- */

/* MS-SMB2 2.2.3: 2.0.2 to 3.0.2; 3.1.1 would need contexts, and is told below. */
static const uint16_t dialects[] = { 0x0202, 0x0210, 0x0300, 0x0302, 0x0311 };

static size_t put_smb2(uint8_t *out)
{
	enum { HEADER = 64, BODY = 36, CONTEXT = 8 + 38 + 2 };
	uint8_t *body = out + 4 + HEADER;
	const size_t count = sizeof(dialects) / sizeof(dialects[0]);
	const size_t context = (HEADER + BODY + 2 * count + 7) / 8 * 8;
	const size_t total = context + CONTEXT;
	memset(out, 0, 4 + total);
	out[3] = (uint8_t)total;
	memcpy(out + 4, "\xfeSMB\x40", 5);
	body[0] = 36;
	body[2] = (uint8_t)count;
	body[4] = 1; /* signing enabled */
	memcpy(body + 12, "minato-identify0", 16);
	body[28] = (uint8_t)context;
	body[32] = 1;
	for (size_t i = 0; i < count; i++) {
		body[BODY + 2 * i] = (uint8_t)(dialects[i] & 0xff);
		body[BODY + 2 * i + 1] = (uint8_t)(dialects[i] >> 8);
	}
	/* 2.2.3.1.1: preauthentication integrity, SHA-512, 32 bytes of salt (zeros). */
	uint8_t *integrity = out + 4 + context;
	integrity[0] = 1;
	integrity[2] = 38;
	integrity[8] = 1;
	integrity[10] = 32;
	integrity[12] = 1;
	return 4 + total;
}

/* MS-CIFS 2.2.4.52.1: "NT LM 0.12" alone, so that SMB1 is what is answered in, or nothing. */
static size_t put_smb1(uint8_t *out)
{
	static const uint8_t request[] = {
		0, 0, 0, 47, 0xff, 'S', 'M', 'B', 0x72, 0,   0,   0,   0,   0x18, 0x01, 0x28, 0,
		0, 0, 0, 0,  0,    0,   0,   0,   0,    0,   0,   0,   0,   0xff, 0xfe, 0,    0,
		0, 0, 0, 12, 0,    2,   'N', 'T', ' ',  'L', 'M', ' ', '0', '.',  '1',  '2',  0,
	};
	return say_bytes(out, request, sizeof(request));
}

/* RFC 1002 4.3.2: to whatever server there is; "from" is a name of blanks. */
static size_t put_session(uint8_t *out)
{
	static const char request[] = "\x81\0\0\x44"
				      " CKFDENECFDEFFCFGEFFCCACACACACACA\0"
				      " CACACACACACACACACACACACACACACACA";
	return say_bytes(out, request, sizeof(request));
}

size_t say_smb(uint8_t *out, const struct asking *to)
{
	enum { NETBIOS_SESSION = 139 };
	const unsigned stage = to->port->port == NETBIOS_SESSION ? to->stage : to->stage + 1;
	return stage == 0                                        ? put_session(out)
	       : stage == 1                                      ? put_smb2(out)
	       : stage == 2 && to->port->port != NETBIOS_SESSION ? put_smb1(out)
								 : 0;
}

static enum reading read_smb2(struct identity *identity, const struct hearing *heard)
{
	enum { STATUS = 8, COMMAND = 12, SECURITY = 64 + 2, DIALECT = 64 + 4 };
	const uint8_t *smb = heard->bytes + 4;
	if (heard->length < 4 + DIALECT + 2) {
		return READING_MORE;
	}
	if (le32_at(smb + STATUS) != 0 || smb[COMMAND] != 0) {
		return READING_NAMED;
	}
	identity->signing = (uint8_t)told((smb[SECURITY] & 2) != 0);
	identity->smb_dialect = (uint16_t)(smb[DIALECT] | smb[DIALECT + 1] << 8);
	return heard->stage == 0 ? READING_AGAIN : READING_NAMED; /* 139 has no third question */
}

static enum reading read_smb1(struct identity *identity, const struct hearing *heard)
{
	/* Words: which dialect (0xffff = none), then the mode of security (bit 3: signing
	 * required). */
	enum { WORDS = 32, SECURITY = 35 };
	const uint8_t *smb = heard->bytes + 4;
	if (heard->length < 4 + SECURITY + 1 && !heard->whole) {
		return READING_MORE;
	}
	const bool chosen = heard->length >= 4 + SECURITY + 1 && smb[WORDS] >= 13 &&
			    smb[WORDS + 1] == 0 && smb[WORDS + 2] == 0;
	identity->smb1 = (uint8_t)told(chosen);
	return READING_NAMED;
}

enum reading read_smb(struct identity *identity, const struct hearing *heard)
{
	if (heard->stage > 0 && heard->length == 0 && heard->whole) {
		/* Asked in SMB1 alone, it hung up. */
		identity->smb1 = identity->smb_dialect != 0 ? IDENTIFY_TOLD_NO : 0;
		return READING_NAMED;
	}
	if (heard->asked != IDENTIFY_TALK_SMB || heard->length < 4) {
		return READING_OTHER;
	}
	if (heard->stage == 0 && heard->bytes[0] == 0x82) {
		return READING_ASK; /* the session stands */
	}
	if (heard->stage == 0 && heard->bytes[0] == 0x83) {
		return READING_NAMED;
	}
	if (heard->bytes[0] != 0 || heard->length < 8) {
		return heard->bytes[0] == 0 && !heard->whole ? READING_MORE : READING_OTHER;
	}
	if (memcmp(heard->bytes + 4, "\xfeSMB", 4) == 0) {
		return identity->smb_dialect == 0 ? read_smb2(identity, heard) : READING_NAMED;
	}
	return memcmp(heard->bytes + 4, "\xffSMB", 4) == 0 ? read_smb1(identity, heard)
							   : READING_OTHER;
}

/* ---- RDP: MS-RDPBCGR 2.2.1.1 and 2.2.1.2 ---- */

size_t say_rdp(uint8_t *out, const struct asking *to)
{
	/* TLS without CredSSP: who requires Network Level Authentication says so. */
	static const uint8_t request[] = { 3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0,
					   0, 1, 0, 8,  0,  1,    0, 0, 0 };
	return to->stage > 0 ? 0 : say_bytes(out, request, sizeof(request));
}

enum reading read_rdp(struct identity *identity, const struct hearing *heard)
{
	enum { CONFIRM = 5, KIND = 11, VALUE = 15, RESPONSE = 2, FAILURE = 3 };
	enum { TLS_NOT_ALLOWED = 2, NLA_REQUIRED = 5 };
	if (heard->asked != IDENTIFY_TALK_RDP || heard->length < 11 || heard->bytes[0] != 3 ||
	    heard->bytes[1] != 0 || (heard->bytes[CONFIRM] & 0xf0) != 0xd0) {
		return READING_OTHER;
	}
	if (heard->length < 19) {
		if (be16_at(heard->bytes + 2) < 19) { /* before 5.2: neither is known */
			identity->nla = IDENTIFY_TOLD_NO;
			identity->starttls = IDENTIFY_TOLD_NO;
			return READING_NAMED;
		}
		return READING_MORE;
	}
	const uint32_t value = le32_at(heard->bytes + VALUE);
	if (heard->bytes[KIND] == RESPONSE) {
		identity->nla = IDENTIFY_TOLD_NO;
		identity->starttls = (uint8_t)told(value != 0);
	} else if (heard->bytes[KIND] == FAILURE && value == NLA_REQUIRED) {
		identity->nla = IDENTIFY_TOLD_YES;
		identity->starttls = IDENTIFY_TOLD_YES;
	} else if (heard->bytes[KIND] == FAILURE && value == TLS_NOT_ALLOWED) {
		identity->nla = IDENTIFY_TOLD_NO;
		identity->starttls = IDENTIFY_TOLD_NO;
	}
	return READING_NAMED;
}
