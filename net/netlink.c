#include "net/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_ANSWER = 8192 };

int netlink_open(struct netlink *nl, struct err *e)
{
	const int on = 1;

	*nl = (struct netlink)NETLINK_INIT;
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (nl->fd < 0)
		return err_set(e, errno, "open a netlink socket");
	if (setsockopt(nl->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) < 0 ||
	    setsockopt(nl->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on)) < 0) {
		(void)err_set(e, errno, "prepare a netlink socket");
		netlink_close(nl);
		return -e->code;
	}
	return 0;
}

static void drop_queue(struct netlink *nl)
{
	for (size_t i = 0; i < nl->n; i++)
		nlmsg_free(nl->queue[i].message);
	nl->n = 0;
	nl->failure = 0;
}

void netlink_close(struct netlink *nl)
{
	drop_queue(nl);
	fd_close(&nl->fd);
}

/* ---- messages ---- */

static struct nl_msg *current(struct netlink *nl)
{
	return nl->failure == 0 && nl->n > 0 ? nl->queue[nl->n - 1].message : NULL;
}

void netlink_begin(struct netlink *nl, uint16_t type, uint16_t flags, const void *head, size_t size,
		   const char *what, const char *object)
{
	struct nl_msg *message;

	if (nl->failure != 0)
		return;
	if (nl->n == NETLINK_MAX_QUEUE) {
		nl->failure = E2BIG;
		return;
	}
	message = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);
	if (!message) {
		nl->failure = ENOMEM;
		return;
	}
	nlmsg_hdr(message)->nlmsg_seq = ++nl->next_seq;
	nl->queue[nl->n].message = message;
	nl->queue[nl->n].what = what;
	nl->queue[nl->n].object = object;
	nl->queue[nl->n].accepted = 0;
	nl->n++;
	if (nlmsg_append(message, (void *)(uintptr_t)head, size, NLMSG_ALIGNTO) < 0)
		nl->failure = E2BIG;
}

void netlink_accept(struct netlink *nl, int code)
{
	if (current(nl))
		nl->queue[nl->n - 1].accepted = code;
}

void netlink_put(struct netlink *nl, int attribute, const void *data, size_t size)
{
	struct nl_msg *message = current(nl);

	if (message && nla_put(message, attribute, (int)size, data) < 0)
		nl->failure = E2BIG;
}

void netlink_put_u8(struct netlink *nl, int attribute, uint8_t value)
{
	netlink_put(nl, attribute, &value, sizeof(value));
}

void netlink_put_u32(struct netlink *nl, int attribute, uint32_t value)
{
	netlink_put(nl, attribute, &value, sizeof(value));
}

void netlink_put_string(struct netlink *nl, int attribute, const char *text)
{
	netlink_put(nl, attribute, text, strlen(text) + 1);
}

struct nlattr *netlink_nest(struct netlink *nl, int attribute, const void *head, size_t size)
{
	struct nl_msg *message = current(nl);
	struct nlattr *nest = message ? nla_nest_start(message, attribute) : NULL;

	if (message && (!nest || (size > 0 && nlmsg_append(message, (void *)(uintptr_t)head, size,
							    NLMSG_ALIGNTO) < 0)))
		nl->failure = E2BIG;
	return nest;
}

void netlink_nest_end(struct netlink *nl, struct nlattr *nest)
{
	struct nl_msg *message = current(nl);

	if (message && nest)
		(void)nla_nest_end(message, nest);
}

/* ---- the exchange ---- */

static int send_queue(struct netlink *nl, struct err *e)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct iovec parts[NETLINK_MAX_QUEUE];
	struct msghdr head = {
		.msg_name = &kernel, .msg_namelen = sizeof(kernel),
		.msg_iov = parts, .msg_iovlen = nl->n,
	};

	/* What fails is answered in any case: so when the last one is, all of them are done. */
	nlmsg_hdr(nl->queue[nl->n - 1].message)->nlmsg_flags |= NLM_F_ACK;
	/* Each is as long as its header says, which is a multiple of NLMSG_ALIGNTO here. */
	for (size_t i = 0; i < nl->n; i++) {
		struct nlmsghdr *message = nlmsg_hdr(nl->queue[i].message);

		parts[i] = (struct iovec){ message, NLMSG_ALIGN(message->nlmsg_len) };
	}
	return sendmsg(nl->fd, &head, 0) < 0 ? err_set(e, errno, "ask the kernel by netlink") : 0;
}

/* The kernel's own words behind the answer, or NULL. */
static const char *words_of(struct nlmsghdr *answer)
{
	const struct nlmsgerr *result = NLMSG_DATA(answer);
	int offset = (int)sizeof(*result), left = (int)answer->nlmsg_len - NLMSG_HDRLEN - offset;
	struct nlattr *words;

	if (!(answer->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	/* Unless the request came back capped, it stands between. */
	if (!(answer->nlmsg_flags & NLM_F_CAPPED)) {
		int size = (int)NLMSG_ALIGN(result->msg.nlmsg_len) - (int)sizeof(result->msg);

		offset += size;
		left -= size;
	}
	if (left <= 0)
		return NULL;
	words = nla_find((struct nlattr *)(void *)((char *)NLMSG_DATA(answer) + offset), left,
			 NLMSGERR_ATTR_MSG);
	return words && memchr(nla_data(words), '\0', (size_t)nla_len(words)) ? nla_data(words) :
										  NULL;
}

/* E keeps what failed first. */
static void take_answer(const struct netlink *nl, struct nlmsghdr *answer, uint32_t first_seq,
			struct err *e)
{
	const struct nlmsgerr *result = NLMSG_DATA(answer);
	size_t i = answer->nlmsg_seq - first_seq;
	const char *words;

	if (result->error == 0 || e->code != 0 || -result->error == nl->queue[i].accepted)
		return;
	words = words_of(answer);
	(void)err_set(e, -result->error, "%s '%s'%s%s", nl->queue[i].what, nl->queue[i].object,
		      words ? ": " : "", words ? words : "");
}

/* One datagram; FAILURE is what failed first among all.  1 when the last message is answered. */
static int read_answers(const struct netlink *nl, uint32_t first_seq, struct err *failure,
			struct err *e)
{
	union {
		struct nlmsghdr head;
		char bytes[MAX_ANSWER];
	} buffer;
	/* The kernel carries the queue out within the call that sends it. */
	ssize_t size = recv(nl->fd, &buffer, sizeof(buffer), MSG_DONTWAIT);
	struct nlmsghdr *answer = &buffer.head;
	int left = (int)size;
	bool is_last = false;

	if (size < 0)
		return err_set(e, errno, "read the kernel's answer by netlink");
	for (; NLMSG_OK(answer, (unsigned)left); answer = NLMSG_NEXT(answer, left)) {
		if (answer->nlmsg_type != NLMSG_ERROR ||
		    answer->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr)) ||
		    answer->nlmsg_seq - first_seq >= nl->n)
			continue;
		take_answer(nl, answer, first_seq, failure);
		is_last |= answer->nlmsg_seq == nl->next_seq;
	}
	return is_last;
}

static int exchange(struct netlink *nl, struct err *e)
{
	struct err failure = { 0 };
	int r;

	if (nl->failure != 0)
		return err_set(e, nl->failure, "build a netlink message");
	r = send_queue(nl, e);
	for (bool is_done = false; r >= 0 && !is_done; is_done = r > 0)
		r = read_answers(nl, nl->next_seq - (uint32_t)nl->n + 1, &failure, e);
	if (r >= 0 && failure.code != 0) {
		*e = failure;
		r = -failure.code;
	}
	return r < 0 ? r : 0;
}

int netlink_flush(struct netlink *nl, struct err *e)
{
	int r = nl->n == 0 && nl->failure == 0 ? 0 : exchange(nl, e);

	drop_queue(nl);
	return r;
}

int netlink_index(const struct netlink *nl, const char *name, struct err *e)
{
	struct ifreq request = { 0 };

	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(nl->fd, SIOCGIFINDEX, &request) < 0)
		return err_set(e, errno, "find link '%s'", name);
	return request.ifr_ifindex;
}
