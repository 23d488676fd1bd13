/* Quotas of top-level roles: checked, kept in the store, and told to the allocator. */
#ifndef MASTER_STUB_QUOTA_H
#define MASTER_STUB_QUOTA_H

struct err;
struct master;

/* Read the records of kind "quota". */
int quotas_load(struct master *master, struct err *e);
void quotas_free(struct master *master);

#endif
