/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef LIB_UTF8_H
#define LIB_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the sound sequence at the start of TEXT, at most SIZE; 0 when there is none. */
size_t utf8_length(const char *text, size_t size);

bool utf8_is_valid(const char *text, size_t size);

/* How many bytes of TEXT to take, at most MAX, so that no character is cut in two. */
size_t utf8_cut(const char *text, size_t max);

/* A copy owned by the caller in which every bad byte is U+FFFD; NULL when memory is out. */
char *utf8_repair(const char *text, size_t size);

#endif
