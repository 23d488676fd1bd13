/* JSON as text, written piece by piece: for answers that are too long to be a tree first. */
#ifndef LIB_JSON_OUT_H
#define LIB_JSON_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised is empty.  Commas come by themselves; that brackets match is up to the caller. */
struct json_out {
	char *data;		/* not NUL-terminated */
	size_t size, cap;
	bool needs_comma;
	bool is_failed;		/* memory is out: nothing is written any more */
};

void json_out_done(struct json_out *out);
/* Forget what was written, but not the place in the document. */
void json_out_clear(struct json_out *out);
/* The text with a NUL, owned by the caller; NULL when memory is or was out.  OUT is empty then. */
char *json_out_take(struct json_out *out, size_t *ret_size);

/* '{' or '[', and their ends. */
void json_out_open(struct json_out *out, char bracket);
void json_out_close(struct json_out *out, char bracket);
/* A value, or an open bracket, has to follow. */
void json_out_key(struct json_out *out, const char *key);

/* Bytes that are no UTF-8 are replaced. */
void json_out_string(struct json_out *out, const char *text);
void json_out_int(struct json_out *out, int64_t value);
/* What no reader's integer may hold goes as a string. */
void json_out_uint(struct json_out *out, uint64_t value);
/* Always with a fraction or an exponent; what is not finite goes as a string. */
void json_out_real(struct json_out *out, double value);
void json_out_bool(struct json_out *out, bool value);
void json_out_null(struct json_out *out);

/* A key with its value, or nothing at all where TEXT is NULL. */
void json_out_key_string(struct json_out *out, const char *key, const char *text);
void json_out_key_uint(struct json_out *out, const char *key, uint64_t value);

/* Bytes that are JSON already: one value, or some members, whole. */
void json_out_text(struct json_out *out, const char *text, size_t size);
/* A whole tree, which is released; as deep as it is.  NULL: memory is out. */
void json_out_tree(struct json_out *out, json_t *value_take);
/* Any bytes, such as what stands around a document. */
void json_out_raw(struct json_out *out, const void *data, size_t size);

#endif
