/*
 * What services cost a node, in a network namespace that is made for it (root): time until the kernel has
 * them, time until the change of one backend is in force, memory.
 *
 *	services SERVICES BACKENDS UPDATES
 *
 * Prints "load MS CPU_MS", "counters MS CPU_MS" (until all of them are there, too), "update MEDIAN_MS
 * WORST_MS CPU_MS" (of both processes, for one), and "memory AGENT_KB WORKER_KB KERNEL_KB RULES_KB": of
 * the agent's tables, of the worker after the last update, of the kernel's, for all of the machine, and of
 * the agent's without the directory.
 * The time is from the master's message on, which is taken apart already.
 */
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/directory.h"
#include "agent/network.h"
#include "agent/ruleset.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "tests/bench/figures.h"

enum { PER_MESSAGE = 1000, POLL_MS = 1 };

static char no_bridge[] = "";
static struct agent agent = { .flags = { .nftables = true, .bridge = no_bridge } };
static struct loop_timer *poll_timer;
static uint64_t generation;

static double now_ms(void)
{
	return (double)clock_boot_ns() / 1e6;
}

/* ---- what the master would say ---- */

static char *text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static char *text(const char *fmt, ...)
{
	char *made;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&made, fmt, ap) < 0)
		abort();
	va_end(ap);
	return made;
}

static void *zeroed(size_t size)
{
	return must(calloc(1, size));
}

static char *key_of(unsigned service)
{
	return text("service-%u:80/tcp", service);
}

static Tepui__Service *make_service(unsigned i)
{
	Tepui__Service *service = zeroed(sizeof(*service));

	tepui__service__init(service);
	service->key = key_of(i);
	service->name = text("service-%u", i);
	service->address = text("10.96.%u.%u", i >> 8 & 255, i & 255);
	service->has_port = true;
	service->port = 80;
	service->protocol = text("tcp");
	return service;
}

static Tepui__EndpointPort *make_port(unsigned service)
{
	Tepui__EndpointPort *port = zeroed(sizeof(*port));

	tepui__endpoint_port__init(port);
	port->protocol = text("tcp");
	port->has_container_port = true;
	port->container_port = 8080;
	port->services = zeroed(sizeof(*port->services));
	port->services[0] = key_of(service);
	port->n_services = 1;
	return port;
}

static Tepui__Endpoint *make_endpoint(unsigned service, unsigned i, bool is_serving)
{
	Tepui__Endpoint *endpoint = zeroed(sizeof(*endpoint));

	tepui__endpoint__init(endpoint);
	endpoint->key = text("F/task-%u-%u", service, i);
	endpoint->task_id = text("task-%u-%u", service, i);
	endpoint->name = text("service-%u", service);
	endpoint->agent_id = text("agent-%u", i);
	endpoint->has_state = true;
	endpoint->state = is_serving ? TEPUI__ENDPOINT__STATE__SERVING :
				       TEPUI__ENDPOINT__STATE__UNHEALTHY;
	endpoint->addresses = zeroed(sizeof(*endpoint->addresses));
	endpoint->addresses[0] = text("10.%u.%u.%u", 100 + i, service >> 8 & 255, service & 255);
	endpoint->n_addresses = 1;
	endpoint->ports = zeroed(sizeof(*endpoint->ports));
	endpoint->ports[0] = make_port(service);
	endpoint->n_ports = 1;
	return endpoint;
}

static Tepui__Directory *begin_message(bool has_more)
{
	Tepui__Directory *message = zeroed(sizeof(*message));

	tepui__directory__init(message);
	message->has_generation = true;
	message->generation = ++generation;
	message->has_is_whole = true;
	message->is_whole = generation == 1;
	message->has_has_more = true;
	message->has_more = has_more;
	return message;
}

static void send_message(Tepui__Directory *message)
{
	struct err e = { 0 };

	if (directory_apply(agent.directory, message, &e) < 0)
		die(e.msg);
}

static void tell_services(unsigned n_services, unsigned n_backends)
{
	for (unsigned at = 0; at < n_services; at += PER_MESSAGE) {
		unsigned n = n_services - at < PER_MESSAGE ? n_services - at : PER_MESSAGE;
		Tepui__Directory *message = begin_message(at + n < n_services);

		message->services = zeroed(n * sizeof(*message->services));
		message->endpoints = zeroed((size_t)n * n_backends * sizeof(*message->endpoints));
		for (unsigned i = 0; i < n; i++) {
			message->services[message->n_services++] = make_service(at + i);
			for (unsigned b = 0; b < n_backends; b++)
				message->endpoints[message->n_endpoints++] = make_endpoint(at + i, b, true);
		}
		send_message(message);
	}
}

static void tell_endpoint(unsigned service, unsigned i, bool is_serving)
{
	Tepui__Directory *message = begin_message(false);

	message->endpoints = zeroed(sizeof(*message->endpoints));
	message->endpoints[0] = make_endpoint(service, i, is_serving);
	message->n_endpoints = 1;
	send_message(message);
}

/* ---- processor time ---- */

/* The one child there is; 0: it has gone. */
static int find_worker(void)
{
	AUTO_FREE char *path = text("/proc/self/task/%d/children", (int)getpid());
	FILE *file = fopen(path, "r");
	int child = 0, n = file ? fscanf(file, "%d", &child) : 0;

	if (file)
		fclose(file);
	return n == 1 ? child : 0;
}

static double cpu_ms(clockid_t clock)
{
	struct timespec spent = { 0 };

	(void)clock_gettime(clock, &spent);
	return (double)spent.tv_sec * 1e3 + (double)spent.tv_nsec / 1e6;
}

static double worker_cpu_ms(void)
{
	int child = find_worker();
	clockid_t clock;

	return child && clock_getcpuclockid(child, &clock) == 0 ? cpu_ms(clock) : 0;
}

/* Of those that have ended. */
static double children_cpu_ms(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_CHILDREN, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static double all_cpu_ms(void)
{
	return cpu_ms(CLOCK_PROCESS_CPUTIME_ID) + children_cpu_ms() + worker_cpu_ms();
}

/* ---- waiting ---- */

static bool waits_for_counters;

static void check(void *arg)
{
	struct directory_counts counts = directory_count(agent.directory);
	bool is_done = waits_for_counters ? ruleset_count(agent.ruleset).is_in_force :
					    counts.in_force == counts.generation;

	(void)arg;
	if (is_done)
		loop_stop(agent.loop);
}

static void poll_again(void *arg)
{
	check(arg);
	loop_timer_set(poll_timer, POLL_MS);
}

static double run_since(double begun)
{
	struct err e = { 0 };

	loop_timer_set(poll_timer, POLL_MS);
	if (loop_run(agent.loop, &e) < 0)
		die(e.msg);
	return now_ms() - begun;
}

/* ---- memory ---- */

static long read_kb(const char *path, const char *name)
{
	AUTO_FREE char *line = NULL;
	FILE *file = fopen(path, "r");
	size_t cap = 0;
	long kb = 0;

	while (file && getline(&line, &cap, file) > 0) {
		if (strncmp(line, name, strlen(name)) == 0)
			kb = strtol(line + strlen(name), NULL, 10);
	}
	if (file)
		fclose(file);
	return kb;
}

static long own_kb(void)
{
	return read_kb("/proc/self/smaps_rollup", "Private_Dirty:");
}

static long kernel_kb(void)
{
	return read_kb("/proc/meminfo", "Slab:") + read_kb("/proc/meminfo", "Percpu:");
}

static long worker_kb(void)
{
	AUTO_FREE char *path = text("/proc/%d/smaps_rollup", find_worker());

	return read_kb(path, "Private_Dirty:");
}

/* ---- the figures ---- */

static void measure_updates(unsigned n_services, unsigned n_backends, unsigned n)
{
	AUTO_FREE double *times = zeroed((n + 1) * sizeof(*times));
	double cpu = all_cpu_ms();

	for (unsigned i = 0; i < n; i++) {
		double begun = now_ms();

		tell_endpoint(i / 2 * 37 % n_services, i / 2 % n_backends, i % 2);
		times[i] = run_since(begun);
	}
	cpu = all_cpu_ms() - cpu;
	sort_times(times, n);
	printf("update %.2f %.2f %.2f\n", times[n / 2], n ? times[n - 1] : 0, n ? cpu / n : 0);
}

static void start(void)
{
	struct err e = { 0 };

	if (unshare(CLONE_NEWNET) < 0 || system("ip link set lo up") != 0) {
		perror("services: make a network namespace");
		exit(EXIT_FAILURE);
	}
	if (loop_new(&agent.loop, &e) < 0 || directory_new(&agent, &agent.directory, &e) < 0 ||
	    ruleset_new(&agent, &agent.ruleset, &e) < 0 ||
	    networks_new(&agent, &agent.networks, &e) < 0 ||
	    loop_timer_new(agent.loop, poll_again, NULL, &poll_timer, &e) < 0)
		die(e.msg);
	loop_after_turn(agent.loop, check, NULL);
}

int main(int argc, char **argv)
{
	unsigned n_services, n_backends, n_updates;
	long own, kernel, directory;
	double begun, cpu;

	if (argc != 4) {
		fprintf(stderr, "usage: services SERVICES BACKENDS UPDATES\n");
		return EXIT_FAILURE;
	}
	n_services = (unsigned)strtoul(argv[1], NULL, 10);
	n_backends = (unsigned)strtoul(argv[2], NULL, 10);
	n_updates = (unsigned)strtoul(argv[3], NULL, 10);
	log_init("services", LOG_LEVEL_ERROR);
	start();
	own = own_kb();
	kernel = kernel_kb();
	begun = now_ms();
	cpu = all_cpu_ms();
	tell_services(n_services, n_backends);
	directory = own_kb();
	printf("load %.0f", run_since(begun));
	printf(" %.0f\n", all_cpu_ms() - cpu);
	waits_for_counters = true;
	printf("counters %.0f", run_since(begun));
	printf(" %.0f\n", all_cpu_ms() - cpu);
	waits_for_counters = false;
	measure_updates(n_services, n_backends, n_updates);
	printf("memory %ld %ld %ld %ld\n", own_kb() - own, worker_kb(), kernel_kb() - kernel,
	       own_kb() - directory);
	return EXIT_SUCCESS;
}
