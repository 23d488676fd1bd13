#include "net/nft_watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"

enum {
	MAX_MESSAGE = 64 << 10,
	BUFFER_BYTES = 4 << 20,		/* of what others do at once, until it is lost */
};

struct nft_watch {
	const char *name;
	nft_changed_fn *changed;
	void *arg;
	int fd;
	uint32_t port;			/* of the socket */
	uint32_t expected;		/* generation, when the kernel answers */
	struct loop_watch *readable;
};

/* ---- messages ---- */

/* In each of them but NFT_MSG_NEWGEN, which is of the whole, the first attribute names the table. */
_Static_assert(NFTA_TABLE_NAME == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 &&
	       NFTA_SET_TABLE == 1 && NFTA_SET_ELEM_LIST_TABLE == 1 && NFTA_OBJ_TABLE == 1 &&
	       NFTA_FLOWTABLE_TABLE == 1, "one parser serves all");

/* The value, of SIZE bytes, of MESSAGE's attribute TYPE; NULL: it has none such. */
static const void *find_value(struct nlmsghdr *message, int type, size_t size)
{
	struct nlattr *found = nlmsg_find_attr(message, sizeof(struct nfgenmsg), type);

	return found && (size_t)nla_len(found) == size ? nla_data(found) : NULL;
}

static bool is_of_table(struct nlmsghdr *message, const char *name)
{
	size_t size = strlen(name) + 1;
	const void *value = find_value(message, NFTA_TABLE_NAME, size);

	return value && memcmp(value, name, size) == 0;
}

bool nft_watch_concerns(const void *data, size_t size, const char *name)
{
	struct nlmsghdr *message = (void *)(uintptr_t)data;

	for (int left = (int)size; nlmsg_ok(message, left); message = nlmsg_next(message, &left)) {
		if (message->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES &&
		    (message->nlmsg_type & 0xff) != NFT_MSG_NEWGEN &&
		    nlmsg_valid_hdr(message, sizeof(struct nfgenmsg)) && is_of_table(message, name))
			return true;
	}
	return false;
}

bool nft_watch_generation(const void *data, size_t size, uint32_t port, uint32_t *ret)
{
	struct nlmsghdr *message = (void *)(uintptr_t)data;
	const void *value;

	if (!nlmsg_ok(message, (int)size) ||
	    message->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN) ||
	    message->nlmsg_pid != port || !nlmsg_valid_hdr(message, sizeof(struct nfgenmsg)))
		return false;
	value = find_value(message, NFTA_GEN_ID, sizeof(*ret));
	if (!value)
		return false;
	memcpy(ret, value, sizeof(*ret));
	*ret = ntohl(*ret);
	return true;
}

/* ---- the socket ---- */

static bool is_concerned(const struct nft_watch *watch, const char *data, size_t size)
{
	uint32_t generation;

	if (nft_watch_generation(data, size, watch->port, &generation))
		return generation != watch->expected;
	return nft_watch_concerns(data, size, watch->name);
}

static void on_readable(int fd, void *arg)
{
	struct nft_watch *watch = arg;
	static _Alignas(struct nlmsghdr) char buffer[MAX_MESSAGE];
	bool has_changed = false;
	ssize_t n;

	while ((n = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC)) >= 0 ||
	       errno == ENOBUFS || errno == EINTR) {
		/* What was lost may have been of it, too. */
		if (n < 0 || (size_t)n > sizeof(buffer))
			has_changed |= n >= 0 || errno == ENOBUFS;
		else
			has_changed |= is_concerned(watch, buffer, (size_t)n);
	}
	if (has_changed)
		watch->changed(watch->arg);
}

static int set_membership(const struct nft_watch *watch, int option, struct err *e)
{
	const int group = NFNLGRP_NFTABLES;

	return setsockopt(watch->fd, SOL_NETLINK, option, &group, sizeof(group)) < 0 ?
		       err_set(e, errno, "watch nftables") : 0;
}

int nft_watch_pause(struct nft_watch *watch, struct err *e)
{
	return set_membership(watch, NETLINK_DROP_MEMBERSHIP, e);
}

int nft_watch_resume(struct nft_watch *watch, const uint32_t *before, struct err *e)
{
	const struct {
		struct nlmsghdr head;
		struct nfgenmsg body;
	} question = {
		.head = {
			.nlmsg_len = sizeof(question),
			.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN,
			.nlmsg_flags = NLM_F_REQUEST,
		},
		.body = { .nfgen_family = AF_INET, .version = NFNETLINK_V0 },
	};
	int r = set_membership(watch, NETLINK_ADD_MEMBERSHIP, e);

	if (r < 0 || !before)
		return r;
	watch->expected = *before + 1;
	return send(watch->fd, &question, sizeof(question), 0) < 0 ?
		       err_set(e, errno, "ask for the generation of nftables") : 0;
}

int nft_watch_new(struct loop *loop, const char *name, nft_changed_fn *changed, void *arg,
		  struct nft_watch **ret, struct err *e)
{
	struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	const int buffer = BUFFER_BYTES;
	socklen_t size = sizeof(self);
	struct nft_watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return err_set(e, ENOMEM, "watch nftables");
	*watch = (struct nft_watch){ .name = name, .changed = changed, .arg = arg };
	watch->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	if (watch->fd < 0 ||
	    setsockopt(watch->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) < 0 ||
	    bind(watch->fd, (const struct sockaddr *)&self, sizeof(self)) < 0 ||
	    getsockname(watch->fd, (struct sockaddr *)&self, &size) < 0)
		r = err_set(e, errno, "watch nftables");
	else
		r = set_membership(watch, NETLINK_ADD_MEMBERSHIP, e);
	watch->port = self.nl_pid;
	if (r >= 0)
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
