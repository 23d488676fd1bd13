/* tepui-oci: the containerizer behind the command line of an OCI runtime. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "containerizer/cdi.h"
#include "containerizer/container.h"
#include "containerizer/oci/command.h"
#include "containerizer/oci/report.h"
#include "containerizer/oci/self.h"
#include "containerizer/oci/state.h"
#include "lib/cleanup.h"
#include "lib/version.h"

static const struct command *const commands[] = {
	&command_create,
	&command_delete,
	&command_events,
	&command_exec,
	&command_features,
	&command_kill,
	&command_list,
	&command_pause,
	&command_ps,
	&command_resume,
	&command_run,
	&command_spec,
	&command_start,
	&command_state,
	&command_update,
};

#define ROW(name_, kind_, member_, help_) \
	{ .name = (name_), .kind = (kind_), .off = offsetof(struct oci, member_), .help = (help_) }
static const struct flag global_flags[] = {
	ROW("root", FLAG_STR, root, "directory of the state of containers; by default "
	    "/run/tepui-oci, or tepui-oci in $XDG_RUNTIME_DIR for other users than root"),
	ROW("log", FLAG_STR, log, "file to which errors are written, too"),
	ROW("log-format", FLAG_STR, log_format, "'text' or 'json', of the log (default: text)"),
	ROW("cdi-dirs", FLAG_STR, cdi_dirs, "directories of devices that annotations cdi.k8s.io/... "
	    "name (default: " CDI_DIRS ")"),
	ROW("debug", FLAG_BOOL, debug, "accepted for other runtimes' sake"),
	ROW("rootless", FLAG_STR, rootless, "accepted: what is allowed is found by trying"),
	ROW("systemd-cgroup", FLAG_BOOL, systemd_cgroup, "refused: cgroups are made here"),
	{ .name = "version", .kind = FLAG_BOOL, .off = offsetof(struct oci, version),
	  .letter = 'v', .help = "say which version this is" },
	{ .name = "help", .kind = FLAG_BOOL, .off = offsetof(struct oci, help), .letter = 'h',
	  .help = "say this" },
};

const struct flag no_flags[] = { COMMAND_HELP(struct no_options) };

static void print_version(void)
{
	printf("tepui-oci version " TEPUI_VERSION "\nspec: " OCI_VERSION "\n");
}

static void print_help(void)
{
	printf("usage: tepui-oci [OPTION ...] COMMAND [OPTION ...] [ARGUMENT ...]\n\n"
	       "Run OCI containers.  tepui-oci(8) tells more.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-10s %s\n", commands[i]->name, commands[i]->help);
	putchar('\n');
	flags_print_help(global_flags, ARRAY_SIZE(global_flags), NULL);
}

static void print_command_help(const struct command *c)
{
	printf("usage: tepui-oci %s [OPTION ...] %s\n\n%s.\n\n", c->name, c->arguments, c->help);
	flags_print_help(c->flags, c->n_flags, NULL);
}

static int run_command(const struct oci *oci, const struct command *c, int argc, char **argv,
		       int *ret_status, struct err *e)
{
	AUTO_FREE void *options = calloc(1, c->options_size);
	int index, n, r = 0;

	if (!options)
		return err_set(e, ENOMEM, "read flags");
	/* What comes after the id of exec and ps is for somebody else. */
	if (c->max_args != COMMAND_ANY_ARGS)
		r = flags_move_first(c->flags, c->n_flags, argc - 1, argv + 1, e);
	if (r == 0)
		r = flags_parse(c->flags, c->n_flags, NULL, argc, argv, options, &index, e);
	if (r < 0)
		return r;
	n = argc - index;
	if (*(const bool *)options)
		print_command_help(c);
	else if (n < c->min_args || n > c->max_args)
		r = err_set(e, EINVAL, "read arguments of '%s': it takes %s", c->name,
			    *c->arguments ? c->arguments : "none");
	else
		r = c->run(oci, options, argv + index, ret_status, e);
	flags_done(c->flags, c->n_flags, options);
	return r;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

static int set_root(struct oci *oci, struct err *e)
{
	const char *runtime_dir = getenv("XDG_RUNTIME_DIR");

	if (oci->root)
		return 0;
	if (getauxval(AT_EUID) == 0 || !runtime_dir || runtime_dir[0] != '/')
		oci->root = strdup("/run/tepui-oci");
	else if (asprintf(&oci->root, "%s/tepui-oci", runtime_dir) < 0)
		oci->root = NULL;
	return oci->root ? 0 : err_set(e, ENOMEM, "find the directory of states");
}

static int dispatch(struct oci *oci, int argc, char **argv, int index, int *ret_status,
		    struct err *e)
{
	const struct command *command;
	int r = report_open(oci->log, oci->log_format, e);

	if (r < 0)
		return r;
	if (oci->version) {
		print_version();
		return 0;
	}
	if (oci->help || index == argc || strcmp(argv[index], "help") == 0) {
		print_help();
		*ret_status = oci->help || index < argc ? 0 : EXIT_FAILURE;
		return 0;
	}
	if (oci->systemd_cgroup)
		return err_set(e, EINVAL, "read flag '--systemd-cgroup': systemd's cgroups are not "
			       "supported, use the manager 'cgroupfs'");
	command = find_command(argv[index]);
	if (!command)
		return err_set(e, EINVAL, "find command '%.64s', see --help", argv[index]);
	r = command->makes_processes ? self_protect(argv, e) : 0;
	if (r == 0)
		r = set_root(oci, e);
	if (r < 0)
		return r;
	r = run_command(oci, command, argc - index, argv + index, ret_status, e);
	if (r < 0)
		*ret_status = command->failed_status ? command->failed_status : EXIT_FAILURE;
	return r;
}

/* Or what is opened next would take the place of one of them, for the container to write to. */
static int open_missing_stdio(struct err *e)
{
	struct pollfd fds[3] = { { .fd = 0 }, { .fd = 1 }, { .fd = 2 } };

	if (poll(fds, ARRAY_SIZE(fds), 0) < 0)
		return err_set(e, errno, "look at the standard descriptors");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		if (fds[i].revents & POLLNVAL && open("/dev/null", O_RDWR | O_NOCTTY) < 0)
			return err_set(e, errno, "open '/dev/null'");
	}
	return 0;
}

/* Or jansson opens /dev/urandom: these bytes are from the kernel too. */
static void seed_json(void)
{
	size_t seed;

	memcpy(&seed, (const void *)getauxval(AT_RANDOM), sizeof(seed));
	json_object_seed(seed);
}

int main(int argc, char **argv)
{
	struct oci oci = { 0 };
	struct err e = { 0 };
	int status = 0, index, r;

	seed_json();
	r = open_missing_stdio(&e);
	if (r == 0)
		r = flags_parse(global_flags, ARRAY_SIZE(global_flags), NULL, argc, argv, &oci,
				&index, &e);
	if (r == 0) {
		r = dispatch(&oci, argc, argv, index, &status, &e);
		flags_done(global_flags, ARRAY_SIZE(global_flags), &oci);
	}
	if (r < 0) {
		report_error(&e);
		return status ? status : EXIT_FAILURE;
	}
	return fflush(stdout) == 0 ? status : EXIT_FAILURE;
}
