/*
 * Arguments that libffi need not look for.
 *
 * libffi's entry finds out at each call where each argument is, anew, which takes a hundred instructions for each.  Of
 * a function that takes nothing but integers and pointers, no more than go into registers, they are one word behind the
 * other where it keeps the registers.  So it is told of the first one only, and the others are found behind that.
 * libffi does not promise this: it is tried once in each process, and where it is not so libffi is told of all.
 */
#ifndef WINAPI_SPEC_CALL_ENTRY_WORDS_H
#define WINAPI_SPEC_CALL_ENTRY_WORDS_H

#include "spec/call/plan.h"

#include <ffi.h>
#include <stddef.h>
#include <stdint.h>

enum { ENTRY_WORDS_MOST = 6 }; /* registers for integers in the SysV ABI for x86-64 */

/* Makes plan->entry: how libffi's entry is to look at a call.  Never fails: it may be plan->cif. */
void entry_words_prepare(struct plan *plan);

/* What the entry gave, one pointer for each argument; `places` is memory for them, of `count` at most. */
static inline void **entry_words_each(const ffi_cif *entry, size_t count, void **arguments, void **places)
{
    if (entry->nargs == count)
        return arguments;
    for (size_t i = 0; i < count; i++)
        places[i] = (uint64_t *)arguments[0] + i;
    return places;
}

#endif
