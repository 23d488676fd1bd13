#include "lib/resources.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "proto/mesos.pb-c.h"

/* What changes the meaning of a resource must be understood, or it would be handed out twice. */
static const char *find_unsupported(const Mesos__V1__Resource *m)
{
	if (m->reservation || m->n_reservations > 0)
		return "reservations are not supported";
	if (m->role && strcmp(m->role, "*") != 0)
		return "static reservations for a role are not supported";
	if (m->disk)
		return "disks and volumes are not supported";
	if (m->revocable)
		return "revocable resources are not supported";
	if (m->shared)
		return "shared resources are not supported";
	return m->provider_id ? "resource providers are not supported" : NULL;
}

static int add_scalar(const Mesos__V1__Resource *m, int kind, struct resources *sum, struct err *e)
{
	int64_t value;

	if (m->type != MESOS__V1__VALUE__TYPE__SCALAR || !m->scalar)
		return err_set(e, EINVAL, "read resource '%s': not a scalar", m->name);
	if (resources_scalar_from_double(m->scalar->value, &value) < 0)
		return err_set(e, EINVAL, "read resource '%s': %g is negative or out of range",
			       m->name, m->scalar->value);
	if (kind == RESOURCE_GPUS && value % 1000 != 0)
		return err_set(e, EINVAL, "read resource '%s': %g is not a whole number", m->name,
			       m->scalar->value);
	if (__builtin_add_overflow(sum->scalar[kind], value, &sum->scalar[kind]))
		return err_set(e, EINVAL, "read resource '%s': the sum is out of range", m->name);
	return 0;
}

static int add_ports(const Mesos__V1__Resource *m, struct resources *sum, struct err *e)
{
	if (m->type != MESOS__V1__VALUE__TYPE__RANGES || !m->ranges)
		return err_set(e, EINVAL, "read resource '%s': not ranges", m->name);
	for (size_t i = 0; i < m->ranges->n_range; i++) {
		const Mesos__V1__Value__Range *range = m->ranges->range[i];

		if (range->begin > range->end || range->end > UINT16_MAX)
			return err_set(e, EINVAL,
				       "read resource '%s': %llu-%llu is not a range of ports", m->name, (unsigned long long)range->begin,
				       (unsigned long long)range->end);
		if (ranges_add(&sum->ports, (uint32_t)range->begin, (uint32_t)range->end) < 0)
			return err_set(e, ENOMEM, "read resource '%s'", m->name);
	}
	return 0;
}

int resources_from_messages(Mesos__V1__Resource *const *messages, size_t n, struct resources *ret,
			    struct err *e)
{
	struct resources sum = { 0 };
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const Mesos__V1__Resource *m = messages[i];
		const char *unsupported = find_unsupported(m);
		int kind = resource_kind_find(m->name);

		if (unsupported)
			r = err_set(e, EINVAL, "read resource '%s': %s", m->name, unsupported);
		else if (kind >= 0)
			r = add_scalar(m, kind, &sum, e);
		else if (strcmp(m->name, "ports") == 0)
			r = add_ports(m, &sum, e);
		else
			r = err_set(e, EINVAL, "read resource '%s': unknown name", m->name);
	}
	if (r < 0) {
		resources_done(&sum);
		return r;
	}
	*ret = sum;
	return 0;
}

static void free_resource(Mesos__V1__Resource *m)
{
	mesos__v1__resource__free_unpacked(m, NULL);
}

DEFINE_AUTO(Mesos__V1__Resource *, free_resource);

static Mesos__V1__Resource *new_resource(const char *name, const char *role)
{
	AUTO(free_resourcep) Mesos__V1__Resource *m = malloc(sizeof(*m));
	Mesos__V1__Resource__AllocationInfo *allocation;

	if (!m)
		return NULL;
	mesos__v1__resource__init(m);
	m->name = strdup(name);
	if (!m->name)
		return NULL;
	if (role) {
		allocation = malloc(sizeof(*allocation));
		if (!allocation)
			return NULL;
		mesos__v1__resource__allocation_info__init(allocation);
		m->allocation_info = allocation;
		allocation->role = strdup(role);
		if (!allocation->role)
			return NULL;
	}
	return TAKE_PTR(m);
}

static Mesos__V1__Resource *new_scalar(int kind, int64_t value, const char *role)
{
	AUTO(free_resourcep) Mesos__V1__Resource *m = new_resource(resource_names[kind], role);

	if (!m)
		return NULL;
	m->type = MESOS__V1__VALUE__TYPE__SCALAR;
	m->scalar = malloc(sizeof(*m->scalar));
	if (!m->scalar)
		return NULL;
	mesos__v1__value__scalar__init(m->scalar);
	m->scalar->value = resources_scalar_to_double(value);
	return TAKE_PTR(m);
}

static Mesos__V1__Resource *new_ports(const struct ranges *ports, const char *role)
{
	AUTO(free_resourcep) Mesos__V1__Resource *m = new_resource("ports", role);
	Mesos__V1__Value__Ranges *ranges;

	if (!m)
		return NULL;
	m->type = MESOS__V1__VALUE__TYPE__RANGES;
	ranges = malloc(sizeof(*ranges));
	if (!ranges)
		return NULL;
	mesos__v1__value__ranges__init(ranges);
	m->ranges = ranges;
	ranges->range = calloc(ports->n, sizeof(Mesos__V1__Value__Range *));
	if (!ranges->range)
		return NULL;
	for (size_t i = 0; i < ports->n; i++) {
		Mesos__V1__Value__Range *range = malloc(sizeof(*range));

		if (!range)
			return NULL;
		mesos__v1__value__range__init(range);
		range->begin = ports->items[i].first;
		range->end = ports->items[i].last;
		ranges->range[ranges->n_range++] = range;
	}
	return TAKE_PTR(m);
}

int resources_to_messages(const struct resources *r, const char *role, Mesos__V1__Resource ***ret,
			  size_t *ret_n)
{
	Mesos__V1__Resource **messages = calloc(N_RESOURCE_KINDS + 1, sizeof(*messages));
	size_t n = 0;

	if (!messages)
		return -ENOMEM;
	for (int i = 0; i < N_RESOURCE_KINDS; i++) {
		if (r->scalar[i] == 0)
			continue;
		messages[n] = new_scalar(i, r->scalar[i], role);
		if (!messages[n++])
			goto undo;
	}
	if (r->ports.n > 0) {
		messages[n] = new_ports(&r->ports, role);
		if (!messages[n++])
			goto undo;
	}
	*ret = messages;
	*ret_n = n;
	return 0;
undo:
	resources_messages_free(messages, n);
	return -ENOMEM;
}

void resources_messages_free(Mesos__V1__Resource **messages, size_t n)
{
	for (size_t i = 0; messages && i < n; i++)
		free_resource(messages[i]);
	free(messages);
}
