#include "net/nft/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/nft/netfilter.h"
#include "net/nft/protocol.h"

/* Of CTA_FILTER_REPLY_FLAGS: the address that a connection is answered from is compared. */
enum { FILTER_BY_SOURCE = 1 << 0 };

/* Those of one address, or of any. */
struct search {
	const struct nft_flow *flows;
	size_t n;
	struct nl_sock *orders;
};

/* Who answers the connection whose CTA_TUPLE_REPLY is given. */
static bool parse_reply(struct nlattr *reply, struct nft_flow *ret)
{
	struct nlattr *parts[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1], *protocol[CTA_PROTO_MAX + 1];

	if (!reply || nla_parse_nested(parts, CTA_TUPLE_MAX, reply, NULL) < 0 ||
	    !parts[CTA_TUPLE_IP] || !parts[CTA_TUPLE_PROTO] ||
	    nla_parse_nested(ip, CTA_IP_MAX, parts[CTA_TUPLE_IP], NULL) < 0 ||
	    nla_parse_nested(protocol, CTA_PROTO_MAX, parts[CTA_TUPLE_PROTO], NULL) < 0 ||
	    !ip[CTA_IP_V4_SRC] || !protocol[CTA_PROTO_NUM])
		return false;
	ret->address = nla_get_u32(ip[CTA_IP_V4_SRC]);
	ret->protocol = nla_get_u8(protocol[CTA_PROTO_NUM]);
	ret->port = protocol[CTA_PROTO_SRC_PORT] ? nla_get_u16(protocol[CTA_PROTO_SRC_PORT]) : 0;
	return true;
}

static bool matches(const struct search *search, const struct nft_flow *found)
{
	for (size_t i = 0; i < search->n; i++) {
		const struct nft_flow *flow = &search->flows[i];

		if ((flow->address == 0 || flow->address == found->address) &&
		    (flow->protocol == 0 || flow->protocol == found->protocol) &&
		    (flow->port == 0 || flow->port == found->port))
			return true;
	}
	return false;
}

/* By all that identifies it: another that took its place meanwhile has another id. */
static int forget(struct nlattr **attributes, void *arg, struct err *e)
{
	const struct search *search = arg;
	struct nlattr *original = attributes[CTA_TUPLE_ORIG], *id = attributes[CTA_ID];
	struct nft_flow found;
	struct nl_msg *order;
	int r;

	if (!original || !id || !parse_reply(attributes[CTA_TUPLE_REPLY], &found) ||
	    !matches(search, &found))
		return 0;
	order = netfilter_message(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, 0);
	if (!order ||
	    nla_put(order, CTA_TUPLE_ORIG | NLA_F_NESTED, nla_len(original), nla_data(original)) < 0 ||
	    nla_put(order, CTA_ID, nla_len(id), nla_data(id)) < 0)
		r = err_set(e, ENOMEM, "forget a connection");
	else
		r = netfilter_order(search->orders, order, "forget a connection", e);
	nlmsg_free(order);
	if (r != -ENOENT)
		return r;
	err_clear(e);
	return 0;
}

/* Those that are answered from ADDRESS. */
static int put_filter(struct nl_msg *question, in_addr_t address)
{
	struct nlattr *reply, *ip, *filter;

	if (!(reply = nla_nest_start(question, CTA_TUPLE_REPLY | NLA_F_NESTED)) ||
	    !(ip = nla_nest_start(question, CTA_TUPLE_IP | NLA_F_NESTED)) ||
	    nla_put_u32(question, CTA_IP_V4_SRC, address) < 0)
		return -ENOMEM;
	nla_nest_end(question, ip);
	nla_nest_end(question, reply);
	if (!(filter = nla_nest_start(question, CTA_FILTER | NLA_F_NESTED)) ||
	    nla_put_u32(question, CTA_FILTER_REPLY_FLAGS, FILTER_BY_SOURCE) < 0 ||
	    nla_put_u32(question, CTA_FILTER_ORIG_FLAGS, 0) < 0)
		return -ENOMEM;
	nla_nest_end(question, filter);
	return 0;
}

static int search_address(struct nl_sock *lists, const struct search *search, struct err *e)
{
	in_addr_t address = search->flows[0].address;
	struct nl_msg *question = netfilter_message(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET,
						    NLM_F_DUMP);
	int r;

	/* A kernel that knew no filter would list all: each entry is looked at in any case. */
	if (!question || (address && put_filter(question, address) < 0))
		r = err_set(e, ENOMEM, "list connections");
	else
		r = netfilter_list(lists, question, CTA_MAX, forget, (void *)(uintptr_t)search,
				   "list connections", e);
	nlmsg_free(question);
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct nft_flow *left = a, *right = b;

	return left->address < right->address ? -1 : left->address > right->address;
}

static int search_all(struct nft_flow *flows, size_t n, struct err *e)
{
	struct nl_sock *lists = NULL, *orders = NULL;
	int r = netfilter_open(&lists, e);

	if (r >= 0)
		r = netfilter_open(&orders, e);
	qsort(flows, n, sizeof(*flows), compare);
	for (size_t i = 0, next; i < n && r >= 0; i = next) {
		next = i + 1;
		while (next < n && flows[next].address == flows[i].address)
			next++;
		r = search_address(lists, &(struct search){ &flows[i], next - i, orders }, e);
	}
	netfilter_close(lists);
	netfilter_close(orders);
	return r;
}

int conntrack_forget(int flows_fd, struct err *e)
{
	AUTO_FREE struct nft_flow *flows = NULL;
	struct stat st;
	size_t size;

	if (fstat(flows_fd, &st) < 0)
		return err_set(e, errno, "read which connections to forget");
	size = (size_t)st.st_size;
	if (size % sizeof(*flows) != 0 || size > NFT_MAX_FLOWS * sizeof(*flows))
		return err_set(e, EINVAL, "read which connections to forget: of %zu bytes", size);
	flows = malloc(size ? size : 1);
	if (!flows)
		return err_set(e, ENOMEM, "read which connections to forget");
	if (pread(flows_fd, flows, size, 0) != (ssize_t)size)
		return err_set(e, EIO, "read which connections to forget");
	return search_all(flows, size / sizeof(*flows), e);
}
