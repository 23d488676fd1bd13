#include "executor/check.h"

#include <errno.h>
#include <stdlib.h>

#include "executor/health.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* Far from those of health checks, and below those of commands beside the task. */
enum { FIRST_ID = 1 << 29 };

struct check {
	const struct check_ops *ops;
	void *arg;
	struct health *health;		/* makes the attempts; that it judges is of no use here */
	Mesos__V1__CheckStatusInfo status;
	Mesos__V1__CheckStatusInfo__Command command;
	Mesos__V1__CheckStatusInfo__Http http;
	Mesos__V1__CheckStatusInfo__Tcp tcp;
};

/* The same thing in the words of a health check; all of it borrowed. */
struct translation {
	Mesos__V1__HealthCheck check;
	Mesos__V1__HealthCheck__HTTPCheckInfo http;
	Mesos__V1__HealthCheck__TCPCheckInfo tcp;
};

static int translate(const Mesos__V1__CheckInfo *info, struct translation *t, struct err *e)
{
	mesos__v1__health_check__init(&t->check);
	mesos__v1__health_check__httpcheck_info__init(&t->http);
	mesos__v1__health_check__tcpcheck_info__init(&t->tcp);
	t->check.has_type = 1;
	t->check.has_delay_seconds = t->check.has_interval_seconds = 1;
	t->check.has_timeout_seconds = t->check.has_grace_period_seconds = 1;
	t->check.delay_seconds = info->delay_seconds;
	t->check.interval_seconds = info->interval_seconds;
	t->check.timeout_seconds = info->timeout_seconds;
	t->check.grace_period_seconds = 0;
	if (info->type == MESOS__V1__CHECK_INFO__TYPE__COMMAND && info->command) {
		t->check.type = MESOS__V1__HEALTH_CHECK__TYPE__COMMAND;
		t->check.command = info->command->command;
	} else if (info->type == MESOS__V1__CHECK_INFO__TYPE__HTTP && info->http) {
		t->check.type = MESOS__V1__HEALTH_CHECK__TYPE__HTTP;
		t->check.http = &t->http;
		t->http.port = info->http->port;
		t->http.path = info->http->path;
	} else if (info->type == MESOS__V1__CHECK_INFO__TYPE__TCP && info->tcp) {
		t->check.type = MESOS__V1__HEALTH_CHECK__TYPE__TCP;
		t->check.tcp = &t->tcp;
		t->tcp.port = info->tcp->port;
	} else {
		return err_set(e, EINVAL, "read check: 'type' is missing, or what belongs to it");
	}
	return health_validate(&t->check, e);
}

int check_validate(const Mesos__V1__CheckInfo *info, struct err *e)
{
	struct translation t;

	return translate(info, &t, e);
}

/* ---- what came ---- */

static bool set_number(protobuf_c_boolean *has, int64_t old, int64_t value, bool is_known)
{
	bool is_same = *has == is_known && (!is_known || old == value);

	*has = is_known;
	return !is_same;
}

static bool take_command(struct check *check, const struct health_answer *answer)
{
	bool has_changed = set_number(&check->command.has_exit_code, check->command.exit_code,
				      answer->exit_code, answer->has_exit_code);

	check->command.exit_code = answer->exit_code;
	return has_changed;
}

static bool take_http(struct check *check, const struct health_answer *answer)
{
	bool has_changed = set_number(&check->http.has_status_code, check->http.status_code,
				      answer->http_status, answer->http_status != 0);

	check->http.status_code = (uint32_t)answer->http_status;
	return has_changed;
}

static bool take_tcp(struct check *check, const struct health_answer *answer)
{
	bool has_changed = set_number(&check->tcp.has_succeeded, check->tcp.succeeded,
				      answer->is_ok, true);

	check->tcp.succeeded = answer->is_ok;
	return has_changed;
}

static void on_answer(void *arg, const struct health_answer *answer)
{
	struct check *check = arg;
	bool has_changed = check->status.command ? take_command(check, answer) :
			   check->status.http ? take_http(check, answer) :
						take_tcp(check, answer);

	if (has_changed)
		check->ops->changed(check->arg);
}

static int on_command(void *arg, uint32_t id, char *const *argv,
		      const Mesos__V1__Environment *variables, struct err *e)
{
	const struct check *check = arg;

	return check->ops->command(check->arg, id, argv, variables, e);
}

static void on_command_end(void *arg, uint32_t id)
{
	const struct check *check = arg;

	check->ops->command_end(check->arg, id);
}

static int on_socket(void *arg, int family, struct err *e)
{
	const struct check *check = arg;

	return check->ops->socket(check->arg, family, e);
}

static const struct health_ops health_ops = {
	.answer = on_answer,
	.command = on_command,
	.command_end = on_command_end,
	.socket = on_socket,
	.first_id = FIRST_ID,
};

/* ---- life ---- */

static void init_status(struct check *check, Mesos__V1__CheckInfo__Type type)
{
	mesos__v1__check_status_info__init(&check->status);
	mesos__v1__check_status_info__command__init(&check->command);
	mesos__v1__check_status_info__http__init(&check->http);
	mesos__v1__check_status_info__tcp__init(&check->tcp);
	check->status.has_type = 1;
	check->status.type = type;
	if (type == MESOS__V1__CHECK_INFO__TYPE__COMMAND)
		check->status.command = &check->command;
	else if (type == MESOS__V1__CHECK_INFO__TYPE__HTTP)
		check->status.http = &check->http;
	else
		check->status.tcp = &check->tcp;
}

int check_new(struct loop *loop, const Mesos__V1__CheckInfo *info, const struct check_ops *ops,
	      void *arg, struct check **ret, struct err *e)
{
	struct check *check = calloc(1, sizeof(*check));
	struct translation t;
	int r = check ? translate(info, &t, e) : err_set(e, ENOMEM, "start check");

	if (r >= 0) {
		check->ops = ops;
		check->arg = arg;
		init_status(check, info->type);
		r = health_new(loop, &t.check, &health_ops, check, &check->health, e);
	}
	if (r < 0)
		free(check);
	else
		*ret = check;
	return r;
}

const Mesos__V1__CheckStatusInfo *check_status(const struct check *check)
{
	return &check->status;
}

void check_pause(struct check *check, bool is_paused)
{
	health_pause(check->health, is_paused);
}

void check_command_done(struct check *check, uint32_t id, int wait_status,
			const struct err *failure)
{
	health_command_done(check->health, id, wait_status, failure);
}

void check_free(struct check *check)
{
	if (!check)
		return;
	health_free(check->health);
	free(check);
}
