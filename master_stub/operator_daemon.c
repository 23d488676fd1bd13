/* What the master tells of itself: POST /api/v1. */
#include <errno.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log_toggle.h"
#include "master_stub/describe.h"
#include "master_stub/master.h"
#include "master_stub/operator_api.h"
#include "master_stub/operator_calls.h"
#include "master_stub/shell.h"
#include "net/http_server.h"
#include "net/operator_answers.h"

#define RESPONSE (&mesos__v1__master__response__descriptor)

static int get_health(struct http_request *req, const OperatorCall *call, struct err *e)
{
	(void)call;
	return operator_answer_health(req, RESPONSE, e);
}

static int get_flags(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const struct shell *shell = http_request_app(req);

	(void)call;
	return operator_answer_flags(req, RESPONSE, shell_flags_json(&shell->flags), e);
}

static int get_version(struct http_request *req, const OperatorCall *call, struct err *e)
{
	(void)call;
	return operator_answer_version(req, RESPONSE, e);
}

/* All of them are there at once: a timeout leaves none out. */
static int get_metrics(struct http_request *req, const OperatorCall *call, struct err *e)
{
	(void)call;
	return operator_answer_metrics(req, RESPONSE, operator_metrics(http_request_app(req)), e);
}

static int get_logging_level(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const struct shell *shell = http_request_app(req);

	(void)call;
	return operator_answer_logging_level(req, RESPONSE, shell->log_toggle, e);
}

static int set_logging_level(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const struct shell *shell = http_request_app(req);
	const Mesos__V1__Master__Call__SetLoggingLevel *asked = call->set_logging_level;
	int r = log_toggle_set(shell->log_toggle, asked->level, asked->duration->nanoseconds, e);

	return operator_done(req, r);
}

/* The log goes to standard error, where others keep it: there is no file of ours to read. */
static int list_files(struct http_request *req, const OperatorCall *call, struct err *e)
{
	(void)req;
	return err_set(e, ENOENT, "list files: there is no '%.255s'", call->list_files->path);
}

static int read_file(struct http_request *req, const OperatorCall *call, struct err *e)
{
	(void)req;
	return err_set(e, ENOENT, "read file: there is no '%.255s'", call->read_file->path);
}

static int get_master(struct http_request *req, const OperatorCall *call, struct err *e)
{
	OperatorResponse response = MESOS__V1__MASTER__RESPONSE__INIT;
	Mesos__V1__Master__Response__GetMaster body =
		MESOS__V1__MASTER__RESPONSE__GET_MASTER__INIT;
	const struct shell *shell = http_request_app(req);
	struct master_info_message info;

	(void)call;
	body.master_info = (Mesos__V1__MasterInfo *)(uintptr_t)master_describe(shell->master, &info);
	body.has_start_time = body.has_elected_time = true;
	body.start_time = body.elected_time = (double)master_started_wall_ms(shell->master) / 1000;
	response.has_type = true;
	response.type = MESOS__V1__MASTER__RESPONSE__TYPE__GET_MASTER;
	response.get_master = &body;
	return operator_reply(req, &response, e);
}

static const struct operator_call rows[] = {
	OPERATOR_CALL_BARE(GET_HEALTH, get_health),
	OPERATOR_CALL_BARE(GET_FLAGS, get_flags),
	OPERATOR_CALL_BARE(GET_VERSION, get_version),
	OPERATOR_CALL(GET_METRICS, get_metrics, get_metrics),
	OPERATOR_CALL_BARE(GET_LOGGING_LEVEL, get_logging_level),
	OPERATOR_CALL(SET_LOGGING_LEVEL, set_logging_level, set_logging_level),
	OPERATOR_CALL(LIST_FILES, list_files, list_files),
	OPERATOR_CALL(READ_FILE, read_file, read_file),
	OPERATOR_CALL_BARE(GET_MASTER, get_master),
};
const struct operator_calls operator_daemon_calls = OPERATOR_CALLS(rows);
