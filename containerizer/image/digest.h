/* Digests as images name their parts: "sha256:" and 64 hexadecimal digits. */
#ifndef CONTAINERIZER_IMAGE_DIGEST_H
#define CONTAINERIZER_IMAGE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

struct err;

enum {
	DIGEST_MAX_HEX = 128,				/* sha512 */
	DIGEST_SIZE = sizeof("sha512:") + DIGEST_MAX_HEX,
	DIGEST_PATH_SIZE = DIGEST_SIZE + 16,
};

struct digest_algorithm {
	const char *name;
	size_t n_hex;
};

/* TEXT's algorithm, if it is a digest that we can verify: lower case, exactly; or NULL. */
const struct digest_algorithm *digest_algorithm(const char *text);
bool digest_is_valid(const char *text);

/* "PREFIX/sha256/HEX": where a part with the valid digest TEXT lies; returns BUF. */
const char *digest_path(const char *prefix, const char *text, char buf[DIGEST_PATH_SIZE]);

/* ---- hash.c: computing them; the only user of libcrypto ---- */

struct hash;

/* ALGORITHM is a name: "sha256".  Owned; NULL with E set. */
struct hash *hash_new(const char *algorithm, struct err *e);
void hash_add(struct hash *hash, const void *data, size_t size);
/* The digest of all that was added; HASH is of no further use but to hash_free(). */
void hash_digest(struct hash *hash, char ret[DIGEST_SIZE]);
void hash_free(struct hash *hash);

/* Of a whole buffer. */
int hash_of(const char *algorithm, const void *data, size_t size, char ret[DIGEST_SIZE],
	    struct err *e);

#endif
