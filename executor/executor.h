/* The per-container supervisor: one task, from SUBSCRIBE to its acknowledged end. */
#ifndef EXECUTOR_EXECUTOR_H
#define EXECUTOR_EXECUTOR_H

struct environment;
struct err;
struct executor;
struct loop;

/*
 * Serve one task whose runtime directory is RUNTIME_DIR (its last component is the container's
 * id).  SECCOMP_FD: as handed over, or -EBADF.  All borrowed.  The loop stops when there is
 * nothing left to do.
 */
int executor_new(struct loop *loop, const struct environment *env, const char *runtime_dir,
		 int seccomp_fd, struct executor **ret, struct err *e);
void executor_free(struct executor *x);

/* Kill the task within the shutdown grace period and end, as the event SHUTDOWN asks for. */
void executor_shutdown(struct executor *x);

#endif
