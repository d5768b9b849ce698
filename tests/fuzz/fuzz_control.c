/*
 * Control memory of a program that `winapi route` and `winapi stat` look at: the input is its start, as far as the
 * counts; what is missing is zero.
 */
#include "preload/control/call_counts.h"
#include "preload/control/control_view.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { INDEX_MOST = 1 << 20 };

static volatile size_t sink;

/* Everything that the commands would print or follow. */
static void view_touch(const struct control_view *view, const void *index)
{
    struct control_counts counts = {0};

    memcpy(&counts, index, sizeof(counts));
    call_counts_merge(&counts, &counts);
    sink = call_counts_percentile(&counts, 50) + call_counts_percentile(&counts, 99);
    sink = strlen(view->header.session.address);
    for (size_t i = 0; i < view->function_count; i++) {
        const struct control_function *function = &view->functions[i];

        sink = strlen(control_view_name(view, i)) + strlen(control_view_table(view, i));
        if (function->family)
            sink = view->families[function->family - 1].objects;
        for (size_t shard = 0; shard < view->header.shard_count; shard++)
            if (control_view_counts_offset(view, shard, i) > view->header.size - sizeof(counts))
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct control_header header = {0};
    struct control_view view;
    uint64_t index_size;
    uint8_t *index;

    memcpy(&header, data, size < sizeof(header) ? size : sizeof(header));
    if (control_view_size(&header, header.size, &index_size) || index_size > INDEX_MOST)
        return 0;
    index = calloc(1, index_size); /* of just that size, so that a byte too many is noticed */
    if (!index)
        return 0;
    memcpy(index, data, size < index_size ? size : index_size);
    if (control_view_open(&view, index, index_size, header.size) == 0)
        view_touch(&view, index);
    free(index);
    return 0;
}
