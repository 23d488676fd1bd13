#include "executor/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "executor/log_file.h"
#include "isolators/id_map.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/open_resolved.h"
#include "lib/packet.h"

enum { MAX_ATTACHED = 8, PIECE = 4096 };

enum { OUT, ERR, N_STREAMS };

static const char *const names[N_STREAMS] = { [OUT] = "stdout", [ERR] = "stderr" };

struct stream {
	struct output *output;
	struct log_file log;
	int read_fd, write_fd;		/* of a pipe, or the terminal; -EBADF: there is none */
	struct loop_watch *watch;
	bool is_terminal;
	bool has_failed;		/* told once in a row */
};

struct attached {
	uint32_t id;			/* 0: free */
	int fds[N_STREAMS];		/* or -EBADF */
};

struct output {
	struct loop *loop;
	const struct spec *spec;
	int dir_fd;
	struct stream streams[N_STREAMS];
	struct attached attached[MAX_ATTACHED];
};

/* ---- copies ---- */

static int *copy_fd(struct stream *s, size_t i)
{
	return &s->output->attached[i].fds[s - s->output->streams];
}

/* Of a pipe's next SIZE bytes, which stay in it. */
static void copy_pipe(struct stream *s, size_t size)
{
	for (size_t i = 0; i < MAX_ATTACHED; i++) {
		int *fd = copy_fd(s, i);

		if (*fd >= 0 && tee(s->read_fd, *fd, size, SPLICE_F_NONBLOCK) < 0 &&
		    errno != EAGAIN)
			fd_close(fd);
	}
}

static void copy_bytes(struct stream *s, const void *data, size_t size)
{
	for (size_t i = 0; i < MAX_ATTACHED; i++) {
		int *fd = copy_fd(s, i);

		if (*fd >= 0 && write(*fd, data, size) < 0 && errno != EAGAIN)
			fd_close(fd);
	}
}

/* ---- into the log ---- */

/* A log that cannot be written must not stop its task: what does not fit on the disk is lost. */
static void note_result(struct stream *s, ssize_t n)
{
	struct err e = { 0 };

	if (n < 0 && !s->has_failed) {
		(void)err_set(&e, (int)-n, "write '%s' in the sandbox", s->log.name);
		log_write_err(LOG_LEVEL_WARNING, &e, "lose output of the task");
	}
	s->has_failed = n < 0;
}

/* One piece of the terminal's: its size, 0 when there is none now, -EPIPE at the end. */
static ssize_t pass_terminal(struct stream *s)
{
	char piece[PIECE];
	uint64_t room = log_file_room(&s->log);
	ssize_t n = read(s->read_fd, piece, room < PIECE ? (size_t)room : PIECE);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	/* EIO: the task has closed its terminal. */
	if (n <= 0)
		return -EPIPE;
	copy_bytes(s, piece, (size_t)n);
	note_result(s, log_file_write(&s->log, piece, (size_t)n));
	return n;
}

static ssize_t drop(struct stream *s, size_t size)
{
	char piece[PIECE];

	return read(s->read_fd, piece, size < PIECE ? size : PIECE);
}

/* As pass_terminal(), without a look at the bytes. */
static ssize_t pass_pipe(struct stream *s)
{
	uint64_t room = log_file_room(&s->log);
	size_t size, left;
	int queued = 0;

	if (ioctl(s->read_fd, FIONREAD, &queued) < 0 || queued <= 0)
		return log_file_splice(&s->log, s->read_fd, 1) == 0 ? -EPIPE : 0;
	size = room < (uint64_t)queued ? (size_t)room : (size_t)queued;
	copy_pipe(s, size);
	for (left = size; left > 0;) {
		ssize_t n = log_file_splice(&s->log, s->read_fd, left);

		note_result(s, n);
		if (n <= 0)
			n = drop(s, left);
		if (n <= 0)
			break;
		left -= (size_t)n;
	}
	return (ssize_t)(size - left);
}

static ssize_t pass(struct stream *s)
{
	return s->is_terminal ? pass_terminal(s) : pass_pipe(s);
}

static void stop(struct stream *s)
{
	loop_watch_free(TAKE_PTR(s->watch));
	fd_close(&s->read_fd);
	fd_close(&s->write_fd);
	for (size_t i = 0; i < MAX_ATTACHED; i++)
		fd_close(copy_fd(s, i));
}

static void on_readable(int fd, void *arg)
{
	(void)fd;
	if (pass(arg) < 0)
		stop(arg);
}

void output_drain(struct output *output)
{
	for (size_t i = 0; i < N_STREAMS; i++) {
		struct stream *s = &output->streams[i];

		while (s->read_fd >= 0 && pass(s) > 0)
			;
		stop(s);
	}
}

/* ---- the end of it ---- */

static void stream_excerpt(const struct stream *s, char ret[EXCERPT_SIZE])
{
	char bytes[EXCERPT_BYTES];
	bool is_cut = false;
	struct err e = { 0 };
	ssize_t n = log_file_tail(&s->log, bytes, sizeof(bytes), &is_cut);

	if (n < 0) {
		(void)err_set(&e, (int)-n, "read '%s' in the sandbox", s->log.name);
		log_write_err(LOG_LEVEL_WARNING, &e, "quote the task");
	}
	excerpt_format(bytes, n > 0 ? (size_t)n : 0, is_cut, ret);
}

void output_excerpt(const struct output *output, char ret[EXCERPT_SIZE])
{
	stream_excerpt(&output->streams[ERR], ret);
	if (!*ret)
		stream_excerpt(&output->streams[OUT], ret);
}

/* ---- life ---- */

static int make_pipe(struct stream *s, const struct spec *spec, struct err *e)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(e, errno, "create pipe");
	s->read_fd = fds[0];
	s->write_fd = fds[1];
	/* The task may open /dev/stdout: so it is its own. */
	if (fcntl(s->read_fd, F_SETFL, O_NONBLOCK) < 0 ||
	    spec_give(spec, s->write_fd) < 0)
		return err_set(e, errno, "set up pipe");
	return 0;
}

static int open_stream(struct output *output, size_t i, struct err *e)
{
	const struct spec *spec = output->spec;
	struct stream *s = &output->streams[i];
	int r;

	s->log = (struct log_file){
		.dir_fd = output->dir_fd, .name = names[i], .limit = &spec->logs[i],
		.uid = spec->uid, .gid = spec->gid, .fd = -EBADF,
	};
	r = log_file_open(&s->log, e);
	if (r < 0 || spec->terminal || spec->logs[i].max_bytes == 0)
		return r;
	return make_pipe(s, spec, e);
}

DEFINE_AUTO(struct output *, output_free);

int output_new(struct loop *loop, const struct spec *spec, struct output **ret, struct err *e)
{
	AUTO(output_freep) struct output *output = calloc(1, sizeof(*output));
	int r = 0;

	if (!output)
		return err_set(e, ENOMEM, "keep the output of the task");
	output->loop = loop;
	output->spec = spec;
	for (size_t i = 0; i < MAX_ATTACHED; i++)
		output->attached[i] = (struct attached){ .fds = { -EBADF, -EBADF } };
	for (size_t i = 0; i < N_STREAMS; i++) {
		struct stream *s = &output->streams[i];

		*s = (struct stream){ .output = output, .read_fd = -EBADF, .write_fd = -EBADF };
		s->log.fd = -EBADF;
	}
	/* It may lie in that of another container, whose task put a link in the way. */
	output->dir_fd = open_resolved(AT_FDCWD, spec->sandbox,
				       O_RDONLY | O_DIRECTORY | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
	if (output->dir_fd < 0)
		return err_set(e, -output->dir_fd, "open sandbox '%s'", spec->sandbox);
	for (size_t i = 0; i < N_STREAMS && r >= 0; i++)
		r = open_stream(output, i, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(output);
	return 0;
}

void output_free(struct output *output)
{
	if (!output)
		return;
	for (size_t i = 0; i < N_STREAMS; i++) {
		stop(&output->streams[i]);
		log_file_close(&output->streams[i].log);
	}
	fd_close(&output->dir_fd);
	free(output);
}

static int stdio_fd(const struct output *output, size_t i)
{
	const struct stream *s = &output->streams[i];

	if (output->spec->terminal)
		return -EBADF;
	return s->write_fd >= 0 ? s->write_fd : s->log.fd;
}

struct container_stdio output_stdio(const struct output *output)
{
	return (struct container_stdio){
		.in_fd = -EBADF, .out_fd = stdio_fd(output, OUT), .err_fd = stdio_fd(output, ERR),
	};
}

static int take_terminal(struct stream *s, int terminal_fd, struct err *e)
{
	s->read_fd = terminal_fd;
	s->is_terminal = true;
	if (fcntl(terminal_fd, F_SETFL, O_NONBLOCK) < 0)
		return err_set(e, errno, "set up the terminal");
	return 0;
}

int output_started(struct output *output, int terminal_fd, struct err *e)
{
	int r = terminal_fd < 0 ? 0 : take_terminal(&output->streams[OUT], terminal_fd, e);

	for (size_t i = 0; i < N_STREAMS && r >= 0; i++) {
		struct stream *s = &output->streams[i];

		fd_close(&s->write_fd);
		if (s->read_fd >= 0)
			r = loop_watch_fd(output->loop, s->read_fd, on_readable, s, &s->watch, e);
	}
	return r;
}

/* ---- attachments ---- */

static struct attached *find(struct output *output, uint32_t id)
{
	for (size_t i = 0; i < MAX_ATTACHED; i++) {
		if (output->attached[i].id == id)
			return &output->attached[i];
	}
	return NULL;
}

int output_attach(struct output *output, uint32_t id, struct packet_fds *fds,
		  int *ret_terminal_fd, struct err *e)
{
	const struct stream *out = &output->streams[OUT];
	struct attached *slot = find(output, 0);

	if (!output->spec->terminal && output->spec->logs[OUT].max_bytes == 0)
		return err_set(e, ENOTSUP, "attach to the task: its output goes straight into the "
			       "files of its sandbox");
	if (fds->n == 0 && !output->spec->terminal)
		return err_set(e, ENOTSUP, "attach to the input of the task: it has no terminal, "
			       "which an app asks for by \"tty\": true");
	if (!slot)
		return err_set(e, EBUSY, "attach to the task: %d are attached", MAX_ATTACHED);
	*ret_terminal_fd = out->is_terminal ? out->read_fd : -EBADF;
	slot->id = id;
	for (size_t i = 0; i < N_STREAMS && i < fds->n; i++) {
		/* Of what has ended there is nothing to come. */
		if (output->streams[i].read_fd >= 0)
			slot->fds[i] = TAKE_FD(fds->fd[i]);
	}
	return 0;
}

void output_detach(struct output *output, uint32_t id)
{
	struct attached *slot = find(output, id);

	if (!slot)
		return;
	slot->id = 0;
	for (size_t i = 0; i < N_STREAMS; i++)
		fd_close(&slot->fds[i]);
}
