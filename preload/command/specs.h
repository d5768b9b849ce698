/* Spec files as the subcommands that use them take them. */
#ifndef WINAPI_PRELOAD_COMMAND_SPECS_H
#define WINAPI_PRELOAD_COMMAND_SPECS_H

#include "spec/base/error.h"
#include "spec/table/catalog.h"
#include "spec/table/spec_path.h"

#include <stdint.h>

struct specs {
    struct spec_paths paths;
    struct catalog catalog; /* also has the winapi table, where its spec file is installed */
    uint64_t hash;          /* stub_file_hash() of them */
    char *shipped;          /* the directory of the shipped spec files, or NULL */
};

/* Finds the shipped ones.  A zeroed struct may be finished too. */
void specs_init(struct specs *specs);
void specs_finish(struct specs *specs);

/* Each adds to `paths`; what is wrong is said on stderr.  Errors: what spec_paths_* say. */
MUST_CHECK int specs_add(struct specs *specs, const char *entry);
MUST_CHECK int specs_add_list(struct specs *specs, const char *list);
MUST_CHECK int specs_add_user(struct specs *specs);

/* Reads all of them; prints every diagnostic.  -EINVAL when there was one. */
MUST_CHECK int specs_read(struct specs *specs);

#endif
