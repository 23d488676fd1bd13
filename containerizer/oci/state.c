#include "containerizer/oci/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolators/cgroup.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_in.h"
#include "lib/json_fields.h"
#include "lib/process.h"

#define STATE_FILE "state.json"
#define STATE_TMP "state.json.tmp"

enum { ID_MAX_LENGTH = 128, MAX_FILE = 1 << 20, BOOT_ID_SIZE = 37 };

const char *const state_status_names[] = {
	[STATE_CREATING] = "creating",
	[STATE_CREATED] = "created",
	[STATE_RUNNING] = "running",
	[STATE_PAUSED] = "paused",
	[STATE_STOPPED] = "stopped",
};

#define ROW(key_, member_, kind_, required_, max_) \
	{ .key = (key_), .kind = (kind_), .required = (required_), \
	  .off = offsetof(struct state, member_), .max = (max_) }
static const struct json_field fields[] = {
	ROW("id", id, JSON_F_STR, true, ID_MAX_LENGTH),
	ROW("bundle", bundle, JSON_F_STR, true, PATH_MAX),
	ROW("rootfs", rootfs, JSON_F_STR, true, PATH_MAX),
	ROW("owner", owner, JSON_F_STR, true, 32),
	ROW("created", created, JSON_F_STR, true, 64),
	ROW("boot_id", boot_id, JSON_F_STR, false, 64),
	ROW("pid", pid, JSON_F_U64, true, INT_MAX),
	ROW("start_ticks", start_ticks, JSON_F_U64, true, UINT64_MAX),
	ROW("cgroup_layout", cgroup_layout, JSON_F_STR, true, 64 << 10),
	ROW("cgroup_name", cgroup_name, JSON_F_STR, true, 255),
	ROW("cgroup_made", cgroup_made, JSON_F_U64, true, 64),
	ROW("has_hooks", has_hooks, JSON_F_BOOL, false, 0),
	ROW("annotations", annotations, JSON_F_JSON, false, 0),
};

int state_check_id(const char *id, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.+-";
	size_t length = strlen(id);

	if (length == 0 || length > ID_MAX_LENGTH || strspn(id, allowed) != length ||
	    strcmp(id, ".") == 0 || strcmp(id, "..") == 0)
		return err_set(e, EINVAL, "use '%.160s' as the id of a container: it is not 1 to "
			       "%d of letters, digits, '_', '.', '+', '-'", id, ID_MAX_LENGTH);
	return 0;
}

/* mkdir -p, for us alone; the path of a container below ROOT has been found to fit. */
static int make_root(const char *root, struct err *e)
{
	char path[PATH_MAX];

	(void)stpcpy(path, root);
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return err_set(e, errno, "create '%s'", path);
		*p = '/';
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "create '%s'", path);
	return 0;
}

static int open_directory(const char *root, const char *id, struct err *e)
{
	char path[PATH_MAX];
	int fd, n = snprintf(path, sizeof(path), "%s/%s", root, id);

	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(e, ENAMETOOLONG, "open state of container '%s'", id);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_set_code(e, ENOENT, true, "container '%s' does not exist", id);
	return fd < 0 ? err_set(e, errno, "open '%s'", path) : fd;
}

static int check_linked(int fd, const char *id, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_nlink == 0)
		return err_set_code(e, ENOENT, true, "container '%s' does not exist", id);
	return 0;
}

int state_lock(int dir_fd, const char *id, struct err *e)
{
	while (flock(dir_fd, LOCK_EX) < 0) {
		if (errno != EINTR)
			return err_set(e, errno, "lock state of container '%s'", id);
	}
	return check_linked(dir_fd, id, e);
}

void state_unlock(int dir_fd)
{
	(void)flock(dir_fd, LOCK_UN);
}

int state_create(const char *root, const char *id, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;
	char path[PATH_MAX];
	int n, r = state_check_id(id, e);

	if (r < 0)
		return r;
	if (root[0] != '/')
		return err_set(e, EINVAL, "use '%.160s' as --root: it is not absolute", root);
	n = snprintf(path, sizeof(path), "%s/%s", root, id);
	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(e, ENAMETOOLONG, "create container '%s'", id);
	r = mkdir(path, 0700);
	if (r < 0 && errno == ENOENT) {
		r = make_root(root, e);
		if (r < 0)
			return r;
		r = mkdir(path, 0700);
	}
	if (r < 0 && errno == EEXIST)
		return err_set_code(e, EEXIST, true, "container '%s' already exists", id);
	if (r < 0)
		return err_set(e, errno, "create '%s'", path);
	fd = open_directory(root, id, e);
	if (fd < 0)
		return fd;
	r = state_lock(fd, id, e);
	return r < 0 ? r : TAKE_FD(fd);
}

static int read_state(int dir_fd, const char *id, struct state *ret, struct err *e)
{
	json_auto_t *object = NULL;
	int r = file_in_read_json(dir_fd, STATE_FILE, MAX_FILE, &object, e);

	/* Its create has got no further, or was killed. */
	if (r == -ENOENT) {
		err_clear(e);
		ret->id = strdup(id);
		return ret->id ? 0 : err_set(e, ENOMEM, "read state");
	}
	if (r == 0)
		r = json_read_fields(object, "state", fields, ARRAY_SIZE(fields), ret, e);
	return r < 0 ? err_wrap(e, "state of container '%s'", id) : 0;
}

int state_open(const char *root, const char *id, bool is_locked, struct state_dir *ret,
	       struct err *e)
{
	struct state_dir dir = STATE_DIR_INIT;
	int r = state_check_id(id, e);

	if (r < 0)
		return r;
	dir.fd = open_directory(root, id, e);
	if (dir.fd < 0)
		return dir.fd;
	r = is_locked ? state_lock(dir.fd, id, e) : check_linked(dir.fd, id, e);
	if (r == 0)
		r = read_state(dir.fd, id, &dir.state, e);
	if (r < 0) {
		state_close(&dir);
		return r;
	}
	*ret = dir;
	return 0;
}

void state_done(struct state *state)
{
	json_free_fields(fields, ARRAY_SIZE(fields), state);
}

void state_close(struct state_dir *dir)
{
	fd_close(&dir->fd);
	state_done(&dir->state);
}

static char *format_state(const struct state *s)
{
	json_auto_t *object = json_pack("{ss ss ss ss ss ss* sI sI ss ss sI sb sO*}",
		"id", s->id, "bundle", s->bundle, "rootfs", s->rootfs, "owner", s->owner,
		"created", s->created, "boot_id", s->boot_id, "pid", (json_int_t)s->pid,
		"start_ticks", (json_int_t)s->start_ticks, "cgroup_layout", s->cgroup_layout,
		"cgroup_name", s->cgroup_name, "cgroup_made", (json_int_t)s->cgroup_made,
		"has_hooks", s->has_hooks, "annotations", s->annotations);

	return object ? json_dumps(object, JSON_COMPACT) : NULL;
}

/* Never into one that is there: whoever reads it may have opened it before it was exchanged. */
static int write_file(int dir_fd, const char *name, const char *text, struct err *e)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
	AUTO_CLOSE int fd = openat(dir_fd, name, flags, 0600);

	if (fd < 0 && errno == EEXIST && unlinkat(dir_fd, name, 0) == 0)
		fd = openat(dir_fd, name, flags, 0600);
	return fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ?
		err_set(e, errno, "write '%s' of the container's state", name) : 0;
}

/*
 * In one step: a reader sees the old file or the new one, whoever is killed meanwhile.  Not flushed
 * to a disk: what it tells of ends with the kernel, and the id of the boot says so.  So the two are
 * exchanged, because a file system may write out at once what takes the place of another (ext4 with
 * auto_da_alloc); the old one stays until the container goes.
 */
static int replace_file(int dir_fd, const char *name, bool is_new, const char *text, struct err *e)
{
	int r = write_file(dir_fd, STATE_TMP, text, e);

	if (r == 0 &&
	    (is_new || renameat2(dir_fd, STATE_TMP, dir_fd, name, RENAME_EXCHANGE) < 0) &&
	    renameat(dir_fd, STATE_TMP, dir_fd, name) < 0)
		return err_set(e, errno, "write '%s' of the container's state", name);
	return r;
}

int state_write(int dir_fd, const struct state *state, struct err *e)
{
	AUTO_FREE char *text = format_state(state);

	/* The first is that of a container without a process. */
	return text ? replace_file(dir_fd, STATE_FILE, state->pid == 0, text, e)
		: err_set(e, ENOMEM, "write state of container '%s'", state->id);
}

int state_keep_config(int dir_fd, const json_t *config, bool is_new, struct err *e)
{
	AUTO_FREE char *text = json_dumps(config, JSON_COMPACT);

	if (!text)
		return err_set(e, ENOMEM, "keep '%s'", STATE_CONFIG);
	/* Nobody looks for it before there is a state. */
	return is_new ? write_file(dir_fd, STATE_CONFIG, text, e)
		: replace_file(dir_fd, STATE_CONFIG, false, text, e);
}

static int read_boot_id(char ret[BOOT_ID_SIZE], struct err *e)
{
	AUTO_CLOSE int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, ret, BOOT_ID_SIZE) < BOOT_ID_SIZE - 1)
		return err_set(e, fd < 0 ? errno : EIO, "read the id of this boot");
	ret[BOOT_ID_SIZE - 1] = '\0';
	return 0;
}

int state_set_pid(struct state *state, pid_t pid, struct err *e)
{
	char boot_id[BOOT_ID_SIZE];
	int r = read_boot_id(boot_id, e);

	if (r < 0)
		return r;
	free(state->boot_id);
	state->boot_id = strdup(boot_id);
	if (!state->boot_id)
		return err_set(e, ENOMEM, "write state of container '%s'", state->id);
	state->pid = (uint64_t)pid;
	return process_start_ticks(pid, &state->start_ticks, e);
}

/* A process that has ended is one no more, though its parent may not have taken notice yet. */
static bool has_ended(int pidfd)
{
	struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1;
}

int state_open_process(const struct state *state, struct err *e)
{
	char boot_id[BOOT_ID_SIZE];
	AUTO_CLOSE int fd = -EBADF;
	int r;

	if (state->pid == 0 || !state->boot_id)
		return err_set(e, ESRCH, "find the process of container '%s'", state->id);
	r = read_boot_id(boot_id, e);
	if (r < 0)
		return r;
	if (strcmp(boot_id, state->boot_id) != 0)
		return err_set(e, ESRCH, "find the process of container '%s'", state->id);
	fd = process_open((pid_t)state->pid, state->start_ticks, e);
	if (fd >= 0 && has_ended(fd))
		return err_set(e, ESRCH, "find the process of container '%s'", state->id);
	return fd < 0 ? fd : TAKE_FD(fd);
}

int state_open_cgroup(const struct state *state, struct cgroup *ret, struct err *e)
{
	struct cgroup_layout layout;
	int r;

	if (!state->cgroup_layout)
		return err_set(e, ENOENT, "find the cgroup of container '%s'", state->id);
	r = cgroup_layout_parse(state->cgroup_layout, &layout, e);
	if (r < 0)
		return r;
	r = cgroup_open(&layout, state->cgroup_name, ret, e);
	cgroup_layout_done(&layout);
	return r;
}

static int is_frozen(const struct state *state, bool *ret, struct err *e)
{
	struct cgroup cg = CGROUP_INIT;
	char text[16];
	int r = state_open_cgroup(state, &cg, e);

	if (r == 0)
		r = cgroup_read(&cg, "cgroup.freeze", text, sizeof(text), e);
	if (r == 0)
		*ret = text[0] == '1';
	cgroup_close(&cg);
	return r;
}

int state_get_status(const struct state_dir *dir, enum state_status *ret, struct err *e)
{
	AUTO_CLOSE int pidfd = -EBADF;
	bool frozen = false;
	int r;

	if (dir->state.pid == 0) {
		*ret = STATE_CREATING;
		return 0;
	}
	pidfd = state_open_process(&dir->state, e);
	if (pidfd == -ESRCH) {
		err_clear(e);
		*ret = STATE_STOPPED;
		return 0;
	}
	if (pidfd < 0)
		return pidfd;
	r = is_frozen(&dir->state, &frozen, e);
	/* Somebody may delete it meanwhile, from whom no lock protects us. */
	if (r < 0 && has_ended(pidfd)) {
		err_clear(e);
		*ret = STATE_STOPPED;
		return 0;
	}
	if (r < 0)
		return r;
	if (frozen)
		*ret = STATE_PAUSED;
	else
		*ret = faccessat(dir->fd, STATE_SOCKET, F_OK, 0) == 0 ? STATE_CREATED
			: STATE_RUNNING;
	return 0;
}

int state_remove(const char *root, const char *id, int dir_fd, struct err *e)
{
	static const char *const files[] = { STATE_FILE, STATE_TMP, STATE_CONFIG };
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", root, id);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (unlinkat(dir_fd, files[i], 0) < 0 && errno != ENOENT)
			return err_set(e, errno, "remove '%s' of container '%s'", files[i], id);
	}
	/* Only one that was never started has that, too. */
	if (rmdir(path) < 0 && (unlinkat(dir_fd, STATE_SOCKET, 0) < 0 || rmdir(path) < 0))
		return err_set(e, errno, "remove '%s'", path);
	return 0;
}

json_t *state_to_oci(const struct state *state, enum state_status status)
{
	bool has_process = status != STATE_STOPPED && status != STATE_CREATING;

	/* In the order in which others print it: some of those who read it take it for text. */
	return json_pack("{ss ss sI ss ss* ss* ss* ss* sO*}",
		"ociVersion", OCI_VERSION, "id", state->id,
		"pid", has_process ? (json_int_t)state->pid : (json_int_t)0,
		"status", state_status_names[status],
		"bundle", state->bundle, "rootfs", state->rootfs, "created", state->created,
		"owner", state->owner, "annotations", state->annotations);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int state_list(const char *root, char ***ret, struct err *e)
{
	size_t n = 0, capacity = 64;
	char **names = calloc(capacity, sizeof(*names));
	DIR *dir = opendir(root);
	struct err ignored = { 0 };
	struct dirent *entry;

	while (dir && names && (entry = readdir(dir))) {
		char **more = n + 2 < capacity ? names
			: realloc(names, (capacity *= 2) * sizeof(*names));

		if (!more)
			break;
		names = more;
		err_clear(&ignored);
		if (state_check_id(entry->d_name, &ignored) == 0)
			names[n++] = strdup(entry->d_name);
	}
	if (dir)
		(void)closedir(dir);
	if (!names)
		return err_set(e, ENOMEM, "list containers");
	names[n] = NULL;
	qsort(names, n, sizeof(*names), compare_names);
	*ret = names;
	return 0;
}
