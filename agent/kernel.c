#include "agent/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "isolators/cgroup.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"

enum { OLDEST_MAJOR = 5, OLDEST_MINOR = 14 };

/* Each asks for something that changes nothing; ENOSYS means that the call is not there. */
static long try_clone3(void)
{
	return syscall(SYS_clone3, NULL, 0UL);
}

static long try_pidfd(void)
{
	long fd = syscall(SYS_pidfd_open, getpid(), 0U);

	if (fd >= 0)
		close((int)fd);
	return fd;
}

static long try_close_range(void)
{
	return syscall(SYS_close_range, ~0U, ~0U, 0U);
}

static long try_openat2(void)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH };
	long fd = syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how));

	if (fd >= 0)
		close((int)fd);
	return fd;
}

static long try_mount_setattr(void)
{
	return syscall(SYS_mount_setattr, -1, "", 0U, NULL, 0UL);
}

static const struct {
	const char *name;
	long (*try)(void);
} calls[] = {
	{ "clone3", try_clone3 },
	{ "pidfd_open", try_pidfd },
	{ "close_range", try_close_range },
	{ "openat2", try_openat2 },
	{ "mount_setattr", try_mount_setattr },
};

int kernel_check(struct err *e)
{
	struct utsname name;
	int major, minor;

	if (geteuid() != 0)
		return err_set(e, EPERM, "make containers: root is needed");
	if (uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	    (major < OLDEST_MAJOR || (major == OLDEST_MAJOR && minor < OLDEST_MINOR)))
		return err_set(e, ENOTSUP, "use kernel '%s': at least %d.%d is needed",
			       name.release, OLDEST_MAJOR, OLDEST_MINOR);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (calls[i].try() < 0 && errno == ENOSYS)
			return err_set(e, ENOTSUP, "use kernel '%s': it has no system call '%s'",
				       name.release, calls[i].name);
	}
	return 0;
}

/* Without these a limit that every container has would not hold. */
static const struct {
	enum cgroup_controller controller;
	const char *limit;
} needed[] = {
	{ CGROUP_CPU, "cpu time" },
	{ CGROUP_MEMORY, "memory" },
	{ CGROUP_PIDS, "the number of processes" },
};

int kernel_check_controllers(const struct cgroup_layout *layout, bool is_lenient, struct err *e)
{
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS; i++) {
		int version = layout->controllers[i].version;

		if (version)
			log_info("controller '%s' is served by cgroup v%d at '%s'",
				 cgroup_controller_names[i], version,
				 version == 1 ? layout->controllers[i].dir : layout->core);
		else
			log_info("controller '%s' is not available", cgroup_controller_names[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		const char *name = cgroup_controller_names[needed[i].controller];

		if (layout->controllers[needed[i].controller].version)
			continue;
		if (!is_lenient)
			return err_set(e, ENOTSUP, "limit %s: cgroup controller '%s' is not "
				       "available; --allow_unenforced goes on without",
				       needed[i].limit, name);
		log_warning("nothing limits %s: cgroup controller '%s' is not available",
			    needed[i].limit, name);
	}
	return 0;
}
