#include "containerizer/image/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "containerizer/image/store.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_in.h"
#include "lib/json_fields.h"

enum { MAX_LAYERS = 256, MAX_RECORDS = 100000 };

#define ROW(key_, member_, kind_, required_, min_, max_) \
	{ .key = (key_), .kind = (kind_), .off = offsetof(struct record, member_), \
	  .required = (required_), .min = (min_), .max = (max_) }

static const struct json_field fields[] = {
	ROW("name", name, JSON_F_STR, true, 0, 512),
	ROW("manifest", manifest, JSON_F_STR, true, 1, DIGEST_SIZE),
	ROW("config", config, JSON_F_STR, true, 1, DIGEST_SIZE),
	ROW("chain", chain, JSON_F_STR_LIST, true, 0, MAX_LAYERS),
	ROW("bytes", bytes, JSON_F_U64, false, 0, INT64_MAX),
	ROW("added", added_ms, JSON_F_U64, false, 0, INT64_MAX),
};

void record_done(struct record *record)
{
	json_free_fields(fields, ARRAY_SIZE(fields), record);
	free(record->file);
	*record = (struct record){ 0 };
}

const char *record_file(const char *name, char buf[RECORD_FILE_SIZE])
{
	size_t used = 0;

	for (; *name && used + sizeof("%2F.json") < RECORD_FILE_SIZE; name++)
		used += (size_t)snprintf(buf + used, RECORD_FILE_SIZE - used,
					 *name == '/' ? "%%2F" : "%c", *name);
	(void)snprintf(buf + used, RECORD_FILE_SIZE - used, ".json");
	return buf;
}

static int open_dir(struct image_store *store, const char *dir, struct err *e)
{
	int fd = openat(store->fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? err_set(e, errno, "open '%s' in image store '%s'", dir, store->path) : fd;
}

static int check(const struct record *record, const char *file, struct err *e)
{
	if (!digest_is_valid(record->manifest) || !digest_is_valid(record->config))
		return err_set(e, EINVAL, "read '%s': not a digest", file);
	for (char **id = record->chain; *id; id++) {
		if (!digest_is_valid(*id))
			return err_set(e, EINVAL, "read '%s': layer '%.200s' is not a digest",
				       file, *id);
	}
	return 0;
}

static int read_at(int dir_fd, const char *file, struct record *ret, struct err *e)
{
	struct record record = { 0 };
	json_auto_t *json = NULL;
	struct stat st;
	int r = file_in_read_json(dir_fd, file, STORE_MAX_DOCUMENT, &json, e);

	if (r < 0)
		return r;
	r = json_read_fields(json, file, fields, ARRAY_SIZE(fields), &record, e);
	if (r == 0)
		r = check(&record, file, e);
	if (r == 0 && fstatat(dir_fd, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = err_set(e, errno, "read '%s'", file);
	if (r == 0) {
		record.used_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
		record.file = strdup(file);
		if (!record.file)
			r = err_set(e, ENOMEM, "read '%s'", file);
	}
	if (r < 0)
		record_done(&record);
	else
		*ret = record;
	return r;
}

int record_read(struct image_store *store, const char *dir, const char *file, struct record *ret,
		struct err *e)
{
	AUTO_CLOSE int fd = open_dir(store, dir, e);

	return fd < 0 ? fd : read_at(fd, file, ret, e);
}

int record_write(struct image_store *store, const char *dir, const char *file,
		 const struct record *record, struct err *e)
{
	json_auto_t *json = NULL;
	json_t *chain = json_array();

	for (char **id = record->chain; chain && *id; id++)
		json_array_append_new(chain, json_string(*id));
	json = json_pack("{s:s, s:s, s:s, s:o, s:I, s:I}", "name", record->name, "manifest",
			 record->manifest, "config", record->config, "chain", chain, "bytes",
			 (json_int_t)record->bytes, "added", (json_int_t)record->added_ms);
	if (!json)
		return err_set(e, ENOMEM, "write '%s'", file);
	return store_write_record(store, dir, file, json, e);
}

int record_remove(struct image_store *store, const char *dir, const char *file, struct err *e)
{
	AUTO_CLOSE int fd = open_dir(store, dir, e);

	if (fd < 0)
		return fd;
	if (unlinkat(fd, file, 0) < 0)
		return err_set(e, errno, "remove '%s'", file);
	return fsync(fd) < 0 ? err_set(e, errno, "remove '%s'", file) : 0;
}

void record_touch(struct image_store *store, const struct record *record)
{
	AUTO_CLOSE int fd = openat(store->fd, STORE_IMAGES, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		(void)utimensat(fd, record->file, NULL, AT_SYMLINK_NOFOLLOW);
}

static int add_record(struct records *records, int dir_fd, const char *file, struct err *e)
{
	struct err damage = { 0 };
	int r;

	if (records->n == records->allocated) {
		size_t n = records->allocated ? 2 * records->allocated : 16;
		struct record *more = reallocarray(records->items, n, sizeof(*more));

		if (!more || n > MAX_RECORDS) {
			records->items = more ? more : records->items;
			return err_set(e, ENOMEM, "read images");
		}
		records->items = more;
		records->allocated = n;
	}
	r = read_at(dir_fd, file, &records->items[records->n], &damage);
	/* Removed meanwhile, or damaged: neither keeps the others from being seen. */
	if (r == 0)
		records->n++;
	else if (r != -ENOENT)
		records->n_damaged++;
	return 0;
}

int records_read(struct image_store *store, const char *dir, struct records *ret, struct err *e)
{
	struct records records = { 0 };
	int fd = open_dir(store, dir, e), r = 0;
	const struct dirent *entry;
	DIR *stream;

	if (fd < 0)
		return fd;
	stream = fdopendir(fd);
	if (!stream) {
		fd_close(&fd);
		return err_set(e, ENOMEM, "read images");
	}
	while (r == 0 && (entry = readdir(stream))) {
		if (entry->d_name[0] != '.')
			r = add_record(&records, fd, entry->d_name, e);
	}
	closedir(stream);
	if (r < 0)
		records_done(&records);
	else
		*ret = records;
	return r;
}

void records_done(struct records *records)
{
	for (size_t i = 0; i < records->n; i++)
		record_done(&records->items[i]);
	free(records->items);
	*records = (struct records){ 0 };
}
