#include "agent/network_cni.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/network.h"
#include "agent/runtime_dir.h"
#include "containerizer/handover.h"
#include "isolators/network_files.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_in.h"
#include "lib/json_in.h"
#include "lib/log.h"
#include "lib/pb_json.h"
#include "net/cni_list.h"
#include "net/cni_plugin.h"
#include "net/cni_result.h"
#include "net/cni_words.h"

enum {
	MAX_RESULTS = 8 << 20,
	/* Of bandwidth, in bits: a tenth of a second's, and never less than a few packets. */
	BURSTS_A_SECOND = 10, MIN_BURST = 256 << 10,
};
static const uint64_t max_burst = UINT32_MAX;

int network_cni_check_flags(const struct agent_flags *flags, struct err *e)
{
	const char *dir = flags->network_cni_config_dir;

	if (dir && *dir && *dir != '/')
		return err_set(e, EINVAL, "use '--network_cni_config_dir=%.128s': it is not absolute",
			       dir);
	/* Each of them: plugins are run from "/", and told of them. */
	for (dir = flags->network_cni_plugins_dir; dir; dir = strchr(dir, ':')) {
		dir += *dir == ':';
		if (*dir != '/')
			return err_set(e, EINVAL, "use '--network_cni_plugins_dir=%.128s': not "
				       "absolute paths with ':' between",
				       flags->network_cni_plugins_dir);
	}
	if (flags->cni_timeout < 1)
		return err_set(e, EINVAL, "use '--cni_timeout': a plugin needs some time");
	return 0;
}

static const char *config_dir(const struct agent *agent)
{
	const char *dir = agent->flags.network_cni_config_dir;

	return dir && *dir ? dir : NULL;
}

static void warn(const struct err *why)
{
	log_write_err(LOG_LEVEL_WARNING, why, "leave out a network");
}

void network_cni_look(const struct agent *agent)
{
	json_auto_t *lists = NULL;
	struct err e = { 0 };
	char names[256];

	if (!config_dir(agent))
		return;
	if (cni_lists_load(config_dir(agent), warn, &lists, &e) < 0) {
		log_write_err(LOG_LEVEL_WARNING, &e, "have no CNI networks for now");
		return;
	}
	cni_lists_describe(lists, names, sizeof(names));
	log_info("CNI networks: %s", names);
}

int network_cni_refuse(const struct agent *agent, const char *name, struct err *e)
{
	json_t *list, *all = NULL;
	struct err ignored = { 0 };

	if (!config_dir(agent))
		return err_set(e, ENOTSUP, "this agent has no network '%.64s': it has no "
			       "--network_cni_config_dir", name);
	if (cni_list_load(config_dir(agent), name, &list, e) < 0) {
		/* It may be in a file that cannot be read: the log says so. */
		(void)cni_lists_load(config_dir(agent), warn, &all, &ignored);
		json_decref(all);
		return -e->code;
	}
	json_decref(list);
	return err_set(e, ENOTSUP, "network '%.64s' has just come to be: try again", name);
}

/* ---- what is asked of it ---- */

static int add_port_mappings(json_t *capabilities, const Mesos__V1__NetworkInfo *info)
{
	json_t *list = json_array();
	int r = json_object_set_new(capabilities, "portMappings", list);

	for (size_t i = 0; i < info->n_port_mappings && r == 0; i++) {
		const Mesos__V1__NetworkInfo__PortMapping *mapping = info->port_mappings[i];

		r = json_array_append_new(list, json_pack("{s:I, s:I, s:s}",
			"hostPort", (json_int_t)mapping->host_port,
			"containerPort", (json_int_t)mapping->container_port,
			"protocol", mapping->protocol && *mapping->protocol ? mapping->protocol
									    : "tcp"));
	}
	return r;
}

static json_int_t burst_of(uint64_t rate)
{
	uint64_t burst = rate / BURSTS_A_SECOND;

	return (json_int_t)(burst < MIN_BURST ? MIN_BURST : burst > max_burst ? max_burst : burst);
}

/* Rates are in bits a second, and IN and OUT seen from the container, as the plugin has them. */
static int add_bandwidth(json_t *capabilities, uint64_t in, uint64_t out)
{
	json_t *object = json_object();
	int r = in || out ? json_object_set(capabilities, "bandwidth", object) : 0;

	if (r == 0 && in)
		r = json_object_update_new(object, json_pack("{s:I, s:I}", "ingressRate",
							     (json_int_t)in, "ingressBurst",
							     burst_of(in)));
	if (r == 0 && out)
		r = json_object_update_new(object, json_pack("{s:I, s:I}", "egressRate",
							     (json_int_t)out, "egressBurst",
							     burst_of(out)));
	json_decref(object);
	return r;
}

static int add_addresses(json_t *capabilities, const Mesos__V1__NetworkInfo *info, struct err *e)
{
	json_auto_t *list = json_array();

	for (size_t i = 0; i < info->n_ip_addresses; i++) {
		const char *text = info->ip_addresses[i]->ip_address;

		if (!text || !*text)
			continue;
		if (cni_address_family(text) == 0 && cni_network_family(text) == 0)
			return err_set(e, EINVAL, "ip_addresses[%zu]: '%.64s' is not an address", i,
				       text);
		if (json_array_append_new(list, json_string(text)) < 0)
			return err_set(e, ENOMEM, "ask for addresses");
	}
	return json_array_size(list) > 0 && json_object_set(capabilities, "ips", list) < 0 ?
		err_set(e, ENOMEM, "ask for addresses") : 0;
}

static int add_mac(json_t *capabilities, const Mesos__V1__NetworkInfo *info, struct err *e)
{
	const char *mac = network_label(info, "mac");

	if (!mac)
		return 0;
	if (!cni_is_mac(mac))
		return err_set(e, EINVAL, "label 'mac': '%.64s' is not a hardware address", mac);
	return json_object_set_new(capabilities, "mac", json_string(mac)) < 0 ?
		err_set(e, ENOMEM, "ask for a hardware address") : 0;
}

static int make_capabilities(const Mesos__V1__NetworkInfo *info, json_t **ret, struct err *e)
{
	json_auto_t *capabilities = json_object();
	uint64_t in, out;

	if (network_bandwidth(info, "bandwidth_in", &in, e) < 0 ||
	    network_bandwidth(info, "bandwidth_out", &out, e) < 0 ||
	    add_addresses(capabilities, info, e) < 0 || add_mac(capabilities, info, e) < 0)
		return -e->code;
	if (!capabilities || add_bandwidth(capabilities, in, out) < 0 ||
	    (info->n_port_mappings > 0 && add_port_mappings(capabilities, info) < 0))
		return err_set(e, ENOMEM, "ask a network for what it can do");
	*ret = TAKE_PTR(capabilities);
	return 0;
}

/* As Mesos's own isolator tells plugins what was asked for. */
static int make_args(const Mesos__V1__NetworkInfo *info, json_t **ret, struct err *e)
{
	json_t *object;
	int r = pb_to_json(&info->base, &object, e);

	if (r < 0)
		return r;
	*ret = json_pack("{s:{s:o}}", "org.apache.mesos", "network_info", object);
	return *ret ? 0 : err_set(e, ENOMEM, "tell plugins what was asked for");
}

static int bind_list(const json_t *list, const Mesos__V1__NetworkInfo *info, char **ret,
		     struct err *e)
{
	json_auto_t *capabilities = NULL, *args = NULL, *bound = NULL;
	struct cni_wishes wishes = { .variables = network_label(info, "cni_args") };
	int r = make_capabilities(info, &capabilities, e);

	if (r == 0)
		r = make_args(info, &args, e);
	wishes.capabilities = capabilities;
	wishes.args = args;
	if (r == 0)
		r = cni_list_bind(list, &wishes, &bound, e);
	if (r < 0)
		return r;
	*ret = json_dumps(bound, JSON_COMPACT);
	return *ret ? 0 : err_set(e, ENOMEM, "ask network '%s'", info->name);
}

static int find_plugin(const struct agent *agent, const json_t *plugin, const char *network,
		       struct err *e)
{
	const char *type = json_string_value(json_object_get(plugin, "type"));
	AUTO_FREE char *path = NULL;

	if (type && *type && cni_plugin_find(agent->flags.network_cni_plugins_dir, type, &path, e) < 0)
		return err_wrap(e, "network '%.64s': plugin '%.64s'", network, type);
	return 0;
}

/* What cannot be called could not be undone either: it is refused before anything is made. */
static int find_plugins(const struct agent *agent, const json_t *list, const char *network,
			struct err *e)
{
	const json_t *plugin;
	size_t i;

	json_array_foreach(json_object_get(list, "plugins"), i, plugin) {
		if (find_plugin(agent, plugin, network, e) < 0 ||
		    find_plugin(agent, json_object_get(plugin, "ipam"), network, e) < 0)
			return -e->code;
	}
	return 0;
}

int network_cni_bind(const struct agent *agent, const Mesos__V1__NetworkInfo *info, char **ret,
		     struct err *e)
{
	json_auto_t *list = NULL;
	int r = config_dir(agent) ? cni_list_load(config_dir(agent), info->name, &list, e) : 0;

	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (r < 0 || !list)
		return r;
	/* What others make passes by other links than ours, and need not pass the node's own stack. */
	if (network_label(info, "allow"))
		return err_set(e, ENOTSUP, "network '%s': label 'allow' is for the bridge",
			       info->name);
	r = find_plugins(agent, list, info->name, e);
	if (r == 0)
		r = bind_list(list, info, ret, e);
	return r < 0 ? r : 1;
}

/* ---- the annotation ---- */

json_t *network_cni_describe(const Tepui__NetworkRecord__Attachment *attachment, struct err *e)
{
	json_t *list, *object;

	if (json_in_parse(attachment->config, strlen(attachment->config), &list, e) < 0)
		return NULL;
	object = json_pack("{s:s, s:s, s:o}", "network", attachment->network, "interface",
			   attachment->interface, "cni", list);
	if (!object)
		(void)err_set(e, ENOMEM, "describe network '%s'", attachment->network);
	return object;
}

json_t *network_cni_describe_host(const struct container *c)
{
	const struct agent_flags *flags = &c->agent->flags;
	AUTO_FREE char *directory = NULL;

	if (asprintf(&directory, "%s/containers/%s", c->agent->work_dir, c->id) < 0) {
		directory = NULL;
		return NULL;
	}
	return json_pack("{s:s, s:s, s:I}", "dirs", flags->network_cni_plugins_dir, "directory",
			 directory, "timeout_ms", (json_int_t)flags->cni_timeout);
}

/* ---- what it gave ---- */

bool network_has_cni(const struct network *network)
{
	for (size_t i = 0; i < network->record->n_attachments; i++) {
		if (network->record->attachments[i]->config)
			return true;
	}
	return false;
}

static bool is_complete(const struct network *network)
{
	for (size_t i = 0; i < network->record->n_attachments; i++) {
		const Tepui__NetworkRecord__Attachment *attachment = network->record->attachments[i];

		if (attachment->config && !attachment->result)
			return false;
	}
	return true;
}

static Tepui__NetworkRecord__Attachment *find(const struct network *network, const char *interface)
{
	for (size_t i = 0; interface && i < network->record->n_attachments; i++) {
		Tepui__NetworkRecord__Attachment *attachment = network->record->attachments[i];

		if (attachment->config && strcmp(attachment->interface, interface) == 0)
			return attachment;
	}
	return NULL;
}

/* The supervisor has checked it against its version, which is what it says. */
static int take_result(Tepui__NetworkRecord__Attachment *attachment, const json_t *result,
		       struct err *e)
{
	const char *version = json_string_value(json_object_get(result, "cniVersion"));
	char *addresses[CNI_MAX_ADDRESSES], **list;
	size_t n = 0;
	int r = cni_result_check(result, version ? version : "", e);

	if (r == 0)
		r = cni_result_addresses(result, addresses, &n, e);
	if (r < 0)
		return err_wrap(e, "network '%s'", attachment->network);
	list = calloc(n + 1, sizeof(*list));
	attachment->result = json_dumps(result, JSON_COMPACT);
	if (!list || !attachment->result) {
		while (n > 0)
			free(addresses[--n]);
		free(list);
		return err_set(e, ENOMEM, "keep what network '%s' gave", attachment->network);
	}
	memcpy(list, addresses, n * sizeof(*list));
	attachment->addresses = list;
	attachment->n_addresses = n;
	return 1;
}

/* The supervisor's file; NULL in *RET: it is not there (yet, or any more). */
static int read_results(const struct agent *agent, const char *container_id, json_t **ret,
			struct err *e)
{
	AUTO_CLOSE int fd = runtime_dir_open(agent->work_fd, container_id);
	int r = fd < 0 ? -ENOENT : file_in_read_json(fd, HANDOVER_NETWORKS, MAX_RESULTS, ret, e);

	if (r != -ENOENT)
		return r;
	*ret = NULL;
	err_clear(e);
	return 0;
}

int network_cni_learn(struct networks *networks, struct network *network, struct err *e)
{
	json_auto_t *document = NULL;
	const json_t *entry;
	bool is_changed = false;
	size_t i;
	int r = 0;

	if (is_complete(network))
		return 0;
	r = read_results(networks->agent, network->record->container_id, &document, e);
	if (r < 0 || !document)
		return r;
	json_array_foreach(json_object_get(document, "attachments"), i, entry) {
		const char *interface = json_string_value(json_object_get(entry, "interface"));
		const json_t *result = json_object_get(entry, "result");
		Tepui__NetworkRecord__Attachment *attachment = find(network, interface);

		if (!attachment || attachment->result || !result)
			continue;
		r = take_result(attachment, result, e);
		if (r < 0)
			return r;
		is_changed = true;
	}
	return is_changed;
}

int network_cni_complete_files(const struct container *c, const struct network *network,
			       struct err *e)
{
	json_auto_t *attachments = json_array();
	AUTO_CLOSE int fd = runtime_dir_open(c->agent->work_fd, c->id);

	for (size_t i = 0; i < network->record->n_attachments; i++) {
		const char *text = network->record->attachments[i]->result;
		json_t *result;

		if (!text)
			continue;
		if (json_in_parse(text, strlen(text), &result, e) < 0)
			return -e->code;
		(void)json_array_append_new(attachments, json_pack("{s:o}", "result", result));
	}
	return network_files_complete(fd, NULL, attachments, e);
}
