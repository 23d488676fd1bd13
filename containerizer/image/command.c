#include "containerizer/image/command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "containerizer/image/add.h"
#include "containerizer/image/prune.h"
#include "containerizer/image/record.h"
#include "containerizer/image/store.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/file_in.h"
#include "lib/file_out.h"

#define BUNDLE_FILE "config.json"

/* ---- add ---- */

static void print_added(const struct options *options, const struct image_added *added)
{
	if (options->json) {
		json_auto_t *json = json_pack("{s:s, s:s, s:i, s:i, s:I}", "name", added->name,
					      "manifest", added->manifest,
					      "layers", (int)added->n_layers,
					      "unpacked", (int)added->n_unpacked,
					      "skippedDevices",
					      (json_int_t)added->skipped_devices);

		json_dumpf(json, stdout, JSON_COMPACT);
		puts("");
		return;
	}
	if (options->quiet) {
		puts(added->manifest);
		return;
	}
	printf("%s  %s  %u layers, %u unpacked", added->name, added->manifest, added->n_layers,
	       added->n_unpacked);
	if (added->skipped_devices)
		printf(", %" PRIu64 " device nodes left out", added->skipped_devices);
	puts("");
}

int verb_add(struct image_store *store, const struct options *options, char **args, size_t n_args,
	     struct err *e)
{
	AUTO_FREE char *platform_text = options->platform ? strdup(options->platform) : NULL;
	struct reference source, name;
	struct platform platform;
	struct image_add add = {
		.source = &source, .platform = &platform, .limits = &options->limits,
	};
	int r = 0;

	platform_here(&platform);
	if (platform_text)
		r = platform_parse(platform_text, &platform, e);
	if (r == 0 && options->name) {
		if (n_args > 1)
			return err_set(e, EINVAL, "name %zu images '%.200s'", n_args,
				       options->name);
		add.name = &name;
		r = reference_parse_name(options->name, &name, e);
	}
	for (size_t i = 0; r == 0 && i < n_args; i++) {
		struct image_added added;

		r = reference_parse(args[i], &source, e);
		if (r == 0)
			r = image_add(store, &add, &added, e);
		if (r == 0)
			print_added(options, &added);
	}
	return r;
}

/* ---- list ---- */

static int by_use(const void *a, const void *b)
{
	const struct record *x = a, *y = b;

	return x->used_ms != y->used_ms ? (x->used_ms < y->used_ms ? 1 : -1)
		: strcmp(x->name, y->name);
}

static size_t count_layers(const struct record *record)
{
	size_t n = 0;

	while (record->chain[n])
		n++;
	return n;
}

static json_t *record_to_json(const struct record *record)
{
	char added[CLOCK_TEXT_SIZE], used[CLOCK_TEXT_SIZE];

	clock_format((int64_t)record->added_ms, added);
	clock_format(record->used_ms, used);
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s}", "name", record->name, "manifest",
			 record->manifest, "config", record->config, "layers",
			 (json_int_t)count_layers(record), "bytes", (json_int_t)record->bytes,
			 "added", added, "used", used);
}

static void print_records(const struct options *options, const struct records *records)
{
	json_auto_t *array = options->json ? json_array() : NULL;

	if (records->n && !array && !options->quiet)
		printf("%-40s %-19s %6s %12s  %s\n", "NAME", "MANIFEST", "LAYERS", "BYTES",
		       "LAST USED");
	for (size_t i = 0; i < records->n; i++) {
		const struct record *record = &records->items[i];
		char used[CLOCK_TEXT_SIZE];

		clock_format(record->used_ms, used);
		if (array)
			json_array_append_new(array, record_to_json(record));
		else if (options->quiet)
			puts(record->name);
		else
			printf("%-40s %-19.19s %6zu %12" PRIu64 "  %.19sZ\n", record->name,
			       record->manifest, count_layers(record), record->bytes, used);
	}
	if (array) {
		json_dumpf(array, stdout, JSON_INDENT(2));
		puts("");
	}
}

int verb_list(struct image_store *store, const struct options *options, char **args, size_t n_args,
	      struct err *e)
{
	struct records records = { 0 };
	int r = store ? records_read(store, STORE_IMAGES, &records, e) : 0;

	(void)args;
	(void)n_args;
	if (r < 0)
		return r;
	if (records.n == 0 && !options->json)
		fputs("no images\n", stderr);
	if (records.n)
		qsort(records.items, records.n, sizeof(*records.items), by_use);
	print_records(options, &records);
	if (records.n_damaged)
		fprintf(stderr, "tepui-image: %zu records cannot be read\n", records.n_damaged);
	records_done(&records);
	return 0;
}

/* ---- show ---- */

static json_t *list_to_json(char *const *list)
{
	json_t *array = json_array();

	for (; list && *list; list++)
		json_array_append_new(array, json_string(*list));
	return array;
}

/* The documents are what the image has; an absent one is null. */
static json_t *image_to_json(const struct image *image)
{
	const struct image_config *c = &image->config;
	char added[CLOCK_TEXT_SIZE];

	clock_format(image->added_ms, added);
	return json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:I, s:s, s:o, s:o, s:o, s:o,"
			 " s:s?, s:s?, s:s?, s:O?, s:O?, s:O?}",
			 "name", image->name, "manifest", image->manifest,
			 "config", image->config_digest, "os", c->os,
			 "architecture", c->architecture, "variant", c->variant,
			 "bytes", (json_int_t)image->bytes, "added", added,
			 "layers", list_to_json(image->layers),
			 "entrypoint", list_to_json(c->entrypoint), "cmd", list_to_json(c->cmd),
			 "env", list_to_json(c->env), "user", c->user,
			 "workingDir", c->working_dir, "stopSignal", c->stop_signal,
			 "volumes", c->volumes, "exposedPorts", c->exposed_ports,
			 "labels", c->labels);
}

int verb_show(struct image_store *store, const struct options *options, char **args, size_t n_args,
	      struct err *e)
{
	json_auto_t *json = NULL;
	struct image image;
	int r = image_resolve(store, args[0], &image, e);

	(void)n_args;
	if (r < 0)
		return r;
	json = image_to_json(&image);
	if (!json)
		r = err_set(e, ENOMEM, "show image '%s'", image.name);
	else if (options->quiet)
		puts(image.manifest);
	else
		json_dumpf(json, stdout, options->json ? JSON_COMPACT : JSON_INDENT(2));
	if (json && !options->quiet)
		puts("");
	image_done(&image);
	return r;
}

/* ---- bundle, release ---- */

static int write_bundle(struct image_store *store, const struct image *image, char **args,
			json_t *doc, struct err *e)
{
	/* A "--" keeps the options of the image's program apart from ours. */
	char **own = args[3] && strcmp(args[3], "--") == 0 ? args + 4 : args + 3;
	struct image_overrides overrides = { .args = *own ? own : NULL };
	AUTO_CLOSE int dir_fd = open(args[2], O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char *dir = realpath(args[2], NULL), *text = NULL;
	int r;

	if (dir_fd < 0 || !dir)
		return err_set(e, errno, "open bundle '%.200s'", args[2]);
	r = image_to_spec(image, &overrides, doc, e);
	if (r == 0)
		r = image_rootfs_prepare(store, image, args[1], dir, doc, e);
	if (r < 0)
		return r;
	text = json_dumps(doc, JSON_INDENT(2));
	if (!text)
		return err_set(e, ENOMEM, "write bundle '%.200s'", args[2]);
	return file_out_replace(dir_fd, BUNDLE_FILE, text, strlen(text), e);
}

int verb_bundle(struct image_store *store, const struct options *options, char **args,
		size_t n_args, struct err *e)
{
	AUTO_FREE char *file = NULL;
	json_auto_t *doc = NULL;
	struct image image;
	int r;

	(void)options;
	(void)n_args;
	if (asprintf(&file, "%s/" BUNDLE_FILE, args[2]) < 0)
		return err_set(e, ENOMEM, "read bundle '%.200s'", args[2]);
	r = file_in_read_json(AT_FDCWD, file, STORE_MAX_DOCUMENT, &doc, e);
	if (r == 0 && !json_is_object(doc))
		r = err_set(e, EINVAL, "%.200s: not an object", file);
	if (r == 0)
		r = image_resolve(store, args[0], &image, e);
	if (r < 0)
		return r;
	r = write_bundle(store, &image, args, doc, e);
	image_done(&image);
	return r;
}

int verb_release(struct image_store *store, const struct options *options, char **args,
		 size_t n_args, struct err *e)
{
	int r = 0;

	(void)options;
	for (size_t i = 0; r == 0 && i < n_args; i++)
		r = image_release(store, args[i], e);
	return r;
}

/* ---- remove, prune ---- */

int verb_remove(struct image_store *store, const struct options *options, char **args,
		size_t n_args, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n_args; i++)
		r = image_remove(store, args[i], options->force, e);
	return r;
}

int verb_prune(struct image_store *store, const struct options *options, char **args,
	       size_t n_args, struct err *e)
{
	const struct image_prune how = {
		.all = options->all, .high_percent = (unsigned)options->high,
		.low_percent = (unsigned)options->low,
	};
	struct image_pruned pruned;
	int r;

	(void)args;
	(void)n_args;
	if (how.low_percent > how.high_percent)
		return err_set(e, EINVAL, "prune images: --low is above --high");
	r = image_prune(store, &how, &pruned, e);
	if (r < 0)
		return r;
	printf("%u images, %u layers, %u documents removed; the file system is %u%% full\n",
	       pruned.n_images, pruned.n_layers, pruned.n_blobs, pruned.used_percent);
	if (pruned.is_still_above)
		fprintf(stderr, "tepui-image: the images that are left are in use\n");
	return 0;
}
