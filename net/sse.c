#include "net/sse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/http_server.h"

enum { SSE_MAX_EVENT = 16 << 20, FIRST_CAPACITY = 4096 };

int sse_write(struct http_stream *stream, const char *type, const char *id, const char *json)
{
	char *text = NULL;
	int n, r;

	if (id)
		n = asprintf(&text, "id: %s\r\nevent: %s\r\ndata: %s\r\n\r\n", id, type, json);
	else
		n = asprintf(&text, "event: %s\r\ndata: %s\r\n\r\n", type, json);
	if (n < 0)
		return -ENOBUFS;
	r = http_stream_write(stream, text, (size_t)n);
	free(text);
	return r;
}

int sse_keepalive(struct http_stream *stream)
{
	return http_stream_write(stream, "\r\n", 2);
}

/* The value of FIELD in LINE, without the one space after the colon; NULL for another field. */
static const char *field_value(const char *line, const char *field)
{
	size_t size = strlen(field);

	if (strncmp(line, field, size) != 0)
		return NULL;
	if (line[size] == '\0')
		return line + size;
	if (line[size] != ':')
		return NULL;
	line += size + 1;
	return *line == ' ' ? line + 1 : line;
}

/*
 * BLOCK is the lines of one event, each ended by NUL, SIZE bytes in all.  Several data lines become
 * one text with newlines between them.
 */
static int emit(char *block, size_t size, sse_fn *fn, void *arg)
{
	const char *type = NULL, *id = NULL;
	char *data = NULL, *end = NULL;

	for (char *line = block, *next; line < block + size; line = next) {
		const char *value;

		next = line + strlen(line) + 1;
		if ((value = field_value(line, "event")))
			type = value;
		else if ((value = field_value(line, "id")))
			id = value;
		value = field_value(line, "data");
		if (!value)
			continue;
		if (data)
			*end++ = '\n';
		else
			data = end = malloc(size);
		if (!data)
			return -ENOMEM;
		end = stpcpy(end, value);
	}
	if (data)
		fn(arg, type ? type : "message", id, data);
	free(data);
	return 0;
}

static int append(struct sse_reader *reader, const void *data, size_t size)
{
	size_t need = reader->size + size, cap = reader->cap ? reader->cap : FIRST_CAPACITY;
	char *grown;

	if (size > SSE_MAX_EVENT || need > SSE_MAX_EVENT)
		return -EMSGSIZE;
	while (cap < need)
		cap *= 2;
	if (cap > reader->cap) {
		grown = realloc(reader->data, cap);
		if (!grown)
			return -ENOMEM;
		reader->data = grown;
		reader->cap = cap;
	}
	memcpy(reader->data + reader->size, data, size);
	reader->size = need;
	return 0;
}

int sse_feed(struct sse_reader *reader, const void *data, size_t size, sse_fn *fn, void *arg)
{
	size_t at = reader->size, start = 0;
	char *newline;
	int r;

	if (size == 0)
		return 0;
	r = append(reader, data, size);
	if (r < 0)
		return r;
	while ((newline = memchr(reader->data + at, '\n', reader->size - at))) {
		size_t line_size;

		*newline = '\0';
		if (newline > reader->data + reader->line && newline[-1] == '\r')
			newline[-1] = '\0';
		line_size = strlen(reader->data + reader->line);
		at = (size_t)(newline - reader->data) + 1;
		/* An empty line ends the event. */
		if (line_size == 0) {
			r = emit(reader->data + start, reader->line - start, fn, arg);
			if (r < 0)
				return r;
			start = at;
		}
		reader->line = at;
	}
	reader->size -= start;
	reader->line -= start;
	memmove(reader->data, reader->data + start, reader->size);
	return 0;
}

void sse_done(struct sse_reader *reader)
{
	free(reader->data);
	memset(reader, 0, sizeof(*reader));
}
