/* Changing what a container may use: its document, given an OCI resources object. */
#ifndef CONTAINERIZER_SPEC_UPDATE_H
#define CONTAINERIZER_SPEC_UPDATE_H

#include <jansson.h>

struct err;

/*
 * Put RESOURCES (the object of linux.resources alone, as "runc update" takes it) into DOC, a whole
 * config.json, in place: what it names replaces what DOC has, the rest of DOC stays, and lists by
 * device or page size are merged entry by entry.  A number that is 0 and means "not set" changes
 * nothing; -1 takes a limit away.  A memory limit without a swap limit keeps the allowance of swap.
 * RESOURCES is checked first: on failure DOC is as it was.
 *
 * An update of a running container is then
 *
 *	spec_merge_resources(doc, resources, e)		a copy of its document
 *	spec_from_json(doc, &spec, e)
 *	isolators_update(cgroup, &spec, e)		all or nothing
 *
 * and DOC is what is to be kept, so that the next update and a recovery start from it.
 */
int spec_merge_resources(json_t *doc, const json_t *resources, struct err *e);

#endif
