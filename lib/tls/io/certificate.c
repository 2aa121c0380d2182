/* Certificates, read with OpenSSL. Everything in them was chosen by whoever answers. */
#include "tls/io/certificate.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "base/str.h"

struct ssl_ctx_st *tls_context_new(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	if (context == NULL) {
		return NULL;
	}
	/* What is old or weak is to be told of, and so has to be spoken. */
	SSL_CTX_set_security_level(context, 0);
	(void)SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
	(void)SSL_CTX_set_cipher_list(context, "ALL:!aNULL:@SECLEVEL=0");
	SSL_CTX_set_options(context, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	(void)SSL_CTX_set_default_verify_paths(context); /* without any nothing is trusted */
	return context;
}

/* ---- text ---- */

static void copy_text(char *out, size_t room, const void *from, size_t length)
{
	const uint8_t *bytes = from;
	size_t used = 0;
	for (; used < length && used + 1 < room; used++) {
		out[used] = (char)(bytes[used] >= ' ' && bytes[used] <= '~' ? bytes[used] : '.');
	}
	out[used] = '\0';
}

/* The common name, else all of it in one line. */
static void copy_name(char *out, size_t room, const X509_NAME *name)
{
	const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	if (at >= 0) {
		const ASN1_STRING *text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
		copy_text(out, room, ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
		return;
	}
	char *line = X509_NAME_oneline(name, NULL, 0);
	if (line != NULL) {
		copy_text(out, room, line, strlen(line));
		OPENSSL_free(line);
	}
}

static void copy_other_name(char *out, size_t room, const GENERAL_NAME *name)
{
	out[0] = '\0';
	if (name->type == GEN_DNS) {
		copy_text(out, room, ASN1_STRING_get0_data(name->d.dNSName),
			  (size_t)ASN1_STRING_length(name->d.dNSName));
	} else if (name->type == GEN_IPADD) {
		const struct addr address =
			addr_from_bytes(ASN1_STRING_get0_data(name->d.iPAddress),
					(size_t)ASN1_STRING_length(name->d.iPAddress));
		char text[ADDR_TEXT_BYTES];
		(void)str_copy(out, room, addr_format(&address, text));
	}
}

/* As many as fit; how many there are is told in any case. */
static void take_names(struct tls_certificate *out, X509 *certificate)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	size_t used = 0;
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		char name[TLS_NAME_BYTES];
		copy_other_name(name, sizeof(name), sk_GENERAL_NAME_value(names, i));
		const size_t length = strlen(name);
		out->name_count += length > 0;
		if (length > 0 && used + length + 2 < sizeof(out->names)) {
			if (used > 0) {
				out->names[used++] = ' ';
			}
			memcpy(out->names + used, name, length + 1);
			used += length;
		}
	}
	if (out->subject[0] == '\0' && out->names[0] != '\0') {
		(void)str_copy(out->subject, sizeof(out->subject), out->names);
		out->subject[strcspn(out->subject, " ")] = '\0';
	}
	GENERAL_NAMES_free(names);
}

/* ---- fields ---- */

static usec_t time_of(const ASN1_TIME *time)
{
	struct tm broken = { 0 };
	if (time == NULL || ASN1_TIME_to_tm(time, &broken) != 1) {
		return 0;
	}
	return (usec_t)timegm(&broken) * USEC_PER_SEC;
}

static bool is_for(X509 *certificate, const char *host)
{
	struct addr address;
	if (host == NULL || host[0] == '\0') {
		return true;
	}
	return addr_parse(&address, host) == 0
		       ? X509_check_ip_asc(certificate, host, 0) == 1
		       : X509_check_host(certificate, host, 0, 0, NULL) == 1;
}

static enum tls_hash hash_of(X509 *certificate)
{
	int digest = NID_undef;
	(void)X509_get_signature_info(certificate, &digest, NULL, NULL, NULL);
	switch (digest) {
	case NID_sha1:
		return TLS_HASH_SHA1;
	case NID_md5:
	case NID_md4:
	case NID_md2:
		return TLS_HASH_MD5;
	default:
		return TLS_HASH_FINE;
	}
}

static void take_key(struct tls_certificate *out, X509 *certificate)
{
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	if (key == NULL) {
		return;
	}
	const char *name = EVP_PKEY_get0_type_name(key);
	out->key_bits = (uint32_t)EVP_PKEY_get_bits(key);
	copy_text(out->key, sizeof(out->key), name == NULL ? "" : name,
		  name == NULL ? 0 : strlen(name));
}

/* Whether an authority information access names such a method (RFC 5280 4.2.2.1). */
static bool has_access(X509 *certificate, int method)
{
	AUTHORITY_INFO_ACCESS *list = X509_get_ext_d2i(certificate, NID_info_access, NULL, NULL);
	bool found = false;
	for (int i = 0; i < sk_ACCESS_DESCRIPTION_num(list); i++) {
		found |= OBJ_obj2nid(sk_ACCESS_DESCRIPTION_value(list, i)->method) == method;
	}
	AUTHORITY_INFO_ACCESS_free(list);
	return found;
}

static bool is_self_signed(X509 *certificate)
{
	return X509_self_signed(certificate, 0) == 1;
}

void tls_certificate_read(struct tls_certificate *out, X509 *certificate, const char *host)
{
	*out = (struct tls_certificate){ .given = 1, .chain = 1 };
	const X509_NAME *subject = X509_get_subject_name(certificate);
	if (X509_NAME_entry_count(subject) > 0) {
		copy_name(out->subject, sizeof(out->subject), subject);
	}
	copy_name(out->issuer, sizeof(out->issuer), X509_get_issuer_name(certificate));
	(void)str_copy(out->top, sizeof(out->top), out->issuer);
	take_names(out, certificate);
	take_key(out, certificate);
	out->not_before = time_of(X509_get0_notBefore(certificate));
	out->not_after = time_of(X509_get0_notAfter(certificate));
	out->name_matches = is_for(certificate, host);
	out->self_signed = is_self_signed(certificate);
	out->hash = hash_of(certificate);
	const char *signature = OBJ_nid2sn(X509_get_signature_nid(certificate));
	copy_text(out->signature, sizeof(out->signature), signature == NULL ? "" : signature,
		  signature == NULL ? 0 : strlen(signature));
	out->ocsp = has_access(certificate, NID_ad_OCSP);
	out->crl = X509_get_ext_by_NID(certificate, NID_crl_distribution_points, -1) >= 0;
	ERR_clear_error();
}

/* ---- the chain ---- */

static int verify(STACK_OF(X509) * chain, SSL_CTX *context)
{
	X509_STORE_CTX *work = X509_STORE_CTX_new();
	int result = X509_V_ERR_UNSPECIFIED;
	if (work != NULL && X509_STORE_CTX_init(work, SSL_CTX_get_cert_store(context),
						sk_X509_value(chain, 0), chain) == 1) {
		(void)X509_STORE_CTX_set_default(work, "ssl_server");
		X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(work), 0);
		(void)X509_verify_cert(work);
		result = X509_STORE_CTX_get_error(work);
	}
	X509_STORE_CTX_free(work);
	ERR_clear_error();
	return result;
}

void certificate_judge(struct tls_certificate *out, STACK_OF(X509) * chain, SSL_CTX *context,
		       const char *host)
{
	const int count = sk_X509_num(chain);
	if (count <= 0) {
		return;
	}
	tls_certificate_read(out, sk_X509_value(chain, 0), host);
	out->chain = (uint8_t)(count > UINT8_MAX ? UINT8_MAX : count);
	out->verify = verify(chain, context);
	X509 *last = sk_X509_value(chain, count - 1);
	copy_name(out->top, sizeof(out->top), X509_get_issuer_name(last));
	for (int i = 1; i < count && i < TLS_CHAIN_MAX; i++) {
		X509 *one = sk_X509_value(chain, i);
		const enum tls_hash hash = is_self_signed(one) ? TLS_HASH_FINE : hash_of(one);
		if (hash > out->hash) {
			out->hash = hash;
			(void)str_copy(out->signature, sizeof(out->signature),
				       OBJ_nid2sn(X509_get_signature_nid(one)));
		}
	}
	const bool ends_early = out->verify == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY ||
				out->verify == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
				out->verify == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT;
	out->incomplete =
		ends_early && !is_self_signed(last) && has_access(last, NID_ad_ca_issuers);
}
