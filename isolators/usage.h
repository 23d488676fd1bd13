/* What a container, or the node, uses at one moment: read from cgroup files, one struct. */
#ifndef ISOLATORS_USAGE_H
#define ISOLATORS_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cgroup;
struct err;

/* Pressure stall information (Documentation/accounting/psi.rst): averages in percent. */
struct usage_pressure {
	double some_avg10, some_avg60, some_avg300, full_avg10, full_avg60, full_avg300;
	uint64_t some_total_usec, full_total_usec;
};

/* More devices than these are in the sums alone. */
enum { USAGE_MAX_IO_DEVICES = 16, USAGE_MAX_PAGE_SIZES = 4, USAGE_MAX_RDMA_DEVICES = 4 };

struct usage_io_device {
	uint32_t major, minor;
	uint64_t read_bytes, write_bytes, reads, writes;
};

struct usage_hugepages {
	const char *page_size;	/* "2MB"; static */
	uint64_t bytes, limit_bytes, failures;
};

struct usage_rdma {
	char device[32];
	uint64_t handles, objects;
};

/* A field that the hierarchy cannot tell is UINT64_MAX. */
struct usage {
	int64_t wall_ms;
	uint64_t cpu_user_usec, cpu_system_usec, cpu_usage_usec;
	uint64_t cpu_nr_periods, cpu_nr_throttled, cpu_throttled_usec;
	uint64_t cpu_quota_usec, cpu_period_usec;	/* of cpu.max; quota UINT64_MAX: none */
	uint64_t cpu_weight;
	uint64_t memory_bytes, memory_peak_bytes, memory_limit_bytes, memory_low_bytes;
	uint64_t memory_anon_bytes, memory_file_bytes, memory_kernel_bytes, memory_mapped_bytes,
		memory_unevictable_bytes, memory_swap_bytes, memory_swap_limit_bytes;
	/* Times that memory.low was not kept, that memory.high and memory.max were reached. */
	uint64_t memory_low_events, memory_high_events, memory_max_events;
	uint64_t oom_events, oom_kills, oom_group_kills;
	uint64_t pids, pids_peak, pids_limit, pids_rejected;
	uint64_t processes, threads;
	uint64_t io_read_bytes, io_write_bytes, io_reads, io_writes;	/* of all devices */
	struct usage_io_device io_devices[USAGE_MAX_IO_DEVICES];
	struct usage_hugepages hugepages[USAGE_MAX_PAGE_SIZES];
	struct usage_rdma rdma[USAGE_MAX_RDMA_DEVICES];
	size_t n_io_devices, n_hugepages, n_rdma;
	uint64_t net_rx_bytes, net_rx_packets, net_rx_errors, net_rx_dropped;	/* filled by the agent, */
	uint64_t net_tx_bytes, net_tx_packets, net_tx_errors, net_tx_dropped;
	uint64_t disk_bytes, disk_limit_bytes;
	uint64_t cpu_stalls, memory_stalls, io_stalls;	/* as are these */
	bool has_pressure;
	struct usage_pressure cpu_pressure, memory_pressure, io_pressure;
};

/* Everything unknown. */
void usage_init(struct usage *usage);

/* Sample a container's cgroup.  Missing controllers leave their fields unknown. */
int usage_sample(const struct cgroup *cg, struct usage *ret, struct err *e);

/* The node: totals from /proc, /sys and PSI. */
struct usage_node {
	double load1, load5, load15;
	uint64_t cpus;				/* online */
	uint64_t cpu_busy_usec, cpu_total_usec;	/* since boot, all cpus, from /proc/stat */
	uint64_t memory_total_bytes, memory_available_bytes;
	uint64_t processes, pid_max;
	bool has_pressure;
	struct usage_pressure cpu_pressure, memory_pressure, io_pressure;
};
int usage_sample_node(struct usage_node *ret, struct err *e);

#endif
