/* GET /services: what is behind the stable addresses, and why not, as JSON. */
#ifndef MASTER_STUB_SERVICE_LISTING_H
#define MASTER_STUB_SERVICE_LISTING_H

struct err;
struct json_source;
struct master;

/* Those of a NAME (copied) or key; NULL: all, and what tasks ask for and do not get.  -ENOMEM. */
int service_listing_new(const struct master *master, const char *name, struct json_source *ret,
			struct err *e);

#endif
