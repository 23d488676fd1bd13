#include "agent/launch_logs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/launch_spec.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MIN_BYTES = 4096 };

static const struct {
	const char *unit;
	unsigned shift;
} units[] = { { "B", 0 }, { "KB", 10 }, { "MB", 20 }, { "GB", 30 }, { "TB", 40 } };

/* In the environment of the task's command; NULL if it is not there. */
static const char *find_variable(const Mesos__V1__TaskInfo *task, const char *name)
{
	const Mesos__V1__Environment *environment = task->command->environment;

	for (size_t i = 0; environment && i < environment->n_variables; i++) {
		if (strcmp(environment->variables[i]->name, name) == 0)
			return environment->variables[i]->value;
	}
	return NULL;
}

static int read_size(const char *name, const char *text, uint64_t *ret, struct err *e)
{
	uint64_t number;
	int n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (sscanf(text, "%10" SCNu64 "%n", &number, &n) != 1 ||
		    strcmp(text + n, units[i].unit) != 0)
			continue;
		if (number > (uint64_t)INT64_MAX >> units[i].shift ||
		    number << units[i].shift < MIN_BYTES)
			break;
		*ret = number << units[i].shift;
		return 0;
	}
	return err_set(e, EINVAL, "command.environment: %s is not a size from %dB on, such as 10MB",
		       name, MIN_BYTES);
}

static int read_files(const char *name, const char *text, uint64_t *ret, struct err *e)
{
	unsigned files;
	int n = 0;

	if (sscanf(text, "rotate %3u%n", &files, &n) != 1 || text[n] || files > SPEC_MAX_LOG_FILES)
		return err_set(e, ENOTSUP, "command.environment: of %s only 'rotate 0' to 'rotate "
			       "%d' is supported", name, SPEC_MAX_LOG_FILES);
	*ret = files;
	return 0;
}

/* "BYTES:FILES" of STREAM. */
static int describe(const struct launch_settings *settings, const Mesos__V1__TaskInfo *task,
		    const char *stream, char text[64], struct err *e)
{
	uint64_t bytes = settings->log_bytes, files = settings->log_files;
	char size_name[64], files_name[64];
	const char *value;
	int r = 0;

	(void)snprintf(size_name, sizeof(size_name), "CONTAINER_LOGGER_MAX_%s_SIZE", stream);
	(void)snprintf(files_name, sizeof(files_name), "CONTAINER_LOGGER_LOGROTATE_%s_OPTIONS",
		       stream);
	value = find_variable(task, size_name);
	if (value)
		r = read_size(size_name, value, &bytes, e);
	value = find_variable(task, files_name);
	if (value && r >= 0)
		r = read_files(files_name, value, &files, e);
	(void)snprintf(text, 64, "%" PRIu64 ":%" PRIu64, bytes, files);
	return r;
}

int launch_logs(const struct launch_settings *settings, const Mesos__V1__TaskInfo *task,
		char **ret, struct err *e)
{
	char out[64], error[64];
	int r = describe(settings, task, "STDOUT", out, e);

	if (r >= 0)
		r = describe(settings, task, "STDERR", error, e);
	if (r >= 0 && asprintf(ret, "%s %s", out, error) < 0) {
		*ret = NULL;
		return err_set(e, ENOMEM, "describe logs");
	}
	return r;
}
