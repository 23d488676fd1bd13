/* People's resident apps: what is promised of the volumes on agents, and of who lives with them. */
#ifndef TESTS_SIM_RESIDENTS_H
#define TESTS_SIM_RESIDENTS_H

#include <stdbool.h>
#include <stddef.h>

struct agent_task;
struct instance;
struct operation_change;
struct sim;
struct sim_agent;

/* The controller's other apps may have it, too; nobody else has. */
extern const char residents_role[];

/* The controller has decided to launch INSTANCE, of any app. */
void residents_launched(struct sim *sim, const struct instance *instance);
/* People have asked for the end of the app: its volumes may go. */
void residents_let_go(struct sim *sim, const char *app_id);
void residents_free(struct sim *sim);

/* ---- on agents ---- */

/* Is it of what is reserved for them? */
bool residents_own(const struct operation_change *change);
void residents_changed(struct sim_agent *agent, const struct operation_change *change);
void residents_started(const struct agent_task *task);
/* The agent says that the task runs: there is data. */
void residents_run(const struct agent_task *task);

/* ---- after the faults, and at the end ---- */

bool residents_are_healed(const struct sim *sim, char *text, size_t size);
bool residents_are_settled(const struct sim *sim, char *text, size_t size);

#endif
