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

int resource_kind_find(const char *name)
{
	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		if (strcmp(resource_names[i], name) == 0)
			return i;
	}
	return -ENOENT;
}

void resources_done(struct resources *r)
{
	ranges_done(&r->ports);
	*r = (struct resources){ 0 };
}

int resources_copy(const struct resources *src, struct resources *ret)
{
	struct resources copy = *src;
	int r = ranges_copy(&src->ports, &copy.ports);

	if (r < 0)
		return r;
	*ret = copy;
	return 0;
}

int resources_add(struct resources *r, const struct resources *other)
{
	int result = ranges_add_all(&r->ports, &other->ports);

	if (result < 0)
		return result;
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
	return 0;
}

bool resources_contain(const struct resources *r, const struct resources *part)
{
	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		if (part->scalar[i] > r->scalar[i])
			return false;
	}
	return ranges_contains_all(&r->ports, &part->ports);
}

bool resources_is_empty(const struct resources *r)
{
	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		if (r->scalar[i] != 0)
			return false;
	}
	return r->ports.n == 0;
}

bool resources_equal(const struct resources *a, const struct resources *b)
{
	return memcmp(a->scalar, b->scalar, sizeof(a->scalar)) == 0 &&
	       ranges_equal(&a->ports, &b->ports);
}

double resources_dominant_share(const struct resources *part, const struct resources *total)
{
	double share = 0;

	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		if (total->scalar[i] > 0)
			share = fmax(share, (double)part->scalar[i] / (double)total->scalar[i]);
	}
	return share;
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
