/* tepui-unpack: reads one hostile archive, with no rights but to write below one directory. */
#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "containerizer/unpack/confine.h"
#include "containerizer/unpack/expand.h"
#include "containerizer/unpack/extract.h"
#include "containerizer/unpack/feed.h"
#include "containerizer/unpack/pack.h"
#include "containerizer/unpack/report.h"
#include "lib/cleanup.h"

static int parse(int argc, char **argv, enum unpack_mode *ret_mode, struct unpack_limits *ret,
		 struct err *e)
{
	int index, r;

	if (argc < 2 || unpack_mode_parse(argv[1], ret_mode) < 0)
		return err_set(e, EINVAL, "usage: tepui-unpack MODE --LIMIT=N ...");
	r = flags_parse(unpack_limits, n_unpack_limits, NULL, argc - 1, argv + 1, ret, &index, e);
	if (r == 0 && index != argc - 1)
		r = err_set(e, EINVAL, "unknown argument '%.200s'", argv[1 + index]);
	return r;
}

/*
 * What comes after the archive's end belongs to its digest, too: who feeds us waits for our
 * reading.
 */
static void drain(struct feed *feed)
{
	const void *data;

	while (feed_next(feed, &data) > 0)
		;
}

static int run_extract(enum unpack_mode mode, struct feed *feed,
		       const struct unpack_limits *limits, struct report *report,
		       struct unpack_result *result, struct err *e)
{
	AUTO_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct archive *archive;
	int r;

	if (root < 0)
		return err_set(e, errno, "open the root directory");
	r = extract_open(feed, &archive, e);
	if (r < 0)
		return r;
	r = extract_all(archive, root, mode, limits, report, result, e);
	(void)archive_read_free(archive);
	return r;
}

static int run_expand(struct feed *feed, const struct unpack_limits *limits,
		      struct unpack_result *result, struct err *e)
{
	struct archive *archive;
	int r = expand_open(feed, &archive, e);

	if (r < 0)
		return r;
	r = expand_all(archive, STDOUT_FILENO, limits, result, e);
	(void)archive_read_free(archive);
	return r;
}

static int run_pack(const struct unpack_limits *limits, struct unpack_result *result,
		    struct err *e)
{
	AUTO_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return err_set(e, errno, "open the root directory");
	return pack_all(root, STDOUT_FILENO, limits, result, e);
}

static int run(enum unpack_mode mode, struct feed *feed, const struct unpack_limits *limits,
	       struct report *report, struct unpack_result *result, struct err *e)
{
	int r;

	if (mode == UNPACK_PACK)
		return run_pack(limits, result, e);
	r = mode == UNPACK_EXPAND ? run_expand(feed, limits, result, e)
		: run_extract(mode, feed, limits, report, result, e);
	if (r == 0)
		drain(feed);
	return r;
}

int main(int argc, char **argv)
{
	static struct report report = { .fd = UNPACK_REPORT_FD };
	struct unpack_result result = { 0 };
	struct unpack_limits limits = { 0 };
	struct feed feed = { 0 };
	struct err *e = &result.error;
	enum unpack_mode mode;
	int r;

	/* Names are bytes; without this, those beyond ASCII in extended headers would be lost. */
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	(void)umask(0);
	r = parse(argc, argv, &mode, &limits, e);
	if (r == 0 && mode != UNPACK_PACK)
		r = feed_open(&feed, e);
	if (r == 0)
		r = confine(mode, &limits, e);
	if (r == 0)
		r = run(mode, &feed, &limits, &report, &result, e);
	report_result(&report, &result);
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
