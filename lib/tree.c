#include "lib/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/open_resolved.h"

DEFINE_AUTO(struct tree_walk *, tree_walk_free);

enum { MAX_OPEN = 64, FIRST_LEVELS = 16, BLOCK_BYTES = 512 };

struct level {
	DIR *dir;		/* NULL while it is parked */
	char *name;		/* in the level above; owned */
	dev_t dev;		/* of one that is parked: which it is, and where to go on in it */
	ino_t ino;
	long at;
};

struct tree_walk {
	enum tree_purpose purpose;
	struct level *levels;
	size_t depth, n_levels;	/* in use; allocated */
	unsigned n_moved;	/* deep directories moved up to be removed */
	uint64_t bytes;
};

static int open_dir(int parent_fd, const char *name)
{
	return open_resolved(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
			     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

/*
 * Deeper than descriptors are held: where the walk goes down from is closed, and found again by the
 * ".." of where it comes up.
 */
static void park(struct level *level)
{
	struct stat st = { 0 };

	(void)fstat(dirfd(level->dir), &st);
	level->dev = st.st_dev;
	level->ino = st.st_ino;
	level->at = telldir(level->dir);
	closedir(level->dir);
	level->dir = NULL;
}

/* Is it there still?  The task may have moved what lies below. */
static bool resume(struct level *level, int below_fd)
{
	AUTO_CLOSE int fd = openat(below_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev != level->dev || st.st_ino != level->ino)
		return false;
	level->dir = fdopendir(fd);
	if (!level->dir)
		return false;
	(void)TAKE_FD(fd);
	seekdir(level->dir, level->at);
	return true;
}

static int grow(struct tree_walk *walk)
{
	size_t n = walk->n_levels ? 2 * walk->n_levels : FIRST_LEVELS;
	struct level *levels;

	if (walk->depth < walk->n_levels)
		return 0;
	levels = reallocarray(walk->levels, n, sizeof(*levels));
	if (!levels)
		return -ENOMEM;
	walk->levels = levels;
	walk->n_levels = n;
	return 0;
}

static int push(struct tree_walk *walk, int fd_take, const char *name)
{
	struct level level = { 0 };

	level.name = grow(walk) == 0 ? strdup(name) : NULL;
	level.dir = level.name ? fdopendir(fd_take) : NULL;
	if (!level.dir) {
		free(level.name);
		fd_close(&fd_take);
		return -ENOMEM;
	}
	if (walk->depth > MAX_OPEN)
		park(&walk->levels[walk->depth - 1]);
	walk->levels[walk->depth++] = level;
	return 0;
}

static void drop(struct tree_walk *walk)
{
	struct level *level = &walk->levels[--walk->depth];

	if (level->dir)
		closedir(level->dir);
	free(level->name);
}

static void pop(struct tree_walk *walk)
{
	struct level *level = &walk->levels[walk->depth - 1];
	struct level *above = walk->depth > 1 ? level - 1 : NULL;
	bool is_lost = above && !above->dir && !resume(above, dirfd(level->dir));

	if (walk->purpose == TREE_REMOVE && above)
		(void)unlinkat(dirfd(above->dir), level->name, AT_REMOVEDIR);
	drop(walk);
	while (is_lost && walk->depth && !walk->levels[walk->depth - 1].dir)
		drop(walk);
}

int tree_walk_new(int dir_fd, const char *path, enum tree_purpose purpose, struct tree_walk **ret,
		  struct err *e)
{
	AUTO(tree_walk_freep) struct tree_walk *walk = calloc(1, sizeof(*walk));
	int fd;

	if (!walk)
		return err_set(e, ENOMEM, "walk '%s'", path);
	walk->purpose = purpose;
	fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open '%s'", path);
	if (push(walk, fd, path) < 0)
		return err_set(e, ENOMEM, "walk '%s'", path);
	*ret = TAKE_PTR(walk);
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
	if (walk->purpose == TREE_REMOVE && walk->depth == MAX_OPEN) {
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

/* From the top it goes on where the task has moved what it is in. */
void tree_walk_rest(struct tree_walk *walk)
{
	for (size_t i = 1; i + 1 < walk->depth; i++) {
		if (walk->levels[i].dir)
			park(&walk->levels[i]);
	}
}

uint64_t tree_walk_bytes(const struct tree_walk *walk)
{
	return walk->bytes;
}

void tree_walk_free(struct tree_walk *walk)
{
	if (!walk)
		return;
	while (walk->depth)
		drop(walk);
	free(walk->levels);
	free(walk);
}

int tree_remove(int dir_fd, const char *path, struct err *e)
{
	AUTO(tree_walk_freep) struct tree_walk *walk = NULL;
	struct err lost = { 0 };
	int r = tree_walk_new(dir_fd, path, TREE_REMOVE, &walk, &lost);

	if (r == -ENOENT || ((r == -ENOTDIR || r == -ELOOP) && unlinkat(dir_fd, path, 0) == 0))
		return 0;
	if (r < 0)
		return err_set(e, -r, "remove '%s'", path);
	while (!tree_walk_step(walk, UINT_MAX))
		;
	if (unlinkat(dir_fd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_set(e, errno, "remove '%s'", path);
	return 0;
}
