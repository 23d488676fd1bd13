/* Archives of layers, without the sandbox around: nothing beside the directory changes. */
#include <assert.h>
#include <archive.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "containerizer/unpack/extract.h"
#include "lib/cleanup.h"
#include "lib/tree.h"

static char base[] = "/tmp/tepui-fuzz-XXXXXX";
static int base_fd = -EBADF, report_fd = -EBADF;
static struct stat canary;

static void remove_tree(int dir_fd, const char *name)
{
	struct err lost = { 0 };

	(void)tree_remove(dir_fd, name, &lost);
}

static void remove_base(void)
{
	(void)unlinkat(base_fd, "canary", 0);
	remove_tree(base_fd, "root");
	(void)rmdir(base);
}

static void make_base(void)
{
	AUTO_CLOSE int fd = -EBADF;

	assert(mkdtemp(base));
	base_fd = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(base_fd, "canary", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert(fd >= 0 && fstat(fd, &canary) == 0);
	report_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	(void)atexit(remove_base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct unpack_limits limits = {
		.max_bytes = 1 << 20, .max_file_bytes = 1 << 20, .max_entries = 64, .max_depth = 8,
	};
	struct report report = { .fd = report_fd };
	struct unpack_result result = { 0 };
	AUTO_CLOSE int root = -EBADF;
	struct archive *archive;
	struct err e = { 0 };
	struct stat st;

	if (base_fd < 0)
		make_base();
	report.fd = report_fd;
	archive = archive_read_new();
	assert(archive && archive_read_support_format_tar(archive) == ARCHIVE_OK);
	assert(mkdirat(base_fd, "root", 0755) == 0);
	root = openat(base_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (archive_read_open_memory(archive, data, size) == ARCHIVE_OK) {
		(void)extract_all(archive, root, UNPACK_LAYER, &limits, &report, &result, &e);
		assert(result.entries <= limits.max_entries + 1);
	}
	(void)archive_read_free(archive);
	assert(fstatat(base_fd, "canary", &st, 0) == 0 && st.st_size == 0 && st.st_nlink == 1 &&
	       st.st_mode == canary.st_mode && st.st_mtim.tv_nsec == canary.st_mtim.tv_nsec);
	remove_tree(base_fd, "root");
	return 0;
}
