#include "master_stub/marathon/app.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/autoscale.h"
#include "master_stub/marathon/constraints.h"

struct app *app_ref(struct app *app)
{
	app->references++;
	return app;
}

void app_unref(struct app *app)
{
	if (!app || --app->references > 0)
		return;
	constraints_free(app->constraints, app->n_constraints);
	autoscale_free(app->autoscale);
	json_decref(app->json);
	free(app);
}

unsigned app_n_ports(const struct app *app)
{
	return (unsigned)json_array_size(app->ports);
}

uint16_t app_service_port(const struct app *app, unsigned index)
{
	const json_t *definition = json_array_get(app->ports, index);

	return (uint16_t)json_integer_value(json_object_get(definition, "port"));
}

/* From a place that chance chooses, so that a port that was just given up is not taken at once. */
static uint16_t find_port(const struct app *app, uint16_t min, uint16_t max,
			  bool (*is_taken)(void *arg, uint16_t port), void *arg, uint32_t seed)
{
	uint32_t size = (uint32_t)(max - min);

	for (uint32_t tried = 0; tried < size; tried++) {
		uint16_t port = (uint16_t)(min + (seed + tried) % size);
		bool is_own = false;

		for (unsigned i = 0; i < app_n_ports(app); i++)
			is_own |= app_service_port(app, i) == port;
		if (!is_own && !is_taken(arg, port))
			return port;
	}
	return 0;
}

int app_assign_service_ports(struct app *app, const struct app *previous, uint16_t min,
			     uint16_t max, bool (*is_taken)(void *arg, uint16_t port), void *arg,
			     uint32_t seed)
{
	/* With required ports the numbers are the host's: 0 stays "any". */
	for (unsigned i = 0; i < app_n_ports(app) && !app->require_ports; i++) {
		json_t *definition = json_array_get(app->ports, i);
		uint16_t port = app_service_port(app, i);

		if (port != 0)
			continue;
		if (previous && !previous->require_ports && i < app_n_ports(previous))
			port = app_service_port(previous, i);
		if (port == 0)
			port = find_port(app, min, max, is_taken, arg, seed + i);
		if (port == 0)
			return -ENOSPC;
		if (json_object_set_new(definition, "port", json_integer(port)) < 0)
			return -ENOMEM;
	}
	return 0;
}

/*
 * Versions are not part of the definition, so that only its content is compared.  As Marathon does
 * everything but the number restarts; what it does not know, and no instance ever sees, does not.
 */
bool app_needs_restart(const struct app *old, const struct app *new)
{
	static const char *const unseen[] = { "instances", "deployment", "maxLaunchAttempts",
					      "autoscale", "placementStrategy" };
	json_t *a = json_copy(old->json), *b = json_copy(new->json);
	bool differs = true;

	if (a && b) {
		for (size_t i = 0; i < ARRAY_SIZE(unseen); i++) {
			(void)json_object_del(a, unseen[i]);
			(void)json_object_del(b, unseen[i]);
		}
		differs = !json_equal(a, b);
	}
	json_decref(a);
	json_decref(b);
	return differs;
}

json_t *app_to_json(const struct app *app)
{
	json_t *json = json_copy(app->json);
	json_t *info = json_pack("{s:s, s:s}", "lastScalingAt", app->last_scaling_at,
				 "lastConfigChangeAt", app->last_config_change_at);

	if (json_object_set_new(json, "version", json_string(app->version)) < 0 ||
	    json_object_set_new(json, "versionInfo", info) < 0) {
		json_decref(json);
		return NULL;
	}
	return json;
}
