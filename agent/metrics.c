#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/admission.h"
#include "agent/agent.h"
#include "agent/api.h"
#include "agent/gc.h"
#include "agent/image_gc.h"
#include "agent/master_link.h"
#include "agent/metrics_text.h"
#include "agent/names.h"
#include "agent/persistent.h"
#include "agent/sampler.h"
#include "agent/status.h"
#include "agent/container.h"
#include "agent/task.h"
#include "agent/trash.h"
#include "agent/view.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/version.h"
#include "net/http_server.h"

/* ---- /metrics/snapshot: a flat object, names of reference/mesos.md 3.3 ---- */

static void put(json_t *view, double value, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void put(json_t *view, double value, const char *fmt, ...)
{
	char name[96];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	json_object_set_new(view, name, json_real(value));
}

static double quantity(const struct resources *r, size_t kind)
{
	return resources_scalar_to_double(resources_quantity(r, (enum resource_kind)kind));
}

static void put_resources(json_t *view, const struct agent *agent)
{
	for (size_t i = 0; i < N_RESOURCE_KINDS; i++) {
		double total = quantity(&agent->node.total, i);
		double used = quantity(&agent->used, i);

		put(view, total, "slave/%s_total", resource_names[i]);
		put(view, used, "slave/%s_used", resource_names[i]);
		put(view, total > 0 ? used / total : 0, "slave/%s_percent", resource_names[i]);
		/* Nothing is offered that may be taken back. */
		put(view, 0, "slave/%s_revocable_total", resource_names[i]);
		put(view, 0, "slave/%s_revocable_used", resource_names[i]);
		put(view, 0, "slave/%s_revocable_percent", resource_names[i]);
	}
}

static void put_executors(json_t *view, const struct agent *agent)
{
	unsigned registering = 0, running = 0, terminating = 0;

	for (const struct container *c = agent->containers; c; c = c->hh.next) {
		registering += c->state == CONTAINER_WAITING;
		running += c->state == CONTAINER_SUBSCRIBED && !c->has_ended;
		terminating += c->state == CONTAINER_CLEANING ||
			       (c->state == CONTAINER_SUBSCRIBED && c->has_ended);
	}
	put(view, registering, "slave/executors_registering");
	put(view, running, "slave/executors_running");
	put(view, terminating, "slave/executors_terminating");
	put(view, (double)agent->counters.ended_containers, "slave/executors_terminated");
	put(view, 0, "slave/executors_preempted");
}

static const struct {
	Mesos__V1__TaskState state;
	const char *name;
	bool has_ended;
} states[] = {
	{ MESOS__V1__TASK_STATE__TASK_STAGING, "staging", false },
	{ MESOS__V1__TASK_STATE__TASK_STARTING, "starting", false },
	{ MESOS__V1__TASK_STATE__TASK_RUNNING, "running", false },
	{ MESOS__V1__TASK_STATE__TASK_KILLING, "killing", false },
	{ MESOS__V1__TASK_STATE__TASK_FINISHED, "finished", true },
	{ MESOS__V1__TASK_STATE__TASK_FAILED, "failed", true },
	{ MESOS__V1__TASK_STATE__TASK_KILLED, "killed", true },
	{ MESOS__V1__TASK_STATE__TASK_LOST, "lost", true },
	{ MESOS__V1__TASK_STATE__TASK_GONE, "gone", true },
	{ MESOS__V1__TASK_STATE__TASK_ERROR, "error", true },
	{ MESOS__V1__TASK_STATE__TASK_DROPPED, "dropped", true },
};

static uint64_t count_state(const struct agent *agent, size_t row)
{
	uint64_t n = 0;

	if (states[row].has_ended)
		return agent->counters.ended[states[row].state];
	for (const struct task *task = agent->tasks; task; task = task->hh.next)
		n += task_state(task) == states[row].state;
	return n;
}

static bool is_degraded(const struct agent *agent)
{
	struct err why = { 0 };

	return admission_check_agent(agent, &why) < 0;
}

static void put_counters(json_t *view, const struct agent *agent)
{
	const struct agent_counters *c = &agent->counters;
	const struct image_gc_counters images = image_gc_counters(agent->image_gc);
	const struct trash_counters gone = trash_counters(agent->trash);

	put(view, (double)c->valid_updates, "slave/valid_status_updates");
	put(view, (double)c->invalid_updates, "slave/invalid_status_updates");
	put(view, (double)c->valid_messages, "slave/valid_framework_messages");
	put(view, (double)c->invalid_messages, "slave/invalid_framework_messages");
	put(view, (double)c->launch_errors, "slave/container_launch_errors");
	put(view, (double)c->recovery_errors, "slave/recovery_errors");
	put(view, (double)c->recovery_ms / 1000.0, "slave/recovery_time_secs");
	put(view, (double)c->destroy_errors, "containerizer/mesos/container_destroy_errors");
	put(view, (double)gc_present_max_age(agent->gc) / 1000.0, "slave/executor_directory_max_allowed_age_secs");
	put(view, (double)gone.pending, "gc/path_removals_pending");
	put(view, (double)gone.succeeded, "gc/path_removals_succeeded");
	put(view, (double)gone.failed, "gc/path_removals_failed");
	put(view, (double)images.images, "tepui/images_removed");
	put(view, (double)images.layers, "tepui/image_layers_removed");
	put(view, (double)images.failed, "tepui/image_gc_failed");
	put(view, (double)c->refused_launches, "tepui/refused_launches");
	put(view, (double)c->limits_restored, "tepui/limits_restored");
	put(view, (double)c->commits, "tepui/commits");
	put(view, (double)c->commit_failures, "tepui/commit_failures");
	put(view, is_degraded(agent), "tepui/is_degraded");
}

static void put_pressure(json_t *view, const char *kind, const struct usage_pressure *p)
{
	put(view, p->some_avg10, "tepui/pressure/%s_some_avg10", kind);
	put(view, p->some_avg60, "tepui/pressure/%s_some_avg60", kind);
	put(view, p->some_avg300, "tepui/pressure/%s_some_avg300", kind);
	put(view, p->full_avg10, "tepui/pressure/%s_full_avg10", kind);
	put(view, p->full_avg60, "tepui/pressure/%s_full_avg60", kind);
	put(view, p->full_avg300, "tepui/pressure/%s_full_avg300", kind);
}

static void put_node(json_t *view, const struct sampler_node *node)
{
	const struct usage_node *u = &node->usage;

	put(view, (double)u->cpus, "system/cpus_total");
	put(view, u->load1, "system/load_1min");
	put(view, u->load5, "system/load_5min");
	put(view, u->load15, "system/load_15min");
	put(view, (double)u->memory_total_bytes, "system/mem_total_bytes");
	put(view, (double)u->memory_available_bytes, "system/mem_free_bytes");
	if (node->cpus_used >= 0)
		put(view, node->cpus_used, "tepui/cpus_used");
	put(view, (double)(u->memory_total_bytes - u->memory_available_bytes),
	    "tepui/mem_used_bytes");
	put(view, (double)node->disk_used_bytes, "tepui/disk_used_bytes");
	put(view, (double)node->disk_total_bytes, "tepui/disk_total_bytes");
	put(view, (double)u->processes, "tepui/pids_used");
	put(view, (double)u->pid_max, "tepui/pids_total");
	if (!u->has_pressure)
		return;
	put_pressure(view, "cpu", &u->cpu_pressure);
	put_pressure(view, "memory", &u->memory_pressure);
	put_pressure(view, "io", &u->io_pressure);
}

static double uptime_secs(const struct agent *agent)
{
	return (double)(clock_boot_ms() - agent->started_boot_ms) / 1000.0;
}

static unsigned count_frameworks(const struct agent *agent)
{
	unsigned n = 0;

	for (const struct task *task = agent->tasks; task; task = task->hh.next) {
		const struct task *earlier = agent->tasks;

		while (earlier != task &&
		       strcmp(task_framework_id(earlier), task_framework_id(task)) != 0)
			earlier = earlier->hh.next;
		n += earlier == task;
	}
	return n;
}

json_t *api_metrics_view(struct agent *agent)
{
	json_t *view = json_object();

	if (!view)
		return NULL;
	put(view, master_link_is_up(agent->link), "slave/registered");
	put(view, uptime_secs(agent), "slave/uptime_secs");
	put(view, count_frameworks(agent), "slave/frameworks_active");
	put_resources(view, agent);
	put_executors(view, agent);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		put(view, (double)count_state(agent, i), "slave/tasks_%s", states[i].name);
	put_counters(view, agent);
	put_node(view, sampler_look_node(agent->sampler));
	names_view_metrics(agent->names, view);
	return view;
}

int api_metrics_snapshot(struct http_request *req, struct err *e)
{
	return api_reply(req, api_metrics_view(http_request_app(req)), e);
}

/* ---- /metrics: Prometheus text ---- */

static void print_node(FILE *out, struct agent *agent)
{
	const struct sampler_node *node = sampler_look_node(agent->sampler);
	const struct usage_node *u = &node->usage;

	metrics_family(out, "tepui_agent_info", "gauge", "Version and id of the agent.");
	fputs("tepui_agent_info{version=\"" TEPUI_VERSION "\",", out);
	metrics_label(out, "agent_id", agent_id(agent) ? agent_id(agent) : "");
	fputs("} 1\n", out);
	metrics_gauge(out, "tepui_agent_registered", "Is a master listening?",
	      master_link_is_up(agent->link));
	metrics_gauge(out, "tepui_agent_uptime_seconds", "Time since start.", uptime_secs(agent));
	metrics_gauge(out, "tepui_agent_degraded", "Would every task be refused?", is_degraded(agent));
	metrics_counter(out, "tepui_agent_commits_total", "Commits of state.",
		(double)agent->counters.commits);
	metrics_gauge(out, "tepui_node_load1", "Load average of a minute.", u->load1);
	metrics_counter(out, "tepui_node_cpu_busy_seconds_total", "Cpu time used by all.",
		(double)u->cpu_busy_usec / 1e6);
	metrics_gauge(out, "tepui_node_memory_bytes", "Memory of the node.",
	      (double)u->memory_total_bytes);
	metrics_gauge(out, "tepui_node_memory_available_bytes", "Memory that is left.",
	      (double)u->memory_available_bytes);
	metrics_gauge(out, "tepui_node_disk_bytes", "Size of the disk of the work directory.",
	      (double)node->disk_total_bytes);
	metrics_gauge(out, "tepui_node_disk_used_bytes", "What of it is in use.",
	      (double)node->disk_used_bytes);
	metrics_gauge(out, "tepui_node_processes", "Processes and threads.", (double)u->processes);
}

static void print_pressure(FILE *out, const struct usage_node *u)
{
	const struct {
		const char *kind;
		const struct usage_pressure *p;
	} rows[] = {
		{ "cpu", &u->cpu_pressure }, { "memory", &u->memory_pressure },
		{ "io", &u->io_pressure },
	};

	if (!u->has_pressure)
		return;
	metrics_family(out, "tepui_node_pressure_seconds_total", "counter",
	       "Time in which some or all were held up.");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fprintf(out, "tepui_node_pressure_seconds_total{resource=\"%s\",share=\"some\"} "
			"%.6f\n", rows[i].kind, (double)rows[i].p->some_total_usec / 1e6);
		fprintf(out, "tepui_node_pressure_seconds_total{resource=\"%s\",share=\"full\"} "
			"%.6f\n", rows[i].kind, (double)rows[i].p->full_total_usec / 1e6);
	}
}

static void print_resources(FILE *out, const struct agent *agent)
{
	metrics_family(out, "tepui_node_resource", "gauge", "What the node offers.");
	for (size_t i = 0; i < N_RESOURCE_KINDS; i++)
		fprintf(out, "tepui_node_resource{name=\"%s\"} %.3f\n", resource_names[i],
			quantity(&agent->node.total, i));
	metrics_family(out, "tepui_node_resource_allocated", "gauge", "What tasks have of it.");
	for (size_t i = 0; i < N_RESOURCE_KINDS; i++)
		fprintf(out, "tepui_node_resource_allocated{name=\"%s\"} %.3f\n",
			resource_names[i], quantity(&agent->used, i));
	metrics_family(out, "tepui_agent_tasks", "gauge", "Tasks by state; ended ones since start.");
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		fprintf(out, "tepui_agent_tasks{state=\"%s\"} %llu\n", states[i].name,
			(unsigned long long)count_state(agent, i));
}

static const struct {
	const char *name, *type, *help;
	size_t off;
	double scale;
} container_metrics[] = {
#define ROW(name, type, help, member, scale) \
	{ name, type, help, offsetof(struct usage, member), scale }
	ROW("tepui_container_cpu_seconds_total", "counter", "Cpu time used.", cpu_usage_usec, 1e-6),
	ROW("tepui_container_cpu_throttled_seconds_total", "counter", "Time held back by cpu.max.",
	    cpu_throttled_usec, 1e-6),
	ROW("tepui_container_memory_bytes", "gauge", "Memory charged.", memory_bytes, 1),
	ROW("tepui_container_memory_peak_bytes", "gauge", "The most so far.", memory_peak_bytes, 1),
	ROW("tepui_container_memory_limit_bytes", "gauge", "memory.max.", memory_limit_bytes, 1),
	ROW("tepui_container_memory_anon_bytes", "gauge", "Anonymous memory.",
	    memory_anon_bytes, 1),
	ROW("tepui_container_oom_kills_total", "counter", "Processes killed for memory.",
	    oom_kills, 1),
	ROW("tepui_container_cpu_stalls_total", "counter", "Stalls for want of cpu.",
	    cpu_stalls, 1),
	ROW("tepui_container_memory_stalls_total", "counter", "Stalls for want of memory.",
	    memory_stalls, 1),
	ROW("tepui_container_io_stalls_total", "counter", "Stalls for want of i/o.", io_stalls, 1),
	ROW("tepui_container_pids", "gauge", "Processes and threads.", pids, 1),
	ROW("tepui_container_pids_limit", "gauge", "pids.max.", pids_limit, 1),
	ROW("tepui_container_io_read_bytes_total", "counter", "Read from disks.", io_read_bytes, 1),
	ROW("tepui_container_io_write_bytes_total", "counter", "Written to disks.",
	    io_write_bytes, 1),
	ROW("tepui_container_network_rx_bytes_total", "counter", "Bytes received over the network.",
	    net_rx_bytes, 1),
	ROW("tepui_container_network_rx_packets_total", "counter", "Packets received.",
	    net_rx_packets, 1),
	ROW("tepui_container_network_rx_errors_total", "counter", "Packets received with errors.",
	    net_rx_errors, 1),
	ROW("tepui_container_network_rx_dropped_total", "counter", "Packets to be received that were dropped.",
	    net_rx_dropped, 1),
	ROW("tepui_container_network_tx_bytes_total", "counter", "Bytes sent over the network.",
	    net_tx_bytes, 1),
	ROW("tepui_container_network_tx_packets_total", "counter", "Packets sent.",
	    net_tx_packets, 1),
	ROW("tepui_container_network_tx_errors_total", "counter", "Packets sent with errors.",
	    net_tx_errors, 1),
	ROW("tepui_container_network_tx_dropped_total", "counter", "Packets to be sent that were dropped.",
	    net_tx_dropped, 1),
	ROW("tepui_container_disk_used_bytes", "gauge", "Size of the sandbox.", disk_bytes, 1),
};

static void print_container_metric(FILE *out, struct agent *agent, size_t row)
{
	metrics_family(out, container_metrics[row].name, container_metrics[row].type,
	       container_metrics[row].help);
	for (struct container *c = agent->containers; c; c = c->hh.next) {
		struct sampler_view sample;
		struct view_owner owner;
		struct err ignored = { 0 };
		uint64_t value;

		if (sampler_look(agent->sampler, c, &sample, &ignored) < 0)
			continue;
		memcpy(&value, (const char *)sample.usage + container_metrics[row].off,
		       sizeof(value));
		if (value == UINT64_MAX)
			continue;
		fprintf(out, "%s{", container_metrics[row].name);
		(void)view_owner(c, &owner);
		metrics_label(out, "task", owner.executor ? owner.executor->executor_id->value : "");
		fputc(',', out);
		metrics_label(out, "framework", owner.framework_id ? owner.framework_id : "");
		fputc(',', out);
		metrics_label(out, "container", c->id);
		fprintf(out, "} %.15g\n", (double)value * container_metrics[row].scale);
	}
}

static void print_volumes(FILE *out, const struct agent *agent)
{
	static const struct {
		const char *name, *help;
		uint64_t (*value)(const struct agent *agent,
				  const struct persistent_volume *volume);
	} rows[] = {
		{ "tepui_volume_bytes", "Size of a persistent volume.", persistent_size },
		{ "tepui_volume_used_bytes", "What of it is in use.", persistent_used },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		metrics_family(out, rows[i].name, "gauge", rows[i].help);
		for (const struct persistent_volume *v = agent->volumes; v; v = v->hh.next) {
			uint64_t bytes = rows[i].value(agent, v);

			if (v->record->is_destroyed || bytes == UINT64_MAX)
				continue;
			fprintf(out, "%s{", rows[i].name);
			metrics_label(out, "role", persistent_part(v)->role);
			fputc(',', out);
			metrics_label(out, "id", persistent_part(v)->volume);
			fprintf(out, "} %llu\n", (unsigned long long)bytes);
		}
	}
}

/* Without the counters of services there are the others. */
static void reply_text(struct http_request *req, const struct traffic_table *traffic,
		       const struct err *why)
{
	struct agent *agent = http_request_app(req);
	AUTO_FREE char *text = NULL;
	struct err e = { 0 };
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)why;
	if (out) {
		print_node(out, agent);
		print_pressure(out, &sampler_look_node(agent->sampler)->usage);
		print_resources(out, agent);
		for (size_t i = 0; i < ARRAY_SIZE(container_metrics); i++)
			print_container_metric(out, agent, i);
		print_volumes(out, agent);
		metrics_print_services(out, agent, traffic);
		metrics_print_networks(out, agent);
		names_print_metrics(agent->names, out);
	}
	if (!out || fclose(out) != 0) {
		(void)err_set(&e, ENOMEM, "describe metrics");
		http_reply_error(req, &e);
		return;
	}
	http_reply(req, 200, "text/plain; version=0.0.4; charset=utf-8", text, size);
}

int api_metrics_text(struct http_request *req, struct err *e)
{
	return api_with_traffic(req, reply_text, e);
}
