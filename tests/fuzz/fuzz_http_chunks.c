/* Any bytes as a chunked body: in one piece and in many, the same payload and the same end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/http_parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Decode in pieces of STEP bytes.  Returns the decoder's last word. */
static int decode(const char *data, size_t size, size_t step, char *payload, size_t *ret_payload,
		  size_t *ret_used)
{
	struct http_chunks chunks = { 0 };
	size_t at = 0, end = 0, n = 0;
	int r = 0;

	while (end < size && r == 0) {
		end = size - end < step ? size : end + step;
		while (at < end && r == 0) {
			struct http_text piece;
			size_t used = 0;

			r = http_chunks_feed(&chunks, data + at, end - at, &used, &piece);
			if (used > end - at || piece.size > used || n + piece.size > size ||
			    (used == 0 && r == 0))
				abort();
			memcpy(payload + n, piece.data, piece.size);
			n += piece.size;
			at += used;
		}
	}
	*ret_payload = n;
	*ret_used = at;
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	size_t step = size > 0 ? bytes[0] % 7 + 1 : 1, n[2], used[2];
	const char *data = (const char *)bytes;
	char *payload[2] = { malloc(size + 1), malloc(size + 1) };
	int r[2];

	if (!payload[0] || !payload[1])
		abort();
	r[0] = decode(data, size, size ? size : 1, payload[0], &n[0], &used[0]);
	r[1] = decode(data, size, step, payload[1], &n[1], &used[1]);
	if (r[0] != r[1] || n[0] != n[1] || used[0] != used[1] ||
	    memcmp(payload[0], payload[1], n[0]) != 0)
		abort();
	free(payload[0]);
	free(payload[1]);
	return 0;
}
