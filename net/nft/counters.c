#include "net/nft/counters.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/nft/netfilter.h"
#include "net/nft/protocol.h"

static const char *const sets[] = {
	[NFT_CONNECTIONS] = "connections",
	[NFT_SENT] = "sent",
	[NFT_RECEIVED] = "received",
};

/* The parts of a key as sets have them: each in a register of four bytes of its own. */
struct key {
	uint8_t protocol, unused[3];
	in_addr_t address;
	in_port_t port, unused_port;
	in_addr_t backend;
	in_port_t backend_port, unused_backend_port;
};

struct reader {
	FILE *out;
	enum nft_counter counter;
};

static int parse_counter(struct nlattr *expression, struct nft_count *ret)
{
	struct nlattr *parts[NFTA_EXPR_MAX + 1], *values[NFTA_COUNTER_MAX + 1];

	if (nla_parse_nested(parts, NFTA_EXPR_MAX, expression, NULL) < 0 || !parts[NFTA_EXPR_DATA] ||
	    nla_parse_nested(values, NFTA_COUNTER_MAX, parts[NFTA_EXPR_DATA], NULL) < 0 ||
	    !values[NFTA_COUNTER_BYTES] || !values[NFTA_COUNTER_PACKETS])
		return -EBADMSG;
	ret->bytes = be64toh(nla_get_u64(values[NFTA_COUNTER_BYTES]));
	ret->packets = be64toh(nla_get_u64(values[NFTA_COUNTER_PACKETS]));
	return 0;
}

static int parse_element(struct nlattr *element, enum nft_counter counter, struct nft_count *ret)
{
	struct nlattr *parts[NFTA_SET_ELEM_MAX + 1], *values[NFTA_DATA_MAX + 1];
	struct key key;

	if (nla_parse_nested(parts, NFTA_SET_ELEM_MAX, element, NULL) < 0 ||
	    !parts[NFTA_SET_ELEM_KEY] || !parts[NFTA_SET_ELEM_EXPR] ||
	    nla_parse_nested(values, NFTA_DATA_MAX, parts[NFTA_SET_ELEM_KEY], NULL) < 0 ||
	    !values[NFTA_DATA_VALUE] || nla_len(values[NFTA_DATA_VALUE]) != (int)sizeof(key))
		return -EBADMSG;
	memcpy(&key, nla_data(values[NFTA_DATA_VALUE]), sizeof(key));
	*ret = (struct nft_count){
		.address = key.address, .backend = key.backend, .port = key.port,
		.backend_port = key.backend_port, .protocol = key.protocol,
		.counter = (uint8_t)counter,
	};
	return parse_counter(parts[NFTA_SET_ELEM_EXPR], ret);
}

static int write_elements(struct nlattr **attributes, void *arg, struct err *e)
{
	struct nlattr *list = attributes[NFTA_SET_ELEM_LIST_ELEMENTS], *element;
	const struct reader *reader = arg;
	struct nft_count count;
	int left;

	if (!list)
		return 0;
	nla_for_each_nested(element, list, left) {
		if (parse_element(element, reader->counter, &count) < 0)
			continue;
		if (fwrite(&count, sizeof(count), 1, reader->out) != 1)
			return err_set(e, EIO, "keep the counters of services");
	}
	return 0;
}

static int read_set(struct nl_sock *socket, struct reader *reader, struct err *e)
{
	struct nl_msg *question = netfilter_message(NFNL_SUBSYS_NFTABLES, NFT_MSG_GETSETELEM,
						    NLM_F_DUMP);
	int r;

	if (!question ||
	    nla_put_string(question, NFTA_SET_ELEM_LIST_TABLE, NFT_TABLE) < 0 ||
	    nla_put_string(question, NFTA_SET_ELEM_LIST_SET, sets[reader->counter]) < 0)
		r = err_set(e, ENOMEM, "read the counters of services");
	else
		r = netfilter_list(socket, question, NFTA_SET_ELEM_LIST_MAX, write_elements, reader,
				   "read the counters of services", e);
	nlmsg_free(question);
	if (r != -ENOENT)
		return r;
	err_clear(e);
	return 0;
}

static int read_sets(FILE *out, struct err *e)
{
	struct nl_sock *socket = NULL;
	int r = netfilter_open(&socket, e);

	for (size_t i = 0; i < ARRAY_SIZE(sets) && r >= 0; i++) {
		struct reader reader = { out, (enum nft_counter)i };

		r = read_set(socket, &reader, e);
	}
	netfilter_close(socket);
	return r;
}

int counters_read(int *ret_fd, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("tepui-counters", MFD_CLOEXEC);
	AUTO_CLOSE int copy = fd < 0 ? -EBADF : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	FILE *out = copy < 0 ? NULL : fdopen(copy, "w");
	int r;

	if (!out)
		return err_set(e, errno, "keep the counters of services");
	copy = -EBADF;
	r = read_sets(out, e);
	if (fclose(out) != 0 && r >= 0)
		r = err_set(e, errno, "keep the counters of services");
	if (r >= 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}
