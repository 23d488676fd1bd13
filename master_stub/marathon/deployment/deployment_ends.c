/* How the last deployments ended: whoever waits for one asks, or comes back to ask why it failed. */
#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/deployment/deployment.h"
#include "master_stub/marathon/records.h"
#include "master_stub/marathon/state.h"

enum { MAX_ENDED = 256 };

void deployment_note_end(struct controller *c, const struct deployment *d, const char *reason)
{
	char now[CLOCK_TEXT_SIZE];
	json_t *view;

	clock_format(controller_wall_ms(c), now);
	view = json_pack("{s:s, s:s, s:s, s:s, s:s*, s:o*}", "id", d->id, "version", d->version,
			 "state", reason ? "failed" : "succeeded", "endedAt", now, "reason", reason,
			 "rollbackOf", deployment_rollback_view(d));
	if (!view || json_array_append_new(c->ended, view) < 0 || records_put_ended(c, view) < 0) {
		c->is_out_of_memory = true;
		return;
	}
	while (json_array_size(c->ended) > MAX_ENDED) {
		records_delete_ended(c, json_array_get(c->ended, 0));
		(void)json_array_remove(c->ended, 0);
	}
}

/* Of two in the same moment the one that was begun later is later: versions are unique. */
static int compare_ends(const json_t *a, const json_t *b)
{
	static const char *const keys[] = { "endedAt", "version" };
	int order = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keys) && order == 0; i++)
		order = strcmp(json_string_value(json_object_get(a, keys[i])),
			       json_string_value(json_object_get(b, keys[i])));
	return order;
}

int deployment_remember(struct controller *c, json_t *ended_take)
{
	size_t i = json_array_size(c->ended);

	if (!json_is_string(json_object_get(ended_take, "id")) ||
	    !json_is_string(json_object_get(ended_take, "endedAt")) ||
	    !json_is_string(json_object_get(ended_take, "version"))) {
		json_decref(ended_take);
		return -EINVAL;
	}
	while (i > 0 && compare_ends(json_array_get(c->ended, i - 1), ended_take) > 0)
		i--;
	return json_array_insert_new(c->ended, i, ended_take) < 0 ? -ENOMEM : 0;
}

/* The deployment that went back behind ID; NULL: none, or it is not remembered any more. */
static const char *rolled_back_by(const struct controller *c, const char *id)
{
	const struct deployment *d;
	const json_t *ended;
	size_t i;

	TAILQ_FOREACH(d, &c->deployments, all) {
		if (d->rollback_of && strcmp(d->rollback_of, id) == 0)
			return d->id;
	}
	json_array_foreach(c->ended, i, ended) {
		const char *of = json_string_value(
			json_object_get(json_object_get(ended, "rollbackOf"), "id"));

		if (of && strcmp(of, id) == 0)
			return json_string_value(json_object_get(ended, "id"));
	}
	return NULL;
}

json_t *deployment_state_view(const struct controller *c, const char *id)
{
	const struct deployment *d = deployment_find(c, id);
	json_t *view;
	size_t i;

	if (d) {
		view = deployment_view(c, d);
		(void)json_object_set_new(view, "state", json_string("running"));
		return view;
	}
	json_array_foreach(c->ended, i, view) {
		const char *by;

		if (strcmp(json_string_value(json_object_get(view, "id")), id) != 0)
			continue;
		view = json_copy(view);
		by = rolled_back_by(c, id);
		if (by)
			(void)json_object_set_new(view, "rolledBackBy", json_string(by));
		return view;
	}
	return NULL;
}
