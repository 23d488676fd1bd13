#include "executor/command_env.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"

/* Put ASSIGNMENT in the place of the variable of that name, or at the end. */
static void put(char **env, size_t *n, char *assignment)
{
	size_t name = strcspn(assignment, "=") + 1, i = 0;

	while (i < *n && strncmp(env[i], assignment, name) != 0)
		i++;
	env[i] = assignment;
	if (i == *n)
		++*n;
}

static bool is_usable(const Mesos__V1__Environment__Variable *v)
{
	return v->value && *v->name && !strchr(v->name, '=');
}

int command_env_build(char *const *base, const Mesos__V1__Environment *variables, char ***ret_env,
		      char **ret_strings, struct err *e)
{
	size_t n_variables = variables ? variables->n_variables : 0, n_base = 0, size = 1, n = 0;
	AUTO_FREE char **env = NULL;
	AUTO_FREE char *strings = NULL;
	char *at;

	while (base[n_base])
		n_base++;
	for (size_t i = 0; i < n_variables; i++) {
		const Mesos__V1__Environment__Variable *v = variables->variables[i];

		if (is_usable(v))
			size += strlen(v->name) + strlen(v->value) + 2;
	}
	env = calloc(n_base + n_variables + 1, sizeof(*env));
	at = strings = malloc(size);
	if (!env || !strings)
		return err_set(e, ENOMEM, "build environment");
	for (; n < n_base; n++)
		env[n] = base[n];
	for (size_t i = 0; i < n_variables; i++) {
		const Mesos__V1__Environment__Variable *v = variables->variables[i];
		char *assignment = at;

		if (!is_usable(v))
			continue;
		at = stpcpy(stpcpy(stpcpy(at, v->name), "="), v->value) + 1;
		put(env, &n, assignment);
	}
	*ret_env = TAKE_PTR(env);
	*ret_strings = TAKE_PTR(strings);
	return 0;
}
