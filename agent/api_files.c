#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/api.h"
#include "agent/container.h"
#include "agent/sandbox.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/http_server.h"

enum { DOWNLOAD_MAX = 16 << 20 };

static int asked_path(struct http_request *req, const char **ret, struct err *e)
{
	*ret = http_request_query(req, "path");
	if (!*ret || **ret != '/')
		return err_set(e, EINVAL, "read query: path is missing or not absolute");
	return 0;
}

/* ---- what there is ---- */

/* A sandbox is asked for by its path on the host, so that both are the same. */
int api_files_debug(struct http_request *req, struct err *e)
{
	const struct agent *agent = http_request_app(req);
	json_t *paths = json_object();

	for (const struct container *c = agent->containers; c; c = c->hh.next) {
		if (c->sandbox)
			json_object_set_new(paths, c->sandbox, json_string(c->sandbox));
	}
	return api_reply(req, paths, e);
}

/* ---- browse ---- */

static int add_entry(void *arg, const char *path, const struct stat *st)
{
	static const char letters[] = "rwxrwxrwx";
	char mode[11] = "----------", uid[24], gid[24];
	json_t *view;

	mode[0] = S_ISDIR(st->st_mode) ? 'd' : S_ISLNK(st->st_mode) ? 'l' : '-';
	for (int i = 0; i < 9; i++) {
		if (st->st_mode & (0400u >> i))
			mode[i + 1] = letters[i];
	}
	(void)snprintf(uid, sizeof(uid), "%u", st->st_uid);
	(void)snprintf(gid, sizeof(gid), "%u", st->st_gid);
	/* A name that is not UTF-8 has no place in JSON. */
	view = json_pack("{s:s, s:s, s:f, s:I, s:s, s:I, s:s}", "gid", gid, "mode", mode, "mtime",
			 (double)st->st_mtim.tv_sec, "nlink", (json_int_t)st->st_nlink,
			 "path", path, "size", (json_int_t)st->st_size, "uid", uid);
	return view && json_array_append_new(arg, view) < 0 ? -ENOMEM : 0;
}

int api_files_browse(struct http_request *req, struct err *e)
{
	const char *path;
	json_t *list;
	int r = asked_path(req, &path, e);

	if (r < 0)
		return r;
	list = json_array();
	r = sandbox_list(http_request_app(req), path, add_entry, list, e);
	if (r < 0) {
		json_decref(list);
		return r;
	}
	return api_reply(req, list, e);
}

/* ---- read ---- */

static int query_number(struct http_request *req, const char *name, int64_t fallback,
			int64_t *ret, struct err *e)
{
	const char *text = http_request_query(req, name);
	char *end;

	*ret = fallback;
	if (!text)
		return 0;
	errno = 0;
	*ret = strtoll(text, &end, 10);
	if (errno || end == text || *end || *ret < -1)
		return err_set(e, EINVAL, "read query: %s is not a number", name);
	return 0;
}

/* Bytes that are not UTF-8 are shown as '?': JSON cannot hold them, and a reader wants the rest. */
static json_t *text_view(char *data, size_t size)
{
	json_t *view = json_stringn(data, size);

	if (view)
		return view;
	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)data[i] >= 0x80)
			data[i] = '?';
	}
	return json_stringn(data, size);
}

int api_files_read(struct http_request *req, struct err *e)
{
	AUTO_FREE char *data = NULL;
	int64_t offset, length;
	uint64_t file_size;
	const char *path;
	size_t size;
	int r;

	if ((r = query_number(req, "offset", -1, &offset, e)) < 0 ||
	    (r = query_number(req, "length", -1, &length, e)) < 0 ||
	    (r = asked_path(req, &path, e)) < 0)
		return r;
	size = offset < 0 ? 0 : length < 0 ? SANDBOX_READ_MAX : (size_t)length;
	r = sandbox_read(http_request_app(req), path, offset < 0 ? 0 : (uint64_t)offset, &size,
			 &data, &file_size, e);
	if (r < 0)
		return r;
	/* Asked for what lies before the start, the answer is how long it is. */
	return api_reply(req, json_pack("{s:o, s:I}", "data", text_view(data, size), "offset",
					offset < 0 ? (json_int_t)file_size : (json_int_t)offset),
			 e);
}

/* ---- download ---- */

static void set_headers(struct http_request *req, const char *path)
{
	const char *slash = strrchr(path, '/');
	char value[300] = "attachment; filename=\"", *end = value + strlen(value);

	/* Only letters that no browser reads as something else. */
	for (const char *p = slash + 1; *p && end < value + sizeof(value) - 2; p++)
		*end++ = strchr("\"\\/%;", *p) || (unsigned char)*p < 0x20 ||
			 (unsigned char)*p >= 0x7f ? '_' : *p;
	*end++ = '"';
	*end = '\0';
	http_reply_header(req, "Content-Disposition", value);
	http_reply_header(req, "X-Content-Type-Options", "nosniff");
	http_reply_header(req, "Content-Security-Policy", "sandbox");
}

/* The end of a file that is larger than what one answer may hold. */
int api_files_download(struct http_request *req, struct err *e)
{
	AUTO_FREE char *data = NULL;
	AUTO_CLOSE int fd = -EBADF;
	size_t size, done = 0;
	const char *path;
	struct stat st;
	off_t start = 0;
	int r = asked_path(req, &path, e);

	if (r < 0)
		return r;
	fd = sandbox_open(http_request_app(req), path, 0, e);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "read '%.300s'", path);
	size = (size_t)st.st_size;
	if (st.st_size > DOWNLOAD_MAX) {
		start = st.st_size - DOWNLOAD_MAX;
		size = DOWNLOAD_MAX;
	}
	data = malloc(size + 1);
	if (!data)
		return err_set(e, ENOMEM, "read '%.300s'", path);
	while (done < size) {
		ssize_t n = pread(fd, data + done, size - done, start + (off_t)done);

		if (n < 0)
			return err_set(e, errno, "read '%.300s'", path);
		if (n == 0)
			break;
		done += (size_t)n;
	}
	set_headers(req, path);
	http_reply(req, 200, "application/octet-stream", data, done);
	return 0;
}
