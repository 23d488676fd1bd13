/* CRC-32C (Castagnoli), to tell a damaged record from a sound one. */
#ifndef LIB_CRC32C_H
#define LIB_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Start with CRC 0; feed the result back in to go on with more bytes. */
uint32_t crc32c(uint32_t crc, const void *data, size_t size);

#endif
