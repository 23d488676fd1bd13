#include "master_stub/marathon/instance/endpoint.h"

#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/state.h"

bool endpoint_find(const struct instance *instance, const char *name, struct endpoint *ret)
{
	int index = app_port_index(instance->spec->json, name);

	if (index < 0 || (unsigned)index >= instance->n_ports)
		return false;
	ret->host = instance->host;
	ret->port = instance->ports[index];
	return ret->host && ret->port != 0;
}
