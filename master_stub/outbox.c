#include "master_stub/outbox.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/err.h"
#include "net/recordio.h"

struct outbox_entry {
	struct outbox_record *record;
	STAILQ_ENTRY(outbox_entry) next;
};

int outbox_record_new(enum wire_format format, const ProtobufCMessage *message,
		      struct outbox_record **ret, struct err *e)
{
	struct outbox_record *record = calloc(1, sizeof(*record));
	int r;

	if (!record)
		return err_set(e, ENOMEM, "queue event");
	record->refs = 1;
	r = wire_write(format, message, &record->data, &record->size, e);
	if (r < 0) {
		free(record);
		return r;
	}
	*ret = record;
	return 0;
}

void outbox_record_unref(struct outbox_record *record)
{
	if (!record || --record->refs > 0)
		return;
	free(record->data);
	free(record);
}

void outbox_init(struct outbox *box)
{
	STAILQ_INIT(&box->entries);
	box->bytes = 0;
}

static void drop_first(struct outbox *box)
{
	struct outbox_entry *entry = STAILQ_FIRST(&box->entries);

	STAILQ_REMOVE_HEAD(&box->entries, next);
	box->bytes -= entry->record->size;
	outbox_record_unref(entry->record);
	free(entry);
}

void outbox_drop(struct outbox *box)
{
	while (!STAILQ_EMPTY(&box->entries))
		drop_first(box);
}

int outbox_add(struct outbox *box, struct outbox_record *record, struct err *e)
{
	struct outbox_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return err_set(e, ENOMEM, "queue event");
	entry->record = record;
	record->refs++;
	STAILQ_INSERT_TAIL(&box->entries, entry, next);
	box->bytes += record->size;
	return box->bytes > OUTBOX_MAX_BYTES ?
		err_set(e, ENOBUFS, "queue event: too much is waiting") : 0;
}

void outbox_flush(struct outbox *box, struct http_stream *http)
{
	const struct outbox_entry *entry;

	while ((entry = STAILQ_FIRST(&box->entries)) &&
	       recordio_write(http, entry->record->data, entry->record->size) >= 0)
		drop_first(box);
	outbox_drop(box);
}
