#include "net/http_parser.h"

#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"

/* What the headers seen so far say about framing. */
struct framing {
	unsigned n_hosts;
	unsigned n_lengths;
	unsigned n_codings;
	bool has_close;
	bool has_keep_alive;
	bool is_bad_coding;
};

/* tchar of RFC 9110 5.6.2. */
static bool is_token_byte(unsigned char c)
{
	if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
		return true;
	return c != 0 && strchr("!#$%&'*+-.^_`|~", c);
}

static bool is_token(const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!is_token_byte((unsigned char)data[i]))
			return false;
	return size > 0;
}

static bool text_equals(struct http_text text, const char *word)
{
	return text.size == strlen(word) && strncasecmp(text.data, word, text.size) == 0;
}

/*
 * The size of the line at DATA without its CRLF; -1 if it is not complete; -400 on a bare CR, a
 * bare LF or a NUL, which readers of HTTP disagree about.
 */
static long line_size(const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] == '\n' || data[i] == '\0')
			return -400;
		if (data[i] != '\r')
			continue;
		if (i + 1 == size)
			return -1;
		return data[i + 1] == '\n' ? (long)i : -400;
	}
	return -1;
}

/* "HTTP/1.1": 0 and the minor version, -505 for another major one, -400 for anything else. */
static int parse_version(const char *data, size_t size, int *ret_minor)
{
	if (size != 8 || memcmp(data, "HTTP/", 5) != 0 || data[6] != '.')
		return -400;
	if (data[5] < '0' || data[5] > '9' || data[7] < '0' || data[7] > '9')
		return -400;
	if (data[5] == '0')
		return -400;
	if (data[5] != '1')
		return -505;
	*ret_minor = data[7] - '0';
	return 0;
}

/* Origin-form only: no proxy stands here, and two ways to name a host are one too many. */
static int check_target(struct http_text target)
{
	if (target.size > HTTP_MAX_TARGET)
		return -414;
	if (target.size == 0 || target.data[0] != '/')
		return -400;
	for (size_t i = 0; i < target.size; i++) {
		unsigned char c = (unsigned char)target.data[i];

		if (c <= 0x20 || c >= 0x7f || c == '#')
			return -400;
	}
	return 0;
}

static int find_method(const char *data, size_t size, enum http_method *ret)
{
	for (int i = 0; i < N_HTTP_METHODS; i++) {
		const char *name = http_method_name((enum http_method)i);

		if (strlen(name) == size && memcmp(name, data, size) == 0) {
			*ret = (enum http_method)i;
			return 0;
		}
	}
	return -405;
}

static int parse_request_line(const char *line, size_t size, struct http_head *head)
{
	const char *space = memchr(line, ' ', size);
	const char *last = memrchr(line, ' ', size);
	int r;

	if (!space || !is_token(line, (size_t)(space - line)))
		return -400;
	if (space == last)
		return size > HTTP_MAX_TARGET ? -414 : -400;
	r = parse_version(last + 1, (size_t)(line + size - last - 1), &head->minor_version);
	if (r < 0)
		return r;
	r = find_method(line, (size_t)(space - line), &head->method);
	if (r < 0)
		return r;
	head->target.data = space + 1;
	head->target.size = (size_t)(last - space - 1);
	return check_target(head->target);
}

/* Some servers leave out the space before an empty reason: the status is clear all the same. */
static int parse_status_line(const char *line, size_t size, struct http_head *head)
{
	int status = 0;

	if (size < 12 || line[8] != ' ')
		return -400;
	if (parse_version(line, 8, &head->minor_version) < 0)
		return -400;
	for (size_t i = 9; i < 12; i++) {
		if (line[i] < '0' || line[i] > '9')
			return -400;
		status = status * 10 + (line[i] - '0');
	}
	if (status < 100 || status > 599 || (size > 12 && line[12] != ' '))
		return -400;
	for (size_t i = 12; i < size; i++) {
		unsigned char c = (unsigned char)line[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return -400;
	}
	head->status = status;
	return 0;
}

/*
 * Digits only, no leading zero: whatever another reader might take for another number is refused.
 * Beyond 2^63 the value saturates, so that it is refused as too large and never wraps.
 */
static int parse_length(struct http_text value, uint64_t *ret)
{
	uint64_t n = 0;

	if (value.size == 0 || (value.size > 1 && value.data[0] == '0'))
		return -400;
	for (size_t i = 0; i < value.size; i++) {
		unsigned digit = (unsigned)(value.data[i] - '0');

		if (digit > 9)
			return -400;
		if (n > ((uint64_t)INT64_MAX - digit) / 10)
			n = (uint64_t)INT64_MAX;
		else
			n = n * 10 + digit;
	}
	*ret = n;
	return 0;
}

static void parse_connection(struct http_text value, struct framing *framing)
{
	const char *at = value.data, *end = value.data + value.size;

	while (at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		const char *stop = comma ? comma : end;
		struct http_text word = { at, (size_t)(stop - at) };

		while (word.size > 0 && (word.data[0] == ' ' || word.data[0] == '\t')) {
			word.data++;
			word.size--;
		}
		while (word.size > 0 && (word.data[word.size - 1] == ' ' ||
					 word.data[word.size - 1] == '\t'))
			word.size--;
		framing->has_close |= text_equals(word, "close");
		framing->has_keep_alive |= text_equals(word, "keep-alive");
		at = stop + 1;
	}
}

static bool is_host(struct http_text value)
{
	for (size_t i = 0; i < value.size; i++) {
		unsigned char c = (unsigned char)value.data[i];

		if (c <= 0x20 || c >= 0x7f || strchr("/\\?#@,<>\"", c))
			return false;
	}
	return true;
}

enum known_header {
	KNOWN_LENGTH, KNOWN_CODING, KNOWN_HOST, KNOWN_CONNECTION, KNOWN_EXPECT,
	N_KNOWN,
};

static const char *const known_names[N_KNOWN] = {
	[KNOWN_LENGTH] = "Content-Length",
	[KNOWN_CODING] = "Transfer-Encoding",
	[KNOWN_HOST] = "Host",
	[KNOWN_CONNECTION] = "Connection",
	[KNOWN_EXPECT] = "Expect",
};

/* RAW is the value with the white space around it. */
static int note_header(const struct http_header *header, struct http_text raw,
		       struct http_head *head, struct framing *framing)
{
	int known = 0;

	while (known < N_KNOWN && !text_equals(header->name, known_names[known]))
		known++;
	switch (known) {
	case KNOWN_LENGTH:
		framing->n_lengths++;
		head->has_length = true;
		if (memchr(raw.data, '\t', raw.size))
			return -400;
		return parse_length(header->value, &head->length);
	case KNOWN_CODING:
		framing->n_codings++;
		if (memchr(raw.data, '\t', raw.size))
			return -400;
		head->is_chunked = text_equals(header->value, "chunked");
		framing->is_bad_coding |= !head->is_chunked;
		return 0;
	case KNOWN_HOST:
		framing->n_hosts++;
		return is_host(header->value) ? 0 : -400;
	case KNOWN_CONNECTION:
		parse_connection(header->value, framing);
		return 0;
	case KNOWN_EXPECT:
		if (head->minor_version == 0)
			return 0;
		head->expects_continue = text_equals(header->value, "100-continue");
		return head->expects_continue ? 0 : -417;
	default:
		return 0;
	}
}

static int parse_header(const char *line, size_t size, struct http_head *head,
			struct framing *framing)
{
	const char *colon = memchr(line, ':', size);
	struct http_header *header;
	struct http_text raw;

	/* A line that starts with white space continues the one before (obs-fold): not a token. */
	if (!colon || !is_token(line, (size_t)(colon - line)))
		return -400;
	if (head->n_headers == HTTP_MAX_HEADERS)
		return -431;
	raw.data = colon + 1;
	raw.size = (size_t)(line + size - raw.data);
	for (size_t i = 0; i < raw.size; i++) {
		unsigned char c = (unsigned char)raw.data[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return -400;
	}
	header = &head->headers[head->n_headers++];
	header->name.data = line;
	header->name.size = (size_t)(colon - line);
	header->value = raw;
	while (header->value.size > 0 && strchr(" \t", header->value.data[0])) {
		header->value.data++;
		header->value.size--;
	}
	while (header->value.size > 0 && strchr(" \t", header->value.data[header->value.size - 1]))
		header->value.size--;
	return note_header(header, raw, head, framing);
}

static int check_framing(struct http_head *head, const struct framing *framing)
{
	if (framing->n_lengths > 1 || framing->n_codings > 1)
		return -400;
	if (framing->n_codings > 0 && (framing->n_lengths > 0 || head->minor_version == 0))
		return -400;
	if (framing->is_bad_coding)
		return -501;
	head->keep_alive = !framing->has_close &&
			   (head->minor_version > 0 || framing->has_keep_alive);
	return 0;
}

static int check_request(struct http_head *head, const struct framing *framing)
{
	bool is_read = head->method == HTTP_GET || head->method == HTTP_HEAD;

	if (framing->n_hosts > 1 || (framing->n_hosts == 0 && head->minor_version > 0))
		return -400;
	/*
	 * No reader agrees with another on what a body of these would mean.  go-marathon sends one: what
	 * it announces is read and ignored, and nothing behind it is taken for a request.
	 */
	if (is_read && head->is_chunked)
		return -400;
	if (is_read && head->length > 0)
		head->keep_alive = false;
	return 0;
}

typedef int start_line_fn(const char *line, size_t size, struct http_head *head);

static int parse_head(const char *data, size_t size, start_line_fn *start_line,
		      struct http_head *head, struct framing *framing)
{
	size_t at = 0;

	for (;;) {
		size_t limit = size < HTTP_MAX_HEAD ? size : HTTP_MAX_HEAD;
		long n = line_size(data + at, limit - at);
		int r;

		if (n == -1 && limit == HTTP_MAX_HEAD)
			return at == 0 && start_line == parse_request_line ? -414 : -431;
		if (n < 0)
			return n == -1 ? 0 : (int)n;
		if (at > 0 && n == 0)
			break;
		r = at == 0 ? start_line(data, (size_t)n, head) :
			      parse_header(data + at, (size_t)n, head, framing);
		if (r < 0)
			return r;
		at += (size_t)n + 2;
	}
	return (int)at + 2;
}

static void clear_head(struct http_head *head)
{
	memset(head, 0, offsetof(struct http_head, headers));
	memset(&head->n_headers, 0, sizeof(*head) - offsetof(struct http_head, n_headers));
}

/* So that TLS or noise on the port is refused with its first bytes, not at the deadline. */
static bool starts_like_method(const char *data, size_t size)
{
	for (size_t i = 0; i < size && data[i] != ' '; i++)
		if (i >= 32 || !is_token_byte((unsigned char)data[i]))
			return false;
	return size == 0 || data[0] != ' ';
}

int http_parse_request(const char *data, size_t size, struct http_head *ret)
{
	struct framing framing = { 0 };
	int n, r;

	clear_head(ret);
	if (!starts_like_method(data, size))
		return -400;
	n = parse_head(data, size, parse_request_line, ret, &framing);
	if (n <= 0)
		return n;
	r = check_framing(ret, &framing);
	if (r == 0)
		r = check_request(ret, &framing);
	return r < 0 ? r : n;
}

int http_parse_response(const char *data, size_t size, struct http_head *ret)
{
	struct framing framing = { 0 };
	int n;

	clear_head(ret);
	n = parse_head(data, size, parse_status_line, ret, &framing);
	if (n < 0 || (n > 0 && check_framing(ret, &framing) < 0))
		return -400;
	return n;
}

const struct http_header *http_head_find(const struct http_head *head, const char *name)
{
	for (size_t i = 0; i < head->n_headers; i++)
		if (text_equals(head->headers[i].name, name))
			return &head->headers[i];
	return NULL;
}
