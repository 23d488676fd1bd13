/* Base64 with the standard alphabet and padding (RFC 4648 section 4). */
#ifndef LIB_BASE64_H
#define LIB_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* Returns text owned by the caller, NULL when memory is out. */
char *base64_encode(const void *data, size_t size);

/* *RET is owned by the caller, NULL for no bytes.  -EINVAL if it is not padded base64, -ENOMEM. */
int base64_decode(const char *text, size_t length, uint8_t **ret, size_t *ret_size);

#endif
