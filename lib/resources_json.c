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

json_t *resources_to_json(const struct resources *r)
{
	json_t *json = json_object();

	for (int kind = 0; json && kind < N_RESOURCE_KINDS; kind++)
		set_scalar(json, kind, resources_quantity(r, kind));
	set_ports(json, &r->ports);
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

json_t *resources_reserved_to_json(const struct resources *r)
{
	json_t *json = json_object();

	for (size_t i = 0; i < r->parts.n; i++) {
		const struct resource_part *part = &r->parts.items[i];
		json_t *row = of_role(json, part->role, json_object);
		const json_t *before = json_object_get(row, resource_names[part->kind]);

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
