/* The io controller on cgroup v1, where it is called blkio. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "isolators/cgroup.h"
#include "isolators/cgroup_io.h"
#include "isolators/cgroup_text.h"
#include "isolators/cgroup_v1_files.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* The four numbers of a line of io.max or io.stat. */
static const struct {
	const char *v2, *v1;
} io_max_names[] = {
	{ "rbps=", "blkio.throttle.read_bps_device" },
	{ "wbps=", "blkio.throttle.write_bps_device" },
	{ "riops=", "blkio.throttle.read_iops_device" },
	{ "wiops=", "blkio.throttle.write_iops_device" },
};

static int write_io_max_part(int fd, const char *device, size_t device_length, const char *part,
			     size_t length, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(io_max_names); i++) {
		size_t name_length = strlen(io_max_names[i].v2);
		char text[96];
		int n;

		if (length <= name_length || strncmp(part, io_max_names[i].v2, name_length) != 0)
			continue;
		part += name_length;
		length -= name_length;
		/* Zero takes a v1 throttle away. */
		if (length == 3 && strncmp(part, "max", 3) == 0) {
			part = "0";
			length = 1;
		}
		n = snprintf(text, sizeof(text), "%.*s %.*s", (int)device_length, device,
			     (int)length, part);
		if (n < 0 || (size_t)n >= sizeof(text))
			break;
		return cgroup_io_write(fd, io_max_names[i].v1, text, e);
	}
	return err_set(e, EINVAL, "write '%.*s' to cgroup file 'io.max'", (int)length, part);
}

static int write_io_max(const struct cgroup *cg, int fd, const struct v1_file *row,
			const char *value, struct err *e)
{
	size_t device_length = strcspn(value, " ");
	const char *part = value + device_length;
	int r = 0;

	(void)cg;
	(void)row;
	while (r == 0 && *(part += strspn(part, " "))) {
		size_t length = strcspn(part, " ");

		r = write_io_max_part(fd, value, device_length, part, length, e);
		part += length;
	}
	return r;
}

/* A line for each limit: who asks looks for one of them. */
static int read_io_max(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
		       size_t size, struct err *e)
{
	unsigned major, minor;
	uint64_t value;
	size_t used = 0;
	int r = 0;

	(void)cg;
	(void)row;
	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(io_max_names) && r == 0; i++) {
		char text[CGROUP_TEXT_SIZE];

		r = cgroup_io_read(fd, io_max_names[i].v1, text, sizeof(text), e);
		for (const char *line = text; r == 0 && *line; line = cgroup_text_next_line(line)) {
			if (sscanf(line, "%u:%u %" SCNu64, &major, &minor, &value) == 3)
				r = v1_put(buf + used, size - used, e, "%u:%u %s%" PRIu64 "\n",
					   major, minor, io_max_names[i].v2, value);
			used += strlen(buf + used);
		}
	}
	return r;
}

/* "8:0 Read 4096", the number; 0 when there is no such line. */
static uint64_t find_io(const char *text, unsigned major, unsigned minor, const char *what)
{
	uint64_t value = 0;
	char key[48];

	(void)snprintf(key, sizeof(key), "%u:%u %s", major, minor, what);
	(void)cgroup_text_key(text, key, &value);
	return value;
}

static int read_io_stat(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
			size_t size, struct err *e)
{
	char bytes[CGROUP_TEXT_SIZE], count[CGROUP_TEXT_SIZE], what[8];
	unsigned major, minor;
	size_t used = 0;
	int r = cgroup_io_read(fd, row->v1, bytes, sizeof(bytes), e);

	(void)cg;
	if (r == 0)
		r = cgroup_io_read(fd, "blkio.throttle.io_serviced_recursive", count,
				   sizeof(count), e);
	buf[0] = '\0';
	for (const char *line = bytes; r == 0 && *line; line = cgroup_text_next_line(line)) {
		/* A device has several lines, of which each is a number: the first is its turn. */
		if (sscanf(line, "%u:%u %7s", &major, &minor, what) != 3 ||
		    strcmp(what, "Read") != 0)
			continue;
		r = v1_put(buf + used, size - used, e, "%u:%u rbytes=%" PRIu64 " wbytes=%" PRIu64
			   " rios=%" PRIu64 " wios=%" PRIu64 "\n", major, minor,
			   find_io(bytes, major, minor, "Read"),
			   find_io(bytes, major, minor, "Write"),
			   find_io(count, major, minor, "Read"),
			   find_io(count, major, minor, "Write"));
		used += strlen(buf + used);
	}
	return r;
}

/*
 * v2 goes from 1 to 10000, v1 from 10 to 1000: end to end, the way that the document's weight came.
 * The default of both is 100, and stays that.
 */
static uint64_t weight_to_v1(uint64_t weight)
{
	return weight == 100 ? 100 : 10 + ((weight - 1) * 990 + 9998) / 9999;
}

static uint64_t weight_from_v1(uint64_t weight)
{
	return weight == 100 ? 100 : 1 + (weight - 10) * 9999 / 990;
}

/* "default 100", "100", "8:0 100" and "8:0 default". */
static int write_io_weight(const struct cgroup *cg, int fd, const struct v1_file *row,
			   const char *value, struct err *e)
{
	const char *space = strchr(value, ' '), *number = space ? space + 1 : value;
	bool is_device = space && strncmp(value, "default ", 8) != 0;
	char text[64];
	uint64_t weight = 0;
	int r = 0;

	(void)cg;
	/* Zero takes the weight of a device away. */
	if (!is_device || strcmp(number, "default") != 0)
		r = v1_parse_number(row, number, &weight, e);
	if (r < 0)
		return r;
	if (weight > 10000 || (weight == 0 && strcmp(number, "default") != 0))
		return err_set(e, ERANGE, "write '%s' to cgroup file '%s'", value, row->file);
	if (!is_device)
		return v1_write_number(fd, row->v1, weight_to_v1(weight), e);
	(void)snprintf(text, sizeof(text), "%.*s %" PRIu64, (int)(space - value), value,
		       weight ? weight_to_v1(weight) : 0);
	return cgroup_io_write(fd, "blkio.bfq.weight_device", text, e);
}

/* "default 100\n8:0 50\n", from a number and from a file of which only the lines are wanted. */
static int read_io_weight(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
			  size_t size, struct err *e)
{
	char devices[CGROUP_TEXT_SIZE];
	struct err lost = { 0 };
	unsigned major, minor;
	uint64_t weight;
	int r = v1_read_number(fd, row->v1, &weight, e);

	(void)cg;
	if (r == 0)
		r = v1_put(buf, size, e, "default %" PRIu64 "\n", weight_from_v1(weight));
	if (r < 0 || cgroup_io_read(fd, "blkio.bfq.weight_device", devices, sizeof(devices),
				    &lost) < 0)
		return r;
	for (const char *line = devices; *line && r == 0; line = cgroup_text_next_line(line)) {
		size_t used = strlen(buf);

		if (sscanf(line, "%u:%u %" SCNu64, &major, &minor, &weight) == 3 && weight >= 10)
			r = v1_put(buf + used, size - used, e, "%u:%u %" PRIu64 "\n", major, minor,
				   weight_from_v1(weight));
	}
	return r;
}

const struct v1_file v1_io_files[] = {
	{ "io.max", NULL, read_io_max, write_io_max },
	{ "io.weight", "blkio.bfq.weight", read_io_weight, write_io_weight },
	{ "io.stat", "blkio.throttle.io_service_bytes_recursive", read_io_stat, NULL },
};
const size_t n_v1_io_files = ARRAY_SIZE(v1_io_files);
