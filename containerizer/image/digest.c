#include "containerizer/image/digest.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"

static const struct digest_algorithm algorithms[] = {
	{ "sha256", 64 },
	{ "sha512", 128 },
};

const struct digest_algorithm *digest_algorithm(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++) {
		size_t length = strlen(algorithms[i].name);

		if (strncmp(text, algorithms[i].name, length) == 0 && text[length] == ':' &&
		    strnlen(text + length + 1, DIGEST_MAX_HEX + 1) == algorithms[i].n_hex &&
		    strspn(text + length + 1, "0123456789abcdef") == algorithms[i].n_hex)
			return &algorithms[i];
	}
	return NULL;
}

bool digest_is_valid(const char *text)
{
	return digest_algorithm(text) != NULL;
}

const char *digest_path(const char *prefix, const char *text, char buf[DIGEST_PATH_SIZE])
{
	int length = (int)strcspn(text, ":");

	(void)snprintf(buf, DIGEST_PATH_SIZE, "%s/%.*s/%s", prefix, length, text,
		       text + length + 1);
	return buf;
}
