/* Arithmetic on resources: fixed-point thousandths for scalars, ranges for ports. */
#ifndef LIB_RESOURCES_H
#define LIB_RESOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ranges.h"
#include "lib/resource_parts.h"

struct err;
struct Mesos__V1__Resource;

/* The scalar resources; a new one is a row in resource_names. */
enum resource_kind { RESOURCE_CPUS, RESOURCE_MEM, RESOURCE_DISK, RESOURCE_GPUS, N_RESOURCE_KINDS };
extern const char *const resource_names[N_RESOURCE_KINDS];

/* The kind of a reserved part that is ranges; of no array of scalars. */
enum { RESOURCE_PORTS = N_RESOURCE_KINDS };

/* The name of what PART is of. */
const char *resource_part_name(const struct resource_part *part);
/* The scalar called NAME, or -ENOENT. */
int resource_kind_find(const char *name);
/* The same, or RESOURCE_PORTS. */
int resource_part_kind_find(const char *name);

/* cpus in 1/1000 cpu; mem and disk in 1/1000 MiB; gpus in 1/1000 (whole ones only). */
struct resources {
	int64_t scalar[N_RESOURCE_KINDS];	/* that everybody may have */
	struct ranges ports;			/* these, too */
	struct resource_parts parts;		/* and what is reserved */
};

void resources_done(struct resources *r);
int resources_copy(const struct resources *src, struct resources *ret);
int resources_add(struct resources *r, const struct resources *other);		/* -ENOMEM */
/* Callers check resources_contain() first: going below zero is a programmer's error. */
int resources_subtract(struct resources *r, const struct resources *other);
/* The same without that condition and without failing: where there is less, nothing is left. */
void resources_take_away(struct resources *r, const struct resources *other);
bool resources_contain(const struct resources *r, const struct resources *part);
bool resources_is_empty(const struct resources *r);
bool resources_equal(const struct resources *a, const struct resources *b);

/* All there is of KIND, reserved or not, volumes too. */
int64_t resources_quantity(const struct resources *r, enum resource_kind kind);
/* What of R a framework in ROLE may have: all that is not reserved for others. */
int resources_for_role(const struct resources *r, const char *role, struct resources *ret);
/* The reserved disk that the volumes among R are on. */
int resources_below_volumes(const struct resources *r, struct resources *ret);
/* What R would be without the last reservation of each; -EINVAL: there is a volume on one. */
int resources_below_reservations(const struct resources *r, struct resources *ret);
/* What R would be if nothing of it were reserved, and if nothing were dynamically; no volumes. */
int resources_unreserve(const struct resources *r, struct resources *ret);
int resources_below_dynamic(const struct resources *r, struct resources *ret);
/* What of R is dynamically reserved, and of volumes the disk that they are on. */
int resources_dynamic(const struct resources *r, struct resources *ret);
/* What is reserved more than once is left out: a framework of the old form cannot be told of it. */
int resources_without_refined(const struct resources *r, struct resources *ret);

/* FROM becomes TO.  -ENOSPC: R does not contain FROM.  Nothing is changed on failure. */
int resources_convert(struct resources *r, const struct resources *from,
		      const struct resources *to);

/* Rounded to the nearest thousandth (reference/mesos.md 1.9); -ERANGE if not finite or < 0. */
int resources_scalar_from_double(double value, int64_t *ret);
double resources_scalar_to_double(int64_t value);

/*
 * From and to Mesos messages.  Unknown names, sets and negative values are -EINVAL, and so are shared
 * and revocable resources, and every kind of disk but persistent volumes.  Reservations are read in
 * the form of RESERVATION_REFINEMENT and in the old one, and written in the former.
 * resources_to_messages() gives an array and messages owned by the caller, freed with
 * resources_messages_free(); ROLE NULL leaves allocation_info out.
 */
int resources_from_messages(struct Mesos__V1__Resource *const *messages, size_t n,
			    struct resources *ret, struct err *e);
int resources_to_messages(const struct resources *r, const char *role,
			  struct Mesos__V1__Resource ***ret, size_t *ret_n);
/*
 * Into the old form: "role", which is "*" where nothing is reserved, and "reservation" for a dynamic
 * one.  -ENOMEM; -EINVAL: what is reserved more than once cannot be told so.
 */
int resources_messages_downgrade(struct Mesos__V1__Resource *const *messages, size_t n);
void resources_messages_free(struct Mesos__V1__Resource **messages, size_t n);

/*
 * "cpus:4;mem:1024;disk:2048;disk(role):512;ports:[31000-32000]", the form of Mesos's --resources, or
 * its other one, a JSON array of messages.  Both are of what a node has: dynamic reservations and
 * volumes are -EINVAL, and only written, as "disk(reservations: [(DYNAMIC,role)])[id:path]:64".
 */
int resources_parse(const char *text, struct resources *ret, struct err *e);
/* The same, and which kinds (RESOURCE_PORTS, too) TEXT says anything of. */
int resources_parse_named(const char *text, struct resources *ret,
			  bool ret_named[N_RESOURCE_KINDS + 1], struct err *e);
char *resources_format(const struct resources *r);

/*
 * As Mesos's endpoints have them, new references: numbers by name and the ports as text, of all or of
 * what is not reserved; by role what is, as numbers or as messages.
 */
struct json_t;
struct json_t *resources_to_json(const struct resources *r);
struct json_t *resources_unreserved_to_json(const struct resources *r);
struct json_t *resources_reserved_to_json(const struct resources *r);
struct json_t *resources_reserved_full_to_json(const struct resources *r);

#endif
