#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/api.h"
#include "agent/container.h"
#include "agent/persistent.h"
#include "agent/process.h"
#include "agent/sampler.h"
#include "agent/view.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "net/http_server.h"

/* ---- ResourceStatistics ---- */

/* How a member of struct usage is told: a count, or microseconds as seconds. */
static const struct {
	const char *name;
	size_t off;
	bool is_usec;
} statistics_fields[] = {
#define FIELD(name, member) { name, offsetof(struct usage, member), false }
#define SECONDS(name, member) { name, offsetof(struct usage, member), true }
	SECONDS("cpus_user_time_secs", cpu_user_usec),
	SECONDS("cpus_system_time_secs", cpu_system_usec),
	FIELD("cpus_nr_periods", cpu_nr_periods),
	FIELD("cpus_nr_throttled", cpu_nr_throttled),
	SECONDS("cpus_throttled_time_secs", cpu_throttled_usec),
	FIELD("mem_total_bytes", memory_bytes),
	FIELD("mem_limit_bytes", memory_limit_bytes),
	FIELD("mem_soft_limit_bytes", memory_low_bytes),
	FIELD("mem_anon_bytes", memory_anon_bytes),
	FIELD("mem_rss_bytes", memory_anon_bytes),
	FIELD("mem_file_bytes", memory_file_bytes),
	FIELD("mem_cache_bytes", memory_file_bytes),
	FIELD("mem_mapped_file_bytes", memory_mapped_bytes),
	FIELD("mem_kmem_usage_bytes", memory_kernel_bytes),
	FIELD("mem_unevictable_bytes", memory_unevictable_bytes),
	FIELD("mem_swap_bytes", memory_swap_bytes),
	FIELD("processes", processes),
	FIELD("threads", threads),
	FIELD("disk_used_bytes", disk_bytes),
	FIELD("disk_limit_bytes", disk_limit_bytes),
	FIELD("net_rx_packets", net_rx_packets),
	FIELD("net_rx_bytes", net_rx_bytes),
	FIELD("net_rx_errors", net_rx_errors),
	FIELD("net_rx_dropped", net_rx_dropped),
	FIELD("net_tx_packets", net_tx_packets),
	FIELD("net_tx_bytes", net_tx_bytes),
	FIELD("net_tx_errors", net_tx_errors),
	FIELD("net_tx_dropped", net_tx_dropped),
};

/* What only Tepui tells, beside the statistics. */
static const struct {
	const char *name;
	size_t off;
} extra_fields[] = {
	{ "mem_peak_bytes", offsetof(struct usage, memory_peak_bytes) },
	{ "mem_limit_bytes", offsetof(struct usage, memory_limit_bytes) },
	{ "mem_swap_limit_bytes", offsetof(struct usage, memory_swap_limit_bytes) },
	{ "mem_low_events", offsetof(struct usage, memory_low_events) },
	{ "mem_high_events", offsetof(struct usage, memory_high_events) },
	{ "mem_max_events", offsetof(struct usage, memory_max_events) },
	{ "oom_events", offsetof(struct usage, oom_events) },
	{ "oom_kills", offsetof(struct usage, oom_kills) },
	{ "oom_group_kills", offsetof(struct usage, oom_group_kills) },
	{ "pids", offsetof(struct usage, pids) },
	{ "pids_peak", offsetof(struct usage, pids_peak) },
	{ "pids_limit", offsetof(struct usage, pids_limit) },
	{ "pids_rejected", offsetof(struct usage, pids_rejected) },
	{ "cpu_stalls", offsetof(struct usage, cpu_stalls) },
	{ "memory_stalls", offsetof(struct usage, memory_stalls) },
	{ "io_stalls", offsetof(struct usage, io_stalls) },
	{ "cpu_weight", offsetof(struct usage, cpu_weight) },
	{ "io_read_bytes", offsetof(struct usage, io_read_bytes) },
	{ "io_write_bytes", offsetof(struct usage, io_write_bytes) },
	{ "io_reads", offsetof(struct usage, io_reads) },
	{ "io_writes", offsetof(struct usage, io_writes) },
};

static uint64_t member_of(const struct usage *usage, size_t off)
{
	uint64_t value;

	memcpy(&value, (const char *)usage + off, sizeof(value));
	return value;
}

static void set_count(json_t *view, const char *name, uint64_t value)
{
	/* Unlimited and unknown look the same; neither is a number. */
	if (value <= INT64_MAX)
		json_object_set_new(view, name, json_integer((json_int_t)value));
}

static double cpus_requested(const struct container *c)
{
	return resources_scalar_to_double(resources_quantity(&c->resources, RESOURCE_CPUS));
}

static double cpus_limit(const struct usage *usage, const struct container *c)
{
	if (usage->cpu_quota_usec != UINT64_MAX && usage->cpu_period_usec != UINT64_MAX &&
	    usage->cpu_period_usec)
		return (double)usage->cpu_quota_usec / (double)usage->cpu_period_usec;
	return cpus_requested(c);
}

static void add_volumes(json_t *view, const struct container *c)
{
	json_t *list = persistent_statistics(c);

	if (view && json_array_size(list) > 0)
		json_object_set(view, "disk_statistics", list);
	json_decref(list);
}

static json_t *statistics_view(const struct sampler_view *sample, const struct container *c)
{
	json_t *view = json_pack("{s:f, s:f, s:f}",
				 "timestamp", (double)sample->usage->wall_ms / 1000.0,
				 "cpus_limit", cpus_limit(sample->usage, c), "cpus_soft_limit",
				 cpus_requested(c));

	for (size_t i = 0; view && i < ARRAY_SIZE(statistics_fields); i++) {
		uint64_t value = member_of(sample->usage, statistics_fields[i].off);

		if (!statistics_fields[i].is_usec)
			set_count(view, statistics_fields[i].name, value);
		else if (value != UINT64_MAX)
			json_object_set_new(view, statistics_fields[i].name,
					    json_real((double)value / 1e6));
	}
	add_volumes(view, c);
	return view;
}

static json_t *pressure_view(const struct usage_pressure *p)
{
	return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:I, s:I}",
			 "some_avg10", p->some_avg10, "some_avg60", p->some_avg60,
			 "some_avg300", p->some_avg300, "full_avg10", p->full_avg10,
			 "full_avg60", p->full_avg60, "full_avg300", p->full_avg300,
			 "some_total_usec", (json_int_t)p->some_total_usec,
			 "full_total_usec", (json_int_t)p->full_total_usec);
}

static json_t *io_devices_view(const struct usage *usage)
{
	json_t *list = json_array();

	for (size_t i = 0; i < usage->n_io_devices; i++) {
		const struct usage_io_device *d = &usage->io_devices[i];
		char name[32];

		(void)snprintf(name, sizeof(name), "%u:%u", d->major, d->minor);
		json_array_append_new(list, json_pack(
			"{s:s, s:I, s:I, s:I, s:I}", "device", name,
			"read_bytes", (json_int_t)d->read_bytes,
			"write_bytes", (json_int_t)d->write_bytes,
			"reads", (json_int_t)d->reads, "writes", (json_int_t)d->writes));
	}
	return list;
}

static json_t *hugepages_view(const struct usage *usage)
{
	json_t *list = json_array();

	for (size_t i = 0; i < usage->n_hugepages; i++) {
		const struct usage_hugepages *h = &usage->hugepages[i];
		json_t *row = json_pack("{s:s}", "page_size", h->page_size);

		set_count(row, "bytes", h->bytes);
		set_count(row, "limit_bytes", h->limit_bytes);
		set_count(row, "failures", h->failures);
		json_array_append_new(list, row);
	}
	return list;
}

static json_t *rdma_view(const struct usage *usage)
{
	json_t *list = json_array();

	for (size_t i = 0; i < usage->n_rdma; i++)
		json_array_append_new(list, json_pack(
			"{s:s, s:I, s:I}", "device", usage->rdma[i].device,
			"handles", (json_int_t)usage->rdma[i].handles,
			"objects", (json_int_t)usage->rdma[i].objects));
	return list;
}

/* Lists that are empty for most containers are left out. */
static void set_lists(json_t *view, const struct usage *usage)
{
	if (usage->n_io_devices)
		json_object_set_new(view, "io_devices", io_devices_view(usage));
	if (usage->n_hugepages)
		json_object_set_new(view, "hugepages", hugepages_view(usage));
	if (usage->n_rdma)
		json_object_set_new(view, "rdma", rdma_view(usage));
}

static bool is_paused(const struct container *c)
{
	struct cgroup cg = CGROUP_INIT;
	struct err ignored = { 0 };
	bool frozen = false;

	if (cgroup_open(c->layout, c->id, &cg, &ignored) == 0)
		(void)cgroup_is_frozen(&cg, &frozen, &ignored);
	cgroup_close(&cg);
	return frozen;
}

static json_t *extra_view(const struct sampler_view *sample, const struct container *c)
{
	const struct usage *usage = sample->usage;
	json_t *view = json_pack("{s:i, s:f, s:s, s:s, s:s, s:i}",
				 "pid", (int)process_main(sample->cgroup_fd, c->pid), "cpus_requested",
				 cpus_requested(c),
				 "sandbox", c->sandbox ? c->sandbox : "",
				 "disk_source", sample->is_disk_counted ? "quota" : "walk",
				 "state", c->has_started ? "TASK_RUNNING" : "TASK_STARTING",
				 "supervisor_pid", (int)c->pid);

	if (!view)
		return NULL;
	json_object_set_new(view, "paused", json_boolean(is_paused(c)));
	if (sample->cpus_used >= 0)
		json_object_set_new(view, "cpus_used", json_real(sample->cpus_used));
	for (size_t i = 0; i < ARRAY_SIZE(extra_fields); i++)
		set_count(view, extra_fields[i].name, member_of(usage, extra_fields[i].off));
	set_lists(view, usage);
	if (usage->has_pressure)
		json_object_set_new(view, "pressure",
				    json_pack("{s:o, s:o, s:o}",
					      "cpu", pressure_view(&usage->cpu_pressure),
					      "memory", pressure_view(&usage->memory_pressure),
					      "io", pressure_view(&usage->io_pressure)));
	return view;
}

/* ---- rows ---- */

/* Whose it is; what an operator has launched is nobody's. */
static json_t *row_view(const struct view_owner *owner)
{
	const Mesos__V1__ExecutorInfo *executor = owner->executor;

	if (!executor)
		return json_object();
	return json_pack("{s:s, s:s, s:s, s:s}", "framework_id", owner->framework_id,
			 "executor_id", executor->executor_id->value,
			 "executor_name", executor->name ? executor->name : "",
			 "source", executor->source ? executor->source : "");
}

static json_t *status_view(const struct container *c)
{
	json_t *id = json_pack("{s:s}", "value", c->id);

	if (c->parent)
		json_object_set_new(id, "parent", json_pack("{s:s}", "value", c->parent->id));
	return json_pack("{s:o, s:i, s:[]}", "container_id", id, "executor_pid", (int)c->pid,
			 "network_infos");
}

json_t *api_container_view(struct container *c, bool is_whole)
{
	struct sampler_view sample;
	struct err ignored = { 0 };
	bool is_known = sampler_look(c->agent->sampler, c, &sample, &ignored) >= 0;
	struct view_owner owner;
	json_t *view;

	/* Containers that were just made have no figures yet: they are listed without. */
	if (!is_known && !is_whole)
		return NULL;
	(void)view_owner(c, &owner);
	view = row_view(&owner);
	if (is_whole) {
		json_object_set_new(view, "container_id", json_string(c->id));
		json_object_set_new(view, "status", status_view(c));
	}
	if (is_known)
		json_object_set_new(view, "statistics", statistics_view(&sample, c));
	if (is_known && is_whole)
		json_object_set_new(view, "tepui", extra_view(&sample, c));
	return view;
}

static bool is_text(const char *asked, const char *text)
{
	return !asked || (text && strcmp(asked, text) == 0);
}

static bool is_wanted(struct http_request *req, const struct container *c)
{
	struct view_owner owner;

	(void)view_owner(c, &owner);
	return is_text(http_request_query(req, "container_id"), c->id) &&
	       is_text(http_request_query(req, "framework_id"), owner.framework_id) &&
	       is_text(http_request_query(req, "executor_id"),
		       owner.executor ? owner.executor->executor_id->value : NULL);
}

static int reply_rows(struct http_request *req, bool is_whole, struct err *e)
{
	struct agent *agent = http_request_app(req);
	json_t *list = json_array(), *view;

	for (struct container *c = agent->containers; list && c; c = c->hh.next) {
		view = container_is_running(c) && is_wanted(req, c) ?
			       api_container_view(c, is_whole) : NULL;
		if (view)
			json_array_append_new(list, view);
	}
	return api_reply(req, list, e);
}

int api_containers(struct http_request *req, struct err *e)
{
	return reply_rows(req, true, e);
}

int api_statistics(struct http_request *req, struct err *e)
{
	return reply_rows(req, false, e);
}

/* ---- the hour kept ---- */

static json_t *point_view(const struct sample *point)
{
	json_t *view = json_pack("{s:f, s:I}", "timestamp", (double)point->wall_ms / 1000.0,
				 "pids", (json_int_t)point->pids);

	set_count(view, "cpu_usage_usec", point->cpu_usage_usec);
	set_count(view, "mem_bytes", point->memory_bytes);
	set_count(view, "io_read_bytes", point->io_read_bytes);
	set_count(view, "io_write_bytes", point->io_write_bytes);
	return view;
}

int api_history(struct http_request *req, struct err *e)
{
	struct agent *agent = http_request_app(req);
	const char *id = http_request_arg(req, 0);
	struct container *c = container_find(agent, id);
	struct sampler_view sample;
	json_t *list;
	int r;

	if (!c)
		return err_set(e, ENOENT, "find container '%s'", id);
	r = sampler_look(agent->sampler, c, &sample, e);
	if (r < 0)
		return r;
	list = json_array();
	for (size_t i = 0; list && i < sample.n; i++)
		json_array_append_new(list, point_view(&sample.points[(sample.first + i) %
								      sample.cap]));
	return api_reply(req, list, e);
}
