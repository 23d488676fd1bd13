#include "containerizer/image/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "containerizer/image/digest.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_in.h"
#include "lib/file_out.h"
#include "lib/tree.h"

DEFINE_AUTO(struct image_store *, image_store_close);

static const char *const directories[] = {
	STORE_BLOBS, STORE_BLOBS "/sha256", STORE_BLOBS "/sha512",
	STORE_LAYERS, STORE_LAYERS "/sha256", STORE_LAYERS "/sha512",
	STORE_IMAGES, STORE_USES, STORE_TMP,
};

/* Every directory above PATH is somebody else's affair, and open to be passed through. */
static int make_path(const char *path, struct err *e)
{
	char prefix[PATH_MAX];

	if (path[0] != '/' || strlen(path) >= sizeof(prefix) || strchr(path, ':'))
		return err_set(e, EINVAL, "open image store '%.200s': not an absolute path without "
			       "':'", path);
	for (const char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		(void)snprintf(prefix, sizeof(prefix), "%.*s", (int)(p - path), path);
		if (mkdir(prefix, 0755) < 0 && errno != EEXIST)
			return err_set(e, errno, "create directory '%s'", prefix);
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "create image store '%s'", path);
	return 0;
}

/* Whoever may write to the store decides what containers run. */
static int open_private(const char *path, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open image store '%s'", path);
	if (st.st_uid != geteuid() || (st.st_mode & 077))
		return err_set(e, EPERM, "open image store '%s': it is to be this user's own, and "
			       "closed to all others", path);
	return TAKE_FD(fd);
}

static int make_directories(struct image_store *store, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++) {
		if (mkdirat(store->fd, directories[i], 0700) < 0 && errno != EEXIST)
			return err_set(e, errno, "create '%s' in image store '%s'", directories[i],
				       store->path);
	}
	return 0;
}

/* Nobody is adding, which the exclusive lock says: so what is in tmp was left by a crash. */
static void sweep(struct image_store *store)
{
	int fd = openat(store->fd, STORE_TMP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct err lost = { 0 };

	if (!dir) {
		fd_close(&fd);
		return;
	}
	while ((entry = readdir(dir))) {
		char path[STORE_NAME_SIZE + sizeof(STORE_TMP)];

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		(void)snprintf(path, sizeof(path), STORE_TMP "/%s", entry->d_name);
		if (unlinkat(store->fd, path, 0) < 0)
			(void)tree_remove(store->fd, path, &lost);
		err_clear(&lost);
	}
	closedir(dir);
}

int image_store_open(const char *path, struct image_store **ret, struct err *e)
{
	AUTO(image_store_closep) struct image_store *store = calloc(1, sizeof(*store));
	int r = make_path(path, e);

	if (r < 0) {
		freep(&store);
		return r;
	}
	if (!store)
		return err_set(e, ENOMEM, "open image store '%s'", path);
	store->lock_fd = -EBADF;
	store->path = strdup(path);
	store->fd = open_private(path, e);
	if (store->fd < 0)
		return store->fd;
	if (!store->path)
		return err_set(e, ENOMEM, "open image store '%s'", path);
	r = make_directories(store, e);
	if (r < 0)
		return r;
	store->lock_fd = openat(store->fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (store->lock_fd < 0)
		return err_set(e, errno, "open the lock of image store '%s'", path);
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0) {
		sweep(store);
		store_unlock(store);
	}
	*ret = TAKE_PTR(store);
	return 0;
}

void image_store_close(struct image_store *store)
{
	if (!store)
		return;
	fd_close(&store->lock_fd);
	fd_close(&store->fd);
	free(store->path);
	free(store);
}

int store_lock(struct image_store *store, bool is_exclusive, struct err *e)
{
	int r;

	do {
		r = flock(store->lock_fd, is_exclusive ? LOCK_EX : LOCK_SH);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? err_set(e, errno, "lock image store '%s'", store->path) : 0;
}

void store_unlock(struct image_store *store)
{
	(void)flock(store->lock_fd, LOCK_UN);
}

int store_read_blob(struct image_store *store, const char *digest, json_t **ret, struct err *e)
{
	char path[DIGEST_PATH_SIZE];

	if (!digest_is_valid(digest))
		return err_set(e, EINVAL, "read '%.200s': not a digest", digest);
	return file_in_read_json(store->fd, digest_path(STORE_BLOBS, digest, path),
				 STORE_MAX_DOCUMENT, ret, e);
}

static int write_in(struct image_store *store, const char *dir, const char *file,
		    const void *data, size_t size, struct err *e)
{
	AUTO_CLOSE int fd = openat(store->fd, dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno, "open '%s' in image store '%s'", dir, store->path);
	return file_out_replace(fd, file, data, size, e);
}

int store_write_blob(struct image_store *store, const char *digest, const void *data, size_t size,
		     struct err *e)
{
	char path[DIGEST_PATH_SIZE], *file;

	digest_path(STORE_BLOBS, digest, path);
	file = strrchr(path, '/');
	*file++ = '\0';
	return write_in(store, path, file, data, size, e);
}

int store_write_record(struct image_store *store, const char *dir, const char *file,
		       const json_t *json, struct err *e)
{
	AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);

	if (!text)
		return err_set(e, ENOMEM, "write '%s'", file);
	return write_in(store, dir, file, text, strlen(text), e);
}

int store_make_tmp(struct image_store *store, char ret_name[STORE_NAME_SIZE], struct err *e)
{
	AUTO_FREE char *path = NULL;
	int fd;

	if (asprintf(&path, "%s/" STORE_TMP "/XXXXXX", store->path) < 0)
		return err_set(e, ENOMEM, "create a temporary directory");
	if (!mkdtemp(path))
		return err_set(e, errno, "create a temporary directory in image store '%s'",
			       store->path);
	(void)snprintf(ret_name, STORE_NAME_SIZE, "%s", path + strlen(store->path) + 1);
	fd = openat(store->fd, ret_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open '%s'", ret_name) : fd;
}
