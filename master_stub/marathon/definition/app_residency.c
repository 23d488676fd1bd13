/* Apps with persistent volumes: they live where their data is (reference/marathon.md 2.1, 2.2). */
#include <string.h>

#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/definition/app_parts.h"
#include "master_stub/marathon/definition/app_ports.h"

double app_persistent_mb(const json_t *volume)
{
	return json_number_value(json_object_get(json_object_get(volume, "persistent"), "size"));
}

/* ---- Rules ---- */

static bool has_persistent(const json_t *app)
{
	const json_t *volumes = json_object_get(json_object_get(app, "container"), "volumes");

	for (size_t i = 0; i < json_array_size(volumes); i++) {
		if (json_object_get(json_array_get(volumes, i), "persistent"))
			return true;
	}
	return false;
}

/* Data is found by its place: two volumes of one name would be one. */
static void validate_places(const json_t *volumes, struct problems *problems)
{
	for (size_t i = 0; i < json_array_size(volumes); i++) {
		const json_t *volume = json_array_get(volumes, i);

		for (size_t k = 0; k < i; k++) {
			const json_t *other = json_array_get(volumes, k);

			if (app_persistent_mb(volume) == 0 || app_persistent_mb(other) == 0 ||
			    !json_equal(json_object_get(volume, "containerPath"),
					json_object_get(other, "containerPath")))
				continue;
			problems_add(problems, "/container/volumes",
				     "two persistent volumes have the containerPath %s",
				     json_string_value(json_object_get(volume, "containerPath")));
		}
	}
}

/* Only what is reserved for nobody yet can be reserved for an instance. */
static void validate_resources(const json_t *app, struct problems *problems)
{
	const json_t *accepted = json_object_get(app, "acceptedResourceRoles");
	const char *first = json_string_value(json_array_get(accepted, 0));

	if (json_array_size(accepted) > 0 &&
	    (json_array_size(accepted) > 1 || !first || strcmp(first, "*") != 0))
		problems_add(problems, "/acceptedResourceRoles",
			     "A resident app must have `acceptedResourceRoles = [\"*\"]`.");
}

void residency_validate(const json_t *app, struct problems *problems)
{
	bool is_resident = json_object_get(app, "residency"), is_persistent = has_persistent(app);
	const json_t *deployment = json_object_get(app, "deployment");

	if (is_resident != is_persistent)
		problems_add(problems, "/", "App must contain persistent volumes and define "
					    "residency");
	if (!is_resident || !is_persistent)
		return;
	if (!json_is_string(json_object_get(app, "unreachableStrategy")))
		problems_add(problems, "/", "unreachableStrategy must be disabled for resident "
					    "tasks");
	expect_no_capacity(app, "maximumOverCapacity", problems);
	validate_places(json_object_get(json_object_get(app, "container"), "volumes"), problems);
	validate_resources(app, problems);
	if (json_object_get(deployment, "canary"))
		problems_add(problems, "/deployment/canary",
			     "not for resident tasks: none runs beside those that have the data");
}

/* ---- Changes ---- */

/* Of the persistent ones among A, how many are not among B as they are? */
static unsigned count_changed(const json_t *a, const json_t *b)
{
	unsigned n = 0;

	for (size_t i = 0; i < json_array_size(a); i++) {
		const json_t *volume = json_array_get(a, i);
		bool is_same = app_persistent_mb(volume) == 0;

		for (size_t k = 0; k < json_array_size(b); k++)
			is_same |= json_equal(volume, json_array_get(b, k));
		n += !is_same;
	}
	return n;
}

/* Which ports are taken from the host matters only where they are named. */
static bool are_ports_same(const struct app *old, const struct app *new)
{
	if (app_n_ports(old) != app_n_ports(new))
		return false;
	for (unsigned i = 0; i < app_n_ports(old); i++) {
		const struct app_port a = app_port(old, i), b = app_port(new, i);

		if (a.takes_host_port != b.takes_host_port || a.host_port != b.host_port)
			return false;
	}
	return true;
}

void app_check_resident_change(const struct app *old, const struct app *new,
			       struct problems *problems)
{
	if (!old->is_resident && !new->is_resident)
		return;
	if (count_changed(old->volumes, new->volumes) + count_changed(new->volumes, old->volumes) > 0)
		problems_add(problems, "/", "Persistent volumes can not be changed!");
	if (old->cpus != new->cpus || old->mem_mb != new->mem_mb || old->disk_mb != new->disk_mb ||
	    old->gpus != new->gpus || !are_ports_same(old, new))
		problems_add(problems, "/", "Resident Tasks may not change resource "
					    "requirements!");
	if (strcmp(old->role, new->role) != 0)
		problems_add(problems, "/role", "Resident Tasks may not change their role: %s is "
						"what their resources are reserved for", old->role);
}
