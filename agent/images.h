/* Images of tasks: found in the store, run in a user namespace of their own, released. */
#ifndef AGENT_IMAGES_H
#define AGENT_IMAGES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "containerizer/image/image.h"
#include "proto/mesos.pb-c.h"

struct agent;
struct err;
struct task;

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
 * Find the image of TASK and ids that no other task has, which go into its record.  *ret is owned.
 * -ENOENT: the store does not have it; -ENOTSUP: the agent has no store; -EAGAIN: all ids are in
 * use.
 */
int images_admit(struct task *task, struct task_image **ret, struct err *e);
void task_image_free(struct task_image *image);

/*
 * What the image says of the process goes into DOC, below what the task says: arguments, with its
 * entrypoint where the task names no program; environment, user, working directory.
 */
int images_fill(const struct task_image *image, const Mesos__V1__CommandInfo *command, json_t *doc,
		struct err *e);

/* The writable layer in the runtime directory, and the image pinned; DOC says so then. */
int images_prepare(const struct task *task, const struct task_image *image, json_t *doc,
		   struct err *e);

/* Container ID has ended, or never was: its layer goes, the image may go. */
void images_release(const struct agent *agent, const char *container_id);

#endif
