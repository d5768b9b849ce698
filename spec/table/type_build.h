/* Pointers and arrays around a type, as a declaration has them. */
#ifndef WINAPI_SPEC_TABLE_TYPE_BUILD_H
#define WINAPI_SPEC_TABLE_TYPE_BUILD_H

#include "spec/base/error.h"
#include "spec/table/type_names.h"

#include <stdbool.h>

/* *type is the base before and the whole afterwards; `is_const` is the base's.  -EINVAL, with a diagnostic; -ENOMEM. */
MUST_CHECK int type_build(struct reading *reading, const struct declaration *declaration, enum type_place place,
                          bool is_const, const struct type **type);

/* NULL when memory has run out.  The names must live as long as the table. */
struct type *type_create(struct reading *reading, enum type_kind kind, const char *name);
struct type *type_create_handle(struct reading *reading, const char *name, const char *class);

#endif
