#include "containerizer/image/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "containerizer/image/store.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_in.h"
#include "lib/json_in.h"
#include "lib/open_resolved.h"

int source_open_file(const struct source *source, const char *path, struct err *e)
{
	AUTO_CLOSE int fd = open_resolved(source->dir_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY,
					  RESOLVE_IN_ROOT);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open '%.200s' of the image", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "open '%.200s' of the image: not a regular file", path);
	return TAKE_FD(fd);
}

int source_read(const struct source *source, const char *path, const char *digest, char **ret,
		size_t *ret_size, struct err *e)
{
	AUTO_CLOSE int fd = source_open_file(source, path, e);
	AUTO_FREE char *text = NULL;
	char got[DIGEST_SIZE];
	size_t size;
	int r;

	if (fd < 0)
		return fd;
	r = file_in_read_fd(fd, path, STORE_MAX_DOCUMENT, &text, &size, e);
	if (r == 0 && digest)
		r = hash_of(digest_algorithm(digest)->name, text, size, got, e);
	if (r == 0 && digest && strcmp(digest, got) != 0)
		r = err_set(e, EINVAL, "verify '%s': what is there has the digest '%s'", digest,
			    got);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(text);
	*ret_size = size;
	return 0;
}

int source_read_json(const struct source *source, const char *path, json_t **ret, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t size;
	int r = source_read(source, path, NULL, &text, &size, e);

	if (r < 0)
		return r;
	r = json_in_parse(text, size, ret, e);
	return r < 0 ? err_wrap(e, "%s", path) : 0;
}

void source_done(struct source *source)
{
	for (size_t i = 0; i < source->n_layers; i++) {
		free(source->layers[i].path);
		free(source->layers[i].digest);
		free(source->layers[i].diff_id);
	}
	free(source->layers);
	free(source->manifest);
	free(source->config);
	fd_close(&source->dir_fd);
	*source = (struct source){ .dir_fd = -EBADF };
}
