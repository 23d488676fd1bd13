#include "master_stub/min_allocatable.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"

typedef Mesos__V1__OfferFilters__ResourceQuantities Amounts;

static int parse_set(const char *text, struct quantities *ret, struct err *e)
{
	struct resources resources = { 0 };
	int r = resources_parse(text, &resources, e);

	if (r == 0 && resources.ports.n > 0)
		r = err_set(e, EINVAL, "ports are no amount");
	*ret = quantities_of(&resources);
	resources_done(&resources);
	return r;
}

int min_allocatable_parse(const char *text, struct min_allocatable *ret, struct err *e)
{
	AUTO_FREE char *copy = strdup(text);
	struct min_allocatable min = { .n = 0 };
	char *rest = copy, *set;

	if (!copy)
		return err_set(e, ENOMEM, "read least resources");
	while (*text && (set = strsep(&rest, "|"))) {
		if (min.n == MIN_ALLOCATABLE_MAX)
			return err_set(e, EINVAL, "read least resources '%.200s': more than %d sets",
				       text, MIN_ALLOCATABLE_MAX);
		if (parse_set(set, &min.sets[min.n++], e) < 0)
			return err_wrap(e, "read least resources '%.200s'", text);
	}
	*ret = min;
	return 0;
}

static void read_set(const Amounts *amounts, struct quantities *ret)
{
	*ret = (struct quantities){ { 0 } };
	for (size_t i = 0; i < amounts->n_quantities; i++) {
		const char *name = amounts->quantities[i]->key;
		double value = amounts->quantities[i]->value ?
			       amounts->quantities[i]->value->value : 0;
		int kind = name ? resource_kind_find(name) : -ENOENT;

		if (kind < 0 || resources_scalar_from_double(value, &ret->of[kind]) < 0)
			ret->of[kind < 0 ? 0 : kind] = INT64_MAX;
	}
}

bool min_allocatable_of(const Mesos__V1__FrameworkInfo *info, const char *role,
			struct min_allocatable *ret)
{
	const Mesos__V1__OfferFilters__MinAllocatableResources *found = NULL;

	for (size_t i = 0; i < info->n_offer_filters; i++) {
		const Mesos__V1__FrameworkInfo__OfferFiltersEntry *entry = info->offer_filters[i];

		if (entry->key && strcmp(entry->key, role) == 0 && entry->value)
			found = entry->value->min_allocatable_resources;
	}
	if (!found)
		return false;
	*ret = (struct min_allocatable){ .n = 0 };
	for (size_t i = 0; i < found->n_quantities && ret->n < MIN_ALLOCATABLE_MAX; i++)
		read_set(found->quantities[i], &ret->sets[ret->n++]);
	/* An empty set is had by whatever there is: none would mean the master's. */
	if (ret->n == 0)
		ret->sets[ret->n++] = (struct quantities){ { 0 } };
	return true;
}
