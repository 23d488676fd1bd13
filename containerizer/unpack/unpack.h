/* The unpack helper as those see it who start it: its modes, limits, descriptors and report. */
#ifndef CONTAINERIZER_UNPACK_UNPACK_H
#define CONTAINERIZER_UNPACK_UNPACK_H

#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/flags.h"

/*
 * tepui-unpack MODE --LIMIT=N ...
 *
 * It is started in user, mount, pid, network, ipc and uts namespaces of its own, with ids 0 to
 * 65535 mapped to themselves, and waits for nothing: the maps are written before it is executed.
 * Descriptors:
 *
 *	0	the archive: how many bytes of it are in the ring, see below; or /dev/null (pack)
 *	1	what comes out, a pipe (expand, pack), or /dev/null
 *	2	/dev/null
 *	3	the report, a pipe
 *	4	a pipe for a byte after each segment of the ring that was read; or /dev/null
 *	5	the ring: shared memory that only the other side can write to; or /dev/null
 *	6	a detached mount, which becomes its root directory
 *
 * The bytes that it reads are hostile, so whoever started it believes nothing that it says: not the
 * number of entries, and no path of the report.
 */
enum {
	UNPACK_REPORT_FD = 3, UNPACK_READ_FD = 4, UNPACK_RING_FD = 5, UNPACK_ROOT_FD = 6,
	N_UNPACK_FDS = 7,
};

/*
 * The archive's bytes are not copied to the helper: they lie in the ring, where their digest is
 * computed too, in segments that are filled and read in turn.  A uint32_t on descriptor 0 is the
 * length of the next one; its end is the archive's.
 */
enum { UNPACK_SEGMENT_BYTES = 1 << 20, UNPACK_N_SEGMENTS = 8 };

enum unpack_mode {
	UNPACK_LAYER,		/* a tar archive of an image's layer: marks of removal are obeyed */
	UNPACK_FILES,		/* a tar archive as it is: an image that was saved */
	UNPACK_EXPAND,		/* a compressed file: what is in it, to descriptor 1 */
	UNPACK_PACK,		/* its root directory: a tar archive of it, to descriptor 1 */
};

/* One table, unpack_limits[]: flags of the helper and of those who let users set them. */
struct unpack_limits {
	uint64_t max_bytes;		/* that come out, of all files together */
	uint64_t max_file_bytes;	/* length of one file, holes included */
	uint64_t max_entries;
	uint64_t max_depth;		/* components of a path */
	uint64_t max_memory;		/* address space of the helper */
	int64_t max_time;		/* milliseconds from start to end */
};

extern const struct flag unpack_limits[];
extern const size_t n_unpack_limits;

/* What the helper skips, by kind. */
enum unpack_skipped { UNPACK_SKIPPED_DEVICES, UNPACK_SKIPPED_SOCKETS, N_UNPACK_SKIPPED };

struct unpack_result {
	struct err error;		/* code 0: all went well */
	uint64_t entries, bytes;
	uint64_t skipped[N_UNPACK_SKIPPED];
};

/*
 * The report is a sequence of notes, each a byte and what belongs to it; the result is the last.
 */
enum unpack_note {
	UNPACK_NOTE_OPAQUE = 'o',	/* PATH NUL: this directory hides those below it */
	UNPACK_NOTE_IMPLIED = 'i',	/* PATH NUL: made without an entry of its own */
	UNPACK_NOTE_RESULT = 'r',	/* struct unpack_result */
};

/* The mode's name on the command line, and back; -EINVAL. */
const char *unpack_mode_name(enum unpack_mode mode);
int unpack_mode_parse(const char *name, enum unpack_mode *ret);

#endif
