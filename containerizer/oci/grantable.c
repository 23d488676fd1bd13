#include "containerizer/oci/grantable.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>

#include "containerizer/oci/report.h"
#include "isolators/capabilities.h"
#include "lib/err.h"

/* In a user namespace of its own the first process has them all. */
static bool has_user_namespace(const json_t *doc)
{
	const json_t *list = json_object_get(json_object_get(doc, "linux"), "namespaces"), *item;
	size_t i;

	json_array_foreach(list, i, item) {
		const char *type = json_string_value(json_object_get(item, "type"));

		if (type && strcmp(type, "user") == 0)
			return true;
	}
	return false;
}

static const char *why_not(const char *name, bool is_mine)
{
	int cap = capability_from_name(name);

	if (cap < 0)
		return "which the kernel does not know";
	return is_mine && prctl(PR_CAPBSET_READ, cap) == 0 ? "which the caller does not have" : NULL;
}

static int filter_list(json_t *list, const char *set, bool is_mine, struct err *e)
{
	for (size_t i = json_array_size(list); i-- > 0;) {
		const char *name = json_string_value(json_array_get(list, i));
		const char *reason = name ? why_not(name, is_mine) : NULL;
		struct err warning = { 0 };

		if (!reason)
			continue;
		err_set(&warning, EPERM, "process.capabilities.%s[%zu]: '%.64s', %s, is "
			     "left out", set, i, name, reason);
		report_warning(&warning);
		if (json_array_remove(list, i) < 0)
			return err_set(e, ENOMEM, "process.capabilities.%s: leave out", set);
	}
	return 0;
}

int grantable_filter(json_t *doc, struct err *e)
{
	json_t *sets = json_object_get(json_object_get(doc, "process"), "capabilities"), *list;
	bool is_mine = !has_user_namespace(doc);
	const char *set;
	int r = 0;

	json_object_foreach(sets, set, list) {
		r = r < 0 ? r : filter_list(list, set, is_mine, e);
	}
	return r;
}
