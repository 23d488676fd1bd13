/* How a v2 interface file is read from and written to a v1 hierarchy: what cgroup_v1*.c share. */
#ifndef ISOLATORS_CGROUP_V1_FILES_H
#define ISOLATORS_CGROUP_V1_FILES_H

#include <stddef.h>
#include <stdint.h>

struct cgroup;
struct err;

/* A v1 limit from here on is no limit: the kernel rounds its largest value to pages. */
#define CGROUP_V1_NO_LIMIT (UINT64_C(1) << 62)

struct v1_file {
	const char *file;	/* v2 name; "*" stands for the size of huge pages */
	const char *v1;		/* v1 name, for the plain translations */
	int (*read)(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
		    size_t size, struct err *e);
	int (*write)(const struct cgroup *cg, int fd, const struct v1_file *row, const char *value,
		     struct err *e);
};

extern const struct v1_file v1_memory_files[];
extern const size_t n_v1_memory_files;
extern const struct v1_file v1_io_files[];
extern const size_t n_v1_io_files;

/* The same text in both versions. */
int v1_read_same(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf, size_t size,
		 struct err *e);
int v1_write_same(const struct cgroup *cg, int fd, const struct v1_file *row, const char *value,
		  struct err *e);
/* Bytes, where v1 says "no limit" with a number and takes -1 for it. */
int v1_read_limit(const struct cgroup *cg, int fd, const struct v1_file *row, char *buf,
		  size_t size, struct err *e);
int v1_write_limit(const struct cgroup *cg, int fd, const struct v1_file *row, const char *value,
		   struct err *e);

int v1_read_number(int fd, const char *file, uint64_t *ret, struct err *e);
int v1_write_number(int fd, const char *file, uint64_t value, struct err *e);
/* VALUE is v2 text for ROW. */
int v1_parse_number(const struct v1_file *row, const char *value, uint64_t *ret, struct err *e);
/* -E2BIG when it does not fit. */
int v1_put(char *buf, size_t size, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
