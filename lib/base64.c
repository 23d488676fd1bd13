#include "lib/base64.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/cleanup.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t size)
{
	const uint8_t *in = data;
	char *text = malloc((size + 2) / 3 * 4 + 1), *out = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		uint32_t word = (uint32_t)in[i] << 16;

		word |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
		word |= left > 2 ? in[i + 2] : 0;
		*out++ = alphabet[word >> 18];
		*out++ = alphabet[word >> 12 & 63];
		*out++ = left > 1 ? alphabet[word >> 6 & 63] : '=';
		*out++ = left > 2 ? alphabet[word & 63] : '=';
	}
	*out = '\0';
	return text;
}

static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -EINVAL;
}

int base64_decode(const char *text, size_t length, uint8_t **ret, size_t *ret_size)
{
	AUTO_FREE uint8_t *data = NULL;
	size_t size = length / 4 * 3, n = 0;
	uint32_t word = 0;

	if (length % 4 != 0)
		return -EINVAL;
	for (int i = 0; i < 2 && length > 0 && text[length - 1] == '='; i++, length--)
		size--;
	data = size > 0 ? malloc(size) : NULL;
	if (size > 0 && !data)
		return -ENOMEM;
	for (size_t i = 0; i < length; i++) {
		int value = digit_value(text[i]);

		if (value < 0)
			return -EINVAL;
		word = word << 6 | (uint32_t)value;
		/* Each digit after the first of four completes one byte. */
		if (i % 4 > 0)
			data[n++] = (uint8_t)(word >> (6 - 2 * (i % 4)));
	}
	*ret = TAKE_PTR(data);
	*ret_size = size;
	return 0;
}
