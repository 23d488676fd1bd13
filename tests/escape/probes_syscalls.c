/* E13: calls that a service has no business with, tried for real (reliability.md 1.6). */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/quota.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tests/escape/probe.h"

/* With arguments that would do no harm if the call were let through. */
static void call(const struct probe *p, struct outcome *o)
{
	tried(o, syscall(p->n, 0L, 0L, 0L, 0L, 0L, 0L));
	/* The kernel's own refusal of bad arguments means that the call was reached. */
	if (o->error == EFAULT || o->error == EINVAL || o->error == EBADF || o->error == ESRCH)
		o->result = ALLOWED;
}

static void load_program(const struct probe *p, struct outcome *o)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K }, { .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = (uint32_t)p->n, .insns = (uintptr_t)insns, .insn_cnt = 2,
		.license = (uintptr_t)"GPL",
	};

	tried(o, syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
}

static void make_map(const struct probe *p, struct outcome *o)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1,
	};

	(void)p;
	tried(o, syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static void count_events(const struct probe *p, struct outcome *o)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_CPU_CLOCK,
	};

	tried(o, syscall(SYS_perf_event_open, &attr, p->n, p->n ? 0 : -1, -1, 0));
}

static void make_userfault(const struct probe *p, struct outcome *o)
{
	tried(o, syscall(SYS_userfaultfd, p->n));
}

static void make_ring(const struct probe *p, struct outcome *o)
{
	char parameters[120] = "";

	tried(o, syscall(p->n, 4L, parameters, 0L, 0L, 0L, 0L));
}

static void watch_files(const struct probe *p, struct outcome *o)
{
	tried(o, syscall(SYS_fanotify_init, p->n, O_RDONLY));
}

static void set_clock(const struct probe *p, struct outcome *o)
{
	struct timespec now;

	/* Its own time: harmless even if it were let through. */
	(void)clock_gettime(CLOCK_REALTIME, &now);
	tried(o, syscall(p->n, CLOCK_REALTIME, &now, 0L));
}

static void adjust_clock(const struct probe *p, struct outcome *o)
{
	struct timex none = { .modes = ADJ_MAXERROR, .maxerror = 16000000 };

	tried(o, p->n == SYS_adjtimex ? syscall(SYS_adjtimex, &none) : syscall(p->n, CLOCK_REALTIME,
		&none));
}

static void read_log(const struct probe *p, struct outcome *o)
{
	char text[64];

	tried(o, syscall(SYS_syslog, p->n, text, sizeof(text)));
}

static void trace_self(const struct probe *p, struct outcome *o)
{
	(void)p;
	tried(o, ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static void give_pages(const struct probe *p, struct outcome *o)
{
	char page[4096] = "";
	struct iovec vector = { page, sizeof(page) };
	int fds[2];

	(void)p;
	if (pipe(fds) == 0)
		tried(o, vmsplice(fds[1], &vector, 1, 0));
}

/* One filter more may only take away: what refuses must go on refusing. */
static void loosen_filter(const struct probe *p, struct outcome *o)
{
	struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { ARRAY_SIZE(allow), allow };

	if (p->n && prctl(PR_SET_SECCOMP, SECCOMP_MODE_DISABLED) == 0) {
		judge(o, true, "switched off");
		return;
	}
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) {
		tried(o, -1);
		return;
	}
	tried(o, syscall(SYS_unshare, 0));
}

static void listen_to_filter(const struct probe *p, struct outcome *o)
{
	struct sock_filter notify[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { ARRAY_SIZE(notify), notify };

	(void)p;
	/* Its own children's calls only: nothing of the host's, but pinned. */
	tried(o, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
		&program));
}

#define CALL(name) { "E13." #name, "make a call that is not for services", call, NULL, SYS_##name }

static const struct probe rows[] = {
	CALL(acct), CALL(add_key), CALL(delete_module), CALL(fanotify_init), CALL(fanotify_mark),
	CALL(finit_module), CALL(fsconfig), CALL(fsmount), CALL(fsopen), CALL(fspick),
	CALL(get_mempolicy), CALL(init_module), CALL(ioperm), CALL(iopl), CALL(kcmp),
	CALL(kexec_file_load), CALL(kexec_load), CALL(keyctl), CALL(lookup_dcookie), CALL(mbind),
	CALL(migrate_pages), CALL(modify_ldt), CALL(mount), CALL(mount_setattr), CALL(move_mount),
	CALL(move_pages), CALL(name_to_handle_at), CALL(nfsservctl), CALL(open_by_handle_at),
	CALL(open_tree), CALL(pidfd_getfd), CALL(pivot_root), CALL(process_madvise),
	CALL(process_vm_readv), CALL(process_vm_writev), CALL(ptrace), CALL(quotactl),
	CALL(quotactl_fd), CALL(reboot), CALL(request_key), CALL(set_mempolicy),
	CALL(set_mempolicy_home_node), CALL(setdomainname), CALL(sethostname), CALL(setns),
	CALL(settimeofday), CALL(swapoff), CALL(swapon), CALL(sysfs), CALL(syslog), CALL(umount2),
	CALL(unshare), CALL(uselib), CALL(userfaultfd), CALL(ustat), CALL(vhangup), CALL(vmsplice),
	CALL(io_uring_enter), CALL(io_uring_register), CALL(clone3), CALL(chroot),
	CALL(create_module), CALL(query_module), CALL(get_kernel_syms), CALL(getpmsg),
	CALL(putpmsg), CALL(afs_syscall), CALL(tuxcall), CALL(security), CALL(vserver),
	CALL(_sysctl), CALL(epoll_ctl_old),

	{ "E13.bpf-socket-filter", "run code in the kernel", load_program, NULL,
	  BPF_PROG_TYPE_SOCKET_FILTER },
	{ "E13.bpf-kprobe", "run code in the kernel", load_program, NULL, BPF_PROG_TYPE_KPROBE },
	{ "E13.bpf-cgroup-device", "replace the filter of devices", load_program, NULL,
	  BPF_PROG_TYPE_CGROUP_DEVICE },
	{ "E13.bpf-lsm", "replace the security module", load_program, NULL, BPF_PROG_TYPE_LSM },
	{ "E13.bpf-map", "have memory in the kernel", make_map, NULL, 0 },
	{ "E13.perf-self", "count events", count_events, NULL, 0 },
	{ "E13.perf-all", "count events of everybody", count_events, NULL, -1 },
	{ "E13.userfaultfd-user", "stop the kernel in the middle", make_userfault, NULL, 1 },
	{ "E13.userfaultfd-kernel", "stop the kernel in the middle", make_userfault, NULL, 0 },
	{ "E13.io-uring", "make calls that the filter does not see", make_ring, NULL,
	  SYS_io_uring_setup },
	{ "E13.fanotify-content", "hold up the files of everybody", watch_files, NULL,
	  FAN_CLASS_PRE_CONTENT },
	{ "E13.fanotify-notify", "watch the files of everybody", watch_files, NULL,
	  FAN_CLASS_NOTIF },
	{ "E13.clock-settime", "change the time", set_clock, NULL, SYS_clock_settime },
	{ "E13.adjtimex", "change the time", adjust_clock, NULL, SYS_adjtimex },
	{ "E13.clock-adjtime", "change the time", adjust_clock, NULL, SYS_clock_adjtime },
	{ "E13.syslog-read", "read the kernel's log", read_log, NULL, 3 },
	{ "E13.syslog-size", "read the kernel's log", read_log, NULL, 10 },
	{ "E13.trace-self", "be traced", trace_self, NULL, 0 },
	{ "E13.vmsplice-pages", "give pages into a pipe", give_pages, NULL, 0 },
	{ "E13.filter-again", "loosen the filter by another", loosen_filter, NULL, 0 },
	{ "E13.filter-off", "switch the filter off", loosen_filter, NULL, 1 },
	{ "E13.filter-listener", "answer calls in the kernel's place", listen_to_filter, NULL, 0 },
};

const struct probe_table probes_syscalls = { rows, ARRAY_SIZE(rows) };
