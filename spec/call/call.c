/* What the four walks share: the list of followed pointers, faults, element sizes. */
#include "spec/call/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void call_finish(struct call *call)
{
    scratch_finish(&call->scratch);
    free(call->follows);
    call->follows = NULL;
    call->follow_count = call->follow_capacity = 0;
}

struct follow *call_follow(struct call *call)
{
    size_t capacity = call->follow_capacity ? call->follow_capacity * 2 : 32;
    struct follow *grown;

    if (call->follow_count == call->follow_capacity) {
        if (capacity > CALL_FOLLOWS_MOST)
            return NULL;
        grown = realloc(call->follows, capacity * sizeof(*grown));
        if (!grown)
            return NULL;
        call->follows = grown;
        call->follow_capacity = capacity;
    }
    grown = &call->follows[call->follow_count++];
    memset(grown, 0, sizeof(*grown));
    return grown;
}

struct follow *call_follow_next(struct call *call)
{
    return call->follow_next < call->follow_count ? &call->follows[call->follow_next++] : NULL;
}

int call_fault(struct call *call, const char *name, const char *what, int error)
{
    call->fault_name = name;
    call->fault_what = what;
    return error;
}

size_t call_element_size(const struct type *pointer)
{
    return pointer->target->size ? pointer->target->size : 1;
}

bool call_is_bytes(const struct type *pointer, const struct passing *passing)
{
    if (passing->extent == EXTENT_STRING)
        return true;
    if (passing->extent == EXTENT_ONE)
        return false;
    return pointer->target->size == 0 || type_is_plain(pointer->target);
}

bool call_is_list(const struct type *type)
{
    return type->kind == TYPE_ARRAY && !type_is_plain(type);
}
