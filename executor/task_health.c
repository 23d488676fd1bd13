#include "executor/task_health.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/err.h"

struct checked {
	struct task_health *of;
	struct health_ops ops;
	struct health *health;
};

struct task_health {
	const struct task_health_ops *ops;
	void *arg;
	size_t n;
	struct checked checks[];
};

static size_t count(const Mesos__V1__TaskInfo *task)
{
	return (task->health_check ? 1 : 0) + task->n_more_health_checks;
}

static const Mesos__V1__HealthCheck *check_at(const Mesos__V1__TaskInfo *task, size_t i)
{
	return i == 0 ? task->health_check : task->more_health_checks[i - 1];
}

int task_health_validate(const Mesos__V1__TaskInfo *task, struct err *e)
{
	size_t n = count(task);
	int r = 0;

	if (task->n_more_health_checks > 0 && !task->health_check)
		return err_set(e, EINVAL, "read health checks: 'health_check' is missing");
	if (n > MAX_HEALTH_CHECKS)
		return err_set(e, EINVAL, "read health checks: %zu are more than %d", n,
			       MAX_HEALTH_CHECKS);
	for (size_t i = 0; i < n && r == 0; i++)
		r = health_validate(check_at(task, i), e);
	return r;
}

/* One that fails is enough to tell; that the task is healthy, all have to tell. */
static void judge(const struct task_health *h, Mesos__V1__HealthCheckStatus *statuses,
		  struct verdict *ret)
{
	size_t n_failing = 0, n_passing = 0;

	for (size_t i = 0; i < h->n; i++) {
		health_status(h->checks[i].health, &statuses[i]);
		if (statuses[i].has_healthy)
			*(statuses[i].healthy ? &n_passing : &n_failing) += 1;
	}
	ret->is_healthy = n_passing == h->n;
	ret->is_known = ret->is_healthy || n_failing > 0;
}

static void on_report(void *arg, bool is_healthy, const char *message)
{
	const struct checked *check = arg;
	const struct task_health *h = check->of;
	Mesos__V1__HealthCheckStatus statuses[MAX_HEALTH_CHECKS], *list[MAX_HEALTH_CHECKS];
	struct verdict verdict = { .n_checks = h->n > 1 ? h->n : 0, .checks = list };

	(void)is_healthy;
	for (size_t i = 0; i < h->n; i++)
		list[i] = &statuses[i];
	judge(h, statuses, &verdict);
	h->ops->report(h->arg, &verdict, message);
}

static void on_give_up(void *arg, const char *message)
{
	const struct checked *check = arg;

	check->of->ops->give_up(check->of->arg, message);
}

static int on_command(void *arg, uint32_t id, char *const *argv,
		      const Mesos__V1__Environment *variables, struct err *e)
{
	const struct checked *check = arg;

	return check->of->ops->command(check->of->arg, id, argv, variables, e);
}

static void on_command_end(void *arg, uint32_t id)
{
	const struct checked *check = arg;

	check->of->ops->command_end(check->of->arg, id);
}

static int on_socket(void *arg, int family, struct err *e)
{
	const struct checked *check = arg;

	return check->of->ops->socket(check->of->arg, family, e);
}

DEFINE_AUTO(struct task_health *, task_health_free);

int task_health_new(struct loop *loop, const Mesos__V1__TaskInfo *task,
		    const struct task_health_ops *ops, void *arg, struct task_health **ret,
		    struct err *e)
{
	size_t n = count(task);
	AUTO(task_health_freep) struct task_health *h =
		calloc(1, sizeof(*h) + n * sizeof(h->checks[0]));
	int r = h ? 0 : err_set(e, ENOMEM, "start health checks");

	if (r < 0)
		return r;
	h->ops = ops;
	h->arg = arg;
	h->n = n;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct checked *check = &h->checks[i];

		check->of = h;
		check->ops = (struct health_ops){
			.report = on_report,
			.give_up = on_give_up,
			.command = on_command,
			.command_end = on_command_end,
			.socket = on_socket,
			.first_id = (uint32_t)i * HEALTH_IDS,
		};
		r = health_new(loop, check_at(task, i), &check->ops, check, &check->health, e);
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(h);
	return 0;
}

void task_health_pause(struct task_health *h, bool is_paused)
{
	for (size_t i = 0; i < h->n; i++)
		health_pause(h->checks[i].health, is_paused);
}

void task_health_command_done(struct task_health *h, uint32_t id, int wait_status,
			      const struct err *failure)
{
	size_t i = id / HEALTH_IDS;

	if (i < h->n)
		health_command_done(h->checks[i].health, id, wait_status, failure);
}

void task_health_free(struct task_health *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->n; i++)
		health_free(h->checks[i].health);
	free(h);
}
