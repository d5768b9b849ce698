/* A program before it is started: where it is, and whether LD_PRELOAD would reach it. */
#ifndef WINAPI_PRELOAD_COMMAND_PROGRAM_H
#define WINAPI_PRELOAD_COMMAND_PROGRAM_H

#include "spec/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Looks where execvp would.  *path is malloc'ed.  -ENOENT: not there; -EACCES: there, but not to be executed; -ENOMEM.
 */
MUST_CHECK int program_find(const char *name, char **path);

enum { PROGRAM_CHAIN_MOST = 8 };

enum program_kind {
    PROGRAM_UNREADABLE,
    PROGRAM_DYNAMIC,
    PROGRAM_STATIC,
    PROGRAM_STATIC_PIE,
    PROGRAM_LIBRARY, /* a shared object with no interpreter, and not the loader itself */
    PROGRAM_FOREIGN, /* of another machine or word size */
};

/* A program as it would be started: a script leads to its interpreter, and the loader to the program that it is given.
 */
struct program {
    char *chain[PROGRAM_CHAIN_MOST]; /* malloc'ed paths; the last is what is judged */
    size_t chain_count;
    enum program_kind kind; /* of the last */
    bool is_script;         /* the first is one */
    bool has_loader;        /* the dynamic loader was named as a command */
    bool is_go;
    char
        *refusal; /* why the loader would ignore LD_PRELOAD in it, a sentence that names the file; NULL: it would not */
};

/*
 * `path` as program_find() gives it, and the arguments behind it, NULL at their end.  What cannot be read is not
 * refused.
 */
void program_examine(struct program *program, const char *path, char *const *arguments);
void program_finish(struct program *program);

/* The last of the chain. */
const char *program_path(const struct program *program);

const char *program_kind_name(enum program_kind kind);

#endif
