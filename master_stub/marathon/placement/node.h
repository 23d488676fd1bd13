/* What is known of agents, for constraints: learnt from offers, kept while instances are there. */
#ifndef MASTER_STUB_MARATHON_PLACEMENT_NODE_H
#define MASTER_STUB_MARATHON_PLACEMENT_NODE_H

#include "master_stub/marathon/definition/constraints.h"
#include "proto/mesos.pb-c.h"

struct app;
struct controller;
struct instance;
struct node;
struct resources;
struct spot;

/* Takes INFO.  -ENOMEM. */
int nodes_add(struct controller *c, const char *id, Mesos__V1__AgentInfo *info_take);
/* From an offer; a change is noted. */
int nodes_learn(struct controller *c, const Mesos__V1__Offer *offer);
/*
 * OFFER to ROLE was answered and LEFT_TAKE stays there unused; NULL: it was not understood.  What is
 * reserved for other roles stays as their offers told it.  -ENOMEM.
 */
int node_left(struct controller *c, const Mesos__V1__Offer *offer, const char *role,
	      struct resources *left_take);
/* The instance is gone: what it took is left there, until the next offer tells. */
void node_give_back(struct controller *c, const struct instance *instance);
/* What an instance of SPEC would take of it is no longer left.  -ENOMEM. */
int node_take(const struct controller *c, struct node *node, const struct app *spec);
struct node *node_find(const struct controller *c, const char *id);
/* Write it down before the first instance goes there. */
int node_store(struct controller *c, const char *id);
/*
 * Forget agents on which nothing of ours is: an offer of theirs makes them known again.  While offers
 * are suppressed, those that made one in the last hour are kept.
 */
void nodes_sweep(struct controller *c);
void nodes_free(struct controller *c);

/* Has the time begun, and not ended, for which the offered node is announced to be away? */
bool node_is_unavailable(const struct controller *c, const Mesos__V1__Offer *offer);

/* Borrowed views. */
struct place node_place(const struct node *node);
struct spot node_spot(const struct node *node);

#endif
