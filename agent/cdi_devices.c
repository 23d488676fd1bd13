#include "agent/cdi_devices.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "agent/flags.h"
#include "containerizer/cdi.h"
#include "lib/cleanup.h"
#include "lib/err.h"

static const char label_key[] = "io.tepui.cdi";

/* NULL: the task asks for no device. */
static const char *names_of(const Mesos__V1__TaskInfo *task)
{
	const Mesos__V1__Labels *labels = task->labels;

	for (size_t i = 0; labels && i < labels->n_labels; i++) {
		if (strcmp(labels->labels[i]->key, label_key) == 0)
			return labels->labels[i]->value;
	}
	return NULL;
}

/* Is NAME, LENGTH bytes, the ENTRY of the list, or of the class that it names? */
static bool matches(const char *entry, size_t entry_length, const char *name, size_t length)
{
	if (entry_length > 2 && memcmp(entry + entry_length - 2, "=*", 2) == 0)
		return length > entry_length - 1 && memcmp(entry, name, entry_length - 1) == 0;
	return length == entry_length && memcmp(entry, name, length) == 0;
}

static bool is_allowed(const char *allowed, const char *name, size_t length)
{
	while (allowed && *allowed) {
		size_t n = strcspn(allowed, ",");

		if (matches(allowed, n, name, length))
			return true;
		allowed += n + (allowed[n] == ',');
	}
	return false;
}

static int check_allowed(const char *allowed, const char *names, struct err *e)
{
	for (;;) {
		size_t length;

		names += strspn(names, " ");
		length = strcspn(names, ", ");
		if (!is_allowed(allowed, names, length))
			return err_set(e, EPERM, "labels.%s: '%.*s' is not among --cdi_devices of "
				       "this agent", label_key, (int)(length < 128 ? length : 128),
				       names);
		names += strcspn(names, ",");
		if (!*names++)
			return 0;
	}
}

int cdi_devices_inject(const struct agent_flags *flags, const Mesos__V1__TaskInfo *task,
		       json_t *doc, struct err *e)
{
	const struct cdi_options options = { .find_node = cdi_stat_node };
	const char *names = names_of(task);
	struct cdi *cdi;
	int r;

	if (!names)
		return 0;
	r = check_allowed(flags->cdi_devices, names, e);
	if (r == 0)
		r = cdi_load(flags->cdi_dirs, &cdi, e);
	if (r < 0)
		return r;
	r = cdi_inject(cdi, names, &options, doc, e);
	cdi_free(cdi);
	return r < 0 ? err_wrap(e, "labels.%s", label_key) : 0;
}
