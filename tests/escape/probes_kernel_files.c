/*
 * E1-E6, E16, E18, E20 and C3: files and devices of the kernel and of the host (reliability.md
 * 1.6).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/escape/probe.h"

/* ---- reading and writing files ---- */

static void read_file(const struct probe *p, struct outcome *o)
{
	char bytes[64];
	ssize_t n;
	int fd = open(p->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		tried(o, fd);
		return;
	}
	n = read(fd, bytes, sizeof(bytes));
	if (n < 0)
		tried(o, n);
	else
		judge(o, n > 0, n > 0 ? "%zd bytes" : "empty", n);
}

static void read_of_init(const struct probe *p, struct outcome *o)
{
	if (init_is_foreign(o))
		read_file(p, o);
}

static void list_directory(const struct probe *p, struct outcome *o)
{
	DIR *dir = opendir(p->path);
	const struct dirent *entry;
	int n = 0;

	if (!dir) {
		tried(o, -1);
		return;
	}
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	judge(o, n > 0, "%d names", n);
	(void)closedir(dir);
}

/* What a file's writer would write; the file's own value where nothing worse comes to mind. */
static void write_value(const char *path, const char *value, struct outcome *o)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	tried(o, fd < 0 ? fd : write(fd, value, strlen(value)));
}

static void write_file(const struct probe *p, struct outcome *o)
{
	write_value(p->path, "|/tmp/escape %p", o);
}

/* A trigger: nothing is written that would pull it, opening it is success enough. */
static void open_trigger(const struct probe *p, struct outcome *o)
{
	tried(o, open(p->path, O_WRONLY | O_CLOEXEC));
}

static void change_mode(const struct probe *p, struct outcome *o)
{
	tried(o, chmod(p->path, 0777));
}

/* Is there something at all which we were to have no right to? */
static void reach(const struct probe *p, struct outcome *o)
{
	tried(o, open(p->path, O_PATH | O_CLOEXEC));
}

/* ---- facts as paths ---- */

static void run_at_fact(const struct probe *p, struct outcome *o,
			void (*run)(const struct probe *probe, struct outcome *o))
{
	struct probe at = *p;

	at.path = fact(o, p->path);
	if (at.path)
		run(&at, o);
}

static void read_fact(const struct probe *p, struct outcome *o)
{
	run_at_fact(p, o, read_file);
}

static void write_fact(const struct probe *p, struct outcome *o)
{
	const char *path = fact(o, p->path);

	if (path)
		tried(o, open(path, O_WRONLY | O_CLOEXEC | (int)p->n));
}

static void list_fact(const struct probe *p, struct outcome *o)
{
	run_at_fact(p, o, list_directory);
}

static void remove_fact(const struct probe *p, struct outcome *o)
{
	const char *path = fact(o, p->path);

	if (path)
		tried(o, p->n ? rename(path, "/tmp/taken") : unlink(path));
}

/* ---- cgroups ---- */

static void view_of_cgroups(const struct probe *p, struct outcome *o)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[512];
	int n = 0;

	(void)p;
	while (file && fgets(line, sizeof(line), file)) {
		const char *path = strrchr(line, ':');

		line[strcspn(line, "\n")] = '\0';
		if (!path || strcmp(path, ":/") == 0)
			continue;
		(void)snprintf(o->detail, sizeof(o->detail), "%.180s", line);
		n++;
	}
	if (file)
		(void)fclose(file);
	o->result = n > 0 ? ALLOWED : DENIED;
}

/* ---- devices ---- */

static void make_node(const struct probe *p, struct outcome *o)
{
	mode_t type = p->path[0] == 'b' ? S_IFBLK : S_IFCHR;
	int fd;

	(void)unlink("node");
	if (mknod("node", type | 0666, (dev_t)p->n) < 0) {
		tried(o, -1);
		return;
	}
	/* A node that cannot be opened is a name and no more. */
	fd = open("node", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	tried(o, fd);
	(void)unlink("node");
}

static void make_node_in_dev(const struct probe *p, struct outcome *o)
{
	int fd;

	if (mknod("/dev/shm/node", S_IFCHR | 0666, (dev_t)p->n) < 0 &&
	    mknod("/dev/node", S_IFCHR | 0666, (dev_t)p->n) < 0) {
		tried(o, -1);
		return;
	}
	fd = open("/dev/node", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	tried(o, fd);
	(void)unlink("/dev/node");
	(void)unlink("/dev/shm/node");
}

static void list_devices(const struct probe *p, struct outcome *o)
{
	DIR *dir = opendir("/dev");
	const struct dirent *entry;

	(void)p;
	o->result = dir ? DENIED : ALLOWED;
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && !is_default_device(entry->d_name))
			judge(o, true, "'%.150s'", entry->d_name);
	}
	if (dir)
		(void)closedir(dir);
}

/* ---- processes ---- */

static void is_visible(const struct probe *p, struct outcome *o)
{
	const char *pid = fact(o, p->path);
	char path[64];
	struct stat st;

	if (!pid)
		return;
	(void)snprintf(path, sizeof(path), "/proc/%s", pid);
	tried(o, stat(path, &st));
}

static void count_foreign(pid_t pid, void *arg)
{
	char name[64];

	read_status(pid, "Name", name, sizeof(name));
	/* Init, and what it has just forked for a health check. */
	if (pid != 1 && strcmp(name, "tepui-init") != 0)
		++*(int *)arg;
}

static void see_foreign_processes(const struct probe *p, struct outcome *o)
{
	int n = 0;

	(void)p;
	visit_foreign(count_foreign, &n);
	judge(o, n > 0, "%d processes", n);
}

static void read_environment(const struct probe *p, struct outcome *o)
{
	extern char **environ;

	(void)p;
	for (char **e = environ; *e; e++) {
		if (strstr(*e, "HOST_SECRET")) {
			judge(o, true, "%.150s", *e);
			return;
		}
	}
	judge(o, false, "nothing of the host's");
}

static void core_limit(const struct probe *p, struct outcome *o)
{
	struct rlimit limit;

	(void)p;
	if (getrlimit(RLIMIT_CORE, &limit) < 0)
		tried(o, -1);
	else
		judge(o, limit.rlim_cur > 0, "%lu", (unsigned long)limit.rlim_cur);
}

static void raise_core_limit(const struct probe *p, struct outcome *o)
{
	const struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	(void)p;
	tried(o, setrlimit(RLIMIT_CORE, &limit));
}

#define DEV(major_, minor_) ((major_) << 8 | (minor_))
#define READ(path_) { "E1.read-" path_, "read what is masked", read_file, path_, 0 }
#define LIST(path_) { "E1.list-" path_, "list what is masked", list_directory, path_, 0 }
#define WRITE(path_) { "E2.write-" path_, "change the kernel's settings", write_file, path_, 0 }
#define TRIGGER(path_) { "E2.trigger-" path_, "make the kernel act", open_trigger, path_, 0 }
#define NODE(name_, type_, dev_) \
	{ "E6.node-" name_, "open a device by a node of our own", make_node, type_, dev_ }
#define HOST_DEVICE(path_) { "E6.open-" path_, "reach a device of the host", reach, path_, 0 }
#define CGROUP(path_) \
	{ "E5.write-" path_, "change the own limits", write_file, "/sys/fs/cgroup/" path_, 0 }

static const struct probe rows[] = {
	READ("/proc/kcore"), READ("/proc/keys"), READ("/proc/latency_stats"),
	READ("/proc/timer_list"), READ("/proc/timer_stats"), READ("/proc/sched_debug"),
	READ("/proc/kallsyms"), READ("/proc/interrupts"), READ("/proc/config.gz"),
	READ("/proc/kmsg"), READ("/proc/kpagecount"), READ("/proc/kpageflags"),
	READ("/proc/kpagecgroup"), READ("/proc/vmallocinfo"), READ("/proc/slabinfo"),
	READ("/proc/iomem"), READ("/proc/ioports"), READ("/proc/pagetypeinfo"), READ("/proc/mtrr"),
	READ("/sys/kernel/notes"), READ("/sys/kernel/vmcoreinfo"),
	READ("/sys/kernel/boot_params/data"), READ("/dev/kmsg"), LIST("/proc/acpi"),
	LIST("/proc/asound"), LIST("/proc/scsi"), LIST("/sys/firmware"),
	LIST("/sys/devices/virtual/powercap"), LIST("/sys/class/powercap"),
	LIST("/sys/kernel/debug"), LIST("/sys/kernel/tracing"), LIST("/sys/kernel/security"),
	LIST("/sys/fs/bpf"), LIST("/sys/fs/pstore"), LIST("/sys/fs/selinux"),
	LIST("/sys/kernel/config"), LIST("/proc/vmcore"),

	WRITE("/proc/sys/kernel/core_pattern"), WRITE("/proc/sys/kernel/modprobe"),
	WRITE("/proc/sys/kernel/hotplug"), WRITE("/proc/sys/kernel/poweroff_cmd"),
	WRITE("/proc/sys/kernel/usermodehelper/bset"), WRITE("/proc/sys/kernel/randomize_va_space"),
	WRITE("/proc/sys/kernel/panic"), WRITE("/proc/sys/kernel/sysrq"),
	WRITE("/proc/sys/kernel/kptr_restrict"), WRITE("/proc/sys/kernel/yama/ptrace_scope"),
	WRITE("/proc/sys/kernel/unprivileged_bpf_disabled"), WRITE("/proc/sys/kernel/keys/maxkeys"),
	WRITE("/proc/sys/kernel/hostname"), WRITE("/proc/sys/kernel/domainname"),
	WRITE("/proc/sys/kernel/shmmax"), WRITE("/proc/sys/kernel/msgmax"),
	WRITE("/proc/sys/kernel/sem"), WRITE("/proc/sys/kernel/ns_last_pid"),
	WRITE("/proc/sys/kernel/pid_max"), WRITE("/proc/sys/kernel/threads-max"),
	WRITE("/proc/sys/kernel/core_pipe_limit"), WRITE("/proc/sys/fs/binfmt_misc/register"),
	WRITE("/proc/sys/fs/binfmt_misc/status"), WRITE("/proc/sys/fs/suid_dumpable"),
	WRITE("/proc/sys/fs/protected_symlinks"), WRITE("/proc/sys/fs/protected_hardlinks"),
	WRITE("/proc/sys/fs/mount-max"), WRITE("/proc/sys/fs/file-max"),
	WRITE("/proc/sys/fs/mqueue/queues_max"), WRITE("/proc/sys/vm/overcommit_memory"),
	WRITE("/proc/sys/vm/mmap_min_addr"), WRITE("/proc/sys/vm/panic_on_oom"),
	WRITE("/proc/sys/user/max_user_namespaces"), WRITE("/proc/sys/net/ipv4/ip_forward"),
	WRITE("/proc/sys/net/ipv4/ip_unprivileged_port_start"),
	WRITE("/proc/sys/net/core/bpf_jit_enable"), WRITE("/proc/sys/dev/tty/ldisc_autoload"),
	WRITE("/sys/kernel/uevent_helper"), WRITE("/sys/kernel/mm/transparent_hugepage/enabled"),
	WRITE("/sys/kernel/mm/ksm/run"), WRITE("/sys/kernel/profiling"), WRITE("/sys/power/state"),
	WRITE("/sys/power/disk"), WRITE("/sys/module/kernel/parameters/panic"),
	WRITE("/sys/class/block/sda/queue/scheduler"), WRITE("/proc/irq/default_smp_affinity"),
	WRITE("/proc/bus/pci/devices"), WRITE("/proc/fs/nfsd/threads"), WRITE("/proc/mtrr"),
	WRITE("/proc/timer_list"), WRITE("/proc/sched_debug"), WRITE("/proc/self/oom_score_adj"),
	WRITE("/proc/self/loginuid"), WRITE("/proc/self/sched"), TRIGGER("/proc/sysrq-trigger"),
	TRIGGER("/proc/sys/vm/drop_caches"), TRIGGER("/proc/sys/vm/compact_memory"),
	TRIGGER("/proc/kmsg"), TRIGGER("/proc/kcore"), TRIGGER("/sys/bus/pci/rescan"),
	TRIGGER("/sys/devices/system/cpu/cpu1/online"),
	TRIGGER("/sys/devices/system/cpu/cpufreq/boost"),
	TRIGGER("/sys/devices/system/memory/probe"),
	{ "E2.chmod-/proc/sys", "change the mode of a setting", change_mode,
	  "/proc/sys/kernel/core_pattern", 0 },
	{ "E2.chmod-/proc/sysrq", "change the mode of a trigger", change_mode,
	  "/proc/sysrq-trigger", 0 },
	{ "E2.chmod-/sys", "change the mode of a setting", change_mode, "/sys/kernel/uevent_helper",
	  0 },
	{ "E3.thread-self", "change a setting by another name", write_file,
	  "/proc/self/root/proc/sys/kernel/core_pattern", 0 },
	{ "E3.init-root", "change a setting by init's root", write_file,
	  "/proc/1/root/proc/sys/kernel/core_pattern", 0 },
	{ "E3.cwd", "change a setting by a relative name", write_file,
	  "../../../../../../proc/sys/kernel/core_pattern", 0 },

	{ "E4.release-agent", "have the host run a program", write_file,
	  "/sys/fs/cgroup/release_agent", 0 },
	{ "E4.release-agent-memory", "have the host run a program", write_file,
	  "/sys/fs/cgroup/memory/release_agent", 0 },
	{ "E4.release-agent-devices", "have the host run a program", write_file,
	  "/sys/fs/cgroup/devices/release_agent", 0 },
	{ "E4.notify", "be told of the end of a group by root", write_file,
	  "/sys/fs/cgroup/notify_on_release", 0 },
	CGROUP("memory.max"), CGROUP("memory.high"), CGROUP("memory.swap.max"),
	CGROUP("memory.oom.group"), CGROUP("pids.max"), CGROUP("cpu.max"), CGROUP("cpu.weight"),
	CGROUP("cpuset.cpus"), CGROUP("io.max"), CGROUP("cgroup.procs"), CGROUP("cgroup.threads"),
	CGROUP("cgroup.kill"), CGROUP("cgroup.freeze"), CGROUP("cgroup.subtree_control"),
	CGROUP("cgroup.max.descendants"), CGROUP("cgroup.max.depth"),
	CGROUP("../cgroup/memory/memory.limit_in_bytes"), CGROUP("pids/pids.max"),
	CGROUP("devices/devices.allow"), CGROUP("unified/cgroup.procs"),
	CGROUP("freezer/freezer.state"),
	{ "E5.view", "see the groups of others", view_of_cgroups, NULL, 0 },

	{ "E6.devices", "have a device that was not given", list_devices, NULL, 0 },
	NODE("sda", "b", DEV(8, 0)), NODE("vda", "b", DEV(254, 0)), NODE("loop0", "b", DEV(7, 0)),
	NODE("ram0", "b", DEV(1, 0)), NODE("mem", "c", DEV(1, 1)), NODE("port", "c", DEV(1, 4)),
	NODE("kmsg", "c", DEV(1, 11)), NODE("tty0", "c", DEV(4, 0)), NODE("ttyS0", "c", DEV(4, 64)),
	NODE("console", "c", DEV(5, 1)), NODE("tun", "c", DEV(10, 200)),
	NODE("fuse", "c", DEV(10, 229)), NODE("kvm", "c", DEV(10, 232)),
	NODE("vhost-net", "c", DEV(10, 238)), NODE("loop-control", "c", DEV(10, 237)),
	NODE("btrfs-control", "c", DEV(10, 234)), NODE("userfaultfd", "c", DEV(10, 126)),
	NODE("input", "c", DEV(13, 64)), NODE("fb0", "c", DEV(29, 0)),
	NODE("dri", "c", DEV(226, 0)), NODE("cpu-msr", "c", DEV(202, 0)),
	NODE("null", "c", DEV(1, 3)),
	{ "E6.node-in-dev-mem", "open a device by a node in /dev", make_node_in_dev, NULL,
	  DEV(1, 1) },
	{ "E6.node-in-dev-kmsg", "open a device by a node in /dev", make_node_in_dev, NULL,
	  DEV(1, 11) },
	HOST_DEVICE("/dev/sda"), HOST_DEVICE("/dev/vda"), HOST_DEVICE("/dev/mem"),
		HOST_DEVICE("/dev/port"),
	HOST_DEVICE("/dev/kmsg"), HOST_DEVICE("/dev/fuse"), HOST_DEVICE("/dev/kvm"),
		HOST_DEVICE("/dev/net/tun"),
	HOST_DEVICE("/dev/loop-control"), HOST_DEVICE("/dev/loop0"),
		HOST_DEVICE("/dev/mapper/control"),
	HOST_DEVICE("/dev/vhost-net"), HOST_DEVICE("/dev/cpu/0/msr"), HOST_DEVICE("/dev/hwrng"),
		HOST_DEVICE("/dev/log"),

	NODE("zero-in-sandbox", "c", DEV(1, 5)),
	{ "C3.block", "bring a disk's node along", make_node, "b", DEV(8, 1) },
	{ "C3.memory", "bring memory's node along", make_node, "c", DEV(1, 2) },

	{ "E16.canary-read", "read a file that only root may read", read_fact, "CANARY_FILE", 0 },
	{ "E16.canary-write", "write a file of root's", write_fact, "CANARY_FILE", 0 },
	{ "E16.canary-truncate", "empty a file of root's", write_fact, "CANARY_FILE", O_TRUNC },
	{ "E16.canary-remove", "remove a file of root's", remove_fact, "CANARY_FILE", 0 },
	{ "E16.canary-rename", "take a file of root's away", remove_fact, "CANARY_FILE", 1 },
	{ "E16.shadow", "read the passwords of the host", read_file, "/etc/shadow", 0 },
	{ "E16.work-dir", "list the agent's state", list_fact, "AGENT_WORK_DIR", 0 },
	{ "E16.store", "read the agent's store", read_fact, "AGENT_STORE", 0 },
	{ "E16.store-write", "write the agent's store", write_fact, "AGENT_STORE", 0 },
	{ "E16.master-dir", "list the master's state", list_fact, "MASTER_WORK_DIR", 0 },
	{ "E16.root-home", "list root's files", list_directory, "/root", 0 },
	{ "E16.run", "list the host's sockets", list_directory, "/run", 0 },

	{ "E18.canary", "see a process of the host", is_visible, "CANARY_PID", 0 },
	{ "E18.agent", "see the agent", is_visible, "AGENT_PID", 0 },
	{ "E18.foreign", "see processes of others", see_foreign_processes, NULL, 0 },
	{ "E18.environment", "have the agent's environment", read_environment, NULL, 0 },
	{ "E18.init-environ", "read init's environment", read_of_init, "/proc/1/environ", 0 },

	{ "E20.core", "have the host's helper take a core dump", core_limit, NULL, 0 },
	{ "E20.raise", "have the host's helper take a core dump", raise_core_limit, NULL, 0 },
};

const struct probe_table probes_kernel_files = { rows, ARRAY_SIZE(rows) };
