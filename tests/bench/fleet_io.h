/* The connections of a load program: streams of records that stay open, and calls that are answered. */
#ifndef TESTS_BENCH_FLEET_IO_H
#define TESTS_BENCH_FLEET_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "net/recordio.h"

struct fleet_io;

enum { STREAM_ID = 64, STREAM_HEAD = 1024 };

/* A POST that is answered by records without end. */
struct stream {
	struct fleet_io *io;
	int fd;				/* -1: closed */
	void (*record)(struct stream *stream, const void *data, size_t size);
	void (*closed)(struct stream *stream);
	char id[STREAM_ID];		/* Mesos-Stream-Id; empty until it is known */
	/* Inside. */
	char *request;
	size_t request_size, n_head, chunk_left;
	char *head;
	enum { AT_HEAD, AT_SIZE, AT_DATA } at;
	struct recordio_reader reader;
};

/* SECONDS it took, from when it was asked for, and the answer's status. */
typedef void call_done_fn(void *arg, int status, double seconds, size_t size);

/* Dies with a message on errors of this machine, here and below. */
struct fleet_io *fleet_io_new(uint16_t port, unsigned n_callers);
double fleet_now(void);
_Noreturn void fleet_die(const char *what, const char *detail);
void *fleet_must(void *p);

/* NUMBER decides the source address: some hundred to each of 127.1.0.0/16. */
void stream_open(struct fleet_io *io, struct stream *stream, unsigned number, const char *path,
		 const ProtobufCMessage *message);
/* On one of the connections for calls, in order, when one is free; DONE may be NULL. */
void call_post(struct fleet_io *io, const char *path, const char *stream_id,
	       const ProtobufCMessage *message, call_done_fn *done, void *arg);
void call_get(struct fleet_io *io, const char *path, call_done_fn *done, void *arg);
size_t calls_open(const struct fleet_io *io);

/* Whatever comes within MILLIS. */
void fleet_poll(struct fleet_io *io, int millis);

#endif
