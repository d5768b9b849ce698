/*
 * What a call gives back when it could not be made: the row's `lost` and `failure` decide.
 *
 * native runs here, but only when the host has certainly not begun, or the row is idempotent; never for a family,
 * whose handles the native library does not know.  abort is the table author's choice.  Everything else gives the
 * declared failure and sets errno.  One line says what was lost; while the trouble lasts, at most one a second for
 * each function.
 */
#ifndef WINAPI_PRELOAD_LOST_H
#define WINAPI_PRELOAD_LOST_H

#include "preload/binding.h"

#include <stdbool.h>

struct loss {
    int error;          /* negative errno: -ENOTCONN, -ECONNRESET, -ETIMEDOUT, -EPROTO ... */
    bool sent;          /* the host may have begun */
    const char *detail; /* what happened, for the line; NULL: strerror */
    const char *part;   /* the parameter at fault, or NULL */
    bool unreached;     /* no lane was to be had: lane_pool_explain() has the details */
};

/* Fills `result` as libffi wants it and sets errno. */
void lost_answer(struct binding *binding, const struct loss *loss, void *result, void **arguments);

#endif
