#include "lib/id.h"

#include <stdio.h>
#include <string.h>

#include "lib/rng.h"

void id_uuid_bytes(struct rng *rng, uint8_t ret_bytes[16])
{
	uint64_t words[2] = { rng_next(rng), rng_next(rng) };

	memcpy(ret_bytes, words, sizeof(words));
	ret_bytes[6] = (uint8_t)((ret_bytes[6] & 0x0f) | 0x40);
	ret_bytes[8] = (uint8_t)((ret_bytes[8] & 0x3f) | 0x80);
}

void id_uuid(struct rng *rng, char ret_text[ID_UUID_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t bytes[16];
	char *out = ret_text;

	id_uuid_bytes(rng, bytes);
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = hex[bytes[i] >> 4];
		*out++ = hex[bytes[i] & 15];
	}
	*out = '\0';
}

bool id_is_valid(const char *text)
{
	size_t n = strnlen(text, ID_MAX + 1);

	if (n == 0 || n > ID_MAX || strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return false;
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f || c == '/' || c == '\\')
			return false;
	}
	return true;
}

char *id_pair(const char *outer, const char *inner)
{
	char *pair;

	return asprintf(&pair, "%s/%s", outer, inner) < 0 ? NULL : pair;
}
