/* Defaults of definitions that depend on other fields (reference/marathon.md 2.1, 2.2). */
#include <string.h>

#include "master_stub/marathon/definition/app_parts.h"

static bool is_absent(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return !value || json_is_null(value);
}

/* Into an OBJECT that is none, nothing is set: the shape will complain of it. */
static void set(json_t *object, const char *key, json_t *value_take, struct problems *problems)
{
	if (!json_is_object(object)) {
		json_decref(value_take);
		return;
	}
	if (json_object_set_new(object, key, value_take) < 0)
		problems->out_of_memory = true;
}

static void set_absent(json_t *object, const char *key, json_t *value_take,
		       struct problems *problems)
{
	if (is_absent(object, key))
		set(object, key, value_take, problems);
	else
		json_decref(value_take);
}

/* A host port of 0 is one that chance chooses; without a bridge an absent one is none at all. */
static void fill_mappings(json_t *document, struct problems *problems)
{
	const json_t *network = json_array_get(json_object_get(document, "networks"), 0);
	const char *mode = json_string_value(json_object_get(network, "mode"));
	json_t *container, *mapping;
	size_t i;

	set_absent(document, "container", json_pack("{s:s}", "type", "MESOS"), problems);
	container = json_object_get(document, "container");
	set_absent(container, "portMappings",
		   json_pack("[{s:i, s:s}]", "containerPort", 0, "name", "default"), problems);
	if (!mode || strcmp(mode, "container/bridge") != 0)
		return;
	json_array_foreach(json_object_get(container, "portMappings"), i, mapping)
		set_absent(mapping, "hostPort", json_integer(0), problems);
}

static void fill_ports(json_t *document, struct problems *problems)
{
	json_t *container = json_object_get(document, "container");
	const json_t *mappings = json_object_get(container, "portMappings");

	if (networks_are_of_host(json_object_get(document, "networks"))) {
		if (json_is_array(mappings) && json_array_size(mappings) == 0)
			(void)json_object_del(container, "portMappings");
		set_absent(document, "portDefinitions",
			   json_pack("[{s:i, s:s}]", "port", 0, "name", "default"), problems);
		return;
	}
	fill_mappings(document, problems);
	set(document, "requirePorts", json_false(), problems);
}

/* What a volume is to be, if not a path of the host. */
static bool has_volume(const json_t *document, const char *kind)
{
	const json_t *volumes =
		json_object_get(json_object_get(document, "container"), "volumes");

	for (size_t i = 0; i < json_array_size(volumes); i++) {
		if (!is_absent(json_array_get(volumes, i), kind))
			return true;
	}
	return false;
}

static void fill_volumes(json_t *document, struct problems *problems)
{
	json_t *volumes = json_object_get(json_object_get(document, "container"), "volumes");
	json_t *volume;
	size_t i;

	json_array_foreach(volumes, i, volume) {
		if (!is_absent(volume, "persistent"))
			set_absent(volume, "mode", json_string("RW"), problems);
	}
}

static bool is_single(const json_t *document)
{
	const char *single = json_string_value(json_object_get(
		json_object_get(document, "labels"), "MARATHON_SINGLE_INSTANCE_APP"));

	return single && strcmp(single, "true") == 0;
}

/*
 * 1 and 1 keep a service at full strength while it is replaced.  What has data of its own cannot be
 * doubled, and a single instance that others rely on to be the only one has to end first.
 */
static void fill_strategies(json_t *document, struct problems *problems)
{
	bool is_resident = has_volume(document, "persistent");
	bool is_alone = is_single(document) || has_volume(document, "external");
	double healthy = is_alone ? 0 : is_resident ? .5 : 1;

	set_absent(document, "upgradeStrategy",
		   json_pack("{s:f, s:i}", "minimumHealthCapacity", healthy, "maximumOverCapacity",
			     is_alone || is_resident ? 0 : 1), problems);
	if (!is_resident)
		return;
	set_absent(document, "residency",
		   json_pack("{s:s, s:i}", "taskLostBehavior", "WAIT_FOREVER",
			     "relaunchEscalationTimeoutSeconds", 3600), problems);
	set_absent(document, "unreachableStrategy", json_string("disabled"), problems);
}

static void fill_health_checks(json_t *document, struct problems *problems)
{
	json_t *check;
	size_t i;

	json_array_foreach(json_object_get(document, "healthChecks"), i, check) {
		const char *protocol = json_string_value(json_object_get(check, "protocol"));

		if ((!protocol || strcmp(protocol, "COMMAND") != 0) && is_absent(check, "port"))
			set_absent(check, "portIndex", json_integer(0), problems);
	}
}

void app_fill_defaults(json_t *document, const struct role_rules *rules, struct problems *problems)
{
	role_fill(document, rules, problems);
	fill_ports(document, problems);
	fill_volumes(document, problems);
	fill_strategies(document, problems);
	fill_health_checks(document, problems);
}
