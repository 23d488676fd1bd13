#include "containerizer/image/image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "containerizer/image/config.h"
#include "containerizer/image/layer.h"
#include "containerizer/image/record.h"
#include "containerizer/image/reference.h"
#include "containerizer/image/store.h"
#include "lib/cleanup.h"
#include "lib/err.h"

void image_done(struct image *image)
{
	free(image->name);
	free(image->manifest);
	free(image->config_digest);
	config_free_list(image->layers);
	config_done(&image->config);
	*image = (struct image){ 0 };
}

/* Any of its names will do. */
static int find_digest(struct image_store *store, const char *digest, struct record *ret,
		       struct err *e)
{
	struct records records;
	int r = records_read(store, STORE_IMAGES, &records, e);

	if (r < 0)
		return r;
	r = -ENOENT;
	for (size_t i = 0; i < records.n && r < 0; i++) {
		struct record *record = &records.items[i];

		if (strcmp(record->manifest, digest) != 0 && strcmp(record->config, digest) != 0)
			continue;
		*ret = *record;
		*record = (struct record){ 0 };
		r = 0;
	}
	records_done(&records);
	return r < 0 ? err_set_code(e, ENOENT, true, "find image '@%s': it is not in the store",
				    digest) : 0;
}

static int find(struct image_store *store, const char *text, struct record *ret, struct err *e)
{
	char name[REFERENCE_TEXT_SIZE], file[RECORD_FILE_SIZE];
	struct reference ref;
	int r = reference_parse(text, &ref, e);

	if (r < 0)
		return r;
	if (ref.kind != REFERENCE_STORED)
		return err_set(e, EINVAL, "use image '%.200s': add it to the store first", text);
	if (!ref.name[0])
		return find_digest(store, ref.digest, ret, e);
	r = record_read(store, STORE_IMAGES, record_file(reference_text(&ref, name), file), ret,
			e);
	if (r == -ENOENT || r == -ENAMETOOLONG) {
		err_clear(e);
		return err_set_code(e, ENOENT, true, "find image '%s': it is not in the store", name);
	}
	if (r == 0 && ref.digest[0] && strcmp(ref.digest, ret->manifest) != 0) {
		record_done(ret);
		return err_set(e, ENOENT, "find image '%.200s': its digest is another", text);
	}
	return r;
}

static int take_layers(struct image_store *store, const struct record *record,
		       struct image *image, struct err *e)
{
	size_t n = 0;

	while (record->chain[n])
		n++;
	image->layers = calloc(n + 1, sizeof(*image->layers));
	if (!image->layers)
		return err_set(e, ENOMEM, "read image '%s'", record->name);
	for (; image->n_layers < n; image->n_layers++) {
		const char *id = record->chain[image->n_layers];

		if (!layer_is_there(store, id))
			return err_set(e, ENOENT, "find layer '%s' of image '%s'", id,
				       record->name);
		image->layers[image->n_layers] = layer_path(store, id);
		if (!image->layers[image->n_layers])
			return err_set(e, ENOMEM, "read image '%s'", record->name);
	}
	return 0;
}

static int take_record(struct image_store *store, struct record *record, struct image *image,
		       struct err *e)
{
	json_auto_t *doc = NULL;
	int r = store_read_blob(store, record->config, &doc, e);

	if (r == 0)
		r = config_read(doc, &image->config, e);
	if (r == 0)
		r = take_layers(store, record, image, e);
	image->name = TAKE_PTR(record->name);
	image->manifest = TAKE_PTR(record->manifest);
	image->config_digest = TAKE_PTR(record->config);
	image->bytes = record->bytes;
	image->added_ms = (int64_t)record->added_ms;
	return r;
}

int image_resolve(struct image_store *store, const char *ref, struct image *ret, struct err *e)
{
	struct image image = { 0 };
	struct record record = { 0 };
	int r = store_lock(store, false, e);

	if (r < 0)
		return r;
	r = find(store, ref, &record, e);
	if (r == 0)
		record_touch(store, &record);
	if (r == 0)
		r = take_record(store, &record, &image, e);
	store_unlock(store);
	record_done(&record);
	if (r < 0)
		image_done(&image);
	else
		*ret = image;
	return r;
}
