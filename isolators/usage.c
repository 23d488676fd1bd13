#include "isolators/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "isolators/cgroup.h"
#include "isolators/cgroup_text.h"
#include "isolators/usage_text.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"

void usage_init(struct usage *usage)
{
	/* Every counter is a uint64_t and unknown; the rest is zero. */
	*usage = (struct usage){
		.cpu_user_usec = UINT64_MAX, .cpu_system_usec = UINT64_MAX,
		.cpu_usage_usec = UINT64_MAX, .cpu_nr_periods = UINT64_MAX,
		.cpu_nr_throttled = UINT64_MAX, .cpu_throttled_usec = UINT64_MAX,
		.cpu_quota_usec = UINT64_MAX, .cpu_period_usec = UINT64_MAX,
		.cpu_weight = UINT64_MAX,
		.memory_bytes = UINT64_MAX, .memory_peak_bytes = UINT64_MAX,
		.memory_limit_bytes = UINT64_MAX, .memory_low_bytes = UINT64_MAX,
		.memory_anon_bytes = UINT64_MAX, .memory_file_bytes = UINT64_MAX,
		.memory_kernel_bytes = UINT64_MAX, .memory_mapped_bytes = UINT64_MAX,
		.memory_unevictable_bytes = UINT64_MAX, .memory_swap_bytes = UINT64_MAX,
		.oom_events = UINT64_MAX, .oom_kills = UINT64_MAX,
		.pids = UINT64_MAX, .pids_limit = UINT64_MAX, .pids_rejected = UINT64_MAX,
		.processes = UINT64_MAX, .threads = UINT64_MAX,
		.io_read_bytes = UINT64_MAX, .io_write_bytes = UINT64_MAX,
		.io_reads = UINT64_MAX, .io_writes = UINT64_MAX,
		.disk_bytes = UINT64_MAX, .disk_limit_bytes = UINT64_MAX,
	};
}

/* Where a file's numbers go; rows of one file follow each other, so that it is read once. */
static const struct {
	const char *file;
	const char *key;	/* NULL: the file is one number */
	size_t offset;
} usage_fields[] = {
#define FIELD(file, key, member) { file, key, offsetof(struct usage, member) }
	FIELD("cpu.stat", "usage_usec", cpu_usage_usec),
	FIELD("cpu.stat", "user_usec", cpu_user_usec),
	FIELD("cpu.stat", "system_usec", cpu_system_usec),
	FIELD("cpu.stat", "nr_periods", cpu_nr_periods),
	FIELD("cpu.stat", "nr_throttled", cpu_nr_throttled),
	FIELD("cpu.stat", "throttled_usec", cpu_throttled_usec),
	FIELD("cpu.weight", NULL, cpu_weight),
	FIELD("memory.current", NULL, memory_bytes),
	FIELD("memory.peak", NULL, memory_peak_bytes),
	FIELD("memory.max", NULL, memory_limit_bytes),
	FIELD("memory.low", NULL, memory_low_bytes),
	FIELD("memory.swap.current", NULL, memory_swap_bytes),
	FIELD("memory.stat", "anon", memory_anon_bytes),
	FIELD("memory.stat", "file", memory_file_bytes),
	FIELD("memory.stat", "kernel", memory_kernel_bytes),
	FIELD("memory.stat", "file_mapped", memory_mapped_bytes),
	FIELD("memory.stat", "unevictable", memory_unevictable_bytes),
	FIELD("memory.events", "oom", oom_events),
	FIELD("memory.events", "oom_kill", oom_kills),
	FIELD("pids.current", NULL, pids),
	FIELD("pids.max", NULL, pids_limit),
	FIELD("pids.events", "max", pids_rejected),
#undef FIELD
};

static void read_fields(const struct cgroup *cg, struct usage *usage)
{
	char text[CGROUP_TEXT_SIZE];
	const char *read_last = NULL;
	bool is_read = false;

	for (size_t i = 0; i < ARRAY_SIZE(usage_fields); i++) {
		const char *file = usage_fields[i].file, *key = usage_fields[i].key;
		struct err unknown = { 0 };
		uint64_t value;
		int r;

		if (!read_last || strcmp(file, read_last) != 0) {
			is_read = cgroup_read(cg, file, text, sizeof(text), &unknown) == 0;
			read_last = file;
		}
		if (!is_read)
			continue;
		r = key ? cgroup_text_key(text, key, &value) : cgroup_text_u64(text, &value);
		if (r == 0)
			memcpy((char *)usage + usage_fields[i].offset, &value, sizeof(value));
	}
}

static void read_cpu_max(const struct cgroup *cg, struct usage *usage)
{
	struct err unknown = { 0 };
	char text[64];
	char *period;

	if (cgroup_read(cg, "cpu.max", text, sizeof(text), &unknown) < 0)
		return;
	period = strchr(text, ' ');
	if (!period)
		return;
	*period++ = '\0';
	(void)cgroup_text_u64(text, &usage->cpu_quota_usec);
	(void)cgroup_text_u64(period, &usage->cpu_period_usec);
}

/* A group that has done no i/o has an empty io.stat. */
static void read_io(const struct cgroup *cg, struct usage *usage)
{
	static const struct {
		const char *name;
		size_t offset;
	} sums[] = {
		{ "rbytes", offsetof(struct usage, io_read_bytes) },
		{ "wbytes", offsetof(struct usage, io_write_bytes) },
		{ "rios", offsetof(struct usage, io_reads) },
		{ "wios", offsetof(struct usage, io_writes) },
	};
	struct err unknown = { 0 };
	char text[CGROUP_TEXT_SIZE];

	if (cgroup_read(cg, "io.stat", text, sizeof(text), &unknown) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(sums); i++) {
		uint64_t value = 0;

		if (cgroup_text_sum(text, sums[i].name, &value) != -ERANGE)
			memcpy((char *)usage + sums[i].offset, &value, sizeof(value));
	}
}

/* Lines of cgroup.procs or cgroup.threads, by blocks: there may be many. */
static void count_lines(const struct cgroup *cg, const char *file, uint64_t *ret)
{
	AUTO_CLOSE int fd = openat(cg->core_fd, file, O_RDONLY | O_CLOEXEC);
	uint64_t lines = 0;
	char buf[4096];
	ssize_t n;

	if (fd < 0)
		return;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
	}
	if (n == 0)
		*ret = lines;
}

int usage_parse_pressure(const char *text, struct usage_pressure *ret)
{
	struct usage_pressure p = { 0 };
	unsigned long long some = 0, full = 0;
	int n = sscanf(text, "some avg10=%lf avg60=%lf avg300=%lf total=%llu full avg10=%lf "
		       "avg60=%lf avg300=%lf total=%llu", &p.some_avg10, &p.some_avg60,
		       &p.some_avg300, &some, &p.full_avg10, &p.full_avg60, &p.full_avg300, &full);

	/* cpu had no line "full" before Linux 5.13. */
	if (n != 4 && n != 8)
		return -EINVAL;
	p.some_total_usec = some;
	p.full_total_usec = full;
	*ret = p;
	return 0;
}

static bool read_pressure(const struct cgroup *cg, const char *file, struct usage_pressure *ret)
{
	struct err unknown = { 0 };
	char text[512];

	return cgroup_read(cg, file, text, sizeof(text), &unknown) == 0 &&
		usage_parse_pressure(text, ret) == 0;
}

int usage_sample(const struct cgroup *cg, struct usage *ret, struct err *e)
{
	struct usage usage;
	bool is_populated;
	int r;

	usage_init(&usage);
	/* Every group has this file: without it the container is gone, and zeros would be wrong. */
	r = cgroup_is_populated(cg, &is_populated, e);
	if (r < 0)
		return r;
	usage.wall_ms = clock_wall_ms();
	read_fields(cg, &usage);
	read_cpu_max(cg, &usage);
	read_io(cg, &usage);
	count_lines(cg, "cgroup.procs", &usage.processes);
	count_lines(cg, "cgroup.threads", &usage.threads);
	usage.has_pressure = read_pressure(cg, "cpu.pressure", &usage.cpu_pressure) &&
		read_pressure(cg, "memory.pressure", &usage.memory_pressure) &&
		read_pressure(cg, "io.pressure", &usage.io_pressure);
	*ret = usage;
	return 0;
}
