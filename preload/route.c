/* Routes: a list of PATTERN=MODE over the names of functions, patterns as the shell's. */
#include "preload/route.h"

#include "preload/core.h"
#include "spec/base/log.h"

#include <fnmatch.h>
#include <string.h>

enum { PATTERN_MOST = 256 };

static size_t route_matching(struct core *core, const char *pattern, enum mode mode)
{
    size_t matched = 0;

    for (size_t i = 0; i < core->catalog.row_count; i++)
        if (fnmatch(pattern, core->bindings[i].row->name, 0) == 0) {
            core->bindings[i].mode = mode;
            matched++;
        }
    return matched;
}

static void apply_entry(struct core *core, const char *entry, size_t size)
{
    const char *equals = memchr(entry, '=', size);
    char pattern[PATTERN_MOST];
    enum mode mode;
    size_t length = equals ? (size_t)(equals - entry) : 0;

    if (!equals || length == 0 || length >= sizeof(pattern) || mode_parse(equals + 1, size - length - 1, &mode)) {
        log_error("WINAPI_ROUTE: \"%.*s\": write FUNCTION=remote, =native or =compare; this entry is left out",
                  (int)size, entry);
        return;
    }
    memcpy(pattern, entry, length);
    pattern[length] = '\0';
    if (route_matching(core, pattern, mode) == 0)
        log_error("WINAPI_ROUTE: \"%s\" is no function of the active tables; this entry is left out", pattern);
}

/* The first other member of the family whose mode is not this one's, or NULL. */
static const struct binding *find_split(const struct core *core, const struct binding *one)
{
    for (size_t i = 0; i < core->catalog.row_count; i++) {
        const struct binding *other = &core->bindings[i];

        if (other->row->table == one->row->table && other->row->family == one->row->family && other->mode != one->mode)
            return other;
    }
    return NULL;
}

static void mend_family(struct core *core, const struct binding *one, const struct binding *other)
{
    unsigned family = one->row->family;
    const struct table *table = one->row->table;

    log_error("WINAPI_ROUTE: %s=%s and %s=%s would split a family: they share a handle type, so route all of them "
              "alike; they stay %s",
              one->row->name, mode_name(one->mode), other->row->name, mode_name(other->mode),
              mode_name(core->settings.mode));
    for (size_t i = 0; i < core->catalog.row_count; i++)
        if (core->bindings[i].row->table == table && core->bindings[i].row->family == family)
            core->bindings[i].mode = core->settings.mode;
}

void route_apply(struct core *core)
{
    const char *entry = core->settings.route;

    while (entry && *entry) {
        size_t size = strcspn(entry, ",");

        if (size)
            apply_entry(core, entry, size);
        entry += size + (entry[size] == ',');
    }
    for (size_t i = 0; i < core->catalog.row_count; i++) {
        const struct binding *other = core->bindings[i].row->family ? find_split(core, &core->bindings[i]) : NULL;

        if (other)
            mend_family(core, &core->bindings[i], other);
    }
}
