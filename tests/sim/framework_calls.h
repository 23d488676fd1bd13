/* The calls of a framework, written out and sent. */
#ifndef TESTS_SIM_FRAMEWORK_CALLS_H
#define TESTS_SIM_FRAMEWORK_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/resources.h"
#include "proto/scheduler.pb-c.h"
#include "tests/sim/framework.h"

struct link;
struct link_client;
struct parcel;

enum { ACCEPT_MAX_TASKS = 8 };

struct framework_accept {
	const Mesos__V1__Offer *offer;	/* borrowed */
	Mesos__V1__Offer__Operation *change;	/* made before; NULL: none */
	size_t n_tasks;
	struct { const struct wish *wish; struct resources resources; } tasks[ACCEPT_MAX_TASKS];
};

struct link *framework_subscribe(struct sim_framework *framework,
				 const struct link_client *client);
/* RESOURCES are taken. */
void framework_accept_add(struct framework_accept *accept, const struct wish *wish,
			  const struct resources *resources);
/* What every executor has for itself. */
extern const struct resources framework_executor_resources;
void framework_accept_done(struct framework_accept *accept);
void framework_accept(struct sim_framework *framework, const struct framework_accept *accept);
void framework_decline(struct sim_framework *framework, const char *offer_id,
		       double refuse_seconds);
void framework_acknowledge(struct sim_framework *framework, const char *agent_id,
			   const char *task_id, const uint8_t uuid[16]);
void framework_acknowledge_operation(struct sim_framework *framework,
				     const Mesos__V1__OperationStatus *status);
/* Every operation that is open, with its agent. */
void framework_reconcile_operations(struct sim_framework *framework);
void framework_kill(struct sim_framework *framework, const struct wish *wish);
/* SHUTDOWN of the executor of WISH. */
void framework_shut_down(struct sim_framework *framework, const struct wish *wish);
/* ROLES: bits; 0: of all. */
void framework_suppress(struct sim_framework *framework, unsigned roles);
void framework_revive(struct sim_framework *framework, unsigned roles);
/* Its roles and those that are suppressed. */
void framework_say_roles(struct sim_framework *framework);
void framework_answer_inverse(struct sim_framework *framework, Mesos__V1__OfferID *id,
			      bool is_accepted);
/* Every task that is open, by name. */
void framework_reconcile(struct sim_framework *framework);
/* Whatever the master knows. */
void framework_reconcile_all(struct sim_framework *framework);
void framework_teardown(struct sim_framework *framework);
/* A call was taken: what the master owes now. */
void framework_answered(struct sim_framework *framework, const struct parcel *parcel);

#endif
