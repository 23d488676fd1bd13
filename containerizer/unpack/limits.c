#include "containerizer/unpack/unpack.h"

#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"

#define LIMIT(kind_, member_, fallback_, max_, help_) \
	{ .name = #member_, .kind = (kind_), .off = offsetof(struct unpack_limits, member_), \
	  .fallback = (fallback_), .max = (max_), .help = (help_) }

const struct flag unpack_limits[] = {
	LIMIT(FLAG_U64, max_bytes, "34359738368", UINT64_C(1) << 50,
	      "bytes that a layer may come to"),
	LIMIT(FLAG_U64, max_file_bytes, "34359738368", UINT64_C(1) << 50,
	      "length that a file of a layer may have, holes included"),
	LIMIT(FLAG_U64, max_entries, "1000000", 100000000, "entries that a layer may have"),
	LIMIT(FLAG_U64, max_depth, "128", 1024, "components that a path in a layer may have"),
	LIMIT(FLAG_U64, max_memory, "1073741824", UINT64_C(1) << 40,
	      "address space of the process that unpacks a layer"),
	LIMIT(FLAG_MILLIS, max_time, "10mins", 86400000, "time that unpacking a layer may take"),
};
const size_t n_unpack_limits = ARRAY_SIZE(unpack_limits);

static const char *const mode_names[] = {
	[UNPACK_LAYER] = "layer",
	[UNPACK_FILES] = "files",
	[UNPACK_EXPAND] = "expand",
	[UNPACK_PACK] = "pack",
};

const char *unpack_mode_name(enum unpack_mode mode)
{
	return mode_names[mode];
}

int unpack_mode_parse(const char *name, enum unpack_mode *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(mode_names); i++) {
		if (strcmp(name, mode_names[i]) == 0) {
			*ret = (enum unpack_mode)i;
			return 0;
		}
	}
	return -EINVAL;
}
