/* The handles that a call has given the program: its result, and what came out behind its pointers. */
#ifndef WINAPI_PRELOAD_LANE_GIVEN_HANDLES_H
#define WINAPI_PRELOAD_LANE_GIVEN_HANDLES_H

#include "spec/table/table.h"

#include <stdbool.h>
#include <stdint.h>

enum given_handles { GIVES_NONE, GIVES_SEEN, GIVES_UNSEEN };

/* Whether calls of the row can give handles; UNSEEN: some where given_handles_each() does not look. */
enum given_handles given_handles_of(const struct row *row);

/* Room for so many elements is behind each pointer parameter: asked before the call, when sizes still say it. */
struct given_room {
    uint64_t counts[TABLE_PARAMETERS_MOST];
};

void given_handles_prepare(const struct row *row, void *const *arguments, struct given_room *room);

/*
 * After the call: `visit` for each handle that is not NULL.  A result that is the row's failure value gave none.  What
 * a parameter held before and still holds counts too.
 */
void given_handles_each(const struct row *row, void *const *arguments, const void *result,
                        const struct given_room *room, void (*visit)(void *context, const char *class, uint64_t handle),
                        void *context);

#endif
