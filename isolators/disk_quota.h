/*
 * Project quotas of ext4 and xfs: a directory tree belongs to a project, and the file system itself
 * counts what a project uses and refuses more than its limit.
 */
#ifndef ISOLATORS_DISK_QUOTA_H
#define ISOLATORS_DISK_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

struct err;

/* FS_FD (borrowed, here and below) is any descriptor on the file system.  -ENOTSUP: neither. */
int disk_quota_check(int fs_fd, bool *ret_is_limiting, struct err *e);

/*
 * Give the directory DIR_FD, which is empty and not O_PATH, to PROJECT, and with it whatever will be
 * made below.  A file's owner could give it to another project (in the first user namespace): the
 * seccomp profile must refuse that.
 */
int disk_quota_assign(int dir_fd, uint32_t project, struct err *e);

/* The project that DIR_FD belongs to; 0 is that of everything else. */
int disk_quota_project(int dir_fd, uint32_t *ret, struct err *e);

struct disk_quota {
	uint64_t bytes, inodes;
	uint64_t limit_bytes;	/* UINT64_MAX: none */
};
int disk_quota_read(int fs_fd, uint32_t project, struct disk_quota *ret, struct err *e);

/* Counted in blocks of 1024 bytes, rounded up; UINT64_MAX takes the limit away. */
int disk_quota_limit(int fs_fd, uint32_t project, uint64_t bytes, struct err *e);

#endif
