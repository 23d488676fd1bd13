/*
 * A container's root file system: the layers that it shares, and the directory that it has alone.
 */
#include <errno.h>
#include <fcntl.h>
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

static int make_parts(const char *dir, struct err *e)
{
	AUTO_CLOSE int fd = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno, "open '%s'", dir);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		/* The writable layer's own mode is what the container's "/" has. */
		if ((mkdirat(fd, parts[i], 0755) < 0 && errno != EEXIST) ||
		    fchmodat(fd, parts[i], 0755, 0) < 0)
			return err_set(e, errno, "create '%s/%s'", dir, parts[i]);
	}
	return 0;
}

/* "TOPMOST:...:LOWEST" */
static char *join_layers(const struct image *image)
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
	AUTO_FREE char *layers = join_layers(image);
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

/* Before anything is made of it: from here on no prune takes its layers. */
static int mark_use(struct image_store *store, const struct image *image, const char *container_id,
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
		r = record_write(store, STORE_USES, record_file(container_id, file), &record, e);
	store_unlock(store);
	record_done(&record);
	return r;
}

int image_rootfs_prepare(struct image_store *store, const struct image *image,
			 const char *container_id, const char *dir, json_t *doc, struct err *e)
{
	struct err lost = { 0 };
	int r;

	if (!id_is_valid(container_id) || dir[0] != '/' || strchr(dir, ':'))
		return err_set(e, EINVAL, "prepare container '%.128s' in '%.128s'", container_id,
			       dir);
	if (image->n_layers == 0)
		return err_set(e, EINVAL, "run image '%s': it has no layers", image->name);
	r = mark_use(store, image, container_id, e);
	if (r < 0)
		return r;
	r = make_parts(dir, e);
	if (r == 0)
		r = write_root(image, dir, doc, e);
	if (r < 0)
		(void)image_release(store, container_id, &lost);
	return r;
}

int image_release(struct image_store *store, const char *container_id, struct err *e)
{
	char file[RECORD_FILE_SIZE];
	int r = record_remove(store, STORE_USES, record_file(container_id, file), e);

	if (r == -ENOENT)
		err_clear(e);
	return r == -ENOENT ? 0 : r;
}
