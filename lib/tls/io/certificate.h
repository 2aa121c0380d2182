/* Chains of certificates, judged with OpenSSL: in minato-probe alone. */
#pragma once

#include <openssl/ssl.h>

#include "tls/tls.h"

/* Fills in all of the first one, and what the others say of it. Nothing when there is none. */
void certificate_judge(struct tls_certificate *out, STACK_OF(X509) * chain, SSL_CTX *context,
		       const char *host);
