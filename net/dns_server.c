#include <errno.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "net/dns_stream.h"

/* In one turn BATCHES times BATCH datagrams at most: others want their turn, too. */
enum { BATCH = 16, BATCHES = 4, MAX_KEPT = 1024, RECEIVE_BUFFER = 1 << 20 };
/* What a query may have: a name, an OPT record and some options. */
enum { MAX_QUERY = 4096 };

/* ---- requests ---- */

const struct dns_query *dns_request_query(const struct dns_request *request)
{
	return &request->query;
}

const struct address *dns_request_peer(const struct dns_request *request)
{
	return &request->peer;
}

/* As take_datagram() kept it. */
static void read_control(const struct dns_request *request, struct address *ret)
{
	const struct cmsghdr *header = &request->control.header;
	struct in_pktinfo v4;
	struct in6_pktinfo v6;
	struct sockaddr_in ip4 = { .sin_family = AF_INET };
	struct sockaddr_in6 ip6 = { .sin6_family = AF_INET6 };

	if (header->cmsg_level == IPPROTO_IP) {
		memcpy(&v4, CMSG_DATA(header), sizeof(v4));
		ip4.sin_addr = v4.ipi_addr;
		memcpy(&ret->storage, &ip4, ret->size = sizeof(ip4));
	} else {
		memcpy(&v6, CMSG_DATA(header), sizeof(v6));
		ip6.sin6_addr = v6.ipi6_addr;
		memcpy(&ret->storage, &ip6, ret->size = sizeof(ip6));
	}
}

int dns_request_local(const struct dns_request *request, struct address *ret)
{
	*ret = (struct address){ .size = 0 };
	if (request->stream)
		return dns_stream_local(request->stream, ret);
	if (request->control_size == 0)
		return -ENOENT;
	read_control(request, ret);
	return 0;
}

size_t dns_request_max(const struct dns_request *request)
{
	if (request->is_stream)
		return DNS_MAX_MESSAGE;
	return request->query.udp_size < DNS_EDNS_UDP ? request->query.udp_size : DNS_EDNS_UDP;
}

struct dns_request *dns_request_keep(struct dns_request *request)
{
	struct dns_server *server = request->server;
	struct dns_request *kept;

	if (server->n_kept == MAX_KEPT || !(kept = malloc(sizeof(*kept))))
		return NULL;
	*kept = *request;
	kept->kept = kept;
	server->n_kept++;
	if (kept->stream)
		dns_stream_keep(kept->stream, kept);
	return kept;
}

static void release(struct dns_request *request, bool is_answered)
{
	if (request->stream)
		dns_stream_done(request->stream, request, is_answered);
	if (!request->kept)
		return;
	request->server->n_kept--;
	free(request->kept);
}

/* A full buffer loses the datagram, and the client asks again. */
static void send_datagram(const struct dns_request *request, const void *data, size_t size)
{
	struct address peer = request->peer;
	union dns_control control = request->control;
	struct iovec part = { .iov_len = size };
	struct msghdr message = {
		.msg_name = &peer.storage, .msg_namelen = peer.size,
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = request->control_size ? &control : NULL,
		.msg_controllen = request->control_size,
	};

	memcpy(&part.iov_base, &data, sizeof(data));
	if (sendmsg(request->socket->udp_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		request->server->counters.dropped++;
}

static void send_answer(struct dns_request *request, const void *data, size_t size)
{
	const uint8_t *octets = data;

	request->server->counters.answers[octets[3] & (DNS_SERVER_RCODES - 1)]++;
	if (octets[2] & (DNS_TRUNCATED >> 8))
		request->server->counters.truncated++;
	if (!request->is_stream)
		send_datagram(request, data, size);
	else if (request->stream)
		dns_stream_send(request->stream, data, size);
}

void dns_request_fail(struct dns_request *request, enum dns_rcode rcode, unsigned flags)
{
	uint8_t data[DNS_PLAIN_UDP];
	struct dns_reply reply;

	dns_reply_begin(&reply, &request->query, flags, data, sizeof(data));
	send_answer(request, data, dns_reply_end(&reply, rcode));
	release(request, true);
}

void dns_request_answer(struct dns_request *request, const void *data, size_t size)
{
	if (size > dns_request_max(request)) {
		dns_request_fail(request, DNS_NOERROR, DNS_TRUNCATED | DNS_RECURSES);
		return;
	}
	send_answer(request, data, size);
	release(request, true);
}

void dns_request_drop(struct dns_request *request)
{
	request->server->counters.dropped++;
	release(request, false);
}

void dns_server_take(struct dns_request *request, const void *data, size_t size)
{
	int verdict = dns_query_parse(data, size, &request->query);

	if (verdict < 0)
		dns_request_drop(request);
	else if (verdict > 0)
		dns_request_fail(request, (enum dns_rcode)verdict, 0);
	else
		request->server->fn(request->server->arg, request);
}

/* ---- datagrams ---- */

/*
 * A socket of any address answers from the one that was asked; of what the kernel told, only that is
 * sent back: the link is found anew.
 */
static void keep_address(struct dns_request *request, const struct cmsghdr *header)
{
	struct in_pktinfo v4;
	struct in6_pktinfo v6;

	if (!header)
		return;
	request->control_size = CMSG_SPACE(header->cmsg_len - CMSG_LEN(0));
	memcpy(&request->control, header, header->cmsg_len);
	if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
		memcpy(&v4, CMSG_DATA(header), sizeof(v4));
		v4.ipi_ifindex = 0;
		memcpy(CMSG_DATA(&request->control.header), &v4, sizeof(v4));
	} else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
		memcpy(&v6, CMSG_DATA(header), sizeof(v6));
		if (!IN6_IS_ADDR_LINKLOCAL(&v6.ipi6_addr))
			v6.ipi6_ifindex = 0;
		memcpy(CMSG_DATA(&request->control.header), &v6, sizeof(v6));
	} else {
		request->control_size = 0;
	}
}

static void take_datagram(struct dns_socket *socket, struct mmsghdr *message,
			  const struct address *peer)
{
	struct dns_request request = { .server = socket->server, .socket = socket, .peer = *peer };

	request.peer.size = message->msg_hdr.msg_namelen;
	socket->server->counters.udp_queries++;
	keep_address(&request, CMSG_FIRSTHDR(&message->msg_hdr));
	/* Port 0 cannot be answered; a cut one is longer than any query. */
	if (address_port(&request.peer) == 0 || message->msg_hdr.msg_flags & MSG_TRUNC)
		dns_request_drop(&request);
	else
		dns_server_take(&request, message->msg_hdr.msg_iov->iov_base, message->msg_len);
}

static void on_datagrams(int fd, void *arg)
{
	static uint8_t data[BATCH][MAX_QUERY];
	union dns_control controls[BATCH];
	struct address peers[BATCH];
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];
	struct dns_socket *socket = arg;

	for (int batch = 0; batch < BATCHES; batch++) {
		int n;

		for (size_t i = 0; i < BATCH; i++) {
			parts[i] = (struct iovec){ data[i], sizeof(data[i]) };
			messages[i] = (struct mmsghdr){ .msg_hdr = {
				.msg_name = &peers[i].storage,
				.msg_namelen = sizeof(peers[i].storage),
				.msg_iov = &parts[i], .msg_iovlen = 1,
				.msg_control = &controls[i],
				.msg_controllen = sizeof(controls[i]),
			} };
		}
		n = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++)
			take_datagram(socket, &messages[i], &peers[i]);
		if (n < BATCH)
			return;
	}
}

static int open_udp(struct dns_socket *dns, struct err *e)
{
	static const int on = 1, buffer = RECEIVE_BUFFER;
	const struct address *address = &dns->address;
	bool is_v6 = address->storage.ss_family == AF_INET6;
	char text[ADDRESS_TEXT_SIZE];

	address_format(address, text);
	dns->udp_fd = socket(address->storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			     0);
	if (dns->udp_fd < 0)
		return err_set(e, errno, "answer names at '%s'", text);
	(void)setsockopt(dns->udp_fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	if ((is_v6 && setsockopt(dns->udp_fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    setsockopt(dns->udp_fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP,
		       is_v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof(on)) < 0 ||
	    bind(dns->udp_fd, (const struct sockaddr *)&address->storage, address->size) < 0)
		return err_set(e, errno, "answer names at '%s'", text);
	return loop_watch_fd(dns->server->loop, dns->udp_fd, on_datagrams, dns, &dns->watch, e);
}

/* ---- the server ---- */

static void socket_free(struct dns_socket *socket)
{
	loop_watch_free(socket->watch);
	if (socket->streams)
		evconnlistener_free(socket->streams);
	fd_close(&socket->udp_fd);
	free(socket);
}

DEFINE_AUTO(struct dns_socket *, socket_free);

int dns_server_listen(struct dns_server *server, const struct address *address, struct err *e)
{
	AUTO(socket_freep) struct dns_socket *socket = calloc(1, sizeof(*socket));
	int r;

	if (!socket)
		return err_set(e, ENOMEM, "answer names");
	*socket = (struct dns_socket){ .server = server, .address = *address, .udp_fd = -EBADF };
	r = open_udp(socket, e);
	if (r >= 0)
		r = dns_stream_listen(socket, e);
	if (r < 0)
		return r;
	TAILQ_INSERT_TAIL(&server->sockets, socket, link);
	socket = NULL;
	return 0;
}

bool dns_server_is_at(const struct dns_server *server, const struct address *address)
{
	const struct dns_socket *socket;

	TAILQ_FOREACH(socket, &server->sockets, link)
		if (socket->address.size == address->size &&
		    memcmp(&socket->address.storage, &address->storage, address->size) == 0)
			return true;
	return false;
}

const struct dns_server_counters *dns_server_counters(const struct dns_server *server)
{
	return &server->counters;
}

int dns_server_new(struct loop *loop, dns_request_fn *fn, void *arg, struct dns_server **ret,
		   struct err *e)
{
	struct dns_server *server = calloc(1, sizeof(*server));
	int r;

	if (!server)
		return err_set(e, ENOMEM, "answer names");
	*server = (struct dns_server){ .loop = loop, .fn = fn, .arg = arg };
	TAILQ_INIT(&server->sockets);
	TAILQ_INIT(&server->streams);
	r = loop_timer_new(loop, dns_stream_listen_again, server, &server->accept_again, e);
	if (r < 0) {
		free(server);
		return r;
	}
	*ret = server;
	return 0;
}

void dns_server_free(struct dns_server *server)
{
	struct dns_socket *socket;
	struct dns_stream *stream;

	if (!server)
		return;
	while ((stream = TAILQ_FIRST(&server->streams)))
		dns_stream_free(stream);
	while ((socket = TAILQ_FIRST(&server->sockets))) {
		TAILQ_REMOVE(&server->sockets, socket, link);
		socket_free(socket);
	}
	loop_timer_free(server->accept_again);
	free(server);
}
