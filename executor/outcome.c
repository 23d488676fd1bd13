#include "executor/outcome.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* In Mesos's words (reference/mesos.md 2.5): "Killed", "Terminated", "Segmentation fault". */
static void describe_status(int status, char *buf, size_t size)
{
	const char *name;

	if (WIFEXITED(status)) {
		(void)snprintf(buf, size, "Command exited with status %d", WEXITSTATUS(status));
		return;
	}
	name = sigdescr_np(WTERMSIG(status));
	(void)snprintf(buf, size, "Command terminated with signal %s%s",
		       name ? name : "unknown", WCOREDUMP(status) ? " (core dumped)" : "");
}

static void describe_end(const struct ending *ending, char *buf, size_t size)
{
	if (ending->has_status)
		describe_status(ending->wait_status, buf, size);
	else
		(void)err_text(&ending->error, buf, size);
}

static void set_reason(struct outcome *o, Mesos__V1__TaskState state,
		       Mesos__V1__TaskStatus__Reason reason)
{
	o->state = state;
	o->has_reason = true;
	o->reason = reason;
}

static void out_of_memory(const struct ending *ending, struct outcome *o)
{
	char peak[32] = "unknown";

	set_reason(o, MESOS__V1__TASK_STATE__TASK_FAILED,
		   MESOS__V1__TASK_STATUS__REASON__REASON_CONTAINER_LIMITATION_MEMORY);
	o->is_memory_limit = true;
	if (ending->memory_peak_bytes != UINT64_MAX)
		(void)snprintf(peak, sizeof(peak), "%" PRIu64 "MB",
			       ending->memory_peak_bytes >> 20);
	(void)snprintf(o->message, sizeof(o->message), "Memory limit exceeded: Requested: %" PRIu64
		       "MB Maximum Used: %s (%" PRIu64 " killed)",
		       ending->memory_limit_bytes >> 20, peak, ending->oom_kills);
}

static void killed(const struct ending *ending, struct outcome *o)
{
	char how[576];

	o->state = MESOS__V1__TASK_STATE__TASK_KILLED;
	o->is_unhealthy = ending->cause == KILL_UNHEALTHY;
	if (ending->cause == KILL_OVERDUE)
		set_reason(o, MESOS__V1__TASK_STATE__TASK_FAILED,
			   MESOS__V1__TASK_STATUS__REASON__REASON_MAX_COMPLETION_TIME_REACHED);
	describe_end(ending, how, sizeof(how));
	if (ending->kill_message)
		(void)snprintf(o->message, sizeof(o->message), "%s", ending->kill_message);
	else if (!ending->is_started)
		(void)snprintf(o->message, sizeof(o->message),
			       "Killed before its command was started");
	else
		(void)snprintf(o->message, sizeof(o->message), "%s", how);
}

/* For whoever has to find out why, and may not get at the sandbox any more. */
static void add_last_output(const struct ending *ending, struct outcome *o)
{
	size_t used = strlen(o->message);

	if (*ending->last_output)
		(void)snprintf(o->message + used, sizeof(o->message) - used,
			       "; last output: \"%s\"", ending->last_output);
}

void outcome_of(const struct ending *ending, struct outcome *ret)
{
	struct outcome o = { .state = MESOS__V1__TASK_STATE__TASK_FAILED };

	if (ending->cause != KILL_NONE) {
		killed(ending, &o);
	} else if (ending->oom_kills > 0 && ending->memory_limit_bytes != UINT64_MAX) {
		out_of_memory(ending, &o);
	} else if (!ending->is_started) {
		set_reason(&o, MESOS__V1__TASK_STATE__TASK_FAILED,
			   MESOS__V1__TASK_STATUS__REASON__REASON_CONTAINER_LAUNCH_FAILED);
		(void)err_text(&ending->error, o.message, sizeof(o.message));
	} else {
		if (ending->has_status && WIFEXITED(ending->wait_status) &&
		    WEXITSTATUS(ending->wait_status) == 0)
			o.state = MESOS__V1__TASK_STATE__TASK_FINISHED;
		describe_end(ending, o.message, sizeof(o.message));
	}
	/* Of its own accord. */
	if (ending->cause == KILL_NONE && o.state == MESOS__V1__TASK_STATE__TASK_FAILED)
		add_last_output(ending, &o);
	*ret = o;
}
