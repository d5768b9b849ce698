/* Compares values by their types and writes down the first difference as a person would. */
#include "spec/call/difference.h"

#include "spec/call/value.h"

#include <stdio.h>
#include <string.h>

static bool is_marked_volatile(const struct path *path)
{
    for (; path; path = path->up)
        if (path->passing && path->passing->is_volatile)
            return true;
    return false;
}

static size_t write_path(char *text, size_t room, const struct path *path)
{
    size_t used = path->up ? write_path(text, room, path->up) : 0;
    int more;

    if (path->is_index)
        more = snprintf(text + used, room - used, "[%llu]", (unsigned long long)path->index);
    else
        more = snprintf(text + used, room - used, "%s%s", path->up ? "." : "", path->name);
    used += more > 0 ? (size_t)more : 0;
    return used < room ? used : room - 1;
}

/* False when a difference was found before: only the first is shown. */
static bool start(struct difference *difference, const struct path *path)
{
    if (difference->found)
        return false;
    difference->found = true;
    write_path(difference->where, sizeof(difference->where), path);
    return true;
}

/* In the widest type, so that no difference is lost. */
static long double floating_of(const struct type *type, const void *address)
{
    float small;
    double usual;
    long double wide;

    if (type->size == sizeof(small)) {
        memcpy(&small, address, sizeof(small));
        return small;
    }
    if (type->size == sizeof(usual)) {
        memcpy(&usual, address, sizeof(usual));
        return usual;
    }
    memcpy(&wide, address, sizeof(wide));
    return wide;
}

static void write_value(char *text, size_t room, const struct type *type, const void *address)
{
    switch (type->kind) {
    case TYPE_FLOATING:
        snprintf(text, room, type->size > sizeof(double) ? "%.21Lg" : "%.17Lg", floating_of(type, address));
        return;
    default:
        snprintf(text, room, type_is_signed(type) ? "%lld" : "%llu", (long long)value_load(type, address));
    }
}

static long double magnitude(long double value)
{
    return value < 0 ? -value : value;
}

/* Two NaNs are one value here, whatever their bits.  Nothing is near an infinity but itself. */
static bool floats_agree(const struct type *type, double tolerance, const void *native, const void *remote)
{
    long double a = floating_of(type, native), b = floating_of(type, remote);

    if (a == b || (a != a && b != b))
        return true;
    if (a - a != 0 || b - b != 0)
        return false;
    return magnitude(a - b) <= tolerance * (magnitude(a) > magnitude(b) ? magnitude(a) : magnitude(b));
}

static bool values_agree(const struct path *path, const struct type *type, const void *native, const void *remote)
{
    if (type->kind == TYPE_FLOATING)
        return floats_agree(type, path->passing ? path->passing->tolerance : 0, native, remote);
    return value_load(type, native) == value_load(type, remote);
}

void difference_value(struct difference *difference, const struct path *path, const struct type *type,
                      const void *native, const void *remote)
{
    if (is_marked_volatile(path) || values_agree(path, type, native, remote) || !start(difference, path))
        return;
    write_value(difference->native, sizeof(difference->native), type, native);
    write_value(difference->remote, sizeof(difference->remote), type, remote);
}

static const struct type byte_type = {.kind = TYPE_UNSIGNED, .name = "unsigned char", .size = 1, .alignment = 1};

void difference_bytes(struct difference *difference, const struct path *path, const struct type *element,
                      const struct both *both)
{
    bool is_whole = element->size && type_is_scalar(element) && both->size % element->size == 0;
    const struct type *type = is_whole ? element : &byte_type;
    const unsigned char *native = both->native, *remote = both->remote;

    if (both->size == 0 || is_marked_volatile(path) || memcmp(native, remote, both->size) == 0)
        return;
    for (uint64_t at = 0; at + type->size <= both->size; at += type->size) {
        struct path inside = {.up = path, .index = at / type->size, .is_index = true, .passing = path->passing};

        difference_value(difference, &inside, type, native + at, remote + at);
        if (difference->found)
            return;
    }
}

void difference_strings(struct difference *difference, const struct path *path, const char *native, const char *remote)
{
    bool same = native && remote ? strcmp(native, remote) == 0 : native == remote;

    if (same || is_marked_volatile(path) || !start(difference, path))
        return;
    snprintf(difference->native, sizeof(difference->native), native ? "\"%s\"" : "NULL", native);
    snprintf(difference->remote, sizeof(difference->remote), remote ? "\"%s\"" : "NULL", remote);
}

void difference_handles(struct difference *difference, const struct path *path, bool native, bool remote)
{
    if (native == remote || is_marked_volatile(path) || !start(difference, path))
        return;
    snprintf(difference->native, sizeof(difference->native), native ? "a handle" : "NULL");
    snprintf(difference->remote, sizeof(difference->remote), remote ? "a handle" : "NULL");
}

void difference_errno(struct difference *difference, int native, int remote)
{
    if (native == remote || !start(difference, &(struct path){.name = "errno"}))
        return;
    snprintf(difference->native, sizeof(difference->native), "%d", native);
    snprintf(difference->remote, sizeof(difference->remote), "%d", remote);
}
