/* Several health checks of one task: what they make together, and whose commands are whose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "executor/task_health.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"

/* 'H' healthy, 'U' unhealthy, '?' not known yet, 'G' gave up, 'C' command. */
struct told {
	struct loop *loop;
	struct loop_timer *deadline;
	struct task_health *health;
	char marks[16];
	char message[512];
	size_t stop_at;
	uint32_t command_id;
	size_t n_checks;
	Mesos__V1__HealthCheckStatus checks[2];
};

static void mark(struct told *t, char c)
{
	size_t n = strlen(t->marks);

	assert_true(n + 1 < sizeof(t->marks));
	t->marks[n] = c;
	if (n + 1 >= t->stop_at)
		loop_stop(t->loop);
}

static void on_report(void *arg, const struct verdict *verdict, const char *message)
{
	struct told *t = arg;

	(void)snprintf(t->message, sizeof(t->message), "%s", message);
	t->n_checks = verdict->n_checks;
	assert_true(verdict->n_checks <= 2);
	for (size_t i = 0; i < verdict->n_checks; i++)
		t->checks[i] = *verdict->checks[i];
	mark(t, !verdict->is_known ? '?' : verdict->is_healthy ? 'H' : 'U');
}

static void on_give_up(void *arg, const char *message)
{
	struct told *t = arg;

	assert_string_equal(message, t->message);
	task_health_free(TAKE_PTR(t->health));
	mark(t, 'G');
}

static int on_command(void *arg, uint32_t id, char *const *argv,
		      const Mesos__V1__Environment *variables, struct err *e)
{
	struct told *t = arg;

	(void)argv;
	(void)variables;
	(void)e;
	t->command_id = id;
	mark(t, 'C');
	return 0;
}

static void on_command_end(void *arg, uint32_t id)
{
	const struct told *t = arg;

	assert_int_equal(id, t->command_id);
}

static int on_socket(void *arg, int family, struct err *e)
{
	(void)arg;
	(void)e;
	return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static const struct task_health_ops ops = {
	.report = on_report, .give_up = on_give_up, .command = on_command,
	.command_end = on_command_end,
	.socket = on_socket,
};

static void on_deadline(void *arg)
{
	(void)arg;
	fail_msg("nothing happened");
}

static void told_init(struct told *t)
{
	struct err e = { 0 };

	memset(t, 0, sizeof(*t));
	assert_int_equal(loop_new(&t->loop, &e), 0);
	assert_int_equal(loop_timer_new(t->loop, on_deadline, t, &t->deadline, &e), 0);
	loop_timer_set(t->deadline, 10000);
}

static void told_done(struct told *t)
{
	task_health_free(t->health);
	loop_timer_free(t->deadline);
	loop_free(t->loop);
}

/* Until so many marks more are there. */
static void run(struct told *t, size_t n)
{
	struct err e = { 0 };

	t->stop_at = strlen(t->marks) + n;
	assert_int_equal(loop_run(t->loop, &e), 0);
}

/* A task with a TCP check of a port that is listened on, and a command's; both begin at once. */
struct task {
	Mesos__V1__TaskInfo info;
	Mesos__V1__HealthCheck first, second, *more[1];
	Mesos__V1__HealthCheck__TCPCheckInfo tcp;
	Mesos__V1__CommandInfo command;
	int listener;
};

static void check_init(Mesos__V1__HealthCheck *check, Mesos__V1__HealthCheck__Type type)
{
	mesos__v1__health_check__init(check);
	check->has_type = true;
	check->type = type;
	check->has_delay_seconds = check->has_interval_seconds = true;
	check->has_grace_period_seconds = check->has_consecutive_failures = true;
	check->delay_seconds = check->grace_period_seconds = 0;
	check->consecutive_failures = 2;
}

static void task_init(struct task *t)
{
	static char line[] = "check";
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t size = sizeof(in);

	mesos__v1__task_info__init(&t->info);
	mesos__v1__health_check__tcpcheck_info__init(&t->tcp);
	mesos__v1__command_info__init(&t->command);
	check_init(&t->first, MESOS__V1__HEALTH_CHECK__TYPE__TCP);
	check_init(&t->second, MESOS__V1__HEALTH_CHECK__TYPE__COMMAND);
	t->first.interval_seconds = 1000;
	t->first.tcp = &t->tcp;
	t->second.interval_seconds = 0.001;
	t->second.command = &t->command;
	t->command.value = line;
	t->info.health_check = &t->first;
	t->info.more_health_checks = t->more;
	t->info.n_more_health_checks = 1;
	t->more[0] = &t->second;
	t->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(t->listener, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(t->listener, (struct sockaddr *)&in, &size), 0);
	assert_int_equal(listen(t->listener, 8), 0);
	t->tcp.port = ntohs(in.sin_port);
}

enum { EXITED_1 = 1 << 8 };

static void test_a_task_is_healthy_when_all_say_so(void **state)
{
	struct task task;
	struct told t;
	struct err e = { 0 };

	(void)state;
	told_init(&t);
	task_init(&task);
	assert_int_equal(task_health_validate(&task.info, &e), 0);
	assert_int_equal(task_health_new(t.loop, &task.info, &ops, &t, &t.health, &e), 0);
	run(&t, 2);
	assert_non_null(strchr(t.marks, '?'));
	assert_non_null(strchr(t.marks, 'C'));
	assert_int_equal(t.n_checks, 2);
	assert_true(t.checks[0].has_healthy && t.checks[0].healthy);
	assert_false(t.checks[1].has_healthy);
	assert_int_equal(t.command_id, HEALTH_IDS + 1);
	memset(t.marks, 0, sizeof(t.marks));
	/* Another check's, and nobody's. */
	task_health_command_done(t.health, 1, EXITED_1, NULL);
	task_health_command_done(t.health, 2 * HEALTH_IDS + 1, EXITED_1, NULL);
	task_health_command_done(t.health, t.command_id, 0, NULL);
	assert_string_equal(t.marks, "H");
	assert_true(t.checks[0].healthy && t.checks[1].healthy);
	close(task.listener);
	told_done(&t);
}

static void test_one_that_fails_too_often_ends_it_and_is_named(void **state)
{
	struct task task;
	struct told t;
	struct err e = { 0 };

	(void)state;
	told_init(&t);
	task_init(&task);
	assert_int_equal(task_health_new(t.loop, &task.info, &ops, &t, &t.health, &e), 0);
	run(&t, 2);
	memset(t.marks, 0, sizeof(t.marks));
	task_health_command_done(t.health, t.command_id, EXITED_1, NULL);
	assert_string_equal(t.marks, "U");
	assert_true(t.checks[0].healthy);
	assert_true(t.checks[1].has_healthy && !t.checks[1].healthy);
	assert_int_equal(t.checks[1].consecutive_failures, 1);
	run(&t, 1);
	assert_int_equal(t.command_id, HEALTH_IDS + 2);
	task_health_command_done(t.health, t.command_id, EXITED_1, NULL);
	assert_string_equal(t.marks, "UCUG");
	assert_int_equal(t.checks[0].consecutive_failures, 0);
	assert_int_equal(t.checks[1].consecutive_failures, 2);
	assert_string_equal(t.message,
			    "COMMAND health check 'check': exited with status 1, 2 times");
	close(task.listener);
	told_done(&t);
}

/* Frameworks of Mesos know of no more than one, and nothing is told past that. */
static void test_of_a_single_one_nothing_more_is_told(void **state)
{
	struct task task;
	struct told t;
	struct err e = { 0 };

	(void)state;
	told_init(&t);
	task_init(&task);
	task.info.n_more_health_checks = 0;
	assert_int_equal(task_health_new(t.loop, &task.info, &ops, &t, &t.health, &e), 0);
	run(&t, 1);
	assert_string_equal(t.marks, "H");
	assert_int_equal(t.n_checks, 0);
	close(task.listener);
	told_done(&t);
}

static void assert_refused(const Mesos__V1__TaskInfo *info, const char *why)
{
	struct err e = { 0 };
	char text[640];

	assert_int_equal(task_health_validate(info, &e), -EINVAL);
	assert_non_null(strstr(err_text(&e, text, sizeof(text)), why));
}

static void test_each_is_validated(void **state)
{
	Mesos__V1__HealthCheck *many[MAX_HEALTH_CHECKS];
	struct task task;

	(void)state;
	task_init(&task);
	task.info.health_check = NULL;
	assert_refused(&task.info, "'health_check' is missing");
	task.info.health_check = &task.first;
	task.command.value = NULL;
	assert_refused(&task.info, "'command' is missing");
	for (size_t i = 0; i < MAX_HEALTH_CHECKS; i++)
		many[i] = &task.first;
	task.info.more_health_checks = many;
	task.info.n_more_health_checks = MAX_HEALTH_CHECKS;
	assert_refused(&task.info, "17 are more than 16");
	close(task.listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_task_is_healthy_when_all_say_so),
		cmocka_unit_test(test_one_that_fails_too_often_ends_it_and_is_named),
		cmocka_unit_test(test_of_a_single_one_nothing_more_is_told),
		cmocka_unit_test(test_each_is_validated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
