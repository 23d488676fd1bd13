/* GET_ROLES and /roles: who is in a role, and what they have. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "lib/resources.h"
#include "master_stub/core.h"
#include "master_stub/executor.h"
#include "master_stub/framework.h"
#include "master_stub/master.h"
#include "master_stub/offer.h"
#include "master_stub/task.h"
#include "master_stub/view.h"
#include "master_stub/weights.h"

struct role_row {
	const char *name;		/* borrowed of a framework */
	json_t *frameworks;		/* ids */
	struct resources resources;	/* of tasks, executors and offers */
	UT_hash_handle hh;
};

static struct role_row *find_row(struct role_row **rows, const char *name)
{
	struct role_row *row = NULL;

	HASH_FIND_STR(*rows, name, row);
	if (row)
		return row;
	row = calloc(1, sizeof(*row));
	if (!row)
		return NULL;
	row->name = name;
	row->frameworks = json_array();
	HASH_ADD_KEYPTR(hh, *rows, row->name, strlen(row->name), row);
	if (row->hh.tbl)
		return row;
	json_decref(row->frameworks);
	free(row);
	return NULL;
}

/* PART is ROLE's, for as long as its framework is in it. */
static int add_part(struct role_row **rows, const struct framework_role *role,
		    const struct resources *part)
{
	struct role_row *row;

	if (role->is_left)
		return 0;
	row = find_row(rows, role->name);
	return row ? resources_add(&row->resources, part) : -ENOMEM;
}

/* What it has is gone through once, however many roles it is in. */
static int add_framework(struct role_row **rows, const struct framework *framework)
{
	const struct framework_role *role;
	const struct executor *executor;
	const struct offer *offer;
	const struct task *task;
	int r = 0;

	SLIST_FOREACH(role, &framework->roles, next) {
		struct role_row *row = role->is_left ? NULL : find_row(rows, role->name);

		if (row)
			json_array_append_new(row->frameworks, json_string(framework->id));
		else if (!role->is_left)
			r = -ENOMEM;
	}
	for (task = framework->tasks; task && r == 0; task = task->hh.next) {
		if (task->is_charged)
			r = add_part(rows, task->role, &task->resources);
	}
	LIST_FOREACH(executor, &framework->executors, of_framework) {
		if (executor->is_charged && r == 0)
			r = add_part(rows, executor->role, &executor->resources);
	}
	LIST_FOREACH(offer, &framework->offers, of_framework) {
		if (r == 0)
			r = add_part(rows, offer->role, &offer->resources);
	}
	return r;
}

static int add_all(struct role_row **rows, const struct master *master)
{
	const struct framework *framework;
	int r = 0;

	for (framework = master->frameworks; framework && r == 0; framework = framework->hh.next) {
		if (!framework->is_removed)
			r = add_framework(rows, framework);
	}
	return r;
}

static json_t *messages_json(const struct role_row *row)
{
	struct resource_list list = { 0 };
	json_t *json = json_array(), *item;
	struct err lost = { 0 };

	if (resource_list_add(&list, &row->resources, row->name) == 0) {
		for (size_t i = 0; i < list.n; i++) {
			if (pb_to_json(&list.items[i]->base, &item, &lost) == 0)
				json_array_append_new(json, item);
		}
	}
	resource_list_done(&list);
	return json;
}

static json_t *ids_json(const struct role_row *row)
{
	json_t *json = json_array(), *id;
	size_t i;

	json_array_foreach(row->frameworks, i, id)
		json_array_append_new(json, json_pack("{s:O}", "value", id));
	return json;
}

static json_t *row_json(const struct master *master, const struct role_row *row, bool is_v1)
{
	return json_pack("{s:s, s:f, s:o, s:o}", "name", row->name,
			 "weight", weight_of(master, row->name),
			 "frameworks", is_v1 ? ids_json(row) : json_incref(row->frameworks),
			 "resources", is_v1 ? messages_json(row) :
					      resources_to_json(&row->resources));
}

json_t *master_roles_json(const struct master *master, bool is_v1)
{
	struct role_row *rows = NULL, *row, *next;
	int r = add_all(&rows, master);
	json_t *list = json_array();

	HASH_ITER(hh, rows, row, next) {
		if (r == 0)
			json_array_append_new(list, row_json(master, row, is_v1));
		HASH_DEL(rows, row);
		json_decref(row->frameworks);
		resources_done(&row->resources);
		free(row);
	}
	if (r == 0)
		return json_pack("{s:o}", "roles", list);
	json_decref(list);
	return NULL;
}
