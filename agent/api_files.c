#include <dirent.h>
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
#include "agent/sandbox.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/http_server.h"

enum { MAX_ENTRIES = 10000, DOWNLOAD_MAX = 16 << 20 };

static int open_asked(struct http_request *req, int wants_dir, const char **ret_path,
		      struct err *e)
{
	const char *path = http_request_query(req, "path");

	if (!path || path[0] != '/')
		return err_set(e, EINVAL, "read query: path is missing or not absolute");
	*ret_path = path;
	return sandbox_open(http_request_app(req), path, wants_dir, e);
}

/* ---- browse ---- */

static json_t *entry_view(const char *dir, const char *name, const struct stat *st)
{
	static const char letters[] = "rwxrwxrwx";
	char mode[11] = "----------";
	char path[PATH_MAX + 256];

	mode[0] = S_ISDIR(st->st_mode) ? 'd' : S_ISLNK(st->st_mode) ? 'l' : '-';
	for (int i = 0; i < 9; i++) {
		if (st->st_mode & (0400u >> i))
			mode[i + 1] = letters[i];
	}
	(void)snprintf(path, sizeof(path), "%s%s%s", dir,
		       dir[strlen(dir) - 1] == '/' ? "" : "/", name);
	/* A name that is not UTF-8 has no place in JSON. */
	return json_pack("{s:s, s:s, s:f, s:I, s:s, s:I, s:s}", "gid", "", "mode", mode, "mtime",
			 (double)st->st_mtim.tv_sec, "nlink", (json_int_t)st->st_nlink,
			 "path", path, "size", (json_int_t)st->st_size, "uid", "");
}

static void set_owner(json_t *view, const struct stat *st)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%u", st->st_uid);
	json_object_set_new(view, "uid", json_string(text));
	(void)snprintf(text, sizeof(text), "%u", st->st_gid);
	json_object_set_new(view, "gid", json_string(text));
}

int api_files_browse(struct http_request *req, struct err *e)
{
	const struct dirent *entry;
	const char *path;
	json_t *list, *view;
	struct stat st;
	DIR *dir;
	int fd = open_asked(req, 1, &path, e);

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		fd_close(&fd);
		return err_set(e, ENOMEM, "browse '%.300s'", path);
	}
	list = json_array();
	while ((entry = readdir(dir)) && json_array_size(list) < MAX_ENTRIES) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		view = entry_view(path, entry->d_name, &st);
		if (view) {
			set_owner(view, &st);
			json_array_append_new(list, view);
		}
	}
	closedir(dir);
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
	AUTO_CLOSE int fd = -EBADF;
	int64_t offset, length;
	const char *path;
	struct stat st;
	ssize_t n;
	int r;

	if ((r = query_number(req, "offset", -1, &offset, e)) < 0 ||
	    (r = query_number(req, "length", -1, &length, e)) < 0)
		return r;
	fd = open_asked(req, 0, &path, e);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "read '%.300s'", path);
	if (offset < 0)
		return api_reply(req, json_pack("{s:s, s:I}", "data", "", "offset",
						(json_int_t)st.st_size), e);
	if (length < 0 || length > SANDBOX_READ_MAX)
		length = SANDBOX_READ_MAX;
	data = malloc((size_t)length + 1);
	if (!data)
		return err_set(e, ENOMEM, "read '%.300s'", path);
	n = pread(fd, data, (size_t)length, offset);
	if (n < 0)
		return err_set(e, errno, "read '%.300s'", path);
	return api_reply(req, json_pack("{s:o, s:I}", "data", text_view(data, (size_t)n), "offset",
					(json_int_t)offset), e);
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

	fd = open_asked(req, 0, &path, e);
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
