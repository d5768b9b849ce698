/* What the writer and the reader of compiled catalogs share. */
#ifndef WINAPI_SPEC_TABLE_COMPILED_LAYOUT_H
#define WINAPI_SPEC_TABLE_COMPILED_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define COMPILED_MAGIC "WINATBL"

/* Offsets count from the start of the file, sizes are bytes. */
struct compiled_header {
    char magic[8];
    uint64_t checksum; /* of all that follows */
    uint64_t build, contents;
    uint64_t size;
    uint64_t base;  /* the address that pointers are written for */
    uint64_t words; /* pointers lie before this offset, at multiples of 8 */
    uint64_t marks; /* then strings, and here a bit for each 8 bytes before `words`: set, these are a pointer */
    uint64_t tables, table_count;
    uint64_t by_name, row_count;
};

enum { COMPILED_CHECKED_FROM = 16, COMPILED_SIZE_MOST = 1 << 30 };

static inline size_t compiled_marks_size(uint64_t words)
{
    return (size_t)(words / 64 + (words % 64 != 0));
}

/* ---- what is in the structs ---- */

enum shape {
    SHAPE_STRING,
    SHAPE_BYTES,
    SHAPE_ROW,
    SHAPE_PARAMETER,
    SHAPE_TYPE,
    SHAPE_FIELD,
    SHAPE_ENUMERATOR,
    SHAPE_EXPRESSION,
    SHAPE_TABLE, /* only by whoever has placed it: */
    SHAPES
};

enum { ONE = -1 };

/* A member that points to others; `count` is the offset of the size_t that says how many, or ONE. */
struct shape_pointer {
    size_t offset;
    enum shape to;
    ptrdiff_t count;
};

struct shape_of {
    size_t size;
    const struct shape_pointer *pointers;
    size_t pointer_count;
};

/* By shape; of a string there is nothing to know. */
extern const struct shape_of compiled_shapes[SHAPES];

#endif
