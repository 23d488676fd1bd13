/* What tasks answer when the controller asks whether they are ready. */
#ifndef TESTS_SIM_SERVERS_H
#define TESTS_SIM_SERVERS_H

#include <stdint.h>

#include "master_stub/marathon/controller.h"

/* The host's part of struct controller_io; ARG is the host. */
int servers_fetch(void *arg, uint64_t id, const struct controller_fetch *fetch);
void servers_cancel(void *arg, uint64_t id);

#endif
