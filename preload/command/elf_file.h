/*
 * A program or library as a file: what the loader would read of it, without loading it.
 *
 * The bytes are hostile: each table is looked for through the program headers, as the loader does, and each read is
 * checked against the file's size.  Section headers serve only for the names of what was not exported (.symtab).  What
 * makes no sense is as if it were not there.  Texts point into the file and live until elf_file_close().
 */
#ifndef WINAPI_PRELOAD_COMMAND_ELF_FILE_H
#define WINAPI_PRELOAD_COMMAND_ELF_FILE_H

#include "spec/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stretch of the file. */
struct elf_span {
    size_t offset, size; /* bytes; size 0: it is not there */
};

/* What the relocations of an object ask for a symbol. */
enum { ELF_CALLED = 1, ELF_ADDRESS_TAKEN = 2 };

struct elf_file {
    const uint8_t *bytes;
    size_t size;
    bool is_mapped;

    unsigned type, machine; /* e_type, e_machine */
    bool is_64;             /* else nothing below is read */
    size_t header_count;    /* program headers */
    size_t headers;         /* where they begin */

    const char *interpreter, *soname, *rpath, *runpath; /* NULL: none */
    bool has_dynamic;
    bool is_pie;       /* DF_1_PIE */
    bool is_symbolic;  /* DT_SYMBOLIC, DF_SYMBOLIC */
    bool binds_now;    /* DT_BIND_NOW, DF_BIND_NOW, DF_1_NOW */
    bool skips_system; /* DF_1_NODEFLIB: no library from the cache or the default directories */
    bool is_go;        /* has a note of Go's linker */

    struct elf_span relocations;                         /* those of data */
    struct elf_span dynamic, symbols, strings, versions; /* of the dynamic linker's table */
    struct elf_span local_symbols, local_strings;        /* .symtab; not in a stripped file */
    size_t symbol_count;                                 /* in `symbols` */
    uint8_t *relocated;                                  /* by index of `symbols`: ELF_CALLED, ELF_ADDRESS_TAKEN */
    size_t dropped_calls;                                /* PLT slots whose relocation the link editor has voided */
};

struct elf_symbol {
    const char *name;
    uint64_t value;
    unsigned binding, visibility, type; /* STB_, STV_, STT_ */
    bool is_defined;
    bool is_function;       /* a function, or of a kind that could be one */
    bool is_hidden_version; /* an old version: only references that name it reach it */
    unsigned relocated;     /* of the dynamic table only */
};

/*
 * Maps the file and reads its headers.  -ENOEXEC: it is no ELF file; -EINVAL: it is one, but is cut off or makes no
 * sense; what open, fstat and mmap say; -ENOMEM.  The struct is then closed.
 */
MUST_CHECK int elf_file_open(struct elf_file *file, const char *path);

/* The same of bytes in memory, which outlive it. */
MUST_CHECK int elf_file_parse(struct elf_file *file, const void *bytes, size_t size);

void elf_file_close(struct elf_file *file);

/* The name in the `index`-th DT_NEEDED; NULL behind the last. */
const char *elf_file_needed(const struct elf_file *file, size_t index);

/* Calls `visit` with each named symbol of the dynamic table, or of .symtab; a result other than 0 ends it and is given.
 */
int elf_file_each_symbol(const struct elf_file *file, int (*visit)(const struct elf_symbol *symbol, void *context),
                         void *context);
int elf_file_each_local(const struct elf_file *file, int (*visit)(const struct elf_symbol *symbol, void *context),
                        void *context);

/*
 * Calls `visit` with the target of what looks like a direct call or jump, at any byte of the executable segments: a
 * target that is met is almost certainly one that is called.  False: this machine's code cannot be read.
 */
bool elf_file_each_call(const struct elf_file *file, void (*visit)(uint64_t target, void *context), void *context);

/* Calls `visit` with each text of the file that could be a name in C and is not in the dynamic linker's strings. */
void elf_file_each_word(const struct elf_file *file, void (*visit)(const char *word, void *context), void *context);

/* The text that the pointer at this address leads to, once the loader has relocated it; NULL: none. */
const char *elf_file_pointed_text(const struct elf_file *file, uint64_t address);

/* "x86-64", "aarch64", "i386" ...; "machine 243" is told by the number alone, so NULL for those. */
const char *elf_machine_name(unsigned machine);

/* Whether programs for this machine can be run with this build of winapi. */
bool elf_file_fits_us(const struct elf_file *file);

#endif
