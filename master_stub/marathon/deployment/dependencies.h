/* Which apps have to be up before which: layers of the dependency graph. */
#ifndef MASTER_STUB_MARATHON_DEPLOYMENT_DEPENDENCIES_H
#define MASTER_STUB_MARATHON_DEPLOYMENT_DEPENDENCIES_H

#include <jansson.h>

struct app;
struct id_index;

/* An app of the graph.  ID and APP are borrowed. */
struct dependency {
	const char *id;
	const struct app *app;
	unsigned layer;		/* filled in: one more than the highest that it depends on */
	enum { DEPENDENCY_NEW, DEPENDENCY_OPEN, DEPENDENCY_DONE } mark;	/* 0 at the start */
};

/* What every app inside the group depends on, those apart that are what it depends on. */
struct group_dependency {
	const char *group;
	const json_t *on;	/* absolute ids */
};

struct dependency_graph {
	struct dependency *apps;
	unsigned n_apps;
	const struct id_index *by_id;	/* of all APPS, which are its items */
	const struct group_dependency *groups;
	unsigned n_groups;
};

/*
 * A dependency on a group is one on every app inside, itself apart.  -ELOOP: there is a cycle;
 * -ENOMEM.
 */
int dependencies_layer(const struct dependency_graph *graph);

#endif
