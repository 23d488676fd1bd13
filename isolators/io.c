/* A share of the disks under contention, and limits by device. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "isolators/cgroup_text.h"
#include "isolators/limits.h"
#include "isolators/spec.h"
#include "isolators/table.h"
#include "isolators/usage_fields.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MIN_BLKIO_WEIGHT = 10, MAX_BLKIO_WEIGHT = 1000 };

static const char weight_name[] = "weight";

static int check_weight(uint64_t weight, struct err *e)
{
	if (weight >= MIN_BLKIO_WEIGHT && weight <= MAX_BLKIO_WEIGHT)
		return 0;
	return err_set(e, ERANGE, "weight %" PRIu64 " is outside %d..%d", weight, MIN_BLKIO_WEIGHT,
		       MAX_BLKIO_WEIGHT);
}

static bool is_weight(const struct spec_io_device *device)
{
	return strcmp(device->name, weight_name) == 0;
}

static int validate(const struct spec *spec, struct err *e)
{
	int r = spec->io_weight ? check_weight(spec->io_weight, e) : 0;

	for (size_t i = 0; i < spec->n_io_devices && r == 0; i++) {
		if (is_weight(&spec->io_devices[i]))
			r = check_weight(spec->io_devices[i].value, e);
	}
	return r;
}

/* OCI's 10..1000 onto the 1..10000 of v2, end to end. */
static uint64_t to_v2(uint64_t weight)
{
	return 1 + (weight - MIN_BLKIO_WEIGHT) * 9999 / (MAX_BLKIO_WEIGHT - MIN_BLKIO_WEIGHT);
}

static int add_device(const struct spec_io_device *device, struct limits *ret, struct err *e)
{
	bool is_max = !is_weight(device);
	char key[32], text[32];
	struct limit limit = {
		.path = is_max ? "linux.resources.blockIO" : "linux.resources.blockIO.weightDevice",
		.file = is_max ? "io.max" : "io.weight",
		.key = key, .name = is_max ? device->name : NULL, .value = text,
	};

	(void)snprintf(key, sizeof(key), "%" PRIu32 ":%" PRIu32, device->major, device->minor);
	(void)snprintf(text, sizeof(text), "%" PRIu64,
		       is_max ? device->value : to_v2(device->value));
	if (is_max && device->value == 0)
		limit.value = "max";
	return limits_add(ret, &limit, e);
}

static int list_limits(const struct spec *spec, struct limits *ret, struct err *e)
{
	char text[32];
	/* A preference: only some schedulers of block devices know weights. */
	const struct limit weight = {
		.path = "linux.resources.blockIO.weight", .file = "io.weight", .key = "default",
		.value = text, .is_optional = true,
	};
	int r = 0;

	(void)snprintf(text, sizeof(text), "%" PRIu64, to_v2(spec->io_weight));
	if (spec->io_weight)
		r = limits_add(ret, &weight, e);
	for (size_t i = 0; i < spec->n_io_devices && r == 0; i++)
		r = add_device(&spec->io_devices[i], ret, e);
	return r;
}

static const struct {
	const char *name;
	size_t offset;
} sums[] = {
	{ "rbytes", offsetof(struct usage, io_read_bytes) },
	{ "wbytes", offsetof(struct usage, io_write_bytes) },
	{ "rios", offsetof(struct usage, io_reads) },
	{ "wios", offsetof(struct usage, io_writes) },
};

static const struct {
	const char *name;
	size_t offset;
} device_fields[] = {
	{ "rbytes", offsetof(struct usage_io_device, read_bytes) },
	{ "wbytes", offsetof(struct usage_io_device, write_bytes) },
	{ "rios", offsetof(struct usage_io_device, reads) },
	{ "wios", offsetof(struct usage_io_device, writes) },
};

static void read_devices(const char *text, struct usage *usage)
{
	for (const char *line = text; *line; line = cgroup_text_next_line(line)) {
		struct usage_io_device device = { 0 };

		if (usage->n_io_devices == ARRAY_SIZE(usage->io_devices))
			return;
		if (sscanf(line, "%" SCNu32 ":%" SCNu32, &device.major, &device.minor) != 2)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(device_fields); i++) {
			uint64_t value = 0;

			(void)cgroup_text_name(line, device_fields[i].name, &value);
			memcpy((char *)&device + device_fields[i].offset, &value, sizeof(value));
		}
		usage->io_devices[usage->n_io_devices++] = device;
	}
}

/* A group that has done no i/o has an empty io.stat. */
static int sample(const struct cgroup *cg, struct usage *usage, struct err *e)
{
	struct err unknown = { 0 };
	char text[CGROUP_TEXT_SIZE];
	int r = cgroup_read(cg, "io.stat", text, sizeof(text), &unknown);

	(void)e;
	for (size_t i = 0; i < ARRAY_SIZE(sums) && r == 0; i++) {
		uint64_t value = 0;

		if (cgroup_text_sum(text, sums[i].name, &value) != -ERANGE)
			memcpy((char *)usage + sums[i].offset, &value, sizeof(value));
	}
	if (r == 0)
		read_devices(text, usage);
	usage_read_pressure(cg, "io.pressure", &usage->io_pressure, usage);
	return 0;
}

const struct isolator isolator_io = {
	.name = "io",
	.validate = validate,
	.limits = list_limits,
	.sample = sample,
	.pressure_file = "io.pressure",
};
