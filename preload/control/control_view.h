/*
 * Control memory seen from outside: a copy of another program's bytes, checked before anything in it is believed.
 */
#ifndef WINAPI_PRELOAD_CONTROL_CONTROL_VIEW_H
#define WINAPI_PRELOAD_CONTROL_CONTROL_VIEW_H

#include "preload/control/control_layout.h"
#include "spec/base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Points into the copy, and lives as long. */
struct control_view {
    struct control_header header; /* a copy of its own; the address ends with a NUL */
    const struct control_function *functions;
    const struct control_family *families;
    const char *names;
    size_t function_count, family_count;
};

enum { CONTROL_INDEX_MOST = 256 << 20 }; /* bytes before the counts that are looked at */

/*
 * How many bytes, from the start, are to be read for control_view_open(), as the header says; `memory_size` is the
 * whole memory's.  -EPROTONOSUPPORT another version; -EBADMSG it makes no sense.
 */
MUST_CHECK int control_view_size(const struct control_header *header, uint64_t memory_size, uint64_t *size);

/* Every offset and number in the view is then inside its bounds.  `index` is aligned as malloc does.  Errors as above.
 */
MUST_CHECK int control_view_open(struct control_view *view, const void *index, uint64_t size, uint64_t memory_size);

/* Names end with a NUL, and may have any other byte in them. */
const char *control_view_name(const struct control_view *view, size_t function);
const char *control_view_table(const struct control_view *view, size_t function);

/* Where the counts of a function by one share of the threads lie. */
uint64_t control_view_counts_offset(const struct control_view *view, size_t shard, size_t function);

#endif
