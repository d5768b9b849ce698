/*
 * A row made ready for calls: libffi's view of the signature, prepared once.
 *
 * The order in which values travel is the row's; what is planned here is what a call would otherwise find out again:
 * the cif, which parameters are values and which are followed, and which of those bring something back.
 * Nothing changes after plan_create(), so any thread may use a plan.
 */
#ifndef WINAPI_SPEC_CALL_PLAN_H
#define WINAPI_SPEC_CALL_PLAN_H

#include "spec/base/error.h"
#include "spec/call/quick.h"
#include "spec/table/table.h"

#include <ffi.h>
#include <stdbool.h>
#include <stdint.h>

/* libffi 3.7 and newer can be told once of a call that is made often. */
#if defined(FFI_VERSION_NUMBER) && FFI_VERSION_NUMBER >= 30700
#define PLAN_HAS_PLACEMENT 1
#else
#define PLAN_HAS_PLACEMENT 0
#endif

enum {
    PLAN_STRING_ROOM = 64 << 10, /* for a returned string */
    PLAN_ALIGNMENT = 16,         /* of an argument */
};

struct plan {
    const struct row *row;
    ffi_cif cif;
    ffi_cif entry;                           /* guest: of calls that come in (spec/call/entry_words.h) */
    size_t result_size;                      /* bytes that libffi may write for the result, at least sizeof(ffi_arg) */
    uint8_t values[TABLE_PARAMETERS_MOST];   /* parameters that travel by value, in order */
    uint8_t pointers[TABLE_PARAMETERS_MOST]; /* parameters that are followed, in the row's order */
    uint8_t value_count, pointer_count;
    bool has_closes;       /* a handle is gone after the call */
    size_t arguments_size; /* host: bytes for the arguments and libffi's array of pointers to them */
    uint64_t reply_room;   /* guest: the most bytes that the result takes in a reply's body */
    struct quick quick;
    void *memory;                    /* everything that libffi's types need */
    struct ffi_call_plan *placement; /* where libffi puts the arguments; NULL: it finds that out at each call */
};

/* -ENOTSUP libffi cannot make such a call; -ENOMEM. */
MUST_CHECK int plan_create(struct plan **plan, const struct row *row);
void plan_destroy(struct plan *plan);

/* The most bytes that a value of this type takes in a reply. */
uint64_t plan_worst_value(const struct type *type);

/* Bytes that an argument of this type takes at the host, a multiple of PLAN_ALIGNMENT. */
static inline size_t plan_argument_size(const struct type *type)
{
    size_t size = type->size < sizeof(void *) ? sizeof(void *) : type->size;

    return (size + PLAN_ALIGNMENT - 1) & ~(size_t)(PLAN_ALIGNMENT - 1);
}

#endif
