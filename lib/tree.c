#include "lib/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_DEPTH = 64, BLOCK_BYTES = 512 };

struct level {
	DIR *dir;
	char *name;		/* in the level above */
};

struct tree_walk {
	enum tree_purpose purpose;
	struct level levels[MAX_DEPTH];
	unsigned depth;		/* levels in use */
	unsigned n_moved;	/* deep directories moved up to be removed */
	uint64_t bytes;
};

static int open_dir(int parent_fd, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_XDEV,
	};

	return (int)syscall(SYS_openat2, parent_fd, name, &how, sizeof(how));
}

static int push(struct tree_walk *walk, int fd_take, const char *name)
{
	struct level *level = &walk->levels[walk->depth];

	level->name = strdup(name);
	level->dir = level->name ? fdopendir(fd_take) : NULL;
	if (!level->dir) {
		free(level->name);
		fd_close(&fd_take);
		return -ENOMEM;
	}
	walk->depth++;
	return 0;
}

static void pop(struct tree_walk *walk)
{
	struct level *level = &walk->levels[--walk->depth];

	closedir(level->dir);
	if (walk->purpose == TREE_REMOVE && walk->depth > 0)
		(void)unlinkat(dirfd(walk->levels[walk->depth - 1].dir), level->name, AT_REMOVEDIR);
	free(level->name);
	*level = (struct level){ 0 };
}

int tree_walk_new(int dir_fd, const char *path, enum tree_purpose purpose, struct tree_walk **ret,
		  struct err *e)
{
	struct tree_walk *walk = calloc(1, sizeof(*walk));
	int fd;

	if (!walk)
		return err_set(e, ENOMEM, "walk '%s'", path);
	walk->purpose = purpose;
	fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		free(walk);
		return err_set(e, errno, "open '%s'", path);
	}
	if (push(walk, fd, path) < 0) {
		free(walk);
		return err_set(e, ENOMEM, "walk '%s'", path);
	}
	*ret = walk;
	return 0;
}

/* Too deep to hold a descriptor for each level: it becomes a child of the top and is met there. */
static void move_up(struct tree_walk *walk, int fd, const char *name)
{
	char moved[32];

	(void)snprintf(moved, sizeof(moved), ".deep-%u", walk->n_moved++);
	if (renameat(fd, name, dirfd(walk->levels[0].dir), moved) == 0)
		rewinddir(walk->levels[0].dir);
}

static void visit(struct tree_walk *walk, const char *name)
{
	int fd = dirfd(walk->levels[walk->depth - 1].dir), child;
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	walk->bytes += (uint64_t)st.st_blocks * BLOCK_BYTES;
	if (!S_ISDIR(st.st_mode)) {
		if (walk->purpose == TREE_REMOVE)
			(void)unlinkat(fd, name, 0);
		return;
	}
	if (walk->depth == MAX_DEPTH) {
		if (walk->purpose == TREE_REMOVE)
			move_up(walk, fd, name);
		return;
	}
	child = open_dir(fd, name);
	if (child >= 0)
		(void)push(walk, child, name);
}

int tree_walk_step(struct tree_walk *walk, unsigned max)
{
	while (walk->depth && max--) {
		const struct dirent *entry = readdir(walk->levels[walk->depth - 1].dir);

		if (!entry)
			pop(walk);
		else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			visit(walk, entry->d_name);
	}
	return !walk->depth;
}

uint64_t tree_walk_bytes(const struct tree_walk *walk)
{
	return walk->bytes;
}

void tree_walk_free(struct tree_walk *walk)
{
	if (!walk)
		return;
	while (walk->depth) {
		struct level *level = &walk->levels[--walk->depth];

		closedir(level->dir);
		free(level->name);
	}
	free(walk);
}
