#include "master_stub/marathon/dependencies.h"

#include <errno.h>

#include "master_stub/marathon/app.h"
#include "master_stub/marathon/app_id.h"

/* So that the stack is bounded: a chain as long as this is refused like a cycle. */
enum { MAX_DEPTH = 2000 };

static int visit(struct dependency *apps, unsigned n, struct dependency *app, unsigned depth);

static int visit_group(struct dependency *apps, unsigned n, struct dependency *app,
		       const char *group, unsigned depth)
{
	for (unsigned i = 0; i < n; i++) {
		int r;

		if (&apps[i] == app || !app_id_is_within(apps[i].id, group))
			continue;
		r = visit(apps, n, &apps[i], depth + 1);
		if (r < 0)
			return r;
		if (apps[i].layer >= app->layer)
			app->layer = apps[i].layer + 1;
	}
	return 0;
}

/* Every app is done once, however many depend on it: the number of paths may be exponential. */
static int visit(struct dependency *apps, unsigned n, struct dependency *app, unsigned depth)
{
	const json_t *groups = app->app->dependencies;
	int r = 0;

	if (app->mark == DEPENDENCY_DONE)
		return 0;
	if (app->mark == DEPENDENCY_OPEN || depth > MAX_DEPTH)
		return -ELOOP;
	app->mark = DEPENDENCY_OPEN;
	for (size_t i = 0; i < json_array_size(groups) && r == 0; i++)
		r = visit_group(apps, n, app, json_string_value(json_array_get(groups, i)), depth);
	app->mark = DEPENDENCY_DONE;
	return r;
}

int dependencies_layer(struct dependency *apps, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int r = visit(apps, n, &apps[i], 0);

		if (r < 0)
			return r;
	}
	return 0;
}
