/* Building the container's tree of mounts; runs in its init, before pivot_root(2). */
#ifndef ISOLATORS_ROOTFS_H
#define ISOLATORS_ROOTFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct box;
struct err;
struct spec;
struct spec_mount;

/* ---- rootfs.c: paths below a root that is not trusted (rules R1 to R3) ---- */

/*
 * Open PATH in the root ROOT_FD with O_PATH and FLAGS: symbolic links stay inside, magic links are
 * refused.  Owned; -errno without a message, so that callers may go on.
 */
int rootfs_open(int root_fd, const char *path, int flags);

/* The same for a directory that must not be reached by any link: /proc, /sys, /dev.  Owned. */
int rootfs_open_plain(int root_fd, const char *path, struct err *e);

/* Open the directory PATH and make what is missing of it; or, for a file, an empty one.  Owned. */
int rootfs_make(int root_fd, const char *path, bool is_file, struct err *e);

/* mount(2) of TYPE on the directory TARGET_FD. */
int rootfs_mount_on(int target_fd, const char *type, unsigned long flags, const char *data,
		    struct err *e);

/* Absolute, not "/" alone, without "..", "." and empty names but for a slash at its end. */
bool rootfs_path_is_plain(const char *path);

/* ---- mounts.c: what a spec asks for ---- */

int mounts_validate(const struct spec *spec, struct err *e);

/* The spec's mount on DESTINATION, or NULL. */
const struct spec_mount *mounts_find(const struct spec *spec, const char *destination);

/*
 * Open the source of the spec's mount I, a path of the host that is bound or layers, as a tree of its
 * own.  Owned; -ENOENT without a message where the mount has no source on the host.
 */
int mounts_open(const struct spec *spec, size_t i, struct err *e);

/* Are the ids of that bind mapped?  With *RET_RECURSIVE 0 or AT_RECURSIVE. */
bool mounts_is_idmapped(const struct spec *spec, size_t i, unsigned *ret_recursive);

/*
 * How to mount what is always there, as the spec has it or with DATA (or NULL): flags are never
 * less than the floor.
 */
struct mount_options;
int mounts_fixed(const struct spec *spec, const char *destination, const char *data,
		 struct mount_options *ret, struct err *e);

/*
 * Are the kernel's files to be at DESTINATION ("/proc" and "/dev" are always)?  In the host's root,
 * or when the document lists none of their places, all are; else those that it lists.
 */
bool mounts_wants(const struct spec *spec, const char *destination);


/* Is the spec's mount on /dev/shm one for mounts_enter()?  A tmpfs is for mounts_fixed(). */
bool mounts_has_other_shm(const struct spec *spec);

/* All of them but those of the kernel's files. */
struct api_mounts;
int mounts_enter(const struct box *box, int root_fd, const struct api_mounts *api, struct err *e);

/* ---- sysctls.c ---- */

/* Through PROC_FD, before anything of it is masked. */
int sysctls_enter(const struct spec *spec, int proc_fd, struct err *e);

/* ---- copy_up.c ---- */

/* Copy what is in the directory FROM_FD to the empty one TO_FD. */
int copy_up(int from_fd, int to_fd, struct err *e);

/* ---- api_mounts.c: /proc, /sys and /dev ---- */

/* The open roots of fresh file systems: owned. */
struct api_mounts {
	int proc_fd, dev_fd;
	int sys_fd;		/* -EBADF: there is none */
};

int api_mounts_enter(const struct box *box, int root_fd, struct api_mounts *ret, struct err *e);

/* Once everything is in its place: what of it the spec wants read-only. */
int api_mounts_seal(const struct spec *spec, const struct api_mounts *api, struct err *e);

/* ---- masks.c: what must not be seen or written ---- */

/* In the tree that is left behind, where nothing is needed of /sys any more. */
#define MASKS_DIRECTORY "/sys/dir"

/* Make the empty directory and the empty file that are bound over what is hidden. */
int masks_prepare(struct err *e);

/* The spec's hidden paths, and at the end what it masks; what does not exist is skipped. */
int masks_hide(const struct spec *spec, int root_fd, struct err *e);
int masks_enter(const struct spec *spec, int root_fd, const struct api_mounts *api, struct err *e);

/* ---- overlay.c: a root of layers, and mounts of them ---- */

int overlay_validate(const struct spec *spec, struct err *e);

/*
 * The spec's layers under its own writable one, as a mount that is nowhere yet: owned.  Without a
 * user namespace for init, which is in a mount namespace of its own: for a moment places are used
 * in it.
 */
int overlay_open(const struct spec *spec, struct err *e);

/*
 * For the supervisor, which has the rights for it and stays in the host's mounts: the same with the
 * layers' ids mapped as those of the user namespace, so that their root is the container's.  What
 * the container writes belongs to its own ids on the disk, too.
 */
int overlay_open_mapped(const struct spec *spec, struct err *e);

/* For the supervisor, too: mount M of the spec, mapped if there is a user namespace. */
int overlay_open_mount(const struct spec *spec, const struct spec_mount *m, struct err *e);

/* ---- host_mounts.c ---- */

/* Bring along the mounts of the host in which programs and libraries live. */
int host_mounts_enter(int root_fd, struct err *e);

/* And the file that says where names are resolved, where it is in /run; after that is private. */
int host_mounts_resolver(int root_fd, struct err *e);

#endif
