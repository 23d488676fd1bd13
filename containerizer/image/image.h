/* Images on this node: layers unpacked once, and what a container is made from. */
#ifndef CONTAINERIZER_IMAGE_IMAGE_H
#define CONTAINERIZER_IMAGE_IMAGE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct image_store;

/*
 * The store in the directory PATH (absolute, 0700, made if missing); what a crashed writer left is
 * removed.  Several processes may have it open: what they do is serialized by locks, which are
 * held for single calls.  *RET is owned.
 */
int image_store_open(const char *path, struct image_store **ret, struct err *e);
void image_store_close(struct image_store *store);

/* An image's own wishes, from its configuration. */
struct image_config {
	char *os, *architecture, *variant;
	char *user;			/* "", "app", "1000:app": see image_user() */
	char **env;			/* of NULL-terminated lists each may be NULL */
	char **entrypoint, **cmd;
	char *working_dir;
	char *stop_signal;		/* "SIGTERM" or "15", as the image has it */
	json_t *volumes, *exposed_ports;	/* objects whose keys count, or NULL */
	json_t *labels;
};

struct image {
	char *name;			/* "web:1", under which it was found or added first */
	char *manifest;			/* digest: "sha256:..." */
	char *config_digest;
	char **layers;			/* host directories, the lowest first */
	size_t n_layers;
	uint64_t bytes;			/* of its layers on disk */
	int64_t added_ms;
	struct image_config config;
};

/*
 * REF is NAME[:TAG], NAME@DIGEST or @DIGEST of an image in STORE; -ENOENT.  What lies elsewhere is
 * added first (image_add() in add.h, or the program tepui-image).  *RET ends with image_done().
 */
int image_resolve(struct image_store *store, const char *ref, struct image *ret, struct err *e);
void image_done(struct image *image);

/*
 * Who the process is: TEXT is USER[:GROUP], each a name of the image's own /etc/passwd and
 * /etc/group or a decimal number; "" is root.  A number is never looked up as a name.
 */
struct image_user {
	uint32_t uid, gid;
	uint32_t *groups;		/* owned */
	size_t n_groups;
	char *home;			/* owned; NULL: not in the image's passwd */
};

int image_user_find(const struct image *image, const char *text, struct image_user *ret,
		    struct err *e);
void image_user_done(struct image_user *user);

/* What is said about a container over its image; NULL: as the image has it. */
struct image_overrides {
	char *const *entrypoint;	/* also drops the image's cmd */
	char *const *args;		/* in the place of cmd */
	char *const *env;		/* each replaces the image's of that name */
	const char *user;
	const char *working_dir;
};

/*
 * Write the image's part of the OCI runtime document DOC: process.args, env, cwd, user.  What
 * else is in DOC stays.  -EINVAL: neither has a program to run.
 */
int image_to_spec(const struct image *image, const struct image_overrides *overrides, json_t *doc,
		  struct err *e);

/*
 * The directories of CONTAINER_ID's root file system: its writable layer in the directory DIR
 * (absolute, there, of this container alone), which is not to be on an overlay itself.  From here
 * on the image is in use until image_release(), through crashes and restarts.  Writes the root into
 * the runtime document DOC.
 */
int image_rootfs_prepare(struct image_store *store, const struct image *image,
			 const char *container_id, const char *dir, json_t *doc, struct err *e);

/*
 * The same for its volume I, counted from 0 without gaps: DIR is what a mount of type "layers" has
 * as its source, and what is written there belongs to UID and GID of the host.
 */
int image_volume_prepare(struct image_store *store, const struct image *image,
			 const char *container_id, size_t i, const char *dir, uint32_t uid,
			 uint32_t gid, struct err *e);

/* The line of such a mount in HANDOVER_ANNOTATION_MOUNT_LAYERS: owned, NULL when memory is out. */
char *image_layers_line(const struct image *image);

/*
 * CONTAINER_ID has ended, and so has its use of images; what it wrote is removed with its directory.
 * Idempotent.
 */
int image_release(struct image_store *store, const char *container_id, struct err *e);

#endif
