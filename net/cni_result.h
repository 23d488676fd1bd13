/* What CNI plugins answer: checked before anybody believes it.  Pure. */
#ifndef NET_CNI_RESULT_H
#define NET_CNI_RESULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct err;

enum { CNI_MAX_ADDRESSES = 64 };

/* Is RESULT one of ADD in VERSION: addresses that are some, names that are some, lists that end? */
int cni_result_check(const json_t *result, const char *version, struct err *e);

/*
 * The addresses of the container's side, "10.1.2.3/16", in the plugins' order: owned strings in RET.
 * RESULT has been checked.
 */
int cni_result_addresses(const json_t *result, char *ret[CNI_MAX_ADDRESSES], size_t *ret_n,
			 struct err *e);

/* The error object of a plugin that failed, as a phrase in BUF: "its message (code 7)". */
void cni_error_describe(const json_t *error, char *buf, size_t size);

#endif
