#include "isolators/seccomp_builtin.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "lib/cleanup.h"

const struct seccomp_group seccomp_allowed[] = {
	/* Files: open, read, write */
	{ -1, "read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 "
	      "open openat openat2 creat close close_range lseek dup dup2 dup3 fcntl "
	      "flock ftruncate truncate fallocate fadvise64 readahead sync syncfs fsync "
	      "fdatasync sync_file_range sendfile splice tee copy_file_range memfd_create" },
	/* Files: names and attributes */
	{ -1, "stat fstat lstat newfstatat statx statfs fstatfs access faccessat "
	      "faccessat2 chmod fchmod fchmodat chown fchown fchownat lchown utime utimes "
	      "utimensat futimesat link linkat unlink unlinkat symlink symlinkat readlink "
	      "readlinkat rename renameat renameat2 mkdir mkdirat rmdir mknod mknodat "
	      "getdents getdents64 getcwd chdir fchdir umask getxattr lgetxattr fgetxattr "
	      "setxattr lsetxattr fsetxattr listxattr llistxattr flistxattr removexattr "
	      "lremovexattr fremovexattr fchmodat2 cachestat" },
	/* Being told of changes */
	{ -1, "inotify_init inotify_init1 inotify_add_watch inotify_rm_watch" },
	/* Waiting for descriptors */
	{ -1, "poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl "
	      "epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 pipe "
	      "pipe2 eventfd eventfd2 signalfd signalfd4 timerfd_create timerfd_settime "
	      "timerfd_gettime" },
	/* Asynchronous input and output of the old kind: databases */
	{ -1, "io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents" },
	/* Memory */
	{ -1, "brk mmap munmap mremap mprotect madvise msync mincore mlock mlock2 munlock "
	      "mlockall munlockall pkey_alloc pkey_free pkey_mprotect membarrier "
	      "remap_file_pages process_mrelease memfd_secret mseal map_shadow_stack" },
	/* Processes and threads; clone is below */
	{ -1, "fork vfork execve execveat exit exit_group wait4 waitid getpid getppid "
	      "gettid getpgid getpgrp setpgid getsid setsid set_tid_address "
	      "set_robust_list get_robust_list futex futex_waitv futex_wake futex_wait "
	      "futex_requeue rseq arch_prctl pidfd_open pidfd_send_signal times getrusage "
	      "getrlimit setrlimit prlimit64 sysinfo uname getcpu restart_syscall" },
	/* Signals */
	{ -1, "rt_sigaction rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo "
	      "rt_tgsigqueueinfo rt_sigsuspend rt_sigreturn sigaltstack kill tkill tgkill "
	      "pause alarm" },
	/* Scheduling of oneself */
	{ -1, "sched_yield sched_getparam sched_setparam sched_getscheduler "
	      "sched_setscheduler sched_get_priority_max sched_get_priority_min "
	      "sched_rr_get_interval sched_setaffinity sched_getaffinity sched_setattr "
	      "sched_getattr getpriority setpriority ioprio_get ioprio_set" },
	/* Time and timers */
	{ -1, "time gettimeofday clock_gettime clock_getres clock_nanosleep nanosleep "
	      "getitimer setitimer timer_create timer_settime timer_gettime "
	      "timer_getoverrun timer_delete" },
	/* Who one is */
	{ -1, "getuid geteuid getgid getegid getgroups getresuid getresgid setuid setgid "
	      "setreuid setregid setresuid setresgid setfsuid setfsgid setgroups capget "
	      "capset" },
	/* Sockets; socket and socketpair are below */
	{ -1, "bind listen accept accept4 connect shutdown getsockname getpeername "
	      "getsockopt setsockopt sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg" },
	/* System V and POSIX message passing, in an own namespace */
	{ -1, "shmget shmat shmctl shmdt semget semop semctl semtimedop msgget msgsnd "
	      "msgrcv msgctl mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify "
	      "mq_getsetattr" },
	/* Chance, and giving up rights */
	{ -1, "getrandom seccomp landlock_create_ruleset landlock_add_rule "
	      "landlock_restrict_self" },
	/* With a capability that only these calls can use */
	{ CAP_SYS_CHROOT, "chroot" },
	{ CAP_SYS_NICE, "get_mempolicy set_mempolicy set_mempolicy_home_node mbind "
			"move_pages migrate_pages" },
	{ CAP_SYS_TIME, "clock_settime clock_adjtime settimeofday adjtimex" },
	{ CAP_SYS_PTRACE, "ptrace process_vm_readv process_vm_writev process_madvise kcmp "
			  "pidfd_getfd" },
	{ CAP_SYSLOG, "syslog" },
	{ CAP_DAC_READ_SEARCH, "name_to_handle_at open_by_handle_at" },
};
const size_t n_seccomp_allowed = ARRAY_SIZE(seccomp_allowed);

const char *const seccomp_refused[] = {
	/* Mounts, namespaces, roots */
	"mount umount umount2 mount_setattr move_mount open_tree fsopen fsconfig fsmount "
	"fspick pivot_root chroot unshare setns",
	/* The machine */
	"reboot kexec_load kexec_file_load init_module finit_module delete_module "
	"create_module query_module get_kernel_syms swapon swapoff acct iopl ioperm "
	"syslog vhangup sethostname setdomainname settimeofday clock_settime "
	"clock_adjtime adjtimex quotactl quotactl_fd nfsservctl uselib ustat sysfs "
	"_sysctl lookup_dcookie modify_ldt",
	/* Other processes */
	"ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd "
	"move_pages migrate_pages get_mempolicy set_mempolicy set_mempolicy_home_node "
	"mbind",
	/* Large doors into the kernel */
	"bpf perf_event_open userfaultfd add_key request_key keyctl fanotify_init "
	"fanotify_mark name_to_handle_at open_by_handle_at vmsplice",
};
const size_t n_seccomp_refused = ARRAY_SIZE(seccomp_refused);

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "no filter of system calls for this architecture"
#endif

static const uint32_t namespace_flags = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS |
	CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

/* Until all that it jumps to is known, a jump names where to as one of these. */
enum target { NEXT, ALLOW, REFUSE, NO_FAMILY, OTHER_CALL, REST };

/*
 * One test of an argument: what follows when it holds; otherwise the next row of the same call,
 * or OTHERWISE behind the last one.
 */
static const struct check {
	uint32_t nr;
	unsigned arg;
	uint16_t test;		/* BPF_JEQ or BPF_JSET */
	uint32_t value;
	enum target then, otherwise;
} checks[] = {
	/* Typing into the terminal of somebody else */
	{ SYS_ioctl, 1, BPF_JEQ, TIOCSTI, REFUSE, NEXT },
	{ SYS_ioctl, 1, BPF_JEQ, TIOCLINUX, REFUSE, NEXT },
	/* Files moved to another project are not counted any more, and so not limited */
	{ SYS_ioctl, 1, BPF_JEQ, FS_IOC_SETFLAGS, REFUSE, NEXT },
	{ SYS_ioctl, 1, BPF_JEQ, FS_IOC_FSSETXATTR, REFUSE, ALLOW },
	/* clone3 hides its flags in memory: it does not exist, and libraries take clone */
	{ SYS_clone, 0, BPF_JSET, namespace_flags, REFUSE, ALLOW },
	{ SYS_socket, 0, BPF_JEQ, AF_UNIX, ALLOW, NEXT },
	{ SYS_socket, 0, BPF_JEQ, AF_INET, ALLOW, NEXT },
	{ SYS_socket, 0, BPF_JEQ, AF_INET6, ALLOW, NEXT },
	{ SYS_socket, 0, BPF_JEQ, AF_NETLINK, NEXT, NO_FAMILY },
	{ SYS_socket, 2, BPF_JEQ, NETLINK_ROUTE, ALLOW, NO_FAMILY },
	{ SYS_socketpair, 0, BPF_JEQ, AF_UNIX, ALLOW, NO_FAMILY },
	{ SYS_personality, 0, BPF_JEQ, PER_LINUX, ALLOW, NEXT },
	{ SYS_personality, 0, BPF_JEQ, PER_LINUX32, ALLOW, NEXT },
	{ SYS_personality, 0, BPF_JEQ, UNAME26, ALLOW, NEXT },
	{ SYS_personality, 0, BPF_JEQ, PER_LINUX32 | UNAME26, ALLOW, NEXT },
	{ SYS_personality, 0, BPF_JEQ, 0xffffffff, ALLOW, REFUSE },
	/* Mitigations of speculation may be asked for, not given up */
	{ SYS_prctl, 0, BPF_JEQ, PR_SET_SPECULATION_CTRL, NEXT, ALLOW },
	{ SYS_prctl, 2, BPF_JEQ, PR_SPEC_ENABLE, REFUSE, ALLOW },
};

struct prologue {
	struct sock_filter *insns;
	enum target then[SECCOMP_PROLOGUE_MAX], otherwise[SECCOMP_PROLOGUE_MAX];
	size_t n;
};

static void emit(struct prologue *p, uint16_t code, uint32_t k, enum target then,
		 enum target otherwise)
{
	p->insns[p->n] = (struct sock_filter){ .code = code, .k = k };
	p->then[p->n] = then;
	p->otherwise[p->n++] = otherwise;
}

static void emit_load(struct prologue *p, size_t offset)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, NEXT, NEXT);
}

/* The lower half of an argument: both architectures are little-endian. */
static void emit_checks(struct prologue *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		const struct check *c = &checks[i];
		bool is_first = i == 0 || checks[i - 1].nr != c->nr;

		if (is_first) {
			emit_load(p, offsetof(struct seccomp_data, nr));
			emit(p, BPF_JMP | BPF_JEQ | BPF_K, c->nr, NEXT, OTHER_CALL);
		}
		if (is_first || checks[i - 1].arg != c->arg)
			emit_load(p, offsetof(struct seccomp_data, args) + 8 * c->arg);
		emit(p, (uint16_t)(BPF_JMP | c->test | BPF_K), c->value, c->then, c->otherwise);
	}
}

/* Where the next call is looked for: its test starts by loading the number. */
static size_t find_other_call(const struct prologue *p, size_t from)
{
	for (size_t i = from; i < p->n; i++) {
		if (p->insns[i].code == (BPF_LD | BPF_W | BPF_ABS) &&
		    p->insns[i].k == offsetof(struct seccomp_data, nr))
			return i;
	}
	return p->n;
}

size_t seccomp_prologue(struct sock_filter ret[SECCOMP_PROLOGUE_MAX])
{
	struct prologue p = { .insns = ret };
	size_t at[] = { [ALLOW] = 0, [REFUSE] = 0, [NO_FAMILY] = 0, [OTHER_CALL] = 0, [REST] = 0 };
	size_t n_tests;

	/* A foreign architecture is the compiled filter's business. */
	emit_load(&p, offsetof(struct seccomp_data, arch));
	emit(&p, BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, NEXT, REST);
	emit_checks(&p);
	n_tests = p.n;
	at[ALLOW] = p.n;
	emit(&p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, NEXT, NEXT);
	at[REFUSE] = p.n;
	emit(&p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, NEXT, NEXT);
	at[NO_FAMILY] = p.n;
	emit(&p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT, NEXT, NEXT);
	at[REST] = p.n;
	for (size_t i = 0; i < n_tests; i++) {
		enum target to[] = { p.then[i], p.otherwise[i] };
		uint8_t *jumps[] = { &ret[i].jt, &ret[i].jf };

		at[OTHER_CALL] = find_other_call(&p, i + 1);
		if (at[OTHER_CALL] == p.n)
			at[OTHER_CALL] = at[REST];
		for (size_t k = 0; k < ARRAY_SIZE(to); k++) {
			if (to[k] != NEXT)
				*jumps[k] = (uint8_t)(at[to[k]] - i - 1);
		}
	}
	return p.n;
}
