#include "master_stub/marathon/placement/usable.h"

#include <errno.h>
#include <string.h>

#include "lib/resources.h"
#include "lib/rng.h"
#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/instance/task_info.h"
#include "master_stub/marathon/state.h"
#include "proto/mesos.pb-c.h"

/* Was it made for one instance, by a Marathon, whose labels say so? */
static bool is_taken(const struct resource_part *part)
{
	const Mesos__V1__Resource__ReservationInfo *last = reservations_last(part->reservations);

	for (size_t i = 0; last && last->labels && i < last->labels->n_labels; i++) {
		if (strcmp(last->labels->labels[i]->key, "marathon_framework_id") == 0)
			return true;
	}
	return false;
}

/* Who names no roles has those that the operator wants. */
static bool takes_reserved(const struct controller *c, const struct app *spec)
{
	return spec->names_accepted ? spec->takes_reserved
				    : spec->takes_reserved && c->options.accepted != ACCEPTED_UNRESERVED;
}

static bool takes_unreserved(const struct controller *c, const struct app *spec)
{
	return spec->names_accepted ? spec->takes_unreserved
				    : spec->takes_unreserved && c->options.accepted != ACCEPTED_RESERVED;
}

static bool is_usable(const struct controller *c, const struct app *spec,
		      const struct resource_part *part)
{
	return takes_reserved(c, spec) && !part->volume && strcmp(part->role, spec->role) == 0 &&
	       !is_taken(part);
}

const struct resources *usable_of(const struct controller *c, const struct app *spec,
				  const struct resources *left, struct resources *scratch)
{
	bool is_free_usable = takes_unreserved(c, spec);
	int r = 0;

	*scratch = (struct resources){ 0 };
	if (is_free_usable && left->parts.n == 0)
		return left;
	if (is_free_usable) {
		memcpy(scratch->scalar, left->scalar, sizeof(scratch->scalar));
		r = ranges_copy(&left->ports, &scratch->ports);
	}
	for (size_t i = 0; i < left->parts.n && r == 0; i++) {
		const struct resource_part *part = &left->parts.items[i];

		if (!is_usable(c, spec, part))
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

static int choose(const struct controller *c, const struct app *spec,
		  const struct resources *left, const struct resources *need,
		  struct resources *ret)
{
	int r;

	memcpy(ret->scalar, need->scalar, sizeof(ret->scalar));
	r = ranges_copy(&need->ports, &ret->ports);
	for (size_t i = 0; i < left->parts.n && r == 0; i++) {
		const struct resource_part *part = &left->parts.items[i];

		if (!is_usable(c, spec, part))
			continue;
		r = part->kind == RESOURCE_PORTS ? take_ports(part, &ret->ports, ret)
						 : take_scalar(part, &ret->scalar[part->kind], ret);
	}
	return r;
}

int usable_take(const struct controller *c, const struct app *spec, struct resources *left,
		const struct resources *need, struct resources *ret)
{
	int r;

	*ret = (struct resources){ 0 };
	r = choose(c, spec, left, need, ret);
	if (r == 0)
		r = resources_subtract(left, ret);
	if (r < 0)
		resources_done(ret);
	return r;
}

/* Required ports first, so that no other one takes them. */
static int choose_host_ports(struct rng *rng, const struct app *spec, struct ranges *free_ports,
			     uint16_t *ports, struct ranges *taken)
{
	for (int pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < app_n_ports(spec); i++) {
			const struct app_port wanted = app_port(spec, i);
			uint16_t port = wanted.host_port;
			uint64_t n = ranges_count(free_ports);

			if (!wanted.takes_host_port || (pass == 0) != (port != 0))
				continue;
			if (port == 0)
				port = (uint16_t)ranges_at(free_ports, rng ? rng_below(rng, n) : 0);
			ports[i] = port;
			if (ranges_remove(free_ports, port, port) < 0 ||
			    ranges_add(taken, port, port) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

/* Does another port of SPEC, or of those chosen before PORTS[index], have that number? */
static bool is_used(const struct app *spec, const uint16_t *ports, unsigned index, uint16_t port)
{
	for (unsigned i = 0; i < app_n_ports(spec); i++) {
		const struct app_port other = app_port(spec, i);

		if (other.container_port == port ||
		    ((other.takes_host_port || i < index) && ports[i] == port))
			return true;
	}
	return false;
}

/* Those that are nowhere but in the container: any will do, where nothing else of it is. */
static void choose_container_ports(struct rng *rng, const struct app *spec, uint16_t *ports)
{
	enum { FIRST = 1025, N = UINT16_MAX - FIRST + 1 };

	for (unsigned i = 0; i < app_n_ports(spec); i++) {
		const struct app_port wanted = app_port(spec, i);
		uint64_t at = rng ? rng_below(rng, N) : 0;

		if (wanted.takes_host_port)
			continue;
		ports[i] = wanted.container_port;
		while (ports[i] == 0 || (wanted.container_port == 0 && is_used(spec, ports, i, ports[i])))
			ports[i] = (uint16_t)(FIRST + at++ % N);
	}
}

int usable_take_instance(const struct controller *c, struct rng *rng, const struct app *spec,
			 struct resources *left, uint16_t *ports, struct resources *ret)
{
	const struct resources *usable;
	struct ranges free_ports = { 0 };
	struct resources need, scratch;
	int r = instance_resources(spec, &need);

	*ret = (struct resources){ 0 };
	if (r < 0)
		return r;
	usable = usable_of(c, spec, left, &scratch);
	r = usable ? ranges_copy(&usable->ports, &free_ports) : -ENOMEM;
	if (r == 0)
		r = choose_host_ports(rng, spec, &free_ports, ports, &need.ports);
	choose_container_ports(rng, spec, ports);
	if (r == 0)
		r = usable_take(c, spec, left, &need, ret);
	ranges_done(&free_ports);
	resources_done(&scratch);
	resources_done(&need);
	return r;
}
