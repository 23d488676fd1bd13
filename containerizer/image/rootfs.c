/*
 * File systems of a container, its root and volumes: the layers that they share with others, and
 * directories that it has alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "containerizer/handover.h"
#include "containerizer/image/image.h"
#include "containerizer/image/record.h"
#include "containerizer/image/store.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/id.h"

/* What overlayfs wants beside each other on one file system. */
static const char *const parts[] = { "upper", "work" };

static int make_parts(const char *dir, uint32_t uid, uint32_t gid, struct err *e)
{
	AUTO_CLOSE int fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno, "open '%s'", dir);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		/* The writable layer's own mode and owner are those of what is mounted. */
		if ((mkdirat(fd, parts[i], 0755) < 0 && errno != EEXIST) ||
		    fchmodat(fd, parts[i], 0755, 0) < 0 ||
		    fchownat(fd, parts[i], uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
			return err_set(e, errno, "create '%s/%s'", dir, parts[i]);
	}
	return 0;
}

/* "TOPMOST:...:LOWEST" */
char *image_layers_line(const struct image *image)
{
	size_t size = 1, used = 0;
	char *text;

	for (size_t i = 0; i < image->n_layers; i++)
		size += strlen(image->layers[i]) + 1;
	text = malloc(size);
	if (!text)
		return NULL;
	text[0] = '\0';
	for (size_t i = image->n_layers; i > 0; i--)
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ":" : "",
					 image->layers[i - 1]);
	return text;
}

/* "/a:/b", or "" */
static char *join_volumes(const json_t *volumes)
{
	char *text = strdup(""), *longer;
	json_t *walk, *value;
	const char *path;

	memcpy(&walk, &volumes, sizeof(walk));	/* the iterator's type; nothing is changed */
	json_object_foreach(walk, path, value) {
		if (!text || asprintf(&longer, "%s%s%s", text, *text ? ":" : "", path) < 0)
			longer = NULL;
		free(text);
		text = longer;
	}
	return text;
}

static int annotate(json_t *doc, const char *key, const char *value)
{
	json_t *annotations = json_object_get(doc, "annotations");

	if (!annotations) {
		annotations = json_object();
		if (json_object_set_new(doc, "annotations", annotations) < 0)
			return -ENOMEM;
	}
	return json_object_set_new(annotations, key, json_string(value)) < 0 ? -ENOMEM : 0;
}

static int write_root(const struct image *image, const char *dir, json_t *doc, struct err *e)
{
	AUTO_FREE char *layers = image_layers_line(image);
	AUTO_FREE char *volumes = join_volumes(image->config.volumes);

	if (!layers || !volumes ||
	    annotate(doc, HANDOVER_ANNOTATION_ROOT_LAYERS, layers) < 0 ||
	    annotate(doc, HANDOVER_ANNOTATION_ROOT_UPPER, dir) < 0 ||
	    (*volumes && annotate(doc, HANDOVER_ANNOTATION_ROOT_DIRECTORIES, volumes) < 0))
		return err_set(e, ENOMEM, "root: write");
	/* The document has to have a path; with layers nobody looks there. */
	if (!json_object_get(doc, "root"))
		json_object_set_new(doc, "root", json_object());
	if (json_object_set_new(json_object_get(doc, "root"), "path", json_string(dir)) < 0)
		return err_set(e, ENOMEM, "root: write");
	return 0;
}

/* No container can be called like a volume's use. */
enum { USE_SIZE = ID_MAX + 24 };

static const char *volume_use(const char *container_id, size_t i, char buf[USE_SIZE])
{
	(void)snprintf(buf, USE_SIZE, "%s/%zu", container_id, i);
	return buf;
}

/* Before anything is made of it: from here on no prune takes its layers. */
static int mark_use(struct image_store *store, const struct image *image, const char *use,
		    struct err *e)
{
	char file[RECORD_FILE_SIZE], chain_file[RECORD_FILE_SIZE];
	struct record record = { 0 };
	int r = store_lock(store, false, e);

	if (r < 0)
		return r;
	r = record_read(store, STORE_IMAGES, record_file(image->name, chain_file), &record, e);
	if (r < 0)
		r = err_wrap(e, "use image '%s', which was there before", image->name);
	if (r == 0 && strcmp(record.manifest, image->manifest) != 0)
		r = err_set(e, EAGAIN, "use image '%s': it was replaced meanwhile", image->name);
	if (r == 0)
		r = record_write(store, STORE_USES, record_file(use, file), &record, e);
	store_unlock(store);
	record_done(&record);
	return r;
}

static int check(const struct image *image, const char *container_id, const char *dir,
		 struct err *e)
{
	if (!id_is_valid(container_id) || dir[0] != '/' || strchr(dir, ':'))
		return err_set(e, EINVAL, "prepare container '%.128s' in '%.128s'", container_id,
			       dir);
	if (image->n_layers == 0)
		return err_set(e, EINVAL, "run image '%s': it has no layers", image->name);
	return 0;
}

int image_rootfs_prepare(struct image_store *store, const struct image *image,
			 const char *container_id, const char *dir, json_t *doc, struct err *e)
{
	struct err lost = { 0 };
	int r = check(image, container_id, dir, e);

	if (r == 0)
		r = mark_use(store, image, container_id, e);
	if (r < 0)
		return r;
	r = make_parts(dir, 0, 0, e);
	if (r == 0)
		r = write_root(image, dir, doc, e);
	if (r < 0)
		(void)image_release(store, container_id, &lost);
	return r;
}

int image_volume_prepare(struct image_store *store, const struct image *image,
			 const char *container_id, size_t i, const char *dir, uint32_t uid,
			 uint32_t gid, struct err *e)
{
	char use[USE_SIZE];
	int r = check(image, container_id, dir, e);

	if (r == 0)
		r = mark_use(store, image, volume_use(container_id, i, use), e);
	return r < 0 ? r : make_parts(dir, uid, gid, e);
}

/* -ENOENT without a message: there was none. */
static int forget_use(struct image_store *store, const char *use, struct err *e)
{
	char file[RECORD_FILE_SIZE];
	int r = record_remove(store, STORE_USES, record_file(use, file), e);

	if (r == -ENOENT)
		err_clear(e);
	return r;
}

static bool has_use(struct image_store *store, const char *use)
{
	char path[sizeof(STORE_USES) + RECORD_FILE_SIZE], file[RECORD_FILE_SIZE];

	(void)snprintf(path, sizeof(path), STORE_USES "/%s", record_file(use, file));
	return faccessat(store->fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The last first: after a crash in the middle the others are still found by counting. */
static int forget_volumes(struct image_store *store, const char *container_id, struct err *e)
{
	char use[USE_SIZE];
	size_t n = 0;
	int r = 0;

	while (has_use(store, volume_use(container_id, n, use)))
		n++;
	while (n > 0 && r >= 0)
		r = forget_use(store, volume_use(container_id, --n, use), e);
	return r;
}

int image_release(struct image_store *store, const char *container_id, struct err *e)
{
	int r = forget_volumes(store, container_id, e);

	if (r >= 0)
		r = forget_use(store, container_id, e);
	return r == -ENOENT ? 0 : r;
}
