/* Shapes of JSON documents: rows of type, bounds and default; reading one gives its full form. */
#ifndef MASTER_STUB_MARATHON_DEFINITION_SHAPE_H
#define MASTER_STUB_MARATHON_DEFINITION_SHAPE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct problems;

enum shape_kind {
	SHAPE_STRING,
	SHAPE_NUMBER,
	SHAPE_INTEGER,
	SHAPE_BOOL,
	SHAPE_ENUM,	/* one of NAMES */
	SHAPE_OBJECT,	/* with the fields OF, ended by a row without key */
	SHAPE_LIST,	/* of the one row OF */
	SHAPE_MAP,	/* any key to the one row OF */
	SHAPE_CUSTOM,	/* what READ makes of it */
};

enum { SHAPE_PATH_SIZE = 512 };

struct shape {
	const char *key;
	enum shape_kind kind;
	bool is_required;
	bool is_strict;		/* an object that limits something: unknown keys are refused */
	bool omit_empty;	/* an empty list or map is left out */
	double min, max;	/* of the value, the bytes or the entries; max 0: no bound */
	const char *fallback;	/* JSON text; NULL: an absent field stays absent */
	const struct shape *of;
	const char *const *names;
	/* A string: NULL, or the sentence that says what is wrong with it. */
	const char *(*check)(const char *text);
	/* A new reference, or NULL with a problem added. */
	json_t *(*read)(const json_t *value, const char *path, struct problems *problems);
};

/*
 * The full form of VALUE at PATH: defaults filled in, nulls and unknown keys dropped, whole
 * numbers as integers.  A new reference, or NULL with at least one problem added.
 */
json_t *shape_read(const struct shape *shape, const json_t *value, const char *path,
		   struct problems *problems);

/* A number as it is written: without a fraction when it has none. */
json_t *shape_number(double value);

#endif
