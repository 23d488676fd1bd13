/* The record of how a container ended, which survives agent and supervisor. */
#ifndef EXECUTOR_EXIT_RECORD_H
#define EXECUTOR_EXIT_RECORD_H

#include "proto/tepui.pb-c.h"

struct err;

/*
 * Set disk space aside in the runtime directory DIR_FD, so that a full disk later does not keep
 * an end from being recorded.  Best effort where the file system knows no fallocate(2).
 */
int exit_record_reserve(int dir_fd, struct err *e);

/* Write RECORD durably: temporary file, fsync, rename, fsync of the directory.  Repeatable. */
int exit_record_write(int dir_fd, const Tepui__ExitRecord *record, struct err *e);

/*
 * Tell by the record in the runtime directory PATH why there is no task to supervise, unless an end
 * is recorded there already.  Best effort: it may be that directory that is the trouble.
 */
void exit_record_give_up(const char *path, const struct err *why);

#endif
