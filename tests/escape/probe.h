/*
 * The prober: what a hostile task tries, one small function each.  It runs as a task; whatever it
 * prints as "allowed" and is not in the file `allowed` beside this one is a hole.
 */
#ifndef TESTS_ESCAPE_PROBE_H
#define TESTS_ESCAPE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum result {
	DENIED,		/* the attempt failed, or what must hold holds */
	ALLOWED,	/* it succeeded */
	ABSENT,		/* there is no such thing here: nothing to attack */
};

struct outcome {
	enum result result;
	int error;		/* errno of a denial, 0 for none */
	char detail[192];
};

struct probe {
	const char *id;		/* "E1.read./proc/kcore": the family up to the first dot; unique */
	const char *what;	/* what would be gained */
	void (*run)(const struct probe *probe, struct outcome *o);
	const char *path;	/* of tables of paths: which */
	long n;			/* of tables of numbers: which */
};

struct probe_table {
	const struct probe *rows;
	size_t n;
};

extern const struct probe_table probes_exec, probes_mounts, probes_credentials, probes_kernel_files,
	probes_kernel, probes_syscalls, probes_network, probes_bounds;

/* R of a system call with errno: its success is the attacker's. */
void tried(struct outcome *o, long r);

/* The attacker's success is IS_OPEN; the text says of what. */
void judge(struct outcome *o, bool is_open, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* There is nothing to try, because of what the text says. */
void absent(struct outcome *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * What the host knows of itself and tells the prober, so that it can try exactly that: an
 * environment variable ESCAPE_<NAME>.  NULL, and absent(), if the host has not said.
 */
const char *fact(struct outcome *o, const char *name);

/* A line of /proc/PID/status without its name and blanks; "" if there is none. */
void read_status(pid_t pid, const char *name, char *ret, size_t size);

/* Is PID this process, or one that it or its parents started? */
bool is_related(pid_t pid);

/*
 * Is the container's init somebody else?  If not, absent(): in direct mode the task is init, and its
 * own business is no attack.
 */
bool init_is_foreign(struct outcome *o);

/* Call VISIT for every process in /proc that is not related. */
void visit_foreign(void (*visit)(pid_t pid, void *arg), void *arg);

/* Is NAME in every container's /dev? */
bool is_default_device(const char *name);

/* Where the prober may write; its working directory there too. */
const char *scratch(void);

#endif
