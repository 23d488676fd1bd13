/* uthash as all of Tepui uses it: include this instead of <uthash.h>. */
#ifndef LIB_HASH_H
#define LIB_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Out of memory: the element is not added and its hh.tbl is NULL; the caller returns -ENOMEM. */
#define HASH_NONFATAL_OOM 1

/* Of uthash's own none has a key: whoever chooses ids could put all of them into one bucket. */
#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = (unsigned)hash_bytes((keyptr), (keylen)))

#include <uthash.h>

/* SipHash-2-4 (Aumasson and Bernstein, 2012). */
uint64_t hash_keyed(const uint64_t key[2], const void *data, size_t size);

/* The same with a key that is this process's alone. */
uint64_t hash_bytes(const void *data, size_t size);

#endif
