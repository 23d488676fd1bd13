/* How containers are called: the ids of the API, which nest, and the agent's names. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/launched.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum { MAX_NAME = 120 };

/* Whose ids are unique by themselves: those that the agent gives, and those of nobody's children. */
static struct container *find_plain(struct agent *agent, const char *id,
				    const struct container *parent)
{
	struct container *c = container_find(agent, id);

	return c && c->parent == parent ? c : NULL;
}

struct container *launched_find(struct agent *agent, const Mesos__V1__ContainerID *id)
{
	AUTO_FREE char *name = NULL;
	struct container *parent;

	if (!id->parent)
		return find_plain(agent, id->value, NULL);
	parent = launched_find(agent, id->parent);
	if (!parent || asprintf(&name, "%s.%s", parent->id, id->value) < 0) {
		name = NULL;
		return NULL;
	}
	return container_find(agent, name) ? container_find(agent, name) :
					     find_plain(agent, id->value, parent);
}

int launched_name(struct agent *agent, const Mesos__V1__ContainerID *id, char **ret,
		  struct container **ret_parent, struct err *e)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
	struct container *parent = NULL;
	size_t n = strlen(id->value);

	if (n == 0 || strspn(id->value, allowed) != n)
		return err_set(e, EINVAL, "container_id.value: not letters, digits, '_' or '-'");
	if (id->parent) {
		parent = launched_find(agent, id->parent);
		if (!parent)
			return err_set(e, ENOENT, "find container '%.200s'", id->parent->value);
	}
	if (asprintf(ret, "%s%s%s", parent ? parent->id : "", parent ? "." : "", id->value) < 0) {
		*ret = NULL;
		return err_set(e, ENOMEM, "name container '%s'", id->value);
	}
	*ret_parent = parent;
	if (strlen(*ret) <= MAX_NAME)
		return 0;
	free(TAKE_PTR(*ret));
	return err_set(e, EINVAL, "container_id: with its parents longer than %d bytes", MAX_NAME);
}
