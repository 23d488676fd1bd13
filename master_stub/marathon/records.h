/* The controller's records in the store: written before what they speak of is done. */
#ifndef MASTER_STUB_MARATHON_RECORDS_H
#define MASTER_STUB_MARATHON_RECORDS_H

#include <jansson.h>

#include <stdint.h>
#include <string.h>

#include <protobuf-c/protobuf-c.h>

struct app;
struct controller;
struct deployment;
struct entry;
struct err;
struct instance;
struct node;

/* Fields of a record, borrowed: the schema's strings are not const, though nobody writes to them. */
static inline char *record_text(const char *value)
{
	return (char *)(uintptr_t)value;
}

/* Of JSON; NULL: no bytes. */
static inline ProtobufCBinaryData record_bytes(char *text)
{
	return (ProtobufCBinaryData){ .len = text ? strlen(text) : 0, .data = (uint8_t *)text };
}

/* What all below are made of: one record, or its removal, of KIND under KEY. */
int records_put(struct controller *c, const char *kind, const char *key,
		const ProtobufCMessage *message);
void records_delete(struct controller *c, const char *kind, const char *key);

/*
 * Each buffers one record (or its removal) in the store; the shell commits before any byte that
 * speaks of it leaves.  -ENOMEM; then the caller must not do what the record says.
 */
int records_put_app(struct controller *c, const struct entry *entry);
int records_put_version(struct controller *c, const struct app *app);
int records_put_instance(struct controller *c, const struct instance *instance);
int records_put_deployment(struct controller *c, const struct deployment *deployment);
int records_put_ended(struct controller *c, const json_t *ended);
int records_put_framework(struct controller *c);
int records_put_node(struct controller *c, const struct node *node);
int records_put_subscription(struct controller *c, const char *url);

/* Removals are repeated by the next start when memory is out: nothing depends on them. */
void records_delete_app(struct controller *c, const struct entry *entry);
void records_delete_version(struct controller *c, const struct app *app);
void records_delete_instance(struct controller *c, const struct instance *instance);
void records_delete_deployment(struct controller *c, const struct deployment *deployment);
void records_delete_ended(struct controller *c, const json_t *ended);
void records_delete_node(struct controller *c, const struct node *node);
void records_delete_subscription(struct controller *c, const char *url);

/* Fill C from its store.  A record that does not fit the others is left out and explained. */
int records_load(struct controller *c, long long now_ms, struct err *e);

#endif
