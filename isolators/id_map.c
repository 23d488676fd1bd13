#include "isolators/id_map.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum {
	MAX_ROWS = 340,		/* of the kernel (UID_GID_MAP_MAX_EXTENTS) */
	MAX_TEXT = 4095,	/* and of one write: less than a page, whichever size that has */
};

/* The rows as the kernel reads them; the length, or -E2BIG. */
static int format(const struct spec_id_map *rows, size_t n, char text[MAX_TEXT + 1])
{
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		int length = snprintf(text + used, MAX_TEXT + 1 - used, "%u %u %u\n",
				      rows[i].inside, rows[i].outside, rows[i].count);

		if (length < 0 || (size_t)length >= MAX_TEXT + 1 - used)
			return -E2BIG;
		used += (size_t)length;
	}
	return (int)used;
}

static bool do_overlap(uint32_t a, uint32_t n_a, uint32_t b, uint32_t n_b)
{
	return a < (uint64_t)b + n_b && b < (uint64_t)a + n_a;
}

/* The last id of all means "no id" to the kernel: no row may reach it. */
static bool is_in_range(uint32_t first, uint32_t count)
{
	return count > 0 && (uint64_t)first + count <= UINT32_MAX;
}

static int validate_rows(const struct spec_id_map *rows, size_t n, const char *where,
			 const char *field, struct err *e)
{
	char text[MAX_TEXT + 1];

	if (n == 0)
		return err_set(e, EINVAL, "%s.%s: missing", where, field);
	if (n > MAX_ROWS || format(rows, n, text) < 0)
		return err_set(e, E2BIG, "%s.%s: more than %d rows or %d bytes of text", where,
			       field, MAX_ROWS, MAX_TEXT);
	for (size_t i = 0; i < n; i++) {
		const struct spec_id_map *row = &rows[i];

		if (!is_in_range(row->inside, row->count) || !is_in_range(row->outside, row->count))
			return err_set(e, ERANGE, "%s.%s[%zu]: runs over the last id", where, field,
				       i);
		for (size_t k = 0; k < i; k++) {
			if (do_overlap(row->inside, row->count, rows[k].inside, rows[k].count) ||
			    do_overlap(row->outside, row->count, rows[k].outside, rows[k].count))
				return err_set(e, EINVAL, "%s.%s[%zu]: overlaps with [%zu]", where,
					       field, i, k);
		}
	}
	return 0;
}

int id_maps_validate(const struct spec_id_maps *maps, const char *where, struct err *e)
{
	int r = validate_rows(maps->uids, maps->n_uids, where, "uidMappings", e);

	return r < 0 ? r : validate_rows(maps->gids, maps->n_gids, where, "gidMappings", e);
}

uint32_t id_map_outside(const struct spec_id_map *rows, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++) {
		if (id >= rows[i].inside && id - rows[i].inside < rows[i].count)
			return rows[i].outside + (id - rows[i].inside);
	}
	return UINT32_MAX;
}

bool id_map_has(const struct spec_id_map *rows, size_t n, uint32_t id)
{
	return id_map_outside(rows, n, id) != UINT32_MAX;
}

static int write_rows(int proc_fd, const char *file, const struct spec_id_map *rows, size_t n,
		      struct err *e)
{
	AUTO_CLOSE int fd = openat(proc_fd, file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	char text[MAX_TEXT + 1];
	int length = format(rows, n, text);

	if (length < 0)
		return err_set(e, -length, "write '%s' of the user namespace", file);
	if (fd < 0 || write(fd, text, (size_t)length) < 0)
		return err_set(e, errno, "write '%s' of the user namespace", file);
	return 0;
}

static int deny_setgroups(int proc_fd, struct err *e)
{
	AUTO_CLOSE int fd = openat(proc_fd, "setgroups", O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || write(fd, "deny", 4) < 0)
		return err_set(e, errno, "write 'setgroups' of the user namespace");
	return 0;
}

/* PROGRAM PID INSIDE OUTSIDE COUNT ...: it is on the host's PATH and says what it refuses. */
static int run_helper(const char *program, pid_t pid, const struct spec_id_map *rows, size_t n,
		      struct err *e)
{
	enum { NUMBER_SIZE = 11 };
	char (*numbers)[NUMBER_SIZE] = calloc(1 + 3 * n, sizeof(*numbers));
	char **argv = calloc(3 + 3 * n, sizeof(*argv)), name[16];
	pid_t helper = -1;
	int status = -1;

	(void)snprintf(name, sizeof(name), "%s", program);
	if (numbers && argv) {
		(void)snprintf(numbers[0], NUMBER_SIZE, "%d", (int)pid);
		for (size_t i = 0; i < n; i++) {
			(void)snprintf(numbers[3 * i + 1], NUMBER_SIZE, "%u", rows[i].inside);
			(void)snprintf(numbers[3 * i + 2], NUMBER_SIZE, "%u", rows[i].outside);
			(void)snprintf(numbers[3 * i + 3], NUMBER_SIZE, "%u", rows[i].count);
		}
		argv[0] = name;
		for (size_t i = 0; i <= 3 * n; i++)
			argv[i + 1] = numbers[i];
		helper = fork();
	}
	if (helper == 0) {
		(void)execvp(program, argv);
		_exit(127);
	}
	free(numbers);
	free(argv);
	while (helper > 0 && waitpid(helper, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0 ? 0 : err_set(e, EPERM, "map ids that are not the caller's own: "
					 "'%s' failed or is not installed", program);
}

static bool is_own(const struct spec_id_map *rows, size_t n, uint32_t id)
{
	return n == 1 && rows[0].count == 1 && rows[0].outside == id;
}

int id_maps_write_rootless(int proc_fd, pid_t pid, const struct spec_id_maps *maps, struct err *e)
{
	int r = is_own(maps->uids, maps->n_uids, geteuid())
		? write_rows(proc_fd, "uid_map", maps->uids, maps->n_uids, e)
		: run_helper("newuidmap", pid, maps->uids, maps->n_uids, e);

	if (r < 0)
		return r;
	if (!is_own(maps->gids, maps->n_gids, getegid()))
		return run_helper("newgidmap", pid, maps->gids, maps->n_gids, e);
	r = deny_setgroups(proc_fd, e);
	return r < 0 ? r : write_rows(proc_fd, "gid_map", maps->gids, maps->n_gids, e);
}

int id_maps_write(int proc_fd, const struct spec_id_maps *maps, struct err *e)
{
	int r = write_rows(proc_fd, "uid_map", maps->uids, maps->n_uids, e);

	return r < 0 ? r : write_rows(proc_fd, "gid_map", maps->gids, maps->n_gids, e);
}

static bool has_row(const struct spec_id_map *rows, size_t n, const struct spec_id_map *row)
{
	for (size_t i = 0; i < n; i++) {
		if (rows[i].inside == row->inside && rows[i].outside == row->outside &&
		    rows[i].count == row->count)
			return true;
	}
	return false;
}

/* The kernel shows rows in an order of its own. */
static int verify_rows(int proc_fd, const char *file, const struct spec_id_map *rows, size_t n,
		       const char *field, struct err *e)
{
	AUTO_CLOSE int fd = openat(proc_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	FILE *stream = fd < 0 ? NULL : fdopen(fd, "r");
	struct spec_id_map row;
	size_t seen = 0;

	if (!stream)
		return err_set(e, errno, "read '%s' of the user namespace", file);
	(void)TAKE_FD(fd);
	while (fscanf(stream, "%u %u %u", &row.inside, &row.outside, &row.count) == 3) {
		if (n > 0 && !has_row(rows, n, &row))
			break;
		seen++;
	}
	(void)fclose(stream);
	if (n > 0 && seen != n)
		return err_set(e, EINVAL, "linux.%s: not those of the user namespace that is "
			       "joined", field);
	return 0;
}

int id_maps_verify(int proc_fd, const struct spec_id_maps *maps, struct err *e)
{
	int r = verify_rows(proc_fd, "uid_map", maps->uids, maps->n_uids, "uidMappings", e);

	return r < 0 ? r : verify_rows(proc_fd, "gid_map", maps->gids, maps->n_gids,
				       "gidMappings", e);
}

int id_maps_open_process(pid_t pid, struct err *e)
{
	char path[32];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open '%s'", path) : fd;
}

/* A namespace is made with a process in it, and that is all it is there for. */
static pid_t clone_idle(int *ret_pidfd, struct err *e)
{
	struct clone_args args = {
		.flags = CLONE_NEWUSER | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
		.pidfd = (uintptr_t)ret_pidfd,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid < 0)
		return err_set(e, errno, "clone a process for its user namespace");
	if (pid > 0)
		return (pid_t)pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		(void)pause();
}

int id_maps_open_namespace(const struct spec_id_maps *maps, struct err *e)
{
	AUTO_CLOSE int pidfd = -EBADF, proc_fd = -EBADF;
	pid_t pid = clone_idle(&pidfd, e);
	int r, fd = -EBADF;

	if (pid < 0)
		return pid;
	r = proc_fd = id_maps_open_process(pid, e);
	if (r >= 0)
		r = id_maps_write(proc_fd, maps, e);
	if (r >= 0) {
		fd = openat(proc_fd, "ns/user", O_RDONLY | O_CLOEXEC);
		r = fd < 0 ? err_set(e, errno, "open the user namespace") : 0;
	}
	(void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	return r < 0 ? r : fd;
}

int spec_give(const struct spec *spec, int fd)
{
	const struct spec_id_maps *maps = &spec->id_maps;

	if (!spec_has_user_namespace(spec))
		return fchown(fd, spec->uid, spec->gid);
	return fchown(fd, id_map_outside(maps->uids, maps->n_uids, spec->uid),
		      id_map_outside(maps->gids, maps->n_gids, spec->gid));
}
