/*
 * What a container sees of the host's file systems: trees of mounts that nobody has mounted yet.
 * The supervisor opens them, with the host's rights and in the host's mounts; init, which has a
 * copy of the descriptors from clone3(2), puts them where they belong.
 */
#ifndef ISOLATORS_TREES_H
#define ISOLATORS_TREES_H

#include <stddef.h>

struct box;
struct err;
struct spec;

struct trees {
	int root_fd;
	int sys_fd;		/* the host's /sys, where a fresh one must not be mounted */
	int *mount_fds;		/* of the spec's mounts: -EBADF where one is a file system */
	size_t n_mounts;
	int *device_fds;	/* of trees_device(), where no device can be made; or NULL */
	size_t n_devices;
};

#define TREES_INIT { .root_fd = -EBADF, .sys_fd = -EBADF }

/* Supervisor, prepare: open all of them, restricted and not sharing mounts with the host. */
int trees_open(struct box *box, struct err *e);

/* In its place where the supervisor is not root: init opens them, and none can be idmapped. */
int trees_check_rootless(const struct spec *spec, struct err *e);

/* Init, where that has not opened the root: the same for it. */
int trees_open_root(struct box *box, struct err *e);

/* Supervisor, attach: map the ids of those that are to be mapped by the user namespace's. */
int trees_idmap(struct box *box, struct err *e);

/* Supervisor: init has its copies, or never will.  Idempotent. */
void trees_close(struct trees *trees);

/* Init: mount TREE_FD on TARGET_FD. */
int trees_mount(int tree_fd, int target_fd, const char *destination, struct err *e);

#endif
