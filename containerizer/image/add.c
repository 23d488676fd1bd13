#include "containerizer/image/add.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "containerizer/image/config.h"
#include "containerizer/image/layer.h"
#include "containerizer/image/record.h"
#include "containerizer/image/source.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/json_in.h"
#include "lib/tree.h"

/* An image on its way in. */
struct adding {
	struct image_store *store;
	const struct image_add *add;
	struct image_added *ret;
	struct source source;
	char staged[STORE_NAME_SIZE];	/* where an archive of archives was unpacked, or "" */
	char **chain;
	uint64_t bytes;
};

/* ---- what lies where ---- */

static int open_directory(const char *path, struct err *e)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_set(e, errno, "open '%.200s'", path) : fd;
}

/* A fifo, too: `docker save` may write into it while we read. */
static int open_archive(const char *path, struct err *e)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open '%.200s'", path);
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		return err_set(e, EINVAL, "open '%.200s': not a file", path);
	return TAKE_FD(fd);
}

/* An archive that holds an image's parts becomes a directory that does, by the same helper. */
static int stage(struct adding *a, struct err *e)
{
	const char *path = a->add->source->path;
	AUTO_CLOSE int fd = open_archive(path, e);
	struct layer_source source = { .fd = fd, .mode = UNPACK_FILES };
	char tree[STORE_NAME_SIZE + sizeof(STORE_TREE)];
	struct layer staged;
	int r;

	if (fd < 0)
		return fd;
	r = layer_unpack(a->store, &source, a->add->limits, &staged, e);
	if (r < 0)
		return err_wrap(e, "'%.200s'", path);
	(void)snprintf(a->staged, sizeof(a->staged), "%s", staged.tmp);
	(void)snprintf(tree, sizeof(tree), "%s/" STORE_TREE, staged.tmp);
	r = openat(a->store->fd, tree, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return r < 0 ? err_set(e, errno, "open '%s'", tree) : r;
}

static int open_layout(struct adding *a, struct err *e)
{
	int fd = open_directory(a->add->source->path, e);

	return fd < 0 ? fd : source_open_layout(fd, a->add->source, a->add->platform, &a->source,
						e);
}

static int open_layout_archive(struct adding *a, struct err *e)
{
	int fd = stage(a, e);

	return fd < 0 ? fd : source_open_layout(fd, a->add->source, a->add->platform, &a->source,
						e);
}

static int open_docker_archive(struct adding *a, struct err *e)
{
	int fd = stage(a, e);

	return fd < 0 ? fd : source_open_docker(fd, a->add->source, &a->source, e);
}

/* ---- layers ---- */

static int keep(struct adding *a, struct layer *layer, const char *chain_id, struct err *e)
{
	int r = layer_keep(a->store, layer, chain_id, e);

	if (r < 0) {
		layer_discard(a->store, layer);
		return r;
	}
	a->ret->n_unpacked++;
	a->ret->skipped_devices += layer->result.skipped[UNPACK_SKIPPED_DEVICES];
	return 0;
}

static int add_layer(struct adding *a, const struct source_layer *part, const char *chain_id,
		     struct err *e)
{
	AUTO_CLOSE int fd = source_open_file(&a->source, part->path, e);
	struct layer_source source = {
		.fd = fd, .digest = part->digest, .size = part->size, .diff_id = part->diff_id,
		.mode = UNPACK_LAYER, .below = a->chain,
	};
	struct layer layer;
	int r;

	if (fd < 0)
		return fd;
	r = layer_unpack(a->store, &source, a->add->limits, &layer, e);
	return r < 0 ? r : keep(a, &layer, chain_id, e);
}

/* Two images that come at the same time may have it in common: it is made once. */
static int add_missing(struct adding *a, const struct source_layer *part, const char *chain_id,
		       struct err *e)
{
	AUTO_CLOSE int lock = -EBADF;

	if (layer_is_there(a->store, chain_id))
		return 0;
	lock = layer_lock(a->store, chain_id, e);
	if (lock < 0)
		return lock;
	return layer_is_there(a->store, chain_id) ? 0 : add_layer(a, part, chain_id, e);
}

static int add_layers(struct adding *a, struct err *e)
{
	a->chain = calloc(a->source.n_layers + 1, sizeof(*a->chain));
	if (!a->chain)
		return err_set(e, ENOMEM, "add image");
	for (size_t i = 0; i < a->source.n_layers; i++) {
		const struct source_layer *part = &a->source.layers[i];
		char chain_id[DIGEST_SIZE];
		int r = layer_chain_id(i ? a->chain[i - 1] : NULL, part->diff_id, chain_id, e);

		if (r == 0)
			r = add_missing(a, part, chain_id, e);
		if (r < 0)
			return err_wrap(e, "layer %zu of %zu", i + 1, a->source.n_layers);
		a->chain[i] = strdup(chain_id);
		if (!a->chain[i])
			return err_set(e, ENOMEM, "add image");
	}
	return 0;
}

/*
 * The layer comes first, and the image is written around it.  A directory has no marks of removal.
 */
static int add_plain(struct adding *a, int fd, bool is_directory, struct err *e)
{
	struct layer_source source = {
		.fd = fd, .is_directory = is_directory,
		.mode = is_directory ? UNPACK_FILES : UNPACK_LAYER,
	};
	struct layer layer;
	int r = layer_unpack(a->store, &source, a->add->limits, &layer, e);

	if (r < 0)
		return err_wrap(e, "'%.200s'", a->add->source->path);
	r = keep(a, &layer, layer.diff_id, e);
	return r < 0 ? r : source_write_plain(layer.diff_id, layer.result.bytes, a->add->platform,
					      &a->source, e);
}

static int open_plain(struct adding *a, struct err *e)
{
	AUTO_CLOSE int fd = open_archive(a->add->source->path, e);

	return fd < 0 ? fd : add_plain(a, fd, false, e);
}

static int open_plain_directory(struct adding *a, struct err *e)
{
	AUTO_CLOSE int fd = open_directory(a->add->source->path, e);

	return fd < 0 ? fd : add_plain(a, fd, true, e);
}

/* ---- the image ---- */

static const struct {
	enum reference_kind kind;
	int (*open)(struct adding *a, struct err *e);
} kinds[] = {
	{ REFERENCE_OCI, open_layout },
	{ REFERENCE_OCI_ARCHIVE, open_layout_archive },
	{ REFERENCE_DOCKER_ARCHIVE, open_docker_archive },
	{ REFERENCE_TAR, open_plain },
	{ REFERENCE_DIRECTORY, open_plain_directory },
};

/*
 * The last component of PATH without what follows its first dot, and a tag: "web.tar.gz" is "web".
 */
static int name_by_file(const char *path, const char *tag, struct reference *ret, struct err *e)
{
	char text[REFERENCE_TEXT_SIZE + 1];
	size_t end = strlen(path);
	const char *base;

	while (end > 1 && path[end - 1] == '/')
		end--;
	base = path + end;
	while (base > path && base[-1] != '/')
		base--;
	(void)snprintf(text, sizeof(text), "%.*s%s", (int)strcspn(base, "./"), base, tag);
	if (reference_parse_name(text, ret, e) == 0)
		return 0;
	err_clear(e);
	return err_set(e, EINVAL, "name the image of '%.200s': give it a name by --name", path);
}

static int choose_name(const struct adding *a, struct reference *ret, struct err *e)
{
	const char *own = a->source.name;

	if (a->add->name) {
		*ret = *a->add->name;
		return 0;
	}
	if (*own && *own != ':')
		return reference_parse_name(own, ret, e);
	return name_by_file(a->add->source->path, own, ret, e);
}

static int write_image(struct adding *a, struct err *e)
{
	const struct source *source = &a->source;
	char file[RECORD_FILE_SIZE];
	struct record record = {
		.name = a->ret->name, .manifest = a->ret->manifest,
		.config = a->source.config_digest, .chain = a->chain,
		.added_ms = (uint64_t)clock_wall_ms(),
	};
	struct reference name;
	int r = choose_name(a, &name, e);

	if (r < 0)
		return r;
	(void)reference_text(&name, a->ret->name);
	(void)snprintf(a->ret->manifest, sizeof(a->ret->manifest), "%s", source->manifest_digest);
	r = layers_measure(a->store, a->chain, &record.bytes, e);
	if (r == 0)
		r = store_write_blob(a->store, source->config_digest, source->config,
				     source->config_size, e);
	if (r == 0)
		r = store_write_blob(a->store, source->manifest_digest, source->manifest,
				     source->manifest_size, e);
	if (r == 0)
		r = record_write(a->store, STORE_IMAGES, record_file(a->ret->name, file), &record,
				 e);
	return r;
}

/* What a container could not be made from is no image, however well it is packed. */
static int check_config(const struct source *source, struct err *e)
{
	struct image_config config;
	json_auto_t *doc = NULL;
	int r = json_in_parse(source->config, source->config_size, &doc, e);

	if (r == 0)
		r = config_read(doc, &config, e);
	if (r < 0)
		return err_wrap(e, "configuration '%s'", source->config_digest);
	config_done(&config);
	return 0;
}

static int add_image(struct adding *a, struct err *e)
{
	int r = -EINVAL;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].kind != a->add->source->kind)
			continue;
		r = kinds[i].open(a, e);
		if (r == 0)
			r = check_config(&a->source, e);
		if (r == 0)
			r = add_layers(a, e);
		if (r == 0)
			r = write_image(a, e);
		return r;
	}
	return err_set(e, EINVAL, "add an image that is no file and no directory: name it as oci:DIR, "
		       "oci-archive:FILE, docker-archive:FILE, tar:FILE or dir:DIR");
}

int image_add(struct image_store *store, const struct image_add *add, struct image_added *ret,
	      struct err *e)
{
	struct image_added added = { 0 };
	struct adding a = {
		.store = store, .add = add, .ret = &added, .source = { .dir_fd = -EBADF },
	};
	struct err lost = { 0 };
	int r = store_lock(store, false, e);

	if (r < 0)
		return r;
	r = add_image(&a, e);
	added.n_layers = (unsigned)a.source.n_layers;
	if (a.staged[0])
		(void)tree_remove(store->fd, a.staged, &lost);
	store_unlock(store);
	source_done(&a.source);
	config_free_list(a.chain);
	if (r == 0)
		*ret = added;
	return r;
}
