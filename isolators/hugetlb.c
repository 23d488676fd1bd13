/* How much memory in huge pages, by the size of the pages. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "isolators/limits.h"
#include "isolators/spec.h"
#include "isolators/table.h"
#include "isolators/usage.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { FILE_SIZE = 64 };

static const char path[] = "linux.resources.hugepageLimits";

/* "64KB", "2MB", "1GB": the bytes, or 0 for what is no size. */
static uint64_t page_bytes(const char *text)
{
	static const struct {
		char unit;
		unsigned shift;
	} units[] = { { 'K', 10 }, { 'M', 20 }, { 'G', 30 } };
	unsigned number;
	char unit, rest[3];

	if (text[0] < '1' || text[0] > '9' ||
	    sscanf(text, "%5u%c%2s", &number, &unit, rest) != 3 || strcmp(rest, "B") != 0)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (units[i].unit == unit)
			return (uint64_t)number << units[i].shift;
	}
	return 0;
}

static int validate(const struct spec *spec, struct err *e)
{
	for (size_t i = 0; i < spec->n_hugepages; i++) {
		if (page_bytes(spec->hugepages[i].page_size) == 0)
			return err_set(e, EINVAL, "use pages of '%.32s', which is not like '2MB'",
				       spec->hugepages[i].page_size);
	}
	return 0;
}

/*
 * The limit on reservations, where the kernel has it, lets mmap(2) fail; the one on pages in use
 * ends the process with SIGBUS later, but also counts what was not reserved.
 */
static int add_pages(const struct spec_hugepages *pages, struct limits *ret, struct err *e)
{
	uint64_t size = page_bytes(pages->page_size);
	char file[FILE_SIZE], reserved[FILE_SIZE], value[32];
	int r;

	(void)snprintf(file, sizeof(file), "hugetlb.%s.max", pages->page_size);
	(void)snprintf(reserved, sizeof(reserved), "hugetlb.%s.rsvd.max", pages->page_size);
	/* The kernel rounds down to whole pages. */
	(void)snprintf(value, sizeof(value), "%" PRIu64, pages->limit_bytes / size * size);
	r = limits_add(ret, &(struct limit){ .path = path, .file = file, .value = value }, e);
	if (r < 0)
		return r;
	return limits_add(ret, &(struct limit){ .path = path, .file = reserved, .value = value,
						.is_optional = true }, e);
}

static int list_limits(const struct spec *spec, struct limits *ret, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < spec->n_hugepages && r == 0; i++)
		r = add_pages(&spec->hugepages[i], ret, e);
	return r;
}

/* Of the architectures that we run on. */
static const char *const sizes[USAGE_MAX_PAGE_SIZES] = { "64KB", "2MB", "32MB", "1GB" };

static bool sample_size(const struct cgroup *cg, const char *size, struct usage_hugepages *ret)
{
	struct usage_hugepages pages = {
		.page_size = size, .limit_bytes = UINT64_MAX, .failures = UINT64_MAX,
	};
	struct err unknown = { 0 };
	char file[FILE_SIZE];

	(void)snprintf(file, sizeof(file), "hugetlb.%s.current", size);
	if (cgroup_read_u64(cg, file, &pages.bytes, &unknown) < 0)
		return false;
	(void)snprintf(file, sizeof(file), "hugetlb.%s.max", size);
	(void)cgroup_read_u64(cg, file, &pages.limit_bytes, &unknown);
	err_clear(&unknown);
	(void)snprintf(file, sizeof(file), "hugetlb.%s.events", size);
	(void)cgroup_read_key(cg, file, "max", &pages.failures, &unknown);
	*ret = pages;
	return true;
}

static int sample(const struct cgroup *cg, struct usage *usage, struct err *e)
{
	(void)e;
	for (size_t i = 0; i < ARRAY_SIZE(sizes) && cg->versions[CGROUP_HUGETLB]; i++) {
		if (sample_size(cg, sizes[i], &usage->hugepages[usage->n_hugepages]))
			usage->n_hugepages++;
	}
	return 0;
}

const struct isolator isolator_hugetlb = {
	.name = "hugetlb",
	.validate = validate,
	.limits = list_limits,
	.sample = sample,
};
