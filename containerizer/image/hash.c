#include "containerizer/image/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/err.h"

struct hash {
	EVP_MD_CTX *context;
	const char *algorithm;
	bool is_broken;		/* libcrypto refused: the digest will be of nothing */
};

DEFINE_AUTO(struct hash *, hash_free);

struct hash *hash_new(const char *algorithm, struct err *e)
{
	AUTO(hash_freep) struct hash *hash = calloc(1, sizeof(*hash));
	const EVP_MD *md = EVP_get_digestbyname(algorithm);

	if (hash)
		hash->context = EVP_MD_CTX_new();
	if (!hash || !hash->context) {
		err_set(e, ENOMEM, "compute a digest");
		return NULL;
	}
	hash->algorithm = algorithm;
	if (!md || EVP_DigestInit_ex(hash->context, md, NULL) != 1) {
		err_set(e, ENOTSUP, "compute a digest by '%s'", algorithm);
		return NULL;
	}
	return TAKE_PTR(hash);
}

void hash_add(struct hash *hash, const void *data, size_t size)
{
	if (EVP_DigestUpdate(hash->context, data, size) != 1)
		hash->is_broken = true;
}

void hash_digest(struct hash *hash, char ret[DIGEST_SIZE])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	int used;

	if (EVP_DigestFinal_ex(hash->context, bytes, &size) != 1 || hash->is_broken)
		size = 0;
	used = snprintf(ret, DIGEST_SIZE, "%s:", hash->algorithm);
	for (unsigned i = 0; i < size && used + 2 < DIGEST_SIZE; i++)
		used += snprintf(ret + used, DIGEST_SIZE - (size_t)used, "%02x", bytes[i]);
}

void hash_free(struct hash *hash)
{
	if (!hash)
		return;
	EVP_MD_CTX_free(hash->context);
	free(hash);
}

int hash_of(const char *algorithm, const void *data, size_t size, char ret[DIGEST_SIZE],
	    struct err *e)
{
	AUTO(hash_freep) struct hash *hash = hash_new(algorithm, e);

	if (!hash)
		return -e->code;
	hash_add(hash, data, size);
	hash_digest(hash, ret);
	return 0;
}
