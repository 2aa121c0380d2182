/* nft(8) as a library, loaded when it is needed: most commands do without it, and its licence
 * (GPL-2.0) must not meet that of a TLS library in one process. */
#include "enforce/io/nft.h"

#include <dlfcn.h>
#include <errno.h>
#include <locale.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

/* Of every port as an element of its own, several times over. */
enum { ELEMENTS_BYTES_MAX = 64 * 1024 * 1024 };

struct library {
	struct nft_ctx *(*ctx_new)(uint32_t);
	void (*ctx_free)(struct nft_ctx *);
	void (*set_flags)(struct nft_ctx *, unsigned);
	int (*buffer_output)(struct nft_ctx *);
	int (*buffer_error)(struct nft_ctx *);
	const char *(*output)(struct nft_ctx *);
	const char *(*error)(struct nft_ctx *);
	int (*run)(struct nft_ctx *, const char *);
};

/* @return false when it is not installed, or not as it should be. */
static bool load(struct library *out)
{
	void *handle = dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL) {
		return false;
	}
	*(void **)&out->ctx_new = dlsym(handle, "nft_ctx_new");
	*(void **)&out->ctx_free = dlsym(handle, "nft_ctx_free");
	*(void **)&out->set_flags = dlsym(handle, "nft_ctx_output_set_flags");
	*(void **)&out->buffer_output = dlsym(handle, "nft_ctx_buffer_output");
	*(void **)&out->buffer_error = dlsym(handle, "nft_ctx_buffer_error");
	*(void **)&out->output = dlsym(handle, "nft_ctx_get_output_buffer");
	*(void **)&out->error = dlsym(handle, "nft_ctx_get_error_buffer");
	*(void **)&out->run = dlsym(handle, "nft_run_cmd_from_buffer");
	/* The handle stays open until exit: the functions live in it. */
	return out->ctx_new != NULL && out->ctx_free != NULL && out->set_flags != NULL &&
	       out->buffer_output != NULL && out->buffer_error != NULL && out->output != NULL &&
	       out->error != NULL && out->run != NULL;
}

static unsigned flags_of(enum nft_output output)
{
	static const unsigned flags[] = {
		[NFT_TEXT] = NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_NUMERIC_PRIO,
		[NFT_JSON] = NFT_CTX_OUTPUT_JSON,
	};
	return flags[output];
}

/* nft tells the kernel's answer in words alone. */
static int code_of(const char *text)
{
	static const struct {
		const char *words;
		int code;
	} known[] = {
		{ "Operation not permitted", -EPERM },
		{ "you must be root", -EPERM },
		{ "No such file or directory", -ENOENT },
		{ "Cannot allocate memory", -ENOMEM },
		{ "No buffer space available", -ENOBUFS },
		{ "Operation not supported", -EOPNOTSUPP },
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strstr(text, known[i].words) != NULL) {
			return known[i].code;
		}
	}
	return -EIO;
}

static int refused(const char *text, struct err *e)
{
	char line[256];
	size_t length = strcspn(text, "\n");
	const char *colon = strstr(text, "Error: ");
	if (colon != NULL) {
		text = colon + strlen("Error: ");
		length = strcspn(text, "\n");
	}
	length = length < sizeof(line) ? length : sizeof(line) - 1;
	memcpy(line, text, length);
	line[length] = '\0';
	return err_set(e, code_of(text), "nft: %s", line);
}

static int run(struct str *out, const char *commands, enum nft_output output, struct err *e)
{
	static struct library nft;
	if (nft.run == NULL && !load(&nft)) {
		return err_set(e, ENOPKG, "libnftables is not installed");
	}
	struct nft_ctx *context = nft.ctx_new(NFT_CTX_DEFAULT);
	if (context == NULL) {
		return err_system(e, ENOMEM, "nft");
	}
	nft.set_flags(context, flags_of(output));
	int r = nft.buffer_output(context) != 0 || nft.buffer_error(context) != 0 ? -ENOMEM : 0;
	if (r == 0 && nft.run(context, commands) != 0) {
		r = refused(nft.error(context), e);
	}
	if (r == 0 && out != NULL) {
		r = str_add(out, nft.output(context));
	}
	nft.ctx_free(context);
	return r;
}

int nft_run(struct str *out, const char *commands, enum nft_output output, struct err *e)
{
	/* What the kernel answered is told in the words of strerror(), in the reader's language. */
	locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	locale_t before = plain == (locale_t)0 ? plain : uselocale(plain);
	int r = run(out, commands, output, e);
	if (plain != (locale_t)0) {
		(void)uselocale(before);
		freelocale(plain);
	}
	return r;
}

int nft_elements(const char *kind, const char *name, nft_element *function, void *data,
		 struct err *e)
{
	char command[320];
	struct str text = STR_INIT(ELEMENTS_BYTES_MAX);
	(void)snprintf(command, sizeof(command), "list %s inet minato %.256s", kind, name);
	int r = nft_run(&text, command, NFT_JSON, e);
	json_t *document = r == 0 ? json_loads(str_text(&text), 0, NULL) : NULL;
	str_deinit(&text);
	const json_t *objects = json_object_get(document, "nftables");
	if (r == 0 && !json_is_array(objects)) {
		r = err_set(e, EBADMSG, "nft: its JSON is not understood");
	}
	size_t i;
	size_t k;
	json_t *object;
	json_t *element;
	json_array_foreach(objects, i, object)
	{
		json_t *elements = json_object_get(json_object_get(object, kind), "elem");
		json_array_foreach(elements, k, element)
		{
			r = r == 0 ? function(data, element) : r;
		}
	}
	json_decref(document);
	return r;
}
