/*
 * Which spec files are active, and where named ones lie.
 *
 * WINAPI_SPEC or --spec: a path (it has a '/' or ends in ".json") or a shipped name ("zlib").  Without either, the
 * user's files in $XDG_CONFIG_HOME/winapi/spec.d (~/.config when that is unset), in the order of their names.  The
 * winapi table is built in and always active.
 */
#ifndef WINAPI_SPEC_TABLE_SPEC_PATH_H
#define WINAPI_SPEC_TABLE_SPEC_PATH_H

#include "spec/base/error.h"

#include <stddef.h>
#include <stdint.h>

/* A file as it was read. */
struct spec_text {
    char *data;
    size_t size;
};

/* Absolute paths, without doubles, in order. */
struct spec_paths {
    char **paths;
    struct spec_text *texts; /* by path; NULL: not read, or forgotten */
    size_t count;
};

/* A zeroed struct is empty and ready. */
void spec_paths_finish(struct spec_paths *paths);

/*
 * Adds one entry.  `shipped` is the directory of the shipped spec files, or NULL.
 * -ENOENT: there is no such file; -EISDIR; -EACCES and the like.
 */
MUST_CHECK int spec_paths_add(struct spec_paths *paths, const char *entry, const char *shipped);

/* Adds the entries of a list like WINAPI_SPEC's, separated by ':'.  On error *bad is the entry at fault, malloc'ed. */
MUST_CHECK int spec_paths_add_list(struct spec_paths *paths, const char *list, const char *shipped, char **bad);

/* Adds the user's own spec files.  A directory that is missing is no error.  `config_home`, `home`: the variables'
 * values, or NULL. */
MUST_CHECK int spec_paths_add_user(struct spec_paths *paths, const char *config_home, const char *home);

/*
 * Reads every file into `texts`, because what is read later may be another or not be there: the process may change
 * its root or its user, or use up its descriptors.  The first that cannot be read is *bad, and none is kept then.
 */
MUST_CHECK int spec_paths_read(struct spec_paths *paths, const char **bad);

/* Of the files' contents, in order, with *hash as the seed: of `texts` where there are any.  *bad as above. */
MUST_CHECK int spec_paths_hash(const struct spec_paths *paths, uint64_t *hash, const char **bad);

/* Takes one out, with its text. */
void spec_paths_drop(struct spec_paths *paths, size_t index);

/* Frees the texts, of which the paths stay. */
void spec_paths_forget_texts(struct spec_paths *paths);

#endif
