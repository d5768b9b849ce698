/* Older files begin with a list in an older form, behind which, aligned to 8, lies the one that is read here. */
#include "preload/command/loader_cache.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define OLD_MAGIC "ld.so-1.7.0"
#define NEW_MAGIC "glibc-ld.so.cache1.1"

enum { OLD_HEADER = 16, OLD_ENTRY = 12, HEADER = 48, ENTRY = 24, NAME_AT = 4, PATH_AT = 8 };

struct cache {
    const uint8_t *bytes;
    size_t size;
};

static bool read_number(const struct cache *cache, size_t offset, uint32_t *number)
{
    if (offset > cache->size || sizeof(*number) > cache->size - offset)
        return false;
    memcpy(number, cache->bytes + offset, sizeof(*number));
    return true;
}

static const char *text_at(const struct cache *cache, size_t offset)
{
    uint32_t at;

    if (!read_number(cache, offset, &at) || at >= cache->size)
        return NULL;
    return memchr(cache->bytes + at, '\0', cache->size - at) ? (const char *)cache->bytes + at : NULL;
}

static bool starts_with(const struct cache *cache, const char *magic)
{
    return cache->size > strlen(magic) && memcmp(cache->bytes, magic, strlen(magic)) == 0;
}

static void skip_old_list(struct cache *cache)
{
    uint32_t count;
    size_t end;

    if (!starts_with(cache, OLD_MAGIC) || !read_number(cache, OLD_HEADER - 4, &count))
        return;
    end = (OLD_HEADER + (size_t)count * OLD_ENTRY + 7) / 8 * 8;
    end = end < cache->size ? end : cache->size;
    cache->bytes += end;
    cache->size -= end;
}

const char *loader_cache_find(const void *bytes, size_t size, const char *name, size_t index)
{
    struct cache cache = {bytes, size};
    uint32_t count;

    skip_old_list(&cache);
    if (!starts_with(&cache, NEW_MAGIC) || !read_number(&cache, strlen(NEW_MAGIC), &count))
        return NULL;
    for (size_t i = 0; i < count && HEADER + (i + 1) * ENTRY <= cache.size; i++) {
        const char *found = text_at(&cache, HEADER + i * ENTRY + NAME_AT);

        if (found && strcmp(found, name) == 0 && index-- == 0)
            return text_at(&cache, HEADER + i * ENTRY + PATH_AT);
    }
    return NULL;
}
