/* What directory.c, which takes messages apart, and directory_entries.c, the table, share. */
#ifndef AGENT_DIRECTORY_PARTS_H
#define AGENT_DIRECTORY_PARTS_H

#include "agent/directory.h"

enum { DIRECTORY_MAX_LISTENERS = 4 };

struct directory {
	const struct agent *agent;
	/* By id and key.  Nodes and services that only endpoints name so far are there without INFO. */
	struct directory_node *nodes;
	struct directory_service *services;
	struct directory_endpoint *endpoints;
	struct directory_claim *claims;
	size_t n_nodes, n_services;		/* with INFO */
	TAILQ_HEAD(, directory_service) touched;
	Tepui__Directory **run;			/* that has not come to its end */
	size_t n_run;
	uint64_t stream;			/* number of it, since start */
	uint64_t n_messages;			/* of this stream */
	/* Of all streams together: those before this one ended at BASE. */
	uint64_t base, generation, in_force;
	uint64_t refused, refused_before;	/* before this message */
	struct {
		const struct directory_listener *does;
		void *arg;
	} listeners[DIRECTORY_MAX_LISTENERS];
	size_t n_listeners;
};

/* Whatever is there, also without INFO or about to be told as removed; NULL. */
struct directory_node *directory_seek_node(const struct directory *directory, const char *id);
struct directory_service *directory_seek_service(const struct directory *directory,
						 const char *key);
struct directory_endpoint *directory_seek_endpoint(const struct directory *directory,
						   const char *key);

/* Is it more than a name? */
bool directory_is_service(const struct directory_service *service);
/* Free it if nothing needs it. */
void directory_release_service(struct directory *directory, struct directory_service *service);

/* Take one entry: *INFO is NULL if it was kept.  Only -ENOMEM; what is bad is refused and gone. */
int directory_take_node(struct directory *directory, Tepui__DirectoryNode **info, struct err *e);
int directory_take_service(struct directory *directory, Tepui__Service **info, struct err *e);
int directory_take_endpoint(struct directory *directory, Tepui__Endpoint **info, struct err *e);

/*
 * Nothing if it is NULL.  A service's INFO stays until it has been told of.  A node that is forgotten
 * leaves its endpoints; one that is removed takes them along, and they it.
 */
void directory_forget_node(struct directory *directory, struct directory_node *node);
void directory_remove_node(struct directory *directory, struct directory_node *node);
void directory_remove_service(struct directory *directory, struct directory_service *service);
void directory_remove_endpoint(struct directory *directory, struct directory_endpoint *endpoint);

#endif
