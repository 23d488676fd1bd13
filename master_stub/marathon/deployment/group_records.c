/* Groups, and what the last changes did away with, in the store. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/store.h"
#include "master_stub/marathon/deployment/group.h"
#include "master_stub/marathon/deployment/history.h"
#include "master_stub/marathon/records.h"
#include "master_stub/marathon/state.h"
#include "proto/tepui.pb-c.h"

static const char kind_group[] = "marathon-group";
static const char kind_change[] = "marathon-change";

/* ---- Writing ---- */

int group_records_put(struct controller *c, const struct group *group)
{
	Tepui__GroupRecord record = TEPUI__GROUP_RECORD__INIT;
	const json_t *list = group_settings_dependencies(group->settings);
	size_t n = json_array_size(list);
	AUTO_FREE char **dependencies = calloc(n + 1, sizeof(*dependencies));

	if (!dependencies)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		dependencies[i] = record_text(json_string_value(json_array_get(list, i)));
	record.group_id = record_text(group->id);
	record.n_dependencies = n;
	record.dependencies = dependencies;
	record.has_enforces_role = true;
	record.enforces_role = group_settings_enforce_role(group->settings);
	return records_put(c, kind_group, group->id, &record.base);
}

void group_records_delete(struct controller *c, const char *group_id)
{
	records_delete(c, kind_group, group_id);
}

int group_records_put_past(struct controller *c, const struct past *past)
{
	Tepui__ChangeRecord record = TEPUI__CHANGE_RECORD__INIT;
	json_t *json = history_to_json(past);
	AUTO_FREE char *before = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (!before)
		return -ENOMEM;
	record.version = record_text(past->version);
	record.before = record_bytes(before);
	return records_put(c, kind_change, past->version, &record.base);
}

void group_records_delete_past(struct controller *c, const struct past *past)
{
	records_delete(c, kind_change, past->version);
}

/* ---- Reading ---- */

static int load_group(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	Tepui__GroupRecord *record = tepui__group_record__unpack(NULL, size, data);
	json_t *dependencies = json_array(), *settings;
	int r = 0;

	for (size_t i = 0; record && i < record->n_dependencies; i++)
		(void)json_array_append_new(dependencies, json_string(record->dependencies[i]));
	settings = group_settings_new(dependencies, record && record->enforces_role);
	if (record)
		r = settings ? group_set(arg, record->group_id, settings) : -ENOMEM;
	json_decref(settings);
	tepui__group_record__free_unpacked(record, NULL);
	return r < 0 ? err_set(e, -r, "load group '%s'", key) : 0;
}

struct load {
	struct controller *c;
	char lost[CLOCK_TEXT_SIZE];	/* the newest change that cannot be told; "": none */
};

/* Of one that cannot be told whole nothing is kept, and nothing of what was before it. */
static int load_change(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct load *load = arg;
	Tepui__ChangeRecord *record = tepui__change_record__unpack(NULL, size, data);
	json_t *before = NULL;
	int r = -ENOENT;

	if (record)
		before = json_loadb((const char *)record->before.data, record->before.len, 0,
				    NULL);
	if (before)
		r = history_load(load->c, record->version, before);
	if (r == -ENOENT && strcmp(key, load->lost) > 0)
		(void)snprintf(load->lost, sizeof(load->lost), "%s", key);
	json_decref(before);
	tepui__change_record__free_unpacked(record, NULL);
	return r == -ENOMEM ? err_set(e, ENOMEM, "load change '%s'", key) : 0;
}

int group_records_load(struct controller *c, struct err *e)
{
	struct load load = { .c = c };
	int r = store_each(c->store, kind_group, load_group, c, e);

	if (r == 0)
		r = store_each(c->store, kind_change, load_change, &load, e);
	if (r == 0 && load.lost[0]) {
		controller_explain(c, "groups cannot go back behind %s: its record is not valid",
				   load.lost);
		history_forget_before(c, load.lost);
	}
	return r;
}
