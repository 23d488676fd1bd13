#include "master_stub/marathon/definition/refusal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/utf8.h"

static const struct {
	int status, code;
} codes[] = {
	{ 400, EINVAL }, { 422, EINVAL }, { 403, EPERM },  { 404, ENOENT },
	{ 405, ENOTSUP }, { 409, EBUSY }, { 503, ENOMEM },
};

static int code_of(int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		if (codes[i].status == status)
			return -codes[i].code;
	}
	return -EIO;
}

void refusal_done(struct refusal *refusal)
{
	json_decref(refusal->body);
	*refusal = (struct refusal){ 0 };
}

int refuse_with_text(struct refusal *refusal, int status, const char *message, const char *text)
{
	refusal_done(refusal);
	refusal->status = status;
	refusal->body = text ? json_pack("{s:s, s:s}", "message", message, "details", text)
			     : json_pack("{s:s}", "message", message);
	return code_of(status);
}

int refuse(struct refusal *refusal, int status, const char *fmt, ...)
{
	AUTO_FREE char *sound = NULL;
	char message[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	/* It may quote what no JSON text can hold, or end in half a character. */
	sound = utf8_repair(message, strlen(message));
	return sound ? refuse_with_text(refusal, status, sound, NULL) : refuse_memory(refusal);
}

int refuse_memory(struct refusal *refusal)
{
	return refuse_with_text(refusal, 503, "out of memory", NULL);
}

void problems_done(struct problems *problems)
{
	json_decref(problems->by_path);
	*problems = (struct problems){ 0 };
}

void problems_add(struct problems *problems, const char *path, const char *fmt, ...)
{
	char sentence[512];
	json_t *errors;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	if (!problems->by_path)
		problems->by_path = json_object();
	errors = json_object_get(problems->by_path, path);
	if (!errors) {
		errors = json_array();
		if (json_object_set_new_nocheck(problems->by_path, path, errors) < 0) {
			problems->out_of_memory = true;
			return;
		}
	}
	/* Foreign text cut by the buffer may end inside a character: then it is left out. */
	if (json_array_append_new(errors, json_string(sentence)) < 0 &&
	    json_array_append_new(errors, json_string("is not valid")) < 0)
		problems->out_of_memory = true;
}

bool problems_any(const struct problems *problems)
{
	return problems->out_of_memory || json_object_size(problems->by_path) > 0;
}

int refuse_problems(struct refusal *refusal, const char *message, const struct problems *problems)
{
	json_t *details = json_array(), *errors;
	const char *path;

	if (problems->out_of_memory) {
		json_decref(details);
		return refuse_memory(refusal);
	}
	json_object_foreach(problems->by_path, path, errors)
		(void)json_array_append_new(details, json_pack("{s:s, s:O}", "path", path, "errors",
							       errors));
	refusal_done(refusal);
	refusal->status = 422;
	refusal->body = json_pack("{s:s, s:o}", "message", message, "details", details);
	return -EINVAL;
}
