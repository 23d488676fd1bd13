/* Questions to the kernel's netfilter (NETLINK_NETFILTER), built and taken apart by libnl-3. */
#ifndef NET_NFT_NETFILTER_H
#define NET_NFT_NETFILTER_H

#include <stdint.h>

struct err;
struct nl_msg;
struct nl_sock;
struct nlattr;

/* A socket to ask through, owned: netfilter_close(). */
int netfilter_open(struct nl_sock **ret, struct err *e);
void netfilter_close(struct nl_sock *socket);

/*
 * A message about IPv4, of type MESSAGE of SUBSYSTEM (NFNL_SUBSYS_*), owned: nlmsg_free().  NULL: memory
 * is out.
 */
struct nl_msg *netfilter_message(uint8_t subsystem, uint8_t message, int flags);

/* One entry: N_ATTRIBUTES + 1 of them by type, those that are absent NULL.  Returns 0 or -errno. */
typedef int netfilter_entry_fn(struct nlattr **attributes, void *arg, struct err *e);

/*
 * Send QUESTION, to which the answer is a list, and call FN with each entry of it.  WHAT is the
 * question, for errors.
 */
int netfilter_list(struct nl_sock *socket, struct nl_msg *question, int n_attributes,
		   netfilter_entry_fn *fn, void *arg, const char *what, struct err *e);

/* Send ORDER and wait until it is carried out. */
int netfilter_order(struct nl_sock *socket, struct nl_msg *order, const char *what, struct err *e);

/* How many transactions of nftables have been committed, by whomever. */
int netfilter_generation(uint32_t *ret, struct err *e);

#endif
