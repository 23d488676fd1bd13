/* App definitions from anybody: read, and what is taken must come back from its stored form. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json_in.h"
#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/definition/refusal.h"

static void check_stored_form(struct app *app)
{
	static const char version[] = "2021-01-02T03:04:05.678Z";
	struct refusal refusal = { 0 };
	struct app *again = NULL;
	json_t *a, *b;

	memcpy(app->version, version, sizeof(version));
	memcpy(app->last_scaling_at, version, sizeof(version));
	memcpy(app->last_config_change_at, version, sizeof(version));
	a = app_to_json(app);
	assert(a && app_from_stored(a, &again, &refusal) == 0);
	b = app_to_json(again);
	assert(json_equal(a, b));
	json_decref(a);
	json_decref(b);
	app_unref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct refusal refusal = { 0 };
	struct app *app = NULL, *updated = NULL;
	json_t *document = NULL;
	struct err e = { 0 };

	if (json_in_parse(data, size, &document, &e) < 0)
		return 0;
	if (app_parse(document, NULL, NULL, &app, &refusal) == 0) {
		check_stored_form(app);
		(void)app_parse_update(app, document, NULL, &updated, &refusal);
	} else {
		assert(refusal.status == 400 || refusal.status == 422);
		assert(refusal.body);
	}
	app_unref(app);
	app_unref(updated);
	refusal_done(&refusal);
	json_decref(document);
	return 0;
}
