/* What tepui-oci knows of a container between two commands: a directory for each, below --root. */
#ifndef CONTAINERIZER_OCI_STATE_H
#define CONTAINERIZER_OCI_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cgroup;
struct err;

#define OCI_VERSION "1.2.0"
#define STATE_SOCKET "start.sock"	/* while the container waits to be started */
#define STATE_CONFIG "config.json"	/* the bundle's, as it was at create */

struct state {
	char *id;
	char *bundle;			/* absolute */
	char *rootfs;
	char *owner;			/* user id of who made it */
	char *created;			/* a time, as text */
	char *boot_id;
	uint64_t pid, start_ticks;	/* 0: not yet cloned */
	char *cgroup_layout, *cgroup_name;
	uint64_t cgroup_made;		/* directories above it that were made for it */
	json_t *annotations;		/* object or NULL */
	bool has_hooks;			/* after create: then the config is worth reading */
};

enum state_status {
	STATE_CREATING,
	STATE_CREATED,
	STATE_RUNNING,
	STATE_PAUSED,
	STATE_STOPPED,
};
extern const char *const state_status_names[];

/* One container's directory, opened. */
struct state_dir {
	int fd;
	struct state state;
};
#define STATE_DIR_INIT { .fd = -EBADF }

/* 1..128 of letters, digits and "_.+-", neither "." nor "..". */
int state_check_id(const char *id, struct err *e);

/*
 * Make the directory of ID below ROOT, which is made if need be, and lock it; owned.  The verdict
 * of an id that is taken is -EEXIST.
 */
int state_create(const char *root, const char *id, struct err *e);

/* Open and read; with IS_LOCKED, after all others that change it.  -ENOENT if there is none. */
int state_open(const char *root, const char *id, bool is_locked, struct state_dir *ret,
	       struct err *e);
void state_close(struct state_dir *dir);

/* Let others change it meanwhile; and after all of them.  -ENOENT if it has been removed. */
void state_unlock(int dir_fd);
int state_lock(int dir_fd, const char *id, struct err *e);

/* Replace the record in one step. */
int state_write(int dir_fd, const struct state *state, struct err *e);
int state_keep_config(int dir_fd, const json_t *config, bool is_new, struct err *e);	/* STATE_CONFIG */
void state_done(struct state *state);

/* Fill in start_ticks and boot_id of PID, which has not been reaped. */
int state_set_pid(struct state *state, pid_t pid, struct err *e);

/* An owned pidfd of the main process, or -ESRCH: it has ended, whoever has its pid now. */
int state_open_process(const struct state *state, struct err *e);

int state_open_cgroup(const struct state *state, struct cgroup *ret, struct err *e);
int state_get_status(const struct state_dir *dir, enum state_status *ret, struct err *e);

/* Remove all of it. */
int state_remove(const char *root, const char *id, int dir_fd, struct err *e);

/* The object that "state" prints and hooks read; owned, NULL without memory. */
json_t *state_to_oci(const struct state *state, enum state_status status);

/* Ids below ROOT, sorted, NULL-terminated, owned. */
int state_list(const char *root, char ***ret, struct err *e);

#endif
