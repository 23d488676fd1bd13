/* What the device filter makes of a group that goes while it is looked at: bpf(2) is answered by the test. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "isolators/cgroup.h"
#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/err.h"

/* Of programs that are attached: how many are listed, and what asking for one is answered. */
static struct {
	uint32_t n_listed;
	int query_errno, lookup_errno, attach_errno;	/* 0: it works */
	unsigned n_attached;
} group;

static int some_fd(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static long answer(int error, long value)
{
	errno = error;
	return error ? -1 : value;
}

static long fake_bpf(int command, union bpf_attr *attr)
{
	switch (command) {
	case BPF_PROG_LOAD:
		return some_fd();
	case BPF_OBJ_GET_INFO_BY_FD:
		return 0;
	case BPF_PROG_QUERY:
		attr->query.prog_cnt = group.n_listed;
		return answer(group.query_errno, 0);
	case BPF_PROG_GET_FD_BY_ID:
		return answer(group.lookup_errno, group.lookup_errno ? -1 : some_fd());
	case BPF_PROG_ATTACH:
		group.n_attached += group.attach_errno == 0;
		return answer(group.attach_errno, 0);
	default:
		return answer(EINVAL, 0);
	}
}

/* In the place of the C library's. */
long syscall(long number, ...)
{
	va_list ap;
	union bpf_attr *attr;
	int command;

	if (number != SYS_bpf)
		return answer(ENOSYS, 0);
	va_start(ap, number);
	command = va_arg(ap, int);
	attr = va_arg(ap, union bpf_attr *);
	va_end(ap);
	return fake_bpf(command, attr);
}

static int update(struct err *e)
{
	static const struct spec nothing_special;
	const struct cgroup cg = CGROUP_INIT;

	return isolator_devices.update(&cg, &nothing_special, e);
}

/* Between the list and the look the group and its program went: that is what is told. */
static void test_a_group_that_goes_meanwhile(void **state)
{
	struct err e = { 0 };

	(void)state;
	memset(&group, 0, sizeof(group));
	group.n_listed = 2;
	group.lookup_errno = group.attach_errno = ENOENT;
	assert_int_equal(update(&e), -ENOENT);
	assert_string_equal(e.msg, "attach device filter");
}

/* The kernel tells of a group that has gone as of a program that is not there. */
static void test_a_group_that_has_gone(void **state)
{
	struct err e = { 0 };

	(void)state;
	memset(&group, 0, sizeof(group));
	group.query_errno = group.attach_errno = ENOENT;
	assert_int_equal(update(&e), -ENOENT);
	assert_string_equal(e.msg, "find device filter");
}

static void test_one_that_was_taken_away_is_put_back(void **state)
{
	struct err e = { 0 };

	(void)state;
	memset(&group, 0, sizeof(group));
	assert_int_equal(update(&e), 1);
	assert_int_equal(group.n_attached, 1);
}

static void test_who_may_not_look_is_told_so(void **state)
{
	struct err e = { 0 };

	(void)state;
	memset(&group, 0, sizeof(group));
	group.n_listed = 1;
	group.lookup_errno = EPERM;
	assert_int_equal(update(&e), -EPERM);
	assert_string_equal(e.msg, "find device filter");
	assert_int_equal(group.n_attached, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_group_that_goes_meanwhile),
		cmocka_unit_test(test_a_group_that_has_gone),
		cmocka_unit_test(test_one_that_was_taken_away_is_put_back),
		cmocka_unit_test(test_who_may_not_look_is_told_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
