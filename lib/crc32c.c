#include "lib/crc32c.h"

#include <stdbool.h>

#define CRC32C_POLYNOMIAL 0x82f63b78u	/* 0x1edc6f41 with its bits reversed */

static uint32_t table[256];

static void fill_table(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t value = i;

		for (int bit = 0; bit < 8; bit++)
			value = value & 1 ? value >> 1 ^ CRC32C_POLYNOMIAL : value >> 1;
		table[i] = value;
	}
}

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
	const uint8_t *p = data;

	if (table[1] == 0)
		fill_table();
	crc = ~crc;
	for (; size > 0; size--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return ~crc;
}
