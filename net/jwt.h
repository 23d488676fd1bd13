/* JSON Web Tokens (RFC 7519) signed with HMAC-SHA256: what an executor shows to speak for itself. */
#ifndef NET_JWT_H
#define NET_JWT_H

#include <jansson.h>
#include <stdint.h>

struct err;

enum { JWT_KEY_BYTES = 32, JWT_MAX = 4096 };

/* CLAIMS (borrowed, an object) as a token of its own; NULL when memory is out. */
char *jwt_sign(const uint8_t key[JWT_KEY_BYTES], const json_t *claims);

/*
 * The claims of TOKEN, owned.  -EACCES: not signed with KEY, or in another way than ours (a header
 * that asks for no signature is another way).  The signature is compared in constant time, before
 * anything of the token is parsed.
 */
int jwt_verify(const uint8_t key[JWT_KEY_BYTES], const char *token, json_t **ret, struct err *e);

#endif
