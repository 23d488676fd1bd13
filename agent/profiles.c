#include "agent/profiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isolators/seccomp_profile.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_in.h"

enum { MAX_PROFILES = 64, MAX_BYTES = 1 << 20 };

static void dir_close(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

void profiles_done(struct profiles *profiles)
{
	for (size_t i = 0; i < profiles->n; i++) {
		free(profiles->items[i].name);
		json_decref(profiles->items[i].document);
	}
	free(profiles->items);
	*profiles = (struct profiles){ 0 };
}

/* Better no start than tasks that fail one by one; without capabilities, as most tasks are. */
static int try_profile(const json_t *document, struct err *e)
{
	AUTO_CLOSE int fd = seccomp_profile_compile(document, 0, e);

	return fd < 0 ? fd : 0;
}

static int add(struct profiles *profiles, int dir_fd, const char *name, struct err *e)
{
	struct profile *profile = &profiles->items[profiles->n];
	int r;

	if (profiles->n == MAX_PROFILES)
		return err_set(e, E2BIG, "read more than %d profiles", MAX_PROFILES);
	r = file_in_read_json(dir_fd, name, MAX_BYTES, &profile->document, e);
	if (r < 0)
		return r;
	profile->name = strdup(name);
	profiles->n++;		/* from here on profiles_done() frees both */
	if (!profile->name)
		return err_set(e, ENOMEM, "read profile '%s'", name);
	return try_profile(profile->document, e) < 0 ? err_wrap(e, "%s", name) : 0;
}

static int add_all(struct profiles *profiles, DIR *dir, struct err *e)
{
	struct dirent *entry;
	int r = 0;

	while (r == 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			r = add(profiles, dirfd(dir), entry->d_name, e);
	}
	return r;
}

int profiles_load(const char *path, struct profiles *ret, struct err *e)
{
	AUTO(dir_close) DIR *dir = path ? opendir(path) : NULL;
	struct profiles profiles = { 0 };
	int r;

	*ret = profiles;
	if (!path)
		return 0;
	if (!dir)
		return err_set(e, errno, "open seccomp profiles '%s'", path);
	profiles.items = calloc(MAX_PROFILES, sizeof(*profiles.items));
	if (!profiles.items)
		return err_set(e, ENOMEM, "read seccomp profiles '%s'", path);
	r = add_all(&profiles, dir, e);
	if (r < 0) {
		profiles_done(&profiles);
		return err_wrap(e, "seccomp profiles '%s'", path);
	}
	*ret = profiles;
	return 0;
}

const json_t *profiles_find(const struct profiles *profiles, const char *name)
{
	for (size_t i = 0; i < profiles->n; i++) {
		if (strcmp(profiles->items[i].name, name) == 0)
			return profiles->items[i].document;
	}
	return NULL;
}
