/*
 * Calls of the plainest kind, walked without recursion: numbers, handles, strings, short runs of bytes, and single
 * numbers behind a pointer, with sizes that are a number, a parameter, or what a parameter points to.  Most functions
 * are made of nothing else, and for these the general walks cost as much as the way to the other process.
 *
 * The bytes are the same.  Whatever is out of the ordinary, in a row or in one call (a NULL that may not be, a buffer
 * that does not fit the body, a size that does not match), is left to the general walk: the quick one then gives false,
 * and the general one begins where nothing has happened.  So only that one knows errors.
 */
#ifndef WINAPI_SPEC_CALL_QUICK_H
#define WINAPI_SPEC_CALL_QUICK_H

#include "spec/table/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;

enum { QUICK_STEPS_MOST = 12 };

enum quick_kind {
    QUICK_WORD,
    QUICK_HANDLE,
    QUICK_NOTHING, /* results only: void */
    QUICK_STRING,  /* from here on pointers */
    QUICK_BYTES,
    QUICK_POINTEE, /* one number */
};

enum quick_source { QUICK_NONE, QUICK_CONSTANT, QUICK_ARGUMENT, QUICK_BEHIND };

/* A size, which must be small. */
struct quick_size {
    uint8_t source; /* enum quick_source */
    uint8_t index;  /* of the parameter */
    uint8_t width;  /* bytes of the number there */
    bool is_signed;
    uint64_t unit; /* bytes for each; QUICK_CONSTANT: bytes in all */
};

struct quick_step {
    uint8_t kind;  /* enum quick_kind */
    uint8_t index; /* of the parameter */
    uint8_t direction;
    bool nullable;
    const struct type *type; /* of the number, the handle, or the pointee */
    struct quick_size length, room;
};

/* What a plan knows for it. */
struct quick {
    bool is_possible;
    uint8_t step_count;
    uint8_t pointer_count;
    struct quick_step result;
    struct quick_step steps[QUICK_STEPS_MOST]; /* in the order in which they travel */
};

/* `values` and `pointers` are parameter indices in the order in which they travel. */
void quick_prepare(struct quick *quick, const struct row *row, const uint8_t *values, size_t value_count,
                   const uint8_t *pointers, size_t pointer_count);

/* ---- the four walks: false, and nothing is done ---- */

/* Into lane_request()'s body, whose size goes to its header. */
bool quick_encode_request(struct call *call, void *const *arguments);

/* Where the arguments lie, call->arguments says; the call's follows are filled in as by the general walk. */
bool quick_decode_request(struct call *call);

bool quick_encode_reply(struct call *call, const void *result);

/* What has been decoded when it gives false is stored, and stored again by the general walk. */
bool quick_decode_reply(struct call *call, void *result);

#endif
