/*
 * What the loader would load for a program, in the order in which it looks symbols up: the program, LD_PRELOAD, then
 * what these need, breadth first.  Our own library and stubs in LD_PRELOAD are left out: where they would stand is
 * known.
 */
#ifndef WINAPI_PRELOAD_COMMAND_LOAD_LIST_H
#define WINAPI_PRELOAD_COMMAND_LOAD_LIST_H

#include "preload/command/elf_file.h"
#include "preload/command/library_search.h"
#include "spec/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct load_object {
    char *name;       /* as it is asked for */
    char *path;       /* NULL: it would not be found */
    size_t needed_by; /* index; of the program itself 0 */
    bool is_preloaded;
    dev_t device;
    ino_t inode;
    struct elf_file file; /* open when path is not NULL */
};

struct load_list {
    struct load_object *objects; /* the first is the program */
    size_t count;
    struct library_search search;
};

/*
 * `program` is the path of a dynamic program of our kind of machine.  `preload`: LD_PRELOAD's value or NULL;
 * `library_path`: LD_LIBRARY_PATH's.  -ENOMEM, and what elf_file_open() says of the program.
 */
MUST_CHECK int load_list_init(struct load_list *list, const char *program, const char *preload,
                              const char *library_path);

/* A zeroed list may be finished too. */
void load_list_finish(struct load_list *list);

#endif
