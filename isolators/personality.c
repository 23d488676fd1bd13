/* Which kernel a program believes to run on (personality(2)). */
#include <errno.h>
#include <sys/personality.h>

#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/err.h"

static int seal(struct box *box, struct err *e)
{
	if (box->spec->has_personality && personality(box->spec->personality) < 0)
		return err_set(e, errno, "set personality 0x%lx", box->spec->personality);
	return 0;
}

const struct isolator isolator_personality = {
	.name = "personality",
	.seal = seal,
};
