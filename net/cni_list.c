#include "net/cni_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_in.h"
#include "net/cni_words.h"

enum { MAX_FILES = 256, MAX_FILE = 64 << 10, MAX_PLUGINS = 16, MAX_NAME = 128 };

/* Of a configuration that has none, as Mesos sends it. */
static const char default_version[] = "0.3.0";

/* ---- one document ---- */

static int read_name(const json_t *document, const char **ret, struct err *e)
{
	const char *name = json_string_value(json_object_get(document, "name"));

	if (!name || !cni_is_name(name) || strlen(name) > MAX_NAME)
		return err_set(e, EINVAL, "name: '%.64s' is not the name of a network",
			       name ? name : "");
	*ret = name;
	return 0;
}

/* The highest that we know of what it is written for (1.1.0: "cniVersions"). */
static int read_version(const json_t *document, const char **ret, struct err *e)
{
	const json_t *value = json_object_get(document, "cniVersion"), *item;
	const char *best = value ? json_string_value(value) : default_version;
	size_t i;

	json_array_foreach(json_object_get(document, "cniVersions"), i, item) {
		const char *version = json_string_value(item);

		if (version && cni_version(version) > cni_version(best ? best : ""))
			best = version;
	}
	if (!best || cni_version(best) == 0)
		return err_set(e, EINVAL, "cniVersion: '%.32s' is none of 0.3.0 to 1.1.0",
			       best ? best : "");
	*ret = best;
	return 0;
}

static int check_plugin(const json_t *plugin, size_t i, struct err *e)
{
	const json_t *type = json_object_get(plugin, "type");
	const json_t *capabilities = json_object_get(plugin, "capabilities");

	if (!json_is_object(plugin))
		return err_set(e, EINVAL, "plugins[%zu]: not an object", i);
	/* It is executed by this name from one of the directories for plugins. */
	if (!json_is_string(type) || !cni_is_name(json_string_value(type)) ||
	    json_string_length(type) > MAX_NAME)
		return err_set(e, EINVAL, "plugins[%zu].type: not the name of a plugin", i);
	if (capabilities && !json_is_object(capabilities))
		return err_set(e, EINVAL, "plugins[%zu].capabilities: not an object", i);
	return 0;
}

static int check_plugins(const json_t *plugins, struct err *e)
{
	const json_t *plugin;
	size_t i;

	if (!json_is_array(plugins) || json_array_size(plugins) == 0 ||
	    json_array_size(plugins) > MAX_PLUGINS)
		return err_set(e, EINVAL, "plugins: not a list of 1 to %d", MAX_PLUGINS);
	json_array_foreach(plugins, i, plugin) {
		if (check_plugin(plugin, i, e) < 0)
			return -e->code;
	}
	return 0;
}

int cni_list_parse(const json_t *document, json_t **ret, struct err *e)
{
	json_auto_t *list = NULL;
	const char *name = NULL, *version = NULL;

	if (!json_is_object(document))
		return err_set(e, EINVAL, "not an object");
	if (read_name(document, &name, e) < 0 || read_version(document, &version, e) < 0)
		return -e->code;
	list = json_object_get(document, "plugins") ? json_deep_copy(document)
		: json_pack("{s:[o]}", "plugins", json_deep_copy(document));
	if (!list || json_object_set_new(list, "name", json_string(name)) < 0 ||
	    json_object_set_new(list, "cniVersion", json_string(version)) < 0)
		return err_set(e, ENOMEM, "read network '%s'", name);
	if (check_plugins(json_object_get(list, "plugins"), e) < 0)
		return -e->code;
	*ret = TAKE_PTR(list);
	return 0;
}

/* ---- the directory ---- */

static int is_config(const struct dirent *entry)
{
	static const char *const suffixes[] = { ".conflist", ".conf", ".json" };
	size_t size = strlen(entry->d_name);

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		size_t n = strlen(suffixes[i]);

		if (size > n && strcmp(entry->d_name + size - n, suffixes[i]) == 0)
			return 1;
	}
	return 0;
}

/* A list of plugins of its own, not one made of a single plugin's file. */
static bool is_list(const json_t *document)
{
	return json_object_get(document, "plugins") != NULL;
}

/* The network of one file among LISTS; IS_SINGLE are the names of those that a list replaces. */
static int add_file(int dir_fd, const char *file, json_t *lists, json_t *singles, struct err *e)
{
	json_auto_t *document = NULL, *list = NULL;
	const char *name;
	int r = file_in_read_json(dir_fd, file, MAX_FILE, &document, e);

	if (r < 0)
		return r;
	r = cni_list_parse(document, &list, e);
	if (r < 0)
		return err_wrap(e, "%s", file);
	name = json_string_value(json_object_get(list, "name"));
	if (json_object_get(lists, name) &&
	    (!is_list(document) || !json_object_get(singles, name)))
		return err_set(e, EEXIST, "%s: take network '%s' from another file", file, name);
	r = is_list(document) ? (json_object_del(singles, name), 0)
		: json_object_set_new(singles, name, json_true());
	if (r < 0 || json_object_set(lists, name, list) < 0)
		return err_set(e, ENOMEM, "%s: read network", file);
	return 0;
}

static void free_entries(struct dirent **entries, int n)
{
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
}

int cni_lists_load(const char *dir, void (*report)(const struct err *why), json_t **ret,
		   struct err *e)
{
	AUTO_CLOSE int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	json_auto_t *lists = json_object(), *singles = json_object();
	struct dirent **entries = NULL;
	int n;

	if (fd < 0)
		return err_set(e, errno, "open directory '%s' of networks", dir);
	n = scandirat(fd, ".", &entries, is_config, alphasort);
	if (n < 0)
		return err_set(e, errno, "read directory '%s' of networks", dir);
	for (int i = 0; i < n && i < MAX_FILES; i++) {
		struct err why = { 0 };

		if (add_file(fd, entries[i]->d_name, lists, singles, &why) < 0 && report)
			report(&why);
	}
	free_entries(entries, n);
	if (n > MAX_FILES)
		return err_set(e, E2BIG, "read directory '%s': it has %d networks, more than %d",
			       dir, n, MAX_FILES);
	*ret = TAKE_PTR(lists);
	return 0;
}

void cni_lists_describe(const json_t *lists, char *buf, unsigned long size)
{
	const char *name, *comma = "";
	const json_t *list;
	char *out = buf, *end = buf + size;

	(void)stpncpy(buf, "none", size);
	buf[size - 1] = '\0';
	json_object_foreach((json_t *)(uintptr_t)lists, name, list) {
		size_t n = strlen(comma) + strlen(name) + strlen(", ...");

		if (n >= (size_t)(end - out)) {
			if (out > buf)
				(void)stpcpy(out, ", ...");
			return;
		}
		out = stpcpy(stpcpy(out, comma), name);
		comma = ", ";
	}
}

int cni_list_load(const char *dir, const char *name, json_t **ret, struct err *e)
{
	json_auto_t *lists = NULL;
	char names[256];
	json_t *list;
	int r = cni_lists_load(dir, NULL, &lists, e);

	if (r < 0)
		return r;
	list = json_object_get(lists, name);
	if (!list) {
		cni_lists_describe(lists, names, sizeof(names));
		return err_set_code(e, ENOENT, true, "find network '%.128s': there are in '%s': %s",
				    name, dir, names);
	}
	*ret = json_incref(list);
	return 0;
}

/* ---- for one attachment ---- */

static bool has_capability(const json_t *plugin, const char *capability)
{
	return json_is_true(json_object_get(json_object_get(plugin, "capabilities"), capability));
}

static bool can(const json_t *list, const char *capability)
{
	const json_t *plugin;
	size_t i;

	json_array_foreach(json_object_get(list, "plugins"), i, plugin) {
		if (has_capability(plugin, capability))
			return true;
	}
	return false;
}

static int check_wishes(const json_t *list, const struct cni_wishes *wishes, struct err *e)
{
	const char *name = json_string_value(json_object_get(list, "name")), *capability;
	const json_t *value;

	json_object_foreach((json_t *)(uintptr_t)wishes->capabilities, capability, value) {
		if (!can(list, capability))
			return err_set(e, ENOTSUP, "give network '%s' '%s': none of its plugins "
				       "has that capability", name, capability);
	}
	if (wishes->variables && !cni_are_variables(wishes->variables))
		return err_set(e, EINVAL, "give network '%s' variables '%.128s': they are "
			       "KEY=VALUE;KEY=VALUE", name, wishes->variables);
	return 0;
}

/* Of what is wished for, that which this plugin takes. */
static int set_runtime_config(json_t *plugin, const json_t *capabilities)
{
	json_auto_t *config = json_object();
	const char *capability;
	json_t *value;
	int r = config ? 0 : -ENOMEM;

	json_object_foreach((json_t *)(uintptr_t)capabilities, capability, value) {
		if (r == 0 && has_capability(plugin, capability))
			r = json_object_set(config, capability, value);
	}
	/* Between us and the operator; the plugin is not shown it. */
	(void)json_object_del(plugin, "capabilities");
	(void)json_object_del(plugin, "runtimeConfig");
	if (r == 0 && json_object_size(config) > 0)
		r = json_object_set(plugin, "runtimeConfig", config);
	return r;
}

/* Over what the operator wrote there. */
static int set_args(json_t *plugin, const json_t *args)
{
	json_t *own = json_object_get(plugin, "args");

	if (json_object_size(args) == 0)
		return 0;
	if (json_is_object(own))
		return json_object_update(own, (json_t *)(uintptr_t)args);
	return json_object_set_new(plugin, "args", json_copy((json_t *)(uintptr_t)args));
}

int cni_list_bind(const json_t *list, const struct cni_wishes *wishes, json_t **ret,
		  struct err *e)
{
	json_auto_t *bound = json_deep_copy(list);
	json_t *plugin;
	size_t i;
	int r = check_wishes(list, wishes, e);

	if (r < 0)
		return r;
	r = bound ? 0 : -ENOMEM;
	json_array_foreach(json_object_get(bound, "plugins"), i, plugin) {
		if (r == 0)
			r = set_runtime_config(plugin, wishes->capabilities);
		if (r == 0)
			r = set_args(plugin, wishes->args);
	}
	/* Of the list, and so shown to no plugin but as its environment. */
	if (r == 0 && wishes->variables)
		r = json_object_set_new(bound, CNI_VARIABLES, json_string(wishes->variables));
	if (r < 0)
		return err_set(e, ENOMEM, "fill in a network's configuration");
	*ret = TAKE_PTR(bound);
	return 0;
}
