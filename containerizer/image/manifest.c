#include "containerizer/image/manifest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "containerizer/image/config.h"
#include "containerizer/image/digest.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_fields.h"

enum { MAX_MANIFESTS = 256 };

static const struct {
	const char *type;
	enum media_class class;
} media_types[] = {
	{ "application/vnd.oci.image.manifest.v1+json", MEDIA_MANIFEST },
	{ "application/vnd.docker.distribution.manifest.v2+json", MEDIA_MANIFEST },
	{ "application/vnd.oci.image.index.v1+json", MEDIA_INDEX },
	{ "application/vnd.docker.distribution.manifest.list.v2+json", MEDIA_INDEX },
	{ "application/vnd.oci.image.config.v1+json", MEDIA_CONFIG },
	{ "application/vnd.docker.container.image.v1+json", MEDIA_CONFIG },
	{ "application/vnd.oci.image.layer.v1.tar", MEDIA_LAYER },
	{ "application/vnd.oci.image.layer.v1.tar+gzip", MEDIA_LAYER },
	{ "application/vnd.oci.image.layer.v1.tar+zstd", MEDIA_LAYER },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar", MEDIA_LAYER },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", MEDIA_LAYER },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", MEDIA_LAYER },
	{ "application/vnd.docker.image.rootfs.diff.tar", MEDIA_LAYER },
	{ "application/vnd.docker.image.rootfs.diff.tar.gzip", MEDIA_LAYER },
	{ "application/vnd.docker.image.rootfs.diff.tar.zstd", MEDIA_LAYER },
	{ "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", MEDIA_LAYER },
};

static const struct {
	const char *machine, *architecture;
} architectures[] = {
	{ "x86_64", "amd64" }, { "aarch64", "arm64" }, { "riscv64", "riscv64" },
	{ "ppc64le", "ppc64le" }, { "s390x", "s390x" },
};

#define ROW(type_, key_, member_, kind_, required_, min_, max_) \
	{ .key = (key_), .kind = (kind_), .off = offsetof(type_, member_), \
	  .required = (required_), .min = (min_), .max = (max_) }
#define DESCRIPTOR(key, member, kind, required, min, max) \
	ROW(struct descriptor, key, member, kind, required, min, max)

static const struct json_field descriptor_fields[] = {
	DESCRIPTOR("mediaType", media_type, JSON_F_STR, true, 1, 255),
	DESCRIPTOR("digest", digest, JSON_F_STR, true, 1, DIGEST_SIZE),
	DESCRIPTOR("size", size, JSON_F_U64, true, 1, INT64_MAX),
	DESCRIPTOR("platform", platform_json, JSON_F_JSON, false, 0, 0),
	DESCRIPTOR("annotations", annotations, JSON_F_JSON, false, 0, 0),
};

static const struct json_field platform_fields[] = {
	ROW(struct platform, "os", os, JSON_F_STR, true, 0, 64),
	ROW(struct platform, "architecture", architecture, JSON_F_STR, true, 0, 64),
	ROW(struct platform, "variant", variant, JSON_F_STR, false, 0, 64),
};

struct document {
	uint64_t version;
	char *media_type;
	json_t *manifests, *layers, *config;
};

static const struct json_field document_fields[] = {
	ROW(struct document, "schemaVersion", version, JSON_F_U64, true, 2, 2),
	ROW(struct document, "mediaType", media_type, JSON_F_STR, false, 1, 255),
	ROW(struct document, "manifests", manifests, JSON_F_JSON, false, 0, 0),
	ROW(struct document, "layers", layers, JSON_F_JSON, false, 0, 0),
	ROW(struct document, "config", config, JSON_F_JSON, false, 0, 0),
};

enum media_class media_class(const char *media_type)
{
	for (size_t i = 0; i < ARRAY_SIZE(media_types); i++) {
		if (strcmp(media_types[i].type, media_type) == 0)
			return media_types[i].class;
	}
	return MEDIA_UNKNOWN;
}

static void descriptor_done(struct descriptor *descriptor)
{
	json_free_fields(descriptor_fields, ARRAY_SIZE(descriptor_fields), descriptor);
	json_free_fields(platform_fields, ARRAY_SIZE(platform_fields), &descriptor->platform);
}

static int read_descriptor(const json_t *item, const char *where, struct descriptor *ret,
			   struct err *e)
{
	int r = json_read_known_fields(item, where, descriptor_fields,
				       ARRAY_SIZE(descriptor_fields), ret, e);

	if (r < 0)
		return r;
	if (!digest_is_valid(ret->digest))
		return err_set(e, EINVAL, "%s.digest: '%.150s' is not a digest that can be "
			       "verified", where, ret->digest);
	if (!ret->platform_json)
		return 0;
	return json_read_known_fields(ret->platform_json, where, platform_fields,
				      ARRAY_SIZE(platform_fields), &ret->platform, e);
}

static int read_items(const json_t *array, const char *name, size_t max, struct manifest *m,
		      struct err *e)
{
	size_t n = json_array_size(array);

	if (!json_is_array(array))
		return err_set(e, EINVAL, "manifest.%s: not a list", name);
	if (n > max)
		return err_set(e, EINVAL, "manifest.%s: %zu entries are more than %zu", name, n,
			       max);
	m->items = calloc(n + 1, sizeof(*m->items));
	if (!m->items)
		return err_set(e, ENOMEM, "manifest.%s: read list", name);
	for (m->n_items = 0; m->n_items < n; m->n_items++) {
		char where[64];
		int r;

		(void)snprintf(where, sizeof(where), "manifest.%s[%zu]", name, m->n_items);
		r = read_descriptor(json_array_get(array, m->n_items), where,
				    &m->items[m->n_items], e);
		if (r < 0) {
			descriptor_done(&m->items[m->n_items]);
			return r;
		}
	}
	return 0;
}

static int read_parts(const struct document *d, struct manifest *m, struct err *e)
{
	int r;

	if (m->class == MEDIA_INDEX)
		return read_items(d->manifests, "manifests", MAX_MANIFESTS, m, e);
	r = read_descriptor(d->config, "manifest.config", &m->config, e);
	if (r == 0 && media_class(m->config.media_type) != MEDIA_CONFIG)
		r = err_set(e, EINVAL, "manifest.config.mediaType: '%s' is no image's",
			    m->config.media_type);
	if (r == 0)
		r = read_items(d->layers, "layers", IMAGE_MAX_LAYERS, m, e);
	for (size_t i = 0; r == 0 && i < m->n_items; i++) {
		if (media_class(m->items[i].media_type) != MEDIA_LAYER)
			r = err_set(e, EINVAL, "manifest.layers[%zu].mediaType: '%s' is not "
				    "supported", i, m->items[i].media_type);
	}
	return r;
}

/* One document must not be one thing to one reader and another to the next (CVE-2021-41190). */
static int classify(const struct document *d, const char *media_type, enum media_class *ret,
		    struct err *e)
{
	if (d->manifests && (d->layers || d->config))
		return err_set(e, EINVAL, "manifest: both an index ('manifests') and an image "
			       "('layers', 'config')");
	if (!d->manifests && !(d->layers && d->config))
		return err_set(e, EINVAL, "manifest: neither an index nor an image");
	*ret = d->manifests ? MEDIA_INDEX : MEDIA_MANIFEST;
	if ((media_type && media_class(media_type) != *ret) ||
	    (d->media_type && media_class(d->media_type) != *ret))
		return err_set(e, EINVAL, "manifest.mediaType: '%s' is not what it is",
			       d->media_type ? d->media_type : media_type);
	if (d->media_type && media_type && strcmp(d->media_type, media_type) != 0)
		return err_set(e, EINVAL, "manifest.mediaType: '%s', said to be '%s'",
			       d->media_type, media_type);
	return 0;
}

int manifest_read(const json_t *doc, const char *media_type, struct manifest *ret, struct err *e)
{
	struct manifest m = { 0 };
	struct document d = { 0 };
	int r = json_read_known_fields(doc, "manifest", document_fields,
				       ARRAY_SIZE(document_fields), &d, e);

	if (r == 0)
		r = classify(&d, media_type, &m.class, e);
	if (r == 0)
		r = read_parts(&d, &m, e);
	json_free_fields(document_fields, ARRAY_SIZE(document_fields), &d);
	if (r < 0)
		manifest_done(&m);
	else
		*ret = m;
	return r;
}

void manifest_done(struct manifest *manifest)
{
	descriptor_done(&manifest->config);
	for (size_t i = 0; i < manifest->n_items; i++)
		descriptor_done(&manifest->items[i]);
	free(manifest->items);
	*manifest = (struct manifest){ 0 };
}

void platform_here(struct platform *ret)
{
	static char os[] = "linux", unknown[] = "unknown";
	static char text[32];
	struct utsname name;

	*ret = (struct platform){ .os = os, .architecture = unknown };
	if (uname(&name) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(architectures); i++) {
		if (strcmp(architectures[i].machine, name.machine) == 0) {
			(void)strcpy(text, architectures[i].architecture);
			ret->architecture = text;
		}
	}
}

int platform_parse(char *buf, struct platform *ret, struct err *e)
{
	char *rest = buf;

	ret->os = strsep(&rest, "/");
	ret->architecture = strsep(&rest, "/");
	ret->variant = strsep(&rest, "/");
	if (!*ret->os || !ret->architecture || !*ret->architecture || rest ||
	    (ret->variant && !*ret->variant))
		return err_set(e, EINVAL, "read platform: not OS/ARCHITECTURE[/VARIANT]");
	return 0;
}

static bool is_for(const struct platform *have, const struct platform *want)
{
	return have->os && strcmp(have->os, want->os) == 0 &&
	       strcmp(have->architecture, want->architecture) == 0 &&
	       (!want->variant || (have->variant && strcmp(have->variant, want->variant) == 0));
}

const struct descriptor *manifest_choose(const struct manifest *index,
					 const struct platform *platform)
{
	for (size_t i = 0; i < index->n_items; i++) {
		if (is_for(&index->items[i].platform, platform))
			return &index->items[i];
	}
	/* Whoever packs for one kind of machine alone need not say for which. */
	if (index->n_items == 1 && !index->items[0].platform.os)
		return &index->items[0];
	return NULL;
}

const char *descriptor_annotation(const struct descriptor *descriptor, const char *key)
{
	return json_string_value(json_object_get(descriptor->annotations, key));
}
