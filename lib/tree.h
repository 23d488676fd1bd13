/* Walking a directory tree that a task has written: in bounded steps, by descriptors only. */
#ifndef LIB_TREE_H
#define LIB_TREE_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct tree_walk;

enum tree_purpose { TREE_MEASURE, TREE_REMOVE };

/*
 * Begin at the directory PATH below DIR_FD (both borrowed).  Links are not followed and other
 * filesystems not entered.  Depth has no bound; where a task moves a directory away from under a walk
 * that measures, what was left of it is not seen.
 */
int tree_walk_new(int dir_fd, const char *path, enum tree_purpose purpose, struct tree_walk **ret,
		  struct err *e);

/* At most MAX entries more.  1: done, what could be removed is gone; 0: not yet. */
int tree_walk_step(struct tree_walk *walk, unsigned max);

/* It goes on much later: of all descriptors of a walk that measures, two are kept. */
void tree_walk_rest(struct tree_walk *walk);

/* Disk space of what was seen. */
uint64_t tree_walk_bytes(const struct tree_walk *walk);
void tree_walk_free(struct tree_walk *walk);

/*
 * Remove the tree PATH, directory and all, however long it takes; what is not there is no error, and
 * what is no directory is removed all the same.
 */
int tree_remove(int dir_fd, const char *path, struct err *e);

#endif
