#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/utf8.h"
#include "net/http_parser.h"

static const char *const method_names[N_HTTP_METHODS] = {
	[HTTP_GET] = "GET",
	[HTTP_HEAD] = "HEAD",
	[HTTP_POST] = "POST",
	[HTTP_PUT] = "PUT",
	[HTTP_PATCH] = "PATCH",
	[HTTP_DELETE] = "DELETE",
	[HTTP_OPTIONS] = "OPTIONS",
};

static const struct {
	int status;
	const char *text;
} status_texts[] = {
	{ 100, "Continue" },
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 206, "Partial Content" },
	{ 301, "Moved Permanently" },
	{ 302, "Found" },
	{ 303, "See Other" },
	{ 304, "Not Modified" },
	{ 307, "Temporary Redirect" },
	{ 308, "Permanent Redirect" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 406, "Not Acceptable" },
	{ 408, "Request Timeout" },
	{ 409, "Conflict" },
	{ 410, "Gone" },
	{ 411, "Length Required" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 414, "URI Too Long" },
	{ 415, "Unsupported Media Type" },
	{ 416, "Range Not Satisfiable" },
	{ 417, "Expectation Failed" },
	{ 422, "Unprocessable Entity" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 505, "HTTP Version Not Supported" },
	{ 507, "Insufficient Storage" },
};

const char *http_method_name(enum http_method method)
{
	return method < N_HTTP_METHODS ? method_names[method] : "UNKNOWN";
}

const char *http_status_text(int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(status_texts); i++)
		if (status_texts[i].status == status)
			return status_texts[i].text;
	return "Unknown";
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool is_allowed(unsigned char c, enum http_code code)
{
	if (code == HTTP_CODE_FORM && (c == '\t' || c == '\r' || c == '\n'))
		return true;
	return c >= 0x20 && c != 0x7f;
}

int http_decode(const char *data, size_t size, enum http_code code, char *dst)
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c == '%') {
			int high = i + 2 < size ? hex_value(data[i + 1]) : -1;
			int low = i + 2 < size ? hex_value(data[i + 2]) : -1;

			if (high < 0 || low < 0)
				return -EINVAL;
			c = (unsigned char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && code != HTTP_CODE_PATH) {
			c = ' ';
		}
		if (!is_allowed(c, code))
			return -EINVAL;
		dst[n++] = (char)c;
	}
	dst[n] = '\0';
	return utf8_is_valid(dst, n) ? (int)n : -EINVAL;
}

char *http_encode(const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "-._~";
	char *out = malloc(strlen(text) * 3 + 1), *to = out;

	if (!out)
		return NULL;
	for (; *text; text++) {
		if (strchr(plain, *text))
			*to++ = *text;
		else
			to += sprintf(to, "%%%02X", (unsigned char)*text);
	}
	*to = '\0';
	return out;
}

/*
 * States of the chunked decoder: 0..8 count the digits of a length seen so far, so that a
 * zero-initialised struct is ready; the others follow.
 */
enum {
	CHUNK_MAX_DIGITS = 8,
	CHUNK_SIZE_LF = 16,
	CHUNK_DATA,
	CHUNK_DATA_CR,
	CHUNK_DATA_LF,
	CHUNK_END_CR,
	CHUNK_END_LF,
	CHUNK_DONE,
	CHUNK_BAD,
};

static int chunk_size_byte(struct http_chunks *chunks, char c)
{
	int digit = hex_value(c);

	if (digit >= 0 && chunks->state < CHUNK_MAX_DIGITS) {
		chunks->left = chunks->left * 16 + (uint64_t)digit;
		return chunks->state + 1;
	}
	return c == '\r' && chunks->state > 0 ? CHUNK_SIZE_LF : CHUNK_BAD;
}

/* The state after a byte C that is no payload. */
static int chunk_byte(struct http_chunks *chunks, char c)
{
	switch (chunks->state) {
	case CHUNK_SIZE_LF:
		if (c != '\n')
			return CHUNK_BAD;
		return chunks->left > 0 ? CHUNK_DATA : CHUNK_END_CR;
	case CHUNK_DATA_CR:
		return c == '\r' ? CHUNK_DATA_LF : CHUNK_BAD;
	case CHUNK_DATA_LF:
		return c == '\n' ? 0 : CHUNK_BAD;
	case CHUNK_END_CR:
		return c == '\r' ? CHUNK_END_LF : CHUNK_BAD;
	case CHUNK_END_LF:
		return c == '\n' ? CHUNK_DONE : CHUNK_BAD;
	default:
		return chunks->state <= CHUNK_MAX_DIGITS ? chunk_size_byte(chunks, c) : CHUNK_BAD;
	}
}

int http_chunks_feed(struct http_chunks *chunks, const char *data, size_t size, size_t *ret_used,
		     struct http_text *ret_payload)
{
	size_t at = 0;

	ret_payload->data = data;
	ret_payload->size = 0;
	while (at < size && chunks->state < CHUNK_DONE) {
		if (chunks->state == CHUNK_DATA) {
			size_t n = size - at < chunks->left ? size - at : (size_t)chunks->left;

			ret_payload->data = data + at;
			ret_payload->size = n;
			chunks->left -= n;
			if (chunks->left == 0)
				chunks->state = CHUNK_DATA_CR;
			at += n;
			break;
		}
		chunks->state = chunk_byte(chunks, data[at]);
		if (chunks->state != CHUNK_BAD)
			at++;
	}
	*ret_used = at;
	if (chunks->state == CHUNK_BAD)
		return -400;
	return chunks->state == CHUNK_DONE;
}
