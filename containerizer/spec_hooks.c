#include "containerizer/spec_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "containerizer/spec_parts.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_HOOKS = 64, MAX_TIMEOUT_SECONDS = 24 * 3600 };

static const struct json_field hook_fields[] = {
	FIELD_STR(struct spec_hook, path, "path", true, 1, PATH_MAX - 1),
	FIELD_LIST(struct spec_hook, args, "args", SPEC_MAX_ENTRIES),
	FIELD_LIST(struct spec_hook, env, "env", SPEC_MAX_ENTRIES),
	FIELD_U64(struct spec_hook, timeout_seconds, "timeout", false, 1, MAX_TIMEOUT_SECONDS),
};

static int read_hook(const json_t *object, const char *where, struct spec_hook *hook, struct err *e)
{
	int r = json_read_known_fields(object, where, hook_fields, ARRAY_SIZE(hook_fields), hook, e);

	if (r < 0)
		return r;
	if (hook->path[0] != '/')
		return err_set(e, EINVAL, "%s.path: '%.160s' is not absolute", where, hook->path);
	return 0;
}

static int read_kind(const json_t *array, enum spec_hook_kind kind, struct spec *spec,
		     struct err *e)
{
	char where[SPEC_WHERE_SIZE];
	size_t n = json_array_size(array);

	(void)snprintf(where, sizeof(where), "hooks.%s", spec_hook_names[kind]);
	if (!json_is_array(array))
		return err_set(e, EINVAL, "%s: not a list", where);
	if (n > MAX_HOOKS)
		return err_set(e, ERANGE, "%s: more than %d entries", where, MAX_HOOKS);
	spec->hooks[kind] = spec_alloc(n, sizeof(struct spec_hook), where, e);
	if (!spec->hooks[kind])
		return -ENOMEM;
	spec->n_hooks[kind] = n;
	for (size_t i = 0; i < n; i++) {
		int r;

		(void)snprintf(where, sizeof(where), "hooks.%s[%zu]", spec_hook_names[kind], i);
		r = read_hook(json_array_get(array, i), where, &spec->hooks[kind][i], e);
		if (r < 0)
			return r;
	}
	return 0;
}

struct hooks_item {
	json_t *kinds[SPEC_N_HOOKS];
};

#define ROW(kind, key) FIELD_JSON(struct hooks_item, kinds[kind], key, false)
static const struct json_field hooks_fields[] = {
	ROW(SPEC_HOOK_PRESTART, "prestart"),
	ROW(SPEC_HOOK_CREATE_RUNTIME, "createRuntime"),
	ROW(SPEC_HOOK_CREATE_CONTAINER, "createContainer"),
	ROW(SPEC_HOOK_START_CONTAINER, "startContainer"),
	ROW(SPEC_HOOK_POSTSTART, "poststart"),
	ROW(SPEC_HOOK_POSTSTOP, "poststop"),
};

int spec_read_hooks(const json_t *object, struct spec *spec, struct err *e)
{
	struct hooks_item item = { .kinds = { NULL } };
	int r;

	if (!object)
		return 0;
	r = json_read_known_fields(object, "hooks", hooks_fields, ARRAY_SIZE(hooks_fields), &item, e);
	for (size_t i = 0; r == 0 && i < SPEC_N_HOOKS; i++) {
		if (item.kinds[i])
			r = read_kind(item.kinds[i], (enum spec_hook_kind)i, spec, e);
	}
	json_free_fields(hooks_fields, ARRAY_SIZE(hooks_fields), &item);
	return r;
}
