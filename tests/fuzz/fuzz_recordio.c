/* Any bytes as records: in one piece and in many, the same records and the same end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "net/recordio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
	size_t n, bytes;
	uint64_t hash;
};

static int on_record(void *arg, const void *data, size_t size, struct err *e)
{
	const unsigned char *byte = data;
	struct sum *sum = arg;

	(void)e;
	sum->n++;
	sum->bytes += size;
	for (size_t i = 0; i < size; i++)
		sum->hash = sum->hash * 31 + byte[i];
	sum->hash = sum->hash * 31 + 256;
	return 0;
}

static int read_all(const uint8_t *data, size_t size, size_t step, struct sum *sum)
{
	struct recordio_reader reader = { 0 };
	struct err e = { 0 };
	int r = 0;

	for (size_t at = 0; at < size && r == 0; at += step)
		r = recordio_feed(&reader, data + at, size - at < step ? size - at : step, on_record,
				  sum, &e);
	if (reader.size > size || reader.cap > 4 * size + 8192)
		abort();
	recordio_done(&reader);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sum whole = { 0 }, pieces = { 0 };
	int r = read_all(data, size, size ? size : 1, &whole);

	if (read_all(data, size, size > 0 ? data[size - 1] % 5 + 1 : 1, &pieces) != r ||
	    whole.n != pieces.n || whole.hash != pieces.hash || whole.bytes > size)
		abort();
	return 0;
}
