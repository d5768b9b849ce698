/* The list is gone through twice, entry by entry: what stays in front, then the rest. */
#include "preload/loader/preload_list.h"

#include "spec/base/text.h"

#include <stdbool.h>
#include <string.h>

#define SEPARATORS ": \t\n\v\f\r"

struct entry {
    const char *path; /* not NUL-terminated */
    size_t size;
    const char *name; /* behind its last slash */
    size_t name_size;
};

/* The entry at or behind *at, which moves on.  An empty one ends the list. */
static struct entry next_entry(const char **at)
{
    struct entry entry = {.path = *at + strspn(*at, SEPARATORS)};
    const char *slash;

    entry.size = strcspn(entry.path, SEPARATORS);
    slash = memrchr(entry.path, '/', entry.size);
    entry.name = slash ? slash + 1 : entry.path;
    entry.name_size = (size_t)(entry.path + entry.size - entry.name);
    *at = entry.path + entry.size;
    return entry;
}

static bool name_starts_with(const struct entry *entry, const char *start)
{
    return entry->name_size >= strlen(start) && memcmp(entry->name, start, strlen(start)) == 0;
}

static bool is_sanitizer(const struct entry *entry)
{
    return name_starts_with(entry, "libasan.so") || name_starts_with(entry, "libtsan.so") ||
           name_starts_with(entry, "libclang_rt.asan") || name_starts_with(entry, "libclang_rt.tsan");
}

bool preload_list_must_be_first(const char *path)
{
    struct entry entry = next_entry(&path);

    return name_starts_with(&entry, "libasan.so") || name_starts_with(&entry, "libclang_rt.asan");
}

/* "stub-0123456789abcdef.so" */
static bool is_cached_stub(const struct entry *entry)
{
    return name_starts_with(entry, "stub-") && entry->name_size == strlen("stub-0123456789abcdef.so") &&
           strspn(entry->name + 5, "0123456789abcdef") == 16 && memcmp(entry->name + 21, ".so", 3) == 0;
}

static bool is_core(const struct entry *entry)
{
    return name_starts_with(entry, "libwinapi_preload.so");
}

static bool is_replaced(const struct entry *entry, const char *stub, const char *core)
{
    return (stub && entry->size == strlen(stub) && memcmp(entry->path, stub, entry->size) == 0) ||
           is_cached_stub(entry) || (core && is_core(entry));
}

static void add_entry(struct text *text, const char *path, size_t size)
{
    if (text->size)
        text_add(text, ":");
    text_add_bytes(text, path, size);
}

/* Where the core is in the list already, the stub joins it: what the user has put in front of us stays there. */
static const char *find_core(const char *list)
{
    struct entry entry;

    for (entry = next_entry(&list); entry.size; entry = next_entry(&list)) {
        if (is_core(&entry))
            return entry.path;
    }
    return NULL;
}

static bool is_in_front(const struct entry *entry, const char *ours)
{
    return is_sanitizer(entry) || (ours && entry->path < ours);
}

char *preload_list_add(const char *list, const char *stub, const char *core)
{
    const char *at, *ours = !core && list ? find_core(list) : NULL;
    struct text text = {0};
    struct entry entry;

    if (!list)
        list = "";
    for (at = list, entry = next_entry(&at); entry.size; entry = next_entry(&at)) {
        if (is_in_front(&entry, ours) && !is_replaced(&entry, stub, core))
            add_entry(&text, entry.path, entry.size);
    }
    if (stub)
        add_entry(&text, stub, strlen(stub));
    if (core)
        add_entry(&text, core, strlen(core));
    for (at = list, entry = next_entry(&at); entry.size; entry = next_entry(&at)) {
        if (!is_in_front(&entry, ours) && !is_replaced(&entry, stub, core))
            add_entry(&text, entry.path, entry.size);
    }
    text_add(&text, "");
    if (text.failed)
        text_finish(&text);
    return text.data;
}
