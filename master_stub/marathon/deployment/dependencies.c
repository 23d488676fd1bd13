#include "master_stub/marathon/deployment/dependencies.h"

#include <errno.h>
#include <stdbool.h>

#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/definition/app_id.h"

/* So that the stack is bounded: a chain as long as this is refused like a cycle. */
enum { MAX_DEPTH = 2000 };

static int visit(const struct dependency_graph *graph, struct dependency *app, unsigned depth);

static int visit_group(const struct dependency_graph *graph, struct dependency *app,
		       const char *group, unsigned depth)
{
	for (unsigned i = 0; i < graph->n_apps; i++) {
		struct dependency *other = &graph->apps[i];
		int r;

		if (other == app || !app_id_is_within(other->id, group))
			continue;
		r = visit(graph, other, depth + 1);
		if (r < 0)
			return r;
		if (other->layer >= app->layer)
			app->layer = other->layer + 1;
	}
	return 0;
}

static int visit_all(const struct dependency_graph *graph, struct dependency *app,
		     const json_t *groups, bool is_inherited, unsigned depth)
{
	for (size_t i = 0; i < json_array_size(groups); i++) {
		const char *group = json_string_value(json_array_get(groups, i));
		int r;

		if (is_inherited && app_id_is_within(app->id, group))
			continue;
		r = visit_group(graph, app, group, depth);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Every app is done once, however many depend on it: the number of paths may be exponential. */
static int visit(const struct dependency_graph *graph, struct dependency *app, unsigned depth)
{
	int r;

	if (app->mark == DEPENDENCY_DONE)
		return 0;
	if (app->mark == DEPENDENCY_OPEN || depth > MAX_DEPTH)
		return -ELOOP;
	app->mark = DEPENDENCY_OPEN;
	r = visit_all(graph, app, app->app->dependencies, false, depth);
	for (unsigned i = 0; i < graph->n_groups && r == 0; i++) {
		if (app_id_is_below(app->id, graph->groups[i].group))
			r = visit_all(graph, app, graph->groups[i].on, true, depth);
	}
	app->mark = DEPENDENCY_DONE;
	return r;
}

int dependencies_layer(const struct dependency_graph *graph)
{
	for (unsigned i = 0; i < graph->n_apps; i++) {
		int r = visit(graph, &graph->apps[i], 0);

		if (r < 0)
			return r;
	}
	return 0;
}
