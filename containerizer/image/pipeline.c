#include "containerizer/image/pipeline.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "containerizer/image/helper.h"
#include "containerizer/image/layer.h"
#include "containerizer/image/stream.h"
#include "lib/clock.h"
#include "lib/err.h"

enum { PIPE_BYTES = 1 << 20, MAGIC_BYTES = 6 };

struct pipeline {
	const struct layer_source *source;
	const struct unpack_limits *limits;
	int tree_fd;
	int64_t deadline_ms;
	bool has_first;				/* a helper brings forth what the other unpacks */
	bool is_cut;				/* the unpacker ended before the archive did */
	struct hash *blob_hash, *diff_hash;	/* the same, of what is not compressed */
	struct stream first, second;
	int produced_fd;			/* what comes out of the first helper */
	struct helper producer, unpacker;
};

static const struct {
	const char *bytes;
	size_t size;
} magics[] = {
	{ "\x1f\x8b", 2 },			/* gzip */
	{ "\x28\xb5\x2f\xfd", 4 },		/* zstd */
	{ "\xfd" "7zXZ", 6 },			/* xz, with its NUL */
	{ "BZh", 3 },				/* bzip2 */
};

static bool is_compressed(const char *data, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
		if (size >= magics[i].size && memcmp(data, magics[i].bytes, magics[i].size) == 0)
			return true;
	}
	return false;
}

/* An archive that comes through a fifo may not come at all. */
static int wait_for_source(struct pipeline *p, struct err *e)
{
	int64_t left = p->deadline_ms - clock_boot_ms();
	struct pollfd fd = { .fd = p->source->fd, .events = POLLIN };

	if (left <= 0)
		return err_set(e, EINVAL, "unpack: not done within %lld ms",
			       (long long)p->limits->max_time);
	if (poll(&fd, 1, (int)(left < 1000 ? left : 1000)) < 0 && errno != EINTR)
		return err_set(e, errno, "wait for the archive");
	return fd.revents ? 1 : 0;
}

/* The first bytes tell; they stay where they are for the helper. */
static int read_magic(struct pipeline *p, struct err *e)
{
	struct stream *first = &p->first;
	int r = 1;

	while (r > 0 && first->pending < MAGIC_BYTES) {
		r = wait_for_source(p, e);
		if (r == 0)
			r = 1;	/* not yet */
		else if (r > 0)
			r = stream_peek(first, e);
	}
	p->has_first = is_compressed(first->ring, first->pending);
	return r < 0 ? r : 0;
}

static int make_hashes(struct pipeline *p, struct err *e)
{
	const char *blob = p->source->digest ? digest_algorithm(p->source->digest)->name : NULL;
	const char *diff = p->source->diff_id ? digest_algorithm(p->source->diff_id)->name
		: "sha256";

	if (!p->has_first && (!blob || strcmp(blob, diff) == 0))
		blob = diff;
	p->blob_hash = blob ? hash_new(blob, e) : NULL;
	if (blob && !p->blob_hash)
		return -e->code;
	p->diff_hash = !p->has_first && blob == diff ? p->blob_hash : hash_new(diff, e);
	if (!p->diff_hash)
		return -e->code;
	if (!p->has_first && blob != diff)
		return err_set(e, ENOTSUP, "verify a layer by two algorithms at once");
	return 0;
}

/* The one that expands reads what we feed it; the one that packs reads its root directory. */
static int start_producer(struct pipeline *p, const struct stream_ends *ends, struct err *e)
{
	bool packs = p->source->is_directory;
	AUTO_CLOSE int out = -EBADF;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(e, errno, "create pipe");
	p->produced_fd = fds[0];
	out = fds[1];
	/* Fewer turns; where the user's share of pipe memory is used up, more of them. */
	(void)fcntl(out, F_SETPIPE_SZ, PIPE_BYTES);
	if (fcntl(p->produced_fd, F_SETFL, O_NONBLOCK) < 0)
		return err_set(e, errno, "create pipe");
	return helper_start(&p->producer, packs ? UNPACK_PACK : UNPACK_EXPAND, p->limits,
			    packs ? p->source->fd : p->tree_fd, ends, out, e);
}

static int start_unpacker(struct pipeline *p, const struct stream_ends *ends, struct err *e)
{
	return helper_start(&p->unpacker, p->source->mode, p->limits, p->tree_fd, ends, -EBADF, e);
}

/* FIRST_ENDS are of the stream that the source's bytes go into, if it has any. */
static int start_helpers(struct pipeline *p, const struct stream_ends *first_ends, struct err *e)
{
	struct stream_ends second_ends = STREAM_ENDS_INIT;
	int r;

	p->first.hash = p->blob_hash;
	if (p->source->size)
		p->first.max_bytes = p->source->size;
	if (!p->has_first)
		return start_unpacker(p, first_ends, e);
	r = start_producer(p, first_ends, e);
	if (r == 0)
		r = stream_open(&p->second, p->produced_fd, &second_ends, e);
	p->second.hash = p->diff_hash;
	if (r == 0)
		r = start_unpacker(p, &second_ends, e);
	stream_ends_done(&second_ends);
	return r;
}

static int start(struct pipeline *p, struct err *e)
{
	struct stream_ends ends = STREAM_ENDS_INIT;
	int r = 0;

	p->has_first = p->source->is_directory;
	if (!p->source->is_directory) {
		r = stream_open(&p->first, p->source->fd, &ends, e);
		if (r == 0)
			r = read_magic(p, e);
	}
	if (r == 0)
		r = make_hashes(p, e);
	if (r == 0)
		r = start_helpers(p, &ends, e);
	stream_ends_done(&ends);
	return r;
}

int pipeline_new(const struct layer_source *source, const struct unpack_limits *limits,
		 int tree_fd, struct pipeline **ret, struct err *e)
{
	AUTO(pipeline_freep) struct pipeline *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_set(e, ENOMEM, "unpack");
	*p = (struct pipeline){
		.source = source, .limits = limits, .tree_fd = tree_fd, .produced_fd = -EBADF,
		.deadline_ms = clock_boot_ms() + limits->max_time,
		.first = STREAM_INIT, .second = STREAM_INIT,
		.producer = HELPER_INIT, .unpacker = HELPER_INIT,
	};
	r = start(p, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(p);
	return 0;
}

/* An unpacker that has failed needs no more: what else comes out may be without an end. */
static void cut_second(struct pipeline *p)
{
	if (!p->has_first || p->unpacker.report_fd >= 0 || p->second.is_done)
		return;
	p->is_cut = true;
	stream_done(&p->second);
	p->second.is_done = true;
	fd_close(&p->produced_fd);
}

/* One turn: 1 when there is nothing more to wait for. */
static int turn(struct pipeline *p, struct err *e)
{
	struct pollfd fds[] = {
		stream_poll(&p->first), stream_poll(&p->second),
		{ .fd = p->producer.report_fd, .events = POLLIN },
		{ .fd = p->unpacker.report_fd, .events = POLLIN },
	};
	int64_t left = p->deadline_ms - clock_boot_ms();
	int r = 0;

	if (fds[0].fd < 0 && fds[1].fd < 0 && fds[2].fd < 0 && fds[3].fd < 0)
		return 1;
	if (left <= 0)
		return err_set(e, EINVAL, "unpack: not done within %lld ms",
			       (long long)p->limits->max_time);
	if (poll(fds, ARRAY_SIZE(fds), (int)(left < 1000 ? left : 1000)) < 0 && errno != EINTR)
		return err_set(e, errno, "wait for the unpack helper");
	if (fds[0].revents)
		r = stream_step(&p->first, e);
	if (r == 0 && fds[1].revents)
		r = stream_step(&p->second, e);
	if (r == 0 && fds[2].revents)
		r = helper_read(&p->producer, e);
	if (r == 0 && fds[3].revents)
		r = helper_read(&p->unpacker, e);
	cut_second(p);
	return r;
}

static int check_digest(const char *what, const char *expected, const char *got, struct err *e)
{
	if (!expected || strcmp(expected, got) == 0)
		return 0;
	return err_set(e, EINVAL, "verify %s '%s': what is there has the digest '%s'", what,
		       expected, got);
}

/* Damage first: it explains what the helpers then made of it. */
static int check_blob(struct pipeline *p, char diff_id[DIGEST_SIZE], struct err *e)
{
	char digest[DIGEST_SIZE] = "";
	int r = 0;

	if (p->blob_hash) {
		hash_digest(p->blob_hash, digest);
		r = check_digest("layer", p->source->digest, digest, e);
	}
	if (r == 0 && p->source->size && p->source->size != p->first.bytes)
		r = err_set(e, EINVAL, "verify the layer: %llu bytes where its manifest says %llu",
			    (unsigned long long)p->first.bytes,
			    (unsigned long long)p->source->size);
	if (p->diff_hash == p->blob_hash)
		memcpy(diff_id, digest, DIGEST_SIZE);
	else
		hash_digest(p->diff_hash, diff_id);
	return r;
}

/* The one that failed first: a broken pipe is the other's doing. */
static int check_helpers(struct pipeline *p, struct unpack_result *ret, struct err *e)
{
	struct unpack_result expanded = { 0 };
	struct err first_error = { 0 };
	int r = 0;

	if (p->has_first)
		r = helper_result(&p->producer, &expanded, &first_error);
	if (r < 0 && r != -EPIPE) {
		*e = first_error;
		return r;
	}
	r = helper_result(&p->unpacker, ret, e);
	/* Or the diff id would be that of a part, which another archive may be the whole of. */
	if (r == 0 && p->is_cut)
		r = err_set(e, EPROTO, "unpack: the helper did not read all of the archive");
	return r;
}

int pipeline_run(struct pipeline *p, char ret_diff_id[DIGEST_SIZE], struct unpack_result *ret,
		 struct err *e)
{
	int r;

	do {
		r = turn(p, e);
	} while (r == 0);
	if (r > 0)
		r = check_blob(p, ret_diff_id, e);
	if (r == 0)
		r = check_helpers(p, ret, e);
	if (r == 0)
		r = check_digest("diff id", p->source->diff_id, ret_diff_id, e);
	return r;
}

const struct helper *pipeline_unpacker(const struct pipeline *p)
{
	return &p->unpacker;
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	if (p->diff_hash != p->blob_hash)
		hash_free(p->diff_hash);
	hash_free(p->blob_hash);
	stream_done(&p->first);
	stream_done(&p->second);
	fd_close(&p->produced_fd);
	helper_done(&p->producer);
	helper_done(&p->unpacker);
	free(p);
}
