#include "isolators/seccomp_profile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "isolators/seccomp_builtin.h"
#include "isolators/seccomp_document.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_CACHED = 64, MAX_NAME = 63 };

struct cached {
	SLIST_ENTRY(cached) next;
	char *profile;		/* canonical JSON, "" for the built-in one */
	uint64_t caps;
	int fd;
};
static SLIST_HEAD(, cached) cache = SLIST_HEAD_INITIALIZER(cache);
static unsigned n_cached;

static void free_context(scmp_filter_ctx *context)
{
	if (*context)
		seccomp_release(*context);
}

/* Native architecture only: every other one, x32 included, ends the process. */
static int make_context(uint32_t default_action, scmp_filter_ctx *ret, struct err *e)
{
	AUTO(free_context) scmp_filter_ctx context = seccomp_init(default_action);
	int r;

	if (!context)
		return err_set(e, ENOMEM, "create filter of system calls");
	r = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (r == 0)
		r = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r < 0)
		return err_set(e, -r, "create filter of system calls");
	*ret = TAKE_PTR(context);
	return 0;
}

/* Numbers below zero are calls of other architectures. */
static int add_name(scmp_filter_ctx context, uint32_t action, const char *name, struct err *e)
{
	int nr = seccomp_syscall_resolve_name(name);
	int r = nr < 0 ? 0 : seccomp_rule_add_array(context, action, nr, 0, NULL);

	return r < 0 ? err_set(e, -r, "filter system call '%s'", name) : 0;
}

static int add_names(scmp_filter_ctx context, uint32_t action, const char *names, struct err *e)
{
	int r = 0;

	while (r == 0 && *(names += strspn(names, " "))) {
		size_t length = strcspn(names, " ");
		char name[MAX_NAME + 1];

		(void)snprintf(name, sizeof(name), "%.*s", (int)length, names);
		r = add_name(context, action, name, e);
		names += length;
	}
	return r;
}

static bool is_granted(const struct seccomp_group *group, uint64_t caps)
{
	return group->capability < 0 || caps & UINT64_C(1) << group->capability;
}

/* Is NAME allowed by a capability that the container has? */
static bool is_allowed(const char *name, size_t length, uint64_t caps)
{
	for (size_t i = 0; i < n_seccomp_allowed; i++) {
		const char *p = seccomp_allowed[i].names;

		if (!is_granted(&seccomp_allowed[i], caps))
			continue;
		for (; *(p += strspn(p, " ")); p += strcspn(p, " ")) {
			if (strcspn(p, " ") == length && strncmp(p, name, length) == 0)
				return true;
		}
	}
	return false;
}

static int add_refused(scmp_filter_ctx context, const char *names, uint64_t caps, struct err *e)
{
	int r = 0;

	for (; r == 0 && *(names += strspn(names, " ")); names += strcspn(names, " ")) {
		size_t length = strcspn(names, " ");
		char name[MAX_NAME + 1];

		(void)snprintf(name, sizeof(name), "%.*s", (int)length, names);
		if (!is_allowed(names, length, caps))
			r = add_name(context, SCMP_ACT_ERRNO(EPERM), name, e);
	}
	return r;
}

static int build_builtin(uint64_t caps, scmp_filter_ctx *ret, struct err *e)
{
	AUTO(free_context) scmp_filter_ctx context = NULL;
	int r = make_context(SCMP_ACT_ERRNO(ENOSYS), &context, e);

	for (size_t i = 0; i < n_seccomp_allowed && r == 0; i++) {
		if (is_granted(&seccomp_allowed[i], caps))
			r = add_names(context, SCMP_ACT_ALLOW, seccomp_allowed[i].names, e);
	}
	for (size_t i = 0; i < n_seccomp_refused && r == 0; i++)
		r = add_refused(context, seccomp_refused[i], caps, e);
	if (r == 0)
		*ret = TAKE_PTR(context);
	return r;
}

static int build_document(const json_t *profile, uint64_t caps, scmp_filter_ctx *ret,
			  struct err *e)
{
	AUTO(free_context) scmp_filter_ctx context = NULL;
	AUTO(seccomp_document_done) struct seccomp_document document = { 0 };
	int r = seccomp_document_read(profile, caps, &document, e);

	if (r == 0)
		r = make_context(document.default_action, &context, e);
	for (size_t i = 0; i < document.n_rules && r == 0; i++) {
		const struct seccomp_rule *rule = &document.rules[i];

		/* libseccomp refuses what says nothing new. */
		if (rule->action == document.default_action)
			continue;
		r = seccomp_rule_add_array(context, rule->action, rule->nr, rule->n_args,
					   rule->args);
		if (r < 0)
			err_set(e, -r, "filter system call %d", rule->nr);
	}
	if (r == 0)
		*ret = TAKE_PTR(context);
	return r;
}

static int write_all(int fd, const void *data, size_t size, struct err *e)
{
	ssize_t n = write(fd, data, size);

	if (n != (ssize_t)size)
		return err_set(e, n < 0 ? errno : ENOSPC, "write filter of system calls");
	return 0;
}

int seccomp_program_seal(int fd, struct err *e)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	struct stat st;

	if (fstat(fd, &st) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0)
		return err_set(e, errno, "seal filter of system calls");
	if (st.st_size > (off_t)(BPF_MAXINSNS * sizeof(struct sock_filter)))
		return err_set(e, E2BIG, "compile filter of system calls");
	return 0;
}

static int export(scmp_filter_ctx context, bool is_builtin, struct err *e)
{
	AUTO_CLOSE int fd = memfd_create("tepui-seccomp", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct sock_filter prologue[SECCOMP_PROLOGUE_MAX];
	size_t n = is_builtin ? seccomp_prologue(prologue) : 0;
	int r;

	if (fd < 0)
		return err_set(e, errno, "create memory for filter of system calls");
	r = write_all(fd, prologue, n * sizeof(*prologue), e);
	if (r < 0)
		return r;
	r = seccomp_export_bpf(context, fd);
	if (r < 0)
		return err_set(e, -r, "compile filter of system calls");
	r = seccomp_program_seal(fd, e);
	return r < 0 ? r : TAKE_FD(fd);
}

static int compile(const json_t *profile, uint64_t caps, struct err *e)
{
	AUTO(free_context) scmp_filter_ctx context = NULL;
	int r = profile ? build_document(profile, caps, &context, e)
		: build_builtin(caps, &context, e);

	return r < 0 ? r : export(context, !profile, e);
}

static int copy_fd(int fd, struct err *e)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return copy < 0 ? err_set(e, errno, "copy filter of system calls") : copy;
}

static int remember(char *text, uint64_t caps, int fd, struct err *e)
{
	struct cached *entry;
	int copy = copy_fd(fd, e);

	if (copy < 0)
		return copy;
	/* Tasks choose among few profiles; should one make up ever new ones, all start anew. */
	if (n_cached >= MAX_CACHED)
		seccomp_profile_forget();
	entry = malloc(sizeof(*entry));
	if (!entry) {
		(void)close(copy);
		return err_set(e, ENOMEM, "keep filter of system calls");
	}
	*entry = (struct cached){ .profile = text, .caps = caps, .fd = copy };
	SLIST_INSERT_HEAD(&cache, entry, next);
	n_cached++;
	return 0;
}

int seccomp_profile_compile(const json_t *profile, uint64_t caps, struct err *e)
{
	AUTO_FREE char *text = profile ? json_dumps(profile, JSON_COMPACT | JSON_SORT_KEYS)
		: strdup("");
	AUTO_CLOSE int fd = -EBADF;
	struct cached *entry;
	int r;

	if (!text)
		return err_set(e, profile ? EINVAL : ENOMEM, "read seccomp profile");
	SLIST_FOREACH(entry, &cache, next) {
		if (entry->caps == caps && strcmp(entry->profile, text) == 0)
			return copy_fd(entry->fd, e);
	}
	fd = compile(profile, caps, e);
	if (fd < 0)
		return fd;
	r = remember(text, caps, fd, e);
	if (r < 0)
		return r;
	(void)TAKE_PTR(text);
	return TAKE_FD(fd);
}

void seccomp_profile_forget(void)
{
	struct cached *entry;

	while ((entry = SLIST_FIRST(&cache))) {
		SLIST_REMOVE_HEAD(&cache, next);
		(void)close(entry->fd);
		free(entry->profile);
		free(entry);
	}
	n_cached = 0;
}
