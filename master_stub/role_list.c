#include "master_stub/role_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/resources.h"

int role_list_check(const char *list, struct err *e)
{
	AUTO_FREE char *copy = strdup(list);
	char *rest = copy, *role;

	if (!copy)
		return err_set(e, ENOMEM, "read roles");
	while ((role = strsep(&rest, ","))) {
		if (*role && strcmp(role, "*") != 0 && !resource_role_is_valid(role))
			return err_set(e, EINVAL, "read roles '%.200s': '%.200s' is none", list,
				       role);
	}
	return 0;
}

bool role_list_has(const char *list, const char *role)
{
	size_t size = strlen(role), length;

	if (!list || !*list || strcmp(role, "*") == 0)
		return true;
	for (; *list; list += length + (list[length] == ',')) {
		length = strcspn(list, ",");
		if (length == size && memcmp(list, role, size) == 0)
			return true;
	}
	return false;
}
