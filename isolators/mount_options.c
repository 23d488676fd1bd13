#include "isolators/mount_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif

/* What a name does; "rNAME" does the same to what is mounted below, where has_r. */
static const struct mount_word {
	const char *name;
	unsigned long set, clear;
	bool has_r;
} flag_words[] = {
	{ "ro", MS_RDONLY, 0, true },		{ "rw", 0, MS_RDONLY, true },
	{ "nosuid", MS_NOSUID, 0, true },	{ "suid", 0, MS_NOSUID, true },
	{ "nodev", MS_NODEV, 0, true },		{ "dev", 0, MS_NODEV, true },
	{ "noexec", MS_NOEXEC, 0, true },	{ "exec", 0, MS_NOEXEC, true },
	{ "noatime", MS_NOATIME, MS_STRICTATIME | MS_RELATIME, true },
	{ "atime", 0, MS_NOATIME, true },
	{ "relatime", MS_RELATIME, MS_NOATIME | MS_STRICTATIME, true },
	{ "norelatime", 0, MS_RELATIME, true },
	{ "strictatime", MS_STRICTATIME, MS_NOATIME | MS_RELATIME, true },
	{ "nostrictatime", 0, MS_STRICTATIME, true },
	{ "nodiratime", MS_NODIRATIME, 0, true },
	{ "diratime", 0, MS_NODIRATIME, true },
	{ "nosymfollow", MS_NOSYMFOLLOW, 0, true },
	{ "symfollow", 0, MS_NOSYMFOLLOW, true },
	{ "silent", MS_SILENT, 0, false },	{ "loud", 0, MS_SILENT, false },
	{ "defaults", 0, 0, false },		{ "bind", 0, 0, false },
};

/* Of the file system itself, whoever mounts it: a bind cannot change them. */
static const struct mount_word file_system_words[] = {
	{ "sync", MS_SYNCHRONOUS, 0, false },	{ "async", 0, MS_SYNCHRONOUS, false },
	{ "dirsync", MS_DIRSYNC, 0, false },
	{ "lazytime", MS_LAZYTIME, 0, false },	{ "nolazytime", 0, MS_LAZYTIME, false },
	{ "mand", MS_MANDLOCK, 0, false },	{ "nomand", 0, MS_MANDLOCK, false },
	{ "iversion", MS_I_VERSION, 0, false },	{ "noiversion", 0, MS_I_VERSION, false },
	{ "acl", MS_POSIXACL, 0, false },	{ "noacl", 0, MS_POSIXACL, false },
};

static const struct {
	const char *name;
	unsigned long flag;
} propagation_words[] = {
	{ "private", MS_PRIVATE },
	{ "slave", MS_SLAVE },
	{ "shared", MS_SHARED },
	{ "unbindable", MS_UNBINDABLE },
};

static const struct {
	const char *name;
	size_t off;		/* of the bool that it sets */
} switch_words[] = {
	{ "rbind", offsetof(struct mount_options, is_recursive) },
	{ "tmpcopyup", offsetof(struct mount_options, is_copied_up) },
	{ "idmap", offsetof(struct mount_options, is_idmapped) },
	{ "ridmap", offsetof(struct mount_options, is_idmapped_below) },
};

static const struct mount_word *find_word(const struct mount_word *words, size_t n,
					  const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(words[i].name, name) == 0)
			return &words[i];
	}
	return NULL;
}

unsigned long mount_propagation(const char *word)
{
	const char *name = word[0] == 'r' ? word + 1 : word;

	for (size_t i = 0; i < ARRAY_SIZE(propagation_words); i++) {
		if (strcmp(propagation_words[i].name, name) == 0)
			return propagation_words[i].flag | (name > word ? MS_REC : 0);
	}
	return 0;
}

static void apply(const struct mount_word *word, bool is_below, struct mount_options *o)
{
	o->set = (o->set | word->set) & ~word->clear;
	o->clear = (o->clear | word->clear) & ~word->set;
	o->clear_below &= ~word->set;
	if (is_below)
		o->clear_below |= word->clear;
}

static bool take_flag(const char *name, struct mount_options *o)
{
	const struct mount_word *word = find_word(flag_words, ARRAY_SIZE(flag_words), name);
	bool is_below = !word && name[0] == 'r';

	if (is_below)
		word = find_word(flag_words, ARRAY_SIZE(flag_words), name + 1);
	if (!word || (is_below && !word->has_r))
		return false;
	apply(word, is_below, o);
	return true;
}

static bool take_switch(const char *name, struct mount_options *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(switch_words); i++) {
		if (strcmp(switch_words[i].name, name) != 0)
			continue;
		*(bool *)((char *)o + switch_words[i].off) = true;
		return true;
	}
	return false;
}

static int take_data(const char *option, struct mount_options *o)
{
	size_t used = strlen(o->data);
	int n = snprintf(o->data + used, sizeof(o->data) - used, "%s%s", used ? "," : "", option);

	return n < 0 || (size_t)n >= sizeof(o->data) - used ? -E2BIG : 0;
}

static int take(const struct spec_mount *m, const char *option, const char *where,
		struct mount_options *o, struct err *e)
{
	bool is_bind = strcmp(m->type, "bind") == 0;
	unsigned long propagation = mount_propagation(option);
	const struct mount_word *word;

	if (propagation) {
		o->propagation = propagation & ~(unsigned long)MS_REC;
		return 0;
	}
	if (take_flag(option, o) || take_switch(option, o))
		return 0;
	word = find_word(file_system_words, ARRAY_SIZE(file_system_words), option);
	if (word && is_bind)
		return err_set(e, EINVAL, "%s: '%s' is for a file system, which a bind shares",
			       where, option);
	if (word) {
		apply(word, false, o);
		return 0;
	}
	if (is_bind || strcmp(option, "remount") == 0)
		return err_set(e, EINVAL, "%s: '%.64s' is not supported", where, option);
	if (take_data(option, o) < 0)
		return err_set(e, E2BIG, "%s: more than %d bytes", where, MOUNT_DATA_SIZE - 1);
	return 0;
}

int mount_options_parse(const struct spec_mount *m, size_t i, struct mount_options *ret,
			struct err *e)
{
	*ret = (struct mount_options){
		.set = MS_NOSUID | MS_NODEV, .propagation = MS_PRIVATE,
	};
	for (size_t k = 0; m->options && m->options[k]; k++) {
		char where[64];
		int r;

		(void)snprintf(where, sizeof(where), "mounts[%zu].options[%zu]", i, k);
		r = take(m, m->options[k], where, ret, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The words of a table, and what they are called for the mounts below. */
static void each_word(const struct mount_word *words, size_t n,
		      void (*fn)(const char *name, void *arg), void *arg)
{
	for (size_t i = 0; i < n; i++) {
		char below[32];

		fn(words[i].name, arg);
		(void)snprintf(below, sizeof(below), "r%s", words[i].name);
		if (words[i].has_r)
			fn(below, arg);
	}
}

void mount_options_each(void (*fn)(const char *name, void *arg), void *arg)
{
	each_word(flag_words, ARRAY_SIZE(flag_words), fn, arg);
	each_word(file_system_words, ARRAY_SIZE(file_system_words), fn, arg);
	for (size_t i = 0; i < ARRAY_SIZE(propagation_words); i++) {
		char below[32];

		fn(propagation_words[i].name, arg);
		(void)snprintf(below, sizeof(below), "r%s", propagation_words[i].name);
		fn(below, arg);
	}
	for (size_t i = 0; i < ARRAY_SIZE(switch_words); i++)
		fn(switch_words[i].name, arg);
}

void mount_options_attr(unsigned long flags, struct mount_attr *attr)
{
	static const struct {
		unsigned long flag;
		unsigned long long set, clear;
	} rows[] = {
		{ MS_RDONLY, MOUNT_ATTR_RDONLY, 0 },
		{ MS_NOSUID, MOUNT_ATTR_NOSUID, 0 },
		{ MS_NODEV, MOUNT_ATTR_NODEV, 0 },
		{ MS_NOEXEC, MOUNT_ATTR_NOEXEC, 0 },
		{ MS_NODIRATIME, MOUNT_ATTR_NODIRATIME, 0 },
		{ MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW, 0 },
		{ MS_RELATIME, MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME },
		{ MS_NOATIME, MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME },
		{ MS_STRICTATIME, MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!(flags & rows[i].flag))
			continue;
		attr->attr_set |= rows[i].set;
		attr->attr_clr |= rows[i].clear;
	}
}
