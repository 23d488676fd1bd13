/* The memory controller on cgroup v1. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "isolators/cgroup.h"
#include "isolators/cgroup_io.h"
#include "isolators/cgroup_text.h"
#include "isolators/cgroup_v1_files.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static const char memory_file[] = "memory.limit_in_bytes";
static const char both_file[] = "memory.memsw.limit_in_bytes";	/* memory and swap */

static int read_v1_limit(int fd, const char *file, uint64_t *ret, struct err *e)
{
	int r = v1_read_number(fd, file, ret, e);

	if (r == 0 && *ret >= CGROUP_V1_NO_LIMIT)
		*ret = UINT64_MAX;
	return r;
}

/*
 * v1 limits memory, and memory with swap; the second must never be below the first.  The swap
 * allowance that is set stays: the second limit moves along.
 */
static int write_memory_max(const struct cgroup *cg, int fd, const struct v1_file *row,
			    const char *value, struct err *e)
{
	uint64_t memory, both, old_memory, old_both;
	struct err lost = { 0 };
	int r = v1_parse_number(row, value, &memory, e);

	(void)cg;
	if (r < 0)
		return r;
	/* A kernel without swap accounting has the first limit only. */
	if (read_v1_limit(fd, both_file, &old_both, &lost) < 0 || old_both == UINT64_MAX)
		return v1_write_number(fd, memory_file, memory, e);
	r = read_v1_limit(fd, memory_file, &old_memory, e);
	if (r < 0)
		return r;
	if (__builtin_add_overflow(memory, old_both - old_memory, &both))
		both = UINT64_MAX;
	if (memory > old_memory) {
		r = v1_write_number(fd, both_file, both, e);
		return r < 0 ? r : v1_write_number(fd, memory_file, memory, e);
	}
	r = v1_write_number(fd, memory_file, memory, e);
	return r < 0 ? r : v1_write_number(fd, both_file, both, e);
}

static int write_swap_max(const struct cgroup *cg, int fd, const struct v1_file *row,
			  const char *value, struct err *e)
{
	uint64_t memory, swap, both;
	int r = v1_parse_number(row, value, &swap, e);

	(void)cg;
	if (r < 0)
		return r;
	r = read_v1_limit(fd, memory_file, &memory, e);
	if (r < 0)
		return r;
	if (swap == UINT64_MAX || __builtin_add_overflow(memory, swap, &both))
		both = UINT64_MAX;
	if (memory == UINT64_MAX && swap != UINT64_MAX)
		return err_set(e, ENOTSUP, "limit swap alone in cgroup v1");
	return v1_write_number(fd, both_file, both, e);
}

static int read_swap_max(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
			 size_t size, struct err *e)
{
	uint64_t memory, both;
	int r = read_v1_limit(fd, memory_file, &memory, e);

	(void)cg;
	(void)row;
	if (r < 0)
		return r;
	r = read_v1_limit(fd, both_file, &both, e);
	if (r < 0)
		return r;
	if (both == UINT64_MAX)
		return v1_put(buf, size, e, "max\n");
	return v1_put(buf, size, e, "%" PRIu64 "\n", both - memory);
}

static int read_swap_current(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
			     size_t size, struct err *e)
{
	uint64_t memory, both;
	int r = v1_read_number(fd, "memory.usage_in_bytes", &memory, e);

	(void)cg;
	(void)row;
	if (r < 0)
		return r;
	r = v1_read_number(fd, "memory.memsw.usage_in_bytes", &both, e);
	if (r < 0)
		return r;
	/* Two reads: the sum may be older than its part. */
	return v1_put(buf, size, e, "%" PRIu64 "\n", both > memory ? both - memory : 0);
}

/* No soft limit is the v1 of no protection. */
static int write_memory_low(const struct cgroup *cg, int fd, const struct v1_file *row,
			    const char *value, struct err *e)
{
	return v1_write_limit(cg, fd, row, strcmp(value, "0") == 0 ? "max" : value, e);
}

static int read_memory_low(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
			   size_t size, struct err *e)
{
	int r = v1_read_limit(cg, fd, row, buf, size, e);

	return r == 0 && strcmp(buf, "max\n") == 0 ? v1_put(buf, size, e, "0\n") : r;
}

static int read_memory_events(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
			      size_t size, struct err *e)
{
	uint64_t failures, kills;
	char text[256];
	int r = v1_read_number(fd, "memory.failcnt", &failures, e);

	(void)cg;
	if (r < 0)
		return r;
	r = cgroup_io_read(fd, row->v1, text, sizeof(text), e);
	if (r < 0)
		return r;
	if (cgroup_text_key(text, "oom_kill", &kills) < 0)
		return err_set(e, ENOTSUP, "count out-of-memory kills in cgroup v1");
	return v1_put(buf, size, e, "max %" PRIu64 "\noom_kill %" PRIu64 "\n", failures, kills);
}

/* Sums over the whole subtree, as v2 has them. */
static const struct {
	const char *v1, *v2;
} memory_stat_names[] = {
	{ "total_rss", "anon" },
	{ "total_cache", "file" },
	{ "total_mapped_file", "file_mapped" },
	{ "total_shmem", "shmem" },
	{ "total_unevictable", "unevictable" },
	{ "total_pgfault", "pgfault" },
	{ "total_pgmajfault", "pgmajfault" },
};

static int read_memory_stat(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
			    size_t size, struct err *e)
{
	char text[CGROUP_TEXT_SIZE];
	uint64_t value;
	size_t used;
	int r = cgroup_io_read(fd, row->v1, text, sizeof(text), e);

	(void)cg;
	if (r < 0)
		return r;
	r = v1_read_number(fd, "memory.kmem.usage_in_bytes", &value, e);
	if (r < 0)
		return r;
	r = v1_put(buf, size, e, "kernel %" PRIu64 "\n", value);
	for (size_t i = 0; i < ARRAY_SIZE(memory_stat_names) && r == 0; i++) {
		if (cgroup_text_key(text, memory_stat_names[i].v1, &value) < 0)
			continue;
		used = strlen(buf);
		r = v1_put(buf + used, size - used, e, "%s %" PRIu64 "\n", memory_stat_names[i].v2,
			value);
	}
	return r;
}

const struct v1_file v1_memory_files[] = {
	{ "memory.max", memory_file, v1_read_limit, write_memory_max },
	{ "memory.low", "memory.soft_limit_in_bytes", read_memory_low, write_memory_low },
	{ "memory.swap.max", NULL, read_swap_max, write_swap_max },
	{ "memory.swappiness", "memory.swappiness", v1_read_same, v1_write_same },
	{ "memory.current", "memory.usage_in_bytes", v1_read_same, NULL },
	{ "memory.peak", "memory.max_usage_in_bytes", v1_read_same, NULL },
	{ "memory.swap.current", NULL, read_swap_current, NULL },
	{ "memory.events", "memory.oom_control", read_memory_events, NULL },
	{ "memory.stat", "memory.stat", read_memory_stat, NULL },
};
const size_t n_v1_memory_files = ARRAY_SIZE(v1_memory_files);
