#include "isolators/capabilities.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"

static const char *const names[N_CAPABILITIES] = {
	[CAP_CHOWN] = "CAP_CHOWN",
	[CAP_DAC_OVERRIDE] = "CAP_DAC_OVERRIDE",
	[CAP_DAC_READ_SEARCH] = "CAP_DAC_READ_SEARCH",
	[CAP_FOWNER] = "CAP_FOWNER",
	[CAP_FSETID] = "CAP_FSETID",
	[CAP_KILL] = "CAP_KILL",
	[CAP_SETGID] = "CAP_SETGID",
	[CAP_SETUID] = "CAP_SETUID",
	[CAP_SETPCAP] = "CAP_SETPCAP",
	[CAP_LINUX_IMMUTABLE] = "CAP_LINUX_IMMUTABLE",
	[CAP_NET_BIND_SERVICE] = "CAP_NET_BIND_SERVICE",
	[CAP_NET_BROADCAST] = "CAP_NET_BROADCAST",
	[CAP_NET_ADMIN] = "CAP_NET_ADMIN",
	[CAP_NET_RAW] = "CAP_NET_RAW",
	[CAP_IPC_LOCK] = "CAP_IPC_LOCK",
	[CAP_IPC_OWNER] = "CAP_IPC_OWNER",
	[CAP_SYS_MODULE] = "CAP_SYS_MODULE",
	[CAP_SYS_RAWIO] = "CAP_SYS_RAWIO",
	[CAP_SYS_CHROOT] = "CAP_SYS_CHROOT",
	[CAP_SYS_PTRACE] = "CAP_SYS_PTRACE",
	[CAP_SYS_PACCT] = "CAP_SYS_PACCT",
	[CAP_SYS_ADMIN] = "CAP_SYS_ADMIN",
	[CAP_SYS_BOOT] = "CAP_SYS_BOOT",
	[CAP_SYS_NICE] = "CAP_SYS_NICE",
	[CAP_SYS_RESOURCE] = "CAP_SYS_RESOURCE",
	[CAP_SYS_TIME] = "CAP_SYS_TIME",
	[CAP_SYS_TTY_CONFIG] = "CAP_SYS_TTY_CONFIG",
	[CAP_MKNOD] = "CAP_MKNOD",
	[CAP_LEASE] = "CAP_LEASE",
	[CAP_AUDIT_WRITE] = "CAP_AUDIT_WRITE",
	[CAP_AUDIT_CONTROL] = "CAP_AUDIT_CONTROL",
	[CAP_SETFCAP] = "CAP_SETFCAP",
	[CAP_MAC_OVERRIDE] = "CAP_MAC_OVERRIDE",
	[CAP_MAC_ADMIN] = "CAP_MAC_ADMIN",
	[CAP_SYSLOG] = "CAP_SYSLOG",
	[CAP_WAKE_ALARM] = "CAP_WAKE_ALARM",
	[CAP_BLOCK_SUSPEND] = "CAP_BLOCK_SUSPEND",
	[CAP_AUDIT_READ] = "CAP_AUDIT_READ",
	[CAP_PERFMON] = "CAP_PERFMON",
	[CAP_BPF] = "CAP_BPF",
	[CAP_CHECKPOINT_RESTORE] = "CAP_CHECKPOINT_RESTORE",
};

int capability_from_name(const char *name)
{
	if (strncmp(name, "CAP_", 4) == 0)
		name += 4;
	for (int i = 0; i < N_CAPABILITIES; i++) {
		if (strcmp(names[i] + 4, name) == 0)
			return i;
	}
	return -EINVAL;
}

const char *capability_name(int capability)
{
	return capability >= 0 && capability < N_CAPABILITIES ? names[capability] : NULL;
}

int capabilities_drop_bounding(uint64_t keep, struct err *e)
{
	/* Up to the last one that the kernel knows, which may be newer than the table. */
	for (int i = 0; i < 64; i++) {
		if (keep & UINT64_C(1) << i)
			continue;
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL)
			return 0;
		return err_set(e, errno, "drop capability %d", i);
	}
	return 0;
}

/* The kernel's layout: two structs, low and high words. */
static void split(uint64_t effective, uint64_t permitted, uint64_t inheritable,
		  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3])
{
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].effective = (uint32_t)(effective >> (32 * i));
		data[i].permitted = (uint32_t)(permitted >> (32 * i));
		data[i].inheritable = (uint32_t)(inheritable >> (32 * i));
	}
}

int capabilities_set(uint64_t effective, uint64_t permitted, uint64_t inheritable,
		     uint64_t ambient, struct err *e)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct want[_LINUX_CAPABILITY_U32S_3];
	struct __user_cap_data_struct have[_LINUX_CAPABILITY_U32S_3];

	split(effective, permitted, inheritable, want);
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_set(e, errno, "clear ambient capabilities");
	if (syscall(SYS_capset, &head, want) < 0)
		return err_set(e, errno, "set capabilities");
	for (int i = 0; i < 64; i++) {
		if ((ambient & UINT64_C(1) << i) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return err_set(e, errno, "raise ambient capability %d", i);
	}
	if (syscall(SYS_capget, &head, have) < 0)
		return err_set(e, errno, "read capabilities");
	if (memcmp(want, have, sizeof(want)) != 0)
		return err_set(e, EPERM, "verify capabilities");
	return 0;
}

/* By the user namespace, for good: the groups are those of the caller, who is not root. */
static bool is_setgroups_denied(void)
{
	AUTO_CLOSE int fd = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC);
	char text[4];

	return fd >= 0 && read(fd, text, sizeof(text)) == sizeof(text) &&
		memcmp(text, "deny", sizeof(text)) == 0;
}

int groups_set(size_t n, const gid_t *gids, struct err *e)
{
	int code;

	if (syscall(SYS_setgroups, n, gids) == 0)
		return 0;
	code = errno;
	if (code == EPERM && n == 0 &&
	    (syscall(SYS_getgroups, 0, NULL) == 0 || is_setgroups_denied()))
		return 0;
	return err_set(e, code, "set %zu additional groups", n);
}
