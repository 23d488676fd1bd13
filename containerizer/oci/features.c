/* tepui-oci features: what a document may ask for, from the tables that read it. */
#include <errno.h>
#include <jansson.h>
#include <seccomp.h>
#include <stdio.h>

#include "containerizer/oci/command.h"
#include "containerizer/oci/state.h"
#include "isolators/capabilities.h"
#include "isolators/mount_options.h"
#include "isolators/namespaces.h"
#include "isolators/seccomp_document.h"
#include "isolators/spec.h"
#include "lib/version.h"

static void add(const char *name, void *array)
{
	(void)json_array_append_new(array, json_string(name));
}

static json_t *list_hooks(void)
{
	json_t *array = json_array();

	for (size_t i = 0; i < SPEC_N_HOOKS; i++)
		add(spec_hook_names[i], array);
	return array;
}

static json_t *list_namespaces(void)
{
	json_t *array = json_array();

	for (size_t i = 0; i < SPEC_N_NAMESPACES; i++)
		add(namespace_kinds[i].type, array);
	return array;
}

static json_t *list_capabilities(void)
{
	json_t *array = json_array();

	for (int i = 0; i < N_CAPABILITIES; i++)
		add(capability_name(i), array);
	return array;
}

static json_t *list_mount_options(void)
{
	json_t *array = json_array();

	mount_options_each(add, array);
	return array;
}

static json_t *list_seccomp(void)
{
	json_t *actions = json_array(), *operators = json_array();

	seccomp_actions_each(add, actions);
	seccomp_operators_each(add, operators);
	return json_pack("{sb so so s[s]}", "enabled", 1, "actions", actions, "operators",
			 operators, "archs", seccomp_arch_native() == SCMP_ARCH_AARCH64 ?
			 "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64");
}

static int features(const struct oci *oci, const void *options, char **args, int *ret_status,
		    struct err *e)
{
	json_auto_t *object = json_pack(
		"{ss ss so so s{so so s{sb sb sb sb sb} so s{sb} s{sb} s{sb} s{s{sb}}} s{ss}}",
		"ociVersionMin", "1.0.0", "ociVersionMax", OCI_VERSION,
		"hooks", list_hooks(), "mountOptions", list_mount_options(),
		"linux", "namespaces", list_namespaces(), "capabilities", list_capabilities(),
		"cgroup", "v1", 1, "v2", 1, "systemd", 0, "systemdUser", 0, "rdma", 1,
		"seccomp", list_seccomp(), "apparmor", "enabled", 1, "selinux", "enabled", 0,
		"intelRdt", "enabled", 0, "mountExtensions", "idmap", "enabled", 1,
		"annotations", "io.tepui.version", TEPUI_VERSION);

	(void)oci;
	(void)options;
	(void)args;
	(void)ret_status;
	if (!object)
		return err_set(e, ENOMEM, "list features");
	if (json_dumpf(object, stdout, JSON_INDENT(2)) < 0 || putchar('\n') == EOF)
		return err_set(e, EIO, "print features");
	return 0;
}

const struct command command_features = {
	.name = "features",
	.arguments = "",
	.help = "print what a document may ask for, as JSON",
	COMMAND_FLAGS(no_flags),
	.options_size = sizeof(struct no_options),
	.run = features,
};
