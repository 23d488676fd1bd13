#include "containerizer/unpack/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "containerizer/unpack/filter.h"
#include "lib/cleanup.h"

/* Ids, modes and file capabilities of what is unpacked; names of any owner's directories. */
static const cap_value_t kept[] = {
	CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_SETFCAP,
};

static int enter_root(struct err *e)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_set(e, errno, "make mounts private");
	if (move_mount(UNPACK_ROOT_FD, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(e, errno, "mount the root directory");
	/* The old root lands on top of the new one, and goes. */
	if (fchdir(UNPACK_ROOT_FD) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_set(e, errno, "change the root directory");
	return close(UNPACK_ROOT_FD) < 0 ? err_set(e, errno, "close the root directory") : 0;
}

static int set_limits(enum unpack_mode mode, const struct unpack_limits *limits, struct err *e)
{
	bool writes = mode == UNPACK_LAYER || mode == UNPACK_FILES;
	const struct {
		int resource;
		uint64_t value;
	} rows[] = {
#ifndef __SANITIZE_ADDRESS__		/* whose shadow is address space, too */
		{ RLIMIT_AS, limits->max_memory },
#endif
		{ RLIMIT_FSIZE, writes ? limits->max_file_bytes : 0 },
		{ RLIMIT_NOFILE, 64 },
		{ RLIMIT_NPROC, 0 },
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_CPU, (uint64_t)limits->max_time / 1000 + 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rlimit limit = { rows[i].value, rows[i].value };

		if (setrlimit(rows[i].resource, &limit) < 0)
			return err_set(e, errno, "set limit %d", rows[i].resource);
	}
	/* Too long a file is an error to be told, not a signal to die of. */
	(void)signal(SIGXFSZ, SIG_IGN);
	return 0;
}

static int drop_bounding(bool keeps, struct err *e)
{
	for (cap_value_t cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
		bool is_kept = false;

		for (size_t i = 0; keeps && i < ARRAY_SIZE(kept); i++)
			is_kept |= kept[i] == cap;
		if (!is_kept && prctl(PR_CAPBSET_DROP, cap) < 0)
			return err_set(e, errno, "drop capability %d", cap);
	}
	return 0;
}

static int drop_capabilities(enum unpack_mode mode, struct err *e)
{
	/* Packing reads what belongs to any id; expanding touches no file at all. */
	bool keeps = mode != UNPACK_EXPAND;
	int r = drop_bounding(keeps, e);
	cap_t caps;

	if (r < 0)
		return r;
	caps = cap_init();
	if (!caps)
		return err_set(e, ENOMEM, "drop capabilities");
	if ((keeps && (cap_set_flag(caps, CAP_PERMITTED, ARRAY_SIZE(kept), kept, CAP_SET) < 0 ||
		       cap_set_flag(caps, CAP_EFFECTIVE, ARRAY_SIZE(kept), kept, CAP_SET) < 0)) ||
	    cap_set_proc(caps) < 0)
		r = err_set(e, errno, "drop capabilities");
	cap_free(caps);
	return r;
}

/*
 * A second lock behind the root directory's: no execution, no sockets, no block devices.  Before
 * the second version of Landlock hard links between directories could not be allowed.
 */
static int restrict_files(struct err *e)
{
	struct landlock_ruleset_attr ruleset = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_SOCK |
			LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_REFER,
	};
	struct landlock_path_beneath_attr rule = { .allowed_access = LANDLOCK_ACCESS_FS_REFER };
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0,
			       LANDLOCK_CREATE_RULESET_VERSION);
	AUTO_CLOSE int fd = -EBADF, root = -EBADF;

	if (version < 2)
		return 0;
	fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0);
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	rule.parent_fd = root;
	if (fd < 0 || root < 0 ||
	    syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return err_set(e, errno, "restrict access to files");
	return 0;
}

int confine(enum unpack_mode mode, const struct unpack_limits *limits, struct err *e)
{
	int r;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
	    setgroups(0, NULL) < 0)
		return err_set(e, errno, "give up groups");
	if (close_range(UNPACK_ROOT_FD + 1, ~0U, 0) < 0)
		return err_set(e, errno, "close descriptors");
	if ((r = enter_root(e)) < 0 || (r = set_limits(mode, limits, e)) < 0 ||
	    (r = drop_capabilities(mode, e)) < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, errno, "give up new privileges");
	r = restrict_files(e);
	return r < 0 ? r : filter_load(e);
}
