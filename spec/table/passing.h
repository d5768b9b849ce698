/*
 * The words of a spec file about one parameter, result or member: {"in": {"size": "len"}, "nullable": true}.
 *
 * Reading them also settles what needs no word, so it is done for every parameter, with or without a key.
 */
#ifndef WINAPI_SPEC_TABLE_PASSING_H
#define WINAPI_SPEC_TABLE_PASSING_H

#include "spec/base/error.h"
#include "spec/table/expression_tree.h"
#include "spec/table/type.h"

#include <cjson/cJSON.h>

enum passing_where { PASSING_PARAMETER, PASSING_RESULT, PASSING_MEMBER };

struct passing_place {
    enum passing_where where;
    const char *name; /* NULL: a parameter without one */
    const struct type *type;
    const struct expression_names *names; /* what sizes may use */
    const char *bound;                    /* of a parameter written with brackets: what stands in them; or NULL */
};

struct reading;

/* `words` is NULL when nothing was said.  -EINVAL, with a diagnostic; -ENOMEM. */
MUST_CHECK int passing_read(struct reading *reading, const struct passing_place *place, const cJSON *words,
                            struct passing *passing);

#endif
