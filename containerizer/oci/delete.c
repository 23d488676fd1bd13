/* tepui-oci delete. */
#include <errno.h>

#include "containerizer/oci/command.h"
#include "containerizer/oci/making.h"
#include "containerizer/oci/state.h"
#include "lib/cleanup.h"

struct delete_options {
	bool help, force;
};

static const struct flag delete_flags[] = {
	COMMAND_HELP(struct delete_options),
	{ .name = "force", .kind = FLAG_BOOL, .off = offsetof(struct delete_options, force),
	  .letter = 'f', .help = "kill it first, if it runs; succeed, if there is none" },
};

static int delete_locked(const struct oci *oci, struct state_dir *dir, bool force, struct err *e)
{
	enum state_status status;
	int r = state_get_status(dir, &status, e);

	if (r < 0 && !force)
		return r;
	/* Its create does not hold the lock any more: it was killed, and this is what it left. */
	if (!force && status != STATE_STOPPED && status != STATE_CREATING)
		return err_set(e, EINVAL, "delete container '%s', which is %s: kill it first, or "
			       "use --force", dir->state.id, state_status_names[status]);
	err_clear(e);
	return making_delete(oci, dir->fd, &dir->state, e);
}

static int delete(const struct oci *oci, const void *options, char **args, int *ret_status,
		  struct err *e)
{
	const struct delete_options *o = options;
	struct state_dir dir = STATE_DIR_INIT;
	int r = state_open(oci->root, args[0], true, &dir, e);

	(void)ret_status;
	if (r == -ENOENT && o->force) {
		err_clear(e);
		return 0;
	}
	if (r < 0)
		return r;
	r = delete_locked(oci, &dir, o->force, e);
	state_close(&dir);
	return r;
}

const struct command command_delete = {
	.name = "delete",
	.arguments = "ID",
	.help = "remove what there is of a container that has ended",
	COMMAND_FLAGS(delete_flags),
	.options_size = sizeof(struct delete_options),
	.min_args = 1,
	.max_args = 1,
	.run = delete,
};
