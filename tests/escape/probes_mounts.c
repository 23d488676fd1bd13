/* B: the tree of mounts, from inside (reliability.md 1.3). */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "tests/escape/probe.h"

/* One line of mountinfo, its parts. */
struct mount_line {
	char root[512], point[512], options[256], type[64], source[256];
};

/* Call VISIT for every mount; the sum of what it answers. */
static int visit_mounts(int (*visit)(const struct mount_line *m, struct outcome *o),
	struct outcome *o)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[2048];
	int sum = 0;

	while (file && fgets(line, sizeof(line), file)) {
		struct mount_line m;
		const char *rest = strstr(line, " - ");

		if (rest &&
		    sscanf(line, "%*d %*d %*s %511s %511s %255s", m.root, m.point, m.options) == 3 &&
		    sscanf(rest, " - %63s %255s", m.type, m.source) == 2)
			sum += visit(&m, o);
	}
	if (file)
		(void)fclose(file);
	return sum;
}

static bool has_option(const struct mount_line *m, const char *option)
{
	size_t length = strlen(option);

	for (const char *at = m->options; (at = strstr(at, option)); at += length) {
		if ((at == m->options || at[-1] == ',') &&
		    (at[length] == ',' || at[length] == '\0'))
			return true;
	}
	return false;
}

/* ---- B1, B2: what is mounted ---- */

/*
 * Words of the host that the test has chosen (its work directory, its canaries): the root and the
 * sandbox cannot but show where they come from.
 */
static int names_host(const struct mount_line *m, struct outcome *o)
{
	const char *words = fact(o, "HOST_WORDS"), *sandbox = scratch();
	char copy[512];

	if (!words || strcmp(m->point, sandbox) == 0 || strcmp(m->point, "/") == 0)
		return 0;
	(void)snprintf(copy, sizeof(copy), "%s", words);
	for (char *word = strtok(copy, ":"); word; word = strtok(NULL, ":")) {
		if (strstr(m->root, word) || strstr(m->source, word)) {
			(void)snprintf(o->detail, sizeof(o->detail), "%.90s of %.90s", m->point,
				m->root);
			return 1;
		}
	}
	return 0;
}

static int is_block_device(const struct mount_line *m, struct outcome *o)
{
	/* The host's root, where the host's root is the container's: read-only. */
	if (strncmp(m->source, "/dev/", 5) != 0 || has_option(m, "ro") ||
	    strcmp(m->point, scratch()) == 0)
		return 0;
	(void)snprintf(o->detail, sizeof(o->detail), "%.90s on %.90s", m->source, m->point);
	return 1;
}

static int honours_setuid(const struct mount_line *m, struct outcome *o)
{
	if (has_option(m, "nosuid"))
		return 0;
	(void)snprintf(o->detail, sizeof(o->detail), "%.150s", m->point);
	return 1;
}

/* The devices that every container has are mounts where a user namespace forbids making nodes. */
static int honours_devices(const struct mount_line *m, struct outcome *o)
{
	if (has_option(m, "nodev") || strcmp(m->point, "/dev") == 0 ||
	    (strncmp(m->point, "/dev/", 5) == 0 && is_default_device(m->point + 5)))
		return 0;
	(void)snprintf(o->detail, sizeof(o->detail), "%.150s", m->point);
	return 1;
}

static int writable_kernel(const struct mount_line *m, struct outcome *o)
{
	if (strcmp(m->type, "sysfs") != 0 && strncmp(m->type, "cgroup", 6) != 0)
		return 0;
	if (has_option(m, "ro"))
		return 0;
	(void)snprintf(o->detail, sizeof(o->detail), "%.150s", m->point);
	return 1;
}

static int (*const mount_checks[])(const struct mount_line *m, struct outcome *o) = {
	names_host, is_block_device, honours_setuid, honours_devices, writable_kernel,
};

static void check_mounts(const struct probe *p, struct outcome *o)
{
	int n = visit_mounts(mount_checks[p->n], o);

	o->result = n > 0 ? ALLOWED : o->result;
	if (n == 0)
		o->detail[0] = '\0';
}

/* ---- B3, B4: what the places are ---- */

static void is_file_system(const struct probe *p, struct outcome *o)
{
	struct statfs fs;

	if (statfs(p->path, &fs) < 0) {
		tried(o, -1);
		return;
	}
	judge(o, fs.f_type != p->n, "0x%lx", (unsigned long)fs.f_type);
}

static void is_device(const struct probe *p, struct outcome *o)
{
	struct stat st;

	if (lstat(p->path, &st) < 0) {
		judge(o, true, "%s", strerror(errno));
		return;
	}
	judge(o, !S_ISCHR(st.st_mode) || st.st_rdev != (dev_t)p->n, "%o %u:%u", st.st_mode & S_IFMT,
	      major(st.st_rdev), minor(st.st_rdev));
}

static void is_proc_root(const struct probe *p, struct outcome *o)
{
	struct stat st = { 0 };

	(void)stat(p->path, &st);
	judge(o, st.st_ino != 1, "inode %lu", (unsigned long)st.st_ino);
}

static void replace(const struct probe *p, struct outcome *o)
{
	tried(o, rename(p->path, "/dev/shm/replaced"));
	if (o->result != ALLOWED)
		tried(o, unlink(p->path));
}

static void uncover(const struct probe *p, struct outcome *o)
{
	tried(o, umount2(p->path, (int)p->n));
}

static void remount(const struct probe *p, struct outcome *o)
{
	tried(o, mount(NULL, p->path, NULL, MS_REMOUNT | (unsigned long)p->n, NULL));
}

/* ---- B5: terminals ---- */

static void open_path(const struct probe *p, struct outcome *o)
{
	tried(o, open(p->path, (int)p->n | O_CLOEXEC));
}

/* A console there is only for a task that has a terminal, and then it is the task's own. */
static void console_is_own(const struct probe *p, struct outcome *o)
{
	struct stat st;

	if (stat(p->path, &st) < 0)
		absent(o, "no console");
	else
		judge(o, !S_ISCHR(st.st_mode) || major(st.st_rdev) < 136 || major(st.st_rdev) > 143,
		      "%u:%u", major(st.st_rdev), minor(st.st_rdev));
}

static void pts_is_own(const struct probe *p, struct outcome *o)
{
	unsigned number = ~0U;
	int fd = open(p->path, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || ioctl(fd, TIOCGPTN, &number) < 0) {
		tried(o, -1);
		return;
	}
	/* The first of an instance of its own. */
	judge(o, number > 1, "terminal %u", number);
}

/* ---- B6: security state behind a /proc that is real ---- */

static void write_path(const struct probe *p, struct outcome *o)
{
	int fd = open(p->path, O_WRONLY | O_CLOEXEC);

	tried(o, fd < 0 ? fd : write(fd, "unconfined\n", 11));
}

/* A line feed: nothing to the files that these are. */
static void append_line(const struct probe *p, struct outcome *o)
{
	int fd = open(p->path, O_WRONLY | O_APPEND | O_CLOEXEC);

	tried(o, fd < 0 ? fd : write(fd, "\n", 1));
}

static void status_is(const struct probe *p, struct outcome *o)
{
	char have[64];

	read_status(getpid(), p->path, have, sizeof(have));
	judge(o, atol(have) != p->n, "%s", have);
}

static void cover_place(const struct probe *p, struct outcome *o)
{
	tried(o, mount("/dev/shm", p->path, NULL, MS_BIND, NULL));
}

static void make_in(const struct probe *p, struct outcome *o)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/escape-%d", p->path, (int)getpid());
	tried(o, mkdir(path, 0755));
	if (o->result == ALLOWED)
		(void)rmdir(path);
}

/* ---- B8: names that lead out ---- */

static void follow_link(const struct probe *p, struct outcome *o)
{
	const char *canary = fact(o, "CANARY_FILE");
	char target[512], byte;
	int fd;

	if (!canary)
		return;
	(void)snprintf(target, sizeof(target), "%s%s", p->path, canary);
	(void)unlink("link");
	if (symlink(target, "link") < 0) {
		tried(o, -1);
		return;
	}
	fd = open("link", O_RDONLY | O_CLOEXEC);
	tried(o, fd < 0 ? fd : read(fd, &byte, 1));
	(void)unlink("link");
}

static void hard_link(const struct probe *p, struct outcome *o)
{
	if (strncmp(p->path, "/proc/1/", 8) == 0 && !init_is_foreign(o))
		return;
	tried(o, linkat(AT_FDCWD, p->path, AT_FDCWD, "hard", (int)p->n));
	(void)unlink("hard");
}

/* ---- B12: making mounts ---- */

static void mount_type(const struct probe *p, struct outcome *o)
{
	(void)mkdir("m", 0755);
	tried(o, mount("escape", "m", p->path, (unsigned long)p->n, NULL));
}

static void mount_bind(const struct probe *p, struct outcome *o)
{
	(void)mkdir("m", 0755);
	tried(o, mount(p->path, "m", NULL, MS_BIND | (unsigned long)p->n, NULL));
}

static void open_file_system(const struct probe *p, struct outcome *o)
{
	tried(o, syscall(SYS_fsopen, p->path, 0));
}

static void clone_tree(const struct probe *p, struct outcome *o)
{
	tried(o, syscall(SYS_open_tree, AT_FDCWD, p->path, p->n));
}

static void move_tree(const struct probe *p, struct outcome *o)
{
	tried(o, syscall(SYS_move_mount, AT_FDCWD, p->path, AT_FDCWD, "/tmp", 0));
}

static void set_attributes(const struct probe *p, struct outcome *o)
{
	struct mount_attr attr = { .attr_clr = MOUNT_ATTR_RDONLY };

	tried(o, syscall(SYS_mount_setattr, AT_FDCWD, p->path, AT_RECURSIVE, &attr, sizeof(attr)));
}

static void change_propagation(const struct probe *p, struct outcome *o)
{
	tried(o, mount(NULL, p->path, NULL, (unsigned long)p->n, NULL));
}

static void change_root(const struct probe *p, struct outcome *o)
{
	(void)p;
	tried(o, syscall(SYS_pivot_root, ".", "."));
}

static void mount_in_own_namespace(const struct probe *p, struct outcome *o)
{
	if (unshare((int)p->n) < 0)
		tried(o, -1);
	else
		tried(o, mount("escape", "/tmp", "tmpfs", 0, NULL));
}

/* ---- B13: what is read-only is so everywhere ---- */

static int write_read_only(const struct mount_line *m, struct outcome *o)
{
	char path[600];
	int fd;

	if (!has_option(m, "ro"))
		return 0;
	(void)snprintf(path, sizeof(path), "%s/escape-probe", m->point);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return 0;
	(void)close(fd);
	(void)unlink(path);
	(void)snprintf(o->detail, sizeof(o->detail), "%.150s", m->point);
	return 1;
}

static void write_read_only_mounts(const struct probe *p, struct outcome *o)
{
	(void)p;
	o->result = visit_mounts(write_read_only, o) > 0 ? ALLOWED : DENIED;
}

#define DEV(major_, minor_) ((major_) << 8 | (minor_))
#define REPLACE(name) \
	{ "B4.replace-" name, "put something else under the name", replace, "/" name, 0 }
#define COVER(path_) { "B7.cover-" path_, "hide what is there", cover_place, path_, 0 }
#define MAKE(path_) \
	{ "B7.make-" path_, "make something among the kernel's files", make_in, path_, 0 }
#define APPEND(path_) \
	{ "B10." path_, "change a file that the runtime may write", append_line, path_, 0 }
#define MOUNT(type_) { "B12.mount-" type_, "mount a file system", mount_type, type_, 0 }
#define FSOPEN(type_) \
	{ "B12.fsopen-" type_, "mount a file system the new way", open_file_system, type_, 0 }

static const struct probe rows[] = {
	{ "B1.foreign", "see a mount of the host's that was not asked for", check_mounts, NULL, 0 },
	{ "B1.block-device", "write a disk of the host", check_mounts, NULL, 1 },
	{ "B1.nosuid", "gain rights by a mount with setuid files", check_mounts, NULL, 2 },
	{ "B1.nodev", "reach a device by a mount", check_mounts, NULL, 3 },
	{ "B1.kernel", "write the kernel's settings", check_mounts, NULL, 4 },
	{ "B2.make-/", "leave a directory in the root", make_in, "/", 0 },
	{ "B2.make-/etc", "leave a directory in /etc", make_in, "/etc", 0 },
	{ "B2.make-/usr", "leave a directory in /usr", make_in, "/usr", 0 },
	{ "B2.make-/mnt", "leave a directory beside the sandbox", make_in, "/mnt", 0 },
	{ "B2.make-/var/lib", "leave a directory among states", make_in, "/var/lib", 0 },

	{ "B3.proc", "have another /proc", is_file_system, "/proc", PROC_SUPER_MAGIC },
	{ "B3.proc-root", "have a part of another /proc", is_proc_root, "/proc", 0 },
	{ "B3.sys", "have another /sys", is_file_system, "/sys", SYSFS_MAGIC },
	{ "B3.dev", "have the host's /dev", is_file_system, "/dev", TMPFS_MAGIC },
	{ "B3.pts", "have the host's terminals", is_file_system, "/dev/pts", DEVPTS_SUPER_MAGIC },
	{ "B3.shm", "have the host's shared memory", is_file_system, "/dev/shm", TMPFS_MAGIC },
	{ "B3.tmp", "have the host's /tmp", is_file_system, "/tmp", TMPFS_MAGIC },

	{ "B4.null", "have a false null device", is_device, "/dev/null", DEV(1, 3) },
	{ "B4.zero", "have a false zero device", is_device, "/dev/zero", DEV(1, 5) },
	{ "B4.full", "have a false full device", is_device, "/dev/full", DEV(1, 7) },
	{ "B4.random", "have a false random device", is_device, "/dev/random", DEV(1, 8) },
	{ "B4.urandom", "have a false random device", is_device, "/dev/urandom", DEV(1, 9) },
	{ "B4.tty", "have a false terminal", is_device, "/dev/tty", DEV(5, 0) },
	REPLACE("proc/kcore"), REPLACE("proc/sys"), REPLACE("sys/firmware"),
	{ "B4.uncover-kcore", "see what is masked", uncover, "/proc/kcore", MNT_DETACH },
	{ "B4.uncover-keys", "see what is masked", uncover, "/proc/keys", MNT_DETACH },
	{ "B4.uncover-sys", "write what is read-only", uncover, "/proc/sys", MNT_DETACH },
	{ "B4.uncover-firmware", "see what is masked", uncover, "/sys/firmware",
	  MNT_DETACH | UMOUNT_NOFOLLOW },
	{ "B4.uncover-proc", "see the /proc below", uncover, "/proc", MNT_DETACH },
	{ "B4.uncover-tmp", "see the host's /tmp", uncover, "/tmp", MNT_DETACH },
	{ "B4.uncover-run", "see the host's /run", uncover, "/run", MNT_DETACH },
	{ "B4.remount-proc-sys", "write what is read-only", remount, "/proc/sys", MS_BIND },
	{ "B4.remount-sysrq", "write what is read-only", remount, "/proc/sysrq-trigger", MS_BIND },
	{ "B4.remount-sys", "write what is read-only", remount, "/sys", 0 },
	{ "B4.remount-root", "write what is read-only", remount, "/", MS_BIND },

	{ "B5.console", "have the host's console", console_is_own, "/dev/console", 0 },
	{ "B5.pts-0", "open a terminal of the host", open_path, "/dev/pts/0", O_RDWR | O_NOCTTY },
	{ "B5.tty", "have a controlling terminal", open_path, "/dev/tty", O_RDWR },
	{ "B5.tty0", "open the host's console", open_path, "/dev/tty0", O_RDWR | O_NOCTTY },
	{ "B5.ttyS0", "open the host's serial line", open_path, "/dev/ttyS0", O_RDWR | O_NOCTTY },
	{ "B5.ptmx", "make terminals among the host's", pts_is_own, "/dev/ptmx", 0 },

	{ "B6.seccomp", "run without a filter", status_is, "Seccomp", 2 },
	{ "B6.no-new-privileges", "gain rights by execve", status_is, "NoNewPrivs", 1 },
	{ "B6.attr-current", "change the label", write_path, "/proc/self/attr/current", 0 },
	{ "B6.attr-exec", "change the label at execve", write_path, "/proc/self/attr/exec", 0 },
	{ "B6.attr-apparmor", "change the label at execve", write_path,
	  "/proc/self/attr/apparmor/exec", 0 },
	{ "B6.attr-keycreate", "change the label of keys", write_path, "/proc/self/attr/keycreate",
	  0 },
	COVER("/proc/self/attr"), COVER("/proc"), COVER("/sys"), COVER("/dev"), COVER("/"),
	MAKE("/proc"), MAKE("/proc/self"), MAKE("/sys"), MAKE("/sys/fs/cgroup"),
	MAKE("/sys/kernel"),

	{ "B8.link-absolute", "read the host by an absolute link", follow_link, "", 0 },
	{ "B8.link-up", "read the host by a relative link", follow_link,
	  "../../../../../../../../../../../..", 0 },
	{ "B8.link-init-root", "read the host by init's root", follow_link, "/proc/1/root", 0 },
	{ "B8.link-init-cwd", "read the host by init's directory", follow_link,
	  "/proc/1/cwd/../../../..", 0 },
	{ "B8.link-self-root", "read the host by the own root", follow_link, "/proc/self/root", 0 },
	{ "B8.hard-shadow", "take a file of the host along", hard_link, "/etc/shadow", 0 },
	{ "B8.hard-init", "take init's program along", hard_link, "/proc/1/exe",
	  AT_SYMLINK_FOLLOW },

	APPEND("/etc/hosts"), APPEND("/etc/hostname"), APPEND("/etc/resolv.conf"),
	APPEND("/etc/mtab"), APPEND("/etc/localtime"), APPEND("/etc/ld.so.cache"),
	APPEND("/etc/ld.so.preload"),

	MOUNT("tmpfs"), MOUNT("proc"), MOUNT("sysfs"), MOUNT("devpts"), MOUNT("mqueue"),
	MOUNT("cgroup"), MOUNT("cgroup2"), MOUNT("overlay"), MOUNT("debugfs"), MOUNT("tracefs"),
	MOUNT("securityfs"), MOUNT("bpf"), MOUNT("fuse"), MOUNT("binfmt_misc"), MOUNT("ramfs"),
	MOUNT("devtmpfs"), FSOPEN("tmpfs"), FSOPEN("proc"), FSOPEN("ext4"), FSOPEN("cgroup2"),
	{ "B12.bind-root", "have the root a second time", mount_bind, "/", MS_REC },
	{ "B12.bind-init-root", "have the root of init", mount_bind, "/proc/1/root", 0 },
	{ "B12.bind-sys", "have a part of /sys", mount_bind, "/sys/kernel", 0 },
	{ "B12.open-tree", "clone a tree of mounts", clone_tree, "/",
	  OPEN_TREE_CLONE | AT_RECURSIVE },
	{ "B12.open-tree-path", "hold a mount", clone_tree, "/", 0 },
	{ "B12.move", "move a mount away", move_tree, "/proc/sys", 0 },
	{ "B12.setattr-root", "write what is read-only", set_attributes, "/", 0 },
	{ "B12.setattr-sys", "write what is read-only", set_attributes, "/sys", 0 },
	{ "B12.shared", "send mounts to the host", change_propagation, "/", MS_SHARED | MS_REC },
	{ "B12.slave", "receive mounts of the host", change_propagation, "/", MS_SLAVE | MS_REC },
	{ "B12.pivot", "change the root back", change_root, NULL, 0 },
	{ "B12.own-namespace", "mount in a namespace of our own", mount_in_own_namespace, NULL,
	  CLONE_NEWNS },
	{ "B12.own-user-namespace", "mount as root of our own users", mount_in_own_namespace, NULL,
	  CLONE_NEWUSER | CLONE_NEWNS },

	{ "B13.everywhere", "write below a mount that is read-only", write_read_only_mounts, NULL,
	  0 },
	{ "B13.remount-usr", "write what is read-only", remount, "/usr", MS_BIND },
	{ "B13.remount-etc", "write what is read-only", remount, "/etc", MS_BIND },
};

const struct probe_table probes_mounts = { rows, ARRAY_SIZE(rows) };
