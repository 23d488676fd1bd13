/* Watching a container's cgroup for out-of-memory kills. */
#ifndef EXECUTOR_OOM_H
#define EXECUTOR_OOM_H

struct cgroup;
struct err;
struct loop;
struct oom;

/* Call FN once, when the kernel has killed for memory in CG (borrowed).  -ENOTSUP: cannot tell. */
int oom_watch(struct loop *loop, const struct cgroup *cg, void (*fn)(void *arg), void *arg,
	      struct oom **ret, struct err *e);
void oom_free(struct oom *oom);

#endif
