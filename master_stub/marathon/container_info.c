#include "master_stub/marathon/container_info.h"

Mesos__V1__ContainerInfo *container_info_new(struct build *b, const json_t *app)
{
	Mesos__V1__ContainerInfo *info;

	if (!json_is_true(json_object_get(app, "tty")))
		return NULL;
	info = MAKE(b, Mesos__V1__ContainerInfo, mesos__v1__container_info__init);
	if (!info)
		return NULL;
	info->type = MESOS__V1__CONTAINER_INFO__TYPE__MESOS;
	info->tty_info = MAKE(b, Mesos__V1__TTYInfo, mesos__v1__ttyinfo__init);
	return info;
}
