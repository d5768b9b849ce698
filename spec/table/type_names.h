/*
 * The names of a table's types and constants, and what they stand for.
 *
 * Lives only while the table is read.  A type is resolved when something first uses it, in any order, and once.
 */
#ifndef WINAPI_SPEC_TABLE_TYPE_NAMES_H
#define WINAPI_SPEC_TABLE_TYPE_NAMES_H

#include "spec/base/error.h"
#include "spec/table/names.h"
#include "spec/table/type.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TYPE_NESTING_MOST = 64,     /* names that stand for names */
    STRUCT_SIZE_MOST = 1 << 20, /* bytes */
    STRUCT_LEAVES_MOST = 1024,  /* members, those of inner structs counted */
    STRUCT_ALIGNMENT_MOST = 4096,
};

struct reading;
struct declaration;

enum type_place { TYPE_PLACE_PARAMETER, TYPE_PLACE_RESULT, TYPE_PLACE_MEMBER, TYPE_PLACE_NAME, TYPE_PLACE_SIZEOF };

enum named_type_state { NAMED_TYPE_UNREAD, NAMED_TYPE_READING, NAMED_TYPE_READ, NAMED_TYPE_BROKEN };

struct named_type {
    const char *name; /* as the key says it, with one space after "struct" */
    const cJSON *json;
    enum named_type_state state;
    const struct type *type;
    bool is_const; /* the name stands for a const type */
};

struct types {
    struct named_type *list;
    size_t count;
    struct names by_name;
    int64_t *constants;
    size_t constant_count, constant_capacity;
    struct names constant_names;
    unsigned nesting; /* of types_resolve() inside itself */
};

/* A zeroed struct is empty and ready. */
void types_finish(struct types *types);

/* Reads "constants" and "types" (NULL: none) into reading->types.  Faults are diagnostics; reading_status() tells. */
void types_read(struct reading *reading, const cJSON *constants, const cJSON *types);

/* What a declaration's type is, as far as it can stand in that place.  -EINVAL, with a diagnostic; -ENOMEM. */
MUST_CHECK int types_resolve(struct reading *reading, const struct declaration *declaration, enum type_place place,
                             const struct type **type);

/*
 * Reads "constants", NULL for none, in two steps: before enums, which may use them, and after, for those that use
 * enumerators.  `is_late` has room for all of them, and says which are left for the second.  Faults are diagnostics.
 */
void constants_read(struct reading *reading, const cJSON *constants, bool *is_late);
void constants_read_late(struct reading *reading, const cJSON *constants, const bool *is_late);

/* -EINVAL, with a diagnostic, when the name is taken; -ENOMEM. */
MUST_CHECK int types_add_constant(struct reading *reading, const char *name, int64_t value);

bool types_find_constant(const struct types *types, const char *name, int64_t *value);

/* One of C's own or of the standard headers.  NULL: none is called that. */
const struct type *type_built_in(const char *name);

/* A hash of what is known of them all: it differs between C libraries whose types do. */
uint64_t type_built_in_layout(void);

/* {"struct": ...} and {"enum": ...}.  The result is zeroed memory to fill in. */
MUST_CHECK int struct_type_read(struct reading *reading, const cJSON *json, struct type *type);

/* Reads {"enum": ...}.  Its enumerators become constants of the table. */
MUST_CHECK int enum_type_read(struct reading *reading, const cJSON *json, struct type *type);

#endif
