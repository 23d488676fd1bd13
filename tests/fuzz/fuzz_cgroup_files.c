/* mountinfo, /proc/self/cgroup, interface files and layouts: whatever their bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "isolators/cgroup.h"
#include "isolators/cgroup_layout.h"
#include "isolators/cgroup_text.h"
#include "isolators/usage.h"
#include "isolators/usage_fields.h"
#include "lib/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct cgroup_hosts hosts;
	struct cgroup_layout layout;
	struct usage_pressure pressure;
	struct err e = { 0 };
	const char *rest;
	uint64_t value;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	/* The second text is behind the first NUL. */
	rest = text + strlen(text);
	rest += rest < text + size;
	if (cgroup_hosts_parse(text, rest, NULL, &hosts, &e) == 0)
		cgroup_hosts_done(&hosts);
	err_clear(&e);
	if (cgroup_layout_parse(text, &layout, &e) == 0)
		cgroup_layout_done(&layout);
	(void)cgroup_text_u64(text, &value);
	(void)cgroup_text_key(text, "oom_kill", &value);
	(void)cgroup_text_sum(text, "rbytes", &value);
	(void)usage_parse_pressure(text, &pressure);
	free(text);
	return 0;
}
