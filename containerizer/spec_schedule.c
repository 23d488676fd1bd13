#include "containerizer/spec_json.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>

#include "containerizer/spec_parts.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/ranges.h"

struct word {
	const char *name;
	uint64_t value;
};

static const struct word policies[] = {
	{ "SCHED_OTHER", SCHED_NORMAL },
	{ "SCHED_FIFO", SCHED_FIFO },
	{ "SCHED_RR", SCHED_RR },
	{ "SCHED_BATCH", SCHED_BATCH },
	{ "SCHED_IDLE", SCHED_IDLE },
	{ "SCHED_DEADLINE", SCHED_DEADLINE },
};

static const struct word scheduler_flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK },
	{ "SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM },
	{ "SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN },
	{ "SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY },
	{ "SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX },
};

static const struct word io_classes[] = {
	{ "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT },
	{ "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE },
	{ "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE },
};

static const struct word personalities[] = {
	{ "LINUX", 0 },
	{ "LINUX32", 8 },	/* PER_LINUX32 */
};

static int find_word(const char *name, const char *where, const struct word *words, size_t n,
		     uint64_t *ret, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(words[i].name, name) != 0)
			continue;
		*ret = words[i].value;
		return 0;
	}
	return err_set(e, EINVAL, "%s: '%.64s' is not supported", where, name);
}

struct scheduler_item {
	char *policy;
	char **flags;
	int64_t nice;
	uint64_t priority, runtime, deadline, period;
};

static const struct json_field scheduler_fields[] = {
	FIELD_STR(struct scheduler_item, policy, "policy", true, 1, 32),
	FIELD_LIST(struct scheduler_item, flags, "flags", 16),
	FIELD_I64(struct scheduler_item, nice, "nice", -20, 19),
	FIELD_U64(struct scheduler_item, priority, "priority", false, 0, 99),
	FIELD_U64(struct scheduler_item, runtime, "runtime", false, 0, INT64_MAX),
	FIELD_U64(struct scheduler_item, deadline, "deadline", false, 0, INT64_MAX),
	FIELD_U64(struct scheduler_item, period, "period", false, 0, INT64_MAX),
};

static int set_scheduler(const struct scheduler_item *item, struct spec_scheduler *s,
			 struct err *e)
{
	uint64_t policy = 0, flag = 0;
	int r = find_word(item->policy, "process.scheduler.policy", policies, ARRAY_SIZE(policies),
			  &policy, e);

	if (r < 0)
		return r;
	*s = (struct spec_scheduler){
		.is_set = true, .policy = (uint32_t)policy, .nice = (int32_t)item->nice,
		.priority = (uint32_t)item->priority, .runtime = item->runtime,
		.deadline = item->deadline, .period = item->period,
	};
	for (char **name = item->flags; name && *name; name++) {
		r = find_word(*name, "process.scheduler.flags", scheduler_flags,
			      ARRAY_SIZE(scheduler_flags), &flag, e);
		if (r < 0)
			return r;
		s->flags |= flag;
	}
	return 0;
}

int spec_read_scheduler(const json_t *object, struct spec *spec, struct err *e)
{
	struct scheduler_item item = { 0 };
	int r;

	if (!object)
		return 0;
	r = json_read_fields(object, "process.scheduler", scheduler_fields,
			     ARRAY_SIZE(scheduler_fields), &item, e);
	if (r < 0)
		return r;
	r = set_scheduler(&item, &spec->scheduler, e);
	json_free_fields(scheduler_fields, ARRAY_SIZE(scheduler_fields), &item);
	return r;
}

struct io_priority_item {
	char *class;
	uint64_t priority;
};

static const struct json_field io_priority_fields[] = {
	FIELD_STR(struct io_priority_item, class, "class", true, 1, 32),
	FIELD_U64(struct io_priority_item, priority, "priority", false, 0, 7),
};

int spec_read_io_priority(const json_t *object, struct spec *spec, struct err *e)
{
	struct io_priority_item item = { 0 };
	uint64_t class = 0;
	int r;

	if (!object)
		return 0;
	r = json_read_fields(object, "process.ioPriority", io_priority_fields,
			     ARRAY_SIZE(io_priority_fields), &item, e);
	if (r < 0)
		return r;
	r = find_word(item.class, "process.ioPriority.class", io_classes, ARRAY_SIZE(io_classes),
		      &class, e);
	if (r == 0) {
		spec->has_io_priority = true;
		spec->io_class = (int)class;
		spec->io_priority = (int)item.priority;
	}
	json_free_fields(io_priority_fields, ARRAY_SIZE(io_priority_fields), &item);
	return r;
}

struct affinity_item {
	char *initial, *final;
};

static const struct json_field affinity_fields[] = {
	FIELD_STR(struct affinity_item, initial, "initial", false, 1, 4096),
	FIELD_STR(struct affinity_item, final, "final", false, 1, 4096),
};

static int check_cpus(const char *list, const char *where, struct err *e)
{
	struct ranges set = { 0 };
	int r = list ? ranges_parse(list, &set) : 0;

	if (list && r == 0 && ranges_count(&set) == 0)
		r = -EINVAL;
	ranges_done(&set);
	return r < 0 ? err_set(e, -r, "%s: '%.64s' is not a list of processors", where, list) : 0;
}

/* It is for processes that are started later beside the container's own. */
int spec_read_affinity(const json_t *object, struct spec *spec, struct err *e)
{
	struct affinity_item item = { 0 };
	int r;

	if (!object)
		return 0;
	r = json_read_fields(object, "process.execCPUAffinity", affinity_fields,
			     ARRAY_SIZE(affinity_fields), &item, e);
	if (r == 0)
		r = check_cpus(item.initial, "process.execCPUAffinity.initial", e);
	if (r == 0)
		r = check_cpus(item.final, "process.execCPUAffinity.final", e);
	if (r == 0) {
		spec->exec_cpus_initial = TAKE_PTR(item.initial);
		spec->exec_cpus_final = TAKE_PTR(item.final);
	}
	json_free_fields(affinity_fields, ARRAY_SIZE(affinity_fields), &item);
	return r;
}

struct personality_item {
	char *domain;
	char **flags;
};

static const struct json_field personality_fields[] = {
	FIELD_STR(struct personality_item, domain, "domain", true, 1, 32),
	FIELD_LIST(struct personality_item, flags, "flags", 16),
};

int spec_read_personality(const json_t *object, struct spec *spec, struct err *e)
{
	struct personality_item item = { 0 };
	uint64_t value = 0;
	int r;

	if (!object)
		return 0;
	r = json_read_fields(object, "linux.personality", personality_fields,
			     ARRAY_SIZE(personality_fields), &item, e);
	if (r < 0)
		return r;
	r = find_word(item.domain, "linux.personality.domain", personalities,
		      ARRAY_SIZE(personalities), &value, e);
	if (r == 0 && item.flags && item.flags[0])
		r = err_set(e, EINVAL, "linux.personality.flags: '%.64s' is not supported",
			    item.flags[0]);
	spec->has_personality = r == 0;
	spec->personality = (unsigned long)value;
	json_free_fields(personality_fields, ARRAY_SIZE(personality_fields), &item);
	return r;
}
