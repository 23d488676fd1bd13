/*
 * What is done to the limits of a container that launch runs, by the calls that agent, supervisor
 * and tepui-oci use:
 *
 *	resize update LAYOUT NAME DOCUMENT RESOURCES	change them; DOCUMENT is kept up to date
 *	resize recover LAYOUT NAME DOCUMENT		print and undo what was changed from outside
 *	resize freeze|thaw LAYOUT NAME			returns when it is
 *	resize watch LAYOUT NAME RESOURCE MICROSECONDS	print "watching", then "stalled"
 */
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "containerizer/spec_json.h"
#include "containerizer/spec_update.h"
#include "isolators/isolator.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { EXIT_USAGE = 2, TIMEOUT_MS = 10000, WINDOW_USEC = 2000000 };

static json_t *load(const char *path, struct err *e)
{
	json_error_t error;
	json_t *value = json_load_file(path, JSON_REJECT_DUPLICATES, &error);

	if (!value)
		(void)err_set(e, EINVAL, "read '%s': %s", path, error.text);
	return value;
}

static int update(const struct cgroup *cg, char **args, struct err *e)
{
	json_auto_t *doc = load(args[0], e), *resources = doc ? load(args[1], e) : NULL;
	struct spec spec = { 0 };
	int r;

	if (!resources)
		return -e->code;
	r = spec_merge_resources(doc, resources, e);
	if (r == 0)
		r = spec_from_json(doc, &spec, e);
	if (r < 0)
		return r;
	r = isolators_update(cg, &spec, e);
	spec_done(&spec);
	if (r == 0 && json_dump_file(doc, args[0], 0) < 0)
		r = err_set(e, EIO, "write '%s'", args[0]);
	return r;
}

static void print_restored(void *arg, const char *file, const char *found, const char *wanted)
{
	(void)arg;
	printf("%s %s %s\n", file, found, wanted);
}

static int recover(const struct cgroup *cg, char **args, struct err *e)
{
	json_auto_t *doc = load(args[0], e);
	struct spec spec = { 0 };
	int r = doc ? spec_from_json(doc, &spec, e) : -e->code;

	if (r < 0)
		return r;
	r = isolators_recover(cg, &spec, print_restored, NULL, e);
	spec_done(&spec);
	return r;
}

static int freeze(const struct cgroup *cg, char **args, struct err *e)
{
	(void)args;
	return cgroup_freeze(cg, true, TIMEOUT_MS, e);
}

static int thaw(const struct cgroup *cg, char **args, struct err *e)
{
	(void)args;
	return cgroup_freeze(cg, false, TIMEOUT_MS, e);
}

static int watch(const struct cgroup *cg, char **args, struct err *e)
{
	const struct cgroup_pressure trigger = {
		.stall_usec = strtoul(args[1], NULL, 10), .window_usec = WINDOW_USEC,
	};
	AUTO_CLOSE int fd = isolators_watch(cg, args[0], &trigger, e);
	struct pollfd poll_fd = { .fd = fd, .events = POLLPRI };

	if (fd < 0)
		return fd;
	puts("watching");
	(void)fflush(stdout);
	if (poll(&poll_fd, 1, -1) < 0)
		return err_set(e, errno, "wait for a stall");
	puts(poll_fd.revents & POLLERR ? "gone" : "stalled");
	return 0;
}

static const struct verb {
	const char *name;
	int n_args;
	int (*run)(const struct cgroup *cg, char **args, struct err *e);
} verbs[] = {
	{ "update", 2, update },
	{ "recover", 1, recover },
	{ "freeze", 0, freeze },
	{ "thaw", 0, thaw },
	{ "watch", 2, watch },
};

static int run(const struct verb *verb, char **argv, struct err *e)
{
	struct cgroup cg = CGROUP_INIT;
	struct cgroup_layout layout;
	int r = cgroup_layout_parse(argv[2], &layout, e);

	if (r < 0)
		return r;
	r = cgroup_open(&layout, argv[3], &cg, e);
	if (r == 0)
		r = verb->run(&cg, argv + 4, e);
	cgroup_close(&cg);
	cgroup_layout_done(&layout);
	return r;
}

int main(int argc, char **argv)
{
	char text[640];

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		struct err e = { 0 };

		if (argc != 4 + verbs[i].n_args || strcmp(argv[1], verbs[i].name) != 0)
			continue;
		if (run(&verbs[i], argv, &e) == 0)
			return EXIT_SUCCESS;
		fprintf(stderr, "resize: %s\n", err_text(&e, text, sizeof(text)));
		return EXIT_FAILURE;
	}
	fprintf(stderr, "usage: resize update|recover|freeze|thaw|watch LAYOUT NAME ...\n");
	return EXIT_USAGE;
}
