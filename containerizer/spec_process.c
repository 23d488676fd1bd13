#include "containerizer/spec_json.h"

#include <errno.h>
#include <string.h>

#include "containerizer/spec_parts.h"
#include "isolators/capabilities.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_ID = 0xfffffffe };	/* all ones means "no change" to the kernel */

static const struct {
	const char *name;
	int resource;
} rlimit_names[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
};

struct rlimit_item {
	char *type;
	int64_t soft, hard;
};

static const struct json_field rlimit_fields[] = {
	FIELD_STR(struct rlimit_item, type, "type", true, 1, 32),
	/* JSON numbers end at 2^63: -1 is "unlimited". */
	FIELD(struct rlimit_item, soft, "soft", JSON_F_I64, true, -1, INT64_MAX),
	FIELD(struct rlimit_item, hard, "hard", JSON_F_I64, true, -1, INT64_MAX),
};

static int find_rlimit(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rlimit_names); i++) {
		if (strcmp(rlimit_names[i].name, name) == 0)
			return rlimit_names[i].resource;
	}
	return -EINVAL;
}

static int set_rlimit(const struct rlimit_item *item, const char *where, size_t i,
		      struct spec *spec, struct err *e)
{
	struct spec_rlimit *limit = &spec->rlimits[i];

	limit->resource = find_rlimit(item->type);
	if (limit->resource < 0)
		return err_set(e, EINVAL, "%s.type: unknown limit '%s'", where, item->type);
	limit->limit.rlim_cur = item->soft < 0 ? RLIM_INFINITY : (rlim_t)item->soft;
	limit->limit.rlim_max = item->hard < 0 ? RLIM_INFINITY : (rlim_t)item->hard;
	if (limit->limit.rlim_cur > limit->limit.rlim_max)
		return err_set(e, EINVAL, "%s.soft: above the hard limit", where);
	for (size_t k = 0; k < i; k++) {
		if (spec->rlimits[k].resource == limit->resource)
			return err_set(e, EINVAL, "%s.type: '%s' is there twice", where,
				       item->type);
	}
	return 0;
}

static int read_rlimit(const json_t *object, const char *where, size_t i, struct spec *spec,
		       struct err *e)
{
	struct rlimit_item item = { 0 };
	int r = json_read_fields(object, where, rlimit_fields, ARRAY_SIZE(rlimit_fields), &item, e);

	if (r < 0)
		return r;
	r = set_rlimit(&item, where, i, spec, e);
	json_free_fields(rlimit_fields, ARRAY_SIZE(rlimit_fields), &item);
	return r;
}

static int read_rlimits(const json_t *array, struct spec *spec, struct err *e)
{
	size_t n = json_array_size(array);

	if (n > ARRAY_SIZE(rlimit_names))
		return err_set(e, ERANGE, "process.rlimits: more than %zu entries",
			       ARRAY_SIZE(rlimit_names));
	spec->rlimits = spec_alloc(n, sizeof(*spec->rlimits), "process.rlimits", e);
	if (!spec->rlimits)
		return -ENOMEM;
	spec->n_rlimits = n;
	return spec_each(array, "process.rlimits", read_rlimit, spec, e);
}

struct capability_lists {
	char **bounding, **effective, **permitted, **inheritable, **ambient;
};

static const struct json_field capability_fields[] = {
	FIELD_LIST(struct capability_lists, bounding, "bounding", 64),
	FIELD_LIST(struct capability_lists, effective, "effective", 64),
	FIELD_LIST(struct capability_lists, permitted, "permitted", 64),
	FIELD_LIST(struct capability_lists, inheritable, "inheritable", 64),
	FIELD_LIST(struct capability_lists, ambient, "ambient", 64),
};

static int add_capabilities(char *const *names, const char *set, uint64_t *mask, struct err *e)
{
	for (size_t i = 0; names && names[i]; i++) {
		int cap = capability_from_name(names[i]);

		if (cap < 0)
			return err_set(e, EINVAL,
				       "process.capabilities.%s[%zu]: unknown capability '%s'",
				       set, i, names[i]);
		*mask |= UINT64_C(1) << cap;
	}
	return 0;
}

static int read_capabilities(const json_t *object, struct spec_capabilities *caps, struct err *e)
{
	struct capability_lists lists = { 0 };
	int r;

	if (!object)
		return 0;
	r = json_read_fields(object, "process.capabilities", capability_fields,
			     ARRAY_SIZE(capability_fields), &lists, e);
	if (r < 0)
		return r;
	if ((r = add_capabilities(lists.bounding, "bounding", &caps->bounding, e)) == 0 &&
	    (r = add_capabilities(lists.effective, "effective", &caps->effective, e)) == 0 &&
	    (r = add_capabilities(lists.permitted, "permitted", &caps->permitted, e)) == 0 &&
	    (r = add_capabilities(lists.inheritable, "inheritable", &caps->inheritable, e)) == 0)
		r = add_capabilities(lists.ambient, "ambient", &caps->ambient, e);
	json_free_fields(capability_fields, ARRAY_SIZE(capability_fields), &lists);
	return r;
}

struct user_item {
	uint64_t uid, gid, umask;
	json_t *groups;
};

static const struct json_field user_fields[] = {
	FIELD_U64(struct user_item, uid, "uid", true, 0, MAX_ID),
	FIELD_U64(struct user_item, gid, "gid", true, 0, MAX_ID),
	FIELD_U64(struct user_item, umask, "umask", false, 0, 0777),
	FIELD_JSON(struct user_item, groups, "additionalGids", false),
};

static int read_group(const json_t *item, const char *where, size_t i, struct spec *spec,
		      struct err *e)
{
	json_int_t gid = json_integer_value(item);

	if (!json_is_integer(item) || gid < 0 || gid > MAX_ID)
		return err_set(e, EINVAL, "%s: not a group id", where);
	spec->additional_gids[i] = (gid_t)gid;
	return 0;
}

static int read_groups(const json_t *array, struct spec *spec, struct err *e)
{
	size_t n = json_array_size(array);

	if (n > SPEC_MAX_ENTRIES)
		return err_set(e, ERANGE, "process.user.additionalGids: more than %d entries",
			       SPEC_MAX_ENTRIES);
	spec->additional_gids = spec_alloc(n, sizeof(gid_t), "process.user.additionalGids", e);
	if (!spec->additional_gids)
		return -ENOMEM;
	spec->n_additional_gids = n;
	return spec_each(array, "process.user.additionalGids", read_group, spec, e);
}

static int read_user(const json_t *object, struct spec *spec, struct err *e)
{
	struct user_item user = { .umask = spec->umask };
	int r = json_read_known_fields(object, "process.user", user_fields, ARRAY_SIZE(user_fields),
				 &user, e);

	if (r < 0)
		return r;
	spec->uid = (uid_t)user.uid;
	spec->gid = (gid_t)user.gid;
	spec->umask = (mode_t)user.umask;
	r = read_groups(user.groups, spec, e);
	json_free_fields(user_fields, ARRAY_SIZE(user_fields), &user);
	return r;
}

struct process_item {
	char **args, **env;
	char *cwd, *apparmor, *selinux;
	bool terminal, no_new_privileges;
	json_t *console_size, *user, *capabilities, *rlimits, *oom_score_adj;
	json_t *scheduler, *io_priority, *affinity;
};

static const struct json_field process_fields[] = {
	FIELD_LIST(struct process_item, args, "args", SPEC_MAX_ENTRIES),
	FIELD_LIST(struct process_item, env, "env", SPEC_MAX_ENTRIES),
	FIELD_STR(struct process_item, cwd, "cwd", true, 1, PATH_MAX - 1),
	FIELD_BOOL(struct process_item, terminal, "terminal"),
	FIELD_BOOL(struct process_item, no_new_privileges, "noNewPrivileges"),
	FIELD_JSON(struct process_item, user, "user", true),
	FIELD_JSON(struct process_item, capabilities, "capabilities", false),
	FIELD_JSON(struct process_item, rlimits, "rlimits", false),
	FIELD_JSON(struct process_item, oom_score_adj, "oomScoreAdj", false),
	FIELD_JSON(struct process_item, console_size, "consoleSize", false),
	FIELD_JSON(struct process_item, scheduler, "scheduler", false),
	FIELD_JSON(struct process_item, io_priority, "ioPriority", false),
	FIELD_JSON(struct process_item, affinity, "execCPUAffinity", false),
	FIELD_STR(struct process_item, apparmor, "apparmorProfile", false, 0, SPEC_LABEL_SIZE - 1),
	FIELD_STR(struct process_item, selinux, "selinuxLabel", false, 0, SPEC_LABEL_SIZE - 1),
};

struct console_item {
	uint64_t height, width;
};

static const struct json_field console_fields[] = {
	FIELD_U64(struct console_item, height, "height", true, 0, UINT16_MAX),
	FIELD_U64(struct console_item, width, "width", true, 0, UINT16_MAX),
};

/* Without a terminal it has no meaning, as the specification says. */
static int read_console_size(const json_t *value, struct spec *spec, struct err *e)
{
	struct console_item size = { 0 };
	int r;

	if (!value || !spec->terminal)
		return 0;
	r = json_read_fields(value, "process.consoleSize", console_fields,
			     ARRAY_SIZE(console_fields), &size, e);
	if (r < 0)
		return r;
	spec->terminal_rows = (uint16_t)size.height;
	spec->terminal_columns = (uint16_t)size.width;
	return 0;
}

static int read_oom_score(const json_t *value, struct spec *spec, struct err *e)
{
	json_int_t score = json_integer_value(value);

	if (!value)
		return 0;
	if (!json_is_integer(value) || score < -1000 || score > 1000)
		return err_set(e, EINVAL, "process.oomScoreAdj: not an integer of -1000..1000");
	spec->has_oom_score_adj = true;
	spec->oom_score_adj = (int)score;
	return 0;
}

static int check_process(const struct spec *spec, struct err *e)
{
	if (!spec->args || !spec->args[0] || !spec->args[0][0])
		return err_set(e, EINVAL, "process.args: no program");
	if (spec->cwd[0] != '/')
		return err_set(e, EINVAL, "process.cwd: '%s' is not absolute", spec->cwd);
	for (size_t i = 0; spec->env[i]; i++) {
		if (strcspn(spec->env[i], "=") == 0 || !strchr(spec->env[i], '='))
			return err_set(e, EINVAL, "process.env[%zu]: not NAME=VALUE", i);
	}
	return 0;
}

static int take_process(struct process_item *p, struct spec *spec, struct err *e)
{
	int r;

	spec->args = TAKE_PTR(p->args);
	spec->env = TAKE_PTR(p->env);
	spec->cwd = TAKE_PTR(p->cwd);
	spec->terminal = p->terminal;
	spec->no_new_privileges = p->no_new_privileges;
	if (!spec->env)
		spec->env = spec_alloc(1, sizeof(*spec->env), "process.env", e);
	if (!spec->env)
		return -ENOMEM;
	if (p->apparmor && p->apparmor[0])
		spec->apparmor_profile = TAKE_PTR(p->apparmor);
	if (p->selinux && p->selinux[0])
		return err_set(e, ENOTSUP, "process.selinuxLabel: SELinux is not supported");
	r = check_process(spec, e);
	if (r < 0)
		return r;
	r = read_console_size(p->console_size, spec, e);
	if (r < 0)
		return r;
	r = read_user(p->user, spec, e);
	if (r < 0)
		return r;
	r = read_capabilities(p->capabilities, &spec->capabilities, e);
	if (r < 0)
		return r;
	r = read_rlimits(p->rlimits, spec, e);
	if (r < 0)
		return r;
	if ((r = read_oom_score(p->oom_score_adj, spec, e)) < 0 ||
	    (r = spec_read_scheduler(p->scheduler, spec, e)) < 0 ||
	    (r = spec_read_io_priority(p->io_priority, spec, e)) < 0)
		return r;
	return spec_read_affinity(p->affinity, spec, e);
}

int spec_read_process(const json_t *object, struct spec *spec, struct err *e)
{
	struct process_item p = { 0 };
	int r = json_read_known_fields(object, "process", process_fields,
				       ARRAY_SIZE(process_fields), &p, e);

	if (r < 0)
		return r;
	r = take_process(&p, spec, e);
	json_free_fields(process_fields, ARRAY_SIZE(process_fields), &p);
	return r;
}
