#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>

#include "executor/outcome.h"
#include "lib/cleanup.h"

#define STATE(name) MESOS__V1__TASK_STATE__TASK_##name
#define REASON(name) MESOS__V1__TASK_STATUS__REASON__REASON_##name
#define NO_MEMORY .memory_peak_bytes = UINT64_MAX, .memory_limit_bytes = UINT64_MAX
#define EXITED(n) .is_started = true, .has_status = true, .wait_status = (n) << 8
#define KILLED_BY(n) .is_started = true, .has_status = true, .wait_status = (n)

static const struct {
	struct ending ending;
	Mesos__V1__TaskState state;
	int reason;			/* -1: none */
	const char *message;
} rows[] = {
	{ { EXITED(0), NO_MEMORY }, STATE(FINISHED), -1, "Command exited with status 0" },
	{ { EXITED(3), NO_MEMORY }, STATE(FAILED), -1, "Command exited with status 3" },
	{ { KILLED_BY(SIGKILL), NO_MEMORY }, STATE(FAILED), -1,
	  "Command terminated with signal Killed" },
	{ { KILLED_BY(SIGTERM), NO_MEMORY }, STATE(FAILED), -1,
	  "Command terminated with signal Terminated" },
	{ { KILLED_BY(SIGSEGV | 0x80), NO_MEMORY }, STATE(FAILED), -1,
	  "Command terminated with signal Segmentation fault (core dumped)" },

	/* After a KILL even a clean exit is TASK_KILLED. */
	{ { EXITED(0), .cause = KILL_REQUESTED, NO_MEMORY }, STATE(KILLED), -1,
	  "Command exited with status 0" },
	{ { KILLED_BY(SIGTERM), .cause = KILL_REQUESTED, NO_MEMORY }, STATE(KILLED), -1,
	  "Command terminated with signal Terminated" },
	{ { .cause = KILL_REQUESTED, .error = { .code = ECHILD, .msg = "wait" }, NO_MEMORY },
	  STATE(KILLED), -1, "Killed before its command was started" },
	{ { KILLED_BY(SIGTERM), .cause = KILL_UNHEALTHY, .kill_message = "why", NO_MEMORY },
	  STATE(KILLED), -1, "why" },
	{ { KILLED_BY(SIGTERM), .cause = KILL_OVERDUE, .kill_message = "late", NO_MEMORY },
	  STATE(FAILED), REASON(MAX_COMPLETION_TIME_REACHED), "late" },
	{ { KILLED_BY(SIGTERM), .cause = KILL_ABANDONED, .kill_message = "alone", NO_MEMORY },
	  STATE(KILLED), -1, "alone" },

	{ { KILLED_BY(SIGKILL), .oom_kills = 2, .memory_peak_bytes = 64 << 20,
	    .memory_limit_bytes = 64 << 20 }, STATE(FAILED), REASON(CONTAINER_LIMITATION_MEMORY),
	  "Memory limit exceeded: Requested: 64MB Maximum Used: 64MB (2 killed)" },
	{ { KILLED_BY(SIGKILL), .oom_kills = 1, .memory_peak_bytes = UINT64_MAX,
	    .memory_limit_bytes = 32 << 20 }, STATE(FAILED), REASON(CONTAINER_LIMITATION_MEMORY),
	  "Memory limit exceeded: Requested: 32MB Maximum Used: unknown (1 killed)" },
	/* The whole host was out of memory: no limit of the task's was hit. */
	{ { KILLED_BY(SIGKILL), .oom_kills = 1, NO_MEMORY }, STATE(FAILED), -1,
	  "Command terminated with signal Killed" },
	{ { KILLED_BY(SIGKILL), .oom_kills = 1, .cause = KILL_REQUESTED,
	    .memory_peak_bytes = 1, .memory_limit_bytes = 1 }, STATE(KILLED), -1,
	  "Command terminated with signal Killed" },

	{ { .error = { .code = ENOENT, .msg = "execute '/bin/nosuch'" }, NO_MEMORY }, STATE(FAILED),
	  REASON(CONTAINER_LAUNCH_FAILED), "execute '/bin/nosuch': No such file or directory" },
	{ { .is_started = true, .error = { .code = ECHILD, .msg = "wait for main process" },
	    NO_MEMORY }, STATE(FAILED), -1, "wait for main process: No child processes" },

	/* What it wrote last explains a failure of its own, and nothing else. */
	{ { EXITED(3), .last_output = "no table \"t\"", NO_MEMORY }, STATE(FAILED), -1,
	  "Command exited with status 3; last output: \"no table \"t\"\"" },
	{ { KILLED_BY(SIGKILL), .oom_kills = 1, .memory_peak_bytes = 32 << 20,
	    .memory_limit_bytes = 32 << 20, .last_output = "loading" }, STATE(FAILED),
	  REASON(CONTAINER_LIMITATION_MEMORY), "Memory limit exceeded: Requested: 32MB Maximum "
	  "Used: 32MB (1 killed); last output: \"loading\"" },
	{ { EXITED(0), .last_output = "done", NO_MEMORY }, STATE(FINISHED), -1,
	  "Command exited with status 0" },
	{ { EXITED(1), .cause = KILL_REQUESTED, .last_output = "interrupted", NO_MEMORY },
	  STATE(KILLED), -1, "Command exited with status 1" },
	{ { EXITED(1), .cause = KILL_OVERDUE, .kill_message = "late", .last_output = "x",
	    NO_MEMORY }, STATE(FAILED), REASON(MAX_COMPLETION_TIME_REACHED), "late" },
};

static void test_every_end_has_its_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct outcome o;

		outcome_of(&rows[i].ending, &o);
		assert_string_equal(o.message, rows[i].message);
		assert_int_equal(o.state, rows[i].state);
		assert_int_equal(o.has_reason ? (int)o.reason : -1, rows[i].reason);
		assert_int_equal(o.is_unhealthy, rows[i].ending.cause == KILL_UNHEALTHY);
		assert_int_equal(o.is_memory_limit,
				 rows[i].reason == (int)REASON(CONTAINER_LIMITATION_MEMORY));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_end_has_its_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
