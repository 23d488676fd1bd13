#include "master_stub/marathon/deployment/dependencies.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/deployment/id_index.h"

/* An app whose dependencies are being walked, and how far. */
struct frame {
	struct dependency *app;
	unsigned list;		/* 0: its own; N: those of the graph's group N-1 */
	size_t element;		/* of that list, the next */
	size_t at, end;		/* of the index: the apps of the element before that are left */
};

static const json_t *list_of(const struct dependency_graph *graph, const struct frame *frame)
{
	const struct group_dependency *group;

	if (frame->list == 0)
		return frame->app->app->dependencies;
	group = &graph->groups[frame->list - 1];
	return app_id_is_below(frame->app->id, group->group) ? group->on : NULL;
}

/* The apps of FRAME's next element; false when there is none. */
static bool next_element(const struct dependency_graph *graph, struct frame *frame)
{
	for (; frame->list <= graph->n_groups; frame->list++, frame->element = 0) {
		const json_t *list = list_of(graph, frame);

		while (frame->element < json_array_size(list)) {
			const char *group = json_string_value(json_array_get(list,
									     frame->element++));

			/* What a whole group depends on may be a part of it. */
			if (frame->list > 0 && app_id_is_within(frame->app->id, group))
				continue;
			frame->end = id_index_within(graph->by_id, group, &frame->at);
			frame->end += frame->at;
			return true;
		}
	}
	return false;
}

/* The next app that FRAME's depends on, or NULL. */
static struct dependency *next_dependency(const struct dependency_graph *graph, struct frame *frame)
{
	do {
		while (frame->at < frame->end) {
			struct dependency *other = graph->by_id->entries[frame->at++].item;

			if (other != frame->app)
				return other;
		}
	} while (next_element(graph, frame));
	return NULL;
}

static void put_above(struct dependency *app, const struct dependency *other)
{
	if (other->layer >= app->layer)
		app->layer = other->layer + 1;
}

static void push(struct frame *stack, unsigned *depth, struct dependency *app)
{
	app->mark = DEPENDENCY_OPEN;
	stack[(*depth)++] = (struct frame){ .app = app };
}

/* Every app is done once, however many depend on it: the number of paths may be exponential. */
static int visit(const struct dependency_graph *graph, struct frame *stack, struct dependency *app)
{
	unsigned depth = 0;

	push(stack, &depth, app);
	while (depth > 0) {
		struct frame *top = &stack[depth - 1];
		struct dependency *other = next_dependency(graph, top);

		if (!other) {
			top->app->mark = DEPENDENCY_DONE;
			if (--depth > 0)
				put_above(stack[depth - 1].app, top->app);
		} else if (other->mark == DEPENDENCY_OPEN) {
			return -ELOOP;
		} else if (other->mark == DEPENDENCY_DONE) {
			put_above(top->app, other);
		} else {
			push(stack, &depth, other);
		}
	}
	return 0;
}

int dependencies_layer(const struct dependency_graph *graph)
{
	/* A chain of all apps is as deep as it gets. */
	AUTO_FREE struct frame *stack = calloc(graph->n_apps + 1, sizeof(*stack));
	int r = stack ? 0 : -ENOMEM;

	for (unsigned i = 0; i < graph->n_apps && r == 0; i++) {
		if (graph->apps[i].mark == DEPENDENCY_NEW)
			r = visit(graph, stack, &graph->apps[i]);
	}
	return r;
}
