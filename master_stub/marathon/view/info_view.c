/* /v2/info and the list of deployments. */
#include "master_stub/marathon/view/views.h"

#include <stdio.h>

#include "lib/version.h"
#include "master_stub/marathon/deployment/deployment.h"
#include "master_stub/marathon/state.h"

json_t *deployments_view(const struct controller *c)
{
	json_t *list = json_array();
	const struct deployment *deployment;

	TAILQ_FOREACH(deployment, &c->deployments, all)
		(void)json_array_append_new(list, deployment_view(c, deployment));
	return list;
}

/* What is meant by a key is the same as there; keys without a meaning here are left out. */
static json_t *config_view(const struct controller *c)
{
	const struct controller_options *o = &c->options;
	char master[300];
	json_t *config, *numbers;

	(void)snprintf(master, sizeof(master), "%s:%u", o->hostname, o->port);
	config = json_pack("{s:s?, s:b, s:n, s:s, s:s, s:[], s:s, s:b, s:s, s:b, s:s, s:s, s:s, s:s,"
			   " s:s, s:n}",
			   "access_control_allow_origin", o->allow_origin, "checkpoint", 1,
			   "default_network_name", "env_vars_prefix", o->env_vars_prefix, "executor", "//cmd",
			   "features", "framework_name", "marathon", "ha", 0, "hostname",
			   o->hostname, "maintenance_mode", 0, "master", master,
			   "mesos_bridge_name", o->mesos_bridge_name, "mesos_role", o->mesos_role,
			   "mesos_user", "root", "new_group_enforce_role",
			   o->new_group_enforces_role ? "top" : "off", "webui_url");
	numbers = json_pack("{s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I}",
			    "decline_offer_duration", 120000, "failover_timeout", 604800,
			    "local_port_max", (int)o->local_port_max, "local_port_min",
			    (int)o->local_port_min, "max_running_deployments",
			    (int)o->max_running_deployments, "reconciliation_interval",
			    (json_int_t)o->reconcile_ms, "scale_apps_interval",
			    (json_int_t)o->scale_check_ms, "task_launch_timeout",
			    (json_int_t)o->task_launch_timeout_ms, "task_launch_confirm_timeout",
			    (json_int_t)o->task_launch_confirm_timeout_ms, "task_reservation_timeout",
			    (json_int_t)o->task_reservation_timeout_ms);
	(void)json_object_update(config, numbers);
	json_decref(numbers);
	return config;
}

json_t *info_view(const struct controller *c)
{
	char leader[300];

	(void)snprintf(leader, sizeof(leader), "%s:%u", c->options.hostname, c->options.port);
	return json_pack("{s:s, s:s, s:s, s:b, s:s, s:s?, s:o, s:{}, s:{s:i, s:n}}", "name",
			 "marathon", "version", TEPUI_MARATHON_VERSION, "buildref",
			 "tepui-" TEPUI_VERSION, "elected", 1, "leader", leader, "frameworkId",
			 c->framework_id, "marathon_config", config_view(c), "zookeeper_config",
			 "http_config", "http_port",
			 (int)(c->options.http_port ? c->options.http_port : c->options.port),
			 "https_port");
}
