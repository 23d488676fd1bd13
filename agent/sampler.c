#include "agent/sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/disk.h"
#include "agent/measurer.h"
#include "agent/network.h"
#include "agent/persistent.h"
#include "agent/sandbox.h"
#include "agent/stalls.h"
#include "isolators/cgroup.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"

enum {
	FRESH_MS = 500,
	FIRST_CAP = 16,
	DISK_INTERVAL_MS = 15 * 1000,
	DISK_FIRST_MS = 500,		/* when a task has had time to write something */
};

struct container_usage {
	struct cgroup cgroup;
	struct usage usage;
	double cpus_used;
	int64_t sampled_boot_ms;
	uint64_t disk_bytes;
	uint32_t project;		/* counts the disk; 0: it is measured */
	struct measured disk;
	struct stalls *stalls;		/* NULL: not watched */
	struct sample_ring ring;
};

struct sampler {
	struct agent *agent;
	struct loop_timer *timer;
	struct measurer *measurer;	/* of sandboxes and volumes */
	bool has_forgotten;		/* a container since the last turn */
	struct sampler_node node;
	uint64_t node_busy_usec;
	int64_t node_boot_ms;
};

/* ---- the ring ---- */

int sample_ring_add(struct sample_ring *ring, const struct sample *sample, size_t max)
{
	if (ring->n == ring->cap && ring->cap < max) {
		size_t cap = ring->cap ? 2 * ring->cap : FIRST_CAP;
		struct sample *grown = calloc(cap < max ? cap : max, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		for (size_t i = 0; i < ring->n; i++)
			grown[i] = ring->points[(ring->first + i) % ring->cap];
		free(ring->points);
		ring->points = grown;
		ring->cap = cap < max ? cap : max;
		ring->first = 0;
	}
	if (ring->n == ring->cap) {
		ring->points[ring->first] = *sample;
		ring->first = (ring->first + 1) % ring->cap;
		return 0;
	}
	ring->points[(ring->first + ring->n++) % ring->cap] = *sample;
	return 0;
}

/* ---- containers ---- */

static const struct measured_ops sandbox_ops;

/* Descriptors of the cgroup are opened once: sampling two hundred containers costs reads only. */
static struct container_usage *open_usage(struct sampler *sampler, struct container *c, struct err *e)
{
	struct err unknown = { 0 };
	struct container_usage *u;
	int r;

	if (c->usage)
		return c->usage;
	u = calloc(1, sizeof(*u));
	if (!u) {
		(void)err_set(e, ENOMEM, "sample container '%s'", c->id);
		return NULL;
	}
	u->cgroup = (struct cgroup)CGROUP_INIT;
	r = cgroup_open(c->layout, c->id, &u->cgroup, e);
	if (r < 0) {
		free(u);
		return NULL;
	}
	usage_init(&u->usage);
	u->cpus_used = -1;
	u->disk_bytes = UINT64_MAX;
	u->project = disk_project(c);
	if (!u->project)
		measurer_add(sampler->measurer, &u->disk, &sandbox_ops, c);
	if (sampler->agent->flags.stall_threshold)
		(void)stalls_new(sampler->agent->loop, &u->cgroup,
				 sampler->agent->flags.stall_threshold, &u->stalls, &unknown);
	c->usage = u;
	return u;
}

static double rate(uint64_t before_usec, uint64_t after_usec, int64_t passed_ms)
{
	if (before_usec == UINT64_MAX || after_usec == UINT64_MAX || after_usec < before_usec ||
	    passed_ms <= 0)
		return -1;
	return (double)(after_usec - before_usec) / 1000.0 / (double)passed_ms;
}

static int sample_container(struct sampler *sampler, struct container *c, struct err *e)
{
	struct container_usage *u = open_usage(sampler, c, e);
	int64_t now = clock_boot_ms();
	struct usage usage;
	int r;

	if (!u)
		return -e->code;
	usage_init(&usage);
	r = usage_sample(&u->cgroup, &usage, e);
	if (r < 0)
		return r;
	if (u->sampled_boot_ms)
		u->cpus_used = rate(u->usage.cpu_usage_usec, usage.cpu_usage_usec,
				    now - u->sampled_boot_ms);
	else
		u->cpus_used = rate(0, usage.cpu_usage_usec,
				    clock_wall_ms() - c->launched_wall_ms);
	usage.wall_ms = clock_wall_ms();
	if (u->project)
		(void)disk_used(sampler->agent, u->project, &u->disk_bytes);
	stalls_fill(u->stalls, &usage);
	network_sample(c, &usage);
	usage.disk_bytes = u->disk_bytes;
	usage.disk_limit_bytes = disk_asked(c) ?
		(uint64_t)disk_asked(c) * 1048576 / 1000 : UINT64_MAX;
	u->usage = usage;
	u->sampled_boot_ms = now;
	return 0;
}

static void remember(struct sampler *sampler, struct container_usage *u)
{
	int64_t wanted = SAMPLER_HISTORY_MS / sampler->agent->flags.sample_interval;
	const struct sample point = {
		.wall_ms = u->usage.wall_ms,
		.cpu_usage_usec = u->usage.cpu_usage_usec,
		.memory_bytes = u->usage.memory_bytes,
		.io_read_bytes = u->usage.io_read_bytes,
		.io_write_bytes = u->usage.io_write_bytes,
		.pids = u->usage.pids > UINT32_MAX ? UINT32_MAX : (uint32_t)u->usage.pids,
	};

	if (wanted > SAMPLER_MAX_POINTS)
		wanted = SAMPLER_MAX_POINTS;
	/* Out of memory costs a point of a plot. */
	(void)sample_ring_add(&u->ring, &point, wanted > 0 ? (size_t)wanted : 1);
}

void sampler_forget(struct container *c)
{
	struct container_usage *u = TAKE_PTR(c->usage);

	if (!u)
		return;
	measurer_remove(c->agent->sampler->measurer, &u->disk);
	stalls_free(u->stalls);
	cgroup_close(&u->cgroup);
	free(u->ring.points);
	free(u);
	c->agent->sampler->has_forgotten = true;
}

void sampler_begin(struct sampler *sampler, struct container *c)
{
	struct err ignored = { 0 };

	if (!sampler || c->usage || sample_container(sampler, c, &ignored) < 0)
		return;
	measurer_wake(sampler->measurer, DISK_FIRST_MS);
}

void sampler_renew(struct sampler *sampler, struct container *c)
{
	struct err ignored = { 0 };

	if (container_is_running(c))
		(void)sample_container(sampler, c, &ignored);
}

int sampler_look(struct sampler *sampler, struct container *c, struct sampler_view *ret,
		 struct err *e)
{
	const struct container_usage *u = c->usage;
	int r = 0;

	if (!container_is_running(c))
		return err_set(e, ENOENT, "sample container '%s': nothing runs in it", c->id);
	if (!u || clock_boot_ms() - u->sampled_boot_ms > FRESH_MS)
		r = sample_container(sampler, c, e);
	if (r < 0)
		return r;
	u = c->usage;
	*ret = (struct sampler_view){
		.usage = &u->usage, .cgroup_fd = u->cgroup.core_fd, .cpus_used = u->cpus_used,
		.is_disk_counted = u->project != 0, .points = u->ring.points, .first = u->ring.first, .n = u->ring.n,
		.cap = u->ring.cap,
	};
	return 0;
}

/* ---- the node ---- */

static void sample_node(struct sampler *sampler)
{
	struct sampler_node *node = &sampler->node;
	int64_t now = clock_boot_ms();
	struct usage_node usage = { 0 };
	struct err e = { 0 };
	struct statvfs disk;

	if (usage_sample_node(&usage, &e) < 0) {
		log_write_err(LOG_LEVEL_DEBUG, &e, "sample the node");
		return;
	}
	if (sampler->node_boot_ms)
		node->cpus_used = rate(sampler->node_busy_usec, usage.cpu_busy_usec,
				       now - sampler->node_boot_ms);
	sampler->node_busy_usec = usage.cpu_busy_usec;
	sampler->node_boot_ms = now;
	node->usage = usage;
	if (fstatvfs(sampler->agent->work_fd, &disk) == 0) {
		node->disk_total_bytes = (uint64_t)disk.f_blocks * disk.f_frsize;
		node->disk_used_bytes = (uint64_t)(disk.f_blocks - disk.f_bfree) * disk.f_frsize;
	}
}

const struct sampler_node *sampler_look_node(struct sampler *sampler)
{
	if (clock_boot_ms() - sampler->node_boot_ms > FRESH_MS)
		sample_node(sampler);
	return &sampler->node;
}

/* ---- sandboxes and volumes ---- */

/* Measured now and then, so a task may be over its disk for a while before it is ended. */
static void enforce_disk(struct sampler *sampler, struct container *c, uint64_t bytes)
{
	static const struct verdict over = {
		MESOS__V1__TASK_STATE__TASK_FAILED,
		MESOS__V1__TASK_STATUS__REASON__REASON_CONTAINER_LIMITATION_DISK,
		"disk limit exceeded: the sandbox is larger than the task's disk resource",
	};
	int64_t limit = disk_asked(c);

	if (sampler->agent->flags.enforce_container_disk_quota && limit > 0 &&
	    bytes / 1048576 > (uint64_t)limit / 1000)
		container_end(c, &over);
}

static int open_sandbox(void *arg)
{
	const struct container *c = arg;

	return container_is_running(c) && c->sandbox ?
	       sandbox_open_host(c->agent, c->sandbox, O_PATH) : -ENOENT;
}

static void note_sandbox(void *arg, uint64_t bytes)
{
	struct container *c = arg;

	c->usage->disk_bytes = bytes;
	if (container_is_running(c))
		enforce_disk(c->agent->sampler, c, bytes);
}

static const struct measured_ops sandbox_ops = { open_sandbox, note_sandbox };

/* Nobody writes to a volume that no task has: once is enough. */
static bool may_have_changed(const struct persistent_volume *volume)
{
	bool may = volume->measured_bytes == UINT64_MAX;

	for (const struct container *c = volume->agent->containers; c && !may; c = c->hh.next)
		may = persistent_is_used_by(volume, c);
	return may;
}

static int open_volume(void *arg)
{
	const struct persistent_volume *volume = arg;
	int fd;

	if (volume->project || volume->needs_settling || !may_have_changed(volume))
		return -EAGAIN;
	fd = openat(volume->agent->work_fd, volume->path,
		    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void note_volume(void *arg, uint64_t bytes)
{
	((struct persistent_volume *)arg)->measured_bytes = bytes;
}

static void add_volumes(struct sampler *sampler)
{
	static const struct measured_ops ops = { open_volume, note_volume };

	for (struct persistent_volume *v = sampler->agent->volumes; v; v = v->hh.next) {
		if (!v->project)
			measurer_add(sampler->measurer, &v->disk, &ops, v);
	}
}

void sampler_forget_volume(struct sampler *sampler, struct persistent_volume *volume)
{
	if (sampler)
		measurer_remove(sampler->measurer, &volume->disk);
}

/* ---- the interval ---- */

/*
 * What a burst of tasks took lies scattered over the heap when they have gone, and malloc(3) gives
 * back only its end by itself.
 */
static void give_memory_back(struct sampler *sampler)
{
	if (sampler->has_forgotten)
		(void)malloc_trim(0);
	sampler->has_forgotten = false;
}

static void on_timer(void *arg)
{
	struct sampler *sampler = arg;
	struct err e = { 0 };

	for (struct container *c = sampler->agent->containers; c; c = c->hh.next) {
		if (!container_is_running(c)) {
			sampler_forget(c);
			continue;
		}
		if (sample_container(sampler, c, &e) >= 0)
			remember(sampler, c->usage);
		err_clear(&e);
	}
	sample_node(sampler);
	add_volumes(sampler);
	measurer_wake(sampler->measurer, 0);
	give_memory_back(sampler);
	loop_timer_set(sampler->timer, sampler->agent->flags.sample_interval);
}

int sampler_new(struct agent *agent, struct sampler **ret, struct err *e)
{
	struct sampler *sampler = calloc(1, sizeof(*sampler));
	int r;

	if (!sampler)
		return err_set(e, ENOMEM, "prepare the sampler");
	sampler->agent = agent;
	sampler->node.cpus_used = -1;
	r = loop_timer_new(agent->loop, on_timer, sampler, &sampler->timer, e);
	if (r >= 0)
		r = measurer_new(agent->loop, DISK_INTERVAL_MS, &sampler->measurer, e);
	if (r < 0) {
		sampler_free(sampler);
		return r;
	}
	sample_node(sampler);
	loop_timer_set(sampler->timer, agent->flags.sample_interval);
	*ret = sampler;
	return 0;
}

void sampler_free(struct sampler *sampler)
{
	if (!sampler)
		return;
	measurer_free(sampler->measurer);
	loop_timer_free(sampler->timer);
	free(sampler);
}
