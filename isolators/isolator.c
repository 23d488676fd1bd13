#include "isolators/isolator.h"

#include <linux/sched.h>
#include <sched.h>
#include <string.h>
#include <sys/auxv.h>

#include "isolators/limits.h"
#include "isolators/namespaces.h"
#include "isolators/network_cni.h"
#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/cleanup.h"
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
	&isolator_hugetlb,
	&isolator_rdma,
	&isolator_devices,
	&isolator_unified,
	&isolator_join,
	&isolator_time,
	&isolator_user,
	&isolator_namespaces,
	&isolator_network,
	&isolator_sysctls,
	&isolator_apparmor,
	&isolator_filesystem,
	&isolator_personality,
	&isolator_scheduler,
	&isolator_rlimits,
	&isolator_credentials,
	&isolator_no_new_privs,
	&isolator_seccomp,
	NULL,
};

void box_init(struct box *box, const struct spec *spec, int seccomp_fd)
{
	*box = (struct box){
		.spec = spec, .cgroup = CGROUP_INIT, .seccomp_fd = seccomp_fd,
		.is_rootless = getauxval(AT_EUID) != 0,
		.sandbox_fd = -EBADF, .trees = TREES_INIT, .user_ns_fd = -EBADF,
		.init_pidfd = -EBADF,
	};
	for (size_t i = 0; i < SPEC_N_NAMESPACES; i++)
		box->join_fds[i] = -EBADF;
}

void box_close(struct box *box)
{
	fd_close(&box->sandbox_fd);
	fd_close(&box->user_ns_fd);
	fd_close(&box->init_pidfd);
	cni_networks_free(box);
	join_close(box);
	trees_close(&box->trees);
	cgroup_close(&box->cgroup);
}

int isolators_validate(const struct spec *spec, struct err *e)
{
	for (size_t i = 0; isolator_table[i]; i++) {
		const struct isolator *iso = isolator_table[i];

		if (iso->validate && iso->validate(spec, e) < 0)
			return err_wrap(e, "%s", iso->name);
	}
	return 0;
}

static int list_limits(const struct spec *spec, struct limits *ret, struct err *e)
{
	for (size_t i = 0; isolator_table[i]; i++) {
		const struct isolator *iso = isolator_table[i];

		if (iso->limits && iso->limits(spec, ret, e) < 0)
			return err_wrap(e, "%s", iso->name);
	}
	return 0;
}

static int write_limits(const struct box *box, struct err *e)
{
	AUTO(limits_done) struct limits limits = { 0 };
	int r = list_limits(box->spec, &limits, e);

	return r < 0 ? r : limits_write(&limits, &box->cgroup, e);
}

int isolators_prepare(struct box *box, struct err *e)
{
	int r = write_limits(box, e);

	if (r < 0)
		return r;
	for (size_t i = 0; isolator_table[i]; i++) {
		const struct isolator *iso = isolator_table[i];

		if (iso->prepare && iso->prepare(box, e) < 0) {
			r = err_wrap(e, "%s", iso->name);
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
	/*
	 * Entered in the enter phase: the root of the one shall be the container's group on v1 too,
	 * and the other's offsets are set while it is empty.
	 */
	return flags & ~(unsigned long)(CLONE_NEWCGROUP | CLONE_NEWTIME);
}

static int update_rest(const struct cgroup *cg, const struct spec *wanted, limits_report_fn *report,
		       void *arg, struct err *e)
{
	for (size_t i = 0; isolator_table[i]; i++) {
		const struct isolator *iso = isolator_table[i];
		int r = iso->update ? iso->update(cg, wanted, e) : 0;

		if (r < 0)
			return err_wrap(e, "%s", iso->name);
		if (r > 0 && report)
			report(arg, iso->name, "changed", "restored");
	}
	return 0;
}

int isolators_update(const struct cgroup *cg, const struct spec *wanted, struct err *e)
{
	AUTO(limits_done) struct limits limits = { 0 };
	AUTO(limits_changes_done) struct limits_changes changes = { 0 };
	int r = isolators_validate(wanted, e);

	if (r == 0)
		r = list_limits(wanted, &limits, e);
	if (r == 0)
		r = limits_change(&limits, cg, &changes, e);
	if (r < 0)
		return r;
	/* At most one isolator has something that is no file, so that this is still all or nothing. */
	r = update_rest(cg, wanted, NULL, NULL, e);
	if (r < 0)
		limits_take_back(&changes, cg);
	return r;
}

int isolators_watch(const struct cgroup *cg, const char *name,
		    const struct cgroup_pressure *trigger, struct err *e)
{
	for (size_t i = 0; isolator_table[i]; i++) {
		const struct isolator *iso = isolator_table[i];

		if (iso->pressure_file && strcmp(iso->name, name) == 0)
			return cgroup_open_pressure(cg, iso->pressure_file, trigger, e);
	}
	return err_set(e, EINVAL, "watch for stalls of '%.32s': cpu, memory and io tell of them",
		       name);
}

int isolators_recover(const struct cgroup *cg, const struct spec *spec, limits_report_fn *report,
		      void *arg, struct err *e)
{
	AUTO(limits_done) struct limits limits = { 0 };
	int r = list_limits(spec, &limits, e);

	if (r == 0)
		r = limits_restore(&limits, cg, report, arg, e);
	return r < 0 ? r : update_rest(cg, spec, report, arg, e);
}
