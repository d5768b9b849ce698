/*
 * The two halves of writing a stub meet here: what is in it and what lies where (preload/stub/stub_file.c), and the
 * bytes (preload/stub/stub_image.c).
 */
#ifndef WINAPI_PRELOAD_STUB_STUB_IMAGE_H
#define WINAPI_PRELOAD_STUB_STUB_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#define STUB_SONAME "winapi_stub.so" /* no library's: glibc stumbles over two of one name when one has versions */

/*
 * The symbols: none, the slow path and dlsym (the only ones undefined), then the definitions, in the order that GNU's
 * hash table wants: by bucket.
 */
enum { SYMBOL_SLOW = 1, SYMBOL_DLSYM, SYMBOL_FIRST };

enum { STUB_PAGE = 4096, STUB_POINTERS = 5 /* in struct stub */, STUB_IMPORTS = 2, DYNAMIC_ENTRIES = 13 };

/* preload/stub/stub_code_x86_64.S.  Before each label from the third on there is a distance to be put in. */
extern const uint8_t stub_first[], stub_first_end[];
extern const uint8_t stub_first_library[], stub_first_records[], stub_first_names[], stub_first_strings[],
    stub_first_dlsym[];

enum segment { SEGMENT_READ, SEGMENT_EXECUTE, SEGMENT_WRITE, SEGMENT_DYNAMIC, SEGMENT_STACK, SEGMENTS };

enum section {
    SECTION_NONE,
    SECTION_SYMBOLS,
    SECTION_GNU_HASH,
    SECTION_SYSV_HASH,
    SECTION_RELOCATIONS,
    SECTION_NAMES,
    SECTION_STRINGS,
    SECTION_CODE,
    SECTION_DYNAMIC,
    SECTION_DATA,
    SECTION_SECTION_NAMES,
    SECTIONS
};

extern const char *const stub_section_names[SECTIONS];

struct definition {
    const char *name;
    uint32_t hash;   /* GNU's */
    uint32_t bucket; /* of GNU's table */
    uint32_t string; /* its name's offset in the strings */
    uint32_t place;  /* index of the function; for the struct stub: how many functions there are */
};

/* Offsets in the file, which are also the addresses in the object. */
struct layout {
    size_t function_count, symbol_count, bucket_count, bloom_count;
    size_t symbols, strings, strings_end, gnu_hash, sysv_hash, relocations, names, read_end;
    size_t code, first, code_end; /* first: where records point that are not bound */
    size_t dynamic, stub, imports, records, data_end;
    size_t section_names, sections, end;
};

struct image {
    struct layout layout;
    struct definition *definitions; /* function_count + 1 */
    uint32_t soname;                /* offset in the strings */
    uint32_t slow, dlsym;
    uint32_t specs;
    const char *spec_list; /* struct stub's specs */
    uint64_t hash;
    uint8_t *bytes;
};

/* Writes every part into `bytes`, which are zeroed and as many as layout.end.  The definitions are sorted by bucket. */
void stub_image_fill(struct image *image);

#endif
