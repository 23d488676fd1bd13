/* /v2/deployments and /v2/queue. */
#include "master_stub/marathon/rest/api.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "master_stub/marathon/definition/shape.h"
#include "master_stub/marathon/deployment/deployment.h"
#include "master_stub/marathon/deployment/rollout.h"
#include "master_stub/marathon/state.h"
#include "master_stub/marathon/view/views.h"

int api_list_deployments(struct http_request *req, struct err *e)
{
	(void)e;
	return marathon_reply(req, 200, deployments_view(api_of(req)->controller));
}

/* Marathon's messages name this path, but it serves nothing there. */
int api_get_deployment(struct http_request *req, struct err *e)
{
	const char *id = http_request_arg(req, 0);
	json_t *view = deployment_state_view(api_of(req)->controller, id);
	struct refusal refusal = { 0 };

	(void)e;
	if (view)
		return marathon_reply(req, 200, view);
	(void)refuse(&refusal, 404, "DeploymentPlan %s does not exist", id);
	return marathon_refuse(req, &refusal);
}

/* Of being ended alone: no step, and nothing is placed. */
static int tell_cancelling(struct http_request *req, const char *id)
{
	struct refusal refusal = { 0 };

	if (deployment_find(api_of(req)->controller, id))
		return marathon_reply(req, 200, json_pack("{s:[], s:[s], s:[]}", "steps", "cancels",
							  id, "placements"));
	(void)refuse(&refusal, 404, "DeploymentPlan %s does not exist", id);
	return marathon_refuse(req, &refusal);
}

static int tell_undoing(struct http_request *req, const char *id)
{
	struct change_set set = { 0 };
	struct change_result result;
	struct refusal refusal = { 0 };
	int r = changes_undo(api_of(req)->controller, id, &set, &refusal);

	if (r == 0)
		r = api_apply(req, &set, &result, &refusal);
	change_set_done(&set);
	return api_reply_change(req, r, &result, &refusal);
}

int api_cancel_deployment(struct http_request *req, struct err *e)
{
	bool force = http_request_query_bool(req, "force", false);
	struct change_result result = { 0 };
	const char *id = http_request_arg(req, 0);
	struct refusal refusal = { 0 };

	(void)e;
	if (http_request_query_bool(req, "dryRun", false))
		return force ? tell_cancelling(req, id) : tell_undoing(req, id);
	if (changes_cancel(api_of(req)->controller, id, force, clock_boot_ms(), &result,
			   &refusal) < 0)
		return marathon_refuse(req, &refusal);
	if (!force)
		return api_reply_deployment(req, 200, &result);
	api_changed(req);
	api_set_headers(req);
	http_reply(req, 202, NULL, NULL, 0);
	return 0;
}

static int do_rollout(struct http_request *req, enum rollout_verb verb)
{
	struct change_result result = { 0 };
	struct refusal refusal = { 0 };

	if (rollout_do(api_of(req)->controller, http_request_arg(req, 0), verb, clock_boot_ms(),
		       &result, &refusal) < 0)
		return marathon_refuse(req, &refusal);
	return api_reply_deployment(req, 200, &result);
}

static const struct shape weight_fields[] = {
	{ "weight", SHAPE_INTEGER, .is_required = true, .max = 100 },
	{ 0 },
};

/* {"weight": PERCENT} */
static int read_weight(struct http_request *req, unsigned *ret, struct refusal *refusal)
{
	static const struct shape shape = { .kind = SHAPE_OBJECT, .is_strict = true, .of = weight_fields };
	AUTO(json_decrefp) json_t *document = NULL, *read = NULL;
	struct problems problems = { 0 };
	int r = api_read_json(req, &document, refusal);

	if (r < 0)
		return r;
	read = shape_read(&shape, document, "", &problems);
	*ret = (unsigned)json_integer_value(json_object_get(read, "weight"));
	if (!read || problems_any(&problems))
		r = refuse_problems(refusal, "Invalid JSON", &problems);
	problems_done(&problems);
	return r;
}

int api_weigh_deployment(struct http_request *req, struct err *e)
{
	struct change_result result = { 0 };
	struct refusal refusal = { 0 };
	unsigned percent;

	(void)e;
	if (read_weight(req, &percent, &refusal) < 0 ||
	    rollout_weigh(api_of(req)->controller, http_request_arg(req, 0), percent,
			  clock_boot_ms(), &result, &refusal) < 0)
		return marathon_refuse(req, &refusal);
	return api_reply_deployment(req, 200, &result);
}

int api_promote_deployment(struct http_request *req, struct err *e)
{
	(void)e;
	return do_rollout(req, ROLLOUT_PROMOTE);
}

int api_pause_deployment(struct http_request *req, struct err *e)
{
	(void)e;
	return do_rollout(req, ROLLOUT_PAUSE);
}

int api_resume_deployment(struct http_request *req, struct err *e)
{
	(void)e;
	return do_rollout(req, ROLLOUT_RESUME);
}

int api_abort_deployment(struct http_request *req, struct err *e)
{
	(void)e;
	return do_rollout(req, ROLLOUT_ABORT);
}

int api_get_queue(struct http_request *req, struct err *e)
{
	struct controller *c = api_of(req)->controller;
	unsigned embeds = 0;
	const char *embed;

	(void)e;
	for (size_t i = 0; (embed = http_request_query_at(req, "embed", i)); i++) {
		if (strcmp(embed, "lastUnusedOffers") == 0)
			embeds |= QUEUE_EMBED_OFFERS;
		else if (strcmp(embed, "nodes") == 0)
			embeds |= QUEUE_EMBED_NODES;
	}
	c->now_ms = clock_boot_ms();
	return marathon_reply(req, 200, queue_view(c, embeds));
}

int api_reset_delay(struct http_request *req, struct err *e)
{
	struct refusal refusal = { 0 };
	char id[API_ID_SIZE];

	(void)e;
	api_path_id(req, id);
	if (changes_reset_delay(api_of(req)->controller, id, clock_boot_ms(), &refusal) < 0)
		return marathon_refuse(req, &refusal);
	api_changed(req);
	api_set_headers(req);
	http_reply(req, 204, NULL, NULL, 0);
	return 0;
}
