/* The steps of reading a table, one file each: table.c calls them in this order. */
#ifndef WINAPI_SPEC_TABLE_TABLE_PARTS_H
#define WINAPI_SPEC_TABLE_TABLE_PARTS_H

#include "spec/base/error.h"
#include "spec/table/reading.h"
#include "spec/table/table.h"

#include <cjson/cJSON.h>

/* What the table says for every row that says nothing itself; NULL where it says nothing either. */
struct row_defaults {
    const cJSON *lost, *compare, *idempotent, *timeout_ms, *error_number, *failure;
};

/*
 * JSON text into a tree, to be freed with cJSON_Delete().  Syntax, NUL bytes and double keys are faults.
 * -EINVAL, with a diagnostic; -ENOMEM.
 */
MUST_CHECK int table_json_parse(struct reading *reading, const char *json, size_t size, cJSON **tree);

/* "library": a soname or a path, made absolute beside the spec file.  NULL in *library: none for this system. */
MUST_CHECK int library_read(struct reading *reading, const cJSON *json, const char **library);

/* One row, but for what depends on other rows.  -EINVAL, with a diagnostic; -ENOMEM. */
MUST_CHECK int row_read(struct reading *reading, const cJSON *json, const struct row_defaults *defaults,
                        struct row *row);

/* Sets row->order, and refuses sizes that follow what is not there in time. */
MUST_CHECK int row_order_find(struct reading *reading, struct row *row);

/* Sets what happens when the host is lost, and refuses rows that do not say enough. */
MUST_CHECK int row_failure_read(struct reading *reading, const cJSON *json, const struct row_defaults *defaults,
                                struct row *row);

/* Among rows sorted by name; NULL: none has it. */
const struct row *rows_find(const struct row *const *by_name, size_t count, const char *function);

/*
 * Whether the type of a result can have that value, which stands under `key`; -1 for an unsigned one becomes its
 * largest value.  -EINVAL, after a diagnostic, it cannot.
 */
MUST_CHECK int row_result_fit(struct reading *reading, const char *key, const struct type *type, int64_t *value);

/* "async": whether the caller waits.  Refuses rows that bring something back. */
MUST_CHECK int row_async_read(struct reading *reading, const cJSON *json, struct row *row);

/* A key of the row, or what the table says for all rows. */
const cJSON *row_key(const cJSON *row, const char *key, const cJSON *otherwise);

/* Whether a handle travels in this row. */
bool row_has_handle(const struct row *row);

/* Numbers the families of a table's rows. */
MUST_CHECK int family_number(struct row *rows, size_t count);

/* An errno by its name.  -EINVAL: no such name. */
MUST_CHECK int error_number_parse(const char *name, int *number);

#endif
