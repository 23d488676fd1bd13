#include "master_stub/marathon/definition/app.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/autoscale.h"
#include "master_stub/marathon/definition/constraints.h"
#include "master_stub/marathon/definition/pod.h"
#include "master_stub/marathon/definition/refusal.h"

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
	pod_free(app->pod);
	json_decref(app->json);
	free(app);
}

unsigned app_n_tasks(const struct app *app)
{
	return app->pod ? app->pod->n_containers : 1;
}

const char *app_task_name(const struct app *app, unsigned index)
{
	return app->pod ? app->pod->containers[index].name : "_app";
}

/* ---- Changes ---- */

/*
 * As Marathon does, everything but the number restarts.  What it does not know, and no instance
 * ever sees, does not; nor, if that is asked for, what only the controller goes by.
 */
static const struct {
	const char *key;
	bool is_seen;		/* a change of it restarts unless it is made in place */
} adoptable[] = {
	{ "instances", false },
	{ "scaling", false },		/* a pod's instances */
	{ "deployment", false },
	{ "maxLaunchAttempts", false },
	{ "autoscale", false },
	{ "weight", false },
	{ "placementStrategy", false },
	{ "labels", true },
	{ "dependencies", true },
	{ "readinessChecks", true },
	{ "backoffSeconds", true },
	{ "backoffFactor", true },
	{ "maxLaunchDelaySeconds", true },
	{ "upgradeStrategy", true },
	{ "killSelection", true },
	{ "unreachableStrategy", true },
	{ "taskKillGracePeriodSeconds", true },
};

static bool is_adoptable(const char *key, bool in_place)
{
	for (size_t i = 0; i < ARRAY_SIZE(adoptable); i++) {
		if (strcmp(adoptable[i].key, key) == 0)
			return in_place || !adoptable[i].is_seen;
	}
	return false;
}

typedef void difference_fn(void *arg, const char *key);

/* How many fields of NEW running instances could not adopt; FN (if any) is told each. */
static unsigned find_differences(const struct app *old, const struct app *new, difference_fn *fn,
				 void *arg)
{
	json_t *value;
	const char *key;
	unsigned n = 0;

	for (int pass = 0; pass < 2; pass++) {
		json_t *a = pass == 0 ? old->json : new->json;
		json_t *b = pass == 0 ? new->json : old->json;

		json_object_foreach(a, key, value) {
			const json_t *other = json_object_get(b, key);

			/* What both have is compared in the first pass. */
			if ((other && (pass == 1 || json_equal(value, other))) ||
			    is_adoptable(key, new->is_in_place))
				continue;
			n++;
			if (fn)
				fn(arg, key);
		}
	}
	return n;
}

bool app_needs_restart(const struct app *old, const struct app *new)
{
	return find_differences(old, new, NULL, NULL) > 0;
}

static void add_difference(void *arg, const char *key)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/%s", key);
	problems_add(arg, path,
		     strcmp(key, "healthChecks") == 0
			     ? "cannot be changed in place: the node goes on with the check that "
			       "the task was launched with"
			     : "cannot be changed in place: running tasks would not have it");
}

int app_set_in_place(struct app *app, const struct app *old, struct refusal *refusal)
{
	struct problems problems = { 0 };
	int r = 0;

	app->is_in_place = true;
	if (find_differences(old, app, add_difference, &problems) > 0)
		r = refuse_problems(refusal, "Object is not valid", &problems);
	problems_done(&problems);
	return r;
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
