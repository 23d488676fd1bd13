/* What a cluster promises, and who looks whether it is kept: after every step, and at the end. */
#ifndef TESTS_SIM_PROMISES_H
#define TESTS_SIM_PROMISES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/scheduler.pb-c.h"

struct fate;
struct ledger;
struct master;
struct sim;
struct sim_framework;

/* In a checker: what is missing is said in TEXT, of SIZE bytes. */
#define UNLESS(condition, ...)                                             \
	do {                                                               \
		if (!(condition)) {                                        \
			(void)snprintf(text, size, __VA_ARGS__);           \
			return false;                                      \
		}                                                          \
	} while (0)

struct ledger *ledger_new(void);
void ledger_free(struct ledger *ledger);

/* Found or made; lives as long as the run. */
struct fate *promises_fate(struct sim *sim, const char *framework_id, const char *task_id);
const char *fate_key(const struct fate *fate);
bool promises_has_started(const struct fate *fate);
bool promises_is_live(const struct fate *fate);
/* It has ended, as its agent says, and was not finished. */
bool promises_has_failed(const struct fate *fate);
bool promises_is_terminal(Mesos__V1__TaskState state);
/* What its controller took it for, as of the last look (promises_bounds.c). */
struct standing {
	bool is_good;		/* it serves, and is to go on */
	bool is_ready;		/* it has said so */
	uint64_t question;	/* that it was asked last; 0: none */
};
struct standing *promises_standing(struct fate *fate);

/* What happens is told here, where it happens. */
void promises_wished(struct sim *sim, struct fate *fate);
void promises_process_started(struct sim *sim, struct fate *fate);
void promises_process_ended(struct sim *sim, struct fate *fate);
void promises_update_made(struct sim *sim, struct fate *fate, const Mesos__V1__TaskStatus *status);
void promises_told(struct sim *sim, struct fate *fate, const struct sim_framework *framework,
		   const Mesos__V1__TaskStatus *status);
void promises_acknowledged(struct sim *sim, struct fate *fate, const uint8_t uuid[16]);
void promises_offered(struct sim *sim, const Mesos__V1__Offer *offer);
/* RESERVE, UNRESERVE, CREATE, DESTROY, in words: somebody asks for it; an agent has done it. */
void promises_change_asked(struct sim *sim, const char *change);
void promises_change_made(struct sim *sim, const char *change);
/* AGENT/FRAMEWORK/EXECUTOR. */
void promises_executor_ended(struct sim *sim, const char *executor);
void promises_executor_told(struct sim *sim, const char *executor);
/* A new id, of an agent or a framework: given once. */
void promises_named(struct sim *sim, const char *id);
void promises_removed(struct sim *sim, const struct sim_framework *framework, const char *why);
/* An operator was answered that the agent is gone. */
void promises_gone(struct sim *sim, const char *agent_id);
void promises_torn_down(struct sim *sim, const char *framework_id);
/* For the first time since it started: nothing was known of it before. */
void promises_master_speaks(struct sim *sim, const struct master *master);

/* P6, after every turn of the master. */
void promises_check(struct sim *sim);
/* What agents are charged with (promises_charges.c). */
void promises_check_charges(struct sim *sim);
/* What frameworks and roles are promised (promises_roles.c). */
void promises_check_roles(struct sim *sim);
/* The same of the controller's apps (promises_apps.c). */
void promises_check_apps(struct sim *sim);
/* The same of jobs and their runs (promises_jobs.c). */
void promises_check_jobs(struct sim *sim);
bool promises_jobs_are_healed(struct sim *sim, char *text, size_t size);
bool promises_jobs_are_settled(const struct sim *sim, char *text, size_t size);
void promises_job_process(struct sim *sim, const struct fate *fate, bool is_start);
void promises_job_finished(struct sim *sim, const struct fate *fate);
/* How many of them there may be, and how many serve, while they are changed (promises_bounds.c). */
struct entry;
void promises_check_bounds(struct sim *sim, unsigned app, const struct entry *entry);
void promises_hear(struct sim *sim, const char *type, const json_t *event);
bool promises_apps_are_healed(struct sim *sim, char *text, size_t size);
bool promises_apps_are_settled(const struct sim *sim, char *text, size_t size);
/* Is there an agent with so much, and a port, that is nobody's and not reserved? */
bool promises_have_room(const struct sim *sim, double cpus, double mem_mb, double disk_mb);
/* "": there is none, or it has no id yet. */
const char *promises_controller_id(const struct sim *sim);
/* P2, P5: does everybody know what is?  What is missing is said in TEXT. */
bool promises_are_healed(struct sim *sim, char *text, size_t size);
/* P6, P7: nothing runs and nothing is kept. */
bool promises_are_settled(struct sim *sim, char *text, size_t size);

#endif
