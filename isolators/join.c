/*
 * Namespaces that are there already, given by path.  The supervisor opens them and stays outside: a
 * process between it and init joins them, which then clones init as the supervisor's child.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolators/namespaces.h"
#include "isolators/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static int validate(const struct spec *spec, struct err *e)
{
	char *const *paths = spec->namespace_paths;

	/* What a container mounts is for itself alone, and its root is made of mounts. */
	if (paths[SPEC_NS_MOUNT])
		return err_set(e, ENOTSUP, "linux.namespaces: join mount namespace '%.128s'",
			       paths[SPEC_NS_MOUNT]);
	for (size_t i = 0; i < SPEC_N_NAMESPACES; i++) {
		if (paths[i] && paths[i][0] != '/')
			return err_set(e, EINVAL, "linux.namespaces: path '%.128s' of the %s "
				       "namespace is not absolute", paths[i],
				       namespace_kinds[i].type);
	}
	return 0;
}

/* A path may lead to anything: the descriptor has to be a namespace, and of that kind. */
static int open_namespace(const char *path, const struct namespace_kind *kind, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int type;

	if (fd < 0)
		return err_set(e, errno, "open %s namespace '%s'", kind->type, path);
	type = ioctl(fd, NS_GET_NSTYPE);
	if (type < 0 || (unsigned long)type != kind->flag)
		return err_set(e, EINVAL, "join '%s', which is not a %s namespace", path,
			       kind->type);
	return TAKE_FD(fd);
}

static int prepare(struct box *box, struct err *e)
{
	for (size_t i = 0; i < SPEC_N_NAMESPACES; i++) {
		const char *path = box->spec->namespace_paths[i];

		if (!path)
			continue;
		box->join_fds[i] = open_namespace(path, &namespace_kinds[i], e);
		if (box->join_fds[i] < 0)
			return box->join_fds[i];
	}
	return 0;
}

/* By init itself: from elsewhere it could not be cloned into a group that is not seen there. */
static bool is_joined_by_init(size_t kind)
{
	return kind == SPEC_NS_CGROUP;
}

bool join_is_needed(const struct box *box)
{
	for (size_t i = 0; i < SPEC_N_NAMESPACES; i++) {
		if (box->join_fds[i] >= 0 && !is_joined_by_init(i))
			return true;
	}
	return false;
}

static int join(const struct box *box, size_t kind, struct err *e)
{
	if (box->join_fds[kind] >= 0 &&
	    setns(box->join_fds[kind], (int)namespace_kinds[kind].flag) < 0)
		return err_set(e, errno, "join %s namespace '%s'", namespace_kinds[kind].type,
			       box->spec->namespace_paths[kind]);
	return 0;
}

/* The user namespace last: with it the rights over all others are given up. */
int join_all(const struct box *box, struct err *e)
{
	for (size_t i = 0; i < SPEC_N_NAMESPACES; i++) {
		int r = i == SPEC_NS_USER || is_joined_by_init(i) ? 0 : join(box, i, e);

		if (r < 0)
			return r;
	}
	/* The groups that the host's root has can still be left here, and perhaps not inside. */
	if (!box->is_rootless && box->join_fds[SPEC_NS_USER] >= 0 &&
	    syscall(SYS_setgroups, 0, NULL) < 0)
		return err_set(e, errno, "leave the groups of the host");
	return join(box, SPEC_NS_USER, e);
}

static bool is_same(int one_fd, int other_fd)
{
	struct stat a, b;

	return one_fd >= 0 && other_fd >= 0 && fstat(one_fd, &a) == 0 && fstat(other_fd, &b) == 0 &&
		a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool join_owns(int user_fd, int fd)
{
	AUTO_CLOSE int owner = ioctl(fd, NS_GET_USERNS);

	return is_same(owner, user_fd);
}

bool join_is_own(const struct box *box, enum spec_namespace kind)
{
	AUTO_CLOSE int own = -EBADF;
	char path[32];

	if (box->join_fds[kind] < 0)
		return false;
	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", namespace_kinds[kind].file);
	own = open(path, O_RDONLY | O_CLOEXEC);
	return is_same(box->join_fds[kind], own);
}

static int enter(struct box *box, struct err *e)
{
	return join(box, SPEC_NS_CGROUP, e);
}

void join_close(struct box *box)
{
	for (size_t i = 0; i < SPEC_N_NAMESPACES; i++)
		fd_close(&box->join_fds[i]);
}

const struct isolator isolator_join = {
	.name = "join",
	.validate = validate,
	.prepare = prepare,
	.enter = enter,
	.release = join_close,
};
