#include "lib/resources.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/id.h"
#include "lib/pb_json.h"
#include "proto/mesos.pb-c.h"

/* What changes the meaning of a resource must be understood, or it would be handed out twice. */
static const char *find_unsupported(const Mesos__V1__Resource *m)
{
	if (m->disk && m->disk->source)
		return "disks with a source are not supported";
	if (m->revocable)
		return "revocable resources are not supported";
	if (m->shared)
		return "shared resources are not supported";
	return m->provider_id ? "resource providers are not supported" : NULL;
}

static const char *find_wrong_volume(const Mesos__V1__Resource *m, int kind, bool is_reserved)
{
	const Mesos__V1__Resource__DiskInfo *disk = m->disk;
	const Mesos__V1__Volume *volume = disk->volume;

	if (kind != RESOURCE_DISK)
		return "DiskInfo should not be set for another resource than disk";
	if (!disk->persistence)
		return volume ? "Non-persistent volume not supported" :
				"DiskInfo is set but empty";
	if (!is_reserved)
		return "Persistent volumes cannot be created from unreserved resources";
	if (!volume)
		return "Expecting 'volume' to be set for persistent volume";
	if (volume->host_path || volume->image || volume->source)
		return "Expecting 'host_path' to be unset for persistent volume";
	if (!*volume->container_path)
		return "Expecting 'container_path' to be set for persistent volume";
	return id_is_valid(disk->persistence->id) ? NULL :
		"Invalid persistence ID for persistent volume";
}

static int check_part(const Mesos__V1__Resource *m, const struct resource_part *part,
		      const struct resources *sum, struct err *e)
{
	const struct resource_part *same = resource_parts_find(&sum->parts, part);

	if (sum->parts.n >= RESOURCE_MAX_PARTS)
		return err_set(e, EINVAL, "read resource '%s': more than %d reservations and volumes",
			       m->name, RESOURCE_MAX_PARTS);
	if (same && part->value > INT64_MAX - same->value)
		return err_set(e, EINVAL, "read resource '%s': the sum is out of range", m->name);
	/* Nothing of something is nothing; but a volume is there whatever its size. */
	if (part->value == 0 && part->volume)
		return err_set(e, EINVAL, "read resource '%s': volume '%s' has no size", m->name,
			       part->volume);
	return 0;
}

/* PART of SUM is not everybody's. */
static int add_part(const Mesos__V1__Resource *m, struct resource_part *part,
		    struct resources *sum, struct err *e)
{
	const Mesos__V1__Resource__DiskInfo *disk = m->disk;
	int r;

	if (disk) {
		part->volume = disk->persistence->id;
		part->principal = disk->persistence->principal;
		part->container_path = disk->volume->container_path;
	}
	r = check_part(m, part, sum, e);
	if (r < 0 || (part->value == 0 && part->ports.n == 0))
		return r;
	return resource_parts_add(&sum->parts, part) < 0 ?
		err_set(e, ENOMEM, "read resource '%s'", m->name) : 0;
}

static int read_scalar(const Mesos__V1__Resource *m, int kind, int64_t *ret, struct err *e)
{
	if (m->type != MESOS__V1__VALUE__TYPE__SCALAR || !m->scalar)
		return err_set(e, EINVAL, "read resource '%s': not a scalar", m->name);
	if (resources_scalar_from_double(m->scalar->value, ret) < 0)
		return err_set(e, EINVAL, "read resource '%s': %g is negative or out of range",
			       m->name, m->scalar->value);
	if (kind == RESOURCE_GPUS && *ret % 1000 != 0)
		return err_set(e, EINVAL, "read resource '%s': %g is not a whole number", m->name,
			       m->scalar->value);
	return 0;
}

static int read_ports(const Mesos__V1__Resource *m, struct ranges *ports, struct err *e)
{
	AUTO_FREE struct range *items = NULL;

	if (m->type != MESOS__V1__VALUE__TYPE__RANGES || !m->ranges)
		return err_set(e, EINVAL, "read resource '%s': not ranges", m->name);
	items = calloc(m->ranges->n_range + 1, sizeof(*items));
	if (!items)
		return err_set(e, ENOMEM, "read resource '%s'", m->name);
	for (size_t i = 0; i < m->ranges->n_range; i++) {
		const Mesos__V1__Value__Range *range = m->ranges->range[i];

		if (range->begin > range->end || range->end > UINT16_MAX)
			return err_set(e, EINVAL,
				       "read resource '%s': %llu-%llu is not a range of ports",
				       m->name, (unsigned long long)range->begin,
				       (unsigned long long)range->end);
		items[i] = (struct range){ (uint32_t)range->begin, (uint32_t)range->end };
	}
	return ranges_add_many(ports, items, m->ranges->n_range) < 0 ?
	       err_set(e, ENOMEM, "read resource '%s'", m->name) : 0;
}

/* Of everybody. */
static int add_free(const Mesos__V1__Resource *m, const struct resource_part *part,
		    struct resources *sum, struct err *e)
{
	if (part->kind == RESOURCE_PORTS)
		return ranges_add_all(&sum->ports, &part->ports) < 0 ?
		       err_set(e, ENOMEM, "read resource '%s'", m->name) : 0;
	if (__builtin_add_overflow(sum->scalar[part->kind], part->value, &sum->scalar[part->kind]))
		return err_set(e, EINVAL, "read resource '%s': the sum is out of range", m->name);
	return 0;
}

/* PART is what M tells, and points into it. */
static int add(const Mesos__V1__Resource *m, struct resource_part *part, struct resources *sum,
	       struct err *e)
{
	const char *wrong = find_unsupported(m), *role;
	int r = 0;

	if (!wrong && part->kind < 0)
		wrong = "unknown name";
	if (wrong)
		return err_set(e, EINVAL, "read resource '%s': %s", m->name, wrong);
	r = reservations_read(m, &part->reservations, &role, e);
	if (r < 0)
		return err_wrap(e, "read resource '%s'", m->name);
	part->role = (char *)(uintptr_t)role;	/* copied with the rest */
	wrong = m->disk ? find_wrong_volume(m, part->kind, role) : NULL;
	if (wrong)
		return err_set(e, EINVAL, "read resource '%s': %s", m->name, wrong);
	r = part->kind == RESOURCE_PORTS ? read_ports(m, &part->ports, e) :
					   read_scalar(m, part->kind, &part->value, e);
	if (r < 0)
		return r;
	return role ? add_part(m, part, sum, e) : add_free(m, part, sum, e);
}

int resources_from_messages(Mesos__V1__Resource *const *messages, size_t n, struct resources *ret,
			    struct err *e)
{
	struct resources sum = { 0 };
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		struct resource_part part = {
			.kind = resource_part_kind_find(messages[i]->name),
		};

		r = add(messages[i], &part, &sum, e);
		reservations_unref(part.reservations);
		ranges_done(&part.ports);
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
	/* Of the old form, where it is always told; without one there must be none. */
	m->role = NULL;
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

/* A message that points to texts of PART is copied: one allocation to check instead of six. */
static int set_volume(Mesos__V1__Resource *m, const struct resource_part *part)
{
	Mesos__V1__Resource__DiskInfo disk = MESOS__V1__RESOURCE__DISK_INFO__INIT;
	Mesos__V1__Resource__DiskInfo__Persistence persistence =
		MESOS__V1__RESOURCE__DISK_INFO__PERSISTENCE__INIT;
	Mesos__V1__Volume volume = MESOS__V1__VOLUME__INIT;

	persistence.id = part->volume;
	persistence.principal = part->principal;
	volume.container_path = part->container_path;
	volume.mode = MESOS__V1__VOLUME__MODE__RW;
	disk.persistence = &persistence;
	disk.volume = &volume;
	m->disk = (Mesos__V1__Resource__DiskInfo *)pb_copy(&disk.base);
	return m->disk ? 0 : -ENOMEM;
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

static Mesos__V1__Resource *new_part(const struct resource_part *part, const char *role)
{
	AUTO(free_resourcep) Mesos__V1__Resource *m =
		part->kind == RESOURCE_PORTS ? new_ports(&part->ports, role) :
					       new_scalar(part->kind, part->value, role);

	if (!m || reservations_write(part->reservations, part->role, m) < 0 ||
	    (part->volume && set_volume(m, part) < 0))
		return NULL;
	return TAKE_PTR(m);
}

int resources_to_messages(const struct resources *r, const char *role, Mesos__V1__Resource ***ret,
			  size_t *ret_n)
{
	Mesos__V1__Resource **messages =
		calloc(N_RESOURCE_KINDS + 1 + r->parts.n, sizeof(*messages));
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
	for (size_t i = 0; i < r->parts.n; i++) {
		messages[n] = new_part(&r->parts.items[i], role);
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

/* A dynamic one keeps its principal and labels; its role is told beside it. */
static int downgrade(Mesos__V1__Resource *m)
{
	Mesos__V1__Resource__ReservationInfo *info;

	if (m->n_reservations > 1)
		return -EINVAL;
	if (m->n_reservations == 0) {
		m->role = strdup("*");
		return m->role ? 0 : -ENOMEM;
	}
	info = m->reservations[0];
	free(TAKE_PTR(m->reservations));
	m->n_reservations = 0;
	m->role = TAKE_PTR(info->role);
	if (info->type == MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC) {
		info->has_type = false;
		m->reservation = info;
	} else {
		protobuf_c_message_free_unpacked(&info->base, NULL);
	}
	return 0;
}

int resources_messages_downgrade(Mesos__V1__Resource *const *messages, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = downgrade(messages[i]);
	return r;
}

void resources_messages_free(Mesos__V1__Resource **messages, size_t n)
{
	for (size_t i = 0; messages && i < n; i++)
		free_resource(messages[i]);
	free(messages);
}
