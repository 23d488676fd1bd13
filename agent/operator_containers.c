/* The calls that launch, end and remove containers; an older twin of each takes sessions, too. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/ask.h"
#include "agent/launched.h"
#include "agent/operator_api.h"
#include "agent/session.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "net/http_server.h"

/* ---- launch ---- */

/* What both calls say of it; borrowed. */
struct order {
	const Mesos__V1__ContainerID *id;
	Mesos__V1__CommandInfo *command;
	Mesos__V1__ContainerInfo *container;
	Mesos__V1__Resource **resources;
	size_t n_resources;
	Mesos__V1__Agent__Call__LaunchContainer__LimitsEntry **limits;
	size_t n_limits;
};

/* A deep copy of what is put together here. */
static Tepui__ContainerRecord *make_record(const struct order *order, char *name,
					   const struct container *parent, struct agent *agent)
{
	Tepui__ContainerRecord record = TEPUI__CONTAINER_RECORD__INIT;
	Mesos__V1__FrameworkInfo nobody = MESOS__V1__FRAMEWORK_INFO__INIT;
	Mesos__V1__FrameworkID nobody_id = MESOS__V1__FRAMEWORK_ID__INIT;
	Mesos__V1__TaskInfo task = MESOS__V1__TASK_INFO__INIT;
	Mesos__V1__TaskID task_id = MESOS__V1__TASK_ID__INIT;
	Mesos__V1__AgentID own_id = MESOS__V1__AGENT_ID__INIT;
	char framework[] = CONTAINER_FRAMEWORK, none[] = "";

	nobody.user = none;
	nobody.name = nobody_id.value = framework;
	nobody.id = &nobody_id;
	task.name = task_id.value = name;
	task.task_id = &task_id;
	own_id.value = agent_id(agent) ? (char *)(uintptr_t)agent_id(agent) : none;
	task.agent_id = &own_id;
	task.command = order->command;
	task.container = order->container;
	task.resources = order->resources;
	task.n_resources = order->n_resources;
	/* The same message under another name. */
	task.limits = (Mesos__V1__TaskInfo__LimitsEntry **)order->limits;
	task.n_limits = order->n_limits;
	record.id = name;
	record.kind = parent ? TEPUI__CONTAINER_RECORD__KIND__NESTED :
			       TEPUI__CONTAINER_RECORD__KIND__STANDALONE;
	record.container_id = (Mesos__V1__ContainerID *)(uintptr_t)order->id;
	record.framework = parent ? (Mesos__V1__FrameworkInfo *)(uintptr_t)parent->of : &nobody;
	record.task = &task;
	record.has_launched_wall_ms = 1;
	record.launched_wall_ms = clock_wall_ms();
	return (Tepui__ContainerRecord *)pb_copy(&record.base);
}

/* A part of its parent's is all that a nested one has, unless it has a group of its own. */
static int check_order(const struct order *order, const struct container *parent, struct err *e)
{
	const Mesos__V1__LinuxInfo *part = order->container ? order->container->linux_info : NULL;
	bool shares = !part || !part->has_share_cgroups || part->share_cgroups;

	if (!parent && part && part->has_share_cgroups && part->share_cgroups)
		return err_set(e, EINVAL, "container.linux_info.share_cgroups: it has no parent");
	if (!parent)
		return order->n_resources ? 0 : err_set(e, EINVAL, "resources: missing");
	if (shares && (order->n_resources || order->n_limits))
		return err_set(e, EINVAL, "resources: a container that shares the cgroups of its "
			       "parent has none of its own");
	if (!shares && !order->n_resources)
		return err_set(e, EINVAL, "resources: missing, and share_cgroups is false");
	if (!container_is_running(parent) || !parent->has_started)
		return err_set(e, EINVAL, "launch container '%s': container '%s' does not run",
			       order->id->value, parent->id);
	return 0;
}

static void on_launch_close(void *arg)
{
	((struct launched *)arg)->launch = NULL;
}

/* An operator's mistake is a 400, whatever it would be of a task. */
static int refuse(struct err *e)
{
	if (e->code != ENOMEM && e->code != ENOENT)
		e->code = EINVAL;
	return -e->code;
}

static int launch(struct http_request *req, const struct order *order, struct err *e)
{
	struct agent *agent = http_request_app(req);
	AUTO_FREE char *name = NULL;
	struct container *parent = NULL;
	Tepui__ContainerRecord *record;
	struct launched *l;
	int r = launched_name(agent, order->id, &name, &parent, e);

	if (r < 0)
		return refuse(e);
	if (container_find(agent, name)) {
		http_reply(req, 202, NULL, NULL, 0);
		return 0;
	}
	r = check_order(order, parent, e);
	if (r < 0)
		return r;
	record = make_record(order, name, parent, agent);
	if (!record)
		return err_set(e, ENOMEM, "launch container '%s'", name);
	r = launched_new(agent, record, parent, &l, e);
	if (r < 0)
		return refuse(e);
	l->launch = req;
	http_request_on_close(req, on_launch_close, l);
	return 0;
}

static int launch_container(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const Mesos__V1__Agent__Call__LaunchContainer *body = call->launch_container;

	return launch(req, &(struct order){
		body->container_id, body->command, body->container, body->resources,
		body->n_resources, body->limits, body->n_limits,
	}, e);
}

static int launch_nested(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const Mesos__V1__Agent__Call__LaunchNestedContainer *body = call->launch_nested_container;

	if (!body->container_id->parent)
		return err_set(e, EINVAL, "container_id.parent: missing");
	return launch(req, &(struct order){
		.id = body->container_id, .command = body->command, .container = body->container,
	}, e);
}

/* ---- what there is ---- */

static int find(struct http_request *req, const Mesos__V1__ContainerID *id, struct container **ret,
		struct err *e)
{
	struct container *c = launched_find(http_request_app(req), id);

	if (!c || !launched_of(c))
		return err_set(e, ENOENT, "find container '%.200s'", id->value);
	*ret = c;
	return 0;
}

static int wait_for(struct http_request *req, const Mesos__V1__ContainerID *id, bool is_twin,
		    struct err *e)
{
	struct session *session = session_find(http_request_app(req), id);
	struct container *c;
	int r;

	if (session)
		return session_wait(req, session, e);
	r = find(req, id, &c, e);
	return r < 0 ? r : launched_wait(req, c, is_twin, e);
}

static int wait_container(struct http_request *req, const OperatorCall *call, struct err *e)
{
	return wait_for(req, call->wait_container->container_id, false, e);
}

static int wait_nested(struct http_request *req, const OperatorCall *call, struct err *e)
{
	return wait_for(req, call->wait_nested_container->container_id, true, e);
}

static int send_signal(struct http_request *req, struct container *c, int signo, struct err *e)
{
	Tepui__ControlCall call = TEPUI__CONTROL_CALL__INIT;
	int r;

	if (c->state == CONTAINER_GONE)
		return err_set(e, ENOENT, "kill container '%s': it has ended", c->id);
	if (signo == SIGKILL) {
		r = launched_kill(c, e);
		/* Leaves after the turn's commit. */
		if (r >= 0)
			operator_reply_done(req);
		return r;
	}
	call.has_type = call.has_signal = 1;
	call.type = TEPUI__CONTROL_CALL__TYPE__SIGNAL;
	call.signal = signo;
	return ask(req, c, &call, e);
}

static int kill_it(struct http_request *req, const Mesos__V1__ContainerID *id, bool has_signal,
		   int32_t signal, struct err *e)
{
	int signo = has_signal ? signal : SIGKILL, r;
	struct session *session;
	struct container *c;

	if (signo < 1 || signo >= NSIG)
		return err_set(e, EINVAL, "signal: %d is none", signo);
	session = session_find(http_request_app(req), id);
	if (!session) {
		r = find(req, id, &c, e);
		return r < 0 ? r : send_signal(req, c, signo, e);
	}
	r = session_signal(session, signo, e);
	if (r >= 0)
		operator_reply_done(req);
	return r;
}

static int kill_container(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const Mesos__V1__Agent__Call__KillContainer *body = call->kill_container;

	return kill_it(req, body->container_id, body->has_signal, body->signal, e);
}

static int kill_nested(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const Mesos__V1__Agent__Call__KillNestedContainer *body = call->kill_nested_container;

	return kill_it(req, body->container_id, body->has_signal, body->signal, e);
}

static int remove_session(struct session *session, struct err *e)
{
	if (!session->has_ended)
		return err_set(e, EIO, "remove container '%s': it is running", session->id);
	session_free(session);
	return 0;
}

/* Mesos answers 500 whatever is wrong, but that there is no parent is as good as a removal. */
static int remove_it(struct http_request *req, const Mesos__V1__ContainerID *id, struct err *e)
{
	struct agent *agent = http_request_app(req);
	struct session *session = session_find(agent, id);
	struct container *c = launched_find(agent, id);
	int r = 0;

	if (session)
		r = remove_session(session, e);
	else if (id->parent && !launched_find(agent, id->parent))
		r = 0;
	else if (!c || !launched_of(c))
		r = err_set(e, EIO, "remove container '%.200s': there is none", id->value);
	else if (c->state != CONTAINER_GONE)
		r = err_set(e, EIO, "remove container '%.200s': it is running", id->value);
	else
		launched_remove(launched_of(c));
	if (r >= 0)
		operator_reply_done(req);
	return r;
}

static int remove_container(struct http_request *req, const OperatorCall *call, struct err *e)
{
	return remove_it(req, call->remove_container->container_id, e);
}

static int remove_nested(struct http_request *req, const OperatorCall *call, struct err *e)
{
	return remove_it(req, call->remove_nested_container->container_id, e);
}

static const struct operator_call rows[] = {
	OPERATOR_CALL(LAUNCH_CONTAINER, launch_container, launch_container),
	OPERATOR_CALL(WAIT_CONTAINER, wait_container, wait_container),
	OPERATOR_CALL(KILL_CONTAINER, kill_container, kill_container),
	OPERATOR_CALL(REMOVE_CONTAINER, remove_container, remove_container),
	OPERATOR_CALL(LAUNCH_NESTED_CONTAINER, launch_nested_container, launch_nested),
	OPERATOR_CALL(WAIT_NESTED_CONTAINER, wait_nested_container, wait_nested),
	OPERATOR_CALL(KILL_NESTED_CONTAINER, kill_nested_container, kill_nested),
	OPERATOR_CALL(REMOVE_NESTED_CONTAINER, remove_nested_container, remove_nested),
};

const struct operator_calls operator_container_calls = OPERATOR_CALLS(rows);
