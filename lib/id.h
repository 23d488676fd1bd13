/* Identifiers: random UUIDs, and the rule for ids that come from outside. */
#ifndef LIB_ID_H
#define LIB_ID_H

#include <stdbool.h>
#include <stdint.h>

struct rng;

enum { ID_UUID_SIZE = 37, ID_MAX = 255 };

/* Version 4 (RFC 9562) text form, from RNG. */
void id_uuid(struct rng *rng, char ret_text[ID_UUID_SIZE]);
void id_uuid_bytes(struct rng *rng, uint8_t ret_bytes[16]);

/*
 * May TEXT be a Mesos id (task, executor, framework)?  1..255 bytes, no control bytes, no '/' or
 * '\\', not "." or ".." (reference/mesos.md 1.8).
 */
bool id_is_valid(const char *text);

/* "OUTER/INNER", for what is known by two ids: owned, NULL when memory is out. */
char *id_pair(const char *outer, const char *inner);

#endif
