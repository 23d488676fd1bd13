/* /v2/apps/{id}/autoscale: what the autoscaler has seen, decided and would do. */
#include "master_stub/marathon/rest/api.h"

#include <stdio.h>
#include <string.h>

#include "master_stub/marathon/autoscale/autoscaler.h"
#include "master_stub/marathon/state.h"

/* Marathon lets the id of an app end in the word: then that one is meant. */
static const struct entry *find_of_that_name(const struct controller *c, const char *id)
{
	char whole[API_ID_SIZE + sizeof("/autoscale")];

	(void)snprintf(whole, sizeof(whole), "%s/autoscale", strcmp(id, "/") == 0 ? "" : id);
	return entry_find_app(c, whole);
}

int api_get_autoscale(struct http_request *req, struct err *e)
{
	const struct controller *c = api_of(req)->controller;
	struct refusal refusal = { 0 };
	const struct entry *entry;
	char id[API_ID_SIZE];

	(void)e;
	api_path_id(req, id);
	entry = find_of_that_name(c, id);
	if (entry)
		return api_reply_app(req, entry);
	entry = api_find_app(req, &refusal);
	if (entry && entry->target->autoscale)
		return marathon_reply(req, 200, autoscaler_view(c, entry));
	if (entry)
		(void)refuse(&refusal, 404, "App '%s' has no autoscale", id);
	return marathon_refuse(req, &refusal);
}
