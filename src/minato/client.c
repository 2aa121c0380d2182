/* Talking to the daemon through libcurl, which is loaded only here. */
#define CURL_DISABLE_TYPECHECK                                                                     \
	1 /* its macros would call the functions that we look up ourselves                         \
	   */
#include "client.h"

#include <ctype.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "look.h"
#include "sse.h"
#include "words.h"

/* The few functions that are needed, under their own names. */
struct library {
	CURL *(*easy_init)(void);
	void (*easy_cleanup)(CURL *);
	CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
	CURLcode (*easy_perform)(CURL *);
	CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
	const char *(*easy_strerror)(CURLcode);
};

/* @return false when it is not installed, or not as it should be. */
static bool load(struct library *out)
{
	static const char *const names[] = { "libcurl-gnutls.so.4", "libcurl.so.4",
					     "libcurl-nss.so.4" };
	void *handle = NULL;
	for (size_t i = 0; handle == NULL && i < sizeof(names) / sizeof(names[0]); i++) {
		handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	}
	if (handle == NULL) {
		return false;
	}
	*(void **)&out->easy_init = dlsym(handle, "curl_easy_init");
	*(void **)&out->easy_cleanup = dlsym(handle, "curl_easy_cleanup");
	*(void **)&out->easy_setopt = dlsym(handle, "curl_easy_setopt");
	*(void **)&out->easy_perform = dlsym(handle, "curl_easy_perform");
	*(void **)&out->easy_getinfo = dlsym(handle, "curl_easy_getinfo");
	*(void **)&out->easy_strerror = dlsym(handle, "curl_easy_strerror");
	/* The handle stays open until exit: the functions live in it. */
	return out->easy_init != NULL && out->easy_cleanup != NULL && out->easy_setopt != NULL &&
	       out->easy_perform != NULL && out->easy_getinfo != NULL && out->easy_strerror != NULL;
}

static void add_encoded(struct str *target, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;
		if (isalnum(c) || strchr("-._~", c) != NULL) {
			str_add_char(target, *text);
		} else {
			str_printf(target, "%%%02X", c);
		}
	}
}

void client_add_parameter(struct str *target, const char *name, const char *value)
{
	str_printf(target, "%c%s=", strchr(str_text(target), '?') == NULL ? '?' : '&', name);
	add_encoded(target, value);
}

/* What went wrong, in errno's words; the connect error is the one that tells the daemon is not
 * there. */
static int failure(const struct library *library, CURL *handle, CURLcode code, struct err *e)
{
	long system_error = 0;
	if (code == CURLE_COULDNT_CONNECT) {
		(void)library->easy_getinfo(handle, CURLINFO_OS_ERRNO, &system_error);
	}
	if (system_error != 0) {
		return err_system(e, (int)system_error, _("cannot reach the daemon"));
	}
	int error = code == CURLE_COULDNT_CONNECT ? ECONNREFUSED : EPROTO;
	return err_set(e, error, _("cannot talk to the daemon: %s"), library->easy_strerror(code));
}

static int perform(const char *target, curl_write_callback function, void *data, bool stream,
		   long *status, struct err *e)
{
	struct library library = { 0 };
	if (!load(&library)) {
		return err_set(e, ENOPKG, _("libcurl is not installed"));
	}
	CURL *handle = library.easy_init();
	if (handle == NULL) {
		return err_system(e, ENOMEM, "libcurl");
	}
	struct str path = STR_INIT(4096);
	struct str url = STR_INIT(8192);
	str_printf(&path, "%s/minatod.sock", runtime_directory());
	str_printf(&url, "http://minatod%s", target);
	(void)library.easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, str_text(&path));
	(void)library.easy_setopt(handle, CURLOPT_URL, str_text(&url));
	(void)library.easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
	(void)library.easy_setopt(handle, CURLOPT_PROXY, "");
	(void)library.easy_setopt(handle, CURLOPT_TIMEOUT, stream ? 0L : 30L);
	(void)library.easy_setopt(handle, CURLOPT_WRITEFUNCTION, function);
	(void)library.easy_setopt(handle, CURLOPT_WRITEDATA, data);
	CURLcode code = path.error != 0 || url.error != 0 ? CURLE_URL_MALFORMAT
							  : library.easy_perform(handle);
	(void)library.easy_getinfo(handle, CURLINFO_RESPONSE_CODE, status);
	if (code == CURLE_WRITE_ERROR && stream) {
		code = CURLE_OK; /* our own wish to end it */
	}
	int r = code == CURLE_OK ? 0 : failure(&library, handle, code, e);
	library.easy_cleanup(handle);
	str_deinit(&path);
	str_deinit(&url);
	return r;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *data)
{
	return str_add_bytes(data, bytes, size * count) == 0 ? size * count : 0;
}

int client_get(struct str *body, long *status, const char *target, struct err *e)
{
	return perform(target, take_body, body, false, status, e);
}

static size_t take_stream(char *bytes, size_t size, size_t count, void *data)
{
	return sse_feed(data, bytes, size * count) == 0 ? size * count : 0;
}

int client_follow(const char *target, client_frame_function *function, void *data, struct err *e)
{
	struct sse sse;
	long status = 0;
	sse_init(&sse, function, data);
	int r = perform(target, take_stream, &sse, true, &status, e);
	sse_deinit(&sse);
	if (r == 0 && status != 200) {
		return err_set(e, EPROTO, _("the daemon refused the stream (HTTP %ld)"), status);
	}
	return r;
}

int complain_of_daemon(const struct context *context, int error, const struct err *e)
{
	switch (error) {
	case -ENOENT:
	case -ECONNREFUSED:
		complain(context, _("the daemon is not running"), "sudo minatod");
		return EXIT_ERROR;
	case -EACCES:
		complain(context, _("the daemon's socket is not for this user"), "sudo minato");
		return EXIT_RIGHTS;
	case -ENOPKG:
		complain(context, err_text(e), "sudo apt-get install libcurl3-gnutls");
		return EXIT_ERROR;
	default:
		complain(context, err_text(e), NULL);
		return EXIT_ERROR;
	}
}
