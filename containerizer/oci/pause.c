/* tepui-oci pause and resume. */
#include <errno.h>

#include "containerizer/oci/command.h"
#include "containerizer/oci/state.h"
#include "isolators/cgroup.h"

enum { FREEZE_MS = 10000 };

static int change(const struct state_dir *dir, bool is_frozen, struct err *e)
{
	struct cgroup cg = CGROUP_INIT;
	enum state_status status;
	int r = state_get_status(dir, &status, e);

	if (r < 0)
		return r;
	if (is_frozen ? status != STATE_RUNNING && status != STATE_CREATED
		      : status != STATE_PAUSED)
		return err_set(e, EINVAL, "%s container '%s', which is %s",
			       is_frozen ? "pause" : "resume", dir->state.id,
			       state_status_names[status]);
	r = state_open_cgroup(&dir->state, &cg, e);
	if (r == 0)
		r = cgroup_freeze(&cg, is_frozen, FREEZE_MS, e);
	cgroup_close(&cg);
	return r;
}

static int change_locked(const struct oci *oci, const char *id, bool is_frozen, struct err *e)
{
	struct state_dir dir = STATE_DIR_INIT;
	int r = state_open(oci->root, id, true, &dir, e);

	if (r < 0)
		return r;
	r = change(&dir, is_frozen, e);
	state_close(&dir);
	return r;
}

static int pause_container(const struct oci *oci, const void *options, char **args,
			   int *ret_status, struct err *e)
{
	(void)options;
	(void)ret_status;
	return change_locked(oci, args[0], true, e);
}

static int resume_container(const struct oci *oci, const void *options, char **args,
			    int *ret_status, struct err *e)
{
	(void)options;
	(void)ret_status;
	return change_locked(oci, args[0], false, e);
}

#define COMMAND(verb, text) \
	{ \
		.name = #verb, .arguments = "ID", .help = (text), COMMAND_FLAGS(no_flags), \
		.options_size = sizeof(struct no_options), .min_args = 1, .max_args = 1, \
		.run = verb##_container, \
	}
const struct command command_pause = COMMAND(pause, "stop every process of a container where it is");
const struct command command_resume = COMMAND(resume, "let the processes of a container go on");
