/* What every command of tepui-oci is: a row of a table. */
#ifndef CONTAINERIZER_OCI_COMMAND_H
#define CONTAINERIZER_OCI_COMMAND_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/flags.h"

/* The options before the command. */
struct oci {
	char *root;		/* --root, or where it is by default */
	char *log, *log_format;
	char *rootless;
	char *cdi_dirs;		/* --cdi-dirs, or NULL */
	bool debug, systemd_cgroup, version, help;
};

enum { COMMAND_ANY_ARGS = INT_MAX };

struct command {
	const char *name;
	const char *arguments;		/* "ID", for --help and complaints */
	const char *help;
	const struct flag *flags;
	size_t n_flags;
	size_t options_size;		/* of the struct that FLAGS fill; it starts with bool help */
	int min_args, max_args;
	int failed_status;		/* exit status of a failure, 0 means 1 */
	bool makes_processes;		/* in containers: see self.h */

	/* ARGS is NULL-terminated.  *RET_STATUS is the exit status of a success, 0 unless set. */
	int (*run)(const struct oci *oci, const void *options, char **args, int *ret_status,
		   struct err *e);
};

#define COMMAND_FLAGS(rows) .flags = (rows), .n_flags = ARRAY_SIZE(rows)
#define COMMAND_HELP(type) \
	{ .name = "help", .kind = FLAG_BOOL, .off = offsetof(type, help), .help = "say this" }

/* For commands without options. */
struct no_options {
	bool help;
};
extern const struct flag no_flags[1];

extern const struct command command_events, command_features, command_pause, command_ps,
	command_resume, command_spec, command_update;
extern const struct command command_create, command_delete, command_exec, command_kill,
	command_list, command_run, command_start, command_state;

#endif
