/* uthash as all of Tepui uses it: include this instead of <uthash.h>. */
#ifndef LIB_HASH_H
#define LIB_HASH_H

/* Out of memory: the element is not added and its hh.tbl is NULL; the caller returns -ENOMEM. */
#define HASH_NONFATAL_OOM 1

/* The default one falls through its cases in a way that clang warns of at every use. */
#define HASH_FUNCTION(keyptr, keylen, hashv) HASH_OAT(keyptr, keylen, hashv)

#include <uthash.h>

#endif
