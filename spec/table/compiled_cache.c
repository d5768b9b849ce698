/* The rules of the places are the stubs': spec/base/cache_place.h. */
#include "spec/table/compiled_cache.h"

#include "spec/base/file.h"
#include "spec/base/hash.h"
#include "spec/base/own.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint64_t name_of(const struct compiled_key *key)
{
    uint64_t sum = compiled_build();

    for (size_t i = 0; i < key->paths->count; i++)
        sum = hash_bytes(key->paths->paths[i], strlen(key->paths->paths[i]) + 1, sum);
    return sum;
}

static uint64_t contents_of(const struct compiled_key *key)
{
    const uint64_t both[] = {key->winapi, key->contents};

    return hash_bytes(both, sizeof(both), 0);
}

static char *path_in(const char *directory, const struct compiled_key *key)
{
    char *path;

    return asprintf(&path, "%s/tables-%016" PRIx64, directory, name_of(key)) < 0 ? NULL : path;
}

bool compiled_cache_find(struct compiled *compiled, const struct compiled_key *key, cache_variable *variable)
{
    bool is_wanted = key->is_known && key->paths->count > 0, is_found = false;

    for (int place = 0; is_wanted && place < CACHE_PLACES && !is_found; place++) {
        AUTO_FREE char *directory = cache_place(place, variable);
        AUTO_FREE char *path = directory && !cache_place_reject(directory) ? path_in(directory, key) : NULL;

        is_found = path && compiled_map(compiled, path, contents_of(key)) == 0;
    }
    return is_found;
}

static void take_contents(struct compiled_key *key)
{
    const char *bad;

    key->contents = 0;
    key->is_known = spec_paths_hash(key->paths, &key->contents, &bad) == 0;
}

bool compiled_cache_open(struct catalog *catalog, struct compiled_key *key, cache_variable *variable)
{
    struct compiled compiled = {0};
    const char *bad;

    take_contents(key);
    if (compiled_cache_find(&compiled, key, variable) && compiled_open(&compiled, catalog) == 0)
        return true;
    if (spec_paths_read(key->paths, &bad))
        key->is_known = false;
    else
        take_contents(key);
    return false;
}

static bool keep_in(const char *directory, const struct compiled_key *key, const void *bytes, size_t size)
{
    AUTO_FREE char *path = cache_place_prepare(directory) ? NULL : path_in(directory, key);

    return path && file_replace(path, bytes, size, 0644) == 0;
}

void compiled_cache_keep(const struct catalog *catalog, const struct compiled_key *key, cache_variable *variable)
{
    AUTO_FREE uint8_t *bytes = NULL;
    size_t size;
    bool is_kept = false;

    if (!key->is_known || key->paths->count == 0 || compiled_make(catalog, contents_of(key), &bytes, &size))
        return;
    for (int place = 0; place < CACHE_PLACES && !is_kept; place++) {
        AUTO_FREE char *directory = cache_place(place, variable);

        is_kept = directory && keep_in(directory, key, bytes, size);
    }
}
