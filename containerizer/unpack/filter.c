#include "containerizer/unpack/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <sys/mman.h>

#include "lib/cleanup.h"
#include "lib/err.h"

static const int allowed[] = {
	/* files, by descriptors below the root directory */
	SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(close), SCMP_SYS(read), SCMP_SYS(write),
	SCMP_SYS(pread64), SCMP_SYS(pwrite64), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(lseek),
	SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(fstatfs),
	SCMP_SYS(getdents64), SCMP_SYS(readlinkat), SCMP_SYS(faccessat2), SCMP_SYS(ftruncate),
	SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(fchown), SCMP_SYS(fchownat),
	SCMP_SYS(utimensat),
	SCMP_SYS(fsetxattr), SCMP_SYS(fgetxattr), SCMP_SYS(flistxattr), SCMP_SYS(mkdirat),
	SCMP_SYS(linkat), SCMP_SYS(symlinkat), SCMP_SYS(unlinkat), SCMP_SYS(fadvise64),
	/* memory */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	/* this process: clocks, signals, the end */
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(getrandom), SCMP_SYS(futex),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall), SCMP_SYS(sched_yield), SCMP_SYS(poll), SCMP_SYS(exit),
	SCMP_SYS(exit_group), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(tgkill),
#ifdef __SANITIZE_ADDRESS__
	SCMP_SYS(sigaltstack), SCMP_SYS(readlink), SCMP_SYS(open), SCMP_SYS(prctl), SCMP_SYS(clone),
	SCMP_SYS(ptrace), SCMP_SYS(wait4), SCMP_SYS(sched_getaffinity),
#endif
};

/* The bits MASK of argument ARG are VALUE; its upper half is none of the kernel's business here. */
static struct scmp_arg_cmp is_32(unsigned arg, scmp_datum_t mask, scmp_datum_t value)
{
	return (struct scmp_arg_cmp){
		.arg = arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value,
	};
}

static int add_rules(scmp_filter_ctx filter)
{
	/* Whiteouts (0:0) and fifos, no device that there is; memory that is never code. */
	const struct scmp_arg_cmp no_device = is_32(3, 0xffffffff, 0);
	const struct scmp_arg_cmp no_code = is_32(2, PROT_EXEC, 0);
	/* Both for fdopendir(3). */
	const struct scmp_arg_cmp get_flags = is_32(1, 0xffffffff, F_GETFL);
	const struct scmp_arg_cmp set_cloexec = is_32(1, 0xffffffff, F_SETFD);
	const struct {
		int call;
		const struct scmp_arg_cmp *argument;
	} limited[] = {
		{ SCMP_SYS(mknodat), &no_device }, { SCMP_SYS(mmap), &no_code },
		{ SCMP_SYS(mprotect), &no_code }, { SCMP_SYS(fcntl), &get_flags },
		{ SCMP_SYS(fcntl), &set_cloexec },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(allowed) && r == 0; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; i < ARRAY_SIZE(limited) && r == 0; i++)
		r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, limited[i].call, 1,
					   limited[i].argument);
	return r;
}

int filter_load(struct err *e)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int r = filter ? add_rules(filter) : -ENOMEM;

	if (r == 0)
		r = seccomp_load(filter);
	seccomp_release(filter);
	return r < 0 ? err_set(e, -r, "load the system call filter") : 0;
}
