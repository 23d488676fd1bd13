/* tepui image: the image store of this node, which tepui-image keeps. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/program.h"

enum { MAX_OPTIONS = 12 };

struct command_line {
	char *options[MAX_OPTIONS];	/* owned */
	size_t n_options;
};

/* Only what was said is passed on: tepui-image has its own defaults. */
static int pass(struct command_line *line, const char *name, const char *value)
{
	char **option = &line->options[line->n_options];

	if (!value)
		return 0;
	if (asprintf(option, "--%s=%s", name, value) < 0)
		return -ENOMEM;
	line->n_options++;
	return 0;
}

static int pass_all(const struct cli_options *o, struct command_line *line)
{
	const struct {
		const char *name, *value;
	} rows[] = {
		{ "store", o->store }, { "name", o->name }, { "platform", o->platform },
		{ "high", o->high }, { "low", o->low }, { "json", o->json ? "true" : NULL },
		{ "quiet", o->quiet ? "true" : NULL }, { "force", o->force ? "true" : NULL },
		{ "all", o->all ? "true" : NULL },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows) && r == 0; i++)
		r = pass(line, rows[i].name, rows[i].value);
	return r;
}

/* Returns only when it fails: the program answers in this one's place. */
static int execute(struct cli *cli, const char *verb, char **args, size_t n, struct err *e)
{
	AUTO_CLOSE int fd = program_open("tepui-image", e);
	struct command_line line = { 0 };
	static char name[] = "tepui-image";
	AUTO_FREE char *verb_copy = strdup(verb);
	AUTO_FREE char **argv = NULL;
	size_t used = 0;
	int r;

	if (fd < 0)
		return fd;
	r = pass_all(&cli->options, &line);
	argv = calloc(n + line.n_options + 3, sizeof(*argv));
	if (r < 0 || !argv || !verb_copy) {
		r = err_set(e, ENOMEM, "run tepui-image");
		goto undo;
	}
	argv[used++] = name;
	for (size_t i = 0; i < line.n_options; i++)
		argv[used++] = line.options[i];
	argv[used++] = verb_copy;
	for (size_t i = 0; i < n; i++)
		argv[used++] = args[i];
	(void)fflush(stdout);
	(void)fexecve(fd, argv, environ);
	r = err_set(e, errno, "run tepui-image");
undo:
	for (size_t i = 0; i < line.n_options; i++)
		free(line.options[i]);
	return r;
}

static int list(struct cli *cli, char **args, size_t n, struct err *e)
{
	return execute(cli, "list", args, n, e);
}

static int add(struct cli *cli, char **args, size_t n, struct err *e)
{
	return execute(cli, "add", args, n, e);
}

static int show(struct cli *cli, char **args, size_t n, struct err *e)
{
	return execute(cli, "show", args, n, e);
}

static int remove_names(struct cli *cli, char **args, size_t n, struct err *e)
{
	return execute(cli, "remove", args, n, e);
}

static int prune(struct cli *cli, char **args, size_t n, struct err *e)
{
	return execute(cli, "prune", args, n, e);
}

const struct command image_commands[] = {
	{ "image", "list", "", 0, 0, "store quiet", "images of this node", list },
	{ "image", "add", "SOURCE ...", 1, SIZE_MAX, "store name platform quiet",
	  "add images from what is on disk: oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, tar:FILE, dir:DIR",
	  add },
	{ "image", "show", "IMAGE", 1, 1, "store quiet", "one image", show },
	{ "image", "remove", "NAME ...", 1, SIZE_MAX, "store force", "remove names of images",
	  remove_names },
	{ "image", "prune", "", 0, 0, "store all high low",
	  "remove what nothing refers to", prune },
	{ 0 },
};
