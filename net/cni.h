/*
 * Networks of the node's operator, made by plugins: the Container Network Interface, specification
 * 1.0.0, with the documents of 0.3.0 and 0.4.0 and the verb GC of 1.1.0.  All of it blocks: for
 * supervisors and errands.
 */
#ifndef NET_CNI_H
#define NET_CNI_H

#include <jansson.h>
#include <stdint.h>

struct err;

/* How plugins are run; borrowed. */
struct cni_host {
	const char *dirs;	/* absolute paths, ':'-separated: where plugins are, and CNI_PATH */
	int64_t timeout_ms;	/* of each plugin: it is killed then */
	/*
	 * A file or directory of the container's that is locked, or -EBADF.  Plugins inherit it, and
	 * so hold the lock for as long as one of their processes is there: a call waits for those
	 * of a supervisor that was killed.
	 */
	int hold_fd;
};

/* One interface of one container; all borrowed. */
struct cni_attachment {
	const char *container_id;
	const char *interface;	/* in the container */
	const char *netns;	/* path of its network namespace; NULL: that is gone (DEL alone) */
	const json_t *list;	/* of cni_list_bind() */
	const json_t *result;	/* of ADD, for CHECK and DEL; NULL: ADD may not have come so far */
};

/*
 * Run the plugins of the list, each with the result of the one before.  On failure those that were
 * run are undone by DEL, in reverse.  *ret is the checked result of the last one, owned.  A plugin that does
 * not know the list's version is asked for its own, and the highest that all know is taken: the
 * result's "cniVersion".  -ECANCELED: a plugin failed, and E says which one and how.
 */
int cni_add(const struct cni_host *host, const struct cni_attachment *at, json_t **ret,
	    struct err *e);

/*
 * Ask every plugin whether the interface is as ADD left it.  0 as well when the list forbids CHECK,
 * or is of a version before it (0.4.0).
 */
int cni_check(const struct cni_host *host, const struct cni_attachment *at, struct err *e);

/*
 * Undo ADD, or what there may be of it; idempotent.  A plugin that fails does not keep the others
 * from being run: E tells of the first.
 */
int cni_del(const struct cni_host *host, const struct cni_attachment *at, struct err *e);

/*
 * Let the plugins drop whatever belongs to none of VALID, [{"containerID", "ifname"}, ...].  0 as
 * well when the list forbids it, or it or a plugin is of a version before it (1.1.0).
 */
int cni_gc(const struct cni_host *host, const json_t *list, const json_t *valid, struct err *e);

#endif
