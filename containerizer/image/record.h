/* What the store knows under a name: an image, its layers and when it was used. */
#ifndef CONTAINERIZER_IMAGE_RECORD_H
#define CONTAINERIZER_IMAGE_RECORD_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct image_store;

struct record {
	char *name;		/* "web:1"; of a use, the name of its image */
	char *manifest, *config;	/* digests */
	char **chain;		/* the layers' chain ids, the lowest first; NULL-terminated */
	uint64_t bytes, added_ms;
	int64_t used_ms;	/* the file's mtime */
	char *file;		/* its name below DIR */
};

void record_done(struct record *record);

/* "web:1" to "web:1.json", each '/' as "%2F"; an id of a container alike. */
enum { RECORD_FILE_SIZE = 1024 };
const char *record_file(const char *name, char buf[RECORD_FILE_SIZE]);

/* -ENOENT without a message worth telling when there is none. */
int record_read(struct image_store *store, const char *dir, const char *file, struct record *ret,
		struct err *e);
int record_write(struct image_store *store, const char *dir, const char *file,
		 const struct record *record, struct err *e);
int record_remove(struct image_store *store, const char *dir, const char *file, struct err *e);

/* It was used now. */
void record_touch(struct image_store *store, const struct record *record);

struct records {
	struct record *items;
	size_t n, allocated;
	size_t n_damaged;	/* that could not be read */
};

/* All of DIR; ends with records_done(). */
int records_read(struct image_store *store, const char *dir, struct records *ret, struct err *e);
void records_done(struct records *records);

#endif
