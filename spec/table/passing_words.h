/*
 * The words of a spec file about one pointer or value, as they stand there: what was said, before anything is known of
 * the type.  passing.c holds it against that.
 */
#ifndef WINAPI_SPEC_TABLE_PASSING_WORDS_H
#define WINAPI_SPEC_TABLE_PASSING_WORDS_H

#include "spec/base/error.h"
#include "spec/table/type.h"

#include <cjson/cJSON.h>
#include <stdbool.h>

struct reading;

/*
 * {"size": "len"}, {"count": 4}, {"size": "*n", "capacity": "room"}, {"string": true, "capacity": "room"},
 * {"until": -1}, {"strings": true}
 */
struct extent_words {
    const cJSON *size, *count, *capacity, *until;
    bool is_string;
    bool is_list;
};

struct words {
    enum direction direction;
    struct extent_words extent; /* of the direction; where "in" and "out" stand apart, of "in" with out's capacity */
    const cJSON *returned;      /* where they stand apart: the size or count of "out"; else NULL */
    const cJSON *into;          /* of a result: the name of a parameter; else NULL */
    const cJSON *members;       /* what is said of the struct's members, an object; else NULL */
    bool is_string;
    bool is_list; /* several strings; is_string is set too */
    bool is_static;
    bool nullable;
    bool closes;
    bool is_volatile;
    bool has_tolerance;
    double tolerance;
};

/* `json` is NULL when nothing was said.  -EINVAL, with a diagnostic. */
MUST_CHECK int passing_words_read(struct reading *reading, const cJSON *json, struct words *words);

#endif
