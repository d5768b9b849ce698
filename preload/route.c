/* Routes: a list of PATTERN=MODE over the names of functions, patterns as the shell's. */
#include "preload/route.h"

#include "preload/core.h"
#include "spec/base/log.h"
#include "spec/base/own.h"

#include <errno.h>
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

/* `firsts` has room for the first member of each family of a table, whose rows begin at `start`. */
static void mend_table(struct core *core, const struct table *table, size_t start, const struct binding **firsts)
{
    memset(firsts, 0, (table->row_count + 1) * sizeof(*firsts));
    for (size_t i = start; i < start + table->row_count; i++) {
        const struct binding *one = &core->bindings[i];
        const struct binding **first = &firsts[one->row->family];

        if (one->row->family == 0)
            continue;
        if (!*first)
            *first = one;
        else if ((*first)->mode != one->mode)
            mend_family(core, *first, one);
    }
}

/* Without memory for it no route is taken: a family that is split would see handles of the other side. */
static void mend_families(struct core *core)
{
    AUTO_FREE const struct binding **firsts = calloc(core->catalog.row_count + 1, sizeof(*firsts));
    size_t start = 0;

    if (!firsts) {
        log_error("WINAPI_ROUTE: %s; it is left out", strerror(ENOMEM));
        (void)route_matching(core, "*", core->settings.mode);
        return;
    }
    for (size_t t = 0; t < core->catalog.table_count; t++) {
        mend_table(core, core->catalog.tables[t], start, firsts);
        start += core->catalog.tables[t]->row_count;
    }
}

void route_apply(struct core *core)
{
    const char *entry = core->settings.route;

    if (!entry)
        return;
    while (*entry) {
        size_t size = strcspn(entry, ",");

        if (size)
            apply_entry(core, entry, size);
        entry += size + (entry[size] == ',');
    }
    mend_families(core);
}
