#include "master_stub/marathon/rest/api_lists.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_out.h"
#include "lib/json_source.h"
#include "master_stub/marathon/definition/app_id.h"
#include "master_stub/marathon/rest/api.h"
#include "master_stub/marathon/rest/representation.h"
#include "master_stub/marathon/state.h"
#include "master_stub/marathon/view/views.h"

bool api_has_many(const struct controller *c)
{
	return HASH_CNT(by_id, c->entries) > API_WHOLE_APPS ||
	       HASH_CNT(by_id, c->tasks) > API_WHOLE_TASKS;
}

static int reply_whole(struct http_request *req, const struct json_source *source_take,
		       struct err *e)
{
	const struct json_out *out = source_take->out(source_take->arg);
	int r = 0;

	while (source_take->step(source_take->arg))
		;
	if (out->is_failed)
		r = err_set(e, ENOMEM, "write the answer");
	else
		http_reply(req, 200, "application/json", out->data, out->size);
	source_take->free(source_take->arg);
	return r;
}

int api_reply_source(struct http_request *req, const struct json_source *source_take, struct err *e)
{
	const struct marathon_api *api = api_of(req);

	api_set_headers(req);
	return api_has_many(api->controller) ?
	       api->io.reply_source(api->io.arg, req, source_take, e) :
	       reply_whole(req, source_take, e);
}

struct listing {
	struct api_list list;
	const struct controller *c;
	struct json_out out;
	bool is_begun;
	char *fields;			/* NULL: all */
	size_t n;			/* apps that were written */
	char last[192];			/* the id of the app that was written last; it may be gone */
};

static void put_tasks(struct listing *listing, const struct entry *entry)
{
	const struct instance *instance;

	TAILQ_FOREACH(instance, &entry->instances, of_app) {
		bool is_running = instance_is_running(instance);

		if (!instance->spec->pod &&
		    listing->list.statuses & (is_running ? STATUS_RUNNING : STATUS_STAGING))
			json_out_tree(&listing->out, task_view(listing->c, instance));
	}
}

/* Of what is being deleted its tasks are shown, and of a pod its status: to see the end of it. */
static bool is_listed(const struct api_list *list, const struct entry *entry)
{
	bool is_of_pods = list->of == LIST_PODS || list->of == LIST_POD_STATUSES;

	if (!app_id_is_within(entry->id, list->group))
		return false;
	/* Those of an app that was here before the pod may still be ending. */
	if (list->of == LIST_TASKS)
		return true;
	if (entry_is_pod(entry) != is_of_pods)
		return false;
	if (list->of == LIST_POD_STATUSES)
		return true;
	return !entry->is_deleting &&
	       (!list->filter || app_filter_matches(list->filter, entry->target));
}

static const struct entry *next_of(const struct listing *listing)
{
	const struct entry *entry = entry_after(listing->c, listing->last);

	while (entry && !is_listed(&listing->list, entry))
		entry = entry->by_id.next;
	return entry;
}

static bool end(struct listing *listing, bool has_more)
{
	json_out_close(&listing->out, ']');
	if (!listing->list.key)
		return false;
	if (has_more) {
		json_out_key(&listing->out, "nextCursor");
		json_out_string(&listing->out, listing->last);
	}
	json_out_close(&listing->out, '}');
	return false;
}

static void begin(struct listing *listing)
{
	if (listing->list.key) {
		json_out_open(&listing->out, '{');
		json_out_key(&listing->out, listing->list.key);
	}
	json_out_open(&listing->out, '[');
	listing->is_begun = true;
}

static void put_entry(struct listing *listing, const struct entry *entry)
{
	struct json_out *out = &listing->out;

	switch (listing->list.of) {
	case LIST_APPS:
		json_out_tree(out, app_fields(listing->fields, app_view(listing->c, entry,
									listing->list.embeds)));
		break;
	case LIST_TASKS:
		put_tasks(listing, entry);
		break;
	case LIST_PODS:
		json_out_tree(out, spec_view(entry->target));
		break;
	case LIST_POD_STATUSES:
		json_out_tree(out, pod_status_view(listing->c, entry));
		break;
	}
}

static bool step(void *arg)
{
	struct listing *listing = arg;
	const struct entry *entry = next_of(listing);

	if (!listing->is_begun)
		begin(listing);
	if (!entry || (listing->list.limit != 0 && listing->n == listing->list.limit))
		return end(listing, entry != NULL);
	listing->n++;
	(void)snprintf(listing->last, sizeof(listing->last), "%s", entry->id);
	put_entry(listing, entry);
	return !listing->out.is_failed;
}

static struct json_out *out(void *arg)
{
	struct listing *listing = arg;

	return &listing->out;
}

static void release(void *arg)
{
	struct listing *listing = arg;

	app_filter_free(listing->list.filter);
	json_out_done(&listing->out);
	free(listing->fields);
	free(listing);
}

int api_reply_list(struct http_request *req, const struct api_list *list_take, struct err *e)
{
	struct json_source source = { .step = step, .out = out, .free = release };
	struct listing *listing = calloc(1, sizeof(*listing));

	if (!listing || instance_set_text(&listing->fields, list_take->fields) < 0) {
		app_filter_free(list_take->filter);
		free(listing);
		return err_set(e, ENOMEM, "list apps");
	}
	listing->list = *list_take;
	if (list_take->cursor)
		(void)snprintf(listing->last, sizeof(listing->last), "%s", list_take->cursor);
	listing->c = api_of(req)->controller;
	source.arg = listing;
	return api_reply_source(req, &source, e);
}
