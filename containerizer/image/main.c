/* tepui-image: the image store of this node, for people and for `tepui image`. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "containerizer/image/add.h"
#include "containerizer/image/command.h"
#include "containerizer/image/prune.h"
#include "containerizer/image/reference.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/version.h"

#define OPTION(name_, kind_, member_, fallback_, max_, help_) \
	{ .name = (name_), .kind = (kind_), .off = offsetof(struct options, member_), \
	  .fallback = (fallback_), .max = (max_), .help = (help_) }

static const struct flag own_flags[] = {
	OPTION("store", FLAG_STR, store, "/var/lib/tepui/images", 0, "directory of the store"),
	OPTION("name", FLAG_STR, name, NULL, 0,
	       "add: NAME[:TAG] (default: its own, or its file's)"),
	OPTION("platform", FLAG_STR, platform, NULL, 0,
	       "add: OS/ARCHITECTURE[/VARIANT] (default: this machine's)"),
	OPTION("json", FLAG_BOOL, json, "false", 0, "print JSON for programs"),
	OPTION("quiet", FLAG_BOOL, quiet, "false", 0, "print names or digests only"),
	OPTION("force", FLAG_BOOL, force, "false", 0, "remove: also what containers run on"),
	OPTION("all", FLAG_BOOL, all, "false", 0, "prune: every image that no container uses"),
	OPTION("high", FLAG_U64, high, "0", 100,
	       "prune: only when the file system is fuller, in percent"),
	OPTION("low", FLAG_U64, low, "0", 100, "prune: until it is no fuller, in percent"),
	OPTION("help", FLAG_BOOL, help, "false", 0, "print this"),
	OPTION("version", FLAG_BOOL, version, "false", 0, "print the version"),
};

enum { MAX_FLAGS = 32 };

static const struct verb verbs[] = {
	{ "add", "SOURCE ...", 1, SIZE_MAX, verb_add, false, "add images from what is on disk" },
	{ "list", "", 0, 0, verb_list, true, "images, the last used first" },
	{ "show", "IMAGE", 1, 1, verb_show, true, "one image: its configuration and layers" },
	{ "remove", "NAME[:TAG] ...", 1, SIZE_MAX, verb_remove, false, "remove names of images" },
	{ "bundle", "IMAGE ID DIRECTORY [-- ARG ...]", 3, SIZE_MAX, verb_bundle, false,
	  "write IMAGE's part of DIRECTORY/config.json, with ARGs as its command" },
	{ "release", "ID ...", 1, SIZE_MAX, verb_release, false, "containers that have ended" },
	{ "prune", "", 0, 0, verb_prune, false,
	  "remove what nothing refers to, and by --all or --high more" },
};

/* Our own flags, and behind them the limits of unpacking, where they lie in struct options. */
static size_t all_flags(struct flag flags[MAX_FLAGS])
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(own_flags); i++)
		flags[n++] = own_flags[i];
	for (size_t i = 0; i < n_unpack_limits && n < MAX_FLAGS; i++) {
		flags[n] = unpack_limits[i];
		flags[n++].off += offsetof(struct options, limits);
	}
	return n;
}

static void print_usage(const struct flag *flags, size_t n)
{
	puts("usage: tepui-image VERB [ARGUMENT ...] [--OPTION=VALUE ...]\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  %-8s %-32s %s\n", verbs[i].name, verbs[i].args, verbs[i].help);
	puts("\nSOURCE is oci:DIRECTORY[:TAG], oci-archive:FILE[:TAG],\n"
	     "docker-archive:FILE[:NAME[:TAG]], tar:FILE or dir:DIRECTORY; IMAGE is NAME[:TAG], NAME@DIGEST or @DIGEST.\n\noptions:");
	flags_print_help(flags, n, "TEPUI_IMAGE");
	puts("\nexit status: 0 done, 1 refused or failed, 2 usage, 4 not found");
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	return NULL;
}

static int complain(const struct err *e, int status)
{
	char text[sizeof(e->msg) + 64];

	fprintf(stderr, "tepui-image: %s\n", err_text(e, text, sizeof(text)));
	return status;
}

static int open_store(const struct verb *verb, const char *path, struct image_store **ret,
		      struct err *e)
{
	if (!verb->is_reader || access(path, F_OK) == 0 || errno != ENOENT)
		return image_store_open(path, ret, e);
	if (verb->run == verb_list)
		return 0;
	return err_set(e, ENOENT, "no image store '%s'", path);
}

static int run_verb(const struct options *options, char **args, size_t n)
{
	const struct verb *verb = find_verb(args[0]);
	struct image_store *store = NULL;
	struct err e = { 0 };
	int r;

	if (!verb || n - 1 < verb->min_args || n - 1 > verb->max_args) {
		err_set(&e, EINVAL, verb ? "usage: tepui-image %s %s" : "unknown verb '%s'%s",
			args[0], verb ? verb->args : ", see --help");
		return complain(&e, STATUS_USAGE);
	}
	r = open_store(verb, options->store, &store, &e);
	if (r == 0)
		r = verb->run(store, options, args + 1, n - 1, &e);
	image_store_close(store);
	if (r == 0)
		return STATUS_OK;
	return complain(&e, r == -ENOENT ? STATUS_NOT_FOUND : STATUS_FAILED);
}

int main(int argc, char **argv)
{
	struct flag flags[MAX_FLAGS];
	struct options options = { 0 };
	size_t n = all_flags(flags);
	struct err e = { 0 };
	int first = argc, status = STATUS_OK;

	/* A helper that refuses an archive does not read on. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (flags_move_first(flags, n, argc - 1, argv + 1, &e) < 0 ||
	    flags_parse(flags, n, "TEPUI_IMAGE", argc, argv, &options, &first, &e) < 0)
		return complain(&e, STATUS_USAGE);
	if (options.version)
		puts("tepui-image " TEPUI_VERSION);
	else if (options.help || first == argc)
		print_usage(flags, n);
	else
		status = run_verb(&options, argv + first, (size_t)(argc - first));
	if (fflush(stdout) != 0 && status == STATUS_OK)
		status = STATUS_FAILED;
	flags_done(flags, n, &options);
	return status;
}
