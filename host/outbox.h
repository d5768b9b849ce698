/*
 * What a session sends.
 *
 * Answers come from several threads (asynchronous JSON requests beside the connection's own), so each message is sent
 * whole under a lock.
 */
#ifndef WINAPI_HOST_OUTBOX_H
#define WINAPI_HOST_OUTBOX_H

#include "spec/base/error.h"
#include "spec/wire/channel.h"

#include <pthread.h>

struct outbox {
    struct channel *channel;
    int client; /* its pid, for the log */
    pthread_mutex_t lock;
};

MUST_CHECK int outbox_init(struct outbox *outbox, struct channel *channel, int client);

/* Sends the message and deletes it; NULL is a message for which memory had run out.  What channel_send() says; -ENOMEM.
 */
MUST_CHECK int outbox_send(struct outbox *outbox, cJSON *message);

/* Logs the error at warn and sends it.  `code` as in docs/protocol.md, "Errors". */
MUST_CHECK int outbox_error(struct outbox *outbox, const char *code, const char *format, ...) FORMAT_LIKE(3, 4);

/* {"message":"error",...}.  NULL: out of memory. */
cJSON *error_message(const char *code, const char *text);

#endif
