/* What operators do to the resources of agents: POST /api/v1, and the older paths. */
#include "master_stub/operator_resources.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_in.h"
#include "lib/pb_json.h"
#include "master_stub/master.h"
#include "master_stub/operator_calls.h"
#include "master_stub/shell.h"
#include "net/http_params.h"
#include "net/http_server.h"

typedef Mesos__V1__Offer__Operation Operation;

static int apply(struct http_request *req, const Mesos__V1__AgentID *agent_id,
		 const Operation *operation, struct err *e)
{
	const struct shell *shell = http_request_app(req);
	int r = master_apply(shell->master, agent_id->value, http_request_principal(req),
			     operation, e);

	if (r == 0)
		operator_reply_empty(req, 202);
	return r;
}

#define OPERATION(type_, member_, body_) \
	Operation operation = MESOS__V1__OFFER__OPERATION__INIT; \
	operation.has_type = true; \
	operation.type = MESOS__V1__OFFER__OPERATION__TYPE__##type_; \
	operation.member_ = (body_)

static int reserve(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const Mesos__V1__Master__Call__ReserveResources *body = call->reserve_resources;
	Mesos__V1__Offer__Operation__Reserve reserved = MESOS__V1__OFFER__OPERATION__RESERVE__INIT;
	OPERATION(RESERVE, reserve, &reserved);

	reserved.resources = body->resources;
	reserved.n_resources = body->n_resources;
	reserved.source = body->source;
	reserved.n_source = body->n_source;
	return apply(req, body->agent_id, &operation, e);
}

static int unreserve(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const Mesos__V1__Master__Call__UnreserveResources *body = call->unreserve_resources;
	Mesos__V1__Offer__Operation__Unreserve unreserved =
		MESOS__V1__OFFER__OPERATION__UNRESERVE__INIT;
	OPERATION(UNRESERVE, unreserve, &unreserved);

	unreserved.resources = body->resources;
	unreserved.n_resources = body->n_resources;
	return apply(req, body->agent_id, &operation, e);
}

static int create(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const Mesos__V1__Master__Call__CreateVolumes *body = call->create_volumes;
	Mesos__V1__Offer__Operation__Create created = MESOS__V1__OFFER__OPERATION__CREATE__INIT;
	OPERATION(CREATE, create, &created);

	created.volumes = body->volumes;
	created.n_volumes = body->n_volumes;
	return apply(req, body->agent_id, &operation, e);
}

static int destroy(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const Mesos__V1__Master__Call__DestroyVolumes *body = call->destroy_volumes;
	Mesos__V1__Offer__Operation__Destroy destroyed = MESOS__V1__OFFER__OPERATION__DESTROY__INIT;
	OPERATION(DESTROY, destroy, &destroyed);

	destroyed.volumes = body->volumes;
	destroyed.n_volumes = body->n_volumes;
	return apply(req, body->agent_id, &operation, e);
}

static int refuse_size(struct http_request *req, const OperatorCall *call, struct err *e)
{
	(void)req;
	return err_set(e, ENOSYS, "volumes do not change their size: call '%s' is not supported by"
		       " this version", call->grow_volume ? "GROW_VOLUME" : "SHRINK_VOLUME");
}

static const struct operator_call rows[] = {
	OPERATOR_CALL(RESERVE_RESOURCES, reserve_resources, reserve),
	OPERATOR_CALL(UNRESERVE_RESOURCES, unreserve_resources, unreserve),
	OPERATOR_CALL(CREATE_VOLUMES, create_volumes, create),
	OPERATOR_CALL(DESTROY_VOLUMES, destroy_volumes, destroy),
	OPERATOR_CALL(GROW_VOLUME, grow_volume, refuse_size),
	OPERATOR_CALL(SHRINK_VOLUME, shrink_volume, refuse_size),
};
const struct operator_calls operator_resource_calls = OPERATOR_CALLS(rows);

/* ---- the older paths: forms of "slaveId" and of a list in JSON ---- */

static const struct older {
	const char *path, *call, *body, *list;
	int (*handle)(struct http_request *req, const OperatorCall *call, struct err *e);
} older[] = {
	{ "reserve", "RESERVE_RESOURCES", "reserve_resources", "resources", reserve },
	{ "unreserve", "UNRESERVE_RESOURCES", "unreserve_resources", "resources", unreserve },
	{ "create-volumes", "CREATE_VOLUMES", "create_volumes", "volumes", create },
	{ "destroy-volumes", "DESTROY_VOLUMES", "destroy_volumes", "volumes", destroy },
};

static const struct older *find_older(const struct http_request *req)
{
	const char *path = http_request_pattern(req);
	size_t i = 0;

	while (strcmp(strrchr(path, '/') + 1, older[i].path) != 0)
		i++;
	return &older[i];
}

static int find_field(const struct http_params *form, const char *name, const char **ret,
		      struct err *e)
{
	*ret = http_params_get(form, name, 0);
	return *ret ? 0 : err_set(e, EINVAL, "Missing '%s' query parameter in the request body",
				  name);
}

static int read_list(const char *name, const char *text, json_t **ret, struct err *e)
{
	int r = json_in_parse(text, strlen(text), ret, e);

	if (r == 0 && !json_is_array(*ret))
		r = err_set(e, EINVAL, "it is not an array");
	return r < 0 ? err_wrap(e, "Error in parsing '%s' query parameter in the request body",
				name) : 0;
}

/* The call that the form says in another way. */
static int read_older(const struct older *row, const struct http_params *form,
		      ProtobufCMessage **ret, struct err *e)
{
	json_auto_t *list = NULL, *call = NULL;
	const char *agent, *text;
	int r = find_field(form, "slaveId", &agent, e);

	if (r == 0)
		r = find_field(form, row->list, &text, e);
	if (r == 0)
		r = read_list(row->list, text, &list, e);
	if (r < 0)
		return r;
	call = json_pack("{s:s, s:{s:{s:s}, s:O}}", "type", row->call, row->body, "agent_id",
			 "value", agent, row->list, list);
	if (!call)
		return err_set(e, ENOMEM, "read the resources of agent '%.255s'", agent);
	return pb_from_json(&mesos__v1__master__call__descriptor, call, ret, e);
}

int operator_post_resources(struct http_request *req, struct err *e)
{
	const struct older *row = find_older(req);
	AUTO(http_params_done) struct http_params form = { 0 };
	AUTO(pb_freep) ProtobufCMessage *message = NULL;
	int r = http_params_read_form(req, &form, e);

	if (r == 0)
		r = read_older(row, &form, &message, e);
	if (r < 0)
		return r;
	shell_wake(http_request_app(req));
	r = row->handle(req, (const OperatorCall *)message, e);
	/* In these forms an agent that is not there is a mistake of the body. */
	if (r == -ENOENT)
		e->code = EINVAL;
	return r < 0 ? -e->code : 0;
}
