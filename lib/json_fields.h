/* Table-driven reading of JSON objects: one row says key, type, presence, bounds and place. */
#ifndef LIB_JSON_FIELDS_H
#define LIB_JSON_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum json_kind {
	JSON_F_STR,		/* char *, owned, length within min..max bytes */
	JSON_F_U64,		/* uint64_t within min..max */
	JSON_F_I64,		/* int64_t within min..max (cast) */
	JSON_F_DOUBLE,		/* double, integer accepted; no bounds but finite */
	JSON_F_BOOL,		/* bool */
	JSON_F_STR_LIST,	/* char **, NULL-terminated, owned; max = most entries */
	JSON_F_JSON,		/* json_t *, a new reference, any type */
	JSON_F_IGNORED,		/* accepted and not read: must be a decision, with a comment */
};

struct json_field {
	const char *key;
	enum json_kind kind;
	bool required;
	size_t off;		/* into the destination struct */
	uint64_t min, max;
};

/*
 * Read OBJECT into DST by FIELDS; WHERE names it in messages ("process.user").  Fields that are
 * absent or null leave DST alone; an unknown key is -EINVAL, so that a typo in a limit never
 * means "no limit".  On failure strings already stored are freed and their places are NULL.
 */
int json_read_fields(const json_t *object, const char *where, const struct json_field *fields,
		     size_t n_fields, void *dst, struct err *e);

/*
 * The same of a document whose standard has readers pass over what they do not know: keys that are
 * not in FIELDS are left alone.
 */
int json_read_known_fields(const json_t *object, const char *where,
			   const struct json_field *fields, size_t n_fields, void *dst,
			   struct err *e);

/* Free what json_read_fields() stored in DST and leave NULL. */
void json_free_fields(const struct json_field *fields, size_t n_fields, void *dst);

#endif
