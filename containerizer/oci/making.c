#include "containerizer/oci/making.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "containerizer/container.h"
#include "containerizer/hooks.h"
#include "containerizer/oci/command.h"
#include "containerizer/oci/console_socket.h"
#include "containerizer/oci/devices.h"
#include "containerizer/oci/env.h"
#include "containerizer/oci/filters.h"
#include "containerizer/oci/grantable.h"
#include "containerizer/oci/late_hooks.h"
#include "containerizer/oci/pid_file.h"
#include "containerizer/oci/preserved.h"
#include "containerizer/spec_json.h"
#include "isolators/cgroup.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/file_in.h"

enum { DESTROY_MS = 10000 };

static int copy_string(const char *text, char **ret, struct err *e)
{
	*ret = strdup(text);
	return *ret ? 0 : err_set(e, ENOMEM, "make container");
}

/* As the kernel names it: absolute, and without links. */
static int name_bundle(struct making *m, int fd, struct err *e)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return err_set(e, errno, "find the path of the bundle");
	path[n] = '\0';
	return copy_string(path, &m->state.bundle, e);
}

/* What is wrong with the root is told by who mounts it. */
static int add_home(struct spec *spec, struct err *e)
{
	AUTO_CLOSE int root_fd = spec->root_path
		? open(spec->root_path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -EBADF;

	return root_fd >= 0 ? env_add_home(root_fd, spec->uid, &spec->env, e) : 0;
}

static int load_bundle(struct making *m, const char *path, json_t **ret_doc, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_set(e, errno, "open bundle '%s'", path);
	r = name_bundle(m, fd, e);
	if (r < 0)
		return r;
	r = file_in_read_json(fd, "config.json", SPEC_MAX_DOCUMENT, ret_doc, e);
	if (r < 0)
		return r;
	r = devices_inject(m->oci, *ret_doc, e);
	if (r == 0)
		r = grantable_filter(*ret_doc, e);
	if (r < 0)
		return err_wrap(e, "config.json");
	r = spec_from_json(*ret_doc, &m->spec, e);
	if (r < 0)
		return err_wrap(e, "config.json");
	r = spec_make_paths_absolute(m->state.bundle, &m->spec, e);
	if (r < 0)
		return r;
	r = preserved_add_env(&m->spec.env, e);
	if (r == 0)
		r = add_home(&m->spec, e);
	if (r < 0)
		return r;
	m->state.annotations = json_incref(json_object_get(*ret_doc, "annotations"));
	m->state.has_hooks = spec_has_hooks(&m->spec);
	/* A root of layers is nowhere to be seen outside. */
	return copy_string(m->spec.root_path ? m->spec.root_path : "", &m->state.rootfs, e);
}

static int set_path(json_t *object, const char *key, const char *path, struct err *e)
{
	if (path && json_object_set_new(object, key, json_string(path)) < 0)
		return err_set(e, ENOMEM, "keep '%s'", STATE_CONFIG);
	return 0;
}

/*
 * The bundle may change while the container runs: exec and the hooks go by what it was, and not
 * from its directory.
 */
static int keep_config(const struct making *m, json_t *doc, struct err *e)
{
	json_t *mounts = json_object_get(doc, "mounts");
	int r = set_path(json_object_get(doc, "root"), "path", m->spec.root_path, e);

	for (size_t i = 0; i < json_array_size(mounts) && r == 0; i++)
		r = set_path(json_array_get(mounts, i), "source", m->spec.mounts[i].source, e);
	return r < 0 ? r : state_keep_config(m->dir_fd, doc, true, e);
}

static int find_cgroup(struct making *m, struct err *e)
{
	const char *wanted = m->spec.cgroups_path;
	struct cgroup_layout layout;
	AUTO_FREE char *path = NULL;
	unsigned made;
	int r;

	if (asprintf(&path, "/%s", wanted && *wanted ? wanted : m->spec.id) < 0) {
		path = NULL;
		return err_set(e, ENOMEM, "make container");
	}
	r = cgroup_path_layout(path, &layout, &m->state.cgroup_name, &made, e);
	if (r < 0)
		return err_wrap(e, "linux.cgroupsPath");
	m->state.cgroup_made = made;
	m->state.cgroup_layout = cgroup_layout_format(&layout);
	cgroup_layout_done(&layout);
	if (!m->state.cgroup_layout)
		return err_set(e, ENOMEM, "make container");
	free(m->spec.cgroup_layout);
	r = copy_string(m->state.cgroup_layout, &m->spec.cgroup_layout, e);
	return r < 0 ? r : copy_string(m->state.cgroup_name, &m->spec.cgroup_name, e);
}

static int describe(struct making *m, struct err *e)
{
	char time[CLOCK_TEXT_SIZE], owner[16];
	int r;

	clock_format(clock_wall_ms(), time);
	(void)snprintf(owner, sizeof(owner), "%lu", getauxval(AT_UID));
	r = copy_string(time, &m->state.created, e);
	return r < 0 ? r : copy_string(owner, &m->state.owner, e);
}

static int compile_filter(struct making *m, struct err *e)
{
	int fd;

	if (!m->spec.seccomp && !m->spec.has_builtin_seccomp)
		return 0;
	fd = filters_get(m->dir_fd, m->spec.seccomp, m->spec.capabilities.bounding, e);
	if (fd < 0)
		return err_wrap(e, "linux.seccomp");
	m->seccomp_fd = fd;
	return 0;
}

/* The socket on which the main process waits: below the descriptor, for the path may be long. */
static int listen_for_start(struct making *m, struct err *e)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s",
		       m->dir_fd, STATE_SOCKET);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 1) < 0)
		return err_set(e, errno, "listen on '%s'", STATE_SOCKET);
	m->start_fd = TAKE_FD(fd);
	return 0;
}

/* The namespaces are made, and nothing of the container runs yet. */
static int run_early_hooks(struct making *m, const json_t *object, struct err *e)
{
	const struct hook_state state = {
		.object = object, .status = state_status_names[STATE_CREATING],
		.pid = container_pid(m->container),
	};
	int r = hooks_run(&m->spec, SPEC_HOOK_PRESTART, &state, e);

	if (r == 0)
		r = hooks_run(&m->spec, SPEC_HOOK_CREATE_RUNTIME, &state, e);
	return r < 0 ? r : container_continue(m->container, e);
}

/* Until it waits or runs; what it says on failure becomes ours. */
static int follow(struct making *m, const json_t *hook_state, struct err *e)
{
	struct container_event event;
	int r;

	for (;;) {
		r = container_await_event(m->container, &event, e);
		if (r >= 0 && event.type == CONTAINER_HOOKS)
			r = run_early_hooks(m, hook_state, e);
		else
			break;
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	m->master_fd = event.terminal_fd;
	if (event.type == CONTAINER_FAILED)
		*e = event.error;
	else if (event.type == CONTAINER_CLOSED)
		err_set(e, ECHILD, "launch container '%s': its process was killed", m->spec.id);
	return -e->code;
}

static int prepare(struct making *m, const struct making_options *o, bool is_waiting,
		   struct err *e)
{
	const char *bundle = o->bundle ? o->bundle : ".";
	json_auto_t *doc = NULL;
	int r;

	if ((r = load_bundle(m, bundle, &doc, e)) < 0 ||
	    (r = console_socket_check(o->console_socket, m->spec.terminal,
				      !is_waiting && !o->detach, e)) < 0 ||
	    (r = copy_string(m->state.id, &m->spec.id, e)) < 0 || (r = describe(m, e)) < 0 ||
	    (r = keep_config(m, doc, e)) < 0 || (r = compile_filter(m, e)) < 0 ||
	    (r = find_cgroup(m, e)) < 0 || (r = state_write(m->dir_fd, &m->state, e)) < 0)
		return r;
	m->spec.no_new_keyring = o->no_new_keyring;
	return is_waiting ? listen_for_start(m, e) : 0;
}

static int start(struct making *m, const struct making_options *o, unsigned n_preserved,
		 struct err *e)
{
	struct container_launch launch = {
		.mode = CONTAINER_MODE_DIRECT,
		.stdio = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO },
		.start_fd = m->start_fd,
		.n_preserved = n_preserved,
	};
	json_auto_t *hook_state = NULL;
	int r;

	if (m->state.has_hooks) {
		hook_state = state_to_oci(&m->state, STATE_CREATING);
		launch.hook_state = hook_state;
	}

	if ((r = container_create(&m->spec, m->seccomp_fd, &m->container, e)) < 0 ||
	    (r = container_start(m->container, &launch, e)) < 0 ||
	    (r = state_set_pid(&m->state, container_pid(m->container), e)) < 0 ||
	    (r = state_write(m->dir_fd, &m->state, e)) < 0 ||
	    (r = follow(m, hook_state, e)) < 0)
		return r;
	if (o->console_socket) {
		r = console_socket_send(o->console_socket, m->master_fd, e);
		fd_close(&m->master_fd);
		if (r < 0)
			return r;
	}
	return o->pid_file ? pid_file_write(o->pid_file, container_pid(m->container), e) : 0;
}

int making_launch(struct making *m, const char *id, const struct making_options *o,
		  bool is_waiting, struct err *e)
{
	unsigned n_preserved = 0;
	struct err lost = { 0 };
	int status, r;

	if (o->no_pivot)
		return err_set(e, EINVAL, "read flag '--no-pivot': a root that can be left is not "
			       "supported");
	if ((r = preserved_count(o->preserve_fds, &n_preserved, e)) < 0 ||
	    (r = copy_string(id, &m->state.id, e)) < 0)
		return r;
	m->dir_fd = state_create(m->oci->root, id, e);
	if (m->dir_fd < 0)
		return m->dir_fd;
	r = prepare(m, o, is_waiting, e);
	if (r == 0)
		r = start(m, o, n_preserved, e);
	if (r < 0)
		(void)making_remove(m, &lost);
	if (r < 0 && m->container)
		(void)container_reap(m->container, &status, &lost);
	return r;
}

static int remove_cgroup(const struct state *state, bool has_gone, struct err *e)
{
	struct cgroup_layout layout;
	int r;

	if (!state->cgroup_layout)
		return 0;
	r = cgroup_layout_parse(state->cgroup_layout, &layout, e);
	if (r < 0)
		return r;
	r = has_gone ? 0 : cgroup_destroy(&layout, state->cgroup_name, DESTROY_MS, e);
	if (r == 0)
		cgroup_path_remove(&layout, (unsigned)state->cgroup_made);
	cgroup_layout_done(&layout);
	return r;
}

/* What is left but for the cgroup itself, if that HAS_GONE. */
static int remove_rest(const struct oci *oci, int dir_fd, const struct state *state, bool has_gone,
		       struct err *e)
{
	struct late_hooks late;
	int r = remove_cgroup(state, has_gone, e);

	if (r < 0)
		return r;
	late_hooks_load(&late, dir_fd, state);
	r = state_remove(oci->root, state->id, dir_fd, e);
	late_hooks_run(&late, state, SPEC_HOOK_POSTSTOP, STATE_STOPPED);
	return r;
}

int making_delete(const struct oci *oci, int dir_fd, const struct state *state, struct err *e)
{
	return remove_rest(oci, dir_fd, state, false, e);
}

int making_remove(struct making *m, struct err *e)
{
	int r = m->container ? container_destroy(m->container, DESTROY_MS, e) : 0;

	if (r < 0)
		return r;
	return remove_rest(m->oci, m->dir_fd, &m->state, m->container != NULL, e);
}

void making_done(struct making *m)
{
	container_free(m->container);
	spec_done(&m->spec);
	state_done(&m->state);
	fd_close(&m->dir_fd);
	fd_close(&m->seccomp_fd);
	fd_close(&m->start_fd);
	fd_close(&m->master_fd);
}
