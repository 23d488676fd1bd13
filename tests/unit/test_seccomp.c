/* Profiles compiled to BPF: what they answer to calls, by a small interpreter of their programs. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "isolators/seccomp_profile.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "tests/unit/filter_machine.h"

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#define FOREIGN AUDIT_ARCH_I386
#else
#define NATIVE AUDIT_ARCH_AARCH64
#define FOREIGN AUDIT_ARCH_ARM
#endif

#define ALLOW SECCOMP_RET_ALLOW
#define KILL SECCOMP_RET_KILL_PROCESS
#define ERRNO(code) (SECCOMP_RET_ERRNO | (code))

static struct filter_program load(int fd)
{
	struct filter_program p;

	assert_int_equal(filter_load(fd, &p), 0);
	return p;
}

static uint32_t run(const struct filter_program *p, const struct seccomp_data *data)
{
	int64_t action = filter_run(p, data);

	assert_true(action >= 0);
	return (uint32_t)action;
}

static uint32_t answer(const struct filter_program *p, long nr, uint64_t a0, uint64_t a1, uint64_t a2)
{
	return run(p, &(struct seccomp_data){
		.nr = (int)nr, .arch = NATIVE, .args = { a0, a1, a2 },
	});
}

static struct filter_program compile(const char *text, uint64_t caps)
{
	json_t *profile = text ? json_loads(text, 0, NULL) : NULL;
	struct err e = { 0 };
	AUTO_CLOSE int fd = seccomp_profile_compile(profile, caps, &e);

	json_decref(profile);
	if (fd < 0)
		fail_msg("%s", e.msg);
	return load(fd);
}

#define UPPER (UINT64_C(1) << 32)

static const struct {
	long nr;
	uint64_t a0, a1, a2;
	uint32_t action;
} builtin[] = {
	{ SYS_read, 0, 0, 0, ALLOW },
	{ SYS_execve, 0, 0, 0, ALLOW },
	{ SYS_exit_group, 0, 0, 0, ALLOW },
	{ SYS_futex, 0, 0, 0, ALLOW },
	{ SYS_getrandom, 0, 0, 0, ALLOW },
	{ SYS_mount, 0, 0, 0, ERRNO(EPERM) },
	{ SYS_unshare, CLONE_NEWUSER, 0, 0, ERRNO(EPERM) },
	{ SYS_setns, 0, 0, 0, ERRNO(EPERM) },
	{ SYS_bpf, 0, 0, 0, ERRNO(EPERM) },
	{ SYS_keyctl, 0, 0, 0, ERRNO(EPERM) },
	{ SYS_ptrace, 0, 0, 0, ERRNO(EPERM) },
	{ SYS_perf_event_open, 0, 0, 0, ERRNO(EPERM) },
	{ SYS_userfaultfd, 0, 0, 0, ERRNO(EPERM) },
	{ SYS_open_by_handle_at, 0, 0, 0, ERRNO(EPERM) },
	{ SYS_chroot, 0, 0, 0, ERRNO(EPERM) },
	{ SYS_io_uring_setup, 0, 0, 0, ERRNO(ENOSYS) },
	{ SYS_clone3, 0, 0, 0, ERRNO(ENOSYS) },
	{ 999, 0, 0, 0, ERRNO(ENOSYS) },
	{ SYS_clone, 0x01200011, 0, 0, ALLOW },		/* fork(3) */
	{ SYS_clone, 0x003d0f00, 0, 0, ALLOW },		/* a thread */
	{ SYS_clone, CLONE_NEWUSER, 0, 0, ERRNO(EPERM) },
	{ SYS_clone, CLONE_NEWNS | 17, 0, 0, ERRNO(EPERM) },
	{ SYS_clone, CLONE_NEWCGROUP | UPPER, 0, 0, ERRNO(EPERM) },
	{ SYS_socket, AF_UNIX, SOCK_STREAM, 0, ALLOW },
	{ SYS_socket, AF_INET, SOCK_STREAM, 0, ALLOW },
	{ SYS_socket, AF_INET6, SOCK_DGRAM, 0, ALLOW },
	{ SYS_socket, AF_NETLINK, SOCK_RAW, 0, ALLOW },
	{ SYS_socket, AF_NETLINK, SOCK_RAW, 9, ERRNO(EAFNOSUPPORT) },	/* audit */
	{ SYS_socket, AF_NETLINK, SOCK_RAW, 9 | UPPER, ERRNO(EAFNOSUPPORT) },
	{ SYS_socket, AF_PACKET, SOCK_RAW, 0, ERRNO(EAFNOSUPPORT) },
	{ SYS_socket, 38, SOCK_SEQPACKET, 0, ERRNO(EAFNOSUPPORT) },	/* AF_ALG */
	{ SYS_socket, 38 | UPPER, SOCK_SEQPACKET, 0, ERRNO(EAFNOSUPPORT) },
	{ SYS_socket, 40, SOCK_STREAM, 0, ERRNO(EAFNOSUPPORT) },	/* AF_VSOCK */
	{ SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, ALLOW },
	{ SYS_socketpair, 38, SOCK_STREAM, 0, ERRNO(EAFNOSUPPORT) },
	{ SYS_ioctl, 0, FIONREAD, 0, ALLOW },
	{ SYS_ioctl, 0, TCGETS, 0, ALLOW },
	{ SYS_ioctl, 0, TIOCSTI, 0, ERRNO(EPERM) },
	{ SYS_ioctl, 0, TIOCSTI | UPPER, 0, ERRNO(EPERM) },
	{ SYS_ioctl, 0, TIOCLINUX, 0, ERRNO(EPERM) },
	{ SYS_ioctl, 0, FS_IOC_SETFLAGS, 0, ERRNO(EPERM) },
	{ SYS_ioctl, 0, FS_IOC_FSSETXATTR | UPPER, 0, ERRNO(EPERM) },
	{ SYS_ioctl, 0, TIOCLINUX | UPPER, 0, ERRNO(EPERM) },
	{ SYS_personality, 0, 0, 0, ALLOW },
	{ SYS_personality, 0xffffffff, 0, 0, ALLOW },
	{ SYS_personality, 0x0040000, 0, 0, ERRNO(EPERM) },	/* ADDR_NO_RANDOMIZE */
	{ SYS_personality, 0x0040000 | UPPER, 0, 0, ERRNO(EPERM) },
	{ SYS_prctl, PR_SET_NAME, 0, 0, ALLOW },
	{ SYS_prctl, PR_SET_SPECULATION_CTRL, 0, PR_SPEC_DISABLE, ALLOW },
	{ SYS_prctl, PR_SET_SPECULATION_CTRL, 0, PR_SPEC_ENABLE, ERRNO(EPERM) },
};

static void test_builtin_answers(void **state)
{
	struct filter_program p = compile(NULL, 0);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(builtin); i++) {
		uint32_t got = answer(&p, builtin[i].nr, builtin[i].a0, builtin[i].a1, builtin[i].a2);

		if (got != builtin[i].action)
			fail_msg("row %zu: 0x%x, not 0x%x", i, got, builtin[i].action);
	}
}

static void test_builtin_kills_foreign_architectures(void **state)
{
	struct filter_program p = compile(NULL, 0);

	(void)state;
	for (int nr = 0; nr < 512; nr++)
		assert_int_equal(run(&p, &(struct seccomp_data){ .nr = nr, .arch = FOREIGN }), KILL);
#if defined(__x86_64__)
	/* x32 */
	for (int nr = 0; nr < 600; nr++)
		assert_int_equal(answer(&p, nr | 0x40000000, 0, 0, 0), KILL);
#endif
}

static void test_capabilities_open_their_calls(void **state)
{
	struct filter_program p = compile(NULL, 1 << CAP_SYS_CHROOT | 1 << CAP_SYS_PTRACE);

	(void)state;
	assert_int_equal(answer(&p, SYS_chroot, 0, 0, 0), ALLOW);
	assert_int_equal(answer(&p, SYS_ptrace, 0, 0, 0), ALLOW);
	assert_int_equal(answer(&p, SYS_mount, 0, 0, 0), ERRNO(EPERM));
	assert_int_equal(answer(&p, SYS_mbind, 0, 0, 0), ERRNO(EPERM));
}

/* Also a table: every number has an answer, and it is one of three. */
static void test_builtin_answers_every_number(void **state)
{
	struct filter_program p = compile(NULL, 0);

	(void)state;
	for (int nr = 0; nr <= 600; nr++) {
		uint32_t got = answer(&p, nr, 0, 0, 0);

		assert_true(got == ALLOW || got == ERRNO(EPERM) || got == ERRNO(ENOSYS) ||
			    got == ERRNO(EAFNOSUPPORT));
	}
}

/* Does the kernel take the program, and does the C library still work under it? */
static void test_kernel_takes_the_builtin_profile(void **state)
{
	struct filter_program p = compile(NULL, 0);
	struct sock_fprog prog = { .len = (unsigned short)p.n, .filter = p.insns };
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
			_exit(1);
		if (socket(38, SOCK_SEQPACKET, 0) >= 0 || errno != EAFNOSUPPORT)
			_exit(2);
		if (unshare(CLONE_NEWUSER) == 0 || errno != EPERM)
			_exit(3);
		if (ioctl(0, TIOCSTI | UPPER, "x") == 0 || errno != EPERM)
			_exit(4);
		pid = fork();
		if (pid == 0)
			_exit(0);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			_exit(5);
		execl("/bin/sh", "sh", "-c", "ls / >/dev/null && exit 42", NULL);
		_exit(6);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
}

static const char docker_form[] =
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,"
	"\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_ARCH_X86\"]}],"
	"\"syscalls\":["
	"{\"names\":[\"read\",\"write\",\"nosuchcall\"],\"action\":\"SCMP_ACT_ALLOW\",\"comment\":\"x\"},"
	"{\"names\":[\"ptrace\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"4.8\"}},"
	"{\"names\":[\"bpf\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"99.0\"}},"
	"{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}},"
	"{\"names\":[\"unshare\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1,"
	"\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}},"
	"{\"names\":[\"socket\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":"
	"[{\"index\":0,\"value\":2,\"op\":\"SCMP_CMP_EQ\"}]},"
	"{\"names\":[\"personality\"],\"action\":\"SCMP_ACT_KILL_PROCESS\",\"args\":"
	"[{\"index\":0,\"value\":64,\"valueTwo\":64,\"op\":\"SCMP_CMP_MASKED_EQ\"}]}"
	"]}";

static void test_docker_form(void **state)
{
	struct filter_program p = compile(docker_form, 0);
	struct filter_program admin = compile(docker_form, 1 << CAP_SYS_ADMIN);

	(void)state;
	assert_int_equal(answer(&p, SYS_read, 0, 0, 0), ALLOW);
	assert_int_equal(answer(&p, SYS_openat, 0, 0, 0), ERRNO(38));
	assert_int_equal(answer(&p, SYS_ptrace, 0, 0, 0), ALLOW);
	assert_int_equal(answer(&p, SYS_bpf, 0, 0, 0), ERRNO(38));
	assert_int_equal(answer(&p, SYS_mount, 0, 0, 0), ERRNO(38));
	assert_int_equal(answer(&p, SYS_unshare, 0, 0, 0), ERRNO(1));
	assert_int_equal(answer(&admin, SYS_mount, 0, 0, 0), ALLOW);
	assert_int_equal(answer(&admin, SYS_unshare, 0, 0, 0), ERRNO(38));
	assert_int_equal(answer(&p, SYS_socket, 2, 0, 0), ALLOW);
	assert_int_equal(answer(&p, SYS_socket, 3, 0, 0), ERRNO(38));
	assert_int_equal(answer(&p, SYS_personality, 0xc0, 0, 0), KILL);
	assert_int_equal(answer(&p, SYS_personality, 0x80, 0, 0), ERRNO(38));
	/* The x86 sub-architecture that the document names is not opened. */
	assert_int_equal(run(&p, &(struct seccomp_data){ .nr = 3, .arch = FOREIGN }), KILL);
}

/* A comparison of 64 bits would let the second form through to a kernel that looks at 32. */
static void test_denials_compare_as_the_kernel_does(void **state)
{
	struct filter_program p = compile(
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"ioctl\"],"
		"\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":1,\"value\":21522,"
		"\"op\":\"SCMP_CMP_EQ\"}]}]}", 0);

	(void)state;
	assert_int_equal(answer(&p, SYS_ioctl, 0, TIOCSTI, 0), ERRNO(EPERM));
	assert_int_equal(answer(&p, SYS_ioctl, 0, TIOCSTI | UPPER, 0), ERRNO(EPERM));
	assert_int_equal(answer(&p, SYS_ioctl, 0, FIONREAD, 0), ALLOW);
}

#define CALLS(entry) "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[" entry "]}"

static const struct {
	const char *json;
	const char *msg;
} bad[] = {
	{ "{}", "seccomp.defaultAction: missing" },
	{ "[]", "seccomp: not an object" },
	{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[]}",
	  "seccomp.syscalls: not a list of 1..1024" },
	{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", "seccomp.syscalls: missing" },
	{ "{\"defaultAction\":\"SCMP_ACT_NOTIFY\",\"syscalls\":[]}",
	  "seccomp.defaultAction: unknown action 'SCMP_ACT_NOTIFY'" },
	{ "{\"defaultAction\":\"SCMP_ACT_KILL\",\"defaultErrnoRet\":1,\"syscalls\":[]}",
	  "seccomp.defaultAction: action 'SCMP_ACT_KILL' takes no errno" },
	{ CALLS("{\"names\":[],\"action\":\"SCMP_ACT_ALLOW\"}"), "seccomp.syscalls[0].names: empty" },
	{ CALLS("{\"names\":[\"read\"],\"action\":\"ALLOW\"}"),
	  "seccomp.syscalls[0]: unknown action 'ALLOW'" },
	{ CALLS("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"errnoRet\":3}"),
	  "seccomp.syscalls[0]: action 'SCMP_ACT_ALLOW' takes no errno" },
	{ CALLS("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,"
		"\"value\":1,\"op\":\"EQ\"}]}"),
	  "seccomp.syscalls[0].args[0].op: unknown operator 'EQ'" },
	{ CALLS("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":6,"
		"\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}"),
	  "seccomp.syscalls[0].args[0].index: 6 is outside 0..5" },
	{ CALLS("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,\"value\":1,"
		"\"op\":\"SCMP_CMP_GE\"},{\"index\":0,\"value\":9,\"op\":\"SCMP_CMP_LE\"}]}"),
	  "seccomp.syscalls[0].args[1]: two conditions on argument 0" },
	{ CALLS("{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":"
		"[\"CAP_FLY\"]}}"),
	  "seccomp.syscalls[0].caps: unknown capability 'CAP_FLY'" },
	{ "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"nosuchcall\"],"
	  "\"action\":\"SCMP_ACT_ERRNO\"}]}",
	  "seccomp.syscalls[0]: unknown system call 'nosuchcall' would stay allowed" },
	{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":[\"SCMP_ARCH_MIPS\"],"
	  "\"syscalls\":[]}",
#if defined(__x86_64__)
	  "seccomp.architectures: without SCMP_ARCH_X86_64" },
#else
	  "seccomp.architectures: without SCMP_ARCH_AARCH64" },
#endif
	{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\"],"
	  "\"syscalls\":[]}", "seccomp.flags: 'SECCOMP_FILTER_FLAG_LOG'" },
	{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"listenerPath\":\"/x\",\"syscalls\":[]}",
	  "seccomp.listenerPath: listeners are not supported" },
};

static void test_bad_profiles_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *profile = json_loads(bad[i].json, 0, NULL);
		struct err e = { 0 };
		int r;

		assert_non_null(profile);
		r = seccomp_profile_compile(profile, 0, &e);
		assert_true(r < 0);
		assert_int_equal(r, -e.code);
		assert_string_equal(e.msg, bad[i].msg);
		json_decref(profile);
	}
}

static void test_same_profile_is_compiled_once(void **state)
{
	struct err e = { 0 };
	struct stat a, b, c;
	int one = seccomp_profile_compile(NULL, 0, &e);
	int two = seccomp_profile_compile(NULL, 0, &e);
	int other = seccomp_profile_compile(NULL, 1, &e);

	(void)state;
	assert_true(one >= 0 && two >= 0 && other >= 0 && one != two);
	assert_int_equal(fstat(one, &a), 0);
	assert_int_equal(fstat(two, &b), 0);
	assert_int_equal(fstat(other, &c), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	assert_int_not_equal(a.st_ino, c.st_ino);
	assert_int_equal(fcntl(one, F_GET_SEALS),
			 F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	assert_true(fcntl(one, F_GETFD) & FD_CLOEXEC);
	(void)close(one);
	(void)close(two);
	(void)close(other);
}

static int forget(void **state)
{
	(void)state;
	seccomp_profile_forget();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builtin_answers),
		cmocka_unit_test(test_builtin_kills_foreign_architectures),
		cmocka_unit_test(test_capabilities_open_their_calls),
		cmocka_unit_test(test_builtin_answers_every_number),
		cmocka_unit_test(test_kernel_takes_the_builtin_profile),
		cmocka_unit_test(test_docker_form),
		cmocka_unit_test(test_denials_compare_as_the_kernel_does),
		cmocka_unit_test(test_bad_profiles_are_refused),
		cmocka_unit_test(test_same_profile_is_compiled_once),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
