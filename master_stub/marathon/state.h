/* The controller's memory: apps, their instances, groups, deployments.  Private to the controller. */
#ifndef MASTER_STUB_MARATHON_STATE_H
#define MASTER_STUB_MARATHON_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lib/clock.h"
#include "lib/hash.h"
#include "lib/id.h"
#include "lib/resources.h"
#include "master_stub/marathon/controller.h"
#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/deployment/history.h"
#include "master_stub/marathon/deployment/rolling.h"
#include "master_stub/marathon/instance/backoff.h"
#include "master_stub/marathon/placement/node_faults.h"
#include "proto/mesos.pb-c.h"

struct action;
struct autoscaler;
struct deployment;
struct entry;
struct fetch;
struct group;
struct job;
struct metering;
struct original;
struct pod_container;
struct readiness;
struct residence;
struct role;
struct run;
struct usage;

/* What stands between an app and an offer, in the order in which it is looked at. */
enum reason {
	REASON_ROLE,
	REASON_CONSTRAINT,
	REASON_RESERVATION,
	REASON_MAINTENANCE,
	REASON_CPUS,
	REASON_MEM,
	REASON_DISK,
	REASON_GPUS,
	REASON_PORTS,
	REASON_SCARCE,
	N_REASONS,
};

/* Why an app waits: counts since it began to. */
struct waiting {
	int64_t since_wall_ms;	/* 0: it does not wait */
	uint64_t processed, unused;
	int64_t last_unused_wall_ms, last_used_wall_ms;	/* 0: never */
	uint64_t seen[N_REASONS], declined[N_REASONS];
	json_t *last_unused;	/* the newest few offers that did not do, with why */
};

/* What one of a task's health checks has shown. */
struct health_result {
	int64_t first_success_wall_ms, last_success_wall_ms, last_failure_wall_ms;	/* 0: never */
	char *failure_cause;
	unsigned failures;		/* in a row */
	bool is_known, is_healthy;
};

/* What runs of an instance: the one task of an app or a run, one for each container of a pod. */
struct instance_task {
	UT_hash_handle by_id;
	struct instance *instance;
	char *id;
	Mesos__V1__TaskState state;
	bool is_confirmed;		/* heard of since the subscription, or at its end */
	bool has_health, is_healthy;	/* by all of its checks: health_results_sum_up() */
	uint8_t n_results;
	struct health_result *results;	/* one for each check, in their order; none: none told yet */
};

struct instance {
	TAILQ_ENTRY(instance) of_app;
	struct entry *entry;
	struct app *spec;		/* a reference: the definition that it runs */
	char *id;
	char *agent_id, *host;
	/* One for each of its definition's: the node's, or the container's where none of that is taken. */
	unsigned n_ports;
	uint16_t *ports;

	/* What its tasks make together: instance_sum_up(). */
	Mesos__V1__TaskState state;
	bool is_confirmed;
	bool is_checked;		/* some of them are asked for their health */
	bool has_health, is_healthy;

	bool is_provisioned;		/* sent, nothing heard yet */
	int64_t staged_wall_ms, started_wall_ms;
	int64_t launched_ms;		/* boot clock */

	bool is_leaving;		/* to be stopped when another is good in its place */
	bool is_doomed;
	bool is_broken;			/* doomed, as a task was killed; the cause may yet be told */
	char *doom_reason;
	int64_t kill_sent_ms;		/* boot clock; 0: not yet */

	int64_t unreachable_wall_ms;	/* 0: reachable */
	int64_t unreachable_ms;		/* the same by the boot clock, which nobody sets */
	bool is_inactive;		/* unreachable for so long that another stands in for it */

	int64_t good_ms;		/* boot clock: since when instance_is_good(); 0: it is not */
	json_t *networks;		/* told of it, as a pod shows them: "name", "addresses"; or NULL */
	int64_t told_weight;		/* that the master has of it; -1: that is not known */
	struct readiness *readiness;	/* while a deployment asks for it, or NULL */
	struct metering *metering;	/* while its app is autoscaled, or NULL */
	struct residence *residence;	/* of a resident app: where its volumes are, or NULL */

	unsigned n_tasks;		/* at least one */
	struct instance_task tasks[];
};
TAILQ_HEAD(instances, instance);
TAILQ_HEAD(residences, residence);	/* instance/residence.h */
TAILQ_HEAD(readinesses, readiness);

/* A definition kept under its version. */
struct version {
	TAILQ_ENTRY(version) of_app;
	struct app *app;
};
TAILQ_HEAD(versions, version);

/* What is done for one that wants instances, by whether it is an app or a run of a job. */
struct entry_kind {
	bool is_app;		/* its instances are told of on /v2/events */
	/* Derived anew every time: what to launch, how many; what is too much is doomed. */
	void (*balance)(struct controller *c, struct entry *entry);
	/* INSTANCE, still in the tables, has come to the end that STATUS tells. */
	void (*ended)(struct controller *c, struct instance *instance,
		      const Mesos__V1__TaskStatus *status);
	int (*put)(struct controller *c, struct entry *entry);	/* its record */
};
extern const struct entry_kind app_kind;

/* What wants instances: an app or a pod, from its creation until its last instance is gone; a job's run. */
struct entry {
	UT_hash_handle by_id;
	const struct entry_kind *kind;
	char id[192];		/* an app's begins with '/', a run's does not */
	struct app *target;		/* a reference */
	struct versions versions;	/* newest first; the target is one of them */
	unsigned n_versions;
	struct instances instances;
	unsigned n_instances;
	struct residences residences;	/* of a resident app */
	struct backoff backoff;
	struct node_faults faults;
	bool has_stopped_kills;		/* too many of its instances are unhealthy at once */
	bool is_deleting;
	bool is_dirty;			/* its record is to be written */
	json_t *last_failure;		/* lastTaskFailure, or NULL */
	json_t *last_end;		/* of an instance by itself, also a good one; or NULL */
	struct deployment *deployment;	/* the one that holds it, or NULL */
	const struct original *original;	/* its own of that, or NULL; both borrowed */
	const struct action *action;	/* likewise, but of scaling or restarting */
	struct autoscaler *autoscaler;	/* of an app that is autoscaled, or NULL */
	struct run *run;		/* the job's run that it is; NULL: an app */

	/*
	 * When it is looked at: in the next turn (or what is left of this one) when it was touched,
	 * and when what was found at the last look wants another one.
	 */
	bool is_due;
	int64_t look_ms;

	/* What the last look found. */
	struct rolling_state count;	/* of instances, as seen from the target; scale.c */
	struct app *launch_spec;	/* borrowed: what to launch */
	unsigned wanted;		/* instances to launch */
	unsigned wanted_before;
	bool was_waiting;		/* for its backoff */
	struct waiting waiting;
};

enum action_kind { ACTION_START, ACTION_STOP, ACTION_SCALE, ACTION_RESTART, N_ACTION_KINDS };

struct action {
	enum action_kind kind;
	unsigned step;
	bool is_canary;			/* a restart that begins with canaries */
	bool is_pod;
	char app_id[192];
};

/* What an app or pod was before the deployment; version "" when it was not. */
struct original {
	bool is_pod;
	char app_id[192];
	char version[CLOCK_TEXT_SIZE];
};

struct deployment {
	TAILQ_ENTRY(deployment) all;
	char id[ID_UUID_SIZE];
	char version[CLOCK_TEXT_SIZE];
	struct action *actions;
	unsigned n_actions, n_steps;
	struct original *originals;
	unsigned n_originals;
	unsigned current;		/* index of the step that is being done */
	bool is_announced;		/* deployment_info of the current step was sent */
	int64_t started_wall_ms;
	int64_t step_ms;		/* when the current step was begun, or loaded; boot clock */
	bool is_paused;			/* nothing is started or stopped for it */
	bool is_promoted;		/* its canaries were found good */
	int64_t canary_weight;		/* their percentage of the traffic by now; -1: as their apps say */
	bool is_awaiting;		/* its canaries are up: it waits to be promoted */
	char *failure;			/* why it is being given up; NULL: it is not */
	/* Past Marathon: the failed one that this goes back behind, and why; NULL: none. */
	char *rollback_of, *rollback_reason;

	/* As of an entry: it is looked at after one of its apps was, and when it wants to be. */
	bool is_due;
	int64_t look_ms;
};
TAILQ_HEAD(deployments, deployment);

TAILQ_HEAD(runs, run);	/* job.h */

/* Nodes that fail together: in one fault domain, rack or zone. */
struct zone {
	UT_hash_handle by_name;
	char *name;
	unsigned n_nodes;
	unsigned n_of_app;		/* scratch of preference.c */
};

/* An agent on which instances are or were placed: for constraints. */
struct node {
	UT_hash_handle by_id;
	char *id;
	Mesos__V1__AgentInfo *info;	/* hostname, port, attributes, domain */
	bool is_stored;
	bool is_used;			/* while those are looked for that are not */
	struct zone *zone;		/* NULL: it tells of none */
	unsigned n_of_app;		/* scratch of preference.c */
	unsigned n_current;		/* scratch of fit.c */

	/* What was left of its last offer, to explain why apps wait. */
	bool has_offered;
	int64_t offered_ms;		/* boot clock */
	bool is_usable, is_unavailable;
	struct resources left;
	struct usage *usage;		/* its statistics, when an app is autoscaled by them, or NULL */
};

/* An event of the master that waits for the next turn, packed. */
struct incoming {
	STAILQ_ENTRY(incoming) all;
	size_t size;
	uint8_t data[];
};
STAILQ_HEAD(incomings, incoming);

struct controller {
	struct controller_options options;
	struct controller_io io;
	struct store *store;
	struct rng *rng;
	struct master *master;
	struct scheduler *scheduler;	/* NULL: not subscribed */
	char *framework_id;
	bool is_known;			/* it came with the id that it had */
	bool is_subscribed;		/* SUBSCRIBED has come */
	struct incomings incoming;

	struct entry *entries;		/* the apps and pods, by id, in order */
	struct entry *runs;		/* those of the jobs' runs */
	struct job *jobs;		/* by id, in order */
	struct runs orphans;		/* of jobs that are gone: they are being stopped */
	uint64_t run_number;		/* of the last start or success of a run: they rise */
	struct instance_task *tasks;		/* of all instances, by id */
	struct role *roles;		/* by name */
	struct residence *residences;	/* by id, those that are given up, too */
	struct node *nodes;
	struct zone *zones;
	struct fetch *fetches;		/* by id */
	struct subscription *subscriptions;	/* by URL */
	uint64_t last_fetch;
	struct readinesses readinesses;
	struct deployments deployments;
	unsigned n_deployments;
	struct group *groups;		/* the named ones, by id, in order */
	struct pasts pasts;		/* the last changes, newest first */
	unsigned n_pasts;
	json_t *ended;			/* how the last deployments ended, oldest first */
	int64_t last_version_wall_ms;
	uint64_t n_launched, n_deployed;	/* since the start */

	int64_t now_ms;			/* of the turn or request that is being done */
	int64_t next_ms;
	int64_t *wake_ms;		/* of what is looked at, which wants to be woken; NULL: a turn */
	int64_t scale_check_ms;		/* when everything is looked at */
	int64_t subscribe_ms;		/* when to try again */
	int64_t reconcile_ms, reconcile_delay_ms;
	bool is_out_of_memory;		/* something was skipped: try again soon */
};

/* ---- controller.c ---- */

int64_t controller_wall_ms(const struct controller *c);
/* Another turn then; while an entry or a deployment is looked at, another look at it. */
void controller_wake_at(struct controller *c, int64_t ms);
void controller_explain(struct controller *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A version that no other has: later than every one before. */
void controller_new_version(struct controller *c, char ret_version[CLOCK_TEXT_SIZE]);

/* ---- entry.c ---- */

/* The app or the run of that id. */
struct entry *entry_find(const struct controller *c, const char *id);
/* The first app behind ID in their order, whether there is one of that id or not. */
struct entry *entry_after(const struct controller *c, const char *id);
/* The same as entry_find(), but not one that is being deleted. */
struct entry *entry_find_live(const struct controller *c, const char *id);
/* The same, but only an app, or only a pod. */
struct entry *entry_find_app(const struct controller *c, const char *id);
struct entry *entry_find_pod(const struct controller *c, const char *id);
bool entry_is_pod(const struct entry *entry);
/* A pod as ENTRY is, or an app: of the other kind may be what had the id before, while it ends. */
bool entry_is_like(const struct entry *entry, const struct app *spec);
int entry_new(struct controller *c, const struct entry_kind *kind, const char *id,
	      struct entry **ret);
/* All that want instances: for (e = entries_first(c); e; e = entries_next(c, e)). */
struct entry *entries_first(const struct controller *c);
struct entry *entries_next(const struct controller *c, const struct entry *entry);
/* Something has happened to it that what is wanted of it may depend on. */
void entry_touch(struct entry *entry);
void entries_touch(struct controller *c);
/* Call FN for each that is due, as a look at it; it may free instances, but no entry. */
void entries_look(struct controller *c, void (*fn)(struct controller *c, struct entry *entry));
/* Forget it in memory only. */
void entry_free(struct controller *c, struct entry *entry);
/* APP becomes the newest version; takes a reference. */
int entry_add_version(struct entry *entry, struct app *app);
/* The definition of VERSION, borrowed; NULL: not kept. */
struct app *entry_version(const struct entry *entry, const char *version);
/* Its failed starts are forgotten. */
void entry_reset_backoff(struct entry *entry);
/* Instances that run what the target says have it from the target from now on.  -ENOMEM. */
int entry_adopt(struct controller *c, struct entry *entry);
/* Oldest versions beyond the 50 kept go, except those that instances run. */
void entry_trim_versions(struct controller *c, struct entry *entry);

/* ---- instance.c ---- */

/* A new instance of ENTRY that runs SPEC, in the tables; its tasks have no ids yet. */
int instance_new(struct controller *c, struct entry *entry, struct app *spec, const char *id,
		 unsigned n_tasks, struct instance **ret);
void instance_free(struct controller *c, struct instance *instance);
/* To be called when something about one of its tasks has changed. */
void instance_sum_up(struct instance *instance);
/* Have all its tasks ended? */
bool instance_is_over(const struct instance *instance);
/* What of a pod TASK is; NULL: it is an app's. */
const struct pod_container *instance_task_container(const struct instance_task *task);
/* How many ports it has, and where they begin among its instance's. */
unsigned instance_task_ports(const struct instance_task *task, unsigned *ret_first);
/* What TASK executes, in the words of an app. */
const struct app *instance_task_spec(const struct instance_task *task);
/* TASK is found by ID from now on, no longer by the one that it may have had.  -ENOMEM. */
int instance_task_set_id(struct controller *c, struct instance_task *task, const char *id);
struct instance_task *instance_task_find(const struct controller *c, const char *id);
/* The instance that the task of that id is of; NULL: there is none. */
struct instance *instance_find_task(const struct controller *c, const char *task_id);
int instance_set_place(struct instance *instance, const char *agent_id, const char *host);
int instance_set_text(char **text, const char *value);
bool instance_is_running(const struct instance *instance);
/* Does it run without its health checks having told anything yet? */
bool instance_is_unjudged(const struct instance *instance);
/* Counts as healthy: running, and healthy as far as its definition has checks. */
bool instance_is_good(const struct instance *instance);
/* Is it ready, and has it been good for as long as its definition's deployments want it to be? */
bool instance_is_up(struct controller *c, const struct instance *instance);
/* To be called when something was heard of it. */
void instance_note_good(const struct controller *c, struct instance *instance);
/* Counts toward the instances that the app is to have. */
bool instance_is_alive(const struct instance *instance);
bool instance_is_current(const struct instance *instance, const struct app *target);
/* "Staging", "Running", ...: reference/marathon.md 1.9. */
const char *instance_condition(const struct instance *instance);
const char *instance_state_name(Mesos__V1__TaskState state);
bool instance_state_is_terminal(Mesos__V1__TaskState state);

/* ---- deployment.c ---- */

/* An empty one with room for so many actions and originals; NULL: no memory. */
struct deployment *deployment_allocate(unsigned n_actions, unsigned n_originals);
void deployment_add_action(struct deployment *deployment, enum action_kind kind, unsigned step,
			   const char *app_id, bool is_pod);

/* ---- deployment_json.c ---- */

/* "rollbackOf"; a new reference, NULL: it is none. */
json_t *deployment_rollback_view(const struct deployment *deployment);

#endif
