/* Words of the language into numbers, without complaining. Private to policy. */
#pragma once

#include "policy/policy.h"

/*
 * "22/tcp", "8000-8010/udp".
 * @return NULL, or the id of the fault: policy-port-syntax, policy-port-protocol-missing,
 * policy-port-protocol, policy-port-number, policy-port-zero, policy-port-reversed.
 */
const char *ports_read(struct policy_ports *out, const char *text);

/* "10/minute". @return 0 or -EINVAL, also outside [min, max]. */
int rate_read(struct policy_rate *out, const char *text, uint32_t min, uint32_t max);

/* "00:11:22:33:44:55", also with "-". @return 0 or -EINVAL. */
int mac_read(struct policy_mac *out, const char *text);

/*
 * An address or network.
 * @param network  set for policy-address-host-bits: the network that was meant.
 * @return NULL, or the id of the fault: policy-address, policy-address-bits,
 * policy-address-host-bits.
 */
const char *network_read(struct prefix *out, struct prefix *network, const char *text);

/* A host name of RFC 1123 2.1: 1..253 characters; labels of 1..63 letters, digits and hyphens that
 * neither begin nor end with a hyphen; the last one is no number, so that no address is taken for a
 * name. */
bool host_name_valid(const char *name);

/* Whether a word was meant as an address, not as a name. */
bool looks_like_address(const char *text);

/* Whether the kernel takes it as an interface's name (net/core/dev.c, dev_valid_name). */
bool interface_valid(const char *name);

/* "minute" for a rate's span; "" for one that the language cannot say. */
const char *rate_unit(usec_t per);

enum { SPAN_WORD_BYTES = 24 };
/* A span of whole seconds as the language writes it, in the largest unit that divides it: "10m".
 * `out` has SPAN_WORD_BYTES. @return out. */
const char *span_write(char *out, usec_t span);

/* The words of a rate and of a port's protocol, for "did you mean". */
extern const char *const protocol_words[];
extern const size_t protocol_word_count;
