/* Residences in the store. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/store.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/records.h"
#include "master_stub/marathon/state.h"
#include "proto/tepui.pb-c.h"

static const char kind_residence[] = "marathon-residence";

/* ---- Writing ---- */

int residence_put(struct controller *c, const struct residence *residence)
{
	Tepui__ResidenceRecord record = TEPUI__RESIDENCE_RECORD__INIT;
	AUTO_FREE Tepui__LocalVolumeRecord *volumes =
		calloc(residence->n_volumes + 1, sizeof(*volumes));
	AUTO_FREE Tepui__LocalVolumeRecord **list = calloc(residence->n_volumes + 1, sizeof(*list));
	AUTO_FREE uint32_t *ports = calloc(residence->n_ports + 1, sizeof(*ports));

	if (!volumes || !list || !ports)
		return -ENOMEM;
	for (unsigned i = 0; i < residence->n_ports; i++)
		ports[i] = residence->ports[i];
	for (unsigned i = 0; i < residence->n_volumes; i++) {
		tepui__local_volume_record__init(&volumes[i]);
		volumes[i].container_path = residence->volumes[i].path;
		volumes[i].persistence_id = residence->volumes[i].id;
		volumes[i].size_mb_thousandths = residence->volumes[i].size;
		list[i] = &volumes[i];
	}
	record.instance_id = residence->id;
	record.app_id = residence->app_id;
	record.framework_id = residence->framework_id;
	record.role = residence->role;
	record.agent_id = residence->agent_id;
	record.host = residence->host;
	record.n_ports = residence->n_ports;
	record.ports = ports;
	record.n_volumes = residence->n_volumes;
	record.volumes = list;
	record.incarnation = residence->incarnation;
	record.has_is_confirmed = record.has_is_given_up = true;
	record.is_confirmed = residence->is_confirmed;
	record.is_given_up = residence->is_given_up;
	record.has_is_detached = residence->is_detached;
	record.is_detached = residence->is_detached;
	return records_put(c, kind_residence, residence->id, &record.base);
}

void residence_delete_record(struct controller *c, const struct residence *residence)
{
	records_delete(c, kind_residence, residence->id);
}

/* ---- Reading ---- */

static int fill_volumes(const Tepui__ResidenceRecord *record, struct residence *residence)
{
	residence->volumes = calloc(record->n_volumes + 1, sizeof(*residence->volumes));
	if (!residence->volumes)
		return -ENOMEM;
	for (size_t i = 0; i < record->n_volumes; i++) {
		struct local_volume *volume = &residence->volumes[residence->n_volumes++];

		volume->size = record->volumes[i]->size_mb_thousandths;
		if (instance_set_text(&volume->path, record->volumes[i]->container_path) < 0 ||
		    instance_set_text(&volume->id, record->volumes[i]->persistence_id) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int fill(const Tepui__ResidenceRecord *record, struct residence *residence)
{
	AUTO_FREE uint16_t *ports = calloc(record->n_ports + 1, sizeof(*ports));

	if (!ports)
		return -ENOMEM;
	for (size_t i = 0; i < record->n_ports; i++)
		ports[i] = (uint16_t)record->ports[i];
	residence->incarnation = record->incarnation;
	residence->is_confirmed = record->is_confirmed;
	residence->is_given_up = record->is_given_up;
	residence->is_detached = record->is_detached;
	if (residence_set_ports(residence, ports, (unsigned)record->n_ports) < 0)
		return -ENOMEM;
	return fill_volumes(record, residence);
}

/*
 * One whose app is not known is held for nobody: that app's definition may only be one that this
 * process was not told to take, and its data must be there when the next one is.
 */
static int load_residence(void *arg, const char *key, const void *data, size_t size, struct err *e)
{
	struct controller *c = arg;
	Tepui__ResidenceRecord *record = tepui__residence_record__unpack(NULL, size, data);
	struct residence *residence;
	int r = 0;

	if (record) {
		struct entry *entry = record->is_given_up ? NULL : entry_find(c, record->app_id);
		const struct residence like = {
			.id = record->instance_id, .app_id = record->app_id,
			.framework_id = record->framework_id, .role = record->role,
			.agent_id = record->agent_id, .host = record->host,
		};

		r = residence_new(c, entry, &like, &residence);
		if (r == 0)
			r = fill(record, residence);
		if (r == 0 && !entry && !record->is_given_up)
			controller_explain(c, "keep the volumes of instance '%s': its app '%s' is "
					   "not known", key, record->app_id);
	}
	tepui__residence_record__free_unpacked(record, NULL);
	return r < 0 ? err_set(e, -r, "load the volumes of instance '%s'", key) : 0;
}

int residence_records_load(struct controller *c, struct err *e)
{
	return store_each(c->store, kind_residence, load_residence, c, e);
}
