#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isolators/cgroup_layout.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* What v1 calls a controller where the name differs. */
static const char *v1_name(size_t controller)
{
	return controller == CGROUP_IO ? "blkio" : cgroup_controller_names[controller];
}

struct span {
	const char *text;
	size_t length;
};

/* The next word before the end of the line at *P, or an empty one. */
static struct span next_word(const char **p)
{
	struct span word = { *p, strcspn(*p, " \n") };

	*p += word.length;
	if (**p == ' ')
		(*p)++;
	return word;
}

static bool span_is(struct span s, const char *text)
{
	return s.length == strlen(text) && strncmp(s.text, text, s.length) == 0;
}

/* Is NAME one of the words of the comma-separated LIST? */
static bool span_lists(struct span list, const char *name)
{
	while (list.length > 0) {
		const char *comma = memchr(list.text, ',', list.length);
		size_t length = comma ? (size_t)(comma - list.text) : list.length;

		if (span_is((struct span){ list.text, length }, name))
			return true;
		length += comma ? 1 : 0;
		list.text += length;
		list.length -= length;
	}
	return false;
}

/* mountinfo writes blank, tab, newline and backslash as \ooo; owned, NULL when memory is out. */
static char *unescape(struct span s)
{
	char *out = malloc(s.length + 1), *to = out;

	for (size_t i = 0; out && i < s.length; i++) {
		const char *p = s.text + i;

		if (*p == '\\' && s.length - i > 3 && p[1] >= '0' && p[1] <= '3' &&
		    p[2] >= '0' && p[2] <= '7' && p[3] >= '0' && p[3] <= '7') {
			*to++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			i += 3;
		} else {
			*to++ = *p;
		}
	}
	if (out)
		*to = '\0';
	return out;
}

/* "4:memory:/path" and "0::/path": the path of the hierarchy with CONTROLLER (NULL: v2). */
static struct span own_path(const char *self, const char *controller)
{
	for (const char *line = self; *line; line++) {
		const char *first = strchr(line, ':'), *end = strchrnul(line, '\n');
		const char *second = first && first < end ? strchr(first + 1, ':') : NULL;

		if (second && second < end) {
			struct span list = { first + 1, (size_t)(second - first - 1) };
			bool found = controller ? span_lists(list, controller)
				: list.length == 0 && line[0] == '0';

			if (found)
				return (struct span){ second + 1, (size_t)(end - second - 1) };
		}
		if (*end == '\0')
			break;
		line = end;
	}
	return (struct span){ NULL, 0 };
}

/*
 * MOUNT shows the hierarchy from ROOT on; OWN is where the process is in it.  The directory, owned;
 * NULL in *RET when OWN is outside of what the mount shows.
 */
static int join(struct span root, struct span mount, struct span own, char **ret, struct err *e)
{
	AUTO_FREE char *root_text = unescape(root), *mount_text = unescape(mount);
	size_t skip;

	*ret = NULL;
	if (!root_text || !mount_text)
		return err_set(e, ENOMEM, "read mounts");
	if (own.length == 0 || own.text[0] != '/' || mount_text[0] != '/')
		return 0;
	/* Our cgroup namespace does not contain us. */
	if (own.length >= 3 && strncmp(own.text, "/..", 3) == 0)
		return 0;
	skip = strcmp(root_text, "/") == 0 ? 0 : strlen(root_text);
	if (own.length < skip || strncmp(own.text, root_text, skip) != 0 ||
	    (own.length > skip && own.text[skip] != '/'))
		return 0;
	if (asprintf(ret, "%s%.*s", mount_text, (int)(own.length - skip), own.text + skip) < 0) {
		*ret = NULL;
		return err_set(e, ENOMEM, "read mounts");
	}
	return 0;
}

struct mount_line {
	struct span root, mount, type, options;
};

/* "36 35 98:0 /root /mount rw shared:1 - cgroup cgroup rw,memory"; false when it is not one. */
static bool parse_mount(const char *line, struct mount_line *ret)
{
	struct span word;

	for (int i = 0; i < 3; i++)
		(void)next_word(&line);
	ret->root = next_word(&line);
	ret->mount = next_word(&line);
	do {
		word = next_word(&line);
	} while (word.length > 0 && !span_is(word, "-"));
	if (word.length == 0)
		return false;
	ret->type = next_word(&line);
	(void)next_word(&line);
	ret->options = next_word(&line);
	return true;
}

typedef bool usable_fn(const char *directory, int version);

static int take_directory(const struct mount_line *m, struct span own, int version,
			  usable_fn *is_usable, char **slot, struct err *e)
{
	AUTO_FREE char *directory = NULL;
	int r = join(m->root, m->mount, own, &directory, e);

	if (r < 0 || !directory || (is_usable && !is_usable(directory, version)))
		return r;
	/* The last mount on a place covers the others. */
	free(*slot);
	*slot = TAKE_PTR(directory);
	return 0;
}

static int take_mount(const struct mount_line *m, const char *self, usable_fn *is_usable,
		      struct cgroup_hosts *hosts, struct err *e)
{
	int r = 0;

	if (span_is(m->type, "cgroup2")) {
		static const struct span top = { "/", 1 };

		/* Of the file system, whichever mount of it says so. */
		hosts->is_delegated |= span_lists(m->options, "nsdelegate");
		r = take_directory(m, top, 2, is_usable, &hosts->core_root, e);
		return r < 0 ? r : take_directory(m, own_path(self, NULL), 2, is_usable,
						  &hosts->core, e);
	}
	if (!span_is(m->type, "cgroup"))
		return 0;
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS && r == 0; i++) {
		if (span_lists(m->options, v1_name(i)))
			r = take_directory(m, own_path(self, v1_name(i)), 1, is_usable,
					   &hosts->v1[i], e);
	}
	return r;
}

int cgroup_hosts_parse(const char *mountinfo, const char *self, usable_fn *is_usable,
		       struct cgroup_hosts *ret, struct err *e)
{
	AUTO(cgroup_hosts_done) struct cgroup_hosts hosts = { 0 };
	struct mount_line m;

	for (const char *line = mountinfo; *line; line++) {
		int r = parse_mount(line, &m) ? take_mount(&m, self, is_usable, &hosts, e) : 0;

		if (r < 0)
			return r;
		line = strchr(line, '\n');
		if (!line)
			break;
	}
	*ret = hosts;
	hosts = (struct cgroup_hosts){ 0 };
	return 0;
}

void cgroup_hosts_done(struct cgroup_hosts *hosts)
{
	free(hosts->core);
	free(hosts->core_root);
	for (size_t i = 0; i < N_CGROUP_CONTROLLERS; i++)
		free(hosts->v1[i]);
	*hosts = (struct cgroup_hosts){ 0 };
}
