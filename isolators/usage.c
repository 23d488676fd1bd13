#include "isolators/usage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "isolators/cgroup.h"
#include "isolators/cgroup_text.h"
#include "isolators/isolator.h"
#include "isolators/usage_fields.h"
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
		.memory_swap_limit_bytes = UINT64_MAX, .memory_low_events = UINT64_MAX,
		.memory_high_events = UINT64_MAX, .memory_max_events = UINT64_MAX,
		.oom_events = UINT64_MAX, .oom_kills = UINT64_MAX, .oom_group_kills = UINT64_MAX,
		.pids = UINT64_MAX, .pids_peak = UINT64_MAX, .pids_limit = UINT64_MAX, .pids_rejected = UINT64_MAX,
		.processes = UINT64_MAX, .threads = UINT64_MAX,
		.io_read_bytes = UINT64_MAX, .io_write_bytes = UINT64_MAX,
		.io_reads = UINT64_MAX, .io_writes = UINT64_MAX,
		.net_rx_bytes = UINT64_MAX, .net_rx_packets = UINT64_MAX,
		.net_rx_errors = UINT64_MAX, .net_rx_dropped = UINT64_MAX,
		.net_tx_bytes = UINT64_MAX, .net_tx_packets = UINT64_MAX,
		.net_tx_errors = UINT64_MAX, .net_tx_dropped = UINT64_MAX,
		.disk_bytes = UINT64_MAX, .disk_limit_bytes = UINT64_MAX,
		.cpu_stalls = UINT64_MAX, .memory_stalls = UINT64_MAX, .io_stalls = UINT64_MAX,
	};
}

void usage_read_fields(const struct cgroup *cg, const struct usage_field *fields, size_t n,
		       struct usage *usage)
{
	char text[CGROUP_TEXT_SIZE];
	bool is_read = false;

	for (size_t i = 0; i < n; i++) {
		const struct usage_field *f = &fields[i];
		struct err unknown = { 0 };
		uint64_t value;
		int r;

		if (i == 0 || strcmp(f->file, fields[i - 1].file) != 0)
			is_read = cgroup_read(cg, f->file, text, sizeof(text), &unknown) == 0;
		if (!is_read)
			continue;
		r = f->key ? cgroup_text_key(text, f->key, &value) : cgroup_text_u64(text, &value);
		if (r == 0)
			memcpy((char *)usage + f->offset, &value, sizeof(value));
	}
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

void usage_read_pressure(const struct cgroup *cg, const char *file, struct usage_pressure *ret,
			 struct usage *usage)
{
	struct err unknown = { 0 };
	char text[512];

	if (cgroup_read(cg, file, text, sizeof(text), &unknown) < 0 ||
	    usage_parse_pressure(text, ret) < 0)
		usage->has_pressure = false;
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
	usage.has_pressure = true;
	for (size_t i = 0; isolator_table[i]; i++) {
		const struct isolator *iso = isolator_table[i];

		if (iso->sample && iso->sample(cg, &usage, e) < 0)
			return err_wrap(e, "%s", iso->name);
	}
	*ret = usage;
	return 0;
}
