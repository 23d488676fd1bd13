/* Quotas and weights of roles: POST /api/v1, and the older forms of GET, POST, PUT and DELETE. */
#include <errno.h>
#include <string.h>

#include "lib/err.h"
#include "lib/json_in.h"
#include "lib/pb_json.h"
#include "master_stub/master.h"
#include "master_stub/operator_api.h"
#include "master_stub/operator_calls.h"
#include "master_stub/shell.h"
#include "net/http_jsonp.h"
#include "net/http_server.h"

/* ---- POST /api/v1 ---- */

static int get_quota(struct http_request *req, const OperatorCall *call, struct err *e)
{
	(void)call;
	return operator_reply_json(req, json_pack("{s:s, s:{s:o}}", "type", "GET_QUOTA", "get_quota",
						  "status", master_quota_json(operator_master(req))), e);
}

static int update_quota(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const Mesos__V1__Master__Call__UpdateQuota *update = call->update_quota;

	return operator_done(req, master_update_quota(operator_master(req), update->quota_configs,
					     update->n_quota_configs, update->force, e));
}

static int set_quota(struct http_request *req, const OperatorCall *call, struct err *e)
{
	return operator_done(req, master_set_quota(operator_master(req),
						   call->set_quota->quota_request, e));
}

static int remove_quota(struct http_request *req, const OperatorCall *call, struct err *e)
{
	return operator_done(req, master_remove_quota(operator_master(req),
						      call->remove_quota->role, e));
}

static int get_weights(struct http_request *req, const OperatorCall *call, struct err *e)
{
	(void)call;
	return operator_reply_json(req, json_pack("{s:s, s:{s:o}}", "type", "GET_WEIGHTS",
						  "get_weights", "weight_infos",
						  master_weights_json(operator_master(req))), e);
}

static int update_weights(struct http_request *req, const OperatorCall *call, struct err *e)
{
	return operator_done(req, master_update_weights(operator_master(req),
							call->update_weights->weight_infos,
							call->update_weights->n_weight_infos, e));
}

static const struct operator_call rows[] = {
	OPERATOR_CALL_BARE(GET_QUOTA, get_quota),
	OPERATOR_CALL(UPDATE_QUOTA, update_quota, update_quota),
	OPERATOR_CALL(SET_QUOTA, set_quota, set_quota),
	OPERATOR_CALL(REMOVE_QUOTA, remove_quota, remove_quota),
	OPERATOR_CALL_BARE(GET_WEIGHTS, get_weights),
	OPERATOR_CALL(UPDATE_WEIGHTS, update_weights, update_weights),
};
const struct operator_calls operator_role_calls = OPERATOR_CALLS(rows);

/* ---- the older forms ---- */

static int read_json(const struct http_request *req, json_t **ret, struct err *e)
{
	size_t size;
	const char *body = http_request_body(req, &size);

	return json_in_parse(body, size, ret, e);
}

int operator_get_quota(struct http_request *req, struct err *e)
{
	return http_reply_jsonp(req, master_quota_json(operator_master(req)), e);
}

int operator_post_quota(struct http_request *req, struct err *e)
{
	AUTO(pb_freep) ProtobufCMessage *message = NULL;
	json_t *json = NULL;
	int r = read_json(req, &json, e);

	if (r < 0)
		return err_wrap(e, "Failed to parse set quota request JSON");
	r = pb_from_json(&mesos__v1__quota__quota_request__descriptor, json, &message, e);
	json_decref(json);
	if (r < 0)
		return err_wrap(e, "Failed to validate set quota request JSON");
	shell_wake(http_request_app(req));
	return operator_done(req, master_set_quota(operator_master(req),
					  (const Mesos__V1__Quota__QuotaRequest *)message, e));
}

int operator_delete_quota(struct http_request *req, struct err *e)
{
	shell_wake(http_request_app(req));
	return operator_done(req, master_remove_quota(operator_master(req), http_request_arg(req, 0), e));
}

int operator_get_weights(struct http_request *req, struct err *e)
{
	return http_reply_jsonp(req, master_weights_json(operator_master(req)), e);
}

/* A list, which as the body of the call is what it would be there. */
int operator_put_weights(struct http_request *req, struct err *e)
{
	AUTO(pb_freep) ProtobufCMessage *message = NULL;
	const Mesos__V1__Master__Call__UpdateWeights *update;
	json_t *json = NULL, *body;
	int r = read_json(req, &json, e);

	if (r == 0 && !json_is_array(json))
		r = err_set(e, EINVAL, "not an array");
	if (r < 0) {
		json_decref(json);
		return err_wrap(e, "Failed to parse update weights request JSON");
	}
	body = json_pack("{s:o}", "weight_infos", json);
	r = pb_from_json(&mesos__v1__master__call__update_weights__descriptor, body, &message, e);
	json_decref(body);
	if (r < 0)
		return err_wrap(e, "Failed to convert weights JSON array to protobuf");
	update = (const Mesos__V1__Master__Call__UpdateWeights *)message;
	shell_wake(http_request_app(req));
	return operator_done(req, master_update_weights(operator_master(req), update->weight_infos,
					       update->n_weight_infos, e));
}
