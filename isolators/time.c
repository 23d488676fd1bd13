/* The time namespace: the clocks that are not the wall's start somewhere else. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static int validate(const struct spec *spec, struct err *e)
{
	if (spec->n_time_offsets > 0 && !(spec->namespaces & CLONE_NEWTIME))
		return err_set(e, EINVAL, "linux.timeOffsets: there is no new time namespace");
	return 0;
}

static int write_offsets(const struct spec *spec, struct err *e)
{
	AUTO_CLOSE int fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	char text[128];
	size_t used = 0;

	for (size_t i = 0; i < spec->n_time_offsets; i++) {
		const struct spec_time_offset *row = &spec->time_offsets[i];

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %" PRId64 " %u\n",
					 row->clock, row->secs, row->nanosecs);
	}
	if (fd < 0 || write(fd, text, used) < 0)
		return err_set(e, errno, "linux.timeOffsets: set offsets of clocks");
	return 0;
}

/*
 * Offsets can be written as long as nobody is in the namespace: so not by clone3(2), which puts init
 * there at once.  Before init has become root of a user namespace, to whom that file is not.
 */
static int enter(struct box *box, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;
	int r;

	if (!(box->spec->namespaces & CLONE_NEWTIME))
		return 0;
	if (unshare(CLONE_NEWTIME) < 0)
		return err_set(e, errno, "create time namespace");
	r = box->spec->n_time_offsets > 0 ? write_offsets(box->spec, e) : 0;
	if (r < 0)
		return r;
	fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWTIME) < 0)
		return err_set(e, errno, "enter time namespace");
	return 0;
}

const struct isolator isolator_time = {
	.name = "time",
	.validate = validate,
	.enter = enter,
};
