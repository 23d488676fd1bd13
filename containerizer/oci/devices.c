#include "containerizer/oci/devices.h"

#include "containerizer/cdi.h"
#include "containerizer/oci/command.h"
#include "lib/cleanup.h"

/* Hooks of vendors run with the rights of whoever runs us, as the bundle's own do. */
int devices_inject(const struct oci *oci, json_t *doc, struct err *e)
{
	const struct cdi_options options = { .allow_hooks = true, .find_node = cdi_stat_node };
	AUTO_FREE char *names = NULL;
	struct cdi *cdi;
	int r = cdi_annotated(doc, &names, e);

	if (r < 0 || !names)
		return r;
	r = cdi_load(oci->cdi_dirs ? oci->cdi_dirs : CDI_DIRS, &cdi, e);
	if (r < 0)
		return r;
	r = cdi_inject(cdi, names, &options, doc, e);
	cdi_free(cdi);
	return r;
}
