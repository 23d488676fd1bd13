#include "containerizer/unpack/expand.h"

#include <archive.h>
#include <archive_entry.h>

#include "containerizer/unpack/feed.h"
#include "lib/file_out.h"

/* A header, its extensions and what is left of the last block, generously. */
enum { MAX_ENTRY_OVERHEAD = 2048 };

static int archive_error(struct archive *archive, struct err *e)
{
	const char *text = archive_error_string(archive);

	return err_set(e, EINVAL, "expand the archive: %s", text ? text : "damaged");
}

int expand_open(struct feed *feed, struct archive **ret, struct err *e)
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;

	if (!archive)
		return err_set(e, ENOMEM, "expand the archive");
	if (archive_read_support_filter_gzip(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_zstd(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_xz(archive) != ARCHIVE_OK ||
	    archive_read_support_filter_bzip2(archive) != ARCHIVE_OK ||
	    archive_read_support_format_raw(archive) != ARCHIVE_OK ||
	    feed_attach(feed, archive) != ARCHIVE_OK ||
	    archive_read_next_header(archive, &entry) != ARCHIVE_OK) {
		int r = archive_error(archive, e);

		(void)archive_read_free(archive);
		return r;
	}
	*ret = archive;
	return 0;
}

int expand_all(struct archive *archive, int out_fd, const struct unpack_limits *limits,
	       struct unpack_result *result, struct err *e)
{
	uint64_t max = limits->max_bytes + MAX_ENTRY_OVERHEAD * limits->max_entries;
	const void *data;
	size_t size;
	int64_t offset;
	int r;

	while ((r = archive_read_data_block(archive, &data, &size, &offset)) == ARCHIVE_OK) {
		result->bytes += size;
		if (result->bytes > max)
			return err_set(e, EFBIG, "expand the archive to more than %llu bytes",
				       (unsigned long long)max);
		r = file_out_write(out_fd, data, size);
		if (r < 0)
			return err_set(e, -r, "write the expanded archive");
	}
	return r == ARCHIVE_EOF ? 0 : archive_error(archive, e);
}
