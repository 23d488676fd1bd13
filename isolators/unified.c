/* Interface files as the document has them: they win over what other isolators say of a file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isolators/limits.h"
#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_FILE_NAME = 63, MAX_LINES = 256 };

static const char path[] = "linux.resources.unified";

/* Files of many lines, each with a key before its value or before its "name=value" pairs. */
static const struct {
	const char *file;
	bool has_names;
} keyed_files[] = {
	{ "io.max", true },
	{ "io.latency", true },
	{ "rdma.max", true },
	{ "io.weight", false },
	{ "misc.max", false },
};

/* The core's own files would undo the box (cgroup.procs, cgroup.freeze, cgroup.type). */
static int validate(const struct spec *spec, struct err *e)
{
	for (char **pair = spec->unified; pair && *pair; pair++) {
		size_t length = strcspn(*pair, "=");

		if ((*pair)[length] != '=' || length == 0 || length > MAX_FILE_NAME ||
		    memchr(*pair, '/', length) || strncmp(*pair, "cgroup.", 7) == 0 ||
		    !memchr(*pair, '.', length) || (*pair)[0] == '.')
			return err_set(e, EINVAL, "write '%.64s'", *pair);
	}
	return 0;
}

/* "rbps=1 wbps=max" of KEY; changes PAIRS. */
static int add_names(const char *file, const char *key, char *pairs, struct limits *ret,
		     struct err *e)
{
	char *pair;

	while ((pair = strsep(&pairs, " "))) {
		char *equals = strchr(pair, '=');
		int r;

		if (!*pair)
			continue;
		if (!equals)
			return err_set(e, EINVAL, "%s.%s: '%.32s' has no '='", path, file, pair);
		*equals = '\0';
		r = limits_add(ret, &(struct limit){ .path = path, .file = file, .key = key,
						     .name = pair, .value = equals + 1 }, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* One write(2) takes one line; changes LINES. */
static int add_lines(const char *file, bool has_names, char *lines, struct limits *ret,
		     struct err *e)
{
	char *line;

	for (int i = 0; (line = strsep(&lines, "\n")); i++) {
		struct limit limit = { .path = path, .file = file, .key = "default" };
		char *value = line;
		int r;

		if (!*line)
			continue;
		if (i >= MAX_LINES)
			return err_set(e, ERANGE, "%s.%s: more than %d lines", path, file,
				       MAX_LINES);
		if (strchr(line, ' '))
			limit.key = strsep(&value, " ");
		else if (has_names)
			return err_set(e, EINVAL, "%s.%s: '%.32s' has no value", path, file, line);
		limit.value = value;
		r = has_names ? add_names(file, limit.key, value, ret, e) :
			limits_add(ret, &limit, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_file(const char *file, char *value, struct limits *ret, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(keyed_files); i++) {
		if (strcmp(keyed_files[i].file, file) == 0)
			return add_lines(file, keyed_files[i].has_names, value, ret, e);
	}
	return limits_add(ret, &(struct limit){ .path = path, .file = file, .value = value }, e);
}

static int list_limits(const struct spec *spec, struct limits *ret, struct err *e)
{
	int r = 0;

	for (char **pair = spec->unified; pair && *pair && r == 0; pair++) {
		AUTO_FREE char *file = strdup(*pair);
		char *value = file;

		if (!file)
			return err_set(e, ENOMEM, "%s: copy '%.64s'", path, *pair);
		(void)strsep(&value, "=");
		r = add_file(file, value, ret, e);
	}
	return r;
}

const struct isolator isolator_unified = {
	.name = "unified",
	.validate = validate,
	.limits = list_limits,
};
