/* tepui-oci update: other limits for a container that runs. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "containerizer/oci/command.h"
#include "containerizer/oci/state.h"
#include "containerizer/spec_json.h"
#include "containerizer/spec_update.h"
#include "isolators/cgroup.h"
#include "isolators/isolator.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/file_in.h"
#include "lib/json_in.h"

enum { MAX_RESOURCES = 64 << 10 };

struct update_options {
	bool help;
	char *resources;
	char *numbers[12], *cpus, *mems;
};

/* Which field of an OCI resources object a flag of runc's is. */
static const struct {
	const char *part, *key;
} number_fields[] = {
	{ "blockIO", "weight" },
	{ "cpu", "period" },
	{ "cpu", "quota" },
	{ "cpu", "burst" },
	{ "cpu", "shares" },
	{ "cpu", "idle" },
	{ "memory", "limit" },
	{ "memory", "reservation" },
	{ "memory", "swap" },
	{ "pids", "limit" },
};

#define STR(name_, letter_, member_, help_) \
	{ .name = (name_), .letter = (letter_), .kind = FLAG_STR, \
	  .off = offsetof(struct update_options, member_), .help = (help_) }
static const struct flag update_flags[] = {
	COMMAND_HELP(struct update_options),
	STR("resources", 'r', resources, "file with an OCI resources object, '-' is stdin"),
	STR("blkio-weight", 0, numbers[0], "share of the disks' time, 10 to 1000"),
	STR("cpu-period", 0, numbers[1], "microseconds in which the quota may be used"),
	STR("cpu-quota", 0, numbers[2], "microseconds of cpu time in a period, -1: no limit"),
	STR("cpu-burst", 0, numbers[3], "microseconds that may be saved up"),
	STR("cpu-share", 0, numbers[4], "share of cpu time, 2 to 262144"),
	STR("cpu-idle", 0, numbers[5], "1: only time that nobody else wants"),
	STR("memory", 0, numbers[6], "bytes, or with k, m, g; -1: no limit"),
	STR("memory-reservation", 0, numbers[7], "bytes that are reclaimed last"),
	STR("memory-swap", 0, numbers[8], "bytes of memory and swap, -1: no limit"),
	STR("pids-limit", 0, numbers[9], "processes and threads, -1: no limit"),
	STR("cpuset-cpus", 0, cpus, "cpus to run on, as in 0-2,7"),
	STR("cpuset-mems", 0, mems, "memory nodes to use"),
};

/* "512m" is for the amounts of memory; as they are counted in bytes, all may have it. */
static int read_number(const char *text, json_int_t *ret)
{
	static const char units[] = "kmgt";
	const char *unit;
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, 10);
	if (end == text || errno != 0 || strchr(" \t\n+", text[0]))
		return -EINVAL;
	if (*end) {
		unit = strchr(units, *end | 0x20);
		if (!unit || (end[1] && (end[1] | 0x20) != 'b') || (end[1] && end[2]))
			return -EINVAL;
		for (const char *p = units; p <= unit; p++) {
			if (__builtin_mul_overflow(value, 1024LL, &value))
				return -ERANGE;
		}
	}
	*ret = value;
	return 0;
}

static int set_field(json_t *resources, const char *part, const char *key, json_t *value_take,
		     struct err *e)
{
	json_t *object = json_object_get(resources, part);

	if (!object && json_object_set_new(resources, part, json_object()) == 0)
		object = json_object_get(resources, part);
	if (json_object_set_new(object, key, value_take) < 0)
		return err_set(e, ENOMEM, "read flags");
	return 0;
}

static int add_flags(json_t *resources, const struct update_options *o, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(number_fields) && r == 0; i++) {
		json_int_t value;

		if (!o->numbers[i])
			continue;
		if (read_number(o->numbers[i], &value) < 0)
			return err_set(e, EINVAL, "read flag for %s.%s: '%.32s' is not a number",
				       number_fields[i].part, number_fields[i].key, o->numbers[i]);
		r = set_field(resources, number_fields[i].part, number_fields[i].key,
			      json_integer(value), e);
	}
	if (r == 0 && o->cpus)
		r = set_field(resources, "cpu", "cpus", json_string(o->cpus), e);
	if (r == 0 && o->mems)
		r = set_field(resources, "cpu", "mems", json_string(o->mems), e);
	return r;
}

static int read_stdin(json_t **ret, struct err *e)
{
	AUTO_FREE char *text = malloc(MAX_RESOURCES);
	size_t used = 0;
	ssize_t n = 1;
	int r;

	if (!text)
		return err_set(e, ENOMEM, "read resources");
	while (used < MAX_RESOURCES && n > 0) {
		n = read(STDIN_FILENO, text + used, MAX_RESOURCES - used);
		if (n < 0)
			return err_set(e, errno, "read resources");
		used += (size_t)n;
	}
	if (used == MAX_RESOURCES)
		return err_set(e, EFBIG, "read resources");
	r = json_in_parse(text, used, ret, e);
	return r < 0 ? err_wrap(e, "resources") : 0;
}

static int read_resources(const struct update_options *o, json_t **ret, struct err *e)
{
	json_auto_t *resources = NULL;
	int r;

	if (!o->resources)
		resources = json_object();
	r = !o->resources ? resources ? 0 : err_set(e, ENOMEM, "read resources")
		: strcmp(o->resources, "-") == 0 ? read_stdin(&resources, e)
		: file_in_read_json(AT_FDCWD, o->resources, MAX_RESOURCES, &resources, e);
	if (r == 0 && !json_is_object(resources))
		r = err_set(e, EINVAL, "resources: not an object");
	if (r == 0)
		r = add_flags(resources, o, e);
	if (r < 0)
		return r;
	*ret = json_incref(resources);
	return 0;
}

static int apply(const struct state_dir *dir, const json_t *config, struct err *e)
{
	struct cgroup cg = CGROUP_INIT;
	struct spec spec;
	int r = spec_from_json(config, &spec, e);

	if (r < 0)
		return r;
	r = state_open_cgroup(&dir->state, &cg, e);
	if (r == 0)
		r = isolators_update(&cg, &spec, e);
	cgroup_close(&cg);
	spec_done(&spec);
	return r < 0 ? r : 0;
}

static int update_locked(const struct state_dir *dir, const struct update_options *o,
			 struct err *e)
{
	json_auto_t *resources = NULL, *config = NULL;
	enum state_status status;
	int r = state_get_status(dir, &status, e);

	if (r < 0)
		return r;
	if (status == STATE_STOPPED || status == STATE_CREATING)
		return err_set(e, EINVAL, "update container '%s', which is %s", dir->state.id,
			       state_status_names[status]);
	if ((r = read_resources(o, &resources, e)) < 0 ||
	    (r = file_in_read_json(dir->fd, STATE_CONFIG, SPEC_MAX_DOCUMENT, &config, e)) < 0 ||
	    (r = spec_merge_resources(config, resources, e)) < 0 ||
	    (r = apply(dir, config, e)) < 0)
		return r;
	return state_keep_config(dir->fd, config, false, e);
}

static int update(const struct oci *oci, const void *options, char **args, int *ret_status,
		  struct err *e)
{
	struct state_dir dir = STATE_DIR_INIT;
	int r = state_open(oci->root, args[0], true, &dir, e);

	(void)ret_status;
	if (r < 0)
		return r;
	r = update_locked(&dir, options, e);
	state_close(&dir);
	return r;
}

const struct command command_update = {
	.name = "update",
	.arguments = "ID",
	.help = "change the limits of a container that runs",
	COMMAND_FLAGS(update_flags),
	.options_size = sizeof(struct update_options),
	.min_args = 1,
	.max_args = 1,
	.run = update,
};
