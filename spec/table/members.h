/*
 * What a row says of the members of a struct that it passes: {"members": {"data": {"in": {"size": "size"}}}}.
 *
 * It stands for what the struct's type says of them, in this row alone, and its sizes may name the row's parameters
 * beside the members.
 */
#ifndef WINAPI_SPEC_TABLE_MEMBERS_H
#define WINAPI_SPEC_TABLE_MEMBERS_H

#include "spec/base/error.h"
#include "spec/table/expression_tree.h"
#include "spec/table/type.h"

#include <cjson/cJSON.h>

struct reading;

/*
 * *type, a struct or a pointer to one, becomes a copy that passes its members as `words` say; it stays as it is where
 * those say nothing of members.  passing_read() must have let `words` through (NULL: there are none).  `path` names
 * the parameter or member in messages.  -EINVAL, with a diagnostic; -ENOMEM.
 */
MUST_CHECK int members_read(struct reading *reading, const cJSON *words, const char *path,
                            const struct expression_names *names, const struct type **type);

#endif
