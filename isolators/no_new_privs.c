/* No execve(2) gives more rights than there were: neither setuid files nor file capabilities. */
#include <errno.h>
#include <sys/prctl.h>

#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/err.h"

static int seal(struct box *box, struct err *e)
{
	if (box->spec->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, errno, "set no_new_privs");
	return 0;
}

const struct isolator isolator_no_new_privs = {
	.name = "no_new_privs",
	.seal = seal,
};
