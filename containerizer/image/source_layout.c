/* The OCI image layout: index.json, and every part below blobs/ by its digest. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "containerizer/image/config.h"
#include "containerizer/image/source.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_in.h"

enum { MAX_NESTED = 4 };

static const char ref_name[] = "org.opencontainers.image.ref.name";

static int check_version(const struct source *source, struct err *e)
{
	json_auto_t *layout = NULL;
	const char *version;
	int r = source_read_json(source, "oci-layout", &layout, e);

	if (r < 0)
		return r;
	version = json_string_value(json_object_get(layout, "imageLayoutVersion"));
	if (!version || strncmp(version, "1.", 2) != 0)
		return err_set(e, EINVAL, "oci-layout.imageLayoutVersion: '%s' is not 1.x",
			       version ? version : "");
	return 0;
}

/* Tools write the tag alone, or the whole name. */
static bool is_tagged(const struct descriptor *item, const char *tag)
{
	const char *name = descriptor_annotation(item, ref_name);
	size_t size = name ? strlen(name) : 0, length = strlen(tag);

	if (size < length || strcmp(name + size - length, tag) != 0)
		return false;
	return size == length || name[size - length - 1] == ':';
}

/* At the top a tag says which; a layout that holds one image needs none. */
static const struct descriptor *choose_top(const struct manifest *index,
					   const struct reference *ref,
					   const struct platform *platform, struct err *e)
{
	const struct descriptor *found = NULL;

	if (!ref->tag[0]) {
		found = index->n_items == 1 ? &index->items[0] : manifest_choose(index, platform);
		if (!found)
			err_set(e, EINVAL, "choose an image of '%.200s': it holds %zu; name a tag",
				ref->path, index->n_items);
		return found;
	}
	for (size_t i = 0; i < index->n_items && !found; i++) {
		if (is_tagged(&index->items[i], ref->tag))
			found = &index->items[i];
	}
	if (!found)
		err_set(e, ENOENT, "find tag '%s' in '%.200s'", ref->tag, ref->path);
	return found;
}

static int copy_layers(const struct manifest *manifest, char **diff_ids, struct source *source,
		       struct err *e)
{
	size_t n = 0;

	while (diff_ids[n])
		n++;
	if (n != manifest->n_items)
		return err_set(e, EINVAL, "manifest.layers: %zu, but the configuration has %zu "
			       "diff_ids", manifest->n_items, n);
	source->layers = calloc(n + 1, sizeof(*source->layers));
	if (!source->layers)
		return err_set(e, ENOMEM, "read manifest");
	for (size_t i = 0; i < n; i++) {
		struct source_layer *layer = &source->layers[source->n_layers++];
		char path[DIGEST_PATH_SIZE];

		layer->path = strdup(digest_path("blobs", manifest->items[i].digest, path));
		layer->digest = TAKE_PTR(manifest->items[i].digest);
		layer->diff_id = TAKE_PTR(diff_ids[i]);
		layer->size = manifest->items[i].size;
		if (!layer->path)
			return err_set(e, ENOMEM, "read manifest");
	}
	return 0;
}

static int read_config(struct source *source, const struct manifest *manifest, struct err *e)
{
	const char *digest = manifest->config.digest;
	char path[DIGEST_PATH_SIZE];
	json_auto_t *doc = NULL;
	char **diff_ids = NULL;
	int r = source_read(source, digest_path("blobs", digest, path), digest, &source->config,
			    &source->config_size, e);

	if (r < 0)
		return r;
	(void)snprintf(source->config_digest, sizeof(source->config_digest), "%s", digest);
	r = json_in_parse(source->config, source->config_size, &doc, e);
	if (r == 0)
		r = config_read_diff_ids(doc, &diff_ids, e);
	if (r < 0)
		return err_wrap(e, "configuration '%s'", digest);
	r = copy_layers(manifest, diff_ids, source, e);
	/* Those that were not moved out. */
	for (size_t i = source->n_layers; diff_ids[i]; i++)
		free(diff_ids[i]);
	free(diff_ids);
	return r;
}

/* The manifest that ITEM points to, through indexes in indexes. */
static int read_chosen(struct source *source, const struct descriptor *item,
		       const struct platform *platform, unsigned depth, struct err *e)
{
	struct manifest manifest = { 0 };
	const struct descriptor *next;
	char path[DIGEST_PATH_SIZE];
	AUTO_FREE char *text = NULL;
	json_auto_t *doc = NULL;
	size_t size;
	int r;

	if (depth > MAX_NESTED)
		return err_set(e, EINVAL, "index: nested deeper than %d", MAX_NESTED);
	r = source_read(source, digest_path("blobs", item->digest, path), item->digest, &text,
			&size, e);
	if (r == 0)
		r = json_in_parse(text, size, &doc, e);
	if (r == 0)
		r = manifest_read(doc, item->media_type, &manifest, e);
	if (r < 0)
		return r;
	if (manifest.class == MEDIA_MANIFEST) {
		source->manifest = TAKE_PTR(text);
		source->manifest_size = size;
		(void)snprintf(source->manifest_digest, sizeof(source->manifest_digest), "%s",
			       item->digest);
		r = read_config(source, &manifest, e);
	} else {
		next = manifest_choose(&manifest, platform);
		r = next ? read_chosen(source, next, platform, depth + 1, e)
			: err_set(e, EINVAL, "index '%s': no image for %s/%s", item->digest,
				  platform->os, platform->architecture);
	}
	manifest_done(&manifest);
	return r;
}

static void take_name(struct source *source, const struct descriptor *item)
{
	const char *name = descriptor_annotation(item, ref_name);
	struct reference parsed;
	struct err lost = { 0 };

	/* A tag alone names nothing: the caller knows the directory's name. */
	if (name && strchr(name, ':') && reference_parse_name(name, &parsed, &lost) == 0)
		(void)reference_text(&parsed, source->name);
	else if (name)
		(void)snprintf(source->name, sizeof(source->name), ":%.128s", name);
}

static int open_layout(struct source *source, const struct reference *ref,
		       const struct platform *platform, struct err *e)
{
	struct manifest index = { 0 };
	const struct descriptor *item;
	json_auto_t *doc = NULL;
	int r = check_version(source, e);

	if (r == 0)
		r = source_read_json(source, "index.json", &doc, e);
	if (r == 0)
		r = manifest_read(doc, NULL, &index, e);
	if (r == 0 && index.class != MEDIA_INDEX)
		r = err_set(e, EINVAL, "index.json: not an index");
	if (r == 0) {
		item = choose_top(&index, ref, platform, e);
		r = item ? read_chosen(source, item, platform, 0, e) : -e->code;
		if (r == 0)
			take_name(source, item);
	}
	manifest_done(&index);
	return r;
}

int source_open_layout(int dir_fd_take, const struct reference *ref,
		       const struct platform *platform, struct source *ret, struct err *e)
{
	struct source source = { .dir_fd = dir_fd_take };
	int r = open_layout(&source, ref, platform, e);

	if (r < 0)
		source_done(&source);
	else
		*ret = source;
	return r;
}
