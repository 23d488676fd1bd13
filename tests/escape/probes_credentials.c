/* D: who the task is and what it may (reliability.md 1.5). */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/escape/probe.h"

enum { MAX_GROUPS = 1024 };

/* ---- what /proc/self/status must say ---- */

static void status_is(const struct probe *p, struct outcome *o)
{
	const char *name = strrchr(p->id, '-') + 1;
	char have[192];

	read_status(getpid(), name, have, sizeof(have));
	judge(o, strcmp(have, p->path) != 0, "%.180s", have);
}

/* ... as the host has asked for it. */
static void status_is_fact(const struct probe *p, struct outcome *o)
{
	const char *name = strrchr(p->id, '-') + 1, *want = fact(o, p->path);
	char have[192];
	size_t length;

	if (!want)
		return;
	read_status(getpid(), name, have, sizeof(have));
	for (length = strlen(have); length > 0 && have[length - 1] == ' '; length--)
		have[length - 1] = '\0';
	judge(o, strcmp(have, want) != 0, "%.100s, to be %.60s", have, want);
}

static void map_is(const struct probe *p, struct outcome *o)
{
	const char *want = fact(o, "ID_MAP");
	char have[256] = "", *at = have;
	FILE *file = fopen(p->path, "re");
	unsigned inside, outside, n;

	while (want && file && fscanf(file, "%u %u %u", &inside, &outside, &n) == 3 &&
	       at + 40 < have + sizeof(have))
		at += snprintf(at, (size_t)(have + sizeof(have) - at), "%s%u:%u:%u",
			       at == have ? "" : ",", inside, outside, n);
	if (file)
		(void)fclose(file);
	if (want)
		judge(o, strcmp(have, want) != 0, "%.150s", have);
}

/* ---- taking more ---- */

static void raise_capability(const struct probe *p, struct outcome *o)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	const unsigned bit = 1U << (p->n % 32), word = (unsigned)p->n / 32;

	if (syscall(SYS_capget, &head, data) < 0) {
		tried(o, -1);
		return;
	}
	data[word].effective |= bit;
	data[word].permitted |= bit;
	tried(o, syscall(SYS_capset, &head, data));
}

static void raise_inheritable(const struct probe *p, struct outcome *o)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	(void)p;
	if (syscall(SYS_capget, &head, data) == 0)
		data[0].inheritable = ~0U;
	tried(o, syscall(SYS_capset, &head, data));
}

static void raise_ambient(const struct probe *p, struct outcome *o)
{
	tried(o, prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, p->n, 0, 0));
}

static void bounding_has(const struct probe *p, struct outcome *o)
{
	judge(o, prctl(PR_CAPBSET_READ, p->n) != 0, "capability %ld", p->n);
}

static void change_securebits(const struct probe *p, struct outcome *o)
{
	tried(o, prctl(PR_SET_SECUREBITS, p->n));
}

static void drop_no_new_privileges(const struct probe *p, struct outcome *o)
{
	(void)p;
	tried(o, prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

/* ---- being somebody else ---- */

static void become_user(const struct probe *p, struct outcome *o)
{
	switch (p->path[0]) {
	case 'u':
		tried(o, setuid((uid_t)p->n));
		break;
	case 'r':
		tried(o, setreuid((uid_t)p->n, (uid_t)p->n));
		break;
	case 's':
		tried(o, setresuid((uid_t)-1, (uid_t)p->n, (uid_t)-1));
		break;
	default:
		(void)setfsuid((uid_t)p->n);
		judge(o, setfsuid((uid_t)p->n) == (int)p->n, "file system's user");
	}
}

static void become_group(const struct probe *p, struct outcome *o)
{
	gid_t gid = (gid_t)p->n;

	switch (p->path[0]) {
	case 'g':
		tried(o, setgid(gid));
		break;
	case 'r':
		tried(o, setresgid(gid, gid, gid));
		break;
	default:
		tried(o, setgroups(1, &gid));
	}
}

static void drop_groups(const struct probe *p, struct outcome *o)
{
	(void)p;
	tried(o, setgroups(0, NULL));
}

/* 4294967295 is "leave as it is": never a user. */
static void become_nobody_valid(const struct probe *p, struct outcome *o)
{
	(void)p;
	judge(o, setuid((uid_t)-1) == 0, "user -1");
}

static void uids_are_one(const struct probe *p, struct outcome *o)
{
	const char *want = fact(o, "UID");
	uid_t r, e, s;

	(void)p;
	if (!want || getresuid(&r, &e, &s) < 0)
		return;
	judge(o, r != e || e != s || r != (uid_t)atoi(want), "%u %u %u", r, e, s);
}

static void gids_are_one(const struct probe *p, struct outcome *o)
{
	const char *want = fact(o, "GID");
	gid_t r, e, s;

	(void)p;
	if (!want || getresgid(&r, &e, &s) < 0)
		return;
	judge(o, r != e || e != s || r != (gid_t)atoi(want), "%u %u %u", r, e, s);
}

/* ---- D5: who is who ---- */

static void environment_is_plain(const struct probe *p, struct outcome *o)
{
	const char *value = getenv(p->path);

	judge(o, value && strpbrk(value, "\n\r:"), "%.150s", value ? value : "not set");
}

static void append_to(const struct probe *p, struct outcome *o)
{
	tried(o, open(p->path, O_WRONLY | O_APPEND | O_CLOEXEC));
}

/* ---- D7: files that would make us more ---- */

enum { RIGHTS_SIZE = 128 };

/* User and capabilities, as a shell prints them. */
static void describe_rights(char ret[RIGHTS_SIZE])
{
	char effective[32], permitted[32];

	read_status(getpid(), "CapEff", effective, sizeof(effective));
	read_status(getpid(), "CapPrm", permitted, sizeof(permitted));
	(void)snprintf(ret, RIGHTS_SIZE, "%u %u CapPrm: %s CapEff: %s\n", geteuid(), getegid(),
		permitted, effective);
}

static size_t read_all(int fd, char *ret, size_t size)
{
	size_t n = 0;
	ssize_t r;

	while (n < size - 1 && (r = read(fd, ret + n, size - 1 - n)) > 0)
		n += (size_t)r;
	ret[n] = '\0';
	return n;
}

/* The host has put a copy of busybox with these rights here: what does it make of us? */
static void gain_by_file(const struct probe *p, struct outcome *o)
{
	static const char script[] =
		"echo $(id -u) $(id -g) $(grep -E '^Cap(Prm|Eff)' /proc/self/status)";
	char path[256], before[RIGHTS_SIZE], after[RIGHTS_SIZE];
	int fds[2];
	pid_t pid;

	(void)snprintf(path, sizeof(path), "%s/%s", scratch(), p->path);
	if (access(path, X_OK) < 0) {
		absent(o, "no '%s' here", p->path);
		return;
	}
	describe_rights(before);
	if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		tried(o, -1);
		return;
	}
	if (pid == 0) {
		(void)dup2(fds[1], 1);
		execl(path, "busybox", "sh", "-c", script, NULL);
		_exit(127);
	}
	(void)close(fds[1]);
	(void)read_all(fds[0], after, sizeof(after));
	(void)waitpid(pid, NULL, 0);
	judge(o, strcmp(before, after) != 0, "%.*s", (int)strcspn(after, "\n"), after);
}

static void set_user_bit(const struct probe *p, struct outcome *o)
{
	struct stat st;
	int fd = open("setuid-try", O_WRONLY | O_CREAT | O_CLOEXEC, 0700);

	if (fd < 0 || fchmod(fd, (mode_t)p->n) < 0 || fstat(fd, &st) < 0) {
		tried(o, -1);
	} else {
		/* Whose file it is says whose rights it has. */
		judge(o, (st.st_mode & 07000) != 0 && st.st_uid != getuid(), "mode %o of user %u",
		      st.st_mode & 07777, st.st_uid);
	}
	(void)unlink("setuid-try");
}

static void set_file_capability(const struct probe *p, struct outcome *o)
{
	struct vfs_cap_data data = {
		.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
		.data = { { .permitted = ~0U, .inheritable = ~0U }, { .permitted = ~0U } },
	};
	int fd = open("setcap-try", O_WRONLY | O_CREAT | O_CLOEXEC, 0700);

	(void)p;
	tried(o, fsetxattr(fd, "security.capability", &data, sizeof(data), 0));
	(void)unlink("setcap-try");
}

static void give_file_away(const struct probe *p, struct outcome *o)
{
	int fd = open("chown-try", O_WRONLY | O_CREAT | O_CLOEXEC, 0700);

	(void)fd;
	tried(o, chown("chown-try", (uid_t)p->n, (gid_t)-1));
	(void)unlink("chown-try");
}

/* ---- D8: made as root in the task, whose on the host? ---- */

static void make_user_namespace_map(const struct probe *p, struct outcome *o)
{
	tried(o, open(p->path, O_WRONLY | O_CLOEXEC));
	if (o->result == ALLOWED) {
		int fd = open(p->path, O_WRONLY | O_CLOEXEC);

		tried(o, write(fd, "0 0 4294967295\n", 15));
	}
}

#define RAISE(name, cap) \
	{ "D2.raise-" name, "have a capability that was not given", raise_capability, NULL, cap }, \
	{ "D1.ambient-" name, "keep a capability across execve", raise_ambient, NULL, cap }, \
	{ "D2.bounding-" name, "be able to get a capability back", bounding_has, NULL, cap }

static const struct probe rows[] = {
	{ "D1.status-CapInh", "files with inheritable capabilities give rights", status_is,
	  "0000000000000000", 0 },
	{ "D1.status-CapAmb", "programs start with rights", status_is, "0000000000000000", 0 },
	{ "D1.inheritable", "make all capabilities inheritable", raise_inheritable, NULL, 0 },
	{ "D2.status-CapPrm", "more capabilities than configured", status_is_fact, "CAPS", 0 },
	{ "D2.status-CapEff", "more capabilities than configured", status_is_fact, "CAPS", 0 },
	{ "D2.status-CapBnd", "more capabilities than configured", status_is_fact, "CAPS", 0 },
	RAISE("dac-read-search", CAP_DAC_READ_SEARCH), RAISE("net-admin", CAP_NET_ADMIN),
	RAISE("net-raw", CAP_NET_RAW), RAISE("sys-module", CAP_SYS_MODULE),
	RAISE("sys-rawio", CAP_SYS_RAWIO), RAISE("sys-ptrace", CAP_SYS_PTRACE),
	RAISE("sys-admin", CAP_SYS_ADMIN), RAISE("sys-boot", CAP_SYS_BOOT),
	RAISE("sys-time", CAP_SYS_TIME), RAISE("mknod", CAP_MKNOD),
	RAISE("mac-admin", CAP_MAC_ADMIN), RAISE("syslog", CAP_SYSLOG), RAISE("bpf", CAP_BPF),
	RAISE("perfmon", CAP_PERFMON), RAISE("audit-control", CAP_AUDIT_CONTROL),
	RAISE("linux-immutable", CAP_LINUX_IMMUTABLE),
	{ "D2.securebits", "change what root means", change_securebits, NULL, 0x2f },
	{ "D2.keep-caps-locked", "change what root means", change_securebits, NULL, 0 },

	{ "D3.status-Groups", "be a member of the agent's groups", status_is_fact, "GROUPS", 0 },
	{ "D3.setgroups-0", "join group root", become_group, "s", 0 },
	{ "D3.setgroups-shadow", "join group shadow", become_group, "s", 42 },
	{ "D3.setgroups-none", "leave a group that forbids", drop_groups, NULL, 0 },
	{ "D3.setgid-0", "be of group root", become_group, "g", 0 },
	{ "D3.setresgid-disk", "be of group disk", become_group, "r", 6 },

	{ "D4.uids", "be another user than was said", uids_are_one, NULL, 0 },
	{ "D4.gids", "be of another group than was said", gids_are_one, NULL, 0 },
	{ "D4.setuid", "be root", become_user, "u", 0 },
	{ "D4.setreuid", "be root", become_user, "r", 0 },
	{ "D4.setresuid", "be root", become_user, "s", 0 },
	{ "D4.setfsuid", "be root for files", become_user, "f", 0 },
	{ "D4.setuid-daemon", "be another user of the host", become_user, "u", 1 },
	{ "D4.minus-one", "be a user that does not exist", become_nobody_valid, NULL, 0 },

	{ "D5.HOME", "inject a line by HOME", environment_is_plain, "HOME", 0 },
	{ "D5.USER", "inject a line by USER", environment_is_plain, "USER", 0 },
	{ "D5.HOSTNAME", "inject a line by HOSTNAME", environment_is_plain, "HOSTNAME", 0 },
	{ "D5./etc/passwd", "become a user by a line", append_to, "/etc/passwd", 0 },
	{ "D5./etc/group", "become a member by a line", append_to, "/etc/group", 0 },
	{ "D5./etc/shadow", "know a password", append_to, "/etc/shadow", 0 },
	{ "D5./etc/subuid", "have more ids", append_to, "/etc/subuid", 0 },

	{ "D7.status-NoNewPrivs", "gain rights by execve", status_is, "1", 0 },
	{ "D7.drop", "be able to gain rights again", drop_no_new_privileges, NULL, 0 },
	{ "D7.setuid-file", "gain rights by a setuid file", gain_by_file, "setuid/busybox", 0 },
	{ "D7.setgid-file", "gain rights by a setgid file", gain_by_file, "setgid/busybox", 0 },
	{ "D7.setcap-file", "gain rights by a file with capabilities", gain_by_file,
	  "setcap/busybox", 0 },
	{ "D7.make-setuid", "leave a setuid file of somebody else", set_user_bit, NULL, 04755 },
	{ "D7.make-setgid", "leave a setgid file of somebody else", set_user_bit, NULL, 02755 },
	{ "D7.make-setcap", "leave a file with capabilities", set_file_capability, NULL, 0 },
	{ "D7.chown-root", "leave a file of root's", give_file_away, NULL, 0 },

	{ "D8.uid-map", "be mapped to users of the host", map_is, "/proc/self/uid_map", 0 },
	{ "D8.gid-map", "be mapped to groups of the host", map_is, "/proc/self/gid_map", 0 },
	{ "D8.write-uid-map", "map more users", make_user_namespace_map, "/proc/self/uid_map", 0 },
	{ "D8.write-gid-map", "map more groups", make_user_namespace_map, "/proc/self/gid_map", 0 },
	{ "D8.write-projid-map", "map quotas of others", make_user_namespace_map,
	  "/proc/self/projid_map", 0 },
};

const struct probe_table probes_credentials = { rows, ARRAY_SIZE(rows) };
