/*
 * A spec file in memory: one table, whose rows are functions.
 *
 * Everything hangs off the table and lives until table_destroy(); nothing changes after reading, so any thread may
 * read.  The language: docs/spec-files.md.
 */
#ifndef WINAPI_SPEC_TABLE_TABLE_H
#define WINAPI_SPEC_TABLE_TABLE_H

#include "spec/base/error.h"
#include "spec/base/text.h"
#include "spec/table/type.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TABLE_PARAMETERS_MOST = 64, TABLE_FILE_MOST = 64 << 20 };

struct table;

struct parameter {
    const char *name; /* "return" for the result */
    const struct type *type;
    struct passing passing;
};

/* What to do when the host cannot be reached, is lost or misses a deadline. */
enum lost_policy { LOST_FAIL, LOST_NATIVE, LOST_ABORT };

/* The value that tells the caller of failure. */
struct failure {
    bool is_given;
    union {
        int64_t integer; /* every scalar but floating ones, handles and pointers */
        double floating;
    } value;
    int error_number; /* what errno becomes; 0: by the cause */
};

struct row {
    const struct table *table;
    size_t index; /* place in the table */
    const char *name;
    const char *prototype; /* as written */
    struct parameter *parameters;
    size_t parameter_count;
    struct parameter result;
    const uint8_t *order; /* parameter indices; a pointer comes after the pointers that its sizes follow */

    const char *library; /* the host loads this one; NULL: the table's */
    const char *symbol;  /* what the host calls: the row's name, or its handler */

    struct failure failure;
    enum lost_policy lost;
    unsigned timeout_ms; /* 0: WINAPI_CALL_TIMEOUT decides */
    bool compare_safe;   /* may run twice */
    bool idempotent;     /* may be sent again */
    bool keeps_errno;    /* errno is left alone ("errno": false) */
    bool is_async;       /* the caller does not wait */

    unsigned family;      /* rows with the same number share handle types; 0: none.  Numbered within the table */
    int64_t async_result; /* what such a caller gets at once, and what the function returns when all is well */
    uint64_t hash;        /* of row_describe(): equal on both ends when the bytes that travel are */
};

struct table {
    const char *name;
    unsigned version;
    const char *path;    /* the spec file, for messages; "(built in)" and the like for others */
    const char *library; /* a soname, or an absolute path; NULL when every row names its own */
    struct row *rows;
    size_t row_count;
    const struct row **by_name; /* all rows, sorted by name */
    uint64_t hash;              /* of all rows, in order */
};

/* What is wrong with spec files: one line each, "FILE: table T: function F: parameter P: what; what to write". */
struct diagnostics {
    struct text text;
    size_t count;
};

/*
 * Reads a spec file.  Finds as many faults as it can before it fails.
 * Errors: -EINVAL, at least one diagnostic was added; what file_read() says, with a diagnostic too; -ENOMEM.
 */
MUST_CHECK int table_read(struct table **table, const char *path, struct diagnostics *diagnostics);

/* The same from memory.  `path` is for messages and for libraries given relative to the spec file. */
MUST_CHECK int table_parse(struct table **table, const char *json, size_t size, const char *path,
                           struct diagnostics *diagnostics);

void table_destroy(struct table *table);

/* NULL when the table has no such function. */
const struct row *table_find(const struct table *table, const char *function);

/* Adds what decides the bytes on the wire, without names: "u8 (u8, in u1[p2]?, u4)".  docs/protocol.md, "Rows". */
void row_describe(const struct row *row, struct text *text);

void diagnostics_finish(struct diagnostics *diagnostics);
bool diagnostics_are_full(const struct diagnostics *diagnostics); /* more are counted, but not listed */
void diagnostics_add(struct diagnostics *diagnostics, const char *format, ...) FORMAT_LIKE(2, 3);

#endif
