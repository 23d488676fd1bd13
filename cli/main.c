/* tepui: the command line for people and scripts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/flags.h"
#include "lib/loop.h"
#include "lib/version.h"
#include "net/address.h"
#include "net/credentials.h"

#define OPTION(name_, kind_, member_, fallback_, help_) \
	{ .name = (name_), .kind = (kind_), .off = offsetof(struct cli_options, member_), \
	  .fallback = (fallback_), .help = (help_) }

#define LETTER(name_, member_, letter_, help_) \
	{ .name = (name_), .kind = FLAG_BOOL, .off = offsetof(struct cli_options, member_), \
	  .fallback = "false", .help = (help_), .letter = (letter_) }

static const struct flag option_flags[] = {
	OPTION("master", FLAG_STR, master, "127.0.0.1:5050", "host:port of the master"),
	OPTION("credential", FLAG_STR, credential, NULL,
	       "file of the principal and secret to show to master and agents"),
	OPTION("json", FLAG_BOOL, json, "false", "print JSON for programs"),
	OPTION("color", FLAG_STR, color, "auto", "auto (only on a terminal), always or never"),
	OPTION("wait", FLAG_BOOL, wait, "false", "wait until it is done"),
	OPTION("timeout", FLAG_MILLIS, timeout_ms, "5mins", "how long to wait"),
	OPTION("force", FLAG_BOOL, force, "false",
	       "override a running deployment; stop runs; remove an image in use"),
	OPTION("dry-run", FLAG_BOOL, dry_run, "false", "only tell what would be done"),
	OPTION("in-place", FLAG_BOOL, in_place, "false",
	       "without a restart; refused if running tasks would not have it"),
	OPTION("scale", FLAG_BOOL, scale, "false", "also lower the number of instances"),
	OPTION("traffic", FLAG_BOOL, traffic, "false", "also what the nodes have counted"),
	OPTION("wipe", FLAG_BOOL, wipe, "false", "also give up reservations and volumes"),
	OPTION("stderr", FLAG_BOOL, stderr_log, "false", "standard error instead of output"),
	OPTION("grace", FLAG_STR, grace, NULL, "longest time a task has to end, as in 30secs"),
	OPTION("replace-first", FLAG_BOOL, replace_first, "false",
	       "start others elsewhere before its apps' tasks end"),
	OPTION("gone", FLAG_BOOL, gone, "false", "and give the node up then"),
	OPTION("in", FLAG_MILLIS, in_ms, "0secs", "time until then"),
	OPTION("for", FLAG_MILLIS, for_ms, "0secs", "how long, if that is known"),
	OPTION("quiet", FLAG_BOOL, quiet, "false", "ids only"),
	OPTION("app", FLAG_STR, app, NULL, "only tasks of this app or pod"),
	OPTION("type", FLAG_STR, type, NULL, "only events of this type"),
	OPTION("store", FLAG_STR, store, NULL, "directory of the image store"),
	OPTION("name", FLAG_STR, name, NULL, "NAME[:TAG] of the image"),
	OPTION("platform", FLAG_STR, platform, NULL, "OS/ARCHITECTURE[/VARIANT] of the image"),
	OPTION("all", FLAG_BOOL, all, "false", "also images that no container uses"),
	OPTION("high", FLAG_STR, high, NULL, "only when the file system is fuller, in percent"),
	OPTION("low", FLAG_STR, low, NULL, "until the file system is no fuller, in percent"),
	OPTION("count", FLAG_U64, count, "0", "end after so many events"),
	OPTION("cpus", FLAG_STR, cpus, NULL, "number of cpus"),
	OPTION("mem", FLAG_STR, mem, NULL, "MiB of memory"),
	OPTION("image", FLAG_STR, image, NULL, "image of the store"),
	OPTION("rootfs", FLAG_STR, rootfs, NULL, "directory as the root file system"),
	OPTION("volume", FLAG_STR, volume, NULL, "HOST:/CONTAINER[:ro], more after commas"),
	LETTER("interactive", interactive, 'i', "pass standard input on"),
	LETTER("follow", follow, 'f', "go on with what it writes, until it ends"),
	LETTER("tty", tty, 't', "run on a terminal"),
	LETTER("help", help, 'h', "print this"),
	OPTION("version", FLAG_BOOL, version, "false", "print the version"),
};

/* What every command takes. */
static const char common_options[] = "master credential json color help version";

static const struct command *const nouns[] = {
	app_commands, pod_commands, group_commands, task_commands, node_commands, deployment_commands,
	job_commands, queue_commands, service_commands, event_commands, image_commands, run_commands,
	version_commands,
};

static bool has_word(const char *list, const char *word, size_t size)
{
	for (; *list; list += strcspn(list, " "), list += strspn(list, " ")) {
		if (strcspn(list, " ") == size && memcmp(list, word, size) == 0)
			return true;
	}
	return false;
}

/* "tepui app add", without the space of an empty verb; in BUF. */
enum { COMMAND_NAME_SIZE = 80 };
static const char *command_name(const struct command *c, char buf[COMMAND_NAME_SIZE])
{
	(void)snprintf(buf, COMMAND_NAME_SIZE, "%s%s%s", c->noun, *c->verb ? " " : "", c->verb);
	return buf;
}

static void print_command(const struct command *c)
{
	char left[2 * COMMAND_NAME_SIZE], name[COMMAND_NAME_SIZE];

	(void)snprintf(left, sizeof(left), "%s %s", command_name(c, name), c->args);
	printf("  %-34s %s\n", left, c->help);
	if (!*c->flags)
		return;
	printf("  %-34s", "");
	for (const char *flag = c->flags; *flag; flag += strspn(flag, " ")) {
		int size = (int)strcspn(flag, " ");

		printf(" --%.*s", size, flag);
		flag += size;
	}
	putchar('\n');
}

/* Does any verb of NOUN, or of all when NULL, take OPTION? */
static bool is_taken(const char *option, const struct command *noun)
{
	if (!noun || has_word(common_options, option, strlen(option)))
		return true;
	for (const struct command *c = noun; c->noun; c++) {
		if (has_word(c->flags, option, strlen(option)))
			return true;
	}
	return false;
}

/* NOUN NULL: everything. */
static void print_usage(const struct command *noun)
{
	puts("usage: tepui [--master=HOST:PORT] [--json] NOUN [VERB] [ARGUMENT ...] [--OPTION ...]\n");
	for (size_t i = 0; i < ARRAY_SIZE(nouns); i++) {
		if (noun && nouns[i] != noun)
			continue;
		for (const struct command *c = nouns[i]; c->noun; c++)
			print_command(c);
	}
	puts("\noptions:");
	for (size_t i = 0; i < ARRAY_SIZE(option_flags); i++) {
		if (is_taken(option_flags[i].name, noun))
			flags_print_help(&option_flags[i], 1, NULL);
	}
	puts("Every option can also be given in the environment, as in TEPUI_MASTER.");
	puts("\n'tepui task exec' and 'tepui run' end with the status of the command, or with 125.\n"
	     "exit status: 0 done, 1 refused or failed, 2 usage, 3 no answer, 4 not found, 5 timed out");
}

static const struct command *find_noun(const char *noun)
{
	for (size_t i = 0; i < ARRAY_SIZE(nouns); i++) {
		if (strcmp(nouns[i]->noun, noun) == 0)
			return nouns[i];
	}
	return NULL;
}

static int refuse_noun(const char *noun, struct err *e)
{
	char known[128] = "";

	for (size_t i = 0; i < ARRAY_SIZE(nouns); i++)
		(void)snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s",
			       i ? ", " : "", nouns[i]->noun);
	return err_set(e, EINVAL, "unknown command '%s': tepui knows %s", noun, known);
}

static int refuse_verb(const struct command *noun, const char *verb, struct err *e)
{
	char known[128] = "";

	for (const struct command *c = noun; c->noun; c++) {
		if (*c->verb)
			(void)snprintf(known + strlen(known), sizeof(known) - strlen(known),
				       "%s%s", *known ? ", " : "", c->verb);
	}
	if (!*known)
		return err_set(e, EINVAL, "'tepui %s' takes no argument '%s'", noun->noun, verb);
	return err_set(e, EINVAL, "unknown verb '%s': %s knows %s", verb, noun->noun, known);
}

/* A noun alone has its default, which is its first row. */
static int find_command(char **args, size_t n, const struct command **ret, size_t *ret_used,
			struct err *e)
{
	const struct command *noun = find_noun(args[0]);

	if (!noun)
		return refuse_noun(args[0], e);
	*ret = noun;
	*ret_used = 1;
	/* One without verbs may have arguments of its own; no verb begins as an id does. */
	if (n == 1 || (noun->max_args > 0 && (!noun[1].noun || *args[1] == '/')))
		return 0;
	for (const struct command *c = noun; c->noun; c++) {
		if (*c->verb && strcmp(c->verb, args[1]) == 0) {
			*ret = c;
			*ret_used = 2;
			return 0;
		}
	}
	return refuse_verb(noun, args[1], e);
}

static bool takes_option(const struct command *command, const char *name, size_t size)
{
	return has_word(common_options, name, size) || has_word(command->flags, name, size);
}

/* "-it" by the names of its letters, which flags_parse() knows. */
static bool takes_letters(const struct command *command, const char *letters)
{
	for (size_t i = 0; i < ARRAY_SIZE(option_flags); i++) {
		const char *name = option_flags[i].name;

		if (option_flags[i].letter && strchr(letters, option_flags[i].letter) &&
		    !takes_option(command, name, strlen(name)))
			return false;
	}
	return true;
}

static int check_options(const struct command *command, int argc, char **argv, struct err *e)
{
	const size_t n = ARRAY_SIZE(option_flags);

	for (int i = 1, span; i < argc && (span = flags_span(option_flags, n, argv[i])) > 0;
	     i += span) {
		int size = (int)strcspn(argv[i], "=");
		char whole[COMMAND_NAME_SIZE];

		if (argv[i][1] == '-' ? takes_option(command, argv[i] + 2, (size_t)size - 2) :
					takes_letters(command, argv[i] + 1))
			continue;
		return err_set(e, EINVAL, "'tepui %s' takes no option '%.*s'",
			       command_name(command, whole), size, argv[i]);
	}
	return 0;
}

static int exit_status(int code)
{
	switch (code) {
	case 0:
		return CLI_OK;
	case EAGAIN:	/* names cannot be looked up now */
	case EHOSTUNREACH:
	case ECONNREFUSED:
		return CLI_UNREACHABLE;
	case CLI_MISUSE:
		return CLI_USAGE;
	case ENOENT:
		return CLI_NOT_FOUND;
	case ETIMEDOUT:
		return CLI_TIMEOUT;
	default:
		return CLI_FAILED;
	}
}

static int usage_error(const struct err *e)
{
	fprintf(stderr, "tepui: %s (see 'tepui --help')\n", e->msg);
	return CLI_USAGE;
}

static int read_credential(struct cli *cli, struct err *e)
{
	const char *path = cli->options.credential;
	struct err why = { 0 };
	char text[sizeof(why.msg) + 64];

	if (!path || credentials_load_header(path, &cli->authorization, &why) >= 0)
		return 0;
	/* What is not found is not what was asked for. */
	return err_set(e, EINVAL, "use '--credential': %.400s", err_text(&why, text, sizeof(text)));
}

static int run_command(struct cli *cli, int argc, char **argv, int first)
{
	size_t n = (size_t)(argc - first), used = 0;
	char **args = argv + first;
	const struct command *command = NULL;
	char name[COMMAND_NAME_SIZE];
	struct err e = { 0 };

	if (find_command(args, n, &command, &used, &e) < 0 ||
	    check_options(command, argc, argv, &e) < 0)
		return usage_error(&e);
	if (n - used < command->min_args || n - used > command->max_args) {
		err_set(&e, EINVAL, "usage: tepui %s %s", command_name(command, name),
			command->args);
		return usage_error(&e);
	}
	if (read_credential(cli, &e) >= 0 && loop_new(&cli->loop, &e) >= 0)
		(void)command->run(cli, args + used, n - used, &e);
	if (e.code)
		fprintf(stderr, "tepui: %s\n", e.msg);
	loop_free(cli->loop);
	free(cli->authorization);
	return cli->status ? cli->status : exit_status(e.code);
}

/* None and one of no time are not the same. */
static int read_grace(struct cli_options *options, struct err *e)
{
	uint64_t millis = 0;

	options->grace_ms = -1;
	if (!options->grace)
		return 0;
	if (flags_parse_millis(options->grace, &millis) < 0)
		return err_set(e, EINVAL, "read flag '--grace': '%s' is not a duration such as"
			       " 30secs", options->grace);
	options->grace_ms = (int64_t)millis;
	return 0;
}

/* What the table of options cannot tell. */
static int check_values(struct cli_options *options, struct err *e)
{
	if (!has_word("auto always never", options->color, strlen(options->color)))
		return err_set(e, EINVAL, "read flag '--color': '%s' is not auto, always or never",
			       options->color);
	if (read_grace(options, e) < 0)
		return -EINVAL;
	if (address_check(options->master, e) < 0)
		return err_wrap(e, "use '--master=%s'", options->master);
	return 0;
}

static bool decide_color(const struct cli_options *options)
{
	if (strcmp(options->color, "auto") == 0)
		return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
	return strcmp(options->color, "always") == 0;
}

int main(int argc, char **argv)
{
	struct cli cli = { 0 };
	struct err e = { 0 };
	int first = argc, status = CLI_OK;

	if (flags_move_first(option_flags, ARRAY_SIZE(option_flags), argc - 1, argv + 1, &e) < 0 ||
	    flags_parse(option_flags, ARRAY_SIZE(option_flags), "TEPUI", argc, argv,
			&cli.options, &first, &e) < 0 ||
	    check_values(&cli.options, &e) < 0) {
		flags_done(option_flags, ARRAY_SIZE(option_flags), &cli.options);
		return usage_error(&e);
	}
	cli.has_color = decide_color(&cli.options);
	if (cli.options.version)
		puts("tepui " TEPUI_VERSION);
	else if (cli.options.help || first == argc)
		print_usage(first < argc ? find_noun(argv[first]) : NULL);
	else
		status = run_command(&cli, argc, argv, first);
	if (fflush(stdout) != 0 && status == CLI_OK)
		status = CLI_FAILED;
	flags_done(option_flags, ARRAY_SIZE(option_flags), &cli.options);
	return status;
}
