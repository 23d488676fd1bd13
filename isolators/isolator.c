#include "isolators/isolator.h"

#include <linux/sched.h>
#include <sched.h>

#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/err.h"

/*
 * The order matters: groups before what is written into them; namespaces before the mounts that
 * show them; limits while there is still the right to set them; the filter of system calls last,
 * since it takes away the calls that the others need.
 */
const struct isolator *const isolator_table[] = {
	&isolator_cgroup,
	&isolator_cpu,
	&isolator_cpuset,
	&isolator_memory,
	&isolator_pids,
	&isolator_io,
	&isolator_devices,
	&isolator_unified,
	&isolator_user,
	&isolator_namespaces,
	&isolator_filesystem,
	&isolator_rlimits,
	&isolator_credentials,
	&isolator_no_new_privs,
	&isolator_seccomp,
	NULL,
};

int isolators_validate(const struct spec *spec, struct err *e)
{
	for (size_t i = 0; isolator_table[i]; i++) {
		const struct isolator *iso = isolator_table[i];

		if (iso->validate && iso->validate(spec, e) < 0)
			return err_wrap(e, "%s", iso->name);
	}
	return 0;
}

int isolators_prepare(struct box *box, struct err *e)
{
	for (size_t i = 0; isolator_table[i]; i++) {
		const struct isolator *iso = isolator_table[i];

		if (iso->prepare && iso->prepare(box, e) < 0) {
			int r = err_wrap(e, "%s", iso->name);

			isolators_release(box);
			return r;
		}
		box->n_prepared = i + 1;
	}
	return 0;
}

int isolators_attach(struct box *box, struct err *e)
{
	for (size_t i = 0; isolator_table[i]; i++) {
		const struct isolator *iso = isolator_table[i];

		if (iso->attach && iso->attach(box, e) < 0)
			return err_wrap(e, "%s", iso->name);
	}
	return 0;
}

int isolators_enter(struct box *box, struct err *e)
{
	for (size_t i = 0; isolator_table[i]; i++) {
		const struct isolator *iso = isolator_table[i];

		if (iso->enter && iso->enter(box, e) < 0)
			return err_wrap(e, "%s", iso->name);
	}
	return 0;
}

int isolators_seal(struct box *box, struct err *e)
{
	for (size_t i = 0; isolator_table[i]; i++) {
		const struct isolator *iso = isolator_table[i];

		if (iso->seal && iso->seal(box, e) < 0)
			return err_wrap(e, "%s", iso->name);
	}
	return 0;
}

void isolators_release(struct box *box)
{
	while (box->n_prepared > 0) {
		const struct isolator *iso = isolator_table[--box->n_prepared];

		if (iso->release)
			iso->release(box);
	}
}

unsigned long isolators_clone_flags(const struct spec *spec)
{
	unsigned long flags = spec->namespaces;

	for (size_t i = 0; isolator_table[i]; i++)
		flags |= isolator_table[i]->clone_flags;
	/* Entered in the enter phase: its root shall be the container's group on v1 too. */
	return flags & ~(unsigned long)CLONE_NEWCGROUP;
}
