/* Spec files that the bench writes for itself, in its folder. */
#ifndef WINAPI_PRELOAD_COMMAND_BENCH_BENCH_TABLES_H
#define WINAPI_PRELOAD_COMMAND_BENCH_BENCH_TABLES_H

#include "preload/command/bench/bench.h"

enum bench_table {
    TABLE_CHARACTER,  /* toascii */
    TABLE_SEED,       /* srand48 and lrand48 */
    TABLE_SEED_LATER, /* the same, with srand48 marked as asynchronous */
};

/* *path is malloc'ed.  Errors are logged. */
MUST_CHECK int tables_write(struct bench *bench, enum bench_table table, char **path);

/* A table of so many functions, like those of a library; toascii is the last of them. */
MUST_CHECK int tables_write_many(struct bench *bench, unsigned count, char **path);

/* Whether the checker knows what is written there. */
bool tables_is_understood(const char *path);

#endif
