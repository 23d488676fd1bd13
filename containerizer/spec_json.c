#include "containerizer/spec_json.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "containerizer/handover.h"
#include "containerizer/spec_parts.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_in.h"

int spec_each(const json_t *array, const char *where, spec_item_fn *fn, struct spec *spec,
	      struct err *e)
{
	if (!array)
		return 0;
	if (!json_is_array(array))
		return err_set(e, EINVAL, "%s: not a list", where);
	if (json_array_size(array) > SPEC_MAX_ENTRIES)
		return err_set(e, ERANGE, "%s: more than %d entries", where, SPEC_MAX_ENTRIES);
	for (size_t i = 0; i < json_array_size(array); i++) {
		char item_where[SPEC_WHERE_SIZE];
		int r;

		(void)snprintf(item_where, sizeof(item_where), "%s[%zu]", where, i);
		r = fn(json_array_get(array, i), item_where, i, spec, e);
		if (r < 0)
			return r;
	}
	return 0;
}

void *spec_alloc(size_t n, size_t size, const char *where, struct err *e)
{
	void *list = calloc(n > 0 ? n : 1, size);

	if (!list)
		err_set(e, ENOMEM, "%s: read list", where);
	return list;
}

void spec_clean_path(char *path)
{
	char *to = path;

	for (const char *from = path; *from;) {
		size_t length;

		from += strspn(from, "/");
		length = strcspn(from, "/");
		if (length == 2 && from[0] == '.' && from[1] == '.') {
			while (to > path && *--to != '/')
				;
		} else if (length > 0 && !(length == 1 && from[0] == '.')) {
			*to++ = '/';
			memmove(to, from, length);
			to += length;
		}
		from += length;
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
}

static int read_root(const json_t *object, struct spec *spec, struct err *e)
{
	static const struct json_field fields[] = {
		FIELD_STR(struct spec, root_path, "path", true, 1, PATH_MAX - 1),
		FIELD_BOOL(struct spec, root_readonly, "readonly"),
	};

	return json_read_known_fields(object, "root", fields, ARRAY_SIZE(fields), spec, e);
}

struct document {
	char *version, *hostname, *domainname;
	json_t *process, *root, *mounts, *linux_part, *annotations, *hooks;
};

/*
 * Readers MUST pass over properties that they do not know (OCI config.md, extensibility): here and
 * in its parts, but for resources and seccomp, where a typo would mean no limit.
 */
static const struct json_field document_fields[] = {
	FIELD_STR(struct document, version, "ociVersion", true, 1, 64),
	FIELD_STR(struct document, hostname, "hostname", false, 1, 64),
	FIELD_STR(struct document, domainname, "domainname", false, 1, 64),
	FIELD_JSON(struct document, process, "process", true),
	FIELD_JSON(struct document, root, "root", true),
	FIELD_JSON(struct document, mounts, "mounts", false),
	FIELD_JSON(struct document, linux_part, "linux", true),
	FIELD_JSON(struct document, annotations, "annotations", false),
	FIELD_JSON(struct document, hooks, "hooks", false),
};

static int read_document(struct document *d, struct spec *spec, struct err *e)
{
	int r;

	if (strncmp(d->version, "1.", 2) != 0)
		return err_set(e, EINVAL, "config.ociVersion: '%s' is not 1.x", d->version);
	spec->hostname = TAKE_PTR(d->hostname);
	spec->domainname = TAKE_PTR(d->domainname);
	r = spec_read_process(d->process, spec, e);
	if (r < 0)
		return r;
	r = read_root(d->root, spec, e);
	if (r < 0)
		return r;
	r = spec_read_mounts(d->mounts, spec, e);
	if (r < 0)
		return r;
	r = spec_read_linux(d->linux_part, spec, e);
	if (r < 0)
		return r;
	r = spec_read_hooks(d->hooks, spec, e);
	return r < 0 ? r : spec_read_annotations(d->annotations, spec, e);
}

int spec_from_json(const json_t *doc, struct spec *ret, struct err *e)
{
	struct spec spec = { .umask = 022 };
	struct document d = { 0 };
	int r;

	r = json_read_known_fields(doc, "config", document_fields, ARRAY_SIZE(document_fields), &d,
				   e);
	if (r < 0)
		return r;
	r = read_document(&d, &spec, e);
	json_free_fields(document_fields, ARRAY_SIZE(document_fields), &d);
	if (r < 0) {
		spec_done(&spec);
		return r;
	}
	*ret = spec;
	return 0;
}

static int make_absolute(const char *dir, char **path, struct err *e)
{
	char *absolute;

	if (!*path || **path == '/')
		return 0;
	if (asprintf(&absolute, "%s/%s", dir, *path) < 0)
		return err_set(e, ENOMEM, "copy '%s'", *path);
	free(*path);
	*path = absolute;
	return 0;
}

int spec_make_paths_absolute(const char *dir, struct spec *spec, struct err *e)
{
	int r = make_absolute(dir, &spec->root_path, e);

	if (r == 0 && spec->root_path)
		spec_clean_path(spec->root_path);
	for (size_t i = 0; i < spec->n_mounts && r == 0; i++) {
		if (strcmp(spec->mounts[i].type, "bind") == 0)
			r = make_absolute(dir, &spec->mounts[i].source, e);
	}
	return r;
}

int spec_load(int dir_fd, const char *file, struct spec *ret, struct err *e)
{
	json_auto_t *doc = NULL;
	int r = file_in_read_json(dir_fd, file, SPEC_MAX_DOCUMENT, &doc, e);

	if (r < 0)
		return r;
	r = spec_from_json(doc, ret, e);
	return r < 0 ? err_wrap(e, "%s", file) : 0;
}
