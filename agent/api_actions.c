#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/api.h"
#include "agent/ask.h"
#include "agent/container.h"
#include "agent/resize.h"
#include "agent/task.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_fields.h"
#include "lib/json_in.h"
#include "lib/signals.h"
#include "net/http_server.h"

static int find_running(struct http_request *req, struct container **ret, struct err *e)
{
	const char *id = http_request_arg(req, 0);

	*ret = container_find(http_request_app(req), id);
	if (!*ret || (*ret)->has_ended)
		return err_set(e, ENOENT, "find container '%s'", id);
	return 0;
}

/* A body without one is an empty object. */
static int read_body(struct http_request *req, json_t **ret, struct err *e)
{
	size_t size;
	const char *body = http_request_body(req, &size);
	int r = size > 0 ? json_in_parse(body, size, ret, e) : 0;

	if (size == 0)
		*ret = json_object();
	if (r >= 0 && !json_is_object(*ret)) {
		json_decref(*ret);
		return err_set(e, EINVAL, "read body: not an object");
	}
	return r;
}

static int ask_simply(struct http_request *req, Tepui__ControlCall__Type type, struct err *e)
{
	Tepui__ControlCall call = TEPUI__CONTROL_CALL__INIT;
	struct container *c;
	int r = find_running(req, &c, e);

	call.has_type = true;
	call.type = type;
	return r < 0 ? r : ask(req, c, &call, e);
}

int api_pause(struct http_request *req, struct err *e)
{
	return ask_simply(req, TEPUI__CONTROL_CALL__TYPE__PAUSE, e);
}

int api_resume(struct http_request *req, struct err *e)
{
	return ask_simply(req, TEPUI__CONTROL_CALL__TYPE__RESUME, e);
}

static int read_signal(struct http_request *req, int *ret, struct err *e)
{
	AUTO_FREE char *name = NULL;
	const struct json_field fields[] = {
		{ .key = "signal", .kind = JSON_F_STR, .required = true, .off = 0, .min = 1,
		  .max = 32 },
	};
	json_t *body;
	int r = read_body(req, &body, e);

	if (r < 0)
		return r;
	r = json_read_fields(body, "body", fields, ARRAY_SIZE(fields), &name, e);
	json_decref(body);
	if (r >= 0)
		*ret = signal_from_text(name);
	if (r >= 0 && *ret < 1)
		r = err_set(e, EINVAL, "body.signal: '%s' is no signal, as HUP or 10 are", name);
	return r;
}

int api_signal(struct http_request *req, struct err *e)
{
	Tepui__ControlCall call = TEPUI__CONTROL_CALL__INIT;
	struct container *c;
	int r = find_running(req, &c, e);

	if (r >= 0)
		r = read_signal(req, &call.signal, e);
	call.has_type = call.has_signal = true;
	call.type = TEPUI__CONTROL_CALL__TYPE__SIGNAL;
	return r < 0 ? r : ask(req, c, &call, e);
}

static int read_amount(const json_t *body, const char *key, int64_t *ret, struct err *e)
{
	const json_t *value = json_object_get(body, key);

	*ret = -1;
	if (!value)
		return 0;
	if (!json_is_number(value) || json_number_value(value) < 0 ||
	    resources_scalar_from_double(json_number_value(value), ret) < 0)
		return err_set(e, EINVAL, "body.%s: not an amount", key);
	return 0;
}

static int read_resize(struct http_request *req, struct resize *ret, struct err *e)
{
	json_t *body;
	int r = read_body(req, &body, e);

	if (r < 0)
		return r;
	r = read_amount(body, "cpus", &ret->cpus, e);
	if (r >= 0)
		r = read_amount(body, "mem", &ret->mem, e);
	if (r >= 0 && json_object_size(body) != (ret->cpus >= 0) + (size_t)(ret->mem >= 0))
		r = err_set(e, EINVAL, "read body: it has more than cpus and mem");
	if (r >= 0 && ret->cpus < 0 && ret->mem < 0)
		r = err_set(e, EINVAL, "read body: neither cpus nor mem");
	json_decref(body);
	return r;
}

int api_resize(struct http_request *req, struct err *e)
{
	struct resize wanted;
	struct container *c;
	int r = find_running(req, &c, e);

	if (r >= 0)
		r = read_resize(req, &wanted, e);
	if (r >= 0)
		r = c->kind == CONTAINER_TASK ? task_resize(c->owner, &wanted, e) :
			err_set(e, ENOTSUP, "resize container '%s': it is no task's", c->id);
	/* Leaves after the turn's commit. */
	if (r >= 0)
		http_reply(req, 200, NULL, NULL, 0);
	return r;
}
