/* ACCEPT and DECLINE: what becomes of offers. */
#ifndef MASTER_STUB_LAUNCH_H
#define MASTER_STUB_LAUNCH_H

#include <stdint.h>

#include "proto/scheduler.pb-c.h"

struct err;
struct framework;

/* -EINVAL for an operation without the body of its type: nothing is done then. */
int launch_accept(struct framework *framework, const Mesos__V1__Scheduler__Call__Accept *accept,
		  int64_t now_ms, struct err *e);
int launch_decline(struct framework *framework, const Mesos__V1__Scheduler__Call__Decline *decline,
		   int64_t now_ms, struct err *e);

#endif
