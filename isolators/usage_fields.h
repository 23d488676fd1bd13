/* How an isolator's sample() reads its part of struct usage. */
#ifndef ISOLATORS_USAGE_FIELDS_H
#define ISOLATORS_USAGE_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "isolators/usage.h"

struct cgroup;

/* Where a number goes; rows of one file follow each other, so that it is read once. */
struct usage_field {
	const char *file;
	const char *key;	/* NULL: the file is one number */
	size_t offset;		/* of a uint64_t in struct usage */
};
#define USAGE_FIELD(file, key, member) { file, key, offsetof(struct usage, member) }

/* What a file or a controller does not tell stays as it is: unknown. */
void usage_read_fields(const struct cgroup *cg, const struct usage_field *fields, size_t n,
		       struct usage *usage);

/* FILE into RET, which is in USAGE; USAGE->has_pressure turns false if there is no such file. */
void usage_read_pressure(const struct cgroup *cg, const char *file, struct usage_pressure *ret,
			 struct usage *usage);

/*
 * "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" and, but for cpu on old kernels, a line "full".
 * -EINVAL; RET is written only on success.
 */
int usage_parse_pressure(const char *text, struct usage_pressure *ret);

#endif
