#include "containerizer/image/prune.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "containerizer/image/record.h"
#include "containerizer/image/reference.h"
#include "containerizer/image/store.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/tree.h"

/* Of images that stay, as their records have them: sorted and owned. */
struct names {
	char **items;
	size_t n;
};

/* How far one round of removals may go. */
struct wish {
	unsigned max_images;
	const struct names *kept;
};

/* Everything that is known, and so what is referred to. */
struct survey {
	struct records images, uses;
	const char **digests;	/* of what stays: sorted, borrowed from the records */
	size_t n;
};

static void survey_done(struct survey *survey)
{
	free(survey->digests);
	records_done(&survey->images);
	records_done(&survey->uses);
	*survey = (struct survey){ 0 };
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t count_digests(const struct records *records)
{
	size_t n = 0;

	for (size_t i = 0; i < records->n; i++) {
		n += 2;
		for (char **id = records->items[i].chain; *id; id++)
			n++;
	}
	return n;
}

static void add_digests(struct survey *survey, const struct records *records)
{
	for (size_t i = 0; i < records->n; i++) {
		survey->digests[survey->n++] = records->items[i].manifest;
		survey->digests[survey->n++] = records->items[i].config;
		for (char **id = records->items[i].chain; *id; id++)
			survey->digests[survey->n++] = *id;
	}
}

static int survey_sort(struct survey *survey, struct err *e)
{
	size_t n = count_digests(&survey->images) + count_digests(&survey->uses);

	free(survey->digests);
	survey->n = 0;
	survey->digests = calloc(n + 1, sizeof(*survey->digests));
	if (!survey->digests)
		return err_set(e, ENOMEM, "survey images");
	add_digests(survey, &survey->images);
	add_digests(survey, &survey->uses);
	qsort(survey->digests, survey->n, sizeof(*survey->digests), compare_texts);
	return 0;
}

static int survey_take(struct image_store *store, struct survey *survey, struct err *e)
{
	int r = records_read(store, STORE_IMAGES, &survey->images, e);

	if (r == 0)
		r = records_read(store, STORE_USES, &survey->uses, e);
	if (r == 0 && survey->images.n_damaged + survey->uses.n_damaged > 0)
		r = err_set(e, EUCLEAN, "prune images: %zu records of store '%s' cannot be read, "
			    "so what they refer to is not known",
			    survey->images.n_damaged + survey->uses.n_damaged, store->path);
	return r < 0 ? r : survey_sort(survey, e);
}

static bool is_referred_to(const struct survey *survey, const char *digest)
{
	return survey->n && bsearch(&digest, survey->digests, survey->n, sizeof(*survey->digests),
				    compare_texts);
}

static bool is_in_use(const struct survey *survey, const struct record *image)
{
	for (size_t i = 0; i < survey->uses.n; i++) {
		if (strcmp(survey->uses.items[i].manifest, image->manifest) == 0)
			return true;
	}
	return false;
}

/* What is to be removed at leisure: out of sight by one rename each. */
struct doomed {
	char tmp[STORE_NAME_SIZE];
	int fd;
	unsigned n;
};

static int doom_layer(struct image_store *store, const char *path, struct doomed *doomed,
		      struct err *e)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "%u", doomed->n++);
	return renameat(store->fd, path, doomed->fd, name) < 0 ?
		       err_set(e, errno, "remove '%s'", path) : 0;
}

static int remove_blob(struct image_store *store, const char *path, struct doomed *doomed,
		       struct err *e)
{
	(void)doomed;
	return unlinkat(store->fd, path, 0) < 0 ? err_set(e, errno, "remove '%s'", path) : 0;
}

typedef int remove_fn(struct image_store *store, const char *path, struct doomed *doomed,
		      struct err *e);

/* Everything in TOP/ALGORITHM that nothing refers to. */
static int collect(struct image_store *store, const struct survey *survey, const char *top,
		   const char *algorithm, remove_fn *remove, struct doomed *doomed,
		   unsigned *n_removed, struct err *e)
{
	char path[STORE_NAME_SIZE], digest[STORE_NAME_SIZE + 16];
	const struct dirent *entry;
	int r = 0, fd;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s/%s", top, algorithm);
	fd = openat(store->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		fd_close(&fd);
		return err_set(e, errno, "open '%s' in image store '%s'", path, store->path);
	}
	while (r == 0 && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		(void)snprintf(digest, sizeof(digest), "%s:%s", algorithm, entry->d_name);
		if (is_referred_to(survey, digest))
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s/%.128s", top, algorithm, entry->d_name);
		r = remove(store, path, doomed, e);
		*n_removed += r == 0;
	}
	closedir(dir);
	return r;
}

static int collect_all(struct image_store *store, const struct survey *survey,
		       struct doomed *doomed, struct image_pruned *pruned, struct err *e)
{
	static const char *const algorithms[] = { "sha256", "sha512" };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(algorithms) && r == 0; i++) {
		r = collect(store, survey, STORE_LAYERS, algorithms[i], doom_layer, doomed,
			    &pruned->n_layers, e);
		if (r == 0)
			r = collect(store, survey, STORE_BLOBS, algorithms[i], remove_blob, doomed,
				    &pruned->n_blobs, e);
	}
	return r;
}

/* As df(1) reckons: what only root may use does not count. */
static int measure(struct image_store *store, unsigned *ret_percent, struct err *e)
{
	struct statvfs fs;
	uint64_t used, total;

	if (fstatvfs(store->fd, &fs) < 0)
		return err_set(e, errno, "measure the file system of image store '%s'",
			       store->path);
	used = fs.f_blocks - fs.f_bfree;
	total = used + fs.f_bavail;
	*ret_percent = total ? (unsigned)((used * 100 + total - 1) / total) : 0;
	return 0;
}

static bool names_have(const struct names *names, const char *name)
{
	return names->n && bsearch(&name, names->items, names->n, sizeof(*names->items),
				   compare_texts);
}

static bool is_kept(const struct names *kept, const struct record *image)
{
	return names_have(kept, image->name) || names_have(kept, image->manifest);
}

/* The image of SURVEY's that was used longest ago and that nothing runs on; NULL: none. */
static struct record *find_oldest(struct survey *survey, const struct names *kept)
{
	struct record *oldest = NULL;

	for (size_t i = 0; i < survey->images.n; i++) {
		struct record *image = &survey->images.items[i];

		if ((!oldest || image->used_ms < oldest->used_ms) && !is_in_use(survey, image) &&
		    !is_kept(kept, image))
			oldest = image;
	}
	return oldest;
}

static int drop_images(struct image_store *store, struct survey *survey, const struct wish *wish,
		       struct image_pruned *pruned, struct err *e)
{
	unsigned max = wish->max_images;
	struct record *image;

	while (max-- && (image = find_oldest(survey, wish->kept))) {
		int r = record_remove(store, STORE_IMAGES, image->file, e);

		if (r < 0)
			return r;
		record_done(image);
		*image = survey->images.items[--survey->images.n];
		pruned->n_images++;
	}
	return survey_sort(survey, e);
}

static int take_out(struct image_store *store, const struct wish *wish, struct doomed *doomed,
		    struct image_pruned *pruned, struct err *e)
{
	struct survey survey = { 0 };
	int r = survey_take(store, &survey, e);

	if (r == 0)
		r = drop_images(store, &survey, wish, pruned, e);
	if (r == 0)
		r = collect_all(store, &survey, doomed, pruned, e);
	survey_done(&survey);
	return r;
}

/*
 * The exclusive lock is held for renames only: who wants to run an image, as an agent in its loop,
 * does not wait for trees to be removed.  The shared one keeps others from sweeping meanwhile.
 */
static int prune_some(struct image_store *store, const struct wish *wish,
		      struct image_pruned *pruned, struct err *e)
{
	struct doomed doomed = { .fd = -EBADF };
	struct err lost = { 0 };
	int r = store_lock(store, true, e), removed;

	if (r < 0)
		return r;
	doomed.fd = store_make_tmp(store, doomed.tmp, e);
	r = doomed.fd < 0 ? doomed.fd : take_out(store, wish, &doomed, pruned, e);
	fd_close(&doomed.fd);
	(void)store_lock(store, false, &lost);
	err_clear(&lost);
	removed = doomed.tmp[0] ? tree_remove(store->fd, doomed.tmp, &lost) : 0;
	store_unlock(store);
	if (r == 0 && removed < 0)
		*e = lost;
	return r < 0 ? r : removed;
}

static void names_done(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->items[i]);
	free(names->items);
}

static int names_read(char *const *texts, size_t n, struct names *ret, struct err *e)
{
	ret->items = calloc(n + 1, sizeof(*ret->items));
	if (!ret->items)
		return err_set(e, ENOMEM, "prune images");
	for (size_t i = 0; i < n; i++) {
		char name[REFERENCE_TEXT_SIZE];
		struct reference parsed;
		int r = reference_parse(texts[i], &parsed, e);

		if (r >= 0 && parsed.kind != REFERENCE_STORED)
			r = err_set(e, EINVAL, "keep image '%.200s': not a name", texts[i]);
		if (r < 0)
			return r;
		ret->items[i] = strdup(*parsed.digest ? parsed.digest :
				       reference_text(&parsed, name));
		if (!ret->items[i])
			return err_set(e, ENOMEM, "prune images");
		ret->n++;
	}
	qsort(ret->items, n, sizeof(*ret->items), compare_texts);
	return 0;
}

static int prune_to(struct image_store *store, const struct image_prune *how,
		    const struct names *kept, struct image_pruned *pruned, struct err *e)
{
	const struct wish first = { how->all ? UINT_MAX : 0, kept }, one = { 1, kept };
	int r = prune_some(store, &first, pruned, e);
	unsigned n_before;
	bool is_full;

	if (r == 0)
		r = measure(store, &pruned->used_percent, e);
	is_full = how->high_percent && pruned->used_percent > how->high_percent;
	do {
		n_before = pruned->n_images;
		pruned->is_still_above = is_full && pruned->used_percent > how->low_percent;
		if (r == 0 && pruned->is_still_above)
			r = prune_some(store, &one, pruned, e);
		if (r == 0)
			r = measure(store, &pruned->used_percent, e);
	} while (r == 0 && pruned->n_images > n_before);
	return r;
}

int image_prune(struct image_store *store, const struct image_prune *how,
		struct image_pruned *ret, struct err *e)
{
	struct image_pruned pruned = { 0 };
	struct names kept = { 0 };
	int r = names_read(how->kept, how->n_kept, &kept, e);

	if (r == 0)
		r = prune_to(store, how, &kept, &pruned, e);
	names_done(&kept);
	if (r == 0)
		*ret = pruned;
	return r;
}

static bool has_other_name(const struct survey *survey, const struct record *image)
{
	for (size_t i = 0; i < survey->images.n; i++) {
		const struct record *other = &survey->images.items[i];

		if (strcmp(other->manifest, image->manifest) == 0 &&
		    strcmp(other->name, image->name) != 0)
			return true;
	}
	return false;
}

static int remove_name(struct image_store *store, const char *name, bool is_forced, struct err *e)
{
	struct survey survey = { 0 };
	struct record *found = NULL;
	int r = survey_take(store, &survey, e);

	for (size_t i = 0; r == 0 && i < survey.images.n; i++) {
		if (strcmp(survey.images.items[i].name, name) == 0)
			found = &survey.images.items[i];
	}
	if (r == 0 && !found)
		r = err_set_code(e, ENOENT, true, "find image '%s': it is not in the store", name);
	if (r == 0 && !is_forced && is_in_use(&survey, found) && !has_other_name(&survey, found))
		r = err_set(e, EBUSY, "remove image '%s', on which containers run", name);
	if (r == 0)
		r = record_remove(store, STORE_IMAGES, found->file, e);
	survey_done(&survey);
	return r;
}

int image_remove(struct image_store *store, const char *ref, bool is_forced, struct err *e)
{
	char name[REFERENCE_TEXT_SIZE];
	struct reference parsed;
	int r = reference_parse(ref, &parsed, e);

	if (r < 0)
		return r;
	if (parsed.kind != REFERENCE_STORED || !parsed.name[0])
		return err_set(e, EINVAL, "remove image '%.200s': not a name", ref);
	r = store_lock(store, true, e);
	if (r < 0)
		return r;
	r = remove_name(store, reference_text(&parsed, name), is_forced, e);
	store_unlock(store);
	return r;
}
