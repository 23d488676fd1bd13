/* Devices that tasks ask for by the label "io.tepui.cdi" (containerizer/cdi.h). */
#ifndef AGENT_CDI_DEVICES_H
#define AGENT_CDI_DEVICES_H

#include <jansson.h>

#include "proto/mesos.pb-c.h"

struct agent_flags;
struct err;

/*
 * Put what TASK's devices need into its launch document DOC.  Only devices that --cdi_devices lists
 * are given to tasks, by name or as "VENDOR/CLASS=*"; hooks, which run on the host, never.
 * -EPERM, or as of cdi_inject().
 */
int cdi_devices_inject(const struct agent_flags *flags, const Mesos__V1__TaskInfo *task,
		       json_t *doc, struct err *e);

#endif
