/*
 * Where the loader would find a library: ld.so(8), and for musl what its ldso does.
 *
 * glibc: RPATH of who needs it and of those that need that one, unless RUNPATH is there too; LD_LIBRARY_PATH; RUNPATH;
 * the cache; the default directories.  musl: LD_LIBRARY_PATH; RPATH or RUNPATH of who needs it, and so on up; the
 * directories of /etc/ld-musl-ARCH.path, or its default ones.
 */
#ifndef WINAPI_PRELOAD_COMMAND_LIBRARY_SEARCH_H
#define WINAPI_PRELOAD_COMMAND_LIBRARY_SEARCH_H

#include "preload/command/elf_file.h"
#include "spec/base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum libc { LIBC_NONE, LIBC_GLIBC, LIBC_MUSL, LIBC_OTHER };

/* By PT_INTERP; NULL: LIBC_NONE. */
enum libc libc_of(const char *interpreter);
const char *libc_name(enum libc libc);

struct library_search {
    enum libc libc;
    const char *loader;       /* the program's interpreter */
    const char *library_path; /* LD_LIBRARY_PATH, or NULL */
    char *cache;              /* of glibc; NULL: none */
    size_t cache_size;
    char *directories; /* of musl, separated by ':' or line feeds */
};

/* Reads the loader's own files.  `interpreter` lives as long as the search. */
void library_search_init(struct library_search *search, const char *interpreter, const char *library_path);
void library_search_finish(struct library_search *search);

/* Who asks, and who asked for that one. */
struct library_asker {
    const struct elf_file *file;
    const char *path;
    const struct library_asker *outer; /* NULL: this is the program */
};

/* The path, malloc'ed; NULL: it would not be found. */
char *library_search_find(const struct library_search *search, const char *name, const struct library_asker *asker);

/* Whether musl's loader takes a library of this name for itself (libc, libpthread, libm ...). */
bool library_is_musl_itself(const char *name);

#endif
