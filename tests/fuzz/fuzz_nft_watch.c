/* Any bytes as what the kernel tells of nftables. */
#include <stdint.h>

#include "net/nft_watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t generation;

	(void)nft_watch_concerns(data, size, "tepui");
	(void)nft_watch_generation(data, size, 0, &generation);
	return 0;
}
