/*
 * Any bytes as heads: bounds hold, views lie within the input, and whoever delivers the same bytes
 * in other pieces gets the same answer.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/http_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_sound)
{
	if (!is_sound)
		abort();
}

static void check_view(struct http_text view, const char *data, size_t size)
{
	check(view.size == 0 || (view.data >= data && view.data + view.size <= data + size));
}

static void check_head(const struct http_head *head, const char *data, int n)
{
	check(n <= HTTP_MAX_HEAD && memcmp(data + n - 4, "\r\n\r\n", 4) == 0);
	check(head->n_headers <= HTTP_MAX_HEADERS);
	check(!(head->is_chunked && head->has_length));
	check(head->length <= INT64_MAX);
	for (size_t i = 0; i < head->n_headers; i++) {
		check_view(head->headers[i].name, data, (size_t)n);
		check_view(head->headers[i].value, data, (size_t)n);
		check(head->headers[i].name.size > 0);
		check(!memchr(head->headers[i].value.data, '\n', head->headers[i].value.size));
	}
}

typedef int parse_fn(const char *data, size_t size, struct http_head *ret);

/* A prefix needs more or is refused for good; it is never taken for a whole head. */
static void check_prefixes(parse_fn *parse, const char *data, size_t size, int whole)
{
	size_t step = size / 64 + 1;
	struct http_head head;

	for (size_t n = 0; n < size; n += step) {
		int r = parse(data, n, &head);

		if (whole > 0)
			check(r == 0 || (n >= (size_t)whole && r == whole));
		else if (whole == 0)
			check(r == 0);
		else
			check(r <= 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static parse_fn *const parsers[] = { http_parse_request, http_parse_response };
	const char *data = (const char *)bytes;
	char *text = malloc(size + 1);

	check(text != NULL);
	for (int i = 0; i < 2; i++) {
		struct http_head head;
		int r = parsers[i](data, size, &head);

		check(r <= (int)size);
		if (r > 0)
			check_head(&head, data, r);
		if (r > 0 && i == 0)
			check_view(head.target, data, (size_t)r);
		check_prefixes(parsers[i], data, size, r);
	}
	for (int code = 0; code < N_HTTP_CODES; code++) {
		int r = http_decode(data, size, (enum http_code)code, text);

		check(r < 0 || ((size_t)r <= size && strlen(text) == (size_t)r));
	}
	free(text);
	return 0;
}
