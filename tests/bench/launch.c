/*
 * Run an OCI bundle through the containerizer once, in this process, for measuring:
 *
 *	launch --make ROOT	make cgroups for launches and print their layout, one line
 *	launch --drop LAYOUT	remove them
 *	launch LAYOUT BUNDLE	run BUNDLE (config.json and root file system); exits as it does
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "containerizer/container.h"
#include "containerizer/spec_json.h"
#include "isolators/cgroup.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"

enum { EXIT_NOT_LAUNCHED = 125 };

static int make_layout(const char *root, struct err *e)
{
	struct cgroup_layout layout;
	int r = cgroup_layout_detect(root, &layout, e);

	if (r < 0)
		return r;
	AUTO_FREE char *text = cgroup_layout_format(&layout);

	puts(text ? text : "");
	cgroup_layout_done(&layout);
	return 0;
}

static int drop_layout(const char *text, struct err *e)
{
	struct cgroup_layout layout;
	int r = cgroup_layout_parse(text, &layout, e);

	if (r < 0)
		return r;
	cgroup_layout_remove(&layout);
	cgroup_layout_done(&layout);
	return 0;
}

/* Until the main process has ended: its wait status. */
static int follow(struct container *c, int *ret_status, struct err *e)
{
	struct pollfd fds[] = {
		{ .fd = container_sync_fd(c), .events = POLLIN },
		{ .fd = container_pidfd(c), .events = POLLIN },
	};
	struct container_event event = { .type = CONTAINER_STARTED };

	*ret_status = EXIT_NOT_LAUNCHED << 8;
	while (poll(fds, ARRAY_SIZE(fds), -1) > 0) {
		int r = fds[0].revents ? container_read_event(c, &event, e) : 0;

		if (r < 0)
			return r;
		if (r > 0 && event.type == CONTAINER_EXITED)
			*ret_status = event.wait_status;
		if (r > 0 && event.type == CONTAINER_FAILED)
			*e = event.error;
		if (r > 0 && event.type == CONTAINER_CLOSED)
			fds[0].fd = -1;
		if (fds[1].revents && fds[0].fd < 0)
			break;
	}
	(void)container_reap(c, &fds[0].fd, e);
	return -e->code;
}

static int run_bundle(const char *layout, const char *path, int *ret_status, struct err *e)
{
	AUTO_CLOSE int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct container *c = NULL;
	struct spec spec;
	struct err late = { 0 };
	int r;

	if (dir < 0)
		return err_set(e, errno, "open bundle '%s'", path);
	r = spec_load(dir, "config.json", &spec, e);
	if (r == 0)
		r = spec_make_paths_absolute(path, &spec, e);
	if (r < 0)
		return r;
	free(spec.cgroup_layout);
	spec.cgroup_layout = strdup(layout);
	if (asprintf(&spec.id, "bench-%d", (int)getpid()) < 0)
		spec.id = NULL;
	r = container_create(&spec, -EBADF, &c, e);
	if (r == 0)
		r = container_start(c, &(struct container_launch){
			.mode = CONTAINER_MODE_INIT,
			.stdio = { -EBADF, STDOUT_FILENO, STDERR_FILENO },
			.start_fd = -EBADF,
		}, e);
	if (r == 0)
		r = follow(c, ret_status, e);
	if (c && container_destroy(c, 5000, &late) < 0)
		fprintf(stderr, "launch: %s: %s\n", late.msg, strerrordesc_np(late.code));
	container_free(c);
	spec_done(&spec);
	return r;
}

int main(int argc, char **argv)
{
	struct err e = { 0 };
	int status = 0, r;

	container_hide_arguments(argc, argv);
	/* Or jansson opens /dev/urandom: the document is our own. */
	json_object_seed(1);
	if (argc != 3) {
		fprintf(stderr, "usage: launch LAYOUT BUNDLE | --make ROOT | --drop LAYOUT\n");
		return EXIT_NOT_LAUNCHED;
	}
	if (strcmp(argv[1], "--make") == 0)
		r = make_layout(argv[2], &e);
	else if (strcmp(argv[1], "--drop") == 0)
		r = drop_layout(argv[2], &e);
	else
		r = run_bundle(argv[1], argv[2], &status, &e);
	if (r < 0) {
		char text[640];

		fprintf(stderr, "launch: %s\n", err_text(&e, text, sizeof(text)));
		return EXIT_NOT_LAUNCHED;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
