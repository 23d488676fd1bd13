#include "isolators/cgroup_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "isolators/cgroup_io.h"
#include "isolators/cgroup_v1.h"
#include "isolators/proc_file.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_in.h"

enum { MAX_LAYOUT_BYTES = 64 << 10 };

static bool is_mounted(const char *directory, int version)
{
	struct statfs fs;

	if (statfs(directory, &fs) < 0)
		return false;
	return fs.f_type == (version == 2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC);
}

/* DIR is where this process is; our root stays where an earlier agent made it. */
static int make_root_path(const char *dir, const char *root, char **ret, struct err *e)
{
	AUTO_FREE char *inner = NULL;
	size_t length = strlen(dir), inner_length;

	if (asprintf(&inner, "/%s/agent", root) < 0) {
		inner = NULL;
		return err_set(e, ENOMEM, "find cgroup '%s'", root);
	}
	inner_length = strlen(inner);
	if (length > inner_length && strcmp(dir + length - inner_length, inner) == 0)
		length -= inner_length;
	while (length > 1 && dir[length - 1] == '/')
		length--;
	if (asprintf(ret, "%.*s/%s", (int)length, dir, root) < 0) {
		*ret = NULL;
		return err_set(e, ENOMEM, "find cgroup '%s'", root);
	}
	return 0;
}

static int make_dir(const char *dir, const char *name, struct err *e)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s%s%s", dir, name ? "/" : "", name ? name : "");

	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(e, ENAMETOOLONG, "create cgroup '%s'", dir);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return err_set(e, errno, "create cgroup '%s'", path);
	return 0;
}

/* Is NAME one of the words of LIST? */
static bool has_word(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *p = list; (p = strstr(p, name)); p += length) {
		if ((p == list || p[-1] == ' ') && strchr(" \n", p[length]))
			return true;
	}
	return false;
}

/*
 * A controller may refuse for its own reasons (cpu with real-time processes): it is then missing
 * below, and reported as not available.
 */
static int enable_missing(int fd, const char *dir, struct cgroup_layout *layout, struct err *e)
{
	char available[512], text[32];
	int r = cgroup_io_read(fd, "cgroup.controllers", available, sizeof(available), e);

	for (size_t i = 0; i < N_CGROUP_CONTROLLERS && r >= 0; i++) {
		const char *name = cgroup_controller_names[i];
		struct err refused = { 0 };
		int written;

		if (layout->controllers[i].version == 2 || !has_word(available, name))
			continue;
		(void)snprintf(text, sizeof(text), "+%s", name);
		written = cgroup_io_write(fd, "cgroup.subtree_control", text, &refused);
		if (written == -EBUSY)
			return err_set(e, ENOTSUP, "enable controller '%s' in cgroup '%s', which "
				       "has processes of others", name, dir);
		layout->controllers[i].version = written < 0 ? 0 : 2;
	}
	return r < 0 ? r : 0;
}

int cgroup_enable_controllers(const char *dir, struct cgroup_layout *layout, struct err *e)
{
	AUTO_CLOSE int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool is_complete = true;
	char enabled[512];
	int r;

	if (fd < 0)
		return err_set(e, errno, "open cgroup '%s'", dir);
	r = cgroup_io_read(fd, "cgroup.subtree_control", enabled, sizeof(enabled), e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS; i++) {
		bool is_enabled = has_word(enabled, cgroup_controller_names[i]);

		layout->controllers[i].version = is_enabled ? 2 : 0;
		is_complete &= is_enabled;
	}
	return is_complete ? 0 : enable_missing(fd, dir, layout, e);
}

/* Only the root of the whole hierarchy may have processes beside groups. */
static int leave_inner_cgroup(const char *base, const char *root, struct err *e)
{
	AUTO_CLOSE int base_fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int fd = -EBADF;
	char path[PATH_MAX], controllers[512];
	int r;

	if (base_fd < 0)
		return err_set(e, errno, "open cgroup '%s'", base);
	if (faccessat(base_fd, "cgroup.type", F_OK, 0) < 0)
		return 0;
	r = cgroup_io_read(base_fd, "cgroup.controllers", controllers, sizeof(controllers), e);
	if (r < 0)
		return r;
	if (controllers[strspn(controllers, " \n")] == '\0')
		return 0;
	r = make_dir(root, "agent", e);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/agent", root);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open cgroup '%s'", path);
	return cgroup_io_write(fd, "cgroup.procs", "0", e);
}

static int set_up_core(struct cgroup_layout *layout, struct err *e)
{
	AUTO_FREE char *base = strndup(layout->core,
				       (size_t)(strrchr(layout->core, '/') - layout->core));
	AUTO_CLOSE int fd = -EBADF;
	char path[PATH_MAX];
	int r;

	if (!base)
		return err_set(e, ENOMEM, "create cgroup '%s'", layout->core);
	if ((r = make_dir(layout->core, NULL, e)) < 0 ||
	    (r = make_dir(layout->core, "containers", e)) < 0 ||
	    (r = make_dir(layout->core, "supervisors", e)) < 0 ||
	    (r = leave_inner_cgroup(base, layout->core, e)) < 0 ||
	    (r = cgroup_enable_controllers(base, layout, e)) < 0 ||
	    (r = cgroup_enable_controllers(layout->core, layout, e)) < 0 ||
	    (r = cgroup_containers_path(layout, layout->core, NULL, path, e)) < 0 ||
	    (r = cgroup_enable_controllers(path, layout, e)) < 0)
		return r;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open cgroup '%s'", path);
	if (faccessat(fd, "cgroup.kill", F_OK, 0) < 0)
		return err_set(e, ENOTSUP, "find 'cgroup.kill' in cgroup '%s' (Linux 5.14)", path);
	return 0;
}

static int set_up_v1(struct cgroup_layout *layout, enum cgroup_controller i, const char *dir,
		     const char *root, struct err *e)
{
	char path[PATH_MAX];
	char *own;
	int r = make_root_path(dir, root, &own, e);

	if (r < 0)
		return r;
	layout->controllers[i].dir = own;
	if ((r = make_dir(own, NULL, e)) < 0 ||
	    (r = cgroup_v1_prepare_dir(own, i, e)) < 0 ||
	    (r = make_dir(own, "containers", e)) < 0 ||
	    (r = cgroup_containers_path(layout, own, NULL, path, e)) < 0 ||
	    (r = cgroup_v1_prepare_dir(path, i, e)) < 0)
		return r;
	layout->controllers[i].version = 1;
	return 0;
}

static bool has_suffix(const char *text, const char *suffix)
{
	size_t length = strlen(text), n = strlen(suffix);

	return length >= n && strcmp(text + length - n, suffix) == 0;
}

/* Are all processes of the cgroup DIR this one? */
static bool is_alone_in(const char *dir)
{
	AUTO_CLOSE int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char procs[4096], own[16];
	struct err lost = { 0 };

	if (fd < 0 || cgroup_io_read(fd, "cgroup.procs", procs, sizeof(procs), &lost) < 0)
		return false;
	(void)snprintf(own, sizeof(own), "%d\n", (int)getpid());
	return procs[0] == '\0' || strcmp(procs, own) == 0;
}

/* The root of the whole v2 hierarchy has no type; the root of a cgroup namespace has one. */
static bool is_true_root(const char *dir)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/cgroup.type", dir);

	return n > 0 && (size_t)n < sizeof(path) && access(path, F_OK) < 0 && errno == ENOENT;
}

/*
 * Our groups are made below this process's own, if it has one to itself.  A unit of systemd is not
 * that: once it has inner groups with controllers no process can be put into it again, so the
 * service could not be restarted while tasks live, and a session has its user's processes.  Then
 * they are made at the top, as other container engines do.
 */
static const char *choose_base(const struct cgroup_hosts *hosts, const char *root)
{
	AUTO_FREE char *inner = NULL;
	bool is_ours;

	if (asprintf(&inner, "/%s/agent", root) < 0) {
		inner = NULL;
		return hosts->core;
	}
	is_ours = has_suffix(hosts->core, inner) ||
		(!has_suffix(hosts->core, ".service") && !has_suffix(hosts->core, ".scope") &&
		 is_alone_in(hosts->core));
	if (is_ours || !hosts->core_root || !is_true_root(hosts->core_root))
		return hosts->core;
	return hosts->core_root;
}

static int set_up(const struct cgroup_hosts *hosts, const char *root, struct cgroup_layout *layout,
		  struct err *e)
{
	int r;

	if (!hosts->core)
		return err_set(e, ENOTSUP, "find cgroup v2: it is not mounted");
	r = make_root_path(choose_base(hosts, root), root, &layout->core, e);
	if (r < 0)
		return r;
	r = set_up_core(layout, e);
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS && r == 0; i++) {
		if (hosts->v1[i] && layout->controllers[i].version == 0)
			r = set_up_v1(layout, (enum cgroup_controller)i, hosts->v1[i], root, e);
	}
	return r;
}

int cgroup_hosts_read(struct cgroup_hosts *ret, struct err *e)
{
	AUTO_FREE char *mountinfo = NULL, *self = NULL;
	int r = proc_file_read("/proc/self/mountinfo", &mountinfo, e);

	if (r == 0)
		r = proc_file_read("/proc/self/cgroup", &self, e);
	return r < 0 ? r : cgroup_hosts_parse(mountinfo, self, is_mounted, ret, e);
}

/* On a host with cgroup v2 alone this is the place (file-hierarchy(7)): mounts need not be read. */
int cgroup_hosts_find(struct cgroup_hosts *ret, struct err *e)
{
	static const char unified[] = "/sys/fs/cgroup";

	if (!is_mounted(unified, 2))
		return cgroup_hosts_read(ret, e);
	*ret = (struct cgroup_hosts){ .core = strdup(unified) };
	return ret->core ? 0 : err_set(e, ENOMEM, "find cgroups");
}

int cgroup_layout_detect(const char *root, struct cgroup_layout *ret, struct err *e)
{
	AUTO(cgroup_hosts_done) struct cgroup_hosts hosts = { 0 };
	struct cgroup_layout layout = { 0 };
	int r;

	if (root[0] == '\0' || root[0] == '.' || strchr(root, '/') ||
	    strlen(root) > CGROUP_NAME_MAX)
		return err_set(e, EINVAL, "use '%.160s' as the name of a cgroup", root);
	r = cgroup_hosts_read(&hosts, e);
	if (r < 0)
		return r;
	r = set_up(&hosts, root, &layout, e);
	if (r < 0) {
		cgroup_layout_remove(&layout);
		cgroup_layout_done(&layout);
		return r;
	}
	*ret = layout;
	return 0;
}

static void remove_dir(const char *dir, const char *name)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s%s%s", dir, name ? "/" : "", name ? name : "");

	if (n > 0 && (size_t)n < sizeof(path))
		(void)rmdir(path);
}

/* The way of leave_inner_cgroup() back: controllers off from below, then this process out. */
static void rejoin_base(const char *root)
{
	AUTO_CLOSE int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_CLOSE int base_fd = -EBADF;
	const int *const levels[] = { &fd, &base_fd };
	struct err lost = { 0 };

	if (fd < 0 || faccessat(fd, "agent", F_OK, 0) < 0)
		return;
	base_fd = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t level = 0; level < ARRAY_SIZE(levels); level++) {
		for (size_t i = 0; i < N_CGROUP_CONTROLLERS; i++) {
			char text[32];

			(void)snprintf(text, sizeof(text), "-%s", cgroup_controller_names[i]);
			err_clear(&lost);
			(void)cgroup_io_write(*levels[level], "cgroup.subtree_control", text,
					      &lost);
		}
	}
	err_clear(&lost);
	(void)cgroup_io_write(base_fd, "cgroup.procs", "0", &lost);
	remove_dir(root, "agent");
}

void cgroup_layout_remove(struct cgroup_layout *layout)
{
	const char *dirs[CGROUP_MAX_DIRS];
	size_t n;

	if (!layout->core)
		return;
	n = cgroup_layout_dirs(layout, dirs);
	for (size_t i = 0; i < n; i++) {
		remove_dir(dirs[i], "containers");
		remove_dir(dirs[i], "supervisors");
	}
	rejoin_base(layout->core);
	for (size_t i = 0; i < n; i++)
		remove_dir(dirs[i], NULL);
}

void cgroup_layout_done(struct cgroup_layout *layout)
{
	free(layout->core);
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS; i++)
		free(layout->controllers[i].dir);
	*layout = (struct cgroup_layout){ 0 };
}

size_t cgroup_layout_dirs(const struct cgroup_layout *layout, const char *ret[CGROUP_MAX_DIRS])
{
	size_t n = 0;

	ret[n++] = layout->core;
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS; i++) {
		const char *dir = layout->controllers[i].dir;
		bool is_new = dir != NULL;

		for (size_t k = 0; k < n && is_new; k++)
			is_new = strcmp(ret[k], dir) != 0;
		if (is_new)
			ret[n++] = dir;
	}
	return n;
}

/* {"core":"/sys/fs/cgroup/tepui","cpu":true,"memory":"/sys/fs/cgroup/memory/tepui"} */
char *cgroup_layout_format(const struct cgroup_layout *layout)
{
	json_t *object = json_object();
	char *text = NULL;
	int r = object ? json_object_set_new(object, "core", json_string(layout->core)) : -1;

	if (r == 0 && layout->is_flat)
		r = json_object_set_new(object, "flat", json_true());
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS && r == 0; i++) {
		const char *dir = layout->controllers[i].dir;

		if (layout->controllers[i].version != 0)
			r = json_object_set_new(object, cgroup_controller_names[i],
						dir ? json_string(dir) : json_true());
	}
	if (r == 0)
		text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	return text;
}

static int take_path(const json_t *value, char **ret, struct err *e)
{
	const char *text = json_string_value(value);

	if (!text || text[0] != '/')
		return err_set(e, EINVAL, "parse cgroup layout: not an absolute path");
	*ret = strdup(text);
	return *ret ? 0 : err_set(e, ENOMEM, "parse cgroup layout");
}

static int read_layout(const json_t *object, struct cgroup_layout *layout, struct err *e)
{
	int r = take_path(json_object_get(object, "core"), &layout->core, e);

	layout->is_flat = json_is_true(json_object_get(object, "flat"));
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS && r == 0; i++) {
		const json_t *value = json_object_get(object, cgroup_controller_names[i]);

		if (!value)
			continue;
		layout->controllers[i].version = json_is_true(value) ? 2 : 1;
		if (!json_is_true(value))
			r = take_path(value, &layout->controllers[i].dir, e);
	}
	return r;
}

int cgroup_layout_parse(const char *text, struct cgroup_layout *ret, struct err *e)
{
	struct cgroup_layout layout = { 0 };
	size_t size = strlen(text);
	json_t *object = NULL;
	int r = size > MAX_LAYOUT_BYTES ? err_set(e, E2BIG, "parse cgroup layout")
		: json_in_parse(text, size, &object, e);

	if (r == 0)
		r = read_layout(object, &layout, e);
	json_decref(object);
	if (r < 0) {
		cgroup_layout_done(&layout);
		return r;
	}
	*ret = layout;
	return 0;
}
