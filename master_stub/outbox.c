#include "master_stub/outbox.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/err.h"
#include "net/recordio.h"

struct outbox_record {
	void *data;
	size_t size;
	STAILQ_ENTRY(outbox_record) next;
};

void outbox_init(struct outbox *box)
{
	STAILQ_INIT(&box->records);
	box->bytes = 0;
}

static void drop_first(struct outbox *box)
{
	struct outbox_record *record = STAILQ_FIRST(&box->records);

	STAILQ_REMOVE_HEAD(&box->records, next);
	box->bytes -= record->size;
	free(record->data);
	free(record);
}

void outbox_drop(struct outbox *box)
{
	while (!STAILQ_EMPTY(&box->records))
		drop_first(box);
}

int outbox_add(struct outbox *box, enum wire_format format, const ProtobufCMessage *message,
	       struct err *e)
{
	struct outbox_record *record = calloc(1, sizeof(*record));
	int r;

	if (!record)
		return err_set(e, ENOMEM, "queue event");
	r = wire_write(format, message, &record->data, &record->size, e);
	if (r < 0) {
		free(record);
		return r;
	}
	STAILQ_INSERT_TAIL(&box->records, record, next);
	box->bytes += record->size;
	return box->bytes > OUTBOX_MAX_BYTES ?
		err_set(e, ENOBUFS, "queue event: too much is waiting") : 0;
}

void outbox_flush(struct outbox *box, struct http_stream *http)
{
	const struct outbox_record *record;

	while ((record = STAILQ_FIRST(&box->records)) &&
	       recordio_write(http, record->data, record->size) >= 0)
		drop_first(box);
	outbox_drop(box);
}
