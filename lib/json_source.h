/* JSON that is made a piece at a time, by whoever knows it, for whoever sends it. */
#ifndef LIB_JSON_SOURCE_H
#define LIB_JSON_SOURCE_H

#include <stdbool.h>

struct json_out;

struct json_source {
	/* Write some: an object at most.  False: that was all, or memory is out. */
	bool (*step)(void *arg);
	/* What was written since it was last cleared. */
	struct json_out *(*out)(void *arg);
	void (*free)(void *arg);
	void *arg;
};

#endif
