/* Waiting for a cgroup's state by the events that the kernel tells in cgroup.events. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "isolators/cgroup_io.h"
#include "isolators/cgroup_layout.h"
#include "isolators/cgroup_text.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"

static const char events_file[] = "cgroup.events";

static int read_state(int fd, const char *key, uint64_t *ret, struct err *e)
{
	char buf[128];
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);

	if (n < 0)
		return err_set(e, errno, "read cgroup file '%s'", events_file);
	buf[n] = '\0';
	return cgroup_text_key(buf, key, ret) < 0 ?
		err_set(e, EINVAL, "find '%s' in cgroup file '%s'", key, events_file) : 0;
}

int cgroup_wait_state(int dir_fd, const char *key, uint64_t value, int64_t deadline_ms,
		      struct err *e)
{
	AUTO_CLOSE int fd = openat(dir_fd, events_file, O_RDONLY | O_CLOEXEC);
	struct pollfd poll_fd = { .fd = fd, .events = POLLPRI };

	if (fd < 0)
		return err_set(e, errno, "open cgroup file '%s'", events_file);
	for (;;) {
		int64_t left = deadline_ms - clock_boot_ms();
		uint64_t now;
		int r = read_state(fd, key, &now, e);

		if (r < 0)
			return r;
		if (now == value)
			return 1;
		if (left <= 0)
			return 0;
		if (poll(&poll_fd, 1, (int)left) < 0 && errno != EINTR)
			return err_set(e, errno, "wait for cgroup file '%s'", events_file);
	}
}

static int write_freeze(const struct cgroup *cg, bool is_frozen, struct err *e)
{
	return cgroup_io_write(cg->core_fd, "cgroup.freeze", is_frozen ? "1" : "0", e);
}

/* A process that the kernel cannot stop (in a system call of a dead file system) holds it up. */
int cgroup_freeze(const struct cgroup *cg, bool is_frozen, int timeout_ms, struct err *e)
{
	int r = write_freeze(cg, is_frozen, e);
	struct err lost = { 0 };

	if (r < 0 || timeout_ms == 0)
		return r;
	r = cgroup_wait_state(cg->core_fd, "frozen", is_frozen, clock_boot_ms() + timeout_ms, e);
	if (r == 0)
		r = err_set(e, EBUSY, "%s every process within %d ms",
			    is_frozen ? "freeze" : "thaw", timeout_ms);
	if (r < 0 && is_frozen)
		(void)write_freeze(cg, false, &lost);
	return r < 0 ? r : 0;
}

int cgroup_is_frozen(const struct cgroup *cg, bool *ret, struct err *e)
{
	char buf[128];
	uint64_t value;
	int r = cgroup_io_read(cg->core_fd, events_file, buf, sizeof(buf), e);

	if (r < 0)
		return r;
	if (cgroup_text_key(buf, "frozen", &value) < 0)
		return err_set(e, EINVAL, "find 'frozen' in cgroup file '%s'", events_file);
	*ret = value != 0;
	return 0;
}
