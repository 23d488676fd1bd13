#include "containerizer/oci/proxy.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/cleanup.h"

void proxy_resize(const struct proxy *p)
{
	struct winsize size;

	if (p->master_fd >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		(void)ioctl(p->master_fd, TIOCSWINSZ, &size);
}

void proxy_open(struct proxy *p, int master_fd_take, bool has_size)
{
	struct termios raw;

	p->master_fd = master_fd_take;
	if (p->master_fd < 0)
		return;
	(void)fcntl(p->master_fd, F_SETFL, O_NONBLOCK);
	if (!has_size)
		proxy_resize(p);
	if (tcgetattr(STDIN_FILENO, &p->saved) < 0)
		return;
	raw = p->saved;
	cfmakeraw(&raw);
	p->is_raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

static bool has_room(const struct proxy_flow *flow)
{
	return !flow->is_over && flow->end == 0;
}

void proxy_before_poll(const struct proxy *p, struct pollfd fds[PROXY_N_POLL])
{
	bool is_open = p->master_fd >= 0;

	fds[0] = (struct pollfd){
		.fd = is_open && has_room(&p->in) ? STDIN_FILENO : -1, .events = POLLIN,
	};
	fds[1] = (struct pollfd){
		.fd = is_open && !p->out.is_over ? p->master_fd : -1,
		.events = (short)((has_room(&p->out) ? POLLIN : 0) | (p->in.end ? POLLOUT : 0)),
	};
	fds[2] = (struct pollfd){
		.fd = is_open && p->out.end ? STDOUT_FILENO : -1, .events = POLLOUT,
	};
}

static void fill(struct proxy_flow *flow, int fd)
{
	ssize_t n = read(fd, flow->data, sizeof(flow->data));

	/* EIO: nobody has the terminal open any more. */
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		flow->is_over = true;
	flow->start = 0;
	flow->end = n > 0 ? (size_t)n : 0;
}

static void drain(struct proxy_flow *flow, int fd)
{
	ssize_t n = write(fd, flow->data + flow->start, flow->end - flow->start);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	flow->start += n > 0 ? (size_t)n : 0;
	/* To a reader that has gone nothing can be told. */
	if (n < 0 || flow->start == flow->end)
		flow->start = flow->end = 0;
}

void proxy_after_poll(struct proxy *p, const struct pollfd fds[PROXY_N_POLL])
{
	if (fds[0].revents)
		fill(&p->in, STDIN_FILENO);
	if (fds[1].revents & POLLOUT)
		drain(&p->in, p->master_fd);
	if ((fds[1].revents & (POLLIN | POLLHUP | POLLERR)) && has_room(&p->out))
		fill(&p->out, p->master_fd);
	if (fds[2].revents)
		drain(&p->out, STDOUT_FILENO);
}

void proxy_close(struct proxy *p)
{
	if (p->master_fd < 0)
		return;
	while (p->out.end > 0 || !p->out.is_over) {
		if (p->out.end == 0)
			fill(&p->out, p->master_fd);
		if (p->out.end == 0)
			break;
		drain(&p->out, STDOUT_FILENO);
	}
	if (p->is_raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &p->saved);
	fd_close(&p->master_fd);
}
