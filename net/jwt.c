#include "net/jwt.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base64.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_in.h"

/* {"alg":"HS256","typ":"JWT"}: the only header that is written, and the only one that is read. */
static const char header[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.";

/* ---- base64url without padding (RFC 7515 section 2) ---- */

static char *encode(const void *data, size_t size)
{
	char *text = base64_encode(data, size);

	for (char *at = text; at && *at; at++) {
		if (*at == '+')
			*at = '-';
		else if (*at == '/')
			*at = '_';
		else if (*at == '=')
			*at = '\0';
	}
	return text;
}

static int decode(const char *text, size_t length, uint8_t **ret, size_t *ret_size)
{
	size_t padded = (length + 3) / 4 * 4;
	AUTO_FREE char *standard = malloc(padded + 1);

	if (!standard)
		return -ENOMEM;
	memset(standard, '=', padded);
	for (size_t i = 0; i < length; i++) {
		/* What the standard alphabet has in their place is none of this one's. */
		if (text[i] == '+' || text[i] == '/' || text[i] == '=')
			return -EINVAL;
		standard[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	}
	return base64_decode(standard, padded, ret, ret_size);
}

/* ---- the signature ---- */

/* Of the first SIZE bytes of TEXT. */
static char *signature(const uint8_t key[JWT_KEY_BYTES], const char *text, size_t size)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!HMAC(EVP_sha256(), key, JWT_KEY_BYTES, (const unsigned char *)text, size, mac, &n))
		return NULL;
	return encode(mac, n);
}

char *jwt_sign(const uint8_t key[JWT_KEY_BYTES], const json_t *claims)
{
	AUTO_FREE char *json = json_dumps(claims, JSON_COMPACT | JSON_SORT_KEYS);
	AUTO_FREE char *payload = json ? encode(json, strlen(json)) : NULL;
	AUTO_FREE char *text = NULL, *mac = NULL;
	char *token;
	int n = payload ? asprintf(&text, "%s%s", header, payload) : -1;

	if (n < 0) {
		text = NULL;
		return NULL;
	}
	mac = signature(key, text, (size_t)n);
	if (!mac || asprintf(&token, "%s.%s", text, mac) < 0)
		return NULL;
	return token;
}

static int read_claims(const char *payload, size_t length, json_t **ret, struct err *e)
{
	AUTO_FREE uint8_t *data = NULL;
	struct err why = { 0 };
	size_t size;
	int r = decode(payload, length, &data, &size);

	if (r >= 0)
		r = json_in_parse(data, size, ret, &why);
	if (r == -ENOMEM)
		return err_set(e, ENOMEM, "read a token");
	if (r >= 0 && !json_is_object(*ret)) {
		json_decref(*ret);
		r = -EINVAL;
	}
	return r < 0 ? err_set(e, EACCES, "read a token: it has no claims") : 0;
}

int jwt_verify(const uint8_t key[JWT_KEY_BYTES], const char *token, json_t **ret, struct err *e)
{
	const char *dot = strrchr(token, '.');
	size_t start = sizeof(header) - 1;
	AUTO_FREE char *mac = NULL;

	if (strlen(token) > JWT_MAX || !dot || strncmp(token, header, start) != 0 ||
	    dot < token + start)
		return err_set(e, EACCES, "read a token: it is not one of HS256");
	mac = signature(key, token, (size_t)(dot - token));
	if (!mac)
		return err_set(e, ENOMEM, "read a token");
	if (strlen(mac) != strlen(dot + 1) || CRYPTO_memcmp(mac, dot + 1, strlen(mac)) != 0)
		return err_set(e, EACCES, "read a token: it is not signed by this agent");
	return read_claims(token + start, (size_t)(dot - token) - start, ret, e);
}
