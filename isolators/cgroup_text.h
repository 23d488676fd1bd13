/* Reading the text of cgroup interface files: pure functions over bytes that the kernel wrote. */
#ifndef ISOLATORS_CGROUP_TEXT_H
#define ISOLATORS_CGROUP_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Larger than any flat-keyed file of Linux 6.18 (memory.stat: 2.5 kB). */
enum { CGROUP_TEXT_SIZE = 8192 };

/* A decimal number, blanks around it allowed; "max" is UINT64_MAX.  -EINVAL, -ERANGE. */
int cgroup_text_u64(const char *text, uint64_t *ret);

/* The number after KEY at the start of a line, as in "oom_kill 3".  -ENOENT: in no line. */
int cgroup_text_key(const char *text, const char *key, uint64_t *ret);

/* The sum over all lines of the number in "NAME=number", as in io.stat.  -ENOENT: in no line. */
int cgroup_text_sum(const char *text, const char *name, uint64_t *ret);

/* The number of "NAME=number" in the line that LINE begins with.  -ENOENT. */
int cgroup_text_name(const char *line, const char *name, uint64_t *ret);

/* The beginning of the next line, or of the empty one at the end. */
const char *cgroup_text_next_line(const char *line);

#endif
