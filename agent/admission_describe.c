/* What a container is launched as: all that the agent adds to what is asked for, put together. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/admission.h"
#include "agent/agent.h"
#include "agent/cdi_devices.h"
#include "agent/container.h"
#include "agent/executor.h"
#include "agent/executor_env.h"
#include "agent/images.h"
#include "agent/launch_spec.h"
#include "agent/network.h"
#include "agent/persistent.h"
#include "containerizer/handover.h"
#include "containerizer/spec_json.h"
#include "isolators/isolator.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* ---- what is known ---- */

static const char *first_role(const Mesos__V1__TaskInfo *info)
{
	for (size_t i = 0; i < info->n_resources; i++) {
		if (info->resources[i]->allocation_info)
			return info->resources[i]->allocation_info->role;
	}
	return NULL;
}

static struct launch_settings settings_of(const struct agent *agent)
{
	return (struct launch_settings){
		.users = &agent->users,
		.default_user = agent->flags.default_user,
		.profiles = &agent->profiles,
		.default_profile = agent->flags.seccomp_profile_name,
		.cfs_quota = agent->flags.cfs_quota,
		.allow_root = agent->flags.allow_root_tasks,
		.allow_unconfined = agent->flags.allow_unconfined,
		.pids_limit = agent->flags.pids_limit,
		.host_path_volumes = agent->flags.host_path_volumes,
		.log_bytes = agent->flags.container_log_mb << 20,
		.log_files = agent->flags.container_log_files,
		.cgroup_layout = agent->layout_text,
		.hidden = agent->work_dir,
	};
}

/* What runs in it is to be joined, or looked up in its sandbox. */
static int find_parent(const struct container *c, struct launch_parent *ret, struct err *e)
{
	*ret = (struct launch_parent){ .sandbox = c->parent->sandbox };
	if (!c->parent->has_started)
		return 0;
	ret->pid = container_main(c->parent);
	if (!ret->pid || !container_is_running(c->parent))
		return err_set(e, EINVAL, "launch container '%s': container '%s' does not run",
			       c->id, c->parent->id);
	return 0;
}

/* What is neither an executor nor a task that has one to itself is told nothing but what it asks for. */
static bool has_defaults(const struct container *c)
{
	return c->kind == CONTAINER_EXECUTOR || (c->kind == CONTAINER_TASK && !c->parent);
}

/* ---- what a launch_place borrows ---- */

struct texts {
	struct launch_parent parent;
	char *files, *root, *volumes;	/* host directories */
	char *sockets;			/* of executors that speak over them; NULL: they do not */
	char *network, *address;	/* or NULL */
	json_t *variables;		/* of an executor; or NULL */
};

static void texts_done(struct texts *t)
{
	free(t->files);
	free(t->root);
	free(t->volumes);
	free(t->sockets);
	free(t->network);
	free(t->address);
	json_decref(t->variables);
}

static char *path_of(const struct agent *agent, const char *first, const char *second,
		     const char *third)
{
	char *path;

	return asprintf(&path, "%s/%s%s%s", agent->work_dir, first, second, third) < 0 ? NULL :
											 path;
}

static int set_paths(const struct container *c, struct texts *t, struct err *e)
{
	const struct agent *agent = c->agent;
	bool has_sockets = c->kind == CONTAINER_EXECUTOR &&
			   agent->flags.http_executor_domain_sockets;

	t->files = path_of(agent, "containers/", c->id, "");
	t->root = path_of(agent, "containers/", c->id, "/" HANDOVER_ROOT);
	t->volumes = path_of(agent, PERSISTENT_ROOT, "", "");
	if (has_sockets)
		t->sockets = path_of(agent, EXECUTOR_SOCKETS, "", "");
	return t->files && t->root && t->volumes && (t->sockets || !has_sockets) ? 0 :
		err_set(e, ENOMEM, "describe container '%s'", c->id);
}

/* Its own, or its parent's; nothing where that is the node's. */
static int set_network(struct container *c, struct texts *t, struct launch_place *place,
		       struct err *e)
{
	const struct network *network;

	if (network_admit(c, e) < 0)
		return -e->code;
	network = network_of(c);
	place->joins_network = network && c->parent;
	place->files = network ? t->files : NULL;
	if (network && !c->parent) {
		t->network = network_describe(c, e);
		if (!t->network)
			return -e->code;
	}
	place->network = t->network;
	t->address = network_address(c);
	/* Of the node's network members of a group alone are told where it is. */
	place->ip = t->address ? t->address : c->parent ? c->agent->address : NULL;
	return 0;
}

static int set_place(struct container *c, struct texts *t, struct launch_place *place,
		     struct err *e)
{
	int r = c->parent ? find_parent(c, &t->parent, e) : 0;

	if (r >= 0 && !c->sandbox)
		r = err_set(e, ENOMEM, "describe container '%s'", c->id);
	if (r >= 0)
		r = set_paths(c, t, e);
	if (r >= 0)
		r = set_network(c, t, place, e);
	if (r >= 0 && c->kind == CONTAINER_EXECUTOR)
		r = executor_variables(c->owner, &t->variables, e);
	if (r < 0)
		return r;
	place->parent = c->parent ? &t->parent : NULL;
	place->variables = t->variables;
	place->defaults = has_defaults(c) ? c->agent->variables : NULL;
	place->sockets = t->sockets;
	place->root = t->root;
	place->volumes = t->volumes;
	return 0;
}

/* ---- the description ---- */

/* What the supervisor will read is read here first, so that a refusal costs nothing. */
static int check_document(const json_t *config, struct err *e)
{
	struct spec spec = { 0 };
	int r = spec_from_json(config, &spec, e);

	if (r < 0)
		return r;
	r = isolators_validate(&spec, e);
	spec_done(&spec);
	return r;
}

/* What it has of images stays with its description, also where that fails. */
static int add_images(struct container *c, struct launch_place *place, struct launch_result *kept,
		      struct err *e)
{
	if (images_asked(c->info) && images_admit(c, &kept->image, e) < 0)
		return -e->code;
	if (images_admit_volumes(c, &kept->volume_images, &kept->n_volume_images, e) < 0)
		return -e->code;
	place->image = kept->image;
	place->volume_images = kept->volume_images;
	return 0;
}

int admission_describe(struct container *c, struct err *e)
{
	const struct agent *agent = c->agent;
	struct launch_settings settings = settings_of(agent);
	AUTO(texts_done) struct texts texts = { 0 };
	struct launch_result kept = { 0 };
	struct launch_place place = {
		.container_id = c->id,
		.sandbox = c->sandbox,
		.framework_id = c->of->id ? c->of->id->value : NULL,
		.agent_id = agent_id(agent),
		.role = first_role(c->info),
		.task_id = c->kind == CONTAINER_TASK ? c->info->task_id->value : NULL,
		.executor_id = c->executor_id,
		.has_no_limits = !c->has_own_limits,
	};
	int r;

	c->launch = calloc(1, sizeof(*c->launch));
	if (!c->launch)
		return err_set(e, ENOMEM, "describe container '%s'", c->id);
	if (c->layout_text)
		settings.cgroup_layout = c->layout_text;
	r = set_place(c, &texts, &place, e);
	if (r >= 0)
		r = add_images(c, &place, &kept, e);
	if (r >= 0)
		r = launch_spec_build(&settings, &place, c->info, c->launch, e);
	c->launch->image = kept.image;
	c->launch->volume_images = kept.volume_images;
	c->launch->n_volume_images = kept.n_volume_images;
	if (r >= 0)
		r = cdi_devices_inject(&agent->flags, c->info, c->launch->config, e);
	return r < 0 ? r : check_document(c->launch->config, e);
}
