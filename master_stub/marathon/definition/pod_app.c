/* A pod and its containers in the words of apps: one set of rules and one way to launch for both. */
#include <stdio.h>
#include <string.h>

#include "master_stub/marathon/definition/app_parts.h"
#include "master_stub/marathon/definition/pod_parts.h"

static json_t *get(const json_t *object, const char *key)
{
	return json_object_get(object, key);
}

static const json_t *scheduling_of(const json_t *pod, const char *key)
{
	return get(get(pod, "scheduling"), key);
}

/* ---- Ports ---- */

/* Apps have both protocols of a port in one word. */
static const char *protocol_of(const json_t *endpoint)
{
	const json_t *list = get(endpoint, "protocol");

	if (json_array_size(list) > 1)
		return "udp,tcp";
	return json_string_value(json_array_get(list, 0));
}

static json_t *labels_of(const json_t *object)
{
	json_t *labels = get(object, "labels");

	return labels ? json_incref(labels) : json_object();
}

/* Of the host's network; every endpoint has a port there (pod_fill_defaults()). */
static json_t *definition_of(const json_t *endpoint)
{
	return json_pack("{s:O, s:s, s:O, s:o}", "port", get(endpoint, "hostPort"), "protocol",
			 protocol_of(endpoint), "name", get(endpoint, "name"), "labels",
			 labels_of(endpoint));
}

/* Inside a network of the pod's own. */
static json_t *mapping_of(const json_t *endpoint)
{
	return json_pack("{s:O*, s:O*, s:s, s:O, s:o, s:O*}", "containerPort",
			 get(endpoint, "containerPort"), "hostPort", get(endpoint, "hostPort"),
			 "protocol", protocol_of(endpoint), "name", get(endpoint, "name"), "labels",
			 labels_of(endpoint), "networkNames", get(endpoint, "networkNames"));
}

static bool is_of_host(const json_t *pod)
{
	return networks_are_of_host(get(pod, "networks"));
}

/* Of CONTAINER's endpoints, to the end of LIST. */
static int add_ports(json_t *list, const json_t *pod, const json_t *container)
{
	json_t *endpoint;
	size_t i;

	json_array_foreach(get(container, "endpoints"), i, endpoint) {
		json_t *port = is_of_host(pod) ? definition_of(endpoint) : mapping_of(endpoint);

		if (json_array_append_new(list, port) < 0)
			return -1;
	}
	return 0;
}

/* ---- Volumes and images ---- */

static const json_t *find_volume(const json_t *pod, const json_t *name)
{
	json_t *volume;
	size_t i;

	json_array_foreach(get(pod, "volumes"), i, volume) {
		if (json_equal(get(volume, "name"), name))
			return volume;
	}
	return NULL;
}

static json_t *volumes_of(const json_t *pod, const json_t *container)
{
	json_t *list = json_array(), *mount;
	size_t i;

	json_array_foreach(get(container, "volumeMounts"), i, mount) {
		json_t *host = get(find_volume(pod, get(mount, "name")), "host");

		(void)json_array_append_new(
			list,
			json_pack("{s:O, s:O, s:s}", "containerPath", get(mount, "mountPath"),
				  host ? "hostPath" : "ephemeral", host ? host : get(mount, "name"),
				  "mode", json_is_true(get(mount, "readOnly")) ? "RO" : "RW"));
	}
	return list;
}

static json_t *image_of(const json_t *container)
{
	const json_t *image = get(container, "image");

	if (!image)
		return NULL;
	return json_pack("{s:O, s:b, s:b, s:[], s:O*}", "image", get(image, "id"), "forcePullImage",
			 json_is_true(get(image, "forcePull")), "privileged", 0, "parameters",
			 "pullConfig", get(image, "pullConfig"));
}

/* ---- Health checks ---- */

static int endpoint_index(const json_t *container, const json_t *name)
{
	json_t *endpoint;
	size_t i;

	json_array_foreach(get(container, "endpoints"), i, endpoint) {
		if (json_equal(get(endpoint, "name"), name))
			return (int)i;
	}
	return -1;
}

/* A shell's line is "value" as in apps; arguments are "argv". */
static json_t *check_command(const json_t *command)
{
	return json_pack("{s:O*, s:O*}", "value", get(command, "shell"), "argv",
			 get(command, "argv"));
}

static json_t *health_checks_of(const json_t *container)
{
	static const char *const same[] = {
		"gracePeriodSeconds",     "intervalSeconds", "timeoutSeconds",
		"maxConsecutiveFailures", "delaySeconds",
	};
	const json_t *own = get(container, "healthCheck"), *http = get(own, "http"),
		     *tcp = get(own, "tcp");
	const char *scheme = json_string_value(get(http, "scheme"));
	const char *protocol = tcp                            ? "MESOS_TCP"
			       : !http                        ? "COMMAND"
			       : strcmp(scheme, "HTTPS") == 0 ? "MESOS_HTTPS"
							      : "MESOS_HTTP";
	json_t *check;

	if (!own)
		return json_array();
	check = json_pack("{s:s, s:s, s:O*}", "protocol", protocol, "ipProtocol", "IPv4", "path",
			  get(http, "path"));
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		(void)json_object_set(check, same[i], get(own, same[i]));
	if (http || tcp)
		(void)json_object_set_new(
			check, "portIndex",
			json_integer(endpoint_index(container, get(http ? http : tcp, "endpoint"))));
	else
		(void)json_object_set_new(check, "command",
					  check_command(get(get(own, "exec"), "command")));
	return json_pack("[o]", check);
}

/* ---- Documents ---- */

json_t *pod_constraints(const json_t *pod)
{
	json_t *list = json_array(), *item;
	size_t i;

	json_array_foreach(get(scheduling_of(pod, "placement"), "constraints"), i, item)
		(void)json_array_append_new(list,
					    json_pack("[O, O, O*]", get(item, "fieldName"),
						      get(item, "operator"), get(item, "value")));
	return list;
}

/* What the pod as a whole and each of its containers have from the pod. */
static json_t *common_document(const json_t *pod)
{
	json_t *roles = get(scheduling_of(pod, "placement"), "acceptedResourceRoles");

	/* None is any, as an app says it without the field. */
	if (json_array_size(roles) == 0)
		roles = NULL;
	return json_pack("{s:O, s:s, s:O*, s:O, s:O, s:o, s:O*, s:O}", "id", get(pod, "id"), "executor",
			 "", "weight", get(pod, "weight"), "role", get(pod, "role"), "networks", get(pod, "networks"),
			 "constraints", pod_constraints(pod), "acceptedResourceRoles", roles,
			 "unreachableStrategy", scheduling_of(pod, "unreachableStrategy"));
}

static json_t *environment_of(const json_t *pod, const json_t *container)
{
	json_t *env = json_object();

	(void)json_object_update(env, get(pod, "environment"));
	(void)json_object_update(env, get(container, "environment"));
	return env;
}

static json_t *container_of(const json_t *pod, const json_t *container)
{
	return json_pack("{s:s, s:o*, s:o, s:O*}", "type", "MESOS", "docker", image_of(container),
			 "volumes", volumes_of(pod, container), "linuxInfo",
			 get(container, "linuxInfo"));
}

/* PORTS are APP's where its networks want them. */
static int set_ports(json_t *app, const json_t *pod, json_t *ports)
{
	if (is_of_host(pod))
		return json_object_set(app, "portDefinitions", ports);
	if (!get(app, "container") &&
	    json_object_set_new(app, "container", json_pack("{s:s}", "type", "MESOS")) < 0)
		return -1;
	return json_object_set(get(app, "container"), "portMappings", ports);
}

json_t *pod_container_to_app(const json_t *pod, const json_t *container)
{
	const json_t *resources = get(container, "resources"),
		     *lifecycle = get(container, "lifecycle");
	const json_t *command = get(get(container, "exec"), "command");
	json_t *user = get(container, "user"), *ports = json_array(), *app = common_document(pod);
	json_t *own = json_pack(
		"{s:O, s:O, s:O, s:O, s:i, s:O*, s:O*, s:O*, s:o, s:o, s:o, s:o, s:O*, s:O*, s:O*, "
		"s:O*, s:O*, s:O*}",
		"cpus", get(resources, "cpus"), "mem", get(resources, "mem"), "disk",
		get(resources, "disk"), "gpus", get(resources, "gpus"), "instances", 1, "cmd",
		get(command, "shell"), "args", get(command, "argv"), "user",
		user ? user : get(pod, "user"), "env", environment_of(pod, container), "labels",
		labels_of(container), "container", container_of(pod, container), "healthChecks",
		health_checks_of(container), "taskKillGracePeriodSeconds",
		get(lifecycle, "killGracePeriodSeconds"), "tty", get(container, "tty"), "fetch",
		get(container, "artifacts"), "secrets", get(pod, "secrets"), "resourceLimits",
		get(container, "resourceLimits"), "check", get(container, "check"));

	if (add_ports(ports, pod, container) < 0 || json_object_update(app, own) < 0 ||
	    set_ports(app, pod, ports) < 0) {
		json_decref(app);
		app = NULL;
	}
	json_decref(own);
	json_decref(ports);
	return app;
}

/* The containers' together, and the share of the executor that they run below. */
static double sum_of(const json_t *pod, const char *resource)
{
	double sum = json_number_value(get(get(pod, "executorResources"), resource));
	json_t *container;
	size_t i;

	json_array_foreach(get(pod, "containers"), i, container)
		sum += json_number_value(get(get(container, "resources"), resource));
	return sum;
}

json_t *pod_to_app(const json_t *pod)
{
	const json_t *backoff = scheduling_of(pod, "backoff");
	json_t *ports = json_array(), *checks = json_array(), *app = common_document(pod),
	       *container, *own;
	size_t i;

	json_array_foreach(get(pod, "containers"), i, container) {
		json_t *of_container = health_checks_of(container);

		if (add_ports(ports, pod, container) < 0 ||
		    json_array_extend(checks, of_container) < 0)
			(void)json_object_clear(app);
		json_decref(of_container);
	}
	own = json_pack("{s:O, s:f, s:f, s:f, s:i, s:O, s:O, s:O, s:O, s:O, s:O, s:o, s:b}",
			"labels", get(pod, "labels"), "cpus", sum_of(pod, "cpus"), "mem",
			sum_of(pod, "mem"), "disk", sum_of(pod, "disk"), "gpus",
			(int)sum_of(pod, "gpus"), "instances",
			get(get(pod, "scaling"), "instances"), "upgradeStrategy",
			scheduling_of(pod, "upgrade"), "killSelection",
			scheduling_of(pod, "killSelection"), "backoffSeconds",
			get(backoff, "backoff"), "backoffFactor", get(backoff, "backoffFactor"),
			"maxLaunchDelaySeconds", get(backoff, "maxLaunchDelay"),
			"healthChecks", checks, "requirePorts", 1);
	if (!own || json_object_size(app) == 0 || json_object_update(app, own) < 0 ||
	    set_ports(app, pod, ports) < 0) {
		json_decref(app);
		app = NULL;
	}
	json_decref(own);
	json_decref(ports);
	return app;
}
