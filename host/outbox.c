/* Sending: one message at a time, and never for ever to a client that does not read. */
#include "host/outbox.h"

#include "spec/base/log.h"
#include "spec/wire/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

enum { SEND_TIMEOUT_MS = 30000, ERROR_TEXT_MOST = 2048 };

int outbox_init(struct outbox *outbox, struct channel *channel, int client)
{
    outbox->channel = channel;
    outbox->client = client;
    return -pthread_mutex_init(&outbox->lock, NULL);
}

int outbox_send(struct outbox *outbox, cJSON *message)
{
    int error;

    if (!message)
        return -ENOMEM;
    pthread_mutex_lock(&outbox->lock);
    error = channel_send(outbox->channel, message, -1, clock_deadline_ns(SEND_TIMEOUT_MS));
    pthread_mutex_unlock(&outbox->lock);
    cJSON_Delete(message);
    return error;
}

cJSON *error_message(const char *code, const char *text)
{
    cJSON *message = cJSON_CreateObject();

    if (cJSON_AddStringToObject(message, "message", "error") && cJSON_AddStringToObject(message, "code", code) &&
        cJSON_AddStringToObject(message, "text", text))
        return message;
    cJSON_Delete(message);
    return NULL;
}

int outbox_error(struct outbox *outbox, const char *code, const char *format, ...)
{
    char text[ERROR_TEXT_MOST];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    log_warn("client %d: %s", outbox->client, text);
    return outbox_send(outbox, error_message(code, text));
}
