/* Manifests, indexes and configurations of images: read whole or refused with a sentence. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "containerizer/image/config.h"
#include "containerizer/image/digest.h"
#include "containerizer/image/manifest.h"
#include "lib/err.h"
#include "lib/json_in.h"

static void read_manifest(const json_t *doc)
{
	struct platform here;
	struct manifest manifest;
	struct err e = { 0 };

	platform_here(&here);
	if (manifest_read(doc, NULL, &manifest, &e) < 0) {
		assert(e.code > 0 && e.msg[0]);
		return;
	}
	for (size_t i = 0; i < manifest.n_items; i++)
		assert(digest_is_valid(manifest.items[i].digest));
	if (manifest.class == MEDIA_INDEX)
		(void)manifest_choose(&manifest, &here);
	else
		assert(digest_is_valid(manifest.config.digest));
	manifest_done(&manifest);
}

static void read_config(const json_t *doc)
{
	struct image_config config;
	char **ids = NULL;
	struct err e = { 0 };

	if (config_read(doc, &config, &e) == 0)
		config_done(&config);
	else
		assert(e.code > 0 && e.msg[0]);
	e = (struct err){ 0 };
	if (config_read_diff_ids(doc, &ids, &e) < 0)
		assert(e.code > 0 && e.msg[0]);
	for (size_t i = 0; ids && ids[i]; i++)
		assert(digest_is_valid(ids[i]));
	config_free_list(ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { 0 };
	json_t *doc;

	if (json_in_parse(data, size, &doc, &e) < 0)
		return 0;
	read_manifest(doc);
	read_config(doc);
	json_decref(doc);
	return 0;
}
