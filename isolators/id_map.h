/* Maps of user and group ids between a user namespace and the host. */
#ifndef ISOLATORS_ID_MAP_H
#define ISOLATORS_ID_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct spec_id_map;
struct spec_id_maps;

/*
 * May the kernel be given these maps?  Each has rows, none of which overlaps another on either
 * side or runs over the last id, and its text fits.  WHERE ("linux") is put before the names of
 * their fields in messages.  Pure.
 */
int id_maps_validate(const struct spec_id_maps *maps, const char *where, struct err *e);

/* Is ID, as it is inside, in the map? */
bool id_map_has(const struct spec_id_map *rows, size_t n, uint32_t id);

/* What ID is outside, or UINT32_MAX, which is no id. */
uint32_t id_map_outside(const struct spec_id_map *rows, size_t n, uint32_t id);

struct spec;

/*
 * Give the open FD, a pipe or what else has no mount with ids of its own, to the main process of
 * SPEC's container.  As fchown(2).
 */
int spec_give(const struct spec *spec, int fd);

/*
 * Write the maps of the user namespace in which the process of the open directory PROC_FD
 * (/proc/PID) is alone so far.
 */
int id_maps_write(int proc_fd, const struct spec_id_maps *maps, struct err *e);

/*
 * The same for process PID by somebody who is not root.  The kernel lets him map his own id alone,
 * and his group only when nobody inside can leave one (user_namespaces(7)); other maps are written
 * by newuidmap(1) and newgidmap(1), which know what was given to him.
 */
int id_maps_write_rootless(int proc_fd, pid_t pid, const struct spec_id_maps *maps, struct err *e);

/*
 * A user namespace with these maps and without a process, for a mount alone (MOUNT_ATTR_IDMAP).
 * Owned.
 */
int id_maps_open_namespace(const struct spec_id_maps *maps, struct err *e);

/* Does the user namespace of that process have these maps, where they are told? */
int id_maps_verify(int proc_fd, const struct spec_id_maps *maps, struct err *e);

/* Open /proc/PID of PID, our child that is not reaped: it cannot mean another process.  Owned. */
int id_maps_open_process(pid_t pid, struct err *e);

#endif
