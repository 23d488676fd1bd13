#include <errno.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/image_gc.h"
#include "agent/operator_api.h"
#include "lib/err.h"
#include "net/http_server.h"

/* Images of another type are in no store of ours, and who excludes one takes it to be there. */
static int prune_images(struct http_request *req, const OperatorCall *call, struct err *e)
{
	const Mesos__V1__Agent__Call__PruneImages *asked = call->prune_images;
	const struct agent *agent = http_request_app(req);
	size_t n = asked ? asked->n_excluded_images : 0;
	AUTO_FREE const char **kept = calloc(n + 1, sizeof(*kept));

	if (!kept)
		return err_set(e, ENOMEM, "prune images");
	for (size_t i = 0; i < n; i++) {
		const Mesos__V1__Image *image = asked->excluded_images[i];

		if (image->type != MESOS__V1__IMAGE__TYPE__DOCKER || !image->docker)
			return err_set(e, EINVAL, "prune_images.excluded_images[%zu].type: only "
				       "DOCKER is supported", i);
		kept[i] = image->docker->name;
	}
	return image_gc_prune(agent->image_gc, req, kept, n, e);
}

static const struct operator_call rows[] = {
	OPERATOR_CALL_BARE(PRUNE_IMAGES, prune_images),
};
const struct operator_calls operator_image_calls = OPERATOR_CALLS(rows);
