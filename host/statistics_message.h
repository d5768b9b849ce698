/* The shared counts as a message: docs/protocol.md, "Statistics". */
#ifndef WINAPI_HOST_STATISTICS_MESSAGE_H
#define WINAPI_HOST_STATISTICS_MESSAGE_H

#include "host/function.h"
#include "host/statistics.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

/* With `all`, functions that were never called too.  NULL: out of memory. */
cJSON *statistics_message(const struct statistics *statistics, const struct host_functions *functions, bool all);

/* The functions that a client's threads are in: "zlib: crc32, zlib: compress", or "no function".  Cut to `size`. */
void statistics_describe_tracks(const struct client_slot *slot, const struct host_functions *functions, char *text,
                                size_t size);

#endif
