/* The types that every table has, and what can be asked of a type. */
#include "spec/table/type.h"

#include "spec/base/hash.h"
#include "spec/table/type_names.h"

#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <uchar.h>
#include <wchar.h>

#define OF_KIND(type, as)                                                              \
    {                                                                                  \
        .kind = (as), .name = #type, .size = sizeof(type), .alignment = _Alignof(type) \
    }
#define INTEGER(type) OF_KIND(type, (type)-1 < (type)1 ? TYPE_SIGNED : TYPE_UNSIGNED)

static const struct type built_in[] = {
    {.kind = TYPE_VOID, .name = "void", .alignment = 1},
    {.kind = TYPE_BOOL, .name = "bool", .size = sizeof(_Bool), .alignment = _Alignof(_Bool)},
    OF_KIND(float, TYPE_FLOATING),
    OF_KIND(double, TYPE_FLOATING),
    OF_KIND(long double, TYPE_FLOATING),
    INTEGER(char),
    INTEGER(signed char),
    INTEGER(unsigned char),
    INTEGER(short),
    INTEGER(unsigned short),
    INTEGER(int),
    INTEGER(unsigned int),
    INTEGER(long),
    INTEGER(unsigned long),
    INTEGER(long long),
    INTEGER(unsigned long long),
    INTEGER(int8_t),
    INTEGER(int16_t),
    INTEGER(int32_t),
    INTEGER(int64_t),
    INTEGER(uint8_t),
    INTEGER(uint16_t),
    INTEGER(uint32_t),
    INTEGER(uint64_t),
    INTEGER(int_least8_t),
    INTEGER(int_least16_t),
    INTEGER(int_least32_t),
    INTEGER(int_least64_t),
    INTEGER(uint_least8_t),
    INTEGER(uint_least16_t),
    INTEGER(uint_least32_t),
    INTEGER(uint_least64_t),
    INTEGER(int_fast8_t),
    INTEGER(int_fast16_t),
    INTEGER(int_fast32_t),
    INTEGER(int_fast64_t),
    INTEGER(uint_fast8_t),
    INTEGER(uint_fast16_t),
    INTEGER(uint_fast32_t),
    INTEGER(uint_fast64_t),
    INTEGER(intmax_t),
    INTEGER(uintmax_t),
    INTEGER(intptr_t),
    INTEGER(uintptr_t),
    INTEGER(size_t),
    INTEGER(ssize_t),
    INTEGER(ptrdiff_t),
    INTEGER(off_t),
    INTEGER(time_t),
    INTEGER(clock_t),
    INTEGER(pid_t),
    INTEGER(uid_t),
    INTEGER(gid_t),
    INTEGER(mode_t),
    INTEGER(dev_t),
    INTEGER(ino_t),
    INTEGER(socklen_t),
    INTEGER(wchar_t),
    INTEGER(char16_t),
    INTEGER(char32_t),
};

const struct type *type_built_in(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(built_in); i++) {
        if (strcmp(built_in[i].name, name) == 0)
            return &built_in[i];
    }
    return NULL;
}

uint64_t type_built_in_layout(void)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < COUNT_OF(built_in); i++) {
        const uint64_t known[] = {built_in[i].kind, built_in[i].size, built_in[i].alignment};

        sum = hash_bytes(known, sizeof(known), sum);
    }
    return sum;
}

bool type_has_pointers(const struct type *type)
{
    type = type_innermost(type);
    if (type->kind == TYPE_POINTER)
        return true;
    for (size_t i = 0; i < type->field_count; i++) {
        if (type_has_pointers(type->fields[i].type))
            return true;
    }
    return false;
}

bool type_brings_back(const struct type *type)
{
    while (type->kind == TYPE_ARRAY || type->kind == TYPE_POINTER)
        type = type->target;
    for (size_t i = 0; i < type->field_count; i++) {
        if (type->fields[i].passing.direction & DIRECTION_OUT || type_brings_back(type->fields[i].type))
            return true;
    }
    return false;
}
