/*
 * The user namespace: what is root inside is nobody outside.  Init is cloned into it, the
 * supervisor writes the maps while init waits, and init becomes its root before it builds anything.
 */
#include "isolators/user.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolators/capabilities.h"
#include "isolators/id_map.h"
#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static int check_ids(const struct spec *spec, struct err *e)
{
	const struct spec_id_maps *maps = &spec->id_maps;

	if (!id_map_has(maps->uids, maps->n_uids, 0))
		return err_set(e, EINVAL, "linux.uidMappings: root, which init is, is not in it");
	if (!id_map_has(maps->gids, maps->n_gids, 0))
		return err_set(e, EINVAL, "linux.gidMappings: root, which init is, is not in it");
	if (!id_map_has(maps->uids, maps->n_uids, spec->uid))
		return err_set(e, EINVAL, "process.user.uid: %u is not in linux.uidMappings",
			       spec->uid);
	if (!id_map_has(maps->gids, maps->n_gids, spec->gid))
		return err_set(e, EINVAL, "process.user.gid: %u is not in linux.gidMappings",
			       spec->gid);
	for (size_t i = 0; i < spec->n_additional_gids; i++) {
		if (!id_map_has(maps->gids, maps->n_gids, spec->additional_gids[i]))
			return err_set(e, EINVAL, "process.user.additionalGids[%zu]: %u is not in "
				       "linux.gidMappings", i, spec->additional_gids[i]);
	}
	return 0;
}

static int validate(const struct spec *spec, struct err *e)
{
	const struct spec_id_maps *maps = &spec->id_maps;
	int r;

	if (!spec_has_user_namespace(spec)) {
		if (maps->n_uids + maps->n_gids > 0)
			return err_set(e, EINVAL, "linux.%sMappings: there is no user namespace",
				       maps->n_uids > 0 ? "uid" : "gid");
		if (spec->idmapped_root)
			return err_set(e, EINVAL, "annotations.io.tepui.idmapped-root: there is no "
				       "user namespace");
		return 0;
	}
	/* The host's files would be owned by nobody, and mapping them would give them away. */
	if (spec->host_root)
		return err_set(e, EINVAL, "linux.namespaces: a user namespace needs a root of its "
			       "own");
	if (spec->root_layers && maps->n_uids + maps->n_gids == 0)
		return err_set(e, EINVAL, "linux.uidMappings: missing, and the ids of a root of "
			       "layers are mapped by it");
	/* Of a namespace that is there the maps need not be told. */
	if (spec->namespace_paths[SPEC_NS_USER] && maps->n_uids + maps->n_gids == 0)
		return 0;
	r = id_maps_validate(maps, "linux", e);
	return r < 0 ? r : check_ids(spec, e);
}

static int write_maps(const struct box *box, int proc_fd, struct err *e)
{
	const struct spec_id_maps *maps = &box->spec->id_maps;

	if (!(box->spec->namespaces & CLONE_NEWUSER))
		return id_maps_verify(proc_fd, maps, e);
	return box->is_rootless ? id_maps_write_rootless(proc_fd, box->init_pid, maps, e)
		: id_maps_write(proc_fd, maps, e);
}

static int attach(struct box *box, struct err *e)
{
	const struct spec *spec = box->spec;
	AUTO_CLOSE int proc_fd = -EBADF;
	int r;

	if (!spec_has_user_namespace(spec))
		return 0;
	proc_fd = id_maps_open_process(box->init_pid, e);
	if (proc_fd < 0)
		return proc_fd;
	r = write_maps(box, proc_fd, e);
	if (r < 0)
		return r;
	box->user_ns_fd = openat(proc_fd, "ns/user", O_RDONLY | O_CLOEXEC);
	if (box->user_ns_fd < 0)
		return err_set(e, errno, "open the user namespace");
	return 0;
}

/* The raw calls: see credentials.c. */
int user_become_root(struct err *e)
{
	int r = groups_set(0, NULL, e);

	if (r < 0)
		return r;
	if (syscall(SYS_setresgid, 0, 0, 0) < 0)
		return err_set(e, errno, "become root's group of the user namespace");
	if (syscall(SYS_setresuid, 0, 0, 0) < 0)
		return err_set(e, errno, "become root of the user namespace");
	/* Which a change of ids has set by sysctl. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(e, errno, "protect the container's init");
	return 0;
}

static int enter(struct box *box, struct err *e)
{
	return spec_has_user_namespace(box->spec) ? user_become_root(e) : 0;
}

static void release(struct box *box)
{
	fd_close(&box->user_ns_fd);
}

const struct isolator isolator_user = {
	.name = "user",
	.validate = validate,
	.attach = attach,
	.enter = enter,
	.release = release,
};
