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

/* Which one. */
struct compiled_key {
    struct spec_paths *paths;
    uint64_t first;    /* a hash of what the catalog has before the spec files; 0: nothing */
    uint64_t contents; /* spec_paths_hash() of those */
    bool is_known;     /* both are */
};

/* Maps the one that fits, for compiled_open(); false: there is none. */
bool compiled_cache_find(struct compiled *compiled, const struct compiled_key *key, cache_variable *variable);

/*
 * Fills the empty catalog with all of the tables; false: they have to be read from the paths' texts, which are there
 * now if they can be.  The key needs its paths and what comes first, and has the rest then: of those texts, whatever
 * the files were a moment before.
 */
bool compiled_cache_open(struct catalog *catalog, struct compiled_key *key, cache_variable *variable);

/* Puts the catalog, which has all that the key says, into the first place that takes it. */
void compiled_cache_keep(const struct catalog *catalog, const struct compiled_key *key, cache_variable *variable);

#endif
