/*
 * The control connection: a 4-byte little-endian length, then that many bytes of JSON; descriptors may ride along.
 *
 * docs/protocol.md, "Control messages".  One thread at a time per direction.
 */
#ifndef WINAPI_SPEC_WIRE_CHANNEL_H
#define WINAPI_SPEC_WIRE_CHANNEL_H

#include "spec/base/error.h"
#include "spec/wire/descriptor.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct channel {
    int fd;          /* a stream socket, or for `--stdio` over a pipe its reading end */
    int write_fd;    /* the same as fd, but for a pair of pipes */
    int received_fd; /* came with the last message; -1: none.  Whoever wants it takes it; the next receive closes it */
    struct descriptor_mark mark, write_mark; /* of fd and write_fd */
};

/* The channel owns its descriptors from here on. */
void channel_start(struct channel *channel, int fd, int write_fd);
void channel_finish(struct channel *channel);

/*
 * Sends one message, and the descriptor with it unless it is -1 (which stays the caller's).  Waits until
 * `deadline_ns` of CLOCK_MONOTONIC at most; 0 waits for ever.  No SIGPIPE.
 * -EPIPE, -ECONNRESET the other end is gone; -ETIMEDOUT; -EMSGSIZE the message is over CONTROL_MESSAGE_MOST;
 * -ENOTSOCK a descriptor is to be passed over a pipe.
 */
MUST_CHECK int channel_send(struct channel *channel, const cJSON *message, int fd, uint64_t deadline_ns);

/*
 * Waits for one message, which the caller deletes.  -ECONNRESET the other end closed it; -ETIMEDOUT (the channel is
 * then in the middle of a message and of no more use); -EMSGSIZE the length is over `most`; -EBADMSG not JSON.
 * After the last two nothing more can be read either.
 */
MUST_CHECK int channel_receive(struct channel *channel, cJSON **message, size_t most, uint64_t deadline_ns);

/* Whether the other end has hung up, without waiting. */
bool channel_is_gone(const struct channel *channel);

#endif
