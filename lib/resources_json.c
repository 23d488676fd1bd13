/* Resources as Mesos's state endpoints show them. */
#include "lib/resources.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "proto/mesos.pb-c.h"

static void set_scalar(json_t *json, int kind, int64_t value)
{
	json_object_set_new(json, resource_names[kind],
			    json_real(resources_scalar_to_double(value)));
}

static void set_ports(json_t *json, const struct ranges *ports)
{
	AUTO_FREE char *list = ports->n > 0 ? ranges_format(ports) : NULL, *text = NULL;

	if (list && asprintf(&text, "[%s]", list) >= 0)
		json_object_set_new(json, "ports", json_string(text));
}

/* All ports there are, reserved or not; without memory fewer are shown. */
static void set_all_ports(json_t *json, const struct resources *r)
{
	struct ranges ports = { 0 };

	(void)ranges_add_all(&ports, &r->ports);
	for (size_t i = 0; i < r->parts.n; i++)
		(void)ranges_add_all(&ports, &r->parts.items[i].ports);
	set_ports(json, &ports);
	ranges_done(&ports);
}

json_t *resources_to_json(const struct resources *r)
{
	json_t *json = json_object();

	for (int kind = 0; json && kind < N_RESOURCE_KINDS; kind++)
		set_scalar(json, kind, resources_quantity(r, kind));
	set_all_ports(json, r);
	return json;
}

json_t *resources_unreserved_to_json(const struct resources *r)
{
	json_t *json = json_object();

	for (int kind = 0; json && kind < N_RESOURCE_KINDS; kind++)
		set_scalar(json, kind, r->scalar[kind]);
	set_ports(json, &r->ports);
	return json;
}

/* The value of ROLE, made as MAKE does if it is not there. */
static json_t *of_role(json_t *json, const char *role, json_t *(*make)(void))
{
	if (!json_object_get(json, role))
		json_object_set_new(json, role, make());
	return json_object_get(json, role);
}

/* Several parts of one role may be ports, under different reservations. */
static void add_ports(json_t *row, const struct resource_part *part)
{
	const char *before = json_string_value(json_object_get(row, "ports"));
	struct ranges ports = { 0 };

	if (before)
		(void)ranges_parse(before, &ports);
	(void)ranges_add_all(&ports, &part->ports);
	set_ports(row, &ports);
	ranges_done(&ports);
}

json_t *resources_reserved_to_json(const struct resources *r)
{
	json_t *json = json_object();

	for (size_t i = 0; i < r->parts.n; i++) {
		const struct resource_part *part = &r->parts.items[i];
		json_t *row = of_role(json, part->role, json_object);
		const json_t *before;

		if (part->kind == RESOURCE_PORTS) {
			add_ports(row, part);
			continue;
		}
		before = json_object_get(row, resource_names[part->kind]);
		json_object_set_new(row, resource_names[part->kind],
				    json_real(json_number_value(before) +
					      resources_scalar_to_double(part->value)));
	}
	return json;
}

json_t *resources_reserved_full_to_json(const struct resources *r)
{
	const struct resources reserved = { .parts = r->parts };
	Mesos__V1__Resource **messages;
	json_t *json = json_object(), *view;
	struct err lost = { 0 };
	size_t n;

	if (!json || resources_to_messages(&reserved, NULL, &messages, &n) < 0)
		return json;
	for (size_t i = 0; i < n; i++) {
		if (pb_to_json(&messages[i]->base, &view, &lost) == 0)
			json_array_append_new(of_role(json, r->parts.items[i].role, json_array),
					      view);
	}
	resources_messages_free(messages, n);
	return json;
}
