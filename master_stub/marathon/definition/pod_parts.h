/* The stages from what a client sends to a pod's definition, which pod.c goes through. */
#ifndef MASTER_STUB_MARATHON_DEFINITION_POD_PARTS_H
#define MASTER_STUB_MARATHON_DEFINITION_POD_PARTS_H

#include <jansson.h>

#include "master_stub/marathon/definition/shape.h"

struct problems;

/* The fields of a pod (reference/marathon.md 1.10). */
extern const struct shape pod_shape;

/* Defaults that depend on other fields, in place, of what is in the form of the shape. */
int pod_fill_defaults(json_t *pod);

/* What no single field can tell, of the canonical form. */
void pod_validate(const json_t *pod, struct problems *problems);

/* What is the same in an app: new references, NULL when memory is out. */
json_t *pod_to_app(const json_t *pod);
json_t *pod_container_to_app(const json_t *pod, const json_t *container);
/* Constraints as an app's: [[field, operator, value]]. */
json_t *pod_constraints(const json_t *pod);

#endif
