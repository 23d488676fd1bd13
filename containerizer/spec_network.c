#include <errno.h>
#include <limits.h>
#include <string.h>

#include "containerizer/handover.h"
#include "containerizer/spec_parts.h"
#include "isolators/spec.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_in.h"

enum { MAX_NETWORKS = 16, MAX_ADDRESSES = 16, MAX_NAME = 255, MAX_LINK_NAME = 15 };

#define WHERE "annotations." HANDOVER_ANNOTATION_NETWORK

static const struct json_field network_fields[] = {
	FIELD_STR(struct spec_network, network, "network", true, 1, MAX_NAME),
	FIELD_STR(struct spec_network, interface, "interface", true, 1, MAX_LINK_NAME),
	FIELD_STR(struct spec_network, link, "link", false, 1, MAX_LINK_NAME),
	FIELD_STR(struct spec_network, bridge, "bridge", false, 1, MAX_LINK_NAME),
	FIELD_LIST(struct spec_network, addresses, "addresses", MAX_ADDRESSES),
	FIELD_LIST(struct spec_network, gateways, "gateways", MAX_ADDRESSES),
	FIELD_U64(struct spec_network, mtu, "mtu", false, 0, UINT32_MAX),
	FIELD_U64(struct spec_network, bandwidth_in, "bandwidth_in", false, 0, INT64_MAX),
	FIELD_U64(struct spec_network, bandwidth_out, "bandwidth_out", false, 0, INT64_MAX),
	FIELD_JSON(struct spec_network, cni, "cni", false),
};

static const struct json_field cni_fields[] = {
	FIELD_STR(struct spec_cni, dirs, "dirs", true, 1, PATH_MAX),
	FIELD_STR(struct spec_cni, directory, "directory", true, 1, PATH_MAX),
	FIELD_U64(struct spec_cni, timeout_ms, "timeout_ms", true, 1, INT32_MAX),
};

static int read_network(const json_t *object, const char *where, size_t i, struct spec *spec,
			struct err *e)
{
	int r = json_read_fields(object, where, network_fields, ARRAY_SIZE(network_fields),
				 &spec->networks[i], e);

	if (r >= 0)
		spec->n_networks = i + 1;
	return r;
}

static int read_list(const json_t *list, struct spec *spec, struct err *e)
{
	if (json_array_size(list) > MAX_NETWORKS)
		return err_set(e, ERANGE, WHERE ".attachments: more than %d", MAX_NETWORKS);
	spec->networks = spec_alloc(json_array_size(list), sizeof(*spec->networks), WHERE, e);
	if (!spec->networks)
		return -ENOMEM;
	return spec_each(list, WHERE ".attachments", read_network, spec, e);
}

int spec_read_networks(const char *text, struct spec *spec, struct err *e)
{
	struct { json_t *attachments, *cni; } document = { 0 };
	static const struct json_field fields[] = {
		FIELD_JSON(__typeof__(document), attachments, "attachments", true),
		FIELD_JSON(__typeof__(document), cni, "cni", false),
	};
	json_auto_t *object = NULL;
	int r = json_in_parse(text, strlen(text), &object, e);

	if (r < 0)
		return err_wrap(e, WHERE);
	r = json_read_fields(object, WHERE, fields, ARRAY_SIZE(fields), &document, e);
	if (r < 0)
		return r;
	r = read_list(document.attachments, spec, e);
	if (r >= 0 && document.cni)
		r = json_read_fields(document.cni, WHERE ".cni", cni_fields,
				     ARRAY_SIZE(cni_fields), &spec->cni, e);
	json_free_fields(fields, ARRAY_SIZE(fields), &document);
	return r;
}
