/* The verbs of tepui-image. */
#ifndef CONTAINERIZER_IMAGE_COMMAND_H
#define CONTAINERIZER_IMAGE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "containerizer/unpack/unpack.h"

struct image_store;

/* As of tepui(1). */
enum status { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_NOT_FOUND = 4 };

struct options {
	char *store, *name, *platform;
	bool json, quiet, force, all;
	uint64_t high, low;
	bool help, version;
	struct unpack_limits limits;
};

typedef int verb_fn(struct image_store *store, const struct options *options, char **args,
		    size_t n_args, struct err *e);

struct verb {
	const char *name, *args;
	size_t min_args, max_args;
	verb_fn *run;
	bool is_reader;		/* a store that is not there is not made; the list of NULL is empty */
	const char *help;
};

verb_fn verb_add, verb_list, verb_show, verb_remove, verb_bundle, verb_release, verb_prune;

#endif
