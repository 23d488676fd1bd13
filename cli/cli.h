/* The command line's frame: options, the command table, and how a command ends. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct loop;

/* Exit statuses that scripts can use. */
enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,		/* the operation was refused or did not succeed */
	CLI_USAGE = 2,
	CLI_UNREACHABLE = 3,	/* no answer from the master or the agent */
	CLI_NOT_FOUND = 4,
	CLI_TIMEOUT = 5,
};

/*
 * Of commands that pass on the status of another program: ours are then as other tools of the kind
 * have them.
 */
enum { CLI_OWN_FAILURE = 125 };

/* A command's error with this code is wrong usage: the arguments' form, not what they name. */
enum { CLI_MISUSE = EDOM };

struct cli_options {
	char *master;		/* host:port */
	char *credential;	/* file of it, or NULL */
	bool json;
	char *color;		/* auto, always, never */
	bool wait;
	int64_t timeout_ms;
	bool dry_run, in_place, replace_first, force;
	bool scale;
	bool wipe;
	bool stderr_log, follow;
	bool traffic;
	bool quiet;
	char *app;
	char *type;
	char *store, *name, *platform, *high, *low;
	bool all;
	uint64_t count;
	int64_t grace_ms, in_ms, for_ms;	/* grace: -1 if it is not given */
	char *grace;
	bool gone;
	bool interactive;
	bool tty;
	char *cpus, *mem, *image, *rootfs, *volume;
	bool help;
	bool version;
};

struct cli {
	struct cli_options options;
	struct loop *loop;
	char *authorization;	/* what is shown of the credential, or NULL */
	bool has_color;
	int status;		/* of what was run: the exit status when nothing failed */
};

struct command {
	const char *noun, *verb;	/* verb "" is the noun's default */
	const char *args;		/* for help: "ID", "[ID]" */
	size_t min_args, max_args;
	const char *flags;		/* names of the options it takes, space-separated */
	const char *help;		/* one line */
	/* May set CLI->status, also when it fails. */
	int (*run)(struct cli *cli, char **args, size_t n_args, struct err *e);
};

/* Each noun's rows, ended by a row without a noun. */
extern const struct command app_commands[], pod_commands[], group_commands[], task_commands[],
	node_commands[], deployment_commands[], job_commands[], queue_commands[], event_commands[],
	image_commands[], run_commands[], service_commands[], version_commands[];

#endif
