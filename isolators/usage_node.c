#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "isolators/cgroup_text.h"
#include "isolators/usage.h"
#include "isolators/usage_fields.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* The first part of a file is enough: what is wanted stands at its start. */
static int read_start(const char *path, char *buf, size_t size, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n;

	if (fd < 0)
		return err_set(e, errno, "open '%s'", path);
	while (used + 1 < size && (n = read(fd, buf + used, size - used - 1)) != 0) {
		if (n < 0)
			return err_set(e, errno, "read '%s'", path);
		used += (size_t)n;
	}
	buf[used] = '\0';
	return 0;
}

/* "0.18 0.20 0.10 1/123 4567": three averages, running and all kernel entities. */
static int read_load(struct usage_node *node, struct err *e)
{
	char text[128];
	unsigned long long running, all;
	int r = read_start("/proc/loadavg", text, sizeof(text), e);

	if (r < 0)
		return r;
	if (sscanf(text, "%lf %lf %lf %llu/%llu", &node->load1, &node->load5, &node->load15,
		   &running, &all) != 5)
		return err_set(e, EINVAL, "parse '/proc/loadavg'");
	node->processes = all;
	return 0;
}

/* User, nice, system, idle, iowait, irq, softirq and steal of all cpus, in ticks. */
static int read_cpu(struct usage_node *node, struct err *e)
{
	unsigned long long tick_usec = 1000000 / (unsigned long)sysconf(_SC_CLK_TCK);
	unsigned long long t[8], total = 0;
	char text[512];
	int r = read_start("/proc/stat", text, sizeof(text), e);

	if (r < 0)
		return r;
	if (sscanf(text, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &t[0], &t[1], &t[2], &t[3],
		   &t[4], &t[5], &t[6], &t[7]) != 8)
		return err_set(e, EINVAL, "parse '/proc/stat'");
	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		total += t[i];
	node->cpu_total_usec = total * tick_usec;
	node->cpu_busy_usec = (total - t[3] - t[4]) * tick_usec;
	return 0;
}

/* "MemTotal:       16384 kB" */
static int read_memory_line(const char *text, const char *key, uint64_t *ret, struct err *e)
{
	const char *line = strstr(text, key);
	unsigned long long kib;

	if (!line || sscanf(line + strlen(key), "%llu kB", &kib) != 1)
		return err_set(e, EINVAL, "find '%s' in '/proc/meminfo'", key);
	*ret = kib * 1024;
	return 0;
}

static int read_memory(struct usage_node *node, struct err *e)
{
	char text[4096];
	int r = read_start("/proc/meminfo", text, sizeof(text), e);

	if (r < 0)
		return r;
	r = read_memory_line(text, "MemTotal:", &node->memory_total_bytes, e);
	if (r < 0)
		return r;
	return read_memory_line(text, "MemAvailable:", &node->memory_available_bytes, e);
}

static int read_pid_max(struct usage_node *node, struct err *e)
{
	char text[64];
	int r = read_start("/proc/sys/kernel/pid_max", text, sizeof(text), e);

	if (r < 0)
		return r;
	r = cgroup_text_u64(text, &node->pid_max);
	return r < 0 ? err_set(e, -r, "parse '/proc/sys/kernel/pid_max'") : 0;
}

static bool read_pressure(const char *path, struct usage_pressure *ret)
{
	struct err unknown = { 0 };
	char text[512];

	return read_start(path, text, sizeof(text), &unknown) == 0 &&
		usage_parse_pressure(text, ret) == 0;
}

int usage_sample_node(struct usage_node *ret, struct err *e)
{
	struct usage_node node = { 0 };
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int r;

	if (cpus < 1)
		return err_set(e, EINVAL, "count online cpus");
	node.cpus = (uint64_t)cpus;
	if ((r = read_load(&node, e)) < 0 || (r = read_cpu(&node, e)) < 0 ||
	    (r = read_memory(&node, e)) < 0 || (r = read_pid_max(&node, e)) < 0)
		return r;
	/* A kernel may be built or started without it. */
	node.has_pressure = read_pressure("/proc/pressure/cpu", &node.cpu_pressure) &&
		read_pressure("/proc/pressure/memory", &node.memory_pressure) &&
		read_pressure("/proc/pressure/io", &node.io_pressure);
	*ret = node;
	return 0;
}
