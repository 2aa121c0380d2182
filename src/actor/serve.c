/* Servers: a socket that listens, and a process for each connection. */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "actor.h"

enum {
	CONNECTIONS_MAX = 64, /* more are closed at once */
	BACKLOG = 64,
	CERTIFICATE_SECONDS = 30 * 24 * 3600,
};

/* ---- a connection ---- */

long channel_read(const struct channel *channel, void *bytes, size_t room)
{
	if (channel->tls != NULL) {
		return SSL_read(channel->tls, bytes, (int)room);
	}
	ssize_t length;
	do {
		length = read(channel->fd, bytes, room);
	} while (length < 0 && errno == EINTR);
	return length;
}

int channel_write(const struct channel *channel, const void *bytes, size_t length)
{
	const char *at = bytes;
	while (length > 0) {
		const ssize_t written = channel->tls != NULL
						? SSL_write(channel->tls, at, (int)length)
						: send(channel->fd, at, length, MSG_NOSIGNAL);
		if (written <= 0) {
			return -1;
		}
		at += written;
		length -= (size_t)written;
	}
	return 0;
}

int channel_say(const struct channel *channel, const char *text)
{
	return channel_write(channel, text, strlen(text));
}

long channel_line(const struct channel *channel, char *line, size_t room)
{
	size_t length = 0;
	char c;
	while (channel_read(channel, &c, 1) == 1) {
		if (c == '\n') {
			line[length] = '\0';
			return (long)length;
		}
		if (c != '\r' && length + 1 < room) {
			line[length++] = c;
		}
	}
	return -1;
}

/* ---- TLS ---- */

static int name_certificate(X509 *certificate, EVP_PKEY *key)
{
	char name[NAME_BYTES] = "";
	(void)gethostname(name, sizeof(name) - 1); /* "" is a name too */
	X509_NAME *subject = X509_get_subject_name(certificate);
	return X509_set_version(certificate, X509_VERSION_3) == 1 &&
	       ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
	       X509_gmtime_adj(X509_getm_notBefore(certificate), 0) != NULL &&
	       X509_gmtime_adj(X509_getm_notAfter(certificate), CERTIFICATE_SECONDS) != NULL &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (unsigned char *)name, -1,
					  -1, 0) == 1 &&
	       X509_set_issuer_name(certificate, subject) == 1 &&
	       X509_set_pubkey(certificate, key) == 1 &&
	       X509_sign(certificate, key, EVP_sha256()) > 0;
}

/* Signed by itself, as nobody in a harbour would vouch for it. */
static SSL_CTX *make_tls(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	const bool made = context != NULL && key != NULL && certificate != NULL &&
			  name_certificate(certificate, key) &&
			  SSL_CTX_use_certificate(context, certificate) == 1 &&
			  SSL_CTX_use_PrivateKey(context, key) == 1;
	X509_free(certificate);
	EVP_PKEY_free(key);
	if (!made) {
		SSL_CTX_free(context);
		return NULL;
	}
	return context;
}

/* ---- listening ---- */

static int listen_on(uint16_t port)
{
	const int on = 1;
	const struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		perror("listen");
		return -1;
	}
	return fd;
}

static _Noreturn void answer(int fd, talk_function *talk, SSL_CTX *context)
{
	struct channel channel = { .fd = fd };
	if (context != NULL) {
		SSL *tls = SSL_new(context);
		if (tls == NULL || SSL_set_fd(tls, fd) != 1 || SSL_accept(tls) != 1) {
			_exit(EXIT_FAILURE);
		}
		channel.tls = tls;
	}
	talk(&channel);
	if (channel.tls != NULL) {
		(void)SSL_shutdown(channel.tls); /* the other side may be gone */
	}
	_exit(EXIT_SUCCESS);
}

static unsigned take_ended(unsigned open)
{
	while (open > 0 && waitpid(-1, NULL, WNOHANG) > 0) {
		open--;
	}
	return open;
}

int serve(uint16_t port, talk_function *talk, bool tls)
{
	unsigned open = 0;
	SSL_CTX *context = tls ? make_tls() : NULL;
	const int listener = listen_on(port);
	if (listener < 0 || (tls && context == NULL)) {
		return EXIT_FAILURE;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sd_notify(1,
			"READY=1"); /* nobody may wait for it; children are not to say it again */
	for (;;) {
		const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		open = take_ended(open);
		const pid_t child = fd >= 0 && open < CONNECTIONS_MAX ? fork() : -1;
		if (child == 0) {
			(void)close(listener);
			answer(fd, talk, context);
		}
		open += child > 0 ? 1 : 0;
		if (fd >= 0) {
			(void)close(fd);
		}
	}
}
