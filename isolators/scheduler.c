/*
 * When the payload gets the processor and the disk.  Set by the supervisor, whose rights a
 * container need not have; what init forks inherits it.
 */
#include <errno.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolators/attributes.h"
#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/err.h"

/* The kernel's first version of it, which all have (linux/sched/types.h and sched.h do not mix). */
struct scheduler_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static bool is_realtime(const struct spec_scheduler *s)
{
	return s->policy == SCHED_FIFO || s->policy == SCHED_RR;
}

static int validate(const struct spec *spec, struct err *e)
{
	const struct spec_scheduler *s = &spec->scheduler;

	if (!s->is_set)
		return 0;
	if (is_realtime(s) != (s->priority > 0))
		return err_set(e, EINVAL, "process.scheduler.priority: 1 to 99 with SCHED_FIFO and "
			       "SCHED_RR, and 0 with others");
	if (s->nice != 0 && s->policy != SCHED_NORMAL && s->policy != SCHED_BATCH)
		return err_set(e, EINVAL, "process.scheduler.nice: for SCHED_OTHER and SCHED_BATCH "
			       "only");
	if ((s->policy == SCHED_DEADLINE) != (s->runtime > 0) ||
	    (s->policy != SCHED_DEADLINE && s->deadline + s->period > 0))
		return err_set(e, EINVAL, "process.scheduler: runtime, deadline and period are for "
			       "SCHED_DEADLINE, which needs them");
	return 0;
}

bool scheduler_ends_with_fork(const struct spec *spec)
{
	return spec->scheduler.policy == SCHED_DEADLINE ||
		spec->scheduler.flags & SCHED_FLAG_RESET_ON_FORK;
}

int scheduler_set(const struct spec *spec, pid_t pid, struct err *e)
{
	const struct spec_scheduler *s = &spec->scheduler;
	const struct scheduler_attr attr = {
		.size = sizeof(attr), .policy = s->policy, .flags = s->flags, .nice = s->nice,
		.priority = s->priority, .runtime = s->runtime, .deadline = s->deadline,
		.period = s->period,
	};

	if (s->is_set && syscall(SYS_sched_setattr, pid, &attr, 0) < 0)
		return err_set(e, errno, "process.scheduler: set policy %u", s->policy);
	if (spec->has_io_priority &&
	    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid,
		    IOPRIO_PRIO_VALUE(spec->io_class, spec->io_priority)) < 0)
		return err_set(e, errno, "process.ioPriority: set class %d, priority %d",
			       spec->io_class, spec->io_priority);
	return 0;
}

static int attach(struct box *box, struct err *e)
{
	return scheduler_set(box->spec, box->init_pid, e);
}

const struct isolator isolator_scheduler = {
	.name = "scheduler",
	.validate = validate,
	.attach = attach,
};
