/* What `docker save` writes: manifest.json, and the layers as plain archives. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "containerizer/image/config.h"
#include "containerizer/image/source.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_fields.h"
#include "lib/json_in.h"

enum { MAX_PATH = 1024, MAX_TAGS = 256 };

/* An item of manifest.json. */
struct saved {
	char *config;
	char **tags, **layers;
};

#define ROW(key_, member_, kind_, required_, min_, max_) \
	{ .key = (key_), .kind = (kind_), .off = offsetof(struct saved, member_), \
	  .required = (required_), .min = (min_), .max = (max_) }

static const struct json_field saved_fields[] = {
	ROW("Config", config, JSON_F_STR, true, 1, MAX_PATH),
	ROW("RepoTags", tags, JSON_F_STR_LIST, false, 0, MAX_TAGS),
	ROW("Layers", layers, JSON_F_STR_LIST, true, 0, IMAGE_MAX_LAYERS),
};

static bool has_tag(const struct saved *saved, const struct reference *ref)
{
	struct reference tag;
	struct err lost = { 0 };

	for (char **text = saved->tags; text && *text; text++) {
		if (reference_parse_name(*text, &tag, &lost) == 0 &&
		    strcmp(tag.name, ref->name) == 0 && strcmp(tag.tag, ref->tag) == 0)
			return true;
		err_clear(&lost);
	}
	return false;
}

/* The item that REF names; without a name there must be one alone. */
static int choose(const json_t *items, const struct reference *ref, struct saved *ret,
		  struct err *e)
{
	size_t n = json_array_size(items);

	if (!json_is_array(items) || n == 0)
		return err_set(e, EINVAL, "manifest.json: not a list of images");
	if (!ref->name[0] && n > 1)
		return err_set(e, EINVAL, "choose an image of '%.200s': it holds %zu; name one",
			       ref->path, n);
	for (size_t i = 0; i < n; i++) {
		struct saved saved = { 0 };
		char where[64];
		int r;

		(void)snprintf(where, sizeof(where), "manifest.json[%zu]", i);
		r = json_read_known_fields(json_array_get(items, i), where, saved_fields,
					   ARRAY_SIZE(saved_fields), &saved, e);
		if (r < 0)
			return r;
		if (!ref->name[0] || has_tag(&saved, ref)) {
			*ret = saved;
			return 0;
		}
		json_free_fields(saved_fields, ARRAY_SIZE(saved_fields), &saved);
	}
	return err_set(e, ENOENT, "find '%s:%s' in '%.200s'", ref->name, ref->tag, ref->path);
}

/* Its archive's length, for the manifest. */
static int measure(const struct source *source, struct source_layer *layer, struct err *e)
{
	AUTO_CLOSE int fd = source_open_file(source, layer->path, e);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "open '%.200s' of the image", layer->path);
	layer->size = (uint64_t)st.st_size;
	return 0;
}

static int take_layers(struct saved *saved, char **diff_ids, struct source *source, struct err *e)
{
	size_t n_layers = 0, n_ids = 0;
	int r;

	while (saved->layers[n_layers])
		n_layers++;
	while (diff_ids[n_ids])
		n_ids++;
	if (n_layers != n_ids)
		return err_set(e, EINVAL, "manifest.json: %zu layers, but the configuration has "
			       "%zu diff_ids", n_layers, n_ids);
	source->layers = calloc(n_layers + 1, sizeof(*source->layers));
	if (!source->layers)
		return err_set(e, ENOMEM, "read manifest.json");
	for (size_t i = 0; i < n_layers; i++) {
		source->layers[i].path = TAKE_PTR(saved->layers[i]);
		source->layers[i].diff_id = TAKE_PTR(diff_ids[i]);
		source->n_layers++;
		r = measure(source, &source->layers[i], e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_saved(struct saved *saved, struct source *source, struct err *e)
{
	json_auto_t *doc = NULL;
	char **diff_ids = NULL;
	int r = source_read(source, saved->config, NULL, &source->config, &source->config_size, e);

	if (r == 0)
		r = hash_of("sha256", source->config, source->config_size, source->config_digest,
			    e);
	if (r == 0)
		r = json_in_parse(source->config, source->config_size, &doc, e);
	if (r == 0)
		r = config_read_diff_ids(doc, &diff_ids, e);
	if (r < 0)
		return r;
	r = take_layers(saved, diff_ids, source, e);
	for (size_t i = source->n_layers; diff_ids[i]; i++)
		free(diff_ids[i]);
	free(diff_ids);
	return r < 0 ? r : source_write_manifest(source, e);
}

/* Lists whose first strings were moved out: free the rest by hand. */
static void free_saved(struct saved *saved, size_t n_taken)
{
	for (size_t i = n_taken; saved->layers && saved->layers[i]; i++)
		free(saved->layers[i]);
	free(saved->layers);
	saved->layers = NULL;
	json_free_fields(saved_fields, ARRAY_SIZE(saved_fields), saved);
}

static void take_name(const struct saved *saved, const struct reference *ref, struct source *source)
{
	struct reference tag;
	struct err lost = { 0 };

	if (ref->name[0])
		(void)reference_text(ref, source->name);
	else if (saved->tags && saved->tags[0] &&
		 reference_parse_name(saved->tags[0], &tag, &lost) == 0)
		(void)reference_text(&tag, source->name);
}

static int open_docker(struct source *source, const struct reference *ref, struct err *e)
{
	struct saved saved = { 0 };
	json_auto_t *doc = NULL;
	int r = source_read_json(source, "manifest.json", &doc, e);

	if (r == 0)
		r = choose(doc, ref, &saved, e);
	if (r < 0)
		return r;
	take_name(&saved, ref, source);
	r = take_saved(&saved, source, e);
	free_saved(&saved, source->n_layers);
	return r;
}

int source_open_docker(int dir_fd_take, const struct reference *ref, struct source *ret,
		       struct err *e)
{
	struct source source = { .dir_fd = dir_fd_take };
	int r = open_docker(&source, ref, e);

	if (r < 0)
		source_done(&source);
	else
		*ret = source;
	return r;
}
