#include "master_stub/machines.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/pb_json.h"

enum { MAX_MACHINES = 100000, IP_SIZE = 64 };

typedef Mesos__V1__MachineID MachineID;
typedef Mesos__V1__Maintenance__Window Window;

/* ---- names ---- */

static void lower(const char *text, char *ret, size_t size)
{
	size_t n = 0;

	for (; text && text[n] && n + 1 < size; n++)
		ret[n] = (char)(text[n] >= 'A' && text[n] <= 'Z' ? text[n] | 0x20 : text[n]);
	ret[n] = '\0';
}

static const char *text_of(const char *text)
{
	return text ? text : "";
}

void machine_describe(const MachineID *id, char *ret, size_t size)
{
	const char *host = text_of(id->hostname), *ip = text_of(id->ip);

	(void)snprintf(ret, size, "{%s%s%s%s%s%s%s}", *host ? "\"hostname\":\"" : "", host,
		       *host ? "\"" : "", *host && *ip ? "," : "", *ip ? "\"ip\":\"" : "", ip,
		       *ip ? "\"" : "");
}

void machine_make_key(const MachineID *id, char ret[MACHINE_KEY_SIZE])
{
	char host[MACHINE_MAX_NAME + 1];

	lower(id->hostname, host, sizeof(host));
	(void)snprintf(ret, MACHINE_KEY_SIZE, "%s|%s", host, text_of(id->ip));
}

int machine_check_id(const MachineID *id, struct err *e)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (!*text_of(id->hostname) && !*text_of(id->ip))
		return err_set(e, EINVAL, "Both 'hostname' and 'ip' for a machine are empty");
	if (strlen(text_of(id->hostname)) > MACHINE_MAX_NAME)
		return err_set(e, EINVAL, "A machine's hostname has more than %d bytes", MACHINE_MAX_NAME);
	if (*text_of(id->ip) && inet_pton(AF_INET, id->ip, address) != 1 &&
	    inet_pton(AF_INET6, id->ip, address) != 1)
		return err_set(e, EINVAL, "'%.64s' of a machine is not an address", id->ip);
	return 0;
}

/* ---- what is planned ---- */

static struct unavailability read_unavailability(const Mesos__V1__Unavailability *message)
{
	return (struct unavailability){
		.is_planned = true,
		.start_ns = message->start->nanoseconds,
		.duration_ns = message->duration ? message->duration->nanoseconds : -1,
	};
}

Mesos__V1__Unavailability *unavailability_describe(const struct unavailability *unavailability,
						struct unavailability_message *ret)
{
	if (!unavailability->is_planned)
		return NULL;
	mesos__v1__unavailability__init(&ret->unavailability);
	mesos__v1__time_info__init(&ret->start);
	ret->start.nanoseconds = unavailability->start_ns;
	ret->unavailability.start = &ret->start;
	if (unavailability->duration_ns >= 0) {
		mesos__v1__duration_info__init(&ret->duration);
		ret->duration.nanoseconds = unavailability->duration_ns;
		ret->unavailability.duration = &ret->duration;
	}
	return &ret->unavailability;
}

/* ---- the tables ---- */

struct machine *machines_find(const struct machines *plan, const MachineID *id)
{
	char key[MACHINE_KEY_SIZE];
	struct machine *machine;

	machine_make_key(id, key);
	HASH_FIND_STR(plan->by_id, key, machine);
	return machine;
}

static struct machine *find_host(const struct machines *plan, const char *hostname)
{
	char host[MACHINE_MAX_NAME + 1];
	struct machine *machine = NULL;

	lower(hostname, host, sizeof(host));
	HASH_FIND(hh_host, plan->by_host, host, strlen(host), machine);
	return machine;
}

static int add_machine(struct machines *plan, const MachineID *id, const Window *window,
		       struct err *e)
{
	struct machine *machine;
	char name[MACHINE_KEY_SIZE];
	int r = machine_check_id(id, e);

	if (r < 0)
		return r;
	machine_describe(id, name, sizeof(name));
	if (machines_find(plan, id))
		return err_set(e, EINVAL, "Machine '%.200s' appears more than once in the schedule",
			       name);
	if (HASH_COUNT(plan->by_id) >= MAX_MACHINES)
		return err_set(e, EINVAL, "More than %d machines in the schedule", MAX_MACHINES);
	machine = calloc(1, sizeof(*machine));
	if (!machine)
		return err_set(e, ENOMEM, "plan maintenance");
	machine->id = id;
	machine->unavailability = read_unavailability(window->unavailability);
	machine_make_key(id, machine->key);
	lower(id->hostname, machine->host, sizeof(machine->host));
	HASH_ADD_STR(plan->by_id, key, machine);
	if (!machine->hh.tbl) {
		free(machine);
		return err_set(e, ENOMEM, "plan maintenance");
	}
	if (*machine->host && !find_host(plan, machine->host))
		HASH_ADD_KEYPTR(hh_host, plan->by_host, machine->host, strlen(machine->host),
				machine);
	return 0;
}

void machines_done(struct machines *plan)
{
	struct machine *machine, *next;

	HASH_CLEAR(hh_host, plan->by_host);
	HASH_ITER(hh, plan->by_id, machine, next) {
		HASH_DEL(plan->by_id, machine);
		free(machine);
	}
	if (plan->schedule)
		mesos__v1__maintenance__schedule__free_unpacked(plan->schedule, NULL);
	*plan = (struct machines){ 0 };
}

static int add_window(struct machines *plan, const Window *window, struct err *e)
{
	int r = 0;

	if (window->n_machine_ids == 0)
		return err_set(e, EINVAL, "List of machines in the maintenance window is empty");
	if (window->unavailability->duration && window->unavailability->duration->nanoseconds < 0)
		return err_set(e, EINVAL, "Unavailability 'duration' is negative");
	for (size_t i = 0; i < window->n_machine_ids && r == 0; i++)
		r = add_machine(plan, window->machine_ids[i], window, e);
	return r;
}

int machines_make(const Mesos__V1__Maintenance__Schedule *schedule, struct machines *ret, struct err *e)
{
	int r = 0;

	*ret = (struct machines){ 0 };
	ret->schedule = (Mesos__V1__Maintenance__Schedule *)pb_copy(&schedule->base);
	if (!ret->schedule)
		return err_set(e, ENOMEM, "plan maintenance");
	for (size_t i = 0; i < ret->schedule->n_windows && r == 0; i++)
		r = add_window(ret, ret->schedule->windows[i], e);
	return r;
}

/* ---- which machine is it? ---- */

/* The address in ENDPOINT, or of a host that is called by it; "" when nobody knows. */
static void address_of(const char *hostname, const char *endpoint, char ret[IP_SIZE])
{
	unsigned char address[sizeof(struct in6_addr)];
	const char *colon = endpoint ? strrchr(endpoint, ':') : NULL;

	(void)snprintf(ret, IP_SIZE, "%.*s", colon ? (int)(colon - endpoint) : IP_SIZE,
		       colon ? endpoint : hostname);
	if (*ret == '[') {
		memmove(ret, ret + 1, strlen(ret));
		ret[strcspn(ret, "]")] = '\0';
	}
	if (inet_pton(AF_INET, ret, address) != 1 && inet_pton(AF_INET6, ret, address) != 1)
		*ret = '\0';
}

static const struct machine *find_named(const struct machines *plan, const char *hostname,
					const char *ip)
{
	MachineID id = MESOS__V1__MACHINE_ID__INIT;

	/* Looking only reads them. */
	id.hostname = (char *)(uintptr_t)hostname;
	id.ip = (char *)(uintptr_t)ip;
	return machines_find(plan, &id);
}

const struct machine *machines_find_place(const struct machines *plan, const char *hostname,
					const char *endpoint)
{
	const struct machine *machine;
	char ip[IP_SIZE];

	address_of(hostname, endpoint, ip);
	machine = *ip ? find_named(plan, hostname, ip) : find_host(plan, hostname);
	if (!machine)
		machine = find_named(plan, hostname, NULL);
	return machine || !*ip ? machine : find_named(plan, NULL, ip);
}
