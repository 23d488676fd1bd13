/* Owner, mode, extended attributes and times, from an archive's entry to a file. */
#ifndef CONTAINERIZER_UNPACK_ATTRIBUTES_H
#define CONTAINERIZER_UNPACK_ATTRIBUTES_H

#include <stdbool.h>
#include <time.h>

struct archive_entry;
struct err;

/* To the open file or directory FD; PATH names it in messages. */
int attributes_set(int fd, struct archive_entry *entry, const char *path, struct err *e);

/* To the link or fifo NAME below DIR_FD. */
int attributes_set_at(int dir_fd, const char *name, struct archive_entry *entry, const char *path,
		      struct err *e);

/*
 * May an extended attribute be brought along?  The kernel itself reads the others (labels,
 * integrity), and overlayfs believes its own.
 */
bool attributes_is_welcome(const char *name);

struct timespec attributes_mtime(struct archive_entry *entry);

#endif
