/* One directory after the other, as the loader goes through them; a file counts when it is an ELF file of our kind. */
#include "preload/command/library_search.h"

#include "preload/command/loader_cache.h"
#include "spec/base/file.h"
#include "spec/base/own.h"
#include "spec/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#define TRIPLET  "x86_64-linux-gnu"
#define PLATFORM "x86_64"
#elif defined(__aarch64__)
#define TRIPLET  "aarch64-linux-gnu"
#define PLATFORM "aarch64"
#else
#define TRIPLET  "none"
#define PLATFORM "none"
#endif

enum { CACHE_MOST = 64 << 20, PATH_FILE_MOST = 1 << 20 };

static const char glibc_directories[] = "/lib/" TRIPLET ":/usr/lib/" TRIPLET ":/lib64:/usr/lib64:/lib:/usr/lib";
static const char musl_directories[] = "/lib:/usr/local/lib:/usr/lib";

enum libc libc_of(const char *interpreter)
{
    const char *slash = interpreter ? strrchr(interpreter, '/') : NULL;
    const char *name = slash ? slash + 1 : interpreter;

    if (!name)
        return LIBC_NONE;
    if (strncmp(name, "ld-musl-", 8) == 0)
        return LIBC_MUSL;
    return strncmp(name, "ld-linux", 8) == 0 || strncmp(name, "ld.so", 5) == 0 || strncmp(name, "ld64.so", 7) == 0
               ? LIBC_GLIBC
               : LIBC_OTHER;
}

const char *libc_name(enum libc libc)
{
    static const char *const names[] = {"none", "glibc", "musl", "other"};

    return names[libc];
}

/* "/lib/ld-musl-x86_64.so.1" reads /etc/ld-musl-x86_64.path; one under a prefix reads that prefix's. */
static char *read_musl_path(const char *loader)
{
    const char *slash = strrchr(loader, '/'), *dot = slash ? strchr(slash, '.') : NULL;
    size_t prefix = 0, size;
    AUTO_FREE char *path = NULL;
    char *text = NULL;

    if (!dot)
        return NULL;
    for (const char *at = loader; at < slash; at++)
        prefix = *at == '/' ? (size_t)(at - loader) : prefix;
    if (asprintf(&path, "%.*s/etc/%.*s.path", (int)prefix, loader, (int)(dot - slash - 1), slash + 1) < 0) {
        path = NULL;
        return NULL;
    }
    return file_read(path, PATH_FILE_MOST, &text, &size) == 0 ? text : NULL;
}

void library_search_init(struct library_search *search, const char *interpreter, const char *library_path)
{
    *search =
        (struct library_search){.libc = libc_of(interpreter), .loader = interpreter, .library_path = library_path};
    if (search->libc == LIBC_MUSL)
        search->directories = read_musl_path(interpreter);
    else if (file_read("/etc/ld.so.cache", CACHE_MOST, &search->cache, &search->cache_size))
        search->cache = NULL;
}

void library_search_finish(struct library_search *search)
{
    free(search->cache);
    free(search->directories);
    *search = (struct library_search){0};
}

/* The path itself, malloc'ed, when the loader would take what lies there. */
static char *accept(char *path)
{
    struct elf_file file;
    bool fits;

    if (!path || elf_file_open(&file, path)) {
        free(path);
        return NULL;
    }
    fits = elf_file_fits_us(&file) && file.has_dynamic;
    elf_file_close(&file);
    if (fits)
        return path;
    free(path);
    return NULL;
}

static bool take_token(const char **at, const char *end, const char *token)
{
    size_t size = strlen(token);
    bool has_braces = *at + 1 < end && (*at)[1] == '{';
    const char *name = *at + 1 + has_braces;

    if ((size_t)(end - name) < size + has_braces || strncmp(name, token, size) != 0 ||
        (has_braces && name[size] != '}'))
        return false;
    *at = name + size + has_braces;
    return true;
}

/* $ORIGIN, $LIB and $PLATFORM in one entry of a list. */
static void expand(struct text *out, const char *entry, size_t size, const char *origin)
{
    const char *end = entry + size;

    while (entry < end) {
        const char *slash = strrchr(origin, '/');

        if (*entry == '$' && take_token(&entry, end, "ORIGIN"))
            text_format(out, "%.*s", slash ? (int)(slash - origin) : 1, slash ? origin : ".");
        else if (*entry == '$' && take_token(&entry, end, "LIB"))
            text_add(out, "lib/" TRIPLET);
        else if (*entry == '$' && take_token(&entry, end, "PLATFORM"))
            text_add(out, PLATFORM);
        else
            text_add_bytes(out, entry++, 1);
    }
}

static char *find_in_directory(const char *entry, size_t size, const char *name, const char *origin)
{
    AUTO_TEXT struct text path = {0};

    expand(&path, entry, size, origin);
    text_format(&path, "%s%s", path.size ? "/" : "", name);
    return path.failed ? NULL : accept(strdup(path.data));
}

/* `separators`: between the entries; an empty entry is the current directory, at the end of a list too. */
static char *find_in_list(const char *list, const char *separators, const char *name, const char *origin)
{
    char *found = NULL;

    while (list && *list && !found) {
        size_t size = strcspn(list, separators);

        found = find_in_directory(list, size, name, origin);
        list += size + (list[size] != '\0');
    }
    return found;
}

static char *find_in_cache(const struct library_search *search, const char *name)
{
    const char *path;
    char *found = NULL;

    for (size_t i = 0; !found && (path = loader_cache_find(search->cache, search->cache_size, name, i)); i++)
        found = accept(strdup(path));
    return found;
}

static char *find_for_glibc(const struct library_search *search, const char *name, const struct library_asker *asker)
{
    const struct elf_file *file = asker->file;
    char *found = NULL;

    for (const struct library_asker *at = asker; !file->runpath && at && !found; at = at->outer)
        if (!at->file->runpath)
            found = find_in_list(at->file->rpath, ":", name, at->path);
    if (!found)
        found = find_in_list(search->library_path, ":;", name, asker->path);
    if (!found)
        found = find_in_list(file->runpath, ":", name, asker->path);
    if (!found && search->cache && !file->skips_system)
        found = find_in_cache(search, name);
    if (!found && !file->skips_system)
        found = find_in_list(glibc_directories, ":", name, asker->path);
    return found;
}

static char *find_for_musl(const struct library_search *search, const char *name, const struct library_asker *asker)
{
    char *found = find_in_list(search->library_path, ":\n", name, asker->path);

    for (const struct library_asker *at = asker; at && !found; at = at->outer)
        found = find_in_list(at->file->runpath ? at->file->runpath : at->file->rpath, ":\n", name, at->path);
    if (!found)
        found = find_in_list(search->directories ? search->directories : musl_directories, ":\n", name, asker->path);
    return found;
}

bool library_is_musl_itself(const char *name)
{
    static const char *const parts[] = {"c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet."};

    if (strncmp(name, "lib", 3) != 0)
        return false;
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (strncmp(name + 3, parts[i], strlen(parts[i])) == 0)
            return true;
    return false;
}

char *library_search_find(const struct library_search *search, const char *name, const struct library_asker *asker)
{
    if (search->libc == LIBC_MUSL && library_is_musl_itself(name))
        return accept(strdup(search->loader));
    if (strchr(name, '/'))
        return find_in_directory("", 0, name, asker->path);
    return search->libc == LIBC_MUSL ? find_for_musl(search, name, asker) : find_for_glibc(search, name, asker);
}
