/* What an offer must at least have: of any one of several sets of amounts, all. */
#ifndef MASTER_STUB_MIN_ALLOCATABLE_H
#define MASTER_STUB_MIN_ALLOCATABLE_H

#include "lib/quantities.h"
#include "proto/mesos.pb-c.h"

struct err;

enum { MIN_ALLOCATABLE_MAX = 16 };

struct min_allocatable {
	struct quantities sets[MIN_ALLOCATABLE_MAX];
	size_t n;		/* 0: whatever it is */
};

/* "cpus:0.01|mem:32", the form of Mesos's --min_allocatable_resources; "" is none.  -EINVAL. */
int min_allocatable_parse(const char *text, struct min_allocatable *ret, struct err *e);

/*
 * What INFO says of ROLE; false if nothing.  A set with a resource that is not known is never had;
 * sets beyond the first sixteen are ignored.
 */
bool min_allocatable_of(const Mesos__V1__FrameworkInfo *info, const char *role,
			struct min_allocatable *ret);

#endif
