/* Placement constraints: which agents an instance may go to. */
#ifndef MASTER_STUB_MARATHON_DEFINITION_CONSTRAINTS_H
#define MASTER_STUB_MARATHON_DEFINITION_CONSTRAINTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "proto/mesos.pb-c.h"

struct constraint;
struct problems;

/* Where something is or would be.  Borrowed. */
struct place {
	const char *hostname;
	const Mesos__V1__DomainInfo *domain;	/* may be NULL */
	Mesos__V1__Attribute *const *attributes;
	size_t n_attributes;
};

enum { CONSTRAINT_VALUE_SIZE = 256 };

/* Check one [field, operator, value?] of a definition. */
void constraint_validate(const json_t *constraint, const char *path, struct problems *problems);

/* From a checked definition; owned array in *RET, freed with constraints_free().  -ENOMEM. */
int constraints_compile(const json_t *list, struct constraint **ret, unsigned *ret_n);
void constraints_free(struct constraint *constraints, unsigned n);

/* A node, and how many instances of the app's current config are there.  Borrowed. */
struct occupied {
	struct place place;
	unsigned n_instances;
};

/*
 * What a further instance has to fit in with, counted once: how many instances there are with each value
 * of each constraint's field, on N_NODES NODES that are all that are known.  INSTANCES: that the app is to
 * have.  NULL in *RET without constraints.  -ENOMEM.
 */
struct survey;
int survey_new(const struct constraint *constraints, unsigned n, const struct occupied *nodes,
	       size_t n_nodes, unsigned instances, struct survey **ret);
void survey_free(struct survey *survey);

/* Do all constraints, which SURVEY is of, allow a further instance at CANDIDATE? */
bool constraints_allow(const struct constraint *constraints, unsigned n,
		       const struct place *candidate, const struct survey *survey);

/* The index of the first that does not allow it; N: all do. */
unsigned constraints_refusing(const struct constraint *constraints, unsigned n,
			      const struct place *candidate, const struct survey *survey);
/* PLACE's value for the field of the one at INDEX; false: it has none. */
bool constraints_value(const struct constraint *constraints, unsigned index,
		       const struct place *place, char ret_value[CONSTRAINT_VALUE_SIZE]);
/* "hostname MAX_PER 2" of the one at INDEX. */
void constraints_format(const struct constraint *constraints, unsigned index, char *ret,
			size_t size);

/*
 * What PLACE fails together with: its fault domain, or else its rack or zone, which are attributes.  False:
 * it tells of none.
 */
bool place_zone(const struct place *place, char ret_name[CONSTRAINT_VALUE_SIZE]);

/* Is there a GROUP_BY?  And PLACE's value for the first of them; "" without. */
bool constraints_have_groups(const struct constraint *constraints, unsigned n);
void constraints_group(const struct constraint *constraints, unsigned n, const struct place *place,
		       char ret_value[CONSTRAINT_VALUE_SIZE]);

#endif
