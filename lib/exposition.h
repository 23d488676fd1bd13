/* The text format in which programs expose metrics to Prometheus: reading one metric out of it. */
#ifndef LIB_EXPOSITION_H
#define LIB_EXPOSITION_H

#include <stddef.h>

struct err;

struct exposition_label {
	const char *name, *value;
};

enum { EXPOSITION_MAX_LABELS = 16 };	/* of a query */

/* The series of metric NAME that have all LABELS; an empty value is also that of an absent label. */
struct exposition_query {
	const char *name;
	struct exposition_label labels[EXPOSITION_MAX_LABELS];
	size_t n_labels;
};

struct exposition_sum {
	double sum;
	size_t n;		/* series in it */
};

/*
 * Add up what TEXT, from anybody, says of QUERY.  -EBADMSG: a line is malformed, whatever it is
 * of; -ERANGE: one of the series has no finite value, or their sum is beyond 1e100; -ENOENT: there is none.
 */
int exposition_read(const char *text, size_t size, const struct exposition_query *query,
		    struct exposition_sum *ret, struct err *e);

#endif
