/* The directories of one container below the work directory: runtime files and the sandbox. */
#ifndef AGENT_RUNTIME_DIR_H
#define AGENT_RUNTIME_DIR_H

#include <jansson.h>
#include <sys/types.h>

#include "proto/tepui.pb-c.h"

struct err;
struct trash;

/* Make PATH, relative to DIR_FD, with its parents; an O_PATH descriptor of the last, owned. */
int dir_make(int dir_fd, const char *path, mode_t mode, struct err *e);

/* "containers/ID" with its launch document in it. */
int runtime_dir_make(int work_fd, const char *container_id, const json_t *config, struct err *e);
/* TEXT as file NAME of it, which everybody may read: it is seen in the container. */
int runtime_dir_write(int work_fd, const char *container_id, const char *name, const char *text,
		      struct err *e);
/* The document of a container that runs: an owned value; replaced durably. */
int runtime_dir_read_config(int work_fd, const char *container_id, json_t **ret, struct err *e);
int runtime_dir_write_config(int work_fd, const char *container_id, const json_t *config,
			     struct err *e);
/*
 * HANDOVER_ROOT in it or, with NAME, that directory there: a descriptor of it, owned.  All of it is
 * thrown away with what a container wrote there.
 */
int runtime_dir_make_root(int work_fd, const char *container_id, const char *name,
			  struct err *e);
int runtime_dir_throw_root(int work_fd, const char *container_id, struct trash *trash,
			   struct err *e);
void runtime_dir_remove(int work_fd, const char *container_id);
/* An owned O_PATH descriptor; negative if there is none. */
int runtime_dir_open(int work_fd, const char *container_id);

/* What the supervisor wrote before it left: owned, NULL if there is nothing usable. */
Tepui__ExitRecord *runtime_dir_read_exit(int work_fd, const char *container_id);

/* Remove every runtime directory for whose name IS_KNOWN says no. */
void runtime_dirs_sweep(int work_fd, int (*is_known)(void *arg, const char *container_id),
			void *arg);

#endif
