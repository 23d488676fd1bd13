/* Servers of one connection, each in a process of its own, as tasks are: with TLS or without. */
#ifndef TESTS_UNIT_TASK_SERVER_H
#define TESTS_UNIT_TASK_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

/* A certificate that is nobody's, and was never valid. */
static inline SSL_CTX *make_context(int version)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();

	X509_set_version(certificate, 2);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
	X509_gmtime_adj(X509_getm_notAfter(certificate), -3600);
	X509_set_pubkey(certificate, key);
	X509_sign(certificate, key, EVP_sha256());
	SSL_CTX_set_security_level(context, 0);
	SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
	if (!SSL_CTX_set_max_proto_version(context, version) ||
	    SSL_CTX_use_certificate(context, certificate) != 1 ||
	    SSL_CTX_use_PrivateKey(context, key) != 1)
		_exit(1);
	return context;
}

/* The answer a byte at a time; then the end, without a word of it. */
static inline void serve_tls(int fd, int version, const char *answer)
{
	SSL *ssl = SSL_new(make_context(version));
	char request[1024] = "";

	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) != 1 || SSL_read(ssl, request, sizeof(request) - 1) <= 0 ||
	    !strstr(request, "GET /path HTTP/1.1\r\nHost: 127.0.0.1:"))
		_exit(1);
	for (; *answer; answer++)
		(void)SSL_write(ssl, answer, 1);
}

static inline uint16_t start_server(void (*serve)(int fd), pid_t *ret)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t size = sizeof(in);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&in, &size), 0);
	*ret = fork();
	if (*ret == 0) {
		(void)alarm(PATIENCE_MS / 1000);
		serve(accept(listener, NULL, NULL));
		_exit(0);
	}
	assert_true(*ret > 0);
	(void)close(listener);
	return ntohs(in.sin_port);
}

#endif
