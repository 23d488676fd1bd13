/* Pod definitions from anybody: read, and what is taken must come back from its stored form. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json_in.h"
#include "master_stub/marathon/definition/pod.h"
#include "master_stub/marathon/definition/refusal.h"

static void check_stored_form(struct app *app)
{
	static const char version[] = "2021-01-02T03:04:05.678Z";
	struct refusal refusal = { 0 };
	struct app *again = NULL, *more;
	json_t *stored;

	memcpy(app->version, version, sizeof(version));
	memcpy(app->last_scaling_at, version, sizeof(version));
	memcpy(app->last_config_change_at, version, sizeof(version));
	stored = app_to_json(app);
	assert(stored && app_from_stored(stored, &again, &refusal) == 0);
	assert(again->pod && json_equal(app->json, again->json));
	more = app_with_instances(app, 7);
	assert(more && more->instances == 7 && !app_needs_restart(app, more));
	json_decref(stored);
	app_unref(again);
	app_unref(more);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct refusal refusal = { 0 };
	json_t *document = NULL;
	struct app *app = NULL;
	struct err e = { 0 };

	if (json_in_parse(data, size, &document, &e) < 0)
		return 0;
	if (pod_parse(document, NULL, NULL, &app, &refusal) == 0) {
		check_stored_form(app);
	} else {
		assert(refusal.status == 400 || refusal.status == 422);
		assert(refusal.body);
	}
	app_unref(app);
	refusal_done(&refusal);
	json_decref(document);
	return 0;
}
