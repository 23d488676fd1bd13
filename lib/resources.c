#include "lib/resources.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const resource_names[N_RESOURCE_KINDS] = {
	[RESOURCE_CPUS] = "cpus",
	[RESOURCE_MEM] = "mem",
	[RESOURCE_DISK] = "disk",
	[RESOURCE_GPUS] = "gpus",
};

/*
 * 10 PB of disk in MiB.  Thousandths of it are exact in a double, and the sum over a million nodes
 * stays within 64 bits, whatever a hostile one says of itself.
 */
#define SCALAR_MAX 1e10

const char *resource_part_name(const struct resource_part *part)
{
	return part->kind == RESOURCE_PORTS ? "ports" : resource_names[part->kind];
}

int resource_kind_find(const char *name)
{
	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		if (strcmp(resource_names[i], name) == 0)
			return i;
	}
	return -ENOENT;
}

int resource_part_kind_find(const char *name)
{
	return strcmp(name, "ports") == 0 ? RESOURCE_PORTS : resource_kind_find(name);
}

void resources_done(struct resources *r)
{
	ranges_done(&r->ports);
	resource_parts_done(&r->parts);
	*r = (struct resources){ 0 };
}

int resources_copy(const struct resources *src, struct resources *ret)
{
	struct resources copy = { 0 };
	int r = resources_add(&copy, src);

	if (r < 0)
		resources_done(&copy);
	else
		*ret = copy;
	return r;
}

int resources_add(struct resources *r, const struct resources *other)
{
	int result = resource_parts_add_all(&r->parts, &other->parts);

	if (result < 0)
		return result;
	result = ranges_add_all(&r->ports, &other->ports);
	if (result < 0) {
		resource_parts_remove_all(&r->parts, &other->parts);
		return result;
	}
	for (int i = 0; i < N_RESOURCE_KINDS; i++)
		r->scalar[i] += other->scalar[i];
	return 0;
}

int resources_subtract(struct resources *r, const struct resources *other)
{
	int result;

	assert(resources_contain(r, other));
	result = ranges_remove_all(&r->ports, &other->ports);
	if (result < 0)
		return result;
	for (int i = 0; i < N_RESOURCE_KINDS; i++)
		r->scalar[i] -= other->scalar[i];
	resource_parts_remove_all(&r->parts, &other->parts);
	return 0;
}

/*
 * Splitting a range may need memory; the ports then stay, which callers can bear: nobody gets them
 * twice.
 */
void resources_take_away(struct resources *r, const struct resources *other)
{
	(void)ranges_remove_all(&r->ports, &other->ports);
	resource_parts_remove_all(&r->parts, &other->parts);
	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		r->scalar[i] -= other->scalar[i];
		if (r->scalar[i] < 0)
			r->scalar[i] = 0;
	}
}

bool resources_contain(const struct resources *r, const struct resources *part)
{
	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		if (part->scalar[i] > r->scalar[i])
			return false;
	}
	return ranges_contains_all(&r->ports, &part->ports) &&
	       resource_parts_contain(&r->parts, &part->parts);
}

bool resources_is_empty(const struct resources *r)
{
	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		if (r->scalar[i] != 0)
			return false;
	}
	return r->ports.n == 0 && r->parts.n == 0;
}

bool resources_equal(const struct resources *a, const struct resources *b)
{
	return memcmp(a->scalar, b->scalar, sizeof(a->scalar)) == 0 &&
	       ranges_equal(&a->ports, &b->ports) && resource_parts_equal(&a->parts, &b->parts);
}

int64_t resources_quantity(const struct resources *r, enum resource_kind kind)
{
	int64_t sum = r->scalar[kind];

	for (size_t i = 0; i < r->parts.n; i++) {
		if (r->parts.items[i].kind == (int)kind)
			sum += r->parts.items[i].value;
	}
	return sum;
}

int resources_for_role(const struct resources *r, const char *role, struct resources *ret)
{
	struct resources copy = { 0 };
	int result = ranges_copy(&r->ports, &copy.ports);

	memcpy(copy.scalar, r->scalar, sizeof(copy.scalar));
	for (size_t i = 0; i < r->parts.n && result == 0; i++) {
		if (resource_part_is_for(&r->parts.items[i], role))
			result = resource_parts_add(&copy.parts, &r->parts.items[i]);
	}
	if (result < 0)
		resources_done(&copy);
	else
		*ret = copy;
	return result;
}

int resources_below_volumes(const struct resources *r, struct resources *ret)
{
	struct resources sum = { 0 };
	int result = 0;

	for (size_t i = 0; i < r->parts.n && result == 0; i++) {
		const struct resource_part *volume = &r->parts.items[i];
		const struct resource_part disk = {
			.kind = volume->kind, .role = volume->role, .value = volume->value,
			.reservations = volume->reservations,
		};

		if (volume->volume)
			result = resource_parts_add(&sum.parts, &disk);
	}
	if (result < 0)
		resources_done(&sum);
	else
		*ret = sum;
	return result;
}

typedef int strip_fn(const struct reservations *stack, struct reservations **ret,
		     const char **ret_role);

static int strip_all(const struct reservations *stack, struct reservations **ret,
		     const char **ret_role)
{
	(void)stack;
	*ret = NULL;
	*ret_role = NULL;
	return 0;
}

/* What PART would be with fewer reservations is added to SUM. */
static int add_stripped(const struct resource_part *part, strip_fn *strip, struct resources *sum)
{
	struct resource_part below = {
		.kind = part->kind, .value = part->value, .ports = part->ports,
	};
	const char *role;
	int r = strip(part->reservations, &below.reservations, &role);

	if (r < 0)
		return r;
	below.role = (char *)(uintptr_t)role;	/* copied with the rest */
	if (role)
		r = resource_parts_add(&sum->parts, &below);
	else if (part->kind == RESOURCE_PORTS)
		r = ranges_add_all(&sum->ports, &part->ports);
	else
		sum->scalar[part->kind] += part->value;
	reservations_unref(below.reservations);
	return r;
}

static int strip_each(const struct resources *r, strip_fn *strip, struct resources *ret)
{
	struct resources sum = { 0 };
	int result = ranges_copy(&r->ports, &sum.ports);

	memcpy(sum.scalar, r->scalar, sizeof(sum.scalar));
	for (size_t i = 0; i < r->parts.n && result == 0; i++)
		result = r->parts.items[i].volume ? -EINVAL :
			 add_stripped(&r->parts.items[i], strip, &sum);
	if (result < 0)
		resources_done(&sum);
	else
		*ret = sum;
	return result;
}

int resources_below_reservations(const struct resources *r, struct resources *ret)
{
	return strip_each(r, reservations_pop, ret);
}

int resources_below_dynamic(const struct resources *r, struct resources *ret)
{
	return strip_each(r, reservations_pop_dynamic, ret);
}

int resources_unreserve(const struct resources *r, struct resources *ret)
{
	return strip_each(r, strip_all, ret);
}

int resources_dynamic(const struct resources *r, struct resources *ret)
{
	struct resources sum = { 0 };
	int result = 0;

	for (size_t i = 0; i < r->parts.n && result == 0; i++) {
		struct resource_part part = r->parts.items[i];

		part.volume = part.container_path = part.principal = NULL;
		if (reservations_are_dynamic(part.reservations))
			result = resource_parts_add(&sum.parts, &part);
	}
	if (result < 0)
		resources_done(&sum);
	else
		*ret = sum;
	return result;
}

int resources_without_refined(const struct resources *r, struct resources *ret)
{
	struct resources copy = { 0 };
	int result = ranges_copy(&r->ports, &copy.ports);

	memcpy(copy.scalar, r->scalar, sizeof(copy.scalar));
	for (size_t i = 0; i < r->parts.n && result == 0; i++) {
		if (reservations_count(r->parts.items[i].reservations) == 1)
			result = resource_parts_add(&copy.parts, &r->parts.items[i]);
	}
	if (result < 0)
		resources_done(&copy);
	else
		*ret = copy;
	return result;
}

int resources_convert(struct resources *r, const struct resources *from,
		      const struct resources *to)
{
	struct resources copy = { 0 };
	int result;

	if (!resources_contain(r, from))
		return -ENOSPC;
	result = resources_copy(r, &copy);
	if (result == 0)
		result = resources_subtract(&copy, from);
	if (result == 0)
		result = resources_add(&copy, to);
	if (result < 0) {
		resources_done(&copy);
		return result;
	}
	resources_done(r);
	*r = copy;
	return 0;
}

int resources_scalar_from_double(double value, int64_t *ret)
{
	if (!isfinite(value) || value < 0 || value > SCALAR_MAX)
		return -ERANGE;
	*ret = llround(value * 1000);
	return 0;
}

double resources_scalar_to_double(int64_t value)
{
	return (double)value / 1000;
}
