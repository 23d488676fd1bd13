#include "containerizer/unpack/attributes.h"

#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_ID = 65535, MAX_XATTRS = 64, MAX_XATTR_BYTES = 64 << 10 };

bool attributes_is_welcome(const char *name)
{
	return strcmp(name, "security.capability") == 0 ||
	       (strncmp(name, "user.", 5) == 0 && strncmp(name, "user.overlay.", 13) != 0);
}

struct timespec attributes_mtime(struct archive_entry *entry)
{
	/* Without a time of its own, the epoch: what is unpacked twice is the same twice. */
	if (!archive_entry_mtime_is_set(entry))
		return (struct timespec){ 0 };
	return (struct timespec){ archive_entry_mtime(entry), archive_entry_mtime_nsec(entry) };
}

static int check_owner(struct archive_entry *entry, const char *path, struct err *e)
{
	int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);

	if (uid < 0 || uid > MAX_ID || gid < 0 || gid > MAX_ID)
		return err_set(e, EINVAL, "unpack '%.200s': owner %lld:%lld is outside 0..%d", path,
			       (long long)uid, (long long)gid, MAX_ID);
	if (archive_entry_acl_types(entry) != 0)
		return err_set(e, EINVAL, "unpack '%.200s': access control lists are not supported",
			       path);
	return 0;
}

static int set_xattrs(int fd, struct archive_entry *entry, const char *path, struct err *e)
{
	const char *name;
	const void *value;
	size_t size;

	if (archive_entry_xattr_count(entry) == 0)
		return 0;
	if (archive_entry_xattr_reset(entry) > MAX_XATTRS)
		return err_set(e, EINVAL, "unpack '%.200s': more than %d attributes", path,
			       MAX_XATTRS);
	while (archive_entry_xattr_next(entry, &name, &value, &size) == 0) {
		if (fd < 0 || !attributes_is_welcome(name) || size > MAX_XATTR_BYTES)
			return err_set(e, EINVAL, "unpack '%.200s': attribute '%.100s' is not "
				       "accepted", path, name);
		if (fsetxattr(fd, name, value, size, 0) < 0)
			return err_set(e, errno, "set attribute '%.100s' of '%.200s'", name, path);
	}
	return 0;
}

int attributes_set(int fd, struct archive_entry *entry, const char *path, struct err *e)
{
	struct timespec times[2] = { attributes_mtime(entry), attributes_mtime(entry) };
	uid_t uid = (uid_t)archive_entry_uid(entry);
	gid_t gid = (gid_t)archive_entry_gid(entry);
	mode_t mode = archive_entry_mode(entry) & 07777;
	int r = check_owner(entry, path, e);

	if (r < 0)
		return r;
	if ((uid || gid) && fchown(fd, uid, gid) < 0)
		return err_set(e, errno, "give '%.200s' to %u:%u", path, uid, gid);
	/* A change of owner takes the special bits away, and a directory was made closed. */
	if ((uid || gid || (mode & 07000) || archive_entry_filetype(entry) == AE_IFDIR) &&
	    fchmod(fd, mode) < 0)
		return err_set(e, errno, "set mode of '%.200s'", path);
	r = set_xattrs(fd, entry, path, e);
	if (r < 0)
		return r;
	return futimens(fd, times) < 0 ? err_set(e, errno, "set times of '%.200s'", path) : 0;
}

int attributes_set_at(int dir_fd, const char *name, struct archive_entry *entry, const char *path,
		      struct err *e)
{
	struct timespec times[2] = { attributes_mtime(entry), attributes_mtime(entry) };
	uid_t uid = (uid_t)archive_entry_uid(entry);
	gid_t gid = (gid_t)archive_entry_gid(entry);
	int r = check_owner(entry, path, e);

	if (r == 0)
		r = set_xattrs(-EBADF, entry, path, e);
	if (r < 0)
		return r;
	if ((uid || gid) && fchownat(dir_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "give '%.200s' to %u:%u", path, uid, gid);
	if (archive_entry_filetype(entry) == AE_IFIFO &&
	    fchmodat(dir_fd, name, archive_entry_mode(entry) & 07777, 0) < 0)
		return err_set(e, errno, "set mode of '%.200s'", path);
	if (utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "set times of '%.200s'", path);
	return 0;
}
