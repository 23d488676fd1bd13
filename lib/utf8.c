#include "lib/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* By first byte: the length, and the bounds of the second byte, which carry the exceptions. */
static const struct lead {
	uint8_t first, last, length, second_min, second_max;
} leads[] = {
	{ 0x00, 0x7f, 1, 0x00, 0x00 },
	{ 0xc2, 0xdf, 2, 0x80, 0xbf },
	{ 0xe0, 0xe0, 3, 0xa0, 0xbf },
	{ 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f },
	{ 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf },
	{ 0xf1, 0xf3, 4, 0x80, 0xbf },
	{ 0xf4, 0xf4, 4, 0x80, 0x8f },
};

static const struct lead *find_lead(uint8_t c)
{
	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
		if (c >= leads[i].first && c <= leads[i].last)
			return &leads[i];
	}
	return NULL;
}

size_t utf8_length(const char *text, size_t size)
{
	const uint8_t *s = (const uint8_t *)text;
	const struct lead *lead = size > 0 ? find_lead(s[0]) : NULL;

	if (!lead || lead->length > size)
		return 0;
	if (lead->length > 1 && (s[1] < lead->second_min || s[1] > lead->second_max))
		return 0;
	for (size_t i = 2; i < lead->length; i++) {
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	}
	return lead->length;
}

bool utf8_is_valid(const char *text, size_t size)
{
	for (size_t i = 0, n; i < size; i += n) {
		n = utf8_length(text + i, size - i);
		if (n == 0)
			return false;
	}
	return true;
}

size_t utf8_cut(const char *text, size_t max)
{
	enum { LONGEST = 4 };
	size_t size = strnlen(text, max), start = size;

	while (start > 0 && size - start < LONGEST && ((uint8_t)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && (uint8_t)text[start - 1] >= 0xc0)
		start--;
	return start < size && utf8_length(text + start, size - start) == 0 ? start : size;
}

char *utf8_repair(const char *text, size_t size)
{
	char *copy = size < SIZE_MAX / 3 ? malloc(3 * size + 1) : NULL, *out = copy;

	if (!copy)
		return NULL;
	for (size_t i = 0; i < size;) {
		size_t n = utf8_length(text + i, size - i);

		if (n > 0) {
			memcpy(out, text + i, n);
			out += n;
			i += n;
		} else {
			memcpy(out, "\xef\xbf\xbd", 3);
			out += 3;
			i++;
		}
	}
	*out = '\0';
	return copy;
}
