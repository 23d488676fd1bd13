#include "net/http_server.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "net/http_conn.h"

enum { LISTEN_BACKLOG = 4096 };

const struct http_limits http_default_limits = {
	.max_connections = 512,
	.max_per_peer = 64,
	.max_body = 1 << 20,
	.head_ms = 5000,
	.body_ms = 10000,
	.idle_ms = 30000,
	.max_stream_queue = 1 << 20,
};

DEFINE_AUTO(struct http_server *, http_server_free);

static int open_reserve(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void accept_again(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *server = arg;
	struct http_listener *listener;

	(void)fd;
	(void)what;
	if (server->reserve_fd < 0)
		server->reserve_fd = open_reserve();
	TAILQ_FOREACH(listener, &server->listeners, link)
		(void)evconnlistener_enable(listener->evconn);
}

int http_server_new(struct loop *loop, const struct http_limits *limits, struct http_server **ret,
		    struct err *e)
{
	AUTO(http_server_freep) struct http_server *server = calloc(1, sizeof(*server));

	if (!server)
		return err_set(e, ENOMEM, "create HTTP server");
	TAILQ_INIT(&server->mounts);
	TAILQ_INIT(&server->listeners);
	TAILQ_INIT(&server->conns);
	TAILQ_INIT(&server->orphans);
	server->loop = loop;
	server->limits = limits ? *limits : http_default_limits;
	server->reserve_fd = open_reserve();
	if (server->reserve_fd < 0)
		return err_set(e, errno, "open '/dev/null'");
	server->accept_again = evtimer_new(loop_base(loop), accept_again, server);
	if (!server->accept_again)
		return err_set(e, ENOMEM, "create HTTP server");
	*ret = TAKE_PTR(server);
	return 0;
}

int http_server_mount(struct http_server *server, const struct route *routes, size_t n_routes,
		      http_error_fn *error, void *app, struct err *e)
{
	struct http_mount *mount = calloc(1, sizeof(*mount));

	if (!mount)
		return err_set(e, ENOMEM, "mount routes");
	mount->routes = routes;
	mount->n_routes = n_routes;
	mount->error = error;
	mount->app = app;
	TAILQ_INSERT_TAIL(&server->mounts, mount, link);
	return 0;
}

/* Has said nothing that is not answered: who holds it so loses little, and may come again. */
static bool is_idle(const struct http_conn *conn)
{
	return conn->state == CONN_HEAD && conn->is_public &&
	       evbuffer_get_length(bufferevent_get_output(conn->bev)) == 0;
}

/* The first to come of those that are idle, of HOST's if not NULL. */
static struct http_conn *find_idle(const struct http_server *server, const struct http_host *host)
{
	struct http_conn *conn;

	TAILQ_FOREACH(conn, &server->conns, link) {
		if (is_idle(conn) && (!host || conn->host == host))
			return conn;
	}
	return NULL;
}

/*
 * Tasks on the host's network have the operator's address: connections that they open and leave
 * silent must not lock the operator out.  A newcomer takes the place of an idle one.
 */
static bool make_room(const struct http_listener *listener, const struct address *peer)
{
	const struct http_server *server = listener->server;
	const struct http_host *host = listener->is_public ? http_host_find(server, peer) : NULL;
	bool is_crowded = host && http_host_count(host) >= server->limits.max_per_peer;
	struct http_conn *idle;

	if (!is_crowded && server->n_conns < server->limits.max_connections)
		return true;
	idle = listener->is_public ? find_idle(server, is_crowded ? host : NULL) : NULL;
	if (idle)
		conn_free(idle);
	return idle;
}

/* Best effort in one write: a full server spends nothing more on whom it cannot serve. */
static void refuse(int fd)
{
	static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
				     "Retry-After: 1\r\nConnection: close\r\n\r\n";

	(void)send(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)shutdown(fd, SHUT_WR);
}

/*
 * On a unix socket the processes of one pid namespace, which is those of one container, are one peer:
 * users are shared by containers, and processes are had for nothing.  The address has no other use
 * for the place of a path.
 */
static int name_local_peer(pid_t pid, struct address *ret)
{
	struct sockaddr_un *local = (struct sockaddr_un *)&ret->storage;
	char path[40];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	if (stat(path, &st) < 0)
		return -errno;
	*ret = (struct address){ .size = sizeof(*local) };
	local->sun_family = AF_UNIX;
	memcpy(local->sun_path, &st.st_ino, sizeof(st.st_ino));
	return 0;
}

/* A unix socket is the administrator's: root and whoever runs the daemon; unless it is public. */
static bool is_welcome(const struct http_listener *listener, int fd, struct address *ret_peer,
		       uid_t *ret_uid)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	*ret_uid = peer.uid;
	if (listener->is_public)
		return name_local_peer(peer.pid, ret_peer) >= 0;
	ret_peer->storage.ss_family = AF_UNIX;
	return peer.uid == 0 || peer.uid == geteuid();
}

static void on_accept(struct evconnlistener *evconn, evutil_socket_t fd, struct sockaddr *sa,
		      int sa_size, void *arg)
{
	struct http_listener *listener = arg;
	struct address peer = { 0 };
	AUTO_CLOSE int conn_fd = fd;
	uid_t uid = 0;

	(void)evconn;
	peer.size = (socklen_t)sa_size;
	memcpy(&peer.storage, sa, (size_t)sa_size);
	if (listener->unix_path && !is_welcome(listener, conn_fd, &peer, &uid))
		return;
	if (!make_room(listener, &peer)) {
		refuse(conn_fd);
		return;
	}
	address_tune(&peer, conn_fd);
	(void)conn_new(listener, TAKE_FD(conn_fd), &peer, uid);
}

/*
 * Out of descriptors: the connection stays in the kernel's queue and the listener readable.  The
 * reserve takes it off the queue with an answer, and a pause keeps the loop from spinning.
 */
static void on_accept_error(struct evconnlistener *evconn, void *arg)
{
	static const struct timeval pause = { .tv_usec = HTTP_ACCEPT_PAUSE_MS * 1000 };
	struct http_listener *listener = arg;
	struct http_server *server = listener->server;
	bool is_out = errno == EMFILE || errno == ENFILE;

	if (is_out && server->reserve_fd >= 0) {
		AUTO_CLOSE int fd = -EBADF;

		fd_close(&server->reserve_fd);
		fd = accept4(evconnlistener_get_fd(evconn), NULL, NULL,
			     SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0)
			refuse(fd);
		fd_close(&fd);
		server->reserve_fd = open_reserve();
	}
	TAILQ_FOREACH(listener, &server->listeners, link)
		(void)evconnlistener_disable(listener->evconn);
	(void)evtimer_add(server->accept_again, &pause);
}

static int add_listener(struct http_server *server, int fd_take, const char *unix_path,
			bool is_public, struct err *e)
{
	AUTO_CLOSE int fd = fd_take;
	struct http_listener *listener = calloc(1, sizeof(*listener));

	if (!listener)
		return err_set(e, ENOMEM, "listen");
	listener->server = server;
	listener->is_public = is_public;
	if (unix_path)
		listener->unix_path = strdup(unix_path);
	if (!unix_path || listener->unix_path)
		listener->evconn = evconnlistener_new(loop_base(server->loop), on_accept, listener,
						      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
						      0, fd);
	if (!listener->evconn) {
		free(listener->unix_path);
		free(listener);
		return err_set(e, ENOMEM, "listen");
	}
	(void)TAKE_FD(fd);
	evconnlistener_set_error_cb(listener->evconn, on_accept_error);
	TAILQ_INSERT_TAIL(&server->listeners, listener, link);
	return 0;
}

int http_server_listen(struct http_server *server, const char *address, uint16_t *ret_port,
		       struct err *e)
{
	struct address local = { 0 };
	AUTO_CLOSE int fd = -EBADF;
	static const int on = 1;
	int r;

	r = address_parse(address, &local, e);
	if (r < 0)
		return r;
	if (local.storage.ss_family == AF_UNIX)
		return err_set(e, EINVAL, "listen on '%s': not a TCP address", address);
	fd = socket(local.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, errno, "create socket for '%s'", address);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (local.storage.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&local.storage, local.size) < 0 ||
	    listen(fd, LISTEN_BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)&local.storage, &local.size) < 0)
		return err_set(e, errno, "listen on '%s'", address);
	r = add_listener(server, TAKE_FD(fd), NULL, true, e);
	if (r < 0)
		return r;
	if (ret_port)
		*ret_port = address_port(&local);
	return 0;
}

/* Is somebody listening on LOCAL?  1, 0, or -errno when it cannot be told. */
static int is_live(const struct address *local)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&local->storage, local->size) == 0)
		return 1;
	switch (errno) {
	case ECONNREFUSED:
	case ENOENT:
		return 0;
	case EAGAIN:	/* its queue is full */
	case EPROTOTYPE:
		return 1;
	default:
		return -errno;
	}
}

static int listen_unix(struct http_server *server, const char *path, bool is_public, struct err *e)
{
	struct address local = { 0 };
	AUTO_CLOSE int fd = -EBADF;
	struct stat st;
	int r;

	r = address_from_path(path, &local, e);
	if (r < 0)
		return r;
	r = is_live(&local);
	if (r < 0)
		return err_set(e, -r, "probe socket '%s'", path);
	if (r > 0)
		return err_set(e, EADDRINUSE, "listen on '%s'", path);
	/* What refuses connections may also be a plain file: that one is not ours. */
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && unlink(path) < 0)
		return err_set(e, errno, "remove stale socket '%s'", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, errno, "create socket '%s'", path);
	/* The mode of the descriptor becomes the file's: never open to others, not briefly. */
	if (fchmod(fd, 0600) < 0 ||
	    bind(fd, (struct sockaddr *)&local.storage, local.size) < 0 ||
	    (is_public && chmod(path, 0666) < 0))
		return err_set(e, errno, "bind socket '%s'", path);
	if (listen(fd, LISTEN_BACKLOG) < 0) {
		r = err_set(e, errno, "listen on '%s'", path);
		(void)unlink(path);
		return r;
	}
	r = add_listener(server, TAKE_FD(fd), path, is_public, e);
	if (r < 0)
		(void)unlink(path);
	return r;
}

int http_server_listen_unix(struct http_server *server, const char *path, struct err *e)
{
	return listen_unix(server, path, false, e);
}

int http_server_listen_public(struct http_server *server, const char *path, struct err *e)
{
	return listen_unix(server, path, true, e);
}

void http_server_cork(struct http_server *server, bool is_corked)
{
	if (server->is_corked == is_corked)
		return;
	server->is_corked = is_corked;
	if (is_corked)
		http_server_hold(server);
	else
		http_server_release(server);
}

void http_server_hold(struct http_server *server)
{
	struct http_conn *conn;

	TAILQ_FOREACH(conn, &server->conns, link)
		conn_hold(conn);
}

void http_server_release(struct http_server *server)
{
	struct http_conn *conn;

	if (server->is_corked)
		return;
	TAILQ_FOREACH(conn, &server->conns, link)
		conn_release(conn);
}

void http_server_set_gate(struct http_server *server, http_gate_fn *gate, void *arg)
{
	server->gate = gate;
	server->gate_arg = arg;
}

static void free_listener(struct http_listener *listener)
{
	if (listener->unix_path)
		(void)unlink(listener->unix_path);
	evconnlistener_free(listener->evconn);
	free(listener->unix_path);
	free(listener);
}

void http_server_free(struct http_server *server)
{
	struct http_listener *listener;
	struct http_request *req;
	struct http_mount *mount;
	struct http_conn *conn;

	if (!server)
		return;
	while ((listener = TAILQ_FIRST(&server->listeners))) {
		TAILQ_REMOVE(&server->listeners, listener, link);
		free_listener(listener);
	}
	while ((conn = TAILQ_FIRST(&server->conns)))
		conn_free(conn);
	while ((req = TAILQ_FIRST(&server->orphans)))
		request_free(req);
	while ((mount = TAILQ_FIRST(&server->mounts))) {
		TAILQ_REMOVE(&server->mounts, mount, link);
		free(mount);
	}
	if (server->accept_again)
		event_free(server->accept_again);
	fd_close(&server->reserve_fd);
	free(server);
}
