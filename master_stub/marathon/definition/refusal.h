/* Why a /v2 request is refused: the status and the body that Marathon's clients parse. */
#ifndef MASTER_STUB_MARATHON_DEFINITION_REFUSAL_H
#define MASTER_STUB_MARATHON_DEFINITION_REFUSAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Zero-initialised is empty; refusal_done() or the one who sends the body frees it. */
struct refusal {
	int status;
	json_t *body;
};

void refusal_done(struct refusal *refusal);

/*
 * {"message": ...} under STATUS (reference/marathon.md 1.1).  Returns -errno for it, so that
 * "return refuse(...)" is the whole error path.
 */
int refuse(struct refusal *refusal, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int refuse_memory(struct refusal *refusal);

/* The same with "details": TEXT. */
int refuse_with_text(struct refusal *refusal, int status, const char *message, const char *text);

/* What is wrong with a document: errors by path.  Zero-initialised is empty. */
struct problems {
	json_t *by_path;	/* path -> [sentence]; in the order they were found */
	bool out_of_memory;
};

void problems_done(struct problems *problems);
void problems_add(struct problems *problems, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool problems_any(const struct problems *problems);

/* 422 with details [{path, errors}]; MESSAGE tells the schema's errors from the semantic ones. */
int refuse_problems(struct refusal *refusal, const char *message, const struct problems *problems);

#endif
