/* Images of containers: found in the store, run in a user namespace of their own, released. */
#ifndef AGENT_IMAGES_H
#define AGENT_IMAGES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "containerizer/image/image.h"
#include "proto/mesos.pb-c.h"

struct agent;
struct err;
struct container;

enum { IMAGES_IDS = 65536 };	/* that a container has for itself */

/* What a task with an image is admitted with. */
struct task_image {
	struct image image;
	struct image_user user;
	uint32_t first_id;	/* of the host's; what is 0 inside */
};

/* Open the store of --image_store, if there is one; "FIRST-LAST" of --user_ids. */
int images_open(struct agent *agent, struct err *e);
void images_close(struct agent *agent);
int images_check_ids(const char *text, uint32_t *ret_first, uint32_t *ret_count, struct err *e);

/* The image that INFO asks for, or NULL. */
const Mesos__V1__Image *images_asked(const Mesos__V1__TaskInfo *info);

/*
 * Find the image of container C and ids that no other has, which are its own from then on.  *ret is owned.
 * -ENOENT: the store does not have it; -ENOTSUP: the agent has no store; -EAGAIN: all ids are in
 * use.
 */
int images_admit(struct container *c, struct task_image **ret, struct err *e);
void task_image_free(struct task_image *image);

/* The images of C's volumes that are images, in their order: *ret[*ret_n], owned. */
int images_admit_volumes(const struct container *c, struct image **ret, size_t *ret_n,
			 struct err *e);
void images_free_volumes(struct image *images, size_t n);

/* Below the container's HANDOVER_ROOT: where the writable layer of image volume I is. */
#define IMAGES_VOLUME "volume-%zu"

/*
 * What the image says of the process goes into DOC, below what the task says: arguments, with its
 * entrypoint where the task names no program; environment, user, working directory.
 */
int images_fill(const struct task_image *image, const Mesos__V1__CommandInfo *command, json_t *doc,
		struct err *e);

/*
 * The writable layers of C's root and volumes in the runtime directory, and the images pinned.
 * The document of its launch says so then.
 */
int images_prepare(const struct container *c, struct err *e);

/* Has the container anything of an image? */
bool images_are_used(const struct container *c);

/* Container ID has ended, or never was: its layers go, the images may go. */
void images_release(const struct agent *agent, const char *container_id);

#endif
