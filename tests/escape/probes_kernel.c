/* E4, E7-E10, E12, E19, E21: doors into the kernel (reliability.md 1.6). */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <mqueue.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "tests/escape/probe.h"

/* A child of our own that a call may have made. */
static void end_child(long pid)
{
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		(void)waitpid((pid_t)pid, NULL, 0);
}

/* ---- namespaces ---- */

static void leave_by_unshare(const struct probe *p, struct outcome *o)
{
	tried(o, unshare((int)p->n));
}

static void leave_by_clone(const struct probe *p, struct outcome *o)
{
	long pid = syscall(SYS_clone, p->n | SIGCHLD, NULL, NULL, NULL, NULL);

	tried(o, pid);
	end_child(pid);
}

static void leave_by_clone3(const struct probe *p, struct outcome *o)
{
	struct clone_args args = { .flags = (uint64_t)p->n, .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	tried(o, pid);
	end_child(pid);
}

static void join_namespace(const struct probe *p, struct outcome *o)
{
	int fd = open(p->path, O_RDONLY | O_CLOEXEC);

	tried(o, fd < 0 ? fd : setns(fd, 0));
}

static void join_process(const struct probe *p, struct outcome *o)
{
	int fd = (int)syscall(SYS_pidfd_open, (pid_t)p->n, 0);

	tried(o, fd < 0 ? fd : setns(fd, CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC));
}

static void mount_cgroups(const struct probe *p, struct outcome *o)
{
	if (unshare((int)p->n) < 0) {
		tried(o, -1);
		return;
	}
	(void)mkdir("cg", 0755);
	tried(o, mount("cgroup", "cg", "cgroup", 0, "rdma"));
}

/* ---- E7: file handles ---- */

static void open_handle(const struct probe *p, struct outcome *o)
{
	/* Inode 2 of a file system: its root. */
	struct {
		struct file_handle head;
		uint32_t words[2];
	} handle = { .head = { .handle_bytes = 8, .handle_type = 1 }, .words = { 2, 0 } };
	int fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	tried(o, fd < 0 ? fd : open_by_handle_at(fd, &handle.head, O_RDONLY));
}

static void get_handle(const struct probe *p, struct outcome *o)
{
	struct {
		struct file_handle head;
		char bytes[128];
	} handle = { .head = { .handle_bytes = 128 } };
	int id;

	tried(o, name_to_handle_at(AT_FDCWD, p->path, &handle.head, &id, 0));
}

/* ---- E8: typing for others ---- */

static void type_into(const struct probe *p, struct outcome *o)
{
	int fd = p->path ? open(p->path, O_RDWR | O_NOCTTY | O_CLOEXEC) : 0;
	char bytes[2] = { 12, 'x' };

	tried(o, fd < 0 ? fd : syscall(SYS_ioctl, fd, p->n, bytes));
}

static void take_terminal(const struct probe *p, struct outcome *o)
{
	tried(o, ioctl((int)p->n, TIOCSCTTY, 1));
}

/* ---- E9: other ways to call ---- */

#if defined(__x86_64__)
static void call_i386(const struct probe *p, struct outcome *o)
{
	long r = p->n;

	__asm__ volatile("int $0x80" : "+a"(r) : "b"(0L), "c"(0L), "d"(0L), "S"(0L), "D"(0L) :
		"memory");
	errno = r < 0 ? (int)-r : 0;
	tried(o, r < 0 ? -1 : r);
	/* Not even a refusal of the kernel's own may come back: the filter ends the process. */
	o->result = ALLOWED;
}

static void call_x32(const struct probe *p, struct outcome *o)
{
	long r = syscall(p->n | 0x40000000L, 0, 0, 0, 0, 0, 0);

	tried(o, r);
	o->result = ALLOWED;
}

#define I386(name, nr) \
	{ "E9.i386-" name, "make a call that the filter does not see", call_i386, NULL, nr }
#define X32(name, nr) \
	{ "E9.x32-" name, "make a call that the filter does not see", call_x32, NULL, nr }
#endif

/* ---- E10: keys ---- */

static void keyctl_call(const struct probe *p, struct outcome *o)
{
	const char *serial = p->path ? fact(o, p->path) : "-3";
	char bytes[256];

	if (serial)
		tried(o, syscall(SYS_keyctl, p->n, atol(serial), bytes, sizeof(bytes), 0));
}

static void add_key(const struct probe *p, struct outcome *o)
{
	tried(o, syscall(SYS_add_key, "user", "escape", "x", 1, (int)p->n));
}

static void request_key(const struct probe *p, struct outcome *o)
{
	const char *name = fact(o, p->path);

	if (name)
		tried(o, syscall(SYS_request_key, "user", name, NULL, 0));
}

/* ---- E19: what processes share ---- */

static void attach_memory(const struct probe *p, struct outcome *o)
{
	const char *key = fact(o, p->path);
	int id;

	if (!key)
		return;
	id = shmget((key_t)atol(key), 0, 0);
	tried(o, id < 0 ? id : shmat(id, NULL, 0) == MAP_FAILED ? -1 : 0);
}

static void attach_memory_by_id(const struct probe *p, struct outcome *o)
{
	int n = 0;

	(void)p;
	for (int id = 0; id < 4096; id++)
		n += shmat(id, NULL, SHM_RDONLY) != (void *)-1;
	judge(o, n > 0, "%d segments", n);
}

static void remove_memory_by_id(const struct probe *p, struct outcome *o)
{
	int n = 0;

	(void)p;
	for (int id = 0; id < 4096; id++)
		n += shmctl(id, IPC_RMID, NULL) == 0;
	judge(o, n > 0, "%d segments", n);
}

static void open_queue(const struct probe *p, struct outcome *o)
{
	const char *name = fact(o, p->path);

	if (name)
		tried(o, mq_open(name, O_RDWR));
}

static void use_semaphore(const struct probe *p, struct outcome *o)
{
	const char *key = fact(o, p->path);

	if (key)
		tried(o, semget((key_t)atol(key), 0, 0));
}

static void use_messages(const struct probe *p, struct outcome *o)
{
	const char *key = fact(o, p->path);

	if (key)
		tried(o, msgget((key_t)atol(key), 0));
}

static void open_shared(const struct probe *p, struct outcome *o)
{
	const char *name = fact(o, p->path);

	if (name)
		tried(o, shm_open(name, O_RDWR, 0));
}

static void change_name(const struct probe *p, struct outcome *o)
{
	tried(o, syscall(p->n, "escaped", 7L));
}

static void name_is_not_host(const struct probe *p, struct outcome *o)
{
	const char *host = fact(o, p->path);
	struct utsname uts;

	if (host && uname(&uts) == 0)
		judge(o, strcmp(uts.nodename, host) == 0, "%.65s", uts.nodename);
}

/* ---- E21: mitigations ---- */

static void weaken(const struct probe *p, struct outcome *o)
{
	tried(o, prctl(PR_SET_SPECULATION_CTRL, p->n, PR_SPEC_ENABLE, 0, 0));
}

static void change_personality(const struct probe *p, struct outcome *o)
{
	tried(o, syscall(SYS_personality, p->n));
}

static void call_prctl(const struct probe *p, struct outcome *o)
{
	tried(o, prctl((int)p->n, 0, 0, 0, 0));
}

static void map_zero(const struct probe *p, struct outcome *o)
{
	(void)p;
	tried(o, mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		-1, 0) ==
	      MAP_FAILED ? -1 : 0);
}

#define BIT32 (1L << 32)
#define NAMESPACE(name, flag) \
	{ "E12.unshare-" name, "have a namespace of our own", leave_by_unshare, NULL, flag }, \
	{ "E12.clone-" name, "have a namespace of our own", leave_by_clone, NULL, flag }, \
	{ "E12.clone-high-" name, "have a namespace by a flag with high bits", leave_by_clone, \
	  NULL, flag | BIT32 }, \
	{ "E12.clone3-" name, "have a namespace of our own", leave_by_clone3, NULL, flag }, \
	{ "E12.join-" name, "join a namespace of init", join_namespace, "/proc/1/ns/" name, 0 }
#define TERMINAL(name, path, request) \
	{ "E8." name, "type into a terminal", type_into, path, request }, \
	{ "E8.high-" name, "type into a terminal with high bits set", type_into, path, \
	  (long)(request) | BIT32 }
#define PERSONALITY(name, value) \
	{ "E21.personality-" name, "weaken the layout of memory", change_personality, NULL, \
	  value }, \
	{ "E21.personality-high-" name, "weaken the layout of memory", change_personality, NULL, \
	  (value) | BIT32 }

static const struct probe rows[] = {
	{ "E4.user-cgroup", "mount v1 groups as root of our own users", mount_cgroups, NULL,
	  CLONE_NEWUSER | CLONE_NEWCGROUP | CLONE_NEWNS },
	{ "E4.cgroup", "mount v1 groups", mount_cgroups, NULL, CLONE_NEWCGROUP | CLONE_NEWNS },
	{ "E4.mount", "mount v1 groups", mount_cgroups, NULL, 0 },

	{ "E7.root", "open any file by a handle", open_handle, "/", 0 },
	{ "E7.sandbox", "open any file by a handle", open_handle, ".", 0 },
	{ "E7.tmp", "open any file by a handle", open_handle, "/tmp", 0 },
	{ "E7.etc", "open any file by a handle", open_handle, "/etc", 0 },
	{ "E7.name-root", "learn how handles look", get_handle, "/", 0 },
	{ "E7.name-sandbox", "learn how handles look", get_handle, ".", 0 },

	TERMINAL("sti-stdin", NULL, TIOCSTI), TERMINAL("sti-tty", "/dev/tty", TIOCSTI),
	TERMINAL("sti-ptmx", "/dev/ptmx", TIOCSTI), TERMINAL("linux-stdin", NULL, TIOCLINUX),
	TERMINAL("linux-tty", "/dev/tty", TIOCLINUX),
	TERMINAL("linux-ptmx", "/dev/ptmx", TIOCLINUX),
	{ "E8.setctty-stdin", "take over a terminal", take_terminal, NULL, 0 },
	{ "E8.setctty-stdout", "take over a terminal", take_terminal, NULL, 1 },
	{ "E8.setctty-stderr", "take over a terminal", take_terminal, NULL, 2 },

#if defined(__x86_64__)
	I386("getpid", 20), I386("socketcall", 102), I386("keyctl", 288), I386("mount", 21),
	I386("ptrace", 26), I386("unshare", 310), I386("setns", 346), I386("bpf", 357),
	I386("clone", 120), I386("open", 5), I386("init_module", 128), I386("ipc", 117),
	I386("vm86", 166), I386("modify_ldt", 123), X32("getpid", 39), X32("ptrace", 521),
	X32("mount", 165), X32("ioctl", 514), X32("keyctl", 250), X32("unshare", 272),
	X32("bpf", 321), X32("execve", 520), X32("socket", 41), X32("process_vm_readv", 539),
#endif

	{ "E10.session", "read the session's keys", keyctl_call, NULL, KEYCTL_READ },
	{ "E10.get-id", "find the session's keys", keyctl_call, NULL, KEYCTL_GET_KEYRING_ID },
	{ "E10.join", "join a session of keys", keyctl_call, NULL, KEYCTL_JOIN_SESSION_KEYRING },
	{ "E10.canary-read", "read a key of the host", keyctl_call, "CANARY_KEY", KEYCTL_READ },
	{ "E10.canary-describe", "see a key of the host", keyctl_call, "CANARY_KEY",
	  KEYCTL_DESCRIBE },
	{ "E10.canary-revoke", "revoke a key of the host", keyctl_call, "CANARY_KEY",
	  KEYCTL_REVOKE },
	{ "E10.add-session", "leave a key in the session", add_key, NULL,
	  KEY_SPEC_SESSION_KEYRING },
	{ "E10.add-user", "leave a key with the user's", add_key, NULL, KEY_SPEC_USER_KEYRING },
	{ "E10.add-process", "keep a key", add_key, NULL, KEY_SPEC_PROCESS_KEYRING },
	{ "E10.request", "find a key of the host", request_key, "CANARY_KEY_NAME", 0 },

	NAMESPACE("user", CLONE_NEWUSER), NAMESPACE("mnt", CLONE_NEWNS),
	NAMESPACE("pid", CLONE_NEWPID), NAMESPACE("net", CLONE_NEWNET),
	NAMESPACE("ipc", CLONE_NEWIPC), NAMESPACE("uts", CLONE_NEWUTS),
	NAMESPACE("cgroup", CLONE_NEWCGROUP),
	{ "E12.unshare-time", "have a clock of our own", leave_by_unshare, NULL, CLONE_NEWTIME },
	{ "E12.clone3-plain", "make a process whose flags the filter cannot see", leave_by_clone3,
	  NULL, 0 },
	{ "E12.clone3-into-cgroup", "make a process in another group", leave_by_clone3, NULL,
	  CLONE_INTO_CGROUP },
	{ "E12.join-init", "join all namespaces of init", join_process, NULL, 1 },

	{ "E19.shm", "attach memory of the host", attach_memory, "CANARY_SHM", 0 },
	{ "E19.shm-ids", "attach any memory", attach_memory_by_id, NULL, 0 },
	{ "E19.shm-remove", "remove any memory", remove_memory_by_id, NULL, 0 },
	{ "E19.semaphore", "use a semaphore of the host", use_semaphore, "CANARY_SEM", 0 },
	{ "E19.messages", "use a queue of the host", use_messages, "CANARY_MSG", 0 },
	{ "E19.mqueue", "use a queue of the host", open_queue, "CANARY_MQUEUE", 0 },
	{ "E19.posix-shm", "use shared memory of the host", open_shared, "CANARY_POSIX_SHM", 0 },
	{ "E19.sethostname", "change the host's name", change_name, NULL, SYS_sethostname },
	{ "E19.setdomainname", "change the host's domain", change_name, NULL, SYS_setdomainname },
	{ "E19.hostname", "learn the host's name", name_is_not_host, "HOST_NAME", 0 },

	{ "E21.store-bypass", "give up a mitigation", weaken, NULL, PR_SPEC_STORE_BYPASS },
	{ "E21.indirect-branch", "give up a mitigation", weaken, NULL, PR_SPEC_INDIRECT_BRANCH },
	{ "E21.l1d-flush", "give up a mitigation", weaken, NULL, PR_SPEC_L1D_FLUSH },
	{ "E21.store-bypass-high", "give up a mitigation", weaken, NULL,
	  PR_SPEC_STORE_BYPASS | BIT32 },
	PERSONALITY("no-randomize", 0x0040000L), PERSONALITY("mmap-page-zero", 0x0100000L),
	PERSONALITY("read-implies-exec", 0x0400000L), PERSONALITY("compat-layout", 0x0200000L),
	PERSONALITY("svr4", 0x0001L | 0x4000000L),
	{ "E21.map-zero", "map the page at nothing", map_zero, NULL, 0 },
	{ "E21.set-mm", "change what /proc says of us", call_prctl, NULL, PR_SET_MM },
	{ "E21.ptracer-any", "let everybody trace us", call_prctl, NULL, PR_SET_PTRACER },
	{ "E21.mce-kill", "change how memory errors end", call_prctl, NULL, PR_MCE_KILL_GET + 100 },
};

const struct probe_table probes_kernel = { rows, ARRAY_SIZE(rows) };
