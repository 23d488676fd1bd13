/* One run of one CNI plugin: a program that may hang, die, flood us or lie. */
#ifndef NET_CNI_PLUGIN_H
#define NET_CNI_PLUGIN_H

#include <jansson.h>
#include <stdint.h>

struct cni_host;
struct err;

/* All borrowed. */
struct cni_call {
	const char *verb;		/* "ADD", ... */
	const char *type;		/* the plugin's name, and its program's */
	char *const *env;		/* NULL-terminated, all that it has */
	const json_t *input;		/* what it reads */
	int64_t deadline_boot_ms;	/* it is killed then, with its process group */
};

/* The program of TYPE: the first in the ':'-separated DIRS; owned.  -ECANCELED: there is none. */
int cni_plugin_find(const char *dirs, const char *type, char **ret, struct err *e);

/*
 * Run it to its end.  *ret is the JSON that it printed, owned, or NULL if it printed nothing.
 * -EPROTONOSUPPORT: it says that it does not know the version; -ECANCELED: whatever else it did
 * wrong.  E says what, and not whose plugin it is.
 */
int cni_plugin_run(const struct cni_host *host, const struct cni_call *call, json_t **ret,
		   struct err *e);

#endif
