#include "agent/node.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "agent/flags.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "lib/ranges.h"

#define GIB (1ULL << 30)

enum { MAX_ATTRIBUTES = 256, FIRST_PORT = 31000, LAST_PORT = 32000, MAX_CPUS = 8192 };

static int64_t millis_of_mib(uint64_t bytes)
{
	return (int64_t)(bytes >> 20) * 1000;
}

int64_t node_offered_mem(uint64_t total_bytes)
{
	return millis_of_mib(total_bytes < 2 * GIB ? total_bytes / 2 : total_bytes - GIB);
}

int64_t node_offered_disk(uint64_t total_bytes)
{
	return millis_of_mib(total_bytes < 10 * GIB ? total_bytes / 2 : total_bytes - 5 * GIB);
}

/* The cpus this process may run on, not those of the machine: an agent may be confined itself. */
static int count_cpus(struct err *e)
{
	cpu_set_t *set = CPU_ALLOC(MAX_CPUS);
	int n;

	if (!set)
		return err_set(e, ENOMEM, "count cpus");
	if (sched_getaffinity(0, CPU_ALLOC_SIZE(MAX_CPUS), set) < 0)
		n = err_set(e, errno, "count cpus");
	else
		n = CPU_COUNT_S(CPU_ALLOC_SIZE(MAX_CPUS), set);
	CPU_FREE(set);
	return n;
}

static int find_resources(int work_fd, struct resources *ret, struct err *e)
{
	struct sysinfo info;
	struct statvfs disk;
	int cpus = count_cpus(e);

	if (cpus < 0)
		return cpus;
	if (sysinfo(&info) < 0)
		return err_set(e, errno, "find the size of memory");
	if (fstatvfs(work_fd, &disk) < 0)
		return err_set(e, errno, "find the size of the disk");
	ret->scalar[RESOURCE_CPUS] = cpus * 1000L;
	ret->scalar[RESOURCE_MEM] = node_offered_mem((uint64_t)info.totalram * info.mem_unit);
	ret->scalar[RESOURCE_DISK] = node_offered_disk((uint64_t)disk.f_blocks * disk.f_frsize);
	if (ranges_add(&ret->ports, FIRST_PORT, LAST_PORT) < 0)
		return err_set(e, ENOMEM, "offer ports");
	return 0;
}

/*
 * A resource named with 0 is not offered; one that is not named is what was found.  Who reserves some
 * says how much is for everybody, too: nothing, otherwise.
 */
int node_merge_resources(const char *text, struct resources *found, struct err *e)
{
	bool named[N_RESOURCE_KINDS + 1];
	struct resources told = { 0 };
	int r = resources_parse_named(text, &told, named, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < N_RESOURCE_KINDS; i++) {
		if (named[i])
			found->scalar[i] = told.scalar[i];
	}
	found->parts = TAKE_VAL(told.parts, (struct resource_parts){ 0 });
	if (named[RESOURCE_PORTS]) {
		ranges_done(&found->ports);
		found->ports = told.ports;
		told.ports = (struct ranges){ 0 };
	}
	resources_done(&told);
	return 0;
}

/* ---- attributes ---- */

void node_free_attributes(Mesos__V1__Attribute **attributes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mesos__v1__attribute__free_unpacked(attributes[i], NULL);
	free(attributes);
}

static int set_scalar(Mesos__V1__Attribute *attribute, double value)
{
	attribute->type = MESOS__V1__VALUE__TYPE__SCALAR;
	attribute->scalar = malloc(sizeof(*attribute->scalar));
	if (!attribute->scalar)
		return -ENOMEM;
	mesos__v1__value__scalar__init(attribute->scalar);
	attribute->scalar->value = value;
	return 0;
}

static int set_text(Mesos__V1__Attribute *attribute, const char *value)
{
	attribute->type = MESOS__V1__VALUE__TYPE__TEXT;
	attribute->text = malloc(sizeof(*attribute->text));
	if (!attribute->text)
		return -ENOMEM;
	mesos__v1__value__text__init(attribute->text);
	attribute->text->value = strdup(value);
	return attribute->text->value ? 0 : -ENOMEM;
}

static int set_ranges(Mesos__V1__Attribute *attribute, const struct ranges *set)
{
	Mesos__V1__Value__Ranges *ranges = malloc(sizeof(*ranges));

	attribute->type = MESOS__V1__VALUE__TYPE__RANGES;
	attribute->ranges = ranges;
	if (!ranges)
		return -ENOMEM;
	mesos__v1__value__ranges__init(ranges);
	ranges->range = calloc(set->n ? set->n : 1, sizeof(Mesos__V1__Value__Range *));
	if (!ranges->range)
		return -ENOMEM;
	for (size_t i = 0; i < set->n; i++) {
		Mesos__V1__Value__Range *range = malloc(sizeof(*range));

		if (!range)
			return -ENOMEM;
		mesos__v1__value__range__init(range);
		range->begin = set->items[i].first;
		range->end = set->items[i].last;
		ranges->range[ranges->n_range++] = range;
	}
	return 0;
}

/* "[1-5]" is ranges, "10" or "0.5" a scalar, anything else text: as Mesos reads the flag. */
static int set_value(Mesos__V1__Attribute *attribute, const char *value, struct err *e)
{
	struct ranges set = { 0 };
	char *end;
	double number;
	int r;

	if (value[0] == '[') {
		r = ranges_parse(value, &set);
		if (r == -EINVAL)
			return err_set(e, EINVAL, "read attribute '%s': bad ranges '%s'",
				       attribute->name, value);
		if (r >= 0)
			r = set_ranges(attribute, &set);
		ranges_done(&set);
	} else {
		number = strtod(value, &end);
		r = end != value && *end == '\0' && __builtin_isfinite(number) ?
			set_scalar(attribute, number) : set_text(attribute, value);
	}
	return r < 0 ? err_set(e, -r, "read attribute '%s'", attribute->name) : 0;
}

static int parse_attribute(char *item, Mesos__V1__Attribute **ret, struct err *e)
{
	Mesos__V1__Attribute *attribute;
	char *colon = strchr(item, ':');
	int r;

	if (!colon || colon == item || !colon[1])
		return err_set(e, EINVAL, "read attribute '%s': not of the form name:value", item);
	*colon = '\0';
	attribute = malloc(sizeof(*attribute));
	if (!attribute)
		return err_set(e, ENOMEM, "read attribute '%s'", item);
	mesos__v1__attribute__init(attribute);
	attribute->name = strdup(item);
	if (attribute->name)
		r = set_value(attribute, colon + 1, e);
	else
		r = err_set(e, ENOMEM, "read attribute '%s'", item);
	if (r < 0) {
		mesos__v1__attribute__free_unpacked(attribute, NULL);
		return r;
	}
	*ret = attribute;
	return 0;
}

int node_parse_attributes(const char *text, Mesos__V1__Attribute ***ret, size_t *ret_n,
			  struct err *e)
{
	AUTO_FREE char *copy = strdup(text);
	Mesos__V1__Attribute **list = calloc(MAX_ATTRIBUTES, sizeof(*list));
	char *rest = copy, *item;
	size_t n = 0;
	int r = 0;

	if (!copy || !list)
		r = err_set(e, ENOMEM, "read attributes");
	while (r >= 0 && (item = strsep(&rest, ";"))) {
		if (!*item)
			continue;
		if (n == MAX_ATTRIBUTES)
			r = err_set(e, E2BIG, "read attributes: more than %d", MAX_ATTRIBUTES);
		else
			r = parse_attribute(item, &list[n], e);
		n += r >= 0;
	}
	if (r < 0) {
		if (list)
			node_free_attributes(list, n);
		return r;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

/* ---- the whole ---- */

static int read_boot_id(char ret[NODE_BOOT_ID_SIZE], struct err *e)
{
	AUTO_CLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return err_set(e, errno, "open '/proc/sys/kernel/random/boot_id'");
	n = read(fd, ret, NODE_BOOT_ID_SIZE - 1);
	if (n != NODE_BOOT_ID_SIZE - 1)
		return err_set(e, n < 0 ? errno : EIO, "read '/proc/sys/kernel/random/boot_id'");
	ret[n] = '\0';
	return 0;
}

static int find_hostname(const char *told, char ret[NODE_HOSTNAME_MAX], struct err *e)
{
	if (told) {
		if (!*told || strlen(told) >= NODE_HOSTNAME_MAX)
			return err_set(e, EINVAL, "use '--hostname=%.300s'", told);
		(void)snprintf(ret, NODE_HOSTNAME_MAX, "%s", told);
		return 0;
	}
	if (gethostname(ret, NODE_HOSTNAME_MAX) < 0)
		return err_set(e, errno, "find the host's name");
	ret[NODE_HOSTNAME_MAX - 1] = '\0';
	return 0;
}

int node_discover(const struct agent_flags *flags, int work_fd, struct node *ret, struct err *e)
{
	struct node node = { 0 };
	int r;

	r = find_hostname(flags->hostname, node.hostname, e);
	if (r >= 0)
		r = read_boot_id(node.boot_id, e);
	if (r >= 0)
		r = find_resources(work_fd, &node.total, e);
	if (r >= 0 && flags->resources) {
		r = node_merge_resources(flags->resources, &node.total, e);
		if (r < 0)
			(void)err_wrap(e, "use '--resources'");
	}
	if (r >= 0 && flags->attributes) {
		r = node_parse_attributes(flags->attributes, &node.attributes, &node.n_attributes,
					  e);
		if (r < 0)
			(void)err_wrap(e, "use '--attributes'");
	}
	if (r < 0) {
		node_done(&node);
		return r;
	}
	*ret = node;
	return 0;
}

void node_done(struct node *node)
{
	resources_done(&node->total);
	node_free_attributes(node->attributes, node->n_attributes);
	node->attributes = NULL;
	node->n_attributes = 0;
}

int node_agent_info(const struct node *node, const char *agent_id, uint16_t port,
		    Mesos__V1__AgentInfo **ret, struct err *e)
{
	Mesos__V1__AgentInfo view = MESOS__V1__AGENT_INFO__INIT;
	Mesos__V1__AgentID id = MESOS__V1__AGENT_ID__INIT;
	AUTO_FREE char *hostname = strdup(node->hostname), *id_text = NULL;
	int r;

	if (!hostname)
		return err_set(e, ENOMEM, "describe the node");
	if (agent_id) {
		id_text = strdup(agent_id);
		if (!id_text)
			return err_set(e, ENOMEM, "describe the node");
		id.value = id_text;
		view.id = &id;
	}
	view.hostname = hostname;
	view.has_port = 1;
	view.port = port;
	view.attributes = node->attributes;
	view.n_attributes = node->n_attributes;
	r = resources_to_messages(&node->total, NULL, &view.resources, &view.n_resources);
	if (r < 0)
		return err_set(e, -r, "describe the node's resources");
	*ret = (Mesos__V1__AgentInfo *)pb_copy(&view.base);
	resources_messages_free(view.resources, view.n_resources);
	return *ret ? 0 : err_set(e, ENOMEM, "describe the node");
}
