/* The AppArmor profile of the payload: told to the kernel now, entered at its execve(2). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "isolators/attributes.h"
#include "isolators/proc_file.h"
#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static const char unconfined[] = "unconfined";

static int check_enabled(const struct spec *spec, struct err *e)
{
	AUTO_CLOSE int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
	char enabled = 'N';

	if (fd < 0 || read(fd, &enabled, 1) != 1 || enabled != 'Y')
		return err_set(e, ENOTSUP, "process.apparmorProfile: confine by '%.128s' without "
			       "AppArmor", spec->apparmor_profile);
	return 0;
}

/* Without AppArmor everything is unconfined, which is then no more than the truth. */
static bool is_wanted(const struct spec *spec)
{
	return spec->apparmor_profile && strcmp(spec->apparmor_profile, unconfined) != 0;
}

/* Here already: in the container nothing of it can be read. */
static int prepare(struct box *box, struct err *e)
{
	return is_wanted(box->spec) ? check_enabled(box->spec, e) : 0;
}

int apparmor_enter(const struct spec *spec, int proc_fd, struct err *e)
{
	char file[64], value[SPEC_LABEL_SIZE + sizeof("exec ")];
	int r;

	if (!is_wanted(spec))
		return 0;
	(void)snprintf(file, sizeof(file), "%d/attr/apparmor/exec", (int)getpid());
	(void)snprintf(value, sizeof(value), "exec %s", spec->apparmor_profile);
	r = proc_file_write(proc_fd, file, value, e);
	return r < 0 ? err_wrap(e, "process.apparmorProfile") : 0;
}

const struct isolator isolator_apparmor = {
	.name = "apparmor",
	.prepare = prepare,
};
