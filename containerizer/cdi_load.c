/* Container Device Interface: the vendors' documents and the devices in them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "containerizer/cdi_parts.h"
#include "containerizer/spec_parts.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_in.h"

enum { MAX_FILES = 256, MAX_DEVICES = 4096, MAX_DOCUMENT = 1 << 20, MAX_DIRS = 16 };

static const char *const versions[] = {
	"0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", "1.0.0",
};

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char alphanumerics[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/* LENGTH bytes of letters, digits and MORE, beginning with one of FIRST, ending with neither. */
static bool is_word(const char *text, size_t length, const char *first, const char *more)
{
	if (length == 0 || length > 128 || !strchr(first, text[0]) ||
	    !strchr(alphanumerics, text[length - 1]))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!strchr(alphanumerics, text[i]) && !strchr(more, text[i]))
			return false;
	}
	return true;
}

static bool is_kind(const char *text, size_t length)
{
	const char *slash = memchr(text, '/', length);
	size_t vendor = slash ? (size_t)(slash - text) : 0;

	return slash && is_word(text, vendor, letters, "._-") &&
		is_word(slash + 1, length - vendor - 1, letters, "_-");
}

bool cdi_is_name(const char *text)
{
	const char *equals = strchr(text, '=');

	return equals && is_kind(text, (size_t)(equals - text)) &&
		is_word(equals + 1, strlen(equals + 1), alphanumerics, "_.:-");
}

struct document_item {
	char *version, *kind;
	json_t *annotations, *devices, *edits;
};

static const struct json_field document_fields[] = {
	FIELD_STR(struct document_item, version, "cdiVersion", true, 1, 32),
	FIELD_STR(struct document_item, kind, "kind", true, 3, 260),
	FIELD_JSON(struct document_item, annotations, "annotations", false),
	FIELD_JSON(struct document_item, devices, "devices", true),
	FIELD_JSON(struct document_item, edits, "containerEdits", false),
};

struct device_item {
	char *name;
	json_t *annotations, *edits;
};

static const struct json_field device_fields[] = {
	FIELD_STR(struct device_item, name, "name", true, 1, 128),
	FIELD_JSON(struct device_item, annotations, "annotations", false),
	FIELD_JSON(struct device_item, edits, "containerEdits", true),
};

static bool is_known_version(const char *version)
{
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		if (strcmp(versions[i], version) == 0)
			return true;
	}
	return false;
}

static int add_device(struct cdi *cdi, const struct document_item *doc, const json_t *object,
		      size_t i, struct cdi_device *device, struct err *e)
{
	struct device_item item = { 0 };
	char where[64];
	int r;

	(void)snprintf(where, sizeof(where), "devices[%zu]", i);
	if (cdi->n_devices == MAX_DEVICES)
		return err_set(e, ERANGE, "%s: more than %d devices", where, MAX_DEVICES);
	r = json_read_fields(object, where, device_fields, ARRAY_SIZE(device_fields), &item, e);
	if (r < 0)
		return r;
	if (asprintf(&device->name, "%s=%s", doc->kind, item.name) < 0) {
		device->name = NULL;
		r = err_set(e, ENOMEM, "%s: read device", where);
	} else if (!cdi_is_name(device->name)) {
		r = err_set(e, EINVAL, "%s.name: '%s' is not a name", where, item.name);
	} else {
		device->edits = json_incref(item.edits);
		device->common = doc->edits ? json_incref(doc->edits) : NULL;
	}
	json_free_fields(device_fields, ARRAY_SIZE(device_fields), &item);
	return r;
}

static void free_device(struct cdi_device *device)
{
	free(device->name);
	free(device->file);
	json_decref(device->edits);
	json_decref(device->common);
}

/* All of a document or nothing of it. */
static int add_devices(struct cdi *cdi, const struct document_item *doc, const char *file,
		       unsigned dir, struct err *e)
{
	size_t n = json_array_size(doc->devices), before = cdi->n_devices;
	struct cdi_device *grown;
	int r = 0;

	if (!is_known_version(doc->version))
		return err_set(e, EINVAL, "cdiVersion: '%s' is not known", doc->version);
	if (!is_kind(doc->kind, strlen(doc->kind)))
		return err_set(e, EINVAL, "kind: '%.64s' is not VENDOR/CLASS", doc->kind);
	if (n == 0 || n > MAX_DEVICES)
		return err_set(e, ERANGE, "devices: not a list of 1 to %d", MAX_DEVICES);
	grown = realloc(cdi->devices, (before + n) * sizeof(*grown));
	if (!grown)
		return err_set(e, ENOMEM, "devices: read list");
	cdi->devices = grown;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct cdi_device *device = &grown[cdi->n_devices];

		*device = (struct cdi_device){ .dir = dir, .file = strdup(file) };
		r = add_device(cdi, doc, json_array_get(doc->devices, i), i, device, e);
		cdi->n_devices++;
	}
	while (r < 0 && cdi->n_devices > before)
		free_device(&cdi->devices[--cdi->n_devices]);
	return r;
}

int cdi_add(struct cdi *cdi, const json_t *document, const char *file, unsigned dir, struct err *e)
{
	struct document_item doc = { 0 };
	int r = json_read_fields(document, "document", document_fields,
				 ARRAY_SIZE(document_fields), &doc, e);

	if (r < 0)
		return r;
	r = add_devices(cdi, &doc, file, dir, e);
	json_free_fields(document_fields, ARRAY_SIZE(document_fields), &doc);
	return r;
}

struct cdi *cdi_new(void)
{
	return calloc(1, sizeof(struct cdi));
}

void cdi_free(struct cdi *cdi)
{
	if (!cdi)
		return;
	for (size_t i = 0; i < cdi->n_devices; i++)
		free_device(&cdi->devices[i]);
	free(cdi->devices);
	free(cdi);
}

/* ---- directories ---- */

static void load_file(struct cdi *cdi, int dir_fd, const char *name, unsigned dir)
{
	json_auto_t *document = NULL;
	struct err e = { 0 };
	int r = file_in_read_json(dir_fd, name, MAX_DOCUMENT, &document, &e);

	if (r >= 0)
		r = cdi_add(cdi, document, name, dir, &e);
	if (r >= 0)
		return;
	/* The first is as good as any for a hint. */
	if (cdi->n_broken++ == 0)
		(void)snprintf(cdi->broken, sizeof(cdi->broken), "%.64s: %.150s", name, e.msg);
}

static bool has_suffix(const char *name)
{
	size_t length = strlen(name);

	return length > 5 && strcmp(name + length - 5, ".json") == 0;
}

static int load_directory(struct cdi *cdi, const char *path, unsigned dir, struct err *e)
{
	DIR *list = opendir(path);
	const struct dirent *entry;
	unsigned n = 0;
	int r = 0;

	if (!list)
		return errno == ENOENT ? 0 : err_set(e, errno, "open directory '%s'", path);
	while (r == 0 && (entry = readdir(list))) {
		if (entry->d_name[0] == '.' || !has_suffix(entry->d_name))
			continue;
		if (n++ == MAX_FILES)
			r = err_set(e, ERANGE, "read '%s': more than %d documents", path,
				    MAX_FILES);
		else
			load_file(cdi, dirfd(list), entry->d_name, dir);
	}
	(void)closedir(list);
	return r;
}

int cdi_load(const char *dirs, struct cdi **ret, struct err *e)
{
	AUTO_FREE char *copy = strdup(dirs);
	struct cdi *cdi = cdi_new();
	char *rest = copy, *path;
	unsigned dir = 0;
	int r = copy && cdi ? 0 : err_set(e, ENOMEM, "read devices");

	while (r == 0 && (path = strsep(&rest, ","))) {
		if (path[0] != '/' || dir == MAX_DIRS)
			r = err_set(e, EINVAL, "read devices of '%.64s': not one of at most %d "
				    "absolute paths", path, MAX_DIRS);
		else
			r = load_directory(cdi, path, dir++, e);
	}
	if (r < 0) {
		cdi_free(cdi);
		return r;
	}
	*ret = cdi;
	return 0;
}

int cdi_stat_node(const char *path, char *ret_type, unsigned *ret_major, unsigned *ret_minor,
		  struct err *e)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set(e, errno, "find device '%s'", path);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(e, EINVAL, "find device '%s': it is none", path);
	*ret_type = S_ISBLK(st.st_mode) ? 'b' : 'c';
	*ret_major = major(st.st_rdev);
	*ret_minor = minor(st.st_rdev);
	return 0;
}
