/*
 * Compiled catalogs in the cache, one for each list of spec files: found at a program's start, and written by the first
 * that had to read the text.  Everything here is silent: without it there is only more to do.
 *
 * A file is named by the paths of its spec files and holds a hash of their contents, so one that was changed replaces
 * the old one, and nothing piles up.
 */
#ifndef WINAPI_SPEC_TABLE_COMPILED_CACHE_H
#define WINAPI_SPEC_TABLE_COMPILED_CACHE_H

#include "spec/base/cache_place.h"
#include "spec/table/catalog.h"
#include "spec/table/spec_path.h"

#include <stdbool.h>
#include <stdint.h>

/* Which one.  The guest's, the command's and the host's of the same spec files are the same. */
struct compiled_key {
    struct spec_paths *paths; /* of the spec files, without the winapi table's */
    uint64_t winapi;          /* a hash of that one's text: it comes first in the catalog */
    uint64_t contents;        /* spec_paths_hash() of the others */
    bool is_known;            /* whether all could be read */
};

/* Maps the one that fits, for compiled_open(); false: there is none, as where there are no spec files. */
bool compiled_cache_find(struct compiled *compiled, const struct compiled_key *key, cache_variable *variable);

/*
 * Fills the empty catalog with all of the tables; false: they have to be read from the paths' texts, which are there
 * now if they can be.  The key needs its paths and the winapi table's hash, and has the rest then: of those texts,
 * whatever the files were a moment before.
 */
bool compiled_cache_open(struct catalog *catalog, struct compiled_key *key, cache_variable *variable);

/* Puts the catalog, which has all that the key says, into the first place that takes it. */
void compiled_cache_keep(const struct catalog *catalog, const struct compiled_key *key, cache_variable *variable);

#endif
