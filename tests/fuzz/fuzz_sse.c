/* Any bytes as an event stream: in one piece and in many, the same events. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t mix(uint64_t hash, const char *text)
{
	for (; text && *text; text++)
		hash = hash * 31 + (unsigned char)*text;
	return hash * 31 + 256;
}

static void on_event(void *arg, const char *type, const char *id, const char *data)
{
	uint64_t *hash = arg;

	*hash = mix(mix(mix(*hash, type), id), data);
}

static uint64_t read_all(const uint8_t *data, size_t size, size_t step)
{
	struct sse_reader reader = { 0 };
	uint64_t hash = 0;

	for (size_t at = 0; at < size; at += step)
		if (sse_feed(&reader, data + at, size - at < step ? size - at : step, on_event,
			     &hash) < 0)
			abort();
	sse_done(&reader);
	return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t step = size > 0 ? data[size - 1] % 5 + 1 : 1;

	if (read_all(data, size, size ? size : 1) != read_all(data, size, step))
		abort();
	return 0;
}
