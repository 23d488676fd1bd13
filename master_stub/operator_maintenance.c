/* Maintenance of machines: POST /api/v1, and the older paths. */
#include "master_stub/operator_maintenance.h"

#include <errno.h>

#include "lib/err.h"
#include "lib/json_in.h"
#include "lib/pb_json.h"
#include "master_stub/maintenance.h"
#include "master_stub/operator_calls.h"
#include "master_stub/shell.h"
#include "net/http_jsonp.h"
#include "net/http_server.h"
#include "net/wire.h"

typedef Mesos__V1__Maintenance__Schedule Schedule;
typedef Mesos__V1__Maintenance__ClusterStatus ClusterStatus;
typedef Mesos__V1__Master__Call__StartMaintenance Machines;

static void free_status(ClusterStatus *status)
{
	mesos__v1__maintenance__cluster_status__free_unpacked(status, NULL);
}

DEFINE_AUTO(ClusterStatus *, free_status);

/* ---- POST /api/v1 ---- */

static int get_schedule(struct http_request *req, const OperatorCall *call, struct err *e)
{
	OperatorResponse response = MESOS__V1__MASTER__RESPONSE__INIT;
	Mesos__V1__Master__Response__GetMaintenanceSchedule body =
		MESOS__V1__MASTER__RESPONSE__GET_MAINTENANCE_SCHEDULE__INIT;

	(void)call;
	/* Only read. */
	body.schedule = (Schedule *)(uintptr_t)maintenance_schedule(operator_master(req));
	response.has_type = true;
	response.type = MESOS__V1__MASTER__RESPONSE__TYPE__GET_MAINTENANCE_SCHEDULE;
	response.get_maintenance_schedule = &body;
	return operator_reply(req, &response, e);
}

static int get_status(struct http_request *req, const OperatorCall *call, struct err *e)
{
	OperatorResponse response = MESOS__V1__MASTER__RESPONSE__INIT;
	Mesos__V1__Master__Response__GetMaintenanceStatus body =
		MESOS__V1__MASTER__RESPONSE__GET_MAINTENANCE_STATUS__INIT;
	AUTO(free_statusp) ClusterStatus *status = maintenance_status(operator_master(req));

	(void)call;
	if (!status)
		return err_set(e, ENOMEM, "describe maintenance");
	body.status = status;
	response.has_type = true;
	response.type = MESOS__V1__MASTER__RESPONSE__TYPE__GET_MAINTENANCE_STATUS;
	response.get_maintenance_status = &body;
	return operator_reply(req, &response, e);
}

static int update_schedule(struct http_request *req, const OperatorCall *call, struct err *e)
{
	return operator_done(req, maintenance_update_schedule(
		operator_master(req), call->update_maintenance_schedule->schedule, e));
}

static int start(struct http_request *req, const OperatorCall *call, struct err *e)
{
	return operator_done(req, maintenance_start(operator_master(req),
						   call->start_maintenance->machines,
						   call->start_maintenance->n_machines, e));
}

static int stop(struct http_request *req, const OperatorCall *call, struct err *e)
{
	return operator_done(req, maintenance_stop(operator_master(req),
						  call->stop_maintenance->machines,
						  call->stop_maintenance->n_machines, e));
}

static const struct operator_call rows[] = {
	OPERATOR_CALL_BARE(GET_MAINTENANCE_SCHEDULE, get_schedule),
	OPERATOR_CALL_BARE(GET_MAINTENANCE_STATUS, get_status),
	OPERATOR_CALL(UPDATE_MAINTENANCE_SCHEDULE, update_maintenance_schedule, update_schedule),
	OPERATOR_CALL(START_MAINTENANCE, start_maintenance, start),
	OPERATOR_CALL(STOP_MAINTENANCE, stop_maintenance, stop),
};
const struct operator_calls operator_maintenance_calls = OPERATOR_CALLS(rows);

/* ---- the older paths ---- */

static int reply_message(struct http_request *req, const ProtobufCMessage *message, struct err *e)
{
	json_t *json;
	int r = pb_to_json(message, &json, e);

	return r == 0 ? http_reply_jsonp(req, json, e) : r;
}

int maintenance_get_schedule(struct http_request *req, struct err *e)
{
	return reply_message(req, &maintenance_schedule(operator_master(req))->base, e);
}

int maintenance_get_status(struct http_request *req, struct err *e)
{
	AUTO(free_statusp) ClusterStatus *status = maintenance_status(operator_master(req));

	if (!status)
		return err_set(e, ENOMEM, "describe maintenance");
	return reply_message(req, &status->base, e);
}

int maintenance_post_schedule(struct http_request *req, struct err *e)
{
	struct shell *shell = http_request_app(req);
	AUTO(pb_freep) ProtobufCMessage *message = NULL;
	size_t size;
	const char *body = http_request_body(req, &size);
	int r = wire_read(WIRE_JSON, &mesos__v1__maintenance__schedule__descriptor, body, size,
			  &message, e);

	if (r == 0)
		r = maintenance_update_schedule(operator_master(req), (const Schedule *)message, e);
	shell_wake(shell);
	return operator_done(req, r);
}

typedef int machines_fn(struct master *master, Mesos__V1__MachineID *const *ids, size_t n,
			struct err *e);

static int read_machines(const struct http_request *req, ProtobufCMessage **ret, struct err *e)
{
	json_auto_t *json = NULL, *call = NULL;
	size_t size;
	const char *body = http_request_body(req, &size);
	int r = json_in_parse(body, size, &json, e);

	if (r < 0)
		return r;
	if (!json_is_array(json))
		return err_set(e, EINVAL, "read machines: an array of machine ids is wanted");
	call = json_pack("{s:O}", "machines", json);
	if (!call)
		return err_set(e, ENOMEM, "read machines");
	return pb_from_json(&mesos__v1__master__call__start_maintenance__descriptor, call, ret, e);
}

static int change_machines(struct http_request *req, machines_fn *change, struct err *e)
{
	struct shell *shell = http_request_app(req);
	AUTO(pb_freep) ProtobufCMessage *message = NULL;
	int r = read_machines(req, &message, e);

	if (r == 0)
		r = change(operator_master(req), ((const Machines *)message)->machines,
			   ((const Machines *)message)->n_machines, e);
	shell_wake(shell);
	return operator_done(req, r);
}

int maintenance_machine_down(struct http_request *req, struct err *e)
{
	return change_machines(req, maintenance_start, e);
}

int maintenance_machine_up(struct http_request *req, struct err *e)
{
	return change_machines(req, maintenance_stop, e);
}
