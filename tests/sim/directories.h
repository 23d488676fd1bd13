/* The directory as agents take it, and what is promised of it. */
#ifndef TESTS_SIM_DIRECTORIES_H
#define TESTS_SIM_DIRECTORIES_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/tepui.pb-c.h"

struct sim;
struct sim_agent;

/* ---- an agent ---- */

/* A new stream begins; what was told on others is kept. */
void directory_of_agent_begin(struct sim_agent *agent);
/* DIRECTORY: is answered soon. */
void directory_of_agent_told(struct sim_agent *agent, const Tepui__Directory *message);
void directory_of_agent_drop(struct sim_agent *agent);

/* ---- promises ---- */

/* The master tells agents so, if it lives until it has committed. */
void directories_sent(struct sim *sim, const Tepui__AgentEvent *event);
/* Does every agent know what runs where? */
bool directories_are_healed(const struct sim *sim, char *text, size_t size);
void directories_free(struct sim *sim);

#endif
