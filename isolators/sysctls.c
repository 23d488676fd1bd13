/*
 * Kernel parameters: those alone of which the container has its own, because they belong to a
 * namespace that it does not share with the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolators/namespaces.h"
#include "isolators/proc_file.h"
#include "isolators/rootfs.h"
#include "isolators/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* Whole names, or with a slash at the end everything below. */
static const struct {
	const char *name;
	enum spec_namespace kind;
} owners[] = {
	{ "net/", SPEC_NS_NETWORK },
	{ "fs/mqueue/", SPEC_NS_IPC },
	{ "kernel/msgmax", SPEC_NS_IPC },
	{ "kernel/msgmnb", SPEC_NS_IPC },
	{ "kernel/msgmni", SPEC_NS_IPC },
	{ "kernel/msg_next_id", SPEC_NS_IPC },
	{ "kernel/auto_msgmni", SPEC_NS_IPC },
	{ "kernel/sem", SPEC_NS_IPC },
	{ "kernel/sem_next_id", SPEC_NS_IPC },
	{ "kernel/shmall", SPEC_NS_IPC },
	{ "kernel/shmmax", SPEC_NS_IPC },
	{ "kernel/shmmni", SPEC_NS_IPC },
	{ "kernel/shm_next_id", SPEC_NS_IPC },
	{ "kernel/shm_rmid_forced", SPEC_NS_IPC },
	{ "kernel/hostname", SPEC_NS_UTS },
	{ "kernel/domainname", SPEC_NS_UTS },
	{ "user/", SPEC_NS_USER },
};

static bool is_name_in(const char *sysctl, size_t length, const char *owner)
{
	size_t n = strlen(owner);

	if (owner[n - 1] == '/')
		return length > n && strncmp(sysctl, owner, n) == 0;
	return length == n && strncmp(sysctl, owner, n) == 0;
}

/* The namespace to which the parameter of "NAME=VALUE" belongs, or -ENOENT. */
static int find_owner(const char *sysctl)
{
	size_t length = strcspn(sysctl, "=");

	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		if (is_name_in(sysctl, length, owners[i].name))
			return (int)owners[i].kind;
	}
	return -ENOENT;
}

/* Would ".." lead out of what the name begins with? */
static bool is_plain(const char *sysctl)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "/%.*s", (int)strcspn(sysctl, "="), sysctl);

	return (size_t)n < sizeof(path) && rootfs_path_is_plain(path);
}

static int validate(const struct spec *spec, struct err *e)
{
	for (char **sysctl = spec->sysctls; sysctl && *sysctl; sysctl++) {
		int length = (int)strcspn(*sysctl, "="), kind = find_owner(*sysctl);

		if (kind < 0 || !is_plain(*sysctl))
			return err_set(e, EINVAL, "linux.sysctl: '%.*s' is the whole host's",
				       length, *sysctl);
		if (!spec_has_namespace(spec, (enum spec_namespace)kind))
			return err_set(e, EINVAL, "linux.sysctl: '%.*s' is the host's: there is no "
				       "own %s namespace", length, *sysctl,
				       namespace_kinds[kind].type);
	}
	return 0;
}

/* What is joined by path may be the host's after all. */
static int prepare(struct box *box, struct err *e)
{
	int r = 0;

	for (char **sysctl = box->spec->sysctls; sysctl && *sysctl && r == 0; sysctl++) {
		int kind = find_owner(*sysctl);

		if (kind >= 0 && join_is_own(box, (enum spec_namespace)kind))
			r = err_set(e, EINVAL, "linux.sysctl: '%.*s' is the host's, whose %s namespace "
				    "is joined", (int)strcspn(*sysctl, "="), *sysctl,
				    namespace_kinds[kind].type);
	}
	return r;
}

int sysctls_enter(const struct spec *spec, int proc_fd, struct err *e)
{
	for (char **sysctl = spec->sysctls; sysctl && *sysctl; sysctl++) {
		const char *value = strchr(*sysctl, '=') + 1;
		char file[PATH_MAX];
		int r;

		(void)snprintf(file, sizeof(file), "sys/%.*s", (int)(value - 1 - *sysctl), *sysctl);
		r = proc_file_write(proc_fd, file, value, e);
		if (r < 0)
			return err_wrap(e, "linux.sysctl");
	}
	return 0;
}

const struct isolator isolator_sysctls = {
	.name = "sysctls",
	.validate = validate,
	.prepare = prepare,
};
