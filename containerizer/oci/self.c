/*
 * A process that is about to be the container's is still this program, and so is what the container
 * runs by "#!/proc/self/exe".  Whoever is root in there, without a user namespace, can hold the file
 * by /proc/PID/exe and write it as soon as no process runs it (CVE-2019-5736).  The supervisor of an
 * agent's container runs as long as the container; here nobody stays.
 *
 * So this process, before it makes another, stops being one of the program's file.  Executing a copy
 * would do, and is what is done without the right to the other way; but an execve(2) more, with all
 * that a program does before its main(), took a fifth of a launch.
 */
#include "containerizer/oci/self.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"

static const char self[] = "/proc/self/exe";
enum {
	SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE,
	MEMFD_EXECUTABLE = 0x10,	/* MFD_EXEC of Linux 6.3 */
};

static bool is_protected(int self_fd)
{
	struct statvfs fs;
	int seals = fcntl(self_fd, F_GET_SEALS);

	return (seals >= 0 && (seals & SEALS) == SEALS) ||
		(fstatvfs(self_fd, &fs) == 0 && (fs.f_flag & ST_RDONLY));
}

/*
 * Where vm.memfd_noexec is 1 it has to be said that it shall be executable, and before Linux 6.3 it
 * must not be.
 */
static int create_memfd(unsigned flags)
{
	int fd = memfd_create("tepui-oci", flags | MFD_CLOEXEC | MEMFD_EXECUTABLE);

	return fd < 0 && errno == EINVAL ? memfd_create("tepui-oci", flags | MFD_CLOEXEC) : fd;
}

/* ---- Without an execve(2) ---- */

/*
 * A mount that is nowhere, which this process holds: whoever closes its last descriptor waits until
 * no processor can be looking at it any more.
 */
static int held_fd = -EBADF;

void self_release(void)
{
	fd_close(&held_fd);
}

/* The same file on a mount of its own, which is read-only; owned, or -errno. */
static int open_read_only(void)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	AUTO_CLOSE int tree_fd = open_tree(AT_FDCWD, self, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	char path[64];
	int fd;

	if (tree_fd < 0 || mount_setattr(tree_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", tree_fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	held_fd = TAKE_FD(tree_fd);
	return fd;
}

static uintptr_t page_of(uintptr_t address)
{
	return address & ~(uintptr_t)(getauxval(AT_PAGESZ) - 1);
}

static uintptr_t page_after(uintptr_t address)
{
	return page_of(address + getauxval(AT_PAGESZ) - 1);
}

/* What is never written, from another name of the same file: the bytes stay the same. */
static int map_again(const ElfW(Phdr) *segment, uintptr_t start, size_t size, int fd)
{
	int protection = PROT_READ | (segment->p_flags & PF_X ? PROT_EXEC : 0);
	void *at = mmap((void *)start, size, protection, MAP_PRIVATE | MAP_FIXED, fd,
			(off_t)page_of(segment->p_offset));

	return at == MAP_FAILED ? -errno : 0;
}

/* Not memcpy(3), which a sanitizer watches: what is between two variables may be copied here. */
__attribute__((no_sanitize("address")))
static void copy_words(const volatile uint64_t *from, uint64_t *to, size_t size)
{
	for (size_t i = 0; i < size / sizeof(*to); i++)
		to[i] = from[i];
}

/* What may have been written, in memory that is of no file. */
static int copy_in_place(uintptr_t start, size_t size)
{
	void *copy = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (copy == MAP_FAILED)
		return -errno;
	copy_words((const volatile uint64_t *)start, copy, size);
	return mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)start) == MAP_FAILED ?
		-errno : 0;
}

/* The first object is the program; a dynamic one's libraries are other files. */
static int replace_segments(struct dl_phdr_info *info, size_t size, void *arg)
{
	const int *fd = arg;
	int r = 0;

	(void)size;
	for (ElfW(Half) i = 0; i < info->dlpi_phnum && r == 0; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + segment->p_vaddr;
		size_t length = page_after(start + segment->p_filesz) - page_of(start);

		if (segment->p_type == PT_LOAD && segment->p_flags & PF_W)
			r = copy_in_place(page_of(start), length);
		else if (segment->p_type == PT_LOAD)
			r = map_again(segment, page_of(start), length, *fd);
		/* Behind the segment that it is a part of. */
		else if (segment->p_type == PT_GNU_RELRO &&
			 mprotect((void *)page_of(start),
				  page_of(start + segment->p_memsz) - page_of(start), PROT_READ) < 0)
			r = -errno;
	}
	return r < 0 ? r : 1;
}

/*
 * The rest of what PR_SET_MM_MAP sets is for show (proc(5): stat, cmdline and environ), but for the
 * end of the heap.  The command line stays as it is; the environment is shown to nobody any more.
 */
static void describe_memory(char **argv, struct prctl_mm_map *map)
{
	extern const char __executable_start[], etext[], data_start[], edata[];
	const char *last = *argv;

	map->start_code = (uintptr_t)__executable_start;
	map->end_code = (uintptr_t)etext;
	map->start_data = (uintptr_t)data_start;
	map->end_data = (uintptr_t)edata;
	map->start_brk = map->brk = (uintptr_t)sbrk(0);
	map->start_stack = (uintptr_t)argv;
	for (char **arg = argv; *arg; arg++)
		last = *arg;
	map->arg_start = (uintptr_t)*argv;
	map->arg_end = (uintptr_t)last + strlen(last) + 1;
	map->env_start = map->env_end = map->arg_end;
}

/*
 * The kernel lets go of the program's file once nothing of it is mapped (prctl(2), PR_SET_MM), and
 * takes an empty one of nobody's instead.  Where vm.memfd_noexec is 2 there is none that could be
 * executed: then the same file, where it is read-only.
 */
static bool become_nobodys(char **argv)
{
	struct prctl_mm_map map = { .exe_fd = (uint32_t)-1 };
	AUTO_CLOSE int fd = open_read_only();
	AUTO_CLOSE int empty_fd = -EBADF;

	if (fd < 0 || dl_iterate_phdr(replace_segments, &fd) != 1)
		return false;
	empty_fd = create_memfd(0);
	if (empty_fd < 0 && errno != EACCES)
		return false;
	describe_memory(argv, &map);
	map.exe_fd = (uint32_t)(empty_fd < 0 ? fd : empty_fd);
	return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0) == 0;
}

/* ---- By an execve(2) ---- */

static int copy_sealed(int self_fd, struct err *e)
{
	AUTO_CLOSE int fd = create_memfd(MFD_ALLOW_SEALING);
	struct stat st;

	if (fd < 0 || fstat(self_fd, &st) < 0)
		return err_set(e, errno, "copy this program");
	for (off_t done = 0; done < st.st_size;) {
		ssize_t n = sendfile(fd, self_fd, NULL, (size_t)(st.st_size - done));

		if (n <= 0)
			return err_set(e, n < 0 ? errno : EIO, "copy this program");
		done += n;
	}
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return err_set(e, errno, "seal the copy of this program");
	return TAKE_FD(fd);
}

int self_protect(char **argv, struct err *e)
{
	AUTO_CLOSE int self_fd = -EBADF, fd = -EBADF;

	if (become_nobodys(argv))
		return 0;
	self_fd = open(self, O_RDONLY | O_CLOEXEC);
	if (self_fd < 0)
		return err_set(e, errno, "open this program");
	if (is_protected(self_fd))
		return 0;
	fd = copy_sealed(self_fd, e);
	if (fd < 0)
		return fd;
	(void)execveat(fd, "", argv, environ, AT_EMPTY_PATH);
	return err_set(e, errno, "run this program from its copy");
}
