#include "net/nft_watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"

enum { MAX_MESSAGE = 64 << 10 };

struct nft_watch {
	const char *name;
	nft_changed_fn *changed;
	void *arg;
	int fd;
	struct loop_watch *readable;
};

/* ---- messages ---- */

/* In each of them but NFT_MSG_NEWGEN, which is of the whole, the first attribute names the table. */
_Static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 &&
	       NFTA_SET_TABLE == 1 && NFTA_SET_ELEM_LIST_TABLE == 1 && NFTA_OBJ_TABLE == 1 &&
	       NFTA_FLOWTABLE_TABLE == 1, "one parser serves all");

static bool names(const char *attributes, size_t size, const char *name)
{
	struct nlattr head;

	while (size >= sizeof(head)) {
		size_t length;

		memcpy(&head, attributes, sizeof(head));
		length = head.nla_len;
		if (length < sizeof(head) || length > size)
			return false;
		if ((head.nla_type & NLA_TYPE_MASK) == NFTA_TABLE_NAME)
			return length - sizeof(head) == strlen(name) + 1 &&
			       memcmp(attributes + sizeof(head), name, strlen(name) + 1) == 0;
		length = NLA_ALIGN(length);
		if (length > size)
			return false;
		attributes += length;
		size -= length;
	}
	return false;
}

bool nft_watch_concerns(const void *data, size_t size, const char *name)
{
	const char *at = data;
	struct nlmsghdr head;

	while (size >= sizeof(head)) {
		size_t skip = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nfgenmsg)), length;

		memcpy(&head, at, sizeof(head));
		length = head.nlmsg_len;
		if (length < sizeof(head) || length > size)
			return false;
		if (head.nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES &&
		    (head.nlmsg_type & 0xff) != NFT_MSG_NEWGEN && length >= skip &&
		    names(at + skip, length - skip, name))
			return true;
		length = NLMSG_ALIGN(length);
		if (length > size)
			return false;
		at += length;
		size -= length;
	}
	return false;
}

/* ---- the socket ---- */

static void on_readable(int fd, void *arg)
{
	struct nft_watch *watch = arg;
	static char buffer[MAX_MESSAGE];
	bool is_concerned = false;
	ssize_t n;

	while ((n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC)) >= 0 ||
	       errno == ENOBUFS || errno == EINTR) {
		/* What was lost may have been of it, too. */
		if (n < 0 || (size_t)n > sizeof(buffer))
			is_concerned |= n >= 0 || errno == ENOBUFS;
		else
			is_concerned |= nft_watch_concerns(buffer, (size_t)n, watch->name);
	}
	if (is_concerned)
		watch->changed(watch->arg);
}

int nft_watch_new(struct loop *loop, const char *name, nft_changed_fn *changed, void *arg,
		  struct nft_watch **ret, struct err *e)
{
	const struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	const int group = NFNLGRP_NFTABLES;
	struct nft_watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return err_set(e, ENOMEM, "watch nftables");
	*watch = (struct nft_watch){ .name = name, .changed = changed, .arg = arg };
	watch->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	if (watch->fd < 0 ||
	    bind(watch->fd, (const struct sockaddr *)&self, sizeof(self)) < 0 ||
	    setsockopt(watch->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		r = err_set(e, errno, "watch nftables");
	else
		r = loop_watch_fd(loop, watch->fd, on_readable, watch, &watch->readable, e);
	if (r < 0) {
		nft_watch_free(watch);
		return r;
	}
	*ret = watch;
	return 0;
}

void nft_watch_free(struct nft_watch *watch)
{
	if (!watch)
		return;
	loop_watch_free(watch->readable);
	fd_close(&watch->fd);
	free(watch);
}

/*
 * The kernel puts messages of one transaction alone into a packet, each with the port of the socket that
 * asked for it, which is a process's id for its first.  Dropped before they are queued: a transaction
 * of ours may be of a hundred thousand messages.
 */
int nft_watch_except(struct nft_watch *watch, pid_t pid, struct err *e)
{
	/* Loads are of the network's order: the field of ours is looked at as if it were. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl((uint32_t)pid), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog program = { .len = ARRAY_SIZE(code), .filter = code };

	if (setsockopt(watch->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return err_set(e, errno, "watch nftables but for process %d", (int)pid);
	return 0;
}
