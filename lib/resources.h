/* Arithmetic on resources: fixed-point thousandths for scalars, ranges for ports. */
#ifndef LIB_RESOURCES_H
#define LIB_RESOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ranges.h"

struct err;
struct Mesos__V1__Resource;

/* The scalar resources; a new one is a row in resource_names. */
enum resource_kind { RESOURCE_CPUS, RESOURCE_MEM, RESOURCE_DISK, RESOURCE_GPUS, N_RESOURCE_KINDS };
extern const char *const resource_names[N_RESOURCE_KINDS];

/* The kind called NAME, or -ENOENT. */
int resource_kind_find(const char *name);

/* cpus in 1/1000 cpu; mem and disk in 1/1000 MiB; gpus in 1/1000 (whole ones only). */
struct resources {
	int64_t scalar[N_RESOURCE_KINDS];
	struct ranges ports;
};

void resources_done(struct resources *r);
int resources_copy(const struct resources *src, struct resources *ret);
int resources_add(struct resources *r, const struct resources *other);		/* -ENOMEM */
/* Callers check resources_contain() first: going below zero is a programmer's error. */
int resources_subtract(struct resources *r, const struct resources *other);
bool resources_contain(const struct resources *r, const struct resources *part);
bool resources_is_empty(const struct resources *r);
bool resources_equal(const struct resources *a, const struct resources *b);

/* Dominant share: the largest of PART/TOTAL over the scalars that TOTAL has; 0..1. */
double resources_dominant_share(const struct resources *part, const struct resources *total);

/* Rounded to the nearest thousandth (reference/mesos.md 1.9); -ERANGE if not finite or < 0. */
int resources_scalar_from_double(double value, int64_t *ret);
double resources_scalar_to_double(int64_t value);

/*
 * From and to Mesos messages.  Unknown names, sets and negative values are -EINVAL.
 * resources_to_messages() gives an array and messages owned by the caller, freed with
 * resources_messages_free(); ROLE NULL leaves allocation_info out.
 */
int resources_from_messages(struct Mesos__V1__Resource *const *messages, size_t n,
			    struct resources *ret, struct err *e);
int resources_to_messages(const struct resources *r, const char *role,
			  struct Mesos__V1__Resource ***ret, size_t *ret_n);
void resources_messages_free(struct Mesos__V1__Resource **messages, size_t n);

/* "cpus:4;mem:1024;disk:2048;ports:[31000-32000]", the form of Mesos's --resources. */
int resources_parse(const char *text, struct resources *ret, struct err *e);
char *resources_format(const struct resources *r);

#endif
