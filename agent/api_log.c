#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/api.h"
#include "agent/sandbox.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/http_server.h"

enum { PIECE = 1 << 20, MAX_PARTS = SPEC_MAX_LOG_FILES + 1, MAX_MISSING = 2 };

/*
 * A log is what lies in PATH and, before that, in PATH.1, PATH.2 and so on, while all are being
 * renamed by the supervisor.  A reader's place in it is a file, which the time of its making tells
 * from a younger one with the same inode, and an offset.
 */
struct place {
	uint64_t inode, born, offset;
};

struct part {
	int fd;
	struct place end;		/* when it was opened */
};

struct parts {
	struct part items[MAX_PARTS];	/* the newest first */
	size_t n;
};

static void parts_done(struct parts *parts)
{
	for (size_t i = 0; i < parts->n; i++)
		fd_close(&parts->items[i].fd);
}

static bool is_same(const struct place *a, const struct place *b)
{
	return a->inode == b->inode && a->born == b->born;
}

static int find_end(int fd, struct place *ret)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_SIZE | STATX_BTIME, &stx) < 0)
		return -errno;
	*ret = (struct place){ .inode = stx.stx_ino, .offset = stx.stx_size };
	if (stx.stx_mask & STATX_BTIME)
		ret->born = (uint64_t)stx.stx_btime.tv_sec * 1000000000 + stx.stx_btime.tv_nsec;
	return 0;
}

static int open_part(struct agent *agent, const char *path, struct parts *parts, struct err *e)
{
	AUTO_CLOSE int fd = sandbox_open(agent, path, 0, e);
	struct place end;
	int r = fd < 0 ? fd : find_end(fd, &end);

	if (fd >= 0 && r < 0)
		return err_set(e, -r, "look at '%.300s'", path);
	if (r < 0)
		return r;
	/* It was renamed since it was opened. */
	if (parts->n && is_same(&parts->items[parts->n - 1].end, &end))
		return 0;
	parts->items[parts->n++] = (struct part){ TAKE_FD(fd), end };
	return 0;
}

/*
 * The newest first: what is renamed meanwhile is then met once more, and not missed.  A name may be
 * vacant for the moment in which all move on.
 */
static int open_parts(struct agent *agent, const char *path, struct parts *parts, struct err *e)
{
	struct err other = { 0 };
	int r = open_part(agent, path, parts, e), missing = r < 0;
	char older[PATH_MAX];

	for (unsigned i = 1; i < MAX_PARTS && missing < MAX_MISSING; i++) {
		if (snprintf(older, sizeof(older), "%s.%u", path, i) >= (int)sizeof(older))
			break;
		err_clear(&other);
		missing = open_part(agent, older, parts, &other) < 0 ? missing + 1 : 0;
	}
	if (parts->n)
		err_clear(e);
	return parts->n ? 0 : r;
}

/* Where reading goes on: the index of a part, and in *PLACE its offset; *ret_gap: not where it was. */
static size_t find_start(const struct parts *parts, struct place *place, bool *ret_gap)
{
	const struct place after = *place;
	size_t oldest = parts->n - 1;

	for (size_t i = 0; i < parts->n; i++) {
		if (!is_same(&parts->items[i].end, &after))
			continue;
		/* The task itself may have cut it short. */
		if (after.offset > parts->items[i].end.offset)
			place->offset = 0;
		return i;
	}
	while (oldest > 0 && parts->items[oldest].end.born <= after.born && after.inode)
		oldest--;
	*place = parts->items[oldest].end;
	place->offset = 0;
	*ret_gap = after.inode != 0;
	return oldest;
}

static int read_parts(const struct parts *parts, size_t start, struct place *place, char *data,
		      size_t *ret_size, struct err *e)
{
	size_t size = 0;

	for (size_t i = start + 1; i-- > 0;) {
		ssize_t n = 1;

		if (i < start) {
			*place = parts->items[i].end;
			place->offset = 0;
		}
		while (size < PIECE && n > 0) {
			n = pread(parts->items[i].fd, data + size, PIECE - size,
				  (off_t)place->offset);
			if (n < 0)
				return err_set(e, errno, "read a log");
			size += (size_t)n;
			place->offset += (uint64_t)n;
		}
		if (size == PIECE)
			break;
	}
	*ret_size = size;
	return 0;
}

static int read_place(struct http_request *req, struct place *ret, struct err *e)
{
	const char *text = http_request_query(req, "after");
	int n = 0;

	*ret = (struct place){ 0 };
	if (!text)
		return 0;
	if (sscanf(text, "%16" SCNx64 "-%16" SCNx64 "-%16" SCNx64 "%n", &ret->inode, &ret->born,
		   &ret->offset, &n) != 3 || text[n] || ret->offset > INT64_MAX)
		return err_set(e, EINVAL, "read query: after is not what an answer gave");
	return 0;
}

/*
 * A piece of the log PATH from its beginning, or from where the answer's header
 * X-Tepui-Log said that the next one begins: "PLACE more", "PLACE live" when this is
 * all there is until the task writes more, "PLACE ended" when it will not; " gap" behind that: the
 * files between were removed before they were read.
 */
int api_log(struct http_request *req, struct err *e)
{
	const char *path = http_request_query(req, "path");
	struct agent *agent = http_request_app(req);
	AUTO_FREE char *data = malloc(PIECE);
	AUTO(parts_done) struct parts parts = { .n = 0 };
	bool is_live, has_gap = false;
	struct place place;
	size_t size = 0, start;
	char next[96];
	int r = read_place(req, &place, e);

	if (r < 0)
		return r;
	if (!path || path[0] != '/')
		return err_set(e, EINVAL, "read query: path is missing or not absolute");
	if (!data)
		return err_set(e, ENOMEM, "read '%.300s'", path);
	/* Asked first: what has ended by now has written all of it. */
	is_live = sandbox_is_live(agent, path);
	r = open_parts(agent, path, &parts, e);
	if (r < 0)
		return r;
	start = find_start(&parts, &place, &has_gap);
	r = read_parts(&parts, start, &place, data, &size, e);
	if (r < 0)
		return r;
	(void)snprintf(next, sizeof(next), "%" PRIx64 "-%" PRIx64 "-%" PRIx64 " %s%s", place.inode,
		       place.born, place.offset,
		       size == PIECE ? "more" : is_live ? "live" : "ended", has_gap ? " gap" : "");
	http_reply_header(req, "X-Tepui-Log", next);
	http_reply_header(req, "X-Content-Type-Options", "nosniff");
	http_reply(req, 200, "application/octet-stream", data, size);
	return 0;
}
