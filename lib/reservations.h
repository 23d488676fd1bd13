/* The stack of reservations that a resource is under. */
#ifndef LIB_RESERVATIONS_H
#define LIB_RESERVATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct err;
struct Mesos__V1__Resource;
struct Mesos__V1__Resource__ReservationInfo;

/*
 * Never changed once made, and shared by all that are under it.  Only the first may be static, and
 * each is for a role below that of the one before it (reference/mesos.md 1.9).  Labels are kept in
 * the order of their names: which was told first makes no difference.
 *
 * NULL is the stack that nearly all have: one static reservation that says no more than its role,
 * which is told beside it.
 */
struct reservations;

/*
 * Those of M, in the new form ("reservations") or the old one ("role" and "reservation"), or -EINVAL.
 * *ret_role is borrowed from M: the role of the last one, or NULL when nothing is reserved.
 */
int reservations_read(const struct Mesos__V1__Resource *m, struct reservations **ret,
		      const char **ret_role, struct err *e);
/* In the new form; ROLE is that of the last one.  -ENOMEM: M has some of them. */
int reservations_write(const struct reservations *stack, const char *role,
		       struct Mesos__V1__Resource *m);

struct reservations *reservations_ref(struct reservations *stack);
void reservations_unref(struct reservations *stack);
int reservations_compare(const struct reservations *a, const struct reservations *b);

/* How many there are; more than one cannot be told in the old form. */
size_t reservations_count(const struct reservations *stack);
/* The last one, or NULL: it is static and has only a role. */
const struct Mesos__V1__Resource__ReservationInfo *reservations_last(
	const struct reservations *stack);
bool reservations_are_dynamic(const struct reservations *stack);	/* the last one is */

/*
 * What is left without the last one.  *ret_role is borrowed from STACK: NULL when nothing is reserved
 * any more.  -ENOMEM.
 */
int reservations_pop(const struct reservations *stack, struct reservations **ret,
		     const char **ret_role);

/* The same without those that are dynamic: a static one, if it has one. */
int reservations_pop_dynamic(const struct reservations *stack, struct reservations **ret,
			     const char **ret_role);

/* "(role)", or "(reservations: [(STATIC,a),(DYNAMIC,a/b,principal,{name: value})])" as Mesos has it. */
void reservations_print(const struct reservations *stack, const char *role, FILE *out);

/* May NAME be a role that resources are reserved for?  (reference/mesos.md 1.9; not "*".) */
bool resource_role_is_valid(const char *name);

#endif
