#include "lib/json_out.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/utf8.h"

enum { FIRST_CAP = 512, NUMBER_SIZE = 40 };

void json_out_done(struct json_out *out)
{
	free(out->data);
	*out = (struct json_out){ 0 };
}

void json_out_clear(struct json_out *out)
{
	out->size = 0;
}

/* Room for SIZE more bytes, or NULL. */
static char *reserve(struct json_out *out, size_t size)
{
	size_t cap = out->cap ? out->cap : FIRST_CAP;
	char *data;

	if (out->is_failed)
		return NULL;
	while (cap - out->size < size)
		cap *= 2;
	if (cap > out->cap) {
		data = realloc(out->data, cap);
		if (!data) {
			out->is_failed = true;
			return NULL;
		}
		out->data = data;
		out->cap = cap;
	}
	return out->data + out->size;
}

char *json_out_take(struct json_out *out, size_t *ret_size)
{
	char *end = reserve(out, 1), *text = NULL;

	if (end) {
		*end = '\0';
		*ret_size = out->size;
		text = TAKE_PTR(out->data);
	}
	json_out_done(out);
	return text;
}

void json_out_raw(struct json_out *out, const void *data, size_t size)
{
	char *at = reserve(out, size);

	if (!at)
		return;
	memcpy(at, data, size);
	out->size += size;
}

static void put(struct json_out *out, char c)
{
	json_out_raw(out, &c, 1);
}

/* Before a value or a key. */
static void separate(struct json_out *out)
{
	if (out->needs_comma)
		put(out, ',');
	out->needs_comma = true;
}

void json_out_text(struct json_out *out, const char *text, size_t size)
{
	separate(out);
	json_out_raw(out, text, size);
}

void json_out_open(struct json_out *out, char bracket)
{
	separate(out);
	put(out, bracket);
	out->needs_comma = false;
}

void json_out_close(struct json_out *out, char bracket)
{
	put(out, bracket);
	out->needs_comma = true;
}

/* ---- strings ---- */

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static void put_escaped(struct json_out *out, unsigned char c)
{
	static const char names[] = { ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r',
				      ['\t'] = 't', ['"'] = '"', ['\\'] = '\\' };
	char text[8];
	int n;

	if (c < sizeof(names) && names[c])
		n = snprintf(text, sizeof(text), "\\%c", names[c]);
	else
		n = snprintf(text, sizeof(text), "\\u%04X", c);
	json_out_raw(out, text, (size_t)n);
}

/* TEXT is UTF-8. */
static void put_sound(struct json_out *out, const char *text)
{
	while (*text) {
		size_t n = 0;

		while (text[n] && (is_plain((unsigned char)text[n]) || (text[n] & 0x80)))
			n++;
		json_out_raw(out, text, n);
		text += n;
		if (*text)
			put_escaped(out, (unsigned char)*text++);
	}
}

static void put_quoted(struct json_out *out, const char *text)
{
	AUTO_FREE char *repaired = NULL;
	size_t n = 0;

	put(out, '"');
	while (is_plain((unsigned char)text[n]))
		n++;
	json_out_raw(out, text, n);
	if (text[n] && !utf8_is_valid(text + n, strlen(text + n))) {
		repaired = utf8_repair(text + n, strlen(text + n));
		if (repaired)
			put_sound(out, repaired);
		else
			out->is_failed = true;
	} else {
		put_sound(out, text + n);
	}
	put(out, '"');
}

void json_out_key(struct json_out *out, const char *key)
{
	separate(out);
	put_quoted(out, key);
	put(out, ':');
	out->needs_comma = false;
}

void json_out_string(struct json_out *out, const char *text)
{
	separate(out);
	put_quoted(out, text);
}

/* ---- the rest ---- */

/* The digits of VALUE end before END; where they begin. */
static char *digits_before(char *end, uint64_t value)
{
	do {
		*--end = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	return end;
}

void json_out_int(struct json_out *out, int64_t value)
{
	char text[NUMBER_SIZE], *end = text + sizeof(text);
	char *at = digits_before(end, value < 0 ? -(uint64_t)value : (uint64_t)value);

	if (value < 0)
		*--at = '-';
	json_out_text(out, at, (size_t)(end - at));
}

void json_out_uint(struct json_out *out, uint64_t value)
{
	char text[NUMBER_SIZE];

	if (value <= INT64_MAX) {
		json_out_int(out, (int64_t)value);
		return;
	}
	snprintf(text, sizeof(text), "%" PRIu64, value);
	json_out_string(out, text);
}

/* As "%.15g" would have it, for the most common of numbers in a tenth of the time. */
static bool put_thousandths(struct json_out *out, double value)
{
	const double most = 1e12;
	char text[NUMBER_SIZE], *end = text + sizeof(text), *at;
	uint64_t n;

	if (!(value >= 0 && value < most) || signbit(value))
		return false;
	n = (uint64_t)(value * 1000 + 0.5);
	if ((double)n / 1000 != value)
		return false;
	for (int i = 0; i < 3; i++) {
		*--end = (char)('0' + n % 10);
		n /= 10;
	}
	*--end = '.';
	at = digits_before(end, n);
	/* One digit of the fraction stays. */
	for (end = text + sizeof(text); end[-1] == '0' && end[-2] != '.'; end--)
		;
	json_out_text(out, at, (size_t)(end - at));
	return true;
}

void json_out_real(struct json_out *out, double value)
{
	char text[NUMBER_SIZE];
	int n;

	if (isnan(value) || isinf(value)) {
		json_out_string(out, isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
		return;
	}
	if (put_thousandths(out, value))
		return;
	n = snprintf(text, sizeof(text), "%.15g", value);
	if (!strpbrk(text, ".e")) {
		strcpy(text + n, ".0");
		n += 2;
	}
	json_out_text(out, text, (size_t)n);
}

void json_out_bool(struct json_out *out, bool value)
{
	const char *text = value ? "true" : "false";

	json_out_text(out, text, strlen(text));
}

void json_out_null(struct json_out *out)
{
	json_out_text(out, "null", strlen("null"));
}

/* ---- keys with their values ---- */

void json_out_key_string(struct json_out *out, const char *key, const char *text)
{
	if (!text)
		return;
	json_out_key(out, key);
	json_out_string(out, text);
}

void json_out_key_uint(struct json_out *out, const char *key, uint64_t value)
{
	json_out_key(out, key);
	json_out_uint(out, value);
}

/* ---- trees ---- */

static void put_value(struct json_out *out, const json_t *value);

static void put_array(struct json_out *out, const json_t *array)
{
	const json_t *value;
	size_t i;

	json_out_open(out, '[');
	json_array_foreach(array, i, value)
		put_value(out, value);
	json_out_close(out, ']');
}

static void put_object(struct json_out *out, json_t *object)
{
	const json_t *value;
	const char *key;

	json_out_open(out, '{');
	json_object_foreach(object, key, value) {
		json_out_key(out, key);
		put_value(out, value);
	}
	json_out_close(out, '}');
}

static void put_value(struct json_out *out, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		put_object(out, (json_t *)(uintptr_t)value);
		break;
	case JSON_ARRAY:
		put_array(out, value);
		break;
	case JSON_STRING:
		json_out_string(out, json_string_value(value));
		break;
	case JSON_INTEGER:
		json_out_int(out, json_integer_value(value));
		break;
	case JSON_REAL:
		json_out_real(out, json_real_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		json_out_bool(out, json_is_true(value));
		break;
	case JSON_NULL:
		json_out_null(out);
		break;
	}
}

void json_out_tree(struct json_out *out, json_t *value_take)
{
	if (value_take)
		put_value(out, value_take);
	else
		out->is_failed = true;
	json_decref(value_take);
}
