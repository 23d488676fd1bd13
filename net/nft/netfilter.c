#include "net/nft/netfilter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include "lib/err.h"

enum { MAX_ATTRIBUTES = 64, BUFFER_BYTES = 1 << 20 };

int netfilter_open(struct nl_sock **ret, struct err *e)
{
	struct nl_sock *made = nl_socket_alloc();
	int r;

	if (!made)
		return err_set(e, ENOMEM, "open a netfilter socket");
	nl_socket_disable_auto_ack(made);
	r = nl_connect(made, NETLINK_NETFILTER);
	if (r < 0) {
		nl_socket_free(made);
		return err_set(e, EIO, "open a netfilter socket: %s", nl_geterror(r));
	}
	(void)nl_socket_set_buffer_size(made, BUFFER_BYTES, 0);
	/* Lists come in parts as large as the kernel likes. */
	(void)nl_socket_set_msg_buf_size(made, 64 << 10);
	*ret = made;
	return 0;
}

void netfilter_close(struct nl_sock *socket)
{
	if (socket)
		nl_socket_free(socket);
}

struct nl_msg *netfilter_message(uint8_t subsystem, uint8_t message, int flags)
{
	struct nfgenmsg head = { .nfgen_family = AF_INET, .version = NFNETLINK_V0 };
	struct nl_msg *made = nlmsg_alloc_simple(subsystem << 8 | message, NLM_F_REQUEST | flags);

	if (made && nlmsg_append(made, &head, sizeof(head), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(made);
		return NULL;
	}
	return made;
}

/* ---- the exchange ---- */

struct exchange {
	int n_attributes;
	netfilter_entry_fn *fn;		/* NULL: nothing but an answer is expected */
	void *arg;
	struct err *e;
	int r;				/* of FN, or what the kernel answered */
};

static int on_entry(struct nl_msg *message, void *arg)
{
	struct exchange *exchange = arg;
	struct nlattr *attributes[MAX_ATTRIBUTES + 1] = { 0 };

	if (!exchange->fn || exchange->r < 0)
		return NL_OK;
	if (nlmsg_parse(nlmsg_hdr(message), sizeof(struct nfgenmsg), attributes,
			exchange->n_attributes, NULL) < 0)
		return NL_SKIP;
	exchange->r = exchange->fn(attributes, exchange->arg, exchange->e);
	return NL_OK;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *answer, void *arg)
{
	struct exchange *exchange = arg;

	(void)from;
	if (exchange->r == 0)
		exchange->r = answer->error;
	return NL_STOP;
}

static int on_end(struct nl_msg *message, void *arg)
{
	(void)message;
	(void)arg;
	return NL_STOP;
}

static int exchange_messages(struct nl_sock *socket, struct nl_msg *message,
			     struct exchange *exchange, const char *what)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int r;

	if (!cb)
		return err_set(exchange->e, ENOMEM, "%s", what);
	(void)nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_entry, exchange);
	(void)nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_end, exchange);
	(void)nl_cb_err(cb, NL_CB_CUSTOM, on_error, exchange);
	r = nl_send_auto(socket, message);
	if (r >= 0)
		r = nl_recvmsgs(socket, cb);
	nl_cb_put(cb);
	if (exchange->r < 0 && exchange->e->code == 0)
		return err_set_code(exchange->e, -exchange->r, false, "%s", what);
	if (exchange->r < 0)
		return exchange->r;
	return r < 0 ? err_set(exchange->e, EIO, "%s: %s", what, nl_geterror(r)) : 0;
}

int netfilter_list(struct nl_sock *socket, struct nl_msg *question, int n_attributes,
		   netfilter_entry_fn *fn, void *arg, const char *what, struct err *e)
{
	struct exchange exchange = { n_attributes, fn, arg, e, 0 };

	return exchange_messages(socket, question, &exchange, what);
}

int netfilter_order(struct nl_sock *socket, struct nl_msg *order, const char *what, struct err *e)
{
	struct exchange exchange = { .e = e };

	nlmsg_hdr(order)->nlmsg_flags |= NLM_F_ACK;
	return exchange_messages(socket, order, &exchange, what);
}

static int take_generation(struct nlattr **attributes, void *arg, struct err *e)
{
	uint32_t *ret = arg;

	(void)e;
	if (attributes[NFTA_GEN_ID])
		*ret = ntohl(nla_get_u32(attributes[NFTA_GEN_ID]));
	return 0;
}

int netfilter_generation(uint32_t *ret, struct err *e)
{
	static const char what[] = "read the generation of nftables";
	struct nl_msg *question = netfilter_message(NFNL_SUBSYS_NFTABLES, NFT_MSG_GETGEN, 0);
	struct nl_sock *socket = NULL;
	int r = question ? netfilter_open(&socket, e) : err_set(e, ENOMEM, "%s", what);

	if (r >= 0)
		r = netfilter_list(socket, question, NFTA_GEN_MAX, take_generation, ret, what, e);
	nlmsg_free(question);
	netfilter_close(socket);
	return r;
}
