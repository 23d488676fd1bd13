/* The definition of an app or a pod at one version: immutable once made, shared by counting references. */
#ifndef MASTER_STUB_MARATHON_DEFINITION_APP_H
#define MASTER_STUB_MARATHON_DEFINITION_APP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "master_stub/marathon/controller.h"

struct autoscale;
struct constraint;
struct pod;
struct problems;
struct refusal;
struct role_rules;

/* The strings and JSON values are borrowed from JSON (a pod's from POD); NULL where the definition has none. */
struct app {
	unsigned references;
	bool is_in_place;	/* given as a change that instances of the one before it adopt */
	bool leaves_instances;	/* given with its "autoscale", which decides how many there are */
	json_t *json;	/* the canonical definition, a pod's as such; without version and versionInfo */
	char version[CLOCK_TEXT_SIZE];
	char last_scaling_at[CLOCK_TEXT_SIZE];
	char last_config_change_at[CLOCK_TEXT_SIZE];

	const char *id, *cmd, *user, *role;
	const json_t *args, *env, *labels, *dependencies, *health_checks, *volumes;
	const json_t *ports;		/* portDefinitions or portMappings: app_ports.h */
	const json_t *networks;
	bool has_own_network;		/* not the node's: its ports are portMappings */
	const json_t *readiness_check;	/* Marathon allows one */
	bool names_accepted;		/* acceptedResourceRoles */
	bool takes_unreserved, takes_reserved;	/* of what is offered to its role */
	unsigned instances;
	double cpus, mem_mb, disk_mb;
	bool is_resident;		/* it has persistent volumes, and lives where they are */
	double volumes_mb;		/* of disk that they take together, beside disk_mb */
	int64_t gpus;
	bool require_ports;		/* the numbers of portDefinitions are the node's */
	double min_health, max_over;	/* of the upgrade strategy */
	int64_t backoff_ms, max_delay_ms;
	double backoff_factor;
	int64_t kill_grace_ms;		/* -1: the executor's default */
	bool kill_oldest_first;
	enum placement_strategy placement;
	bool keeps_unreachable;		/* unreachableStrategy "disabled" */
	int64_t inactive_after_ms, expunge_after_ms;
	double cpus_limit, mem_limit_mb;	/* 0: as requested; INFINITY: unlimited */

	/* Past Marathon: how long its part of a deployment may take, and what follows if it fails. */
	int64_t deadline_ms;		/* 0: as long as it likes */
	bool rolls_back;
	int64_t min_up_ms;		/* an instance counts as up when it has been for so long */
	bool has_unhealthy_strategy;	/* the controller kills what is unhealthy, not the node */
	bool replaces_first;
	unsigned max_kill_percent;
	unsigned canary_count;		/* 0: none */
	int64_t canary_weight;		/* their percentage of the traffic; -1: as any instance */
	unsigned max_launch_attempts;	/* 0: without end */
	int64_t weight;			/* of an instance's share of new connections, up to APP_WEIGHT_MAX; -1: as 1 */

	struct constraint *constraints;
	unsigned n_constraints;
	struct autoscale *autoscale;	/* NULL: none */
	struct pod *pod;		/* what an instance's containers are; NULL: it is an app's one task */
};

/*
 * From what a client sent, read as the whole definition: legacy fields normalised, defaults
 * filled in, everything checked.  ID overrides the document's own (NULL: it must have one), and RULES
 * are those of its place (NULL: any role will do).  The versions are empty.  Errors are in REFUSAL (400, 422, 503).
 */
int app_parse(const json_t *document, const char *id, const struct role_rules *rules,
	      struct app **ret, struct refusal *refusal);

/*
 * The same for an update of BASE: every top-level field of DOCUMENT that is not null replaces
 * BASE's; resourceLimits is replaced even when absent (reference/marathon.md 1.2).
 */
int app_parse_update(const struct app *base, const json_t *document,
		     const struct role_rules *rules, struct app **ret, struct refusal *refusal);

/* As scheduler call WEIGH has it. */
enum { APP_WEIGHT_MAX = 1000 };

struct app *app_ref(struct app *app);
void app_unref(struct app *app);
DEFINE_AUTO(struct app *, app_unref);

/* BASE with another number of instances; NULL when memory is out. */
struct app *app_with_instances(const struct app *base, unsigned instances);

/* The size of VOLUME, one of an app's; 0: it is not persistent. */
double app_persistent_mb(const json_t *volume);
/* Does NEW ask for what instances of OLD, which are bound to what is reserved for them, cannot get? */
void app_check_resident_change(const struct app *old, const struct app *new,
			       struct problems *problems);

/* Would instances of OLD have to be replaced to become instances of NEW? */
bool app_needs_restart(const struct app *old, const struct app *new);
/* APP is to be adopted by instances of OLD as they run; 422 names each field that they cannot. */
int app_set_in_place(struct app *app, const struct app *old, struct refusal *refusal);

/* With version and versionInfo: what is stored and shown.  New reference, NULL: no memory. */
json_t *app_to_json(const struct app *app);
/* The reverse, for stored definitions. */
int app_from_stored(const json_t *stored, struct app **ret, struct refusal *refusal);

/* Of one instance: a pod's containers, or 1. */
unsigned app_n_tasks(const struct app *app);
/* What tells one from the others in their ids: the container's name, or "_app". */
const char *app_task_name(const struct app *app, unsigned index);

#endif
