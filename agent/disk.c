#include "agent/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/sandbox.h"
#include "isolators/disk_quota.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"

enum {
	MAX_PROJECTS = 65536,		/* looked through for a free one */
	FULL_SLACK_BYTES = 64 << 10,	/* file systems allocate more than a byte at a time */
};

int disk_init(struct agent *agent, struct err *e)
{
	const char *text = agent->flags.disk_projects;
	struct ranges *projects = &agent->disk_projects;
	bool is_limiting;
	int r;

	if (!text)
		return 0;
	if (ranges_parse(text, projects) < 0 || ranges_count(projects) == 0 ||
	    ranges_count(projects) > MAX_PROJECTS || ranges_contains(projects, 0, 0))
		return err_set(e, EINVAL, "use '--disk_projects=%s': not 1 to %d numbers above 0",
			       text, MAX_PROJECTS);
	r = disk_quota_check(agent->work_fd, &is_limiting, e);
	if (r < 0)
		return err_wrap(e, "use '--disk_projects=%s'", text);
	if (!is_limiting && agent->flags.enforce_container_disk_quota)
		return err_set(e, ENOTSUP, "use '--enforce_container_disk_quota': the file system "
			       "of '%s' counts projects but does not limit them", agent->work_dir);
	log_info("disk of sandboxes is counted by the file system of '%s'", agent->work_dir);
	return 0;
}

int64_t disk_asked(const struct container *c)
{
	const struct resources *r = &c->resources;
	int64_t sum = r->scalar[RESOURCE_DISK];

	for (size_t i = 0; i < r->parts.n; i++) {
		if (r->parts.items[i].kind == RESOURCE_DISK && !r->parts.items[i].volume)
			sum += r->parts.items[i].value;
	}
	return sum;
}

static uint64_t limit_bytes(const struct container *c)
{
	int64_t thousandths = disk_asked(c);

	/* Thousandths of MiB; no resource is no limit. */
	return thousandths > 0 ? (uint64_t)thousandths * 1048576 / 1000 : UINT64_MAX;
}

/* The search goes on where the last one ended: usually the first number is free. */
static int find_free(struct agent *agent, uint32_t *ret, struct err *e)
{
	uint64_t n = ranges_count(&agent->disk_projects);

	for (uint64_t i = 0; i < n; i++) {
		uint32_t project = ranges_at(&agent->disk_projects, agent->next_project++ % n);
		struct disk_quota quota;
		int r = disk_quota_read(agent->work_fd, project, &quota, e);

		if (r < 0)
			return r;
		if (quota.inodes == 0) {
			*ret = project;
			return 0;
		}
	}
	return err_set(e, ENOSPC, "find a free project among the %" PRIu64 " of --disk_projects",
		       n);
}

static int assign(struct agent *agent, int dir_fd, uint64_t bytes, struct err *e)
{
	bool is_limited = agent->flags.enforce_container_disk_quota;
	uint32_t project = 0;
	int r;

	if (!agent->flags.disk_projects)
		return 0;
	r = find_free(agent, &project, e);
	if (r == 0)
		r = disk_quota_limit(agent->work_fd, project,
				     is_limited ? bytes : UINT64_MAX, e);
	return r < 0 ? r : disk_quota_assign(dir_fd, project, e);
}

int disk_assign(const struct container *c, int sandbox_fd, struct err *e)
{
	return assign(c->agent, sandbox_fd, limit_bytes(c), e);
}

int disk_assign_volume(struct agent *agent, int dir_fd, uint64_t bytes, struct err *e)
{
	return assign(agent, dir_fd, bytes, e);
}

uint32_t disk_project_of(const struct agent *agent, int dir_fd)
{
	struct err none = { 0 };
	uint32_t project;

	if (!agent->flags.disk_projects || disk_quota_project(dir_fd, &project, &none) < 0 ||
	    !ranges_contains(&agent->disk_projects, project, project))
		return 0;
	return project;
}

uint32_t disk_project(const struct container *c)
{
	const char *path = c->agent->flags.disk_projects ? c->sandbox : NULL;
	AUTO_CLOSE int fd = -EBADF;

	if (path)
		fd = sandbox_open_host(c->agent, path, O_RDONLY);
	return fd < 0 ? 0 : disk_project_of(c->agent, fd);
}

int disk_share(const struct container *c, int dir_fd, struct err *e)
{
	uint32_t project = disk_project(c);

	return project ? disk_quota_assign(dir_fd, project, e) : 0;
}

bool disk_used(const struct agent *agent, uint32_t project, uint64_t *ret_bytes)
{
	struct disk_quota quota;
	struct err unknown = { 0 };

	if (disk_quota_read(agent->work_fd, project, &quota, &unknown) < 0)
		return false;
	*ret_bytes = quota.bytes;
	return true;
}

void disk_explain(const struct container *c, Mesos__V1__TaskStatus *status)
{
	uint32_t project = status->state == MESOS__V1__TASK_STATE__TASK_FAILED ?
		disk_project(c) : 0;
	struct disk_quota quota;
	struct err unknown = { 0 };
	char *message;

	if (!project || disk_quota_read(c->agent->work_fd, project, &quota, &unknown) < 0 ||
	    quota.limit_bytes == UINT64_MAX ||
	    quota.bytes + FULL_SLACK_BYTES < quota.limit_bytes)
		return;
	if (asprintf(&message, "%s; the task's disk of %" PRIu64 " MB is full",
		     status->message ? status->message : "Command failed",
		     quota.limit_bytes >> 20) < 0)
		return;
	free(status->message);
	status->message = message;
	status->has_reason = 1;
	status->reason = MESOS__V1__TASK_STATUS__REASON__REASON_CONTAINER_LIMITATION_DISK;
}
