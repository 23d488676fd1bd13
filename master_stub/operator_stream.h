/* SUBSCRIBE of POST /api/v1: a snapshot of what the master knows, and then what changes. */
#ifndef MASTER_STUB_OPERATOR_STREAM_H
#define MASTER_STUB_OPERATOR_STREAM_H

#include "proto/master.pb-c.h"

struct err;
struct operator_streams;
struct shell;

int operator_streams_new(struct shell *shell, struct operator_streams **ret, struct err *e);
void operator_streams_free(struct operator_streams *streams);
/* What was told leaves: everything that it speaks of is on disk. */
void operator_streams_flush(struct operator_streams *streams);
/* Tell EVENT to all of them. */
void operator_streams_tell(struct operator_streams *streams, const Mesos__V1__Master__Event *event);

#endif
