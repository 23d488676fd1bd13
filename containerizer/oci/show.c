/* tepui-oci state and list. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "containerizer/oci/command.h"
#include "containerizer/oci/state.h"
#include "lib/cleanup.h"

static int describe(const struct oci *oci, const char *id, json_t **ret, struct err *e)
{
	struct state_dir dir = STATE_DIR_INIT;
	enum state_status status;
	int r = state_open(oci->root, id, false, &dir, e);

	if (r < 0)
		return r;
	r = state_get_status(&dir, &status, e);
	if (r == 0) {
		*ret = state_to_oci(&dir.state, status);
		r = *ret ? 0 : err_set(e, ENOMEM, "describe container '%s'", id);
	}
	state_close(&dir);
	return r;
}

static int print_json(const json_t *value, size_t flags, struct err *e)
{
	if (json_dumpf(value, stdout, flags) < 0 || putchar('\n') == EOF)
		return err_set(e, EIO, "print");
	return 0;
}

static int show_state(const struct oci *oci, const void *options, char **args, int *ret_status,
		      struct err *e)
{
	json_auto_t *object = NULL;
	int r = describe(oci, args[0], &object, e);

	(void)options;
	(void)ret_status;
	return r < 0 ? r : print_json(object, JSON_INDENT(2), e);
}

const struct command command_state = {
	.name = "state",
	.arguments = "ID",
	.help = "print the state of a container as JSON",
	COMMAND_FLAGS(no_flags),
	.options_size = sizeof(struct no_options),
	.min_args = 1,
	.max_args = 1,
	.run = show_state,
};

struct list_options {
	bool help, quiet;
	char *format;
};

static const struct flag list_flags[] = {
	COMMAND_HELP(struct list_options),
	{ .name = "format", .kind = FLAG_STR, .off = offsetof(struct list_options, format),
	  .letter = 'f', .fallback = "table", .help = "'table' or 'json'" },
	{ .name = "quiet", .kind = FLAG_BOOL, .off = offsetof(struct list_options, quiet),
	  .letter = 'q', .help = "ids alone" },
};

static void print_row(const json_t *c)
{
	static const char *const keys[] = { "bundle", "created", "owner" };

	printf("%-16s %-8lld %-9s", json_string_value(json_object_get(c, "id")),
	       (long long)json_integer_value(json_object_get(c, "pid")),
	       json_string_value(json_object_get(c, "status")));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *text = json_string_value(json_object_get(c, keys[i]));

		printf(i == 0 ? " %-32s" : " %s", text ? text : "-");
	}
	putchar('\n');
}

static int print_list(const json_t *list, const struct list_options *o, struct err *e)
{
	size_t i;
	json_t *c;

	if (!o->quiet && strcmp(o->format, "json") == 0)
		return print_json(list, JSON_COMPACT, e);
	if (!o->quiet)
		printf("%-16s %-8s %-9s %-32s %s %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED",
		       "OWNER");
	json_array_foreach(list, i, c) {
		if (o->quiet)
			puts(json_string_value(json_object_get(c, "id")));
		else
			print_row(c);
	}
	return 0;
}

static int list(const struct oci *oci, const void *options, char **args, int *ret_status,
		struct err *e)
{
	const struct list_options *o = options;
	json_auto_t *all = json_array();
	char **names = NULL;
	int r;

	(void)args;
	(void)ret_status;
	if (strcmp(o->format, "table") != 0 && strcmp(o->format, "json") != 0)
		return err_set(e, EINVAL, "read flag '--format': '%.32s' is neither 'table' nor "
			       "'json'", o->format);
	r = state_list(oci->root, &names, e);
	for (char **name = names; r == 0 && name && *name; name++) {
		json_t *object = NULL;

		/* One that goes while we look is not there. */
		r = describe(oci, *name, &object, e);
		if (r == 0)
			r = json_array_append_new(all, object);
		else if (r == -ENOENT)
			err_clear(e);
		r = r == -ENOENT ? 0 : r;
	}
	for (char **name = names; name && *name; name++)
		free(*name);
	free(names);
	return r < 0 ? r : print_list(all, o, e);
}

const struct command command_list = {
	.name = "list",
	.arguments = "",
	.help = "print which containers there are",
	COMMAND_FLAGS(list_flags),
	.options_size = sizeof(struct list_options),
	.run = list,
};
