/* The directory in a file, by which services and names outlive a restart while the master is away. */
#ifndef AGENT_DIRECTORY_FILE_H
#define AGENT_DIRECTORY_FILE_H

struct agent;
struct directory_file;
struct err;

/*
 * From now on write agent->directory a while after it has changed, whole and outside of the loop: at most
 * once every few seconds, so that what changed last may be missing.  It is a cache: the master tells all
 * of it again.
 */
int directory_file_new(struct agent *agent, struct directory_file **ret, struct err *e);
void directory_file_free(struct directory_file *file);

/* What was written last becomes the directory.  A file that cannot be read is logged and left alone. */
void directory_file_load(struct directory_file *file);

/* It is another agent that starts here next. */
void directory_file_remove(struct directory_file *file);

#endif
