#include "lib/descriptors.h"

#include <stdbool.h>
#include <sys/resource.h>

static bool set_limit(const struct rlimit *limit)
{
	return setrlimit(RLIMIT_NOFILE, limit) == 0;
}

size_t descriptors_raise(size_t wanted)
{
	struct rlimit old, raised;

	if (getrlimit(RLIMIT_NOFILE, &old) < 0)
		return 0;
	if (old.rlim_cur >= wanted)
		return old.rlim_cur;
	raised = (struct rlimit){ wanted, old.rlim_max > wanted ? old.rlim_max : wanted };
	if (set_limit(&raised))
		return wanted;
	/* The hard limit is for others to raise; up to it we may go. */
	raised = (struct rlimit){ old.rlim_max, old.rlim_max };
	return set_limit(&raised) ? raised.rlim_cur : old.rlim_cur;
}
