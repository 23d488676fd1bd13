#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/operator_api.h"
#include "agent/sandbox.h"
#include "lib/err.h"
#include "net/http_server.h"

/* ---- LIST_FILES ---- */

static json_t *time_view(const struct timespec *time)
{
	const json_int_t ns_per_s = 1000000000;

	return json_pack("{s:I}", "nanoseconds", time->tv_sec * ns_per_s + time->tv_nsec);
}

static int add_info(void *arg, const char *path, const struct stat *st)
{
	/* A name that is not UTF-8 has no place in a string of the API. */
	json_t *view = json_pack("{s:s, s:I, s:I, s:o, s:I, s:o, s:o}", "path", path,
				 "nlink", (json_int_t)st->st_nlink,
				 "size", (json_int_t)st->st_size, "mtime", time_view(&st->st_mtim),
				 "mode", (json_int_t)st->st_mode,
				 "uid", json_sprintf("%u", st->st_uid),
				 "gid", json_sprintf("%u", st->st_gid));

	return view && json_array_append_new(arg, view) < 0 ? -ENOMEM : 0;
}

static int list_files(struct http_request *req, const OperatorCall *call, struct err *e)
{
	json_t *infos = json_array();
	int r = sandbox_list(http_request_app(req), call->list_files->path, add_info, infos, e);

	if (r < 0) {
		json_decref(infos);
		return r;
	}
	return operator_reply_json(req, json_pack("{s:s, s:{s:o}}", "type", "LIST_FILES",
						  "list_files", "file_infos", infos), e);
}

/* ---- READ_FILE ---- */

static int read_file(struct http_request *req, const OperatorCall *call, struct err *e)
{
	Mesos__V1__Agent__Response response = MESOS__V1__AGENT__RESPONSE__INIT;
	Mesos__V1__Agent__Response__ReadFile body = MESOS__V1__AGENT__RESPONSE__READ_FILE__INIT;
	const Mesos__V1__Agent__Call__ReadFile *asked = call->read_file;
	size_t size = SANDBOX_READ_MAX;
	AUTO_FREE char *data = NULL;
	int r;

	if (asked->has_length && asked->length < size)
		size = (size_t)asked->length;
	r = sandbox_read(http_request_app(req), asked->path, asked->offset, &size, &data,
			 &body.size, e);
	if (r < 0)
		return r;
	body.data = (ProtobufCBinaryData){ .data = (uint8_t *)data, .len = size };
	response.has_type = 1;
	response.type = MESOS__V1__AGENT__RESPONSE__TYPE__READ_FILE;
	response.read_file = &body;
	return operator_reply(req, &response, e);
}

static const struct operator_call rows[] = {
	OPERATOR_CALL(LIST_FILES, list_files, list_files),
	OPERATOR_CALL(READ_FILE, read_file, read_file),
};
const struct operator_calls operator_files_calls = OPERATOR_CALLS(rows);
