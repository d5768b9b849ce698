/* Breadth first needs no queue: the list itself is one. */
#include "preload/command/load_list.h"

#include "preload/stub/record.h"
#include "spec/base/own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { OBJECTS_MOST = 4096, CHAIN_MOST = 64 };

#define PRELOAD_NAME "libwinapi_preload.so"

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* The loader takes what it has already: by name, by SONAME (glibc), or because it is the same file. */
static bool is_loaded(const struct load_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct load_object *object = &list->objects[i];

        if (strcmp(object->name, name) == 0)
            return true;
        if (object->path && object->file.soname && list->search.libc != LIBC_MUSL &&
            strcmp(object->file.soname, name) == 0)
            return true;
    }
    return false;
}

static bool has_file(const struct load_list *list, const struct stat *status)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->objects[i].path && list->objects[i].device == status->st_dev &&
            list->objects[i].inode == status->st_ino)
            return true;
    return false;
}

/* Takes `path` over.  It becomes one that is missing when it is NULL or cannot be read. */
static int append(struct load_list *list, const char *name, char *path, size_t needed_by)
{
    struct load_object object = {.name = strdup(name), .needed_by = needed_by};
    struct stat status = {0};
    struct load_object *objects;

    if (path && (stat(path, &status) < 0 || has_file(list, &status) || elf_file_open(&object.file, path))) {
        bool is_double = has_file(list, &status);

        free(path);
        path = NULL;
        if (is_double) {
            free(object.name);
            return 0;
        }
    }
    objects = realloc(list->objects, (list->count + 1) * sizeof(*objects));
    if (objects)
        list->objects = objects;
    if (!objects || !object.name) {
        if (path)
            elf_file_close(&object.file);
        free(path);
        free(object.name);
        return -ENOMEM;
    }
    object.path = path;
    object.device = status.st_dev;
    object.inode = status.st_ino;
    list->objects[list->count++] = object;
    return 0;
}

/* The chain of askers from this object up to the program. */
static char *find(const struct load_list *list, const char *name, size_t needed_by)
{
    struct library_asker chain[CHAIN_MOST];
    size_t depth = 0, at = needed_by;

    for (;;) {
        chain[depth] = (struct library_asker){.file = &list->objects[at].file, .path = list->objects[at].path};
        if (depth)
            chain[depth - 1].outer = &chain[depth];
        depth++;
        if (at == 0 || depth == CHAIN_MOST)
            break;
        at = list->objects[at].needed_by;
    }
    return library_search_find(&list->search, name, &chain[0]);
}

static int find_marker(const struct elf_symbol *symbol, void *context)
{
    (void)context;
    return symbol->is_defined &&
           (strcmp(symbol->name, STUB_SYMBOL) == 0 || strcmp(symbol->name, STUB_SLOW_SYMBOL) == 0);
}

static bool is_ours(const char *name, const char *path)
{
    struct elf_file file;
    bool found;

    if (strcmp(last_part(name), PRELOAD_NAME) == 0)
        return true;
    if (!path || elf_file_open(&file, path))
        return false;
    found = elf_file_each_symbol(&file, find_marker, NULL) != 0;
    elf_file_close(&file);
    return found;
}

/* One that is not there is ignored by the loader. */
static int add_preloaded(struct load_list *list, const char *entry)
{
    char *path = find(list, entry, 0);
    size_t before = list->count;
    int error;

    if (!path || is_ours(entry, path)) {
        free(path);
        return 0;
    }
    error = append(list, entry, path, 0);
    if (list->count > before)
        list->objects[before].is_preloaded = true;
    return error;
}

static int add_preload_list(struct load_list *list, const char *preload)
{
    AUTO_FREE char *copy = preload ? strdup(preload) : NULL;
    char *entry, *rest = copy;
    int error = 0;

    while (!error && rest && (entry = strsep(&rest, ": \t\n")))
        if (*entry)
            error = add_preloaded(list, entry);
    return error;
}

static int add_needed(struct load_list *list, size_t index)
{
    const char *name;
    int error = 0;

    for (size_t i = 0; !error && (name = elf_file_needed(&list->objects[index].file, i)); i++) {
        if (is_loaded(list, name))
            continue;
        if (list->count == OBJECTS_MOST)
            return -E2BIG;
        error = append(list, name, find(list, name, index), index);
    }
    return error;
}

int load_list_init(struct load_list *list, const char *program, const char *preload, const char *library_path)
{
    char *path = realpath(program, NULL); /* which is what $ORIGIN counts from */
    int error;

    *list = (struct load_list){0};
    error = path ? append(list, program, path, 0) : -errno;
    if (!error && !list->objects[0].path)
        error = -ENOEXEC;
    if (!error) {
        library_search_init(&list->search, list->objects[0].file.interpreter, library_path);
        error = add_preload_list(list, preload);
    }
    for (size_t i = 0; !error && i < list->count; i++)
        if (list->objects[i].path)
            error = add_needed(list, i);
    if (error)
        load_list_finish(list);
    return error;
}

void load_list_finish(struct load_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->objects[i].path)
            elf_file_close(&list->objects[i].file);
        free(list->objects[i].name);
        free(list->objects[i].path);
    }
    free(list->objects);
    library_search_finish(&list->search);
    *list = (struct load_list){0};
}
