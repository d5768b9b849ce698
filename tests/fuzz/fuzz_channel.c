/* Bytes on a control connection, read as messages until they make no sense or end. */
#include "spec/wire/channel.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT_MOST = 32 << 10, MESSAGE_MOST = 16 << 10 };

static volatile int sink;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct channel channel;
    cJSON *message;
    int fds[2];

    if (size > INPUT_MOST)
        return 0;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        abort();
    if (size != 0 && send(fds[1], data, size, MSG_DONTWAIT) < 0)
        abort();
    shutdown(fds[1], SHUT_WR);

    channel_start(&channel, fds[0], fds[0]);
    while (channel_receive(&channel, &message, MESSAGE_MOST, 0) == 0) {
        sink = cJSON_GetArraySize(message);
        cJSON_Delete(message);
    }
    if (message != NULL)
        abort();
    channel_finish(&channel);
    close(fds[1]);
    return 0;
}
