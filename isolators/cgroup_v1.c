#include "isolators/cgroup_v1.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "isolators/cgroup_io.h"
#include "isolators/cgroup_text.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* A v1 limit from here on is no limit: the kernel rounds its largest value to pages. */
static const uint64_t V1_NO_LIMIT = UINT64_C(1) << 62;

struct v1_file {
	const char *file;	/* v2 name */
	const char *v1;		/* v1 name, for the plain translations */
	int (*read)(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
		    size_t size, struct err *e);
	int (*write)(const struct cgroup *cg, int fd, const struct v1_file *row, const char *value,
		     struct err *e);
};

static int put(char *buf, size_t size, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int put(char *buf, size_t size, struct err *e, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= size)
		return err_set(e, E2BIG, "read cgroup v1 file");
	return 0;
}

static int read_number(int fd, const char *file, uint64_t *ret, struct err *e)
{
	char buf[64];
	int r = cgroup_io_read(fd, file, buf, sizeof(buf), e);

	if (r < 0)
		return r;
	r = cgroup_text_u64(buf, ret);
	return r < 0 ? err_set(e, -r, "parse cgroup file '%s'", file) : 0;
}

static int write_number(int fd, const char *file, uint64_t value, struct err *e)
{
	char buf[32];

	(void)snprintf(buf, sizeof(buf), "%" PRIu64, value);
	return cgroup_io_write(fd, file, value == UINT64_MAX ? "-1" : buf, e);
}

static int parse_number(const struct v1_file *row, const char *value, uint64_t *ret, struct err *e)
{
	int r = cgroup_text_u64(value, ret);

	return r < 0 ? err_set(e, -r, "write '%s' to cgroup file '%s'", value, row->file) : 0;
}

/* The same text in both versions. */
static int read_same(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
		     size_t size, struct err *e)
{
	(void)cg;
	return cgroup_io_read(fd, row->v1, buf, size, e);
}

static int write_same(const struct cgroup *cg, int fd, const struct v1_file *row,
		      const char *value, struct err *e)
{
	(void)cg;
	return cgroup_io_write(fd, row->v1, value, e);
}

/* Bytes, where v1 says "no limit" with a number and takes -1 for it. */
static int read_limit(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
		      size_t size, struct err *e)
{
	uint64_t bytes;
	int r = read_number(fd, row->v1, &bytes, e);

	(void)cg;
	if (r < 0)
		return r;
	if (bytes >= V1_NO_LIMIT)
		return put(buf, size, e, "max\n");
	return put(buf, size, e, "%" PRIu64 "\n", bytes);
}

static int write_limit(const struct cgroup *cg, int fd, const struct v1_file *row,
		       const char *value, struct err *e)
{
	uint64_t bytes;
	int r = parse_number(row, value, &bytes, e);

	(void)cg;
	return r < 0 ? r : write_number(fd, row->v1, bytes, e);
}

/* ---- cpu ---- */

/* Both scales are proportional: a weight of 100 and 1024 shares are what a group has by default. */
static int read_cpu_weight(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
			   size_t size, struct err *e)
{
	uint64_t shares, weight;
	int r = read_number(fd, row->v1, &shares, e);

	(void)cg;
	if (r < 0)
		return r;
	weight = (shares * 100 + 512) / 1024;
	if (weight < 1)
		weight = 1;
	return put(buf, size, e, "%" PRIu64 "\n", weight > 10000 ? 10000 : weight);
}

static int write_cpu_weight(const struct cgroup *cg, int fd, const struct v1_file *row,
			    const char *value, struct err *e)
{
	uint64_t weight;
	int r = parse_number(row, value, &weight, e);

	(void)cg;
	if (r < 0)
		return r;
	if (weight < 1 || weight > 10000)
		return err_set(e, ERANGE, "write '%s' to cgroup file '%s'", value, row->file);
	return write_number(fd, row->v1, (weight * 1024 + 50) / 100, e);
}

static int read_cpu_max(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
			size_t size, struct err *e)
{
	char quota[64];
	uint64_t period;
	int r = cgroup_io_read(fd, "cpu.cfs_quota_us", quota, sizeof(quota), e);

	(void)cg;
	(void)row;
	if (r < 0)
		return r;
	r = read_number(fd, "cpu.cfs_period_us", &period, e);
	if (r < 0)
		return r;
	quota[strcspn(quota, "\n")] = '\0';
	return put(buf, size, e, "%s %" PRIu64 "\n", quota[0] == '-' ? "max" : quota, period);
}

static int write_cpu_max(const struct cgroup *cg, int fd, const struct v1_file *row,
			 const char *value, struct err *e)
{
	const char *period = strchr(value, ' ');
	char quota[32];
	uint64_t number;
	int r;

	(void)cg;
	r = snprintf(quota, sizeof(quota), "%.*s", (int)strcspn(value, " "), value);
	if (r < 0 || (size_t)r >= sizeof(quota))
		return err_set(e, EINVAL, "write '%s' to cgroup file '%s'", value, row->file);
	r = parse_number(row, quota, &number, e);
	if (r < 0)
		return r;
	/* The period first: a quota is checked against the period that is set. */
	if (period) {
		r = cgroup_io_write(fd, "cpu.cfs_period_us", period + 1, e);
		if (r < 0)
			return r;
	}
	return write_number(fd, "cpu.cfs_quota_us", number, e);
}

/* Times come from the v2 core, which counts them for every cgroup; throttling from v1. */
static int read_cpu_stat(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
			 size_t size, struct err *e)
{
	uint64_t periods = 0, throttled = 0, throttled_nsec = 0;
	char text[1024];
	size_t used;
	int r = cgroup_io_read(fd, row->v1, text, sizeof(text), e);

	if (r < 0)
		return r;
	r = cgroup_io_read(cg->core_fd, "cpu.stat", buf, size, e);
	if (r < 0)
		return r;
	(void)cgroup_text_key(text, "nr_periods", &periods);
	(void)cgroup_text_key(text, "nr_throttled", &throttled);
	(void)cgroup_text_key(text, "throttled_time", &throttled_nsec);
	used = strlen(buf);
	return put(buf + used, size - used, e, "nr_periods %" PRIu64 "\nnr_throttled %" PRIu64
		   "\nthrottled_usec %" PRIu64 "\n", periods, throttled, throttled_nsec / 1000);
}

/* ---- memory ---- */

static const char memory_file[] = "memory.limit_in_bytes";
static const char both_file[] = "memory.memsw.limit_in_bytes";	/* memory and swap */

static int read_v1_limit(int fd, const char *file, uint64_t *ret, struct err *e)
{
	int r = read_number(fd, file, ret, e);

	if (r == 0 && *ret >= V1_NO_LIMIT)
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
	int r = parse_number(row, value, &memory, e);

	(void)cg;
	if (r < 0)
		return r;
	/* A kernel without swap accounting has the first limit only. */
	if (read_v1_limit(fd, both_file, &old_both, &lost) < 0 || old_both == UINT64_MAX)
		return write_number(fd, memory_file, memory, e);
	r = read_v1_limit(fd, memory_file, &old_memory, e);
	if (r < 0)
		return r;
	if (__builtin_add_overflow(memory, old_both - old_memory, &both))
		both = UINT64_MAX;
	if (memory > old_memory) {
		r = write_number(fd, both_file, both, e);
		return r < 0 ? r : write_number(fd, memory_file, memory, e);
	}
	r = write_number(fd, memory_file, memory, e);
	return r < 0 ? r : write_number(fd, both_file, both, e);
}

static int write_swap_max(const struct cgroup *cg, int fd, const struct v1_file *row,
			  const char *value, struct err *e)
{
	uint64_t memory, swap, both;
	int r = parse_number(row, value, &swap, e);

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
	return write_number(fd, both_file, both, e);
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
		return put(buf, size, e, "max\n");
	return put(buf, size, e, "%" PRIu64 "\n", both - memory);
}

static int read_swap_current(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
			     size_t size, struct err *e)
{
	uint64_t memory, both;
	int r = read_number(fd, "memory.usage_in_bytes", &memory, e);

	(void)cg;
	(void)row;
	if (r < 0)
		return r;
	r = read_number(fd, "memory.memsw.usage_in_bytes", &both, e);
	if (r < 0)
		return r;
	/* Two reads: the sum may be older than its part. */
	return put(buf, size, e, "%" PRIu64 "\n", both > memory ? both - memory : 0);
}

static int read_memory_events(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
			      size_t size, struct err *e)
{
	uint64_t failures, kills;
	char text[256];
	int r = read_number(fd, "memory.failcnt", &failures, e);

	(void)cg;
	if (r < 0)
		return r;
	r = cgroup_io_read(fd, row->v1, text, sizeof(text), e);
	if (r < 0)
		return r;
	if (cgroup_text_key(text, "oom_kill", &kills) < 0)
		return err_set(e, ENOTSUP, "count out-of-memory kills in cgroup v1");
	return put(buf, size, e, "max %" PRIu64 "\noom_kill %" PRIu64 "\n", failures, kills);
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
	r = read_number(fd, "memory.kmem.usage_in_bytes", &value, e);
	if (r < 0)
		return r;
	r = put(buf, size, e, "kernel %" PRIu64 "\n", value);
	for (size_t i = 0; i < ARRAY_SIZE(memory_stat_names) && r == 0; i++) {
		if (cgroup_text_key(text, memory_stat_names[i].v1, &value) < 0)
			continue;
		used = strlen(buf);
		r = put(buf + used, size - used, e, "%s %" PRIu64 "\n", memory_stat_names[i].v2,
			value);
	}
	return r;
}

/* ---- io ---- */

/* The four numbers of a line of io.max or io.stat. */
static const struct {
	const char *v2, *v1;
} io_max_names[] = {
	{ "rbps=", "blkio.throttle.read_bps_device" },
	{ "wbps=", "blkio.throttle.write_bps_device" },
	{ "riops=", "blkio.throttle.read_iops_device" },
	{ "wiops=", "blkio.throttle.write_iops_device" },
};

static int write_io_max_part(int fd, const char *device, size_t device_length, const char *part,
			     size_t length, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(io_max_names); i++) {
		size_t name_length = strlen(io_max_names[i].v2);
		char text[96];
		int n;

		if (length <= name_length || strncmp(part, io_max_names[i].v2, name_length) != 0)
			continue;
		part += name_length;
		length -= name_length;
		/* Zero takes a v1 throttle away. */
		if (length == 3 && strncmp(part, "max", 3) == 0) {
			part = "0";
			length = 1;
		}
		n = snprintf(text, sizeof(text), "%.*s %.*s", (int)device_length, device,
			     (int)length, part);
		if (n < 0 || (size_t)n >= sizeof(text))
			break;
		return cgroup_io_write(fd, io_max_names[i].v1, text, e);
	}
	return err_set(e, EINVAL, "write '%.*s' to cgroup file 'io.max'", (int)length, part);
}

static int write_io_max(const struct cgroup *cg, int fd, const struct v1_file *row,
			const char *value, struct err *e)
{
	size_t device_length = strcspn(value, " ");
	const char *part = value + device_length;
	int r = 0;

	(void)cg;
	(void)row;
	while (r == 0 && *(part += strspn(part, " "))) {
		size_t length = strcspn(part, " ");

		r = write_io_max_part(fd, value, device_length, part, length, e);
		part += length;
	}
	return r;
}

/* "8:0 Read 4096": the sum over all devices of the lines with WHAT. */
static uint64_t sum_io(const char *text, const char *what)
{
	uint64_t sum = 0, value;

	for (const char *p = text; (p = strstr(p, what)); p++) {
		if (cgroup_text_key(p, what, &value) == 0)
			sum += value;
	}
	return sum;
}

/* One line for all devices: who asks wants the sums. */
static int read_io_stat(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
			size_t size, struct err *e)
{
	char bytes[CGROUP_TEXT_SIZE], count[CGROUP_TEXT_SIZE];
	int r = cgroup_io_read(fd, row->v1, bytes, sizeof(bytes), e);

	(void)cg;
	if (r < 0)
		return r;
	r = cgroup_io_read(fd, "blkio.throttle.io_serviced_recursive", count, sizeof(count), e);
	if (r < 0)
		return r;
	return put(buf, size, e, "all rbytes=%" PRIu64 " wbytes=%" PRIu64 " rios=%" PRIu64
		   " wios=%" PRIu64 "\n", sum_io(bytes, "Read"), sum_io(bytes, "Write"),
		   sum_io(count, "Read"), sum_io(count, "Write"));
}

/* v2 goes up to 10000, v1 up to 1000; 100 is the default of both. */
static int write_io_weight(const struct cgroup *cg, int fd, const struct v1_file *row,
			   const char *value, struct err *e)
{
	uint64_t weight;
	int r = parse_number(row, value, &weight, e);

	(void)cg;
	if (r < 0)
		return r;
	return write_number(fd, row->v1, weight > 1000 ? 1000 : weight, e);
}

/* ---- the table ---- */

static const struct v1_file v1_files[] = {
	{ "cpu.weight", "cpu.shares", read_cpu_weight, write_cpu_weight },
	{ "cpu.max", NULL, read_cpu_max, write_cpu_max },
	{ "cpu.max.burst", "cpu.cfs_burst_us", read_same, write_same },
	{ "cpu.idle", "cpu.idle", read_same, write_same },
	{ "cpu.stat", "cpu.stat", read_cpu_stat, NULL },
	{ "cpuset.cpus", "cpuset.cpus", read_same, write_same },
	{ "cpuset.mems", "cpuset.mems", read_same, write_same },
	{ "cpuset.cpus.effective", "cpuset.effective_cpus", read_same, NULL },
	{ "cpuset.mems.effective", "cpuset.effective_mems", read_same, NULL },
	{ "memory.max", memory_file, read_limit, write_memory_max },
	{ "memory.low", "memory.soft_limit_in_bytes", read_limit, write_limit },
	{ "memory.swap.max", NULL, read_swap_max, write_swap_max },
	{ "memory.current", "memory.usage_in_bytes", read_same, NULL },
	{ "memory.peak", "memory.max_usage_in_bytes", read_same, NULL },
	{ "memory.swap.current", NULL, read_swap_current, NULL },
	{ "memory.events", "memory.oom_control", read_memory_events, NULL },
	{ "memory.stat", "memory.stat", read_memory_stat, NULL },
	{ "pids.max", "pids.max", read_same, write_same },
	{ "pids.current", "pids.current", read_same, NULL },
	{ "pids.peak", "pids.peak", read_same, NULL },
	{ "pids.events", "pids.events", read_same, NULL },
	{ "io.max", NULL, NULL, write_io_max },
	{ "io.weight", "blkio.bfq.weight", read_same, write_io_weight },
	{ "io.stat", "blkio.throttle.io_service_bytes_recursive", read_io_stat, NULL },
};

static const struct v1_file *find_file(const char *file)
{
	for (size_t i = 0; i < ARRAY_SIZE(v1_files); i++) {
		if (strcmp(v1_files[i].file, file) == 0)
			return &v1_files[i];
	}
	return NULL;
}

int cgroup_v1_write(const struct cgroup *cg, enum cgroup_controller controller, const char *file,
		    const char *value, struct err *e)
{
	const struct v1_file *row = find_file(file);

	if (!row || !row->write)
		return err_set(e, ENOTSUP, "write cgroup file '%s' on cgroup v1", file);
	return row->write(cg, cg->fds[controller], row, value, e);
}

int cgroup_v1_read(const struct cgroup *cg, enum cgroup_controller controller, const char *file,
		   char *buf, size_t size, struct err *e)
{
	const struct v1_file *row = find_file(file);

	if (!row || !row->read)
		return err_set(e, ENOTSUP, "read cgroup file '%s' on cgroup v1", file);
	return row->read(cg, cg->fds[controller], row, buf, size, e);
}

int cgroup_v1_join(int dir_fd, struct err *e)
{
	/*
	 * A thread that moves itself alone takes no lock over all processes of the host.  By
	 * "cgroup.procs", and for another process, it does, and waits for a grace period of RCU:
	 * ten milliseconds of a launch.
	 */
	return cgroup_io_write(dir_fd, "tasks", "0", e);
}

int cgroup_v1_open_oom_events(const struct cgroup *cg, struct err *e)
{
	int dir_fd = cg->fds[CGROUP_MEMORY];
	AUTO_CLOSE int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	AUTO_CLOSE int control_fd = -EBADF;
	char text[32];
	int r;

	if (event_fd < 0)
		return err_set(e, errno, "create eventfd");
	control_fd = openat(dir_fd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	if (control_fd < 0)
		return err_set(e, errno, "open cgroup file 'memory.oom_control'");
	(void)snprintf(text, sizeof(text), "%d %d", event_fd, control_fd);
	r = cgroup_io_write(dir_fd, "cgroup.event_control", text, e);
	return r < 0 ? r : TAKE_FD(event_fd);
}

/* From the parent, where nothing is set yet. */
static int seed_cpuset(int parent_fd, int dir_fd, const char *file, struct err *e)
{
	char now[4096], value[4096];
	int r = cgroup_io_read(dir_fd, file, now, sizeof(now), e);

	if (r < 0)
		return r;
	if (now[strspn(now, " \n")] != '\0')
		return 0;
	r = cgroup_io_read(parent_fd, file, value, sizeof(value), e);
	return r < 0 ? r : cgroup_io_write(dir_fd, file, value, e);
}

int cgroup_v1_prepare_dir(const char *dir, enum cgroup_controller controller, struct err *e)
{
	AUTO_CLOSE int dir_fd = -EBADF, parent_fd = -EBADF;
	int r;

	if (controller != CGROUP_CPUSET)
		return 0;
	dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	parent_fd = dir_fd < 0 ? -EBADF : openat(dir_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (parent_fd < 0)
		return err_set(e, errno, "open cgroup '%s'", dir);
	r = seed_cpuset(parent_fd, dir_fd, "cpuset.cpus", e);
	if (r < 0)
		return r;
	r = seed_cpuset(parent_fd, dir_fd, "cpuset.mems", e);
	if (r < 0)
		return r;
	/* Containers made in it then get theirs from the kernel. */
	return cgroup_io_write(dir_fd, "cgroup.clone_children", "1", e);
}
