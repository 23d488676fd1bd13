#include "containerizer/oci/stats.h"

#include <stddef.h>
#include <stdint.h>

#include "isolators/usage.h"
#include "lib/cleanup.h"

/* A number of struct usage and where it stands, by at most three keys. */
static const struct {
	const char *keys[3];
	size_t offset;
	uint64_t factor;
} rows[] = {
	{ { "cpu", "usage", "total" }, offsetof(struct usage, cpu_usage_usec), 1000 },
	{ { "cpu", "usage", "kernel" }, offsetof(struct usage, cpu_system_usec), 1000 },
	{ { "cpu", "usage", "user" }, offsetof(struct usage, cpu_user_usec), 1000 },
	{ { "cpu", "throttling", "periods" }, offsetof(struct usage, cpu_nr_periods), 1 },
	{ { "cpu", "throttling", "throttledPeriods" }, offsetof(struct usage, cpu_nr_throttled), 1 },
	{ { "cpu", "throttling", "throttledTime" }, offsetof(struct usage, cpu_throttled_usec),
	  1000 },
	{ { "memory", "usage", "usage" }, offsetof(struct usage, memory_bytes), 1 },
	{ { "memory", "usage", "max" }, offsetof(struct usage, memory_peak_bytes), 1 },
	{ { "memory", "usage", "limit" }, offsetof(struct usage, memory_limit_bytes), 1 },
	{ { "memory", "usage", "failcnt" }, offsetof(struct usage, memory_max_events), 1 },
	{ { "memory", "swap", "usage" }, offsetof(struct usage, memory_swap_bytes), 1 },
	{ { "memory", "swap", "limit" }, offsetof(struct usage, memory_swap_limit_bytes), 1 },
	{ { "memory", "kernel", "usage" }, offsetof(struct usage, memory_kernel_bytes), 1 },
	{ { "memory", "cache" }, offsetof(struct usage, memory_file_bytes), 1 },
	{ { "memory", "raw", "anon" }, offsetof(struct usage, memory_anon_bytes), 1 },
	{ { "memory", "raw", "file" }, offsetof(struct usage, memory_file_bytes), 1 },
	{ { "memory", "raw", "file_mapped" }, offsetof(struct usage, memory_mapped_bytes), 1 },
	{ { "memory", "raw", "unevictable" }, offsetof(struct usage, memory_unevictable_bytes), 1 },
	{ { "pids", "current" }, offsetof(struct usage, pids), 1 },
	{ { "pids", "limit" }, offsetof(struct usage, pids_limit), 1 },
};

static json_t *member(json_t *object, const char *key)
{
	json_t *found = json_object_get(object, key);

	if (!found && json_object_set_new(object, key, json_object()) == 0)
		found = json_object_get(object, key);
	return found;
}

static void set_number(json_t *object, const char *key, uint64_t value)
{
	/* JSON numbers end at 2^63 here. */
	if (value != UINT64_MAX && value <= INT64_MAX)
		(void)json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void add_operation(json_t *list, const struct usage_io_device *device, const char *op,
			  uint64_t value)
{
	(void)json_array_append_new(list, json_pack("{sIsIsssI}", "major",
		(json_int_t)device->major, "minor", (json_int_t)device->minor, "op", op, "value",
		(json_int_t)value));
}

static json_t *io_to_json(const struct usage *usage)
{
	json_t *bytes = json_array(), *operations = json_array();

	for (size_t i = 0; i < usage->n_io_devices; i++) {
		const struct usage_io_device *device = &usage->io_devices[i];

		add_operation(bytes, device, "Read", device->read_bytes);
		add_operation(bytes, device, "Write", device->write_bytes);
		add_operation(operations, device, "Read", device->reads);
		add_operation(operations, device, "Write", device->writes);
	}
	return json_pack("{soso}", "ioServiceBytesRecursive", bytes, "ioServicedRecursive",
			 operations);
}

static json_t *hugepages_to_json(const struct usage *usage)
{
	json_t *object = json_object();

	for (size_t i = 0; i < usage->n_hugepages; i++) {
		const struct usage_hugepages *pages = &usage->hugepages[i];
		json_t *entry = member(object, pages->page_size);

		set_number(entry, "usage", pages->bytes);
		set_number(entry, "failcnt", pages->failures);
	}
	return object;
}

json_t *stats_to_json(const struct usage *usage)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < ARRAY_SIZE(rows); i++) {
		uint64_t value = *(const uint64_t *)(const void *)((const char *)usage +
								   rows[i].offset);
		json_t *place = object;
		size_t depth = 0;

		for (; depth < 2 && rows[i].keys[depth + 1]; depth++)
			place = member(place, rows[i].keys[depth]);
		if (value != UINT64_MAX && value <= UINT64_MAX / rows[i].factor)
			set_number(place, rows[i].keys[depth], value * rows[i].factor);
	}
	if (object) {
		(void)json_object_set_new(object, "blkio", io_to_json(usage));
		(void)json_object_set_new(object, "hugetlb", hugepages_to_json(usage));
	}
	return object;
}
