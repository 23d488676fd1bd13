/* What operators do to the resources of agents: POST /api/v1. */
#include <errno.h>

#include "lib/err.h"
#include "master_stub/master.h"
#include "master_stub/operator_calls.h"
#include "master_stub/shell.h"
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
