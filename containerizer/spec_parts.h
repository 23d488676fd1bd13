/* The pieces of the OCI reader, and the field macros that its tables share. */
#ifndef CONTAINERIZER_SPEC_PARTS_H
#define CONTAINERIZER_SPEC_PARTS_H

#include <jansson.h>
#include <limits.h>
#include <stdint.h>

#include "lib/json_fields.h"

struct err;
struct spec;
struct spec_id_map;

#define FIELD(type, member, key_, kind_, required_, min_, max_) \
	{ .key = (key_), .kind = (kind_), .required = (required_), \
	  .off = offsetof(type, member), .min = (uint64_t)(min_), .max = (uint64_t)(max_) }
#define FIELD_STR(type, member, key, required, min, max) \
	FIELD(type, member, key, JSON_F_STR, required, min, max)
#define FIELD_U64(type, member, key, required, min, max) \
	FIELD(type, member, key, JSON_F_U64, required, min, max)
#define FIELD_I64(type, member, key, min, max) FIELD(type, member, key, JSON_F_I64, false, min, max)
#define FIELD_BOOL(type, member, key) FIELD(type, member, key, JSON_F_BOOL, false, 0, 0)
#define FIELD_LIST(type, member, key, max) FIELD(type, member, key, JSON_F_STR_LIST, false, 0, max)
#define FIELD_JSON(type, member, key, required) \
	FIELD(type, member, key, JSON_F_JSON, required, 0, 0)
#define FIELD_IGNORED(key_) { .key = (key_), .kind = JSON_F_IGNORED }

enum {
	SPEC_MAX_ENTRIES = 4096,	/* of any list in the document */
	SPEC_WHERE_SIZE = 96,		/* "linux.resources.blockIO.throttleReadIOPSDevice[17]" */
};

/* ARRAY's items one by one, with WHERE[i] for messages; the first error ends it.  NULL is empty. */
typedef int spec_item_fn(const json_t *item, const char *where, size_t i, struct spec *spec,
			 struct err *e);
int spec_each(const json_t *array, const char *where, spec_item_fn *fn, struct spec *spec,
	      struct err *e);

/* N zeroed items of SIZE for a list; owned.  NULL with E set. */
void *spec_alloc(size_t n, size_t size, const char *where, struct err *e);

/*
 * Makes the absolute PATH the shortest name of the same: no ".", "..", double or last slash, for the
 * isolators compare whole names.  By the text alone: ".." after a link is what is written before it.
 */
void spec_clean_path(char *path);

/* A list of {containerID, hostID, size}; *RET is owned and untouched if ARRAY is NULL. */
int spec_read_id_map(const json_t *array, const char *where, struct spec_id_map **ret,
		     size_t *ret_n, struct err *e);

int spec_read_mounts(const json_t *array, struct spec *spec, struct err *e);
int spec_read_namespaces(const json_t *array, struct spec *spec, struct err *e);
int spec_read_time_offsets(const json_t *object, struct spec *spec, struct err *e);
int spec_read_hooks(const json_t *object, struct spec *spec, struct err *e);
int spec_read_process(const json_t *object, struct spec *spec, struct err *e);
int spec_read_scheduler(const json_t *object, struct spec *spec, struct err *e);
int spec_read_io_priority(const json_t *object, struct spec *spec, struct err *e);
int spec_read_affinity(const json_t *object, struct spec *spec, struct err *e);
int spec_read_personality(const json_t *object, struct spec *spec, struct err *e);
int spec_read_linux(const json_t *object, struct spec *spec, struct err *e);
int spec_read_device_rules(const json_t *array, struct spec *spec, struct err *e);
int spec_read_block_io(const json_t *object, struct spec *spec, struct err *e);
int spec_read_hugepages(const json_t *array, struct spec *spec, struct err *e);
int spec_read_rdma(const json_t *object, struct spec *spec, struct err *e);
int spec_read_resources(const json_t *object, struct spec *spec, struct err *e);
/* TEXT of annotation io.tepui.network. */
int spec_read_networks(const char *text, struct spec *spec, struct err *e);
int spec_read_annotations(const json_t *object, struct spec *spec, struct err *e);

#endif
