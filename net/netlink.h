/*
 * Requests to the kernel's routing subsystem (rtnetlink(7)).  They are put into a queue, go out in one
 * datagram and are carried out in that order.  libnl-3 builds the messages; its caches, which would have
 * to be filled first, are not used.
 */
#ifndef NET_NETLINK_H
#define NET_NETLINK_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct nl_msg;
struct nlattr;

enum { NETLINK_MAX_QUEUE = 16 };

struct netlink {
	int fd;
	uint32_t next_seq;
	size_t n;
	struct {
		struct nl_msg *message;
		const char *what;	/* for errors: "make link"; static */
		const char *object;	/* borrowed until the queue is sent */
		int accepted;		/* errno that is as good as success; 0: none */
	} queue[NETLINK_MAX_QUEUE];
	int failure;			/* of building the queue: told when it is sent */
};
#define NETLINK_INIT { .fd = -EBADF }

/* A socket in the network namespace that the caller is in at this moment. */
int netlink_open(struct netlink *nl, struct err *e);
void netlink_close(struct netlink *nl);

/*
 * Begin the next message, with its HEAD (struct ifinfomsg and the like); the attributes that follow go
 * into it.  An error of WHAT "verb noun" names OBJECT.
 */
void netlink_begin(struct netlink *nl, uint16_t type, uint16_t flags, const void *head, size_t size,
		   const char *what, const char *object);
/* That errno of the message just begun is no failure. */
void netlink_accept(struct netlink *nl, int code);

void netlink_put(struct netlink *nl, int attribute, const void *data, size_t size);
void netlink_put_u8(struct netlink *nl, int attribute, uint8_t value);
void netlink_put_u32(struct netlink *nl, int attribute, uint32_t value);
void netlink_put_string(struct netlink *nl, int attribute, const char *text);
/* What follows is in ATTRIBUTE, behind a HEAD if SIZE is not 0, until netlink_nest_end(). */
struct nlattr *netlink_nest(struct netlink *nl, int attribute, const void *head, size_t size);
void netlink_nest_end(struct netlink *nl, struct nlattr *nest);

/*
 * Send the queue and read its answers; it is empty afterwards.  The error is that of the first
 * message that failed, with the kernel's own words where it has some: those before it have been
 * carried out, and those behind it perhaps.
 */
int netlink_flush(struct netlink *nl, struct err *e);

/* The index of link NAME in the socket's namespace; -ENODEV. */
int netlink_index(const struct netlink *nl, const char *name, struct err *e);

#endif
