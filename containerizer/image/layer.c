#include "containerizer/image/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "containerizer/image/marks.h"
#include "containerizer/image/pipeline.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_in.h"
#include "lib/file_out.h"
#include "lib/tree.h"

int layer_chain_id(const char *parent, const char *diff_id, char ret[DIGEST_SIZE], struct err *e)
{
	char text[2 * DIGEST_SIZE];

	if (!parent) {
		(void)snprintf(ret, DIGEST_SIZE, "%s", diff_id);
		return 0;
	}
	(void)snprintf(text, sizeof(text), "%s %s", parent, diff_id);
	return hash_of(digest_algorithm(diff_id)->name, text, strlen(text), ret, e);
}

/*
 * One byte of a file that stays empty, chosen by the digest: two layers that share it wait in vain.
 */
int layer_lock(struct image_store *store, const char *chain_id, struct err *e)
{
	AUTO_CLOSE int fd = openat(store->fd, "layers.lock",
				   O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	char hex[16];

	(void)snprintf(hex, sizeof(hex), "%.15s", strchr(chain_id, ':') + 1);
	lock.l_start = (off_t)strtoll(hex, NULL, 16);
	if (fd < 0)
		return err_set(e, errno, "lock layer '%s'", chain_id);
	while (fcntl(fd, F_OFD_SETLKW, &lock) < 0) {
		if (errno != EINTR)
			return err_set(e, errno, "lock layer '%s'", chain_id);
	}
	return TAKE_FD(fd);
}

bool layer_is_there(struct image_store *store, const char *chain_id)
{
	char path[DIGEST_PATH_SIZE];

	return faccessat(store->fd, digest_path(STORE_LAYERS, chain_id, path), F_OK, 0) == 0;
}

char *layer_path(const struct image_store *store, const char *chain_id)
{
	char path[DIGEST_PATH_SIZE], *ret;

	digest_path(STORE_LAYERS, chain_id, path);
	return asprintf(&ret, "%s/%s/" STORE_TREE, store->path, path) < 0 ? NULL : ret;
}

/* Everybody's way into what is the container's root, whatever its owner's umask. */
static int make_tree(int tmp_fd, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;

	if (mkdirat(tmp_fd, STORE_TREE, 0755) < 0)
		return err_set(e, errno, "create directory '%s'", STORE_TREE);
	fd = openat(tmp_fd, STORE_TREE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0755) < 0)
		return err_set(e, errno, "open directory '%s'", STORE_TREE);
	return TAKE_FD(fd);
}

static int unpack(struct image_store *store, const struct layer_source *source,
		  const struct unpack_limits *limits, int tree_fd, struct layer *layer,
		  struct err *e)
{
	AUTO(pipeline_freep) struct pipeline *pipeline = NULL;
	int r = pipeline_new(source, limits, tree_fd, &pipeline, e);

	if (r == 0)
		r = pipeline_run(pipeline, layer->diff_id, &layer->result, e);
	if (r == 0)
		r = marks_inherit(store, source->below, tree_fd, pipeline_unpacker(pipeline), e);
	if (r == 0)
		r = marks_apply(tree_fd, pipeline_unpacker(pipeline), e);
	/* One for the whole file system, in place of one for each of its files. */
	if (r == 0 && syncfs(tree_fd) < 0)
		r = err_set(e, errno, "write the layer to disk");
	return r;
}

int layer_unpack(struct image_store *store, const struct layer_source *source,
		 const struct unpack_limits *limits, struct layer *ret, struct err *e)
{
	struct layer layer = { 0 };
	AUTO_CLOSE int tmp_fd = store_make_tmp(store, layer.tmp, e), tree_fd = -EBADF;
	int r;

	if (tmp_fd < 0)
		return tmp_fd;
	tree_fd = make_tree(tmp_fd, e);
	r = tree_fd < 0 ? tree_fd : unpack(store, source, limits, tree_fd, &layer, e);
	if (r < 0)
		layer_discard(store, &layer);
	else
		*ret = layer;
	return r;
}

static int describe(struct image_store *store, const struct layer *layer, struct err *e)
{
	const struct unpack_result *result = &layer->result;
	json_auto_t *json = json_pack("{s:s, s:I, s:I, s:I, s:I}", "diffId", layer->diff_id,
				      "bytes", (json_int_t)result->bytes,
				      "entries", (json_int_t)result->entries,
				      "skippedDevices",
				      (json_int_t)result->skipped[UNPACK_SKIPPED_DEVICES],
				      "skippedSockets",
				      (json_int_t)result->skipped[UNPACK_SKIPPED_SOCKETS]);

	if (!json)
		return err_set(e, ENOMEM, "describe the layer");
	return store_write_record(store, layer->tmp, STORE_LAYER_FILE, json, e);
}

int layer_keep(struct image_store *store, const struct layer *layer, const char *chain_id,
	       struct err *e)
{
	AUTO_CLOSE int dir_fd = -EBADF;
	char path[DIGEST_PATH_SIZE], *slash;
	int r = describe(store, layer, e);

	if (r < 0)
		return r;
	digest_path(STORE_LAYERS, chain_id, path);
	if (renameat(store->fd, layer->tmp, store->fd, path) < 0) {
		if (errno == EEXIST || errno == ENOTEMPTY)
			return tree_remove(store->fd, layer->tmp, e);
		return err_set(e, errno, "keep layer '%s'", chain_id);
	}
	slash = strrchr(path, '/');
	*slash = '\0';
	dir_fd = openat(store->fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = dir_fd < 0 ? -errno : file_out_sync_dir(dir_fd);
	return r < 0 ? err_set(e, -r, "keep layer '%s'", chain_id) : 0;
}

int layers_measure(struct image_store *store, char *const *chain, uint64_t *ret_bytes,
		   struct err *e)
{
	*ret_bytes = 0;
	for (; *chain; chain++) {
		char path[DIGEST_PATH_SIZE], file[DIGEST_PATH_SIZE + sizeof(STORE_LAYER_FILE)];
		json_auto_t *json = NULL;
		int r;

		(void)snprintf(file, sizeof(file), "%s/" STORE_LAYER_FILE,
			       digest_path(STORE_LAYERS, *chain, path));
		r = file_in_read_json(store->fd, file, STORE_MAX_DOCUMENT, &json, e);
		if (r < 0)
			return r;
		*ret_bytes += (uint64_t)json_integer_value(json_object_get(json, "bytes"));
	}
	return 0;
}

void layer_discard(struct image_store *store, struct layer *layer)
{
	struct err lost = { 0 };

	if (layer->tmp[0])
		(void)tree_remove(store->fd, layer->tmp, &lost);
	layer->tmp[0] = '\0';
}
