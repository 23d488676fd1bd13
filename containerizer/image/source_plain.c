/* Documents for images that come without: the manifest of some, of plain archives everything. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "containerizer/image/source.h"
#include "lib/cleanup.h"
#include "lib/err.h"

int source_write_manifest(struct source *source, struct err *e)
{
	json_t *layers = json_array();
	json_auto_t *doc = NULL;

	for (size_t i = 0; layers && i < source->n_layers; i++)
		json_array_append_new(layers, json_pack(
			"{s:s, s:s, s:I}",
			"mediaType", "application/vnd.oci.image.layer.v1.tar",
			"digest", source->layers[i].diff_id,
			"size", (json_int_t)source->layers[i].size));
	doc = json_pack("{s:i, s:s, s:{s:s, s:s, s:I}, s:o}", "schemaVersion", 2,
			"mediaType", "application/vnd.oci.image.manifest.v1+json", "config",
			"mediaType", "application/vnd.oci.image.config.v1+json",
			"digest", source->config_digest, "size", (json_int_t)source->config_size,
			"layers", layers);
	source->manifest = doc ? json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (!source->manifest)
		return err_set(e, ENOMEM, "write manifest");
	source->manifest_size = strlen(source->manifest);
	return hash_of("sha256", source->manifest, source->manifest_size,
		       source->manifest_digest, e);
}

/* Without a configuration's wishes: who runs it says what. */
static int write_config(const char *diff_id, const struct platform *platform,
			struct source *source, struct err *e)
{
	json_auto_t *doc = json_pack("{s:s, s:s, s:{}, s:{s:s, s:[s]}}", "os", platform->os,
				     "architecture", platform->architecture, "config", "rootfs",
				     "type", "layers", "diff_ids", diff_id);

	source->config = doc ? json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (!source->config)
		return err_set(e, ENOMEM, "write configuration");
	source->config_size = strlen(source->config);
	return hash_of("sha256", source->config, source->config_size, source->config_digest, e);
}

int source_write_plain(const char *diff_id, uint64_t size, const struct platform *platform,
		       struct source *ret, struct err *e)
{
	struct source source = { .dir_fd = -EBADF };
	int r = write_config(diff_id, platform, &source, e);

	source.layers = calloc(1, sizeof(*source.layers));
	if (r == 0 && source.layers) {
		source.n_layers = 1;
		source.layers[0].size = size;
		source.layers[0].diff_id = strdup(diff_id);
	}
	if (r == 0 && (!source.layers || !source.layers[0].diff_id))
		r = err_set(e, ENOMEM, "write manifest");
	if (r == 0)
		r = source_write_manifest(&source, e);
	if (r < 0)
		source_done(&source);
	else
		*ret = source;
	return r;
}
