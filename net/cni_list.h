/* Network configuration lists of CNI: the operator's files, read, chosen among and filled in. */
#ifndef NET_CNI_LIST_H
#define NET_CNI_LIST_H

#include <jansson.h>

struct err;

/*
 * DOCUMENT, a list or one plugin's configuration, as a list: {"name", "cniVersion", "plugins": [...]}
 * and what else is in it.  Without a version it is "0.3.0", as Mesos has it.  Owned.
 */
int cni_list_parse(const json_t *document, json_t **ret, struct err *e);

/*
 * All lists of the directory DIR (files *.conflist, *.conf, *.json, in the order of their names) by
 * the names of their networks: owned.  Of two with one name the first counts, and a list before
 * single plugins.  A file that cannot be used is left out and told to REPORT, which may be NULL.
 */
int cni_lists_load(const char *dir, void (*report)(const struct err *why), json_t **ret,
		   struct err *e);

/* The one named NAME: owned.  -ENOENT names those that there are. */
int cni_list_load(const char *dir, const char *name, json_t **ret, struct err *e);

/* "a, b and 3 others"-like text of the names in LISTS for a sentence; "none". */
void cni_lists_describe(const json_t *lists, char *buf, unsigned long size);

/* What one attachment is to be like; borrowed, each may be NULL. */
struct cni_wishes {
	const json_t *capabilities;	/* {"portMappings": [...], "bandwidth": {...}, ...} */
	const json_t *args;		/* members of every plugin's "args" */
	const char *variables;		/* CNI_ARGS: "KEY=VALUE;KEY=VALUE" */
};

/*
 * LIST with these wishes in it, for ADD and all that follows: owned.  -ENOTSUP: a capability that
 * none of its plugins has.
 */
int cni_list_bind(const json_t *list, const struct cni_wishes *wishes, json_t **ret,
		  struct err *e);

#endif
