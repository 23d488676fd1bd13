#include "net/recordio.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/http_server.h"

enum { MAX_DIGITS = 8, FIRST_CAPACITY = 4096, BEING_READ = 1 };

int recordio_write(struct http_stream *stream, const void *data, size_t size)
{
	char head[MAX_DIGITS + 2];
	char *record;
	int n, r;

	if (size > RECORDIO_MAX)
		return -EMSGSIZE;
	n = snprintf(head, sizeof(head), "%u\n", (unsigned)size % 100000000);
	record = malloc((size_t)n + size);
	if (!record)
		return -ENOBUFS;
	memcpy(record, head, (size_t)n);
	memcpy(record + n, data, size);
	r = http_stream_write(stream, record, (size_t)n + size);
	free(record);
	return r;
}

/*
 * Read "LENGTH\n" at the start of DATA.  Returns its bytes, 0 when it is not complete, or -EINVAL:
 * digits only, no leading zero but of "0", within the bound.
 */
static int read_length(const char *data, size_t size, size_t *ret)
{
	size_t n = 0, length = 0;

	while (n < size && data[n] >= '0' && data[n] <= '9') {
		if (n == MAX_DIGITS || (n > 0 && length == 0))
			return -EINVAL;
		length = length * 10 + (size_t)(data[n++] - '0');
	}
	if (n == size)
		return 0;
	if (n == 0 || data[n] != '\n' || length > RECORDIO_MAX)
		return -EINVAL;
	*ret = length;
	return (int)n + 1;
}

/*
 * Hand out the complete records at the start of DATA, as long as FN does not empty READER;
 * *ret_used is what they took.
 */
static int take_records(const struct recordio_reader *reader, const char *data, size_t size,
			recordio_fn *fn, void *arg, size_t *ret_used, struct err *e)
{
	size_t at = 0;

	while (at < size && reader->cap == BEING_READ) {
		size_t length = 0;
		int n = read_length(data + at, size - at, &length), r;

		if (n < 0 || (reader->max > 0 && length > reader->max))
			return err_set(e, EINVAL, "read record: bad length");
		if (n == 0 || size - at - (size_t)n < length)
			break;
		r = fn(arg, data + at + n, length, e);
		if (r < 0)
			return r;
		at += (size_t)n + length;
	}
	*ret_used = at;
	return 0;
}

/* Grows by doubling with what has come: an announced length alone takes no memory. */
static int append(struct recordio_reader *reader, const void *data, size_t size, struct err *e)
{
	size_t need = reader->size + size, cap = reader->cap ? reader->cap : FIRST_CAPACITY;
	char *grown;

	if (size == 0)
		return 0;
	while (cap < need)
		cap *= 2;
	if (cap > reader->cap) {
		grown = realloc(reader->data, cap);
		if (!grown)
			return err_set(e, ENOMEM, "read record");
		reader->data = grown;
		reader->cap = cap;
	}
	memcpy(reader->data + reader->size, data, size);
	reader->size = need;
	return 0;
}

/* DATA is HELD's own, or the caller's when HELD is empty: either way HELD has what is left. */
static int keep_rest(struct recordio_reader *held, const char *data, size_t size, size_t used,
		     struct err *e)
{
	if (held->size == 0)
		return append(held, data + used, size - used, e);
	if (used > 0)
		memmove(held->data, held->data + used, size - used);
	held->size = size - used;
	return 0;
}

int recordio_feed(struct recordio_reader *reader, const void *data, size_t size, recordio_fn *fn,
		  void *arg, struct err *e)
{
	AUTO(recordio_done) struct recordio_reader held = *reader;
	size_t used = 0;
	int r = 0;

	/*
	 * FN may empty READER, when a record ends the connection: the bytes are ours as long as FN
	 * looks at them, and what follows them belongs to a stream that is over.
	 */
	*reader = (struct recordio_reader){ .cap = BEING_READ, .max = held.max };
	if (held.size > 0) {
		r = append(&held, data, size, e);
		data = held.data;
		size = held.size;
	}
	if (r == 0)
		r = take_records(reader, data, size, fn, arg, &used, e);
	if (r == 0 && reader->cap == BEING_READ)
		r = keep_rest(&held, data, size, used, e);
	if (r == 0 && reader->cap == BEING_READ)
		*reader = TAKE_VAL(held, (struct recordio_reader){ 0 });
	else
		recordio_done(reader);
	return r;
}

void recordio_done(struct recordio_reader *reader)
{
	free(reader->data);
	memset(reader, 0, sizeof(*reader));
}
