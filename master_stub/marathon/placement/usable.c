#include "master_stub/marathon/placement/usable.h"

#include <errno.h>
#include <string.h>

#include "lib/resources.h"
#include "master_stub/marathon/definition/app.h"
#include "proto/mesos.pb-c.h"

/* A dynamic reservation with labels was made for something, which whoever made it knows by them. */
static bool is_labelled(const struct resource_part *part)
{
	const Mesos__V1__Resource__ReservationInfo *last = reservations_last(part->reservations);

	return last && last->labels && last->labels->n_labels > 0;
}

static bool is_usable(const struct app *spec, const struct resource_part *part)
{
	return spec->takes_reserved && !part->volume && strcmp(part->role, spec->role) == 0 &&
	       !is_labelled(part);
}

const struct resources *usable_of(const struct app *spec, const struct resources *left,
				  struct resources *scratch)
{
	int r = 0;

	*scratch = (struct resources){ 0 };
	if (spec->takes_unreserved && left->parts.n == 0)
		return left;
	if (spec->takes_unreserved) {
		memcpy(scratch->scalar, left->scalar, sizeof(scratch->scalar));
		r = ranges_copy(&left->ports, &scratch->ports);
	}
	for (size_t i = 0; i < left->parts.n && r == 0; i++) {
		const struct resource_part *part = &left->parts.items[i];

		if (!is_usable(spec, part))
			continue;
		if (part->kind == RESOURCE_PORTS)
			r = ranges_add_all(&scratch->ports, &part->ports);
		else
			scratch->scalar[part->kind] += part->value;
	}
	return r == 0 ? scratch : NULL;
}

/* ---- Taking ---- */

/* As much of MISSING as PART has, into RET. */
static int take_ports(const struct resource_part *part, struct ranges *missing,
		      struct resources *ret)
{
	struct resource_part taken = *part;
	struct ranges rest = { 0 };
	int r = ranges_without(missing, &part->ports, &rest);

	taken.ports = (struct ranges){ 0 };
	if (r == 0)
		r = ranges_without(missing, &rest, &taken.ports);
	if (r == 0 && taken.ports.n > 0)
		r = resource_parts_add(&ret->parts, &taken);
	ranges_done(&taken.ports);
	if (r < 0) {
		ranges_done(&rest);
		return r;
	}
	ranges_done(missing);
	*missing = rest;
	return 0;
}

static int take_scalar(const struct resource_part *part, int64_t *missing, struct resources *ret)
{
	struct resource_part taken = *part;

	if (taken.value > *missing)
		taken.value = *missing;
	if (taken.value == 0)
		return 0;
	*missing -= taken.value;
	return resource_parts_add(&ret->parts, &taken);
}

static int choose(const struct app *spec, const struct resources *left,
		  const struct resources *need, struct resources *ret)
{
	int r;

	memcpy(ret->scalar, need->scalar, sizeof(ret->scalar));
	r = ranges_copy(&need->ports, &ret->ports);
	for (size_t i = 0; i < left->parts.n && r == 0; i++) {
		const struct resource_part *part = &left->parts.items[i];

		if (!is_usable(spec, part))
			continue;
		r = part->kind == RESOURCE_PORTS ? take_ports(part, &ret->ports, ret)
						 : take_scalar(part, &ret->scalar[part->kind], ret);
	}
	return r;
}

int usable_take(const struct app *spec, struct resources *left, const struct resources *need,
		struct resources *ret)
{
	int r;

	*ret = (struct resources){ 0 };
	r = choose(spec, left, need, ret);
	if (r == 0)
		r = resources_subtract(left, ret);
	if (r < 0)
		resources_done(ret);
	return r;
}
